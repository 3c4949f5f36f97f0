"""Everything that a page can ask for, put together once."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from hashlib import sha256
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from redis.asyncio import Redis
from redis.asyncio.retry import Retry
from redis.backoff import ConstantBackoff
from starlette.templating import Jinja2Templates

from share_web import filenames, wording
from share_web.database import Pool, open_pool
from share_web.files import Files
from share_web.jobs import Jobs
from share_web.people import People
from share_web.sessions import Attempts, Sessions
from share_web.settings import Settings
from share_web.store import Store

HERE = Path(__file__).parent


@dataclass(frozen=True, slots=True)
class Services:
    """The parts of a running web service."""

    settings: Settings
    pool: Pool
    redis: Redis
    people: People
    files: Files
    sessions: Sessions
    attempts: Attempts
    jobs: Jobs
    store: Store
    templates: Jinja2Templates


@asynccontextmanager
async def open_services(settings: Settings) -> AsyncIterator[Services]:
    """Opens what needs no answer from anybody, so that web can start before its data stores."""
    store = Store(settings.data_dir)
    store.prepare()
    redis = Redis.from_url(
        settings.redis,
        password=settings.redis_password,
        decode_responses=True,
        socket_timeout=5,
        socket_connect_timeout=3,
        retry=Retry(ConstantBackoff(0.1), 2),
        max_connections=32,
        protocol=2,
    )
    try:
        async with open_pool(settings.database, settings.database_password) as pool:
            yield Services(
                settings=settings,
                pool=pool,
                redis=redis,
                people=People(pool),
                files=Files(pool),
                sessions=Sessions(redis),
                attempts=Attempts(redis),
                jobs=Jobs(redis),
                store=store,
                templates=_templates(),
            )
    finally:
        await redis.aclose()


def _templates() -> Jinja2Templates:
    environment = Environment(
        loader=FileSystemLoader(HERE / "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["size"] = wording.size
    environment.filters["kind"] = filenames.kind
    environment.filters["ago"] = lambda then: wording.ago(then, datetime.now(UTC))
    environment.filters["remaining"] = lambda then: wording.remaining(then - datetime.now(UTC))
    # Browsers keep assets for a year; another release asks for another address.
    content = b"".join(path.read_bytes() for path in sorted((HERE / "static").rglob("*")) if path.is_file())
    environment.globals["assets"] = sha256(content).hexdigest()[:10]
    return Jinja2Templates(env=environment)
