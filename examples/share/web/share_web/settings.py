"""What the web service is told by its environment and its credential files; read once, at start."""

import os
import secrets
from dataclasses import dataclass
from pathlib import Path

_SECRET_BYTES = 32


@dataclass(frozen=True, slots=True)
class Settings:
    """``database`` is a libpq connection string and ``redis`` a URL, both without passwords."""

    database: str
    database_password: str
    redis: str
    redis_password: str
    worker_token: str
    data_dir: Path
    secret: bytes
    max_upload_bytes: int


def read_settings() -> Settings:
    """Reads environment, credentials and the service's own secret, which the first start makes.

    Raises:
        OSError: a credential file is missing or unreadable.
    """
    credentials_dir = Path(os.environ.get("SHARE_CREDENTIALS", "/credentials"))
    data_dir = Path(os.environ.get("SHARE_DATA", "/data/web"))
    return Settings(
        database=os.environ.get("SHARE_DATABASE", "host=db.service dbname=share user=web"),
        database_password=_read(credentials_dir / "web-db/password"),
        redis=os.environ.get("SHARE_REDIS", "redis://web@redis.service:6379/0"),
        redis_password=_read(credentials_dir / "web-redis/password"),
        worker_token=_read(credentials_dir / "worker-web/token"),
        data_dir=data_dir,
        secret=_own_secret(data_dir / "secret"),
        max_upload_bytes=int(os.environ.get("SHARE_MAX_UPLOAD_MB", "2048")) * 1_000_000,
    )


def _read(path: Path) -> str:
    return path.read_text(encoding="ascii").strip()


def _own_secret(path: Path) -> bytes:
    """The key behind share links and form tokens: made once, kept with the data that it protects."""
    try:
        return path.read_bytes()
    except FileNotFoundError:
        fresh_path = path.with_suffix(".new")
        fresh_path.unlink(missing_ok=True)
        with os.fdopen(os.open(fresh_path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
            file.write(secrets.token_bytes(_SECRET_BYTES))
            file.flush()
            os.fsync(file.fileno())
        fresh_path.rename(path)
        return path.read_bytes()
