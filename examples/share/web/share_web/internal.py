"""The worker's door: contents out, thumbnails in. nginx doesn't lead here, and a token is asked for anyway."""

import asyncio
from uuid import UUID

from starlette.requests import Request
from starlette.responses import FileResponse, PlainTextResponse, Response
from starlette.routing import Route

from share_web.services import Services
from share_web.tokens import equal

_MAX_THUMBNAIL_BYTES = 1_000_000


class Contents(FileResponse):
    """A file's bytes in pieces that keep the disk and the loop busy rather than the threads."""

    chunk_size = 512 * 1024


def _refused(request: Request) -> Response | None:
    services: Services = request.app.state.services
    if equal(request.headers.get("authorization", ""), f"Bearer {services.settings.worker_token}"):
        return None
    return PlainTextResponse("a worker's token is needed\n", 401)


async def _content(request: Request) -> Response:
    services: Services = request.app.state.services
    refused = _refused(request)
    if refused is not None:
        return refused
    path = services.store.content_path(request.path_params["file_id"])
    if not path.is_file():
        return PlainTextResponse("no such file\n", 404)
    return Contents(path, media_type="application/octet-stream")


async def _put_thumbnail(request: Request) -> Response:
    services: Services = request.app.state.services
    refused = _refused(request)
    if refused is not None:
        return refused
    file_id: UUID = request.path_params["file_id"]
    if not services.store.content_path(file_id).is_file():
        return PlainTextResponse("no such file\n", 404)
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > _MAX_THUMBNAIL_BYTES:
            return PlainTextResponse("a thumbnail is smaller\n", 413)
    await asyncio.to_thread(_keep, services, file_id, body)
    return Response(status_code=204)


def _keep(services: Services, file_id: UUID, body: bytearray) -> None:
    incoming = services.store.receive()
    try:
        incoming.write(body)
        services.store.keep(incoming, services.store.thumbnail_path(file_id))
    finally:
        incoming.discard()


ROUTES = [
    Route("/internal/files/{file_id:uuid}/content", _content, methods=["GET"]),
    Route("/internal/files/{file_id:uuid}/thumbnail", _put_thumbnail, methods=["PUT"]),
]
