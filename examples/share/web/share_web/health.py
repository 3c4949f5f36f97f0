"""``/health``: whether web can do its work, found out by doing a little of it."""

import asyncio
from collections.abc import Awaitable

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from share_web.services import Services

_LIMIT_S = 4.0


async def _database(services: Services) -> None:
    async with services.pool.connection(timeout=_LIMIT_S) as db:
        await db.execute("SELECT count(*) FROM (SELECT FROM users LIMIT 1) AS one")


async def _redis(services: Services) -> None:
    await services.redis.ping()


async def _storage(services: Services) -> None:
    await asyncio.to_thread(services.store.probe)


async def _verdict(work: Awaitable[None]) -> str:
    try:
        await asyncio.wait_for(work, _LIMIT_S)
    except Exception as error:  # noqa: BLE001 - whatever it is, the answer is that it doesn't work
        return f"broken ({type(error).__name__})"
    return "ok"


async def _health(request: Request) -> Response:
    services: Services = request.app.state.services
    names = ("database", "redis", "storage")
    verdicts = await asyncio.gather(*(_verdict(work(services)) for work in (_database, _redis, _storage)))
    ready = all(verdict == "ok" for verdict in verdicts)
    body = {"ready": ready, "checks": dict(zip(names, verdicts, strict=True))}
    return JSONResponse(body, 200 if ready else 503, {"Cache-Control": "no-store"})


ROUTES = [Route("/health", _health, methods=["GET"])]
