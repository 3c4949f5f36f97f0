"""What the worker is told by its environment and its credential files."""

import os
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Settings:
    """``database`` is a libpq connection string and ``redis`` a URL, both without passwords."""

    database: str
    database_password: str
    redis: str
    redis_password: str
    web_host: str
    web_port: int
    web_token: str


def read_settings() -> Settings:
    """Raises OSError when a credential file is missing or unreadable."""
    credentials_dir = Path(os.environ.get("SHARE_CREDENTIALS", "/credentials"))
    host, _, port = os.environ.get("SHARE_WEB", "web.service:8000").rpartition(":")
    return Settings(
        database=os.environ.get("SHARE_DATABASE", "host=db.service dbname=share user=worker"),
        database_password=_read(credentials_dir / "worker-db/password"),
        redis=os.environ.get("SHARE_REDIS", "redis://worker@redis.service:6379/0"),
        redis_password=_read(credentials_dir / "worker-redis/password"),
        web_host=host,
        web_port=int(port),
        web_token=_read(credentials_dir / "worker-web/token"),
    )


def _read(path: Path) -> str:
    return path.read_text(encoding="ascii").strip()
