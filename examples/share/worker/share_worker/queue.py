"""The reading end of the job queue: a Redis stream in which a job stays until it is finished.

A job that was handed out and never finished, because its worker died, is handed out again. Doing one twice is harmless.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from redis import Redis
from redis.exceptions import ResponseError

STREAM = "jobs"
GROUP = "workers"
_ABANDONED_MS = 60_000
"""A job without an end for this long is taken over; ``Queue.hold`` keeps a long one from looking so."""


@dataclass(frozen=True, slots=True)
class Job:
    """One file to look at; ``entry_id`` is the stream's."""

    entry_id: str
    file_id: UUID


@dataclass(frozen=True, slots=True)
class Queue:
    """Every method raises redis.RedisError when Redis is away."""

    redis: Redis
    consumer: str

    def open(self) -> None:
        """Makes the group, from the stream's beginning, unless there is one."""
        try:
            self.redis.xgroup_create(STREAM, GROUP, id="0", mkstream=True)
        except ResponseError as error:
            if not str(error).startswith("BUSYGROUP"):
                raise

    def take(self, wait_s: float) -> Job | None:
        """An abandoned job, otherwise the next new one, otherwise None after ``wait_s`` seconds."""
        abandoned: Any = self.redis.xautoclaim(STREAM, GROUP, self.consumer, min_idle_time=_ABANDONED_MS, count=1)
        return self._first(abandoned[1]) or self._read(">", int(wait_s * 1000))

    def take_back(self) -> Job | None:
        """A job that this consumer was handed before and didn't finish, perhaps in an earlier life."""
        return self._read("0", None)

    def finish(self, job: Job) -> None:
        self.redis.xack(STREAM, GROUP, job.entry_id)
        self.redis.xdel(STREAM, job.entry_id)

    def hold(self, job: Job) -> None:
        """Says that the job is still being worked on."""
        self.redis.xclaim(STREAM, GROUP, self.consumer, min_idle_time=0, message_ids=[job.entry_id], justid=True)

    def _read(self, after: str, wait_ms: int | None) -> Job | None:
        answer: Any = self.redis.xreadgroup(GROUP, self.consumer, {STREAM: after}, count=1, block=wait_ms)
        # [[stream, entries]] as of RESP2, or nothing.
        return self._first(answer[0][1]) if answer else None

    def _first(self, entries: Sequence[tuple[str, dict[str, str] | None]]) -> Job | None:
        if not entries:
            return None
        entry_id, fields = entries[0]
        try:
            return Job(entry_id, UUID((fields or {})["file"]))
        except (KeyError, ValueError):
            # Nothing that anybody could work on; it must not come back for ever.
            self.finish(Job(entry_id, UUID(int=0)))
            return None
