"""Work for the worker: a Redis stream whose entries stay until the worker says that they are done."""

from dataclasses import dataclass
from uuid import UUID

from redis.asyncio import Redis

STREAM = "jobs"
MAX_JOBS = 100_000
"""Bounds memory when the worker is away for long; what is dropped, the worker finds in the database."""


@dataclass(frozen=True, slots=True)
class Jobs:
    """The writing end of the queue."""

    redis: Redis

    async def examine(self, file_id: UUID) -> None:
        """Asks for the file's checksum and thumbnail. Raises redis.RedisError when Redis is away."""
        await self.redis.xadd(STREAM, {"file": str(file_id)}, maxlen=MAX_JOBS, approximate=True)
