"""The web service as one ASGI application: routes, lifetime, and what people see when something is wrong."""

import asyncio
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import psycopg
from psycopg_pool import PoolTimeout, TooManyRequests
from redis.exceptions import RedisError
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, RedirectResponse, Response
from starlette.routing import Mount
from starlette.staticfiles import StaticFiles
from starlette.types import Scope

from share_web import account_pages, file_pages, health, internal, link_pages, people_pages
from share_web.refusals import RefusalError
from share_web.services import HERE, Services, open_services
from share_web.settings import Settings
from share_web.store import NoSpaceError

log = logging.getLogger("share.web")

_RETRY_SWEEP_S = 10.0


class _Assets(StaticFiles):
    """Files that never change under their address."""

    async def get_response(self, path: str, scope: Scope) -> Response:
        response = await super().get_response(path, scope)
        response.headers["Cache-Control"] = "public, max-age=31536000, immutable"
        return response


def make_app(settings: Settings) -> Starlette:
    """The application; it opens its data stores when it starts to serve, and closes them when it ends."""

    @asynccontextmanager
    async def lifespan(app: Starlette) -> AsyncIterator[None]:
        async with open_services(settings) as services:
            app.state.services = services
            sweep = asyncio.create_task(_remove_orphans(services))
            try:
                yield
            finally:
                sweep.cancel()

    return Starlette(
        routes=[
            *file_pages.ROUTES,
            *link_pages.ROUTES,
            *account_pages.ROUTES,
            *people_pages.ROUTES,
            *internal.ROUTES,
            *health.ROUTES,
            Mount("/static", _Assets(directory=HERE / "static")),
        ],
        exception_handlers={
            RefusalError: _refused,
            NoSpaceError: _no_space,
            HTTPException: _http_error,
            psycopg.OperationalError: _away,
            PoolTimeout: _away,
            TooManyRequests: _away,
            RedisError: _away,
            Exception: _broken,
        },
        lifespan=lifespan,
    )


async def _remove_orphans(services: Services) -> None:
    """Removes contents whose record a power cut took, once the database answers.

    The listing comes first: a file that arrives meanwhile isn't in it.
    """
    contents = await asyncio.to_thread(services.store.contents)
    known = None
    while known is None:
        try:
            known = await services.files.known()
        except psycopg.Error:
            await asyncio.sleep(_RETRY_SWEEP_S)
    orphans = contents - known
    for file_id in orphans:
        await asyncio.to_thread(services.store.remove, file_id)
    if orphans:
        log.info("removed %d contents that belonged to no file", len(orphans))


def _answer(request: Request, status: int, title: str, text: str) -> Response:
    headers = {"Cache-Control": "no-store"} | ({"Retry-After": "10"} if status == 503 else {})
    if "application/json" in request.headers.get("accept", ""):
        return JSONResponse({"title": title, "text": text}, status, headers)
    services: Services = request.app.state.services
    values: dict[str, Any] = {"user": None, "code": status, "title": title, "text": text}
    return services.templates.TemplateResponse(request, "message.html", values, status_code=status, headers=headers)


async def _refused(request: Request, error: Exception) -> Response:
    if not isinstance(error, RefusalError):
        raise error
    if error.location and "application/json" not in request.headers.get("accept", ""):
        return RedirectResponse(error.location, status_code=303, headers={"Cache-Control": "no-store"})
    return _answer(request, error.status, error.title, error.text)


async def _http_error(request: Request, error: Exception) -> Response:
    status = error.status_code if isinstance(error, HTTPException) else 500
    if status == 404:
        return _answer(request, 404, "Nothing here", "The address may be mistyped, or what it led to was removed.")
    return _answer(request, status, "That didn't work", "The request wasn't understood. Go back and try again.")


async def _away(request: Request, error: Exception) -> Response:
    log.warning("%s answered 503: %s", request.method, (str(error) or type(error).__name__).splitlines()[0])
    return _answer(request, 503, "Back in a moment", "A part of Share is restarting. Your files are safe; try again.")


async def _no_space(request: Request, error: Exception) -> Response:
    del error
    return _answer(
        request, 507, "The appliance is full", "There is no room for this file. Delete some, or ask an administrator."
    )


async def _broken(request: Request, error: Exception) -> Response:
    # Starlette raises the error again after this answer, and uvicorn logs it with its traceback.
    del error
    return _answer(request, 500, "Something broke", "This is our mistake, and it has been written to the log.")
