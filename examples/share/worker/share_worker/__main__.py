"""Runs the worker: ``python3 -m share_worker``. One job after the other, and a heartbeat that means something."""

import io
import logging
import signal
import sys
import time
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from types import FrameType

import psycopg
from redis import Redis
from redis.exceptions import RedisError

from share_worker.contents import AbsentError, Contents, DoorError
from share_worker.queue import STREAM, Job, Queue
from share_worker.records import Record, Records
from share_worker.settings import read_settings
from share_worker.thumbnails import MAX_FILE_BYTES, draw

log = logging.getLogger("share.worker")

HEARTBEAT = Path("/tmp/heartbeat")
_BEAT_S = 5.0
_LOOK_AROUND_S = 60.0
_LOST_AFTER = timedelta(minutes=2)
_IMAGES = (".png", ".jpg", ".jpeg", ".gif", ".webp", ".bmp", ".tif", ".tiff")


@dataclass(slots=True)
class Worker:
    """The loop and its three peers."""

    queue: Queue
    records: Records
    contents: Contents
    is_stopping: bool = False
    _beat_at: float = field(default=0.0)
    _looked_at: float = field(default=0.0)

    def run(self) -> None:
        """Works until asked to stop; a peer that is away is waited for, with a growing pause."""
        pause_s = 0.5
        while not self.is_stopping:
            try:
                self._work()
                pause_s = 0.5
            except (RedisError, psycopg.Error, DoorError) as error:
                log.warning("waiting %.1f s: %s", pause_s, (str(error) or type(error).__name__).splitlines()[0])
                time.sleep(pause_s)
                pause_s = min(pause_s * 2, 10.0)

    def _work(self) -> None:
        self.queue.open()
        while not self.is_stopping:
            self._beat(None)
            self._look_around()
            job = self.queue.take_back() or self.queue.take(_BEAT_S)
            if job is not None:
                self._do(job)

    def _do(self, job: Job) -> None:
        record = self.records.waiting(job.file_id)
        if record is not None:
            try:
                self._examine(job, record)
            except AbsentError:
                self.records.mark_failed(record.id, "The content is missing.")
                log.warning("%s: web has no content for it", record.id)
        self.queue.finish(job)

    def _examine(self, job: Job, record: Record) -> None:
        started_at = time.monotonic()
        is_image = record.name.casefold().endswith(_IMAGES) and record.size_bytes <= MAX_FILE_BYTES
        copy = io.BytesIO() if is_image else None
        digest, size_bytes = self.contents.read(record.id, copy, lambda: self._beat(job))
        if size_bytes != record.size_bytes:
            self.records.mark_failed(record.id, "The content is damaged.")
            log.error("%s: has %d bytes, and %d were uploaded", record.id, size_bytes, record.size_bytes)
            return
        webp = None if copy is None else draw(copy)
        if webp is not None:
            self.contents.put_thumbnail(record.id, webp)
        self.records.mark_ready(record.id, digest, has_thumbnail=webp is not None)
        log.info("%s: %d bytes in %.2f s", record.id, size_bytes, time.monotonic() - started_at)

    def _beat(self, job: Job | None) -> None:
        """Touches the heartbeat after both data stores answered, every few seconds at most."""
        now = time.monotonic()
        if now - self._beat_at < _BEAT_S and self._beat_at:
            return
        if job is not None:
            self.queue.hold(job)
        self.queue.redis.xlen(STREAM)
        self.records.ping()
        HEARTBEAT.touch()
        self._beat_at = now

    def _look_around(self) -> None:
        """Queues files whose job was lost: Redis may forget the last second, the database doesn't."""
        now = time.monotonic()
        if now - self._looked_at < _LOOK_AROUND_S and self._looked_at:
            return
        self._looked_at = now
        if self.queue.redis.xlen(STREAM):
            return
        for file_id in self.records.forgotten(_LOST_AFTER):
            self.queue.redis.xadd(STREAM, {"file": str(file_id)})
            log.info("%s: its job was lost, and is queued again", file_id)

    def stop(self, number: int, frame: FrameType | None) -> None:
        """Ends the loop after the current job, or at once while waiting; a cut job is taken up by the next start."""
        del number, frame
        self.is_stopping = True
        raise SystemExit(0)


def main() -> None:
    """Puts the worker together and runs it."""
    logging.basicConfig(format="%(asctime)s %(levelname)s %(name)s: %(message)s", level=logging.INFO, stream=sys.stdout)
    settings = read_settings()
    redis = Redis.from_url(
        settings.redis,
        password=settings.redis_password,
        decode_responses=True,
        socket_timeout=15,
        socket_connect_timeout=3,
        protocol=2,
    )
    worker = Worker(
        Queue(redis, consumer="worker"),
        Records(settings.database, settings.database_password),
        Contents(settings.web_host, settings.web_port, settings.web_token),
    )
    signal.signal(signal.SIGTERM, worker.stop)
    worker.run()


if __name__ == "__main__":
    main()
