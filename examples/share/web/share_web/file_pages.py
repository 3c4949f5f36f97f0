"""A member's files: list, upload, look at, download, share, delete."""

import asyncio
import logging
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import assert_never
from uuid import UUID, uuid4

from python_multipart.exceptions import MultipartParseError
from redis.exceptions import RedisError
from starlette.requests import ClientDisconnect
from starlette.responses import FileResponse, JSONResponse, Response

from share_web import filenames, wording
from share_web.files import File
from share_web.internal import Contents
from share_web.refusals import RefusalError
from share_web.services import Services
from share_web.store import Incoming, NoSpaceError, Store
from share_web.tokens import derive, fingerprint
from share_web.uploads import FieldPart, FileBegins, FileBytes, FileEnds, UploadError, read_parts
from share_web.visit import Visit, action, page, transfer

log = logging.getLogger("share.web")

NOTICES = {
    "deleted": "The file and its links are gone.",
    "uploaded": "Uploaded.",
    "nothing": "Choose a file first.",
    "shared": "Here is the link: whoever has it can download this file.",
    "revoked": "The link no longer works.",
    "password": "Your password is changed. Other devices were logged out.",
    "removed": "The account and its files are gone.",
    "withdrawn": "The invitation no longer works.",
}
LIFETIMES = {"day": timedelta(days=1), "week": timedelta(days=7), "month": timedelta(days=30), "forever": None}


def notice(visit: Visit) -> str:
    """What the action before this page did, in words; nothing that the address could invent."""
    return NOTICES.get(visit.request.query_params.get("notice", ""), "")


def share_token(services: Services, share_id: UUID) -> str:
    """A link's secret part: derived, so that the page can show it again although the database doesn't know it."""
    return derive(services.settings.secret, "share", share_id.hex)


async def _list(visit: Visit) -> Response:
    files = await visit.services.files.of(visit.member.id)
    return visit.page(
        "files.html",
        files=files,
        total_bytes=sum(file.size_bytes for file in files),
        is_waiting=any(file.state == "waiting" for file in files),
        limit_bytes=visit.services.settings.max_upload_bytes,
        notice=notice(visit),
    )


async def _file(visit: Visit) -> File:
    file = await visit.services.files.one_of(visit.member.id, visit.request.path_params["file_id"])
    if file is None:
        raise RefusalError.no_file()
    return file


async def _show(visit: Visit) -> Response:
    file = await _file(visit)
    shares = await visit.services.files.shares_of(file.id)
    links = [(share, f"{visit.base_url}/s/{share_token(visit.services, share.id)}") for share in shares]
    return visit.page("file.html", file=file, links=links, is_waiting=file.state == "waiting", notice=notice(visit))


@dataclass(slots=True)
class _Received:
    """What one form brought so far; everything that isn't recorded yet is discarded when it fails."""

    visit: Visit
    is_trusted: bool = False
    incoming: Incoming | None = None
    name: str = ""
    kept: list[UUID] = field(default_factory=list)

    async def take(self, part: FieldPart | FileBegins | FileBytes | FileEnds) -> None:
        match part:
            case FieldPart("form_token", token):
                self.visit.check_form(token)
                self.is_trusted = True
            case FieldPart():
                pass
            case FileBegins(name):
                if not self.is_trusted:
                    raise RefusalError(403, "Please try again", "The form came without its token.")
                # A form without a chosen file sends one empty, nameless part.
                self.name = name
                self.incoming = await asyncio.to_thread(self._store.receive) if name else None
            case FileBytes(chunk):
                await self._write(chunk)
            case FileEnds():
                await self._keep()
            case _:
                assert_never(part)

    @property
    def _store(self) -> Store:
        return self.visit.services.store

    async def _write(self, chunk: bytes) -> None:
        if self.incoming is None:
            return
        limit_bytes = self.visit.services.settings.max_upload_bytes
        if self.incoming.size_bytes + len(chunk) > limit_bytes:
            raise too_large(limit_bytes)
        if self._store.room_bytes() < len(chunk):
            raise NoSpaceError
        try:
            await asyncio.to_thread(self.incoming.write, chunk)
        except OSError as error:
            raise NoSpaceError from error

    async def _keep(self) -> None:
        if self.incoming is None:
            return
        file_id, incoming = uuid4(), self.incoming
        await asyncio.to_thread(self._store.keep, incoming, self._store.content_path(file_id))
        self.incoming = None
        try:
            await self.visit.services.files.add(
                file_id, self.visit.member.id, filenames.clean(self.name), incoming.size_bytes
            )
        except BaseException:
            await asyncio.to_thread(self._store.remove, file_id)
            raise
        self.kept.append(file_id)
        try:
            await self.visit.services.jobs.examine(file_id)
        except RedisError as error:
            # The worker looks for forgotten files in the database as well.
            log.warning("a job waits for the worker's next look around: %s", type(error).__name__)


def too_large(limit_bytes: int) -> RefusalError:
    return RefusalError(
        413, "This is too large", f"A file may have up to {wording.size(limit_bytes)}; nothing was kept."
    )


async def _upload(visit: Visit) -> Response:
    length_bytes = int(visit.request.headers.get("content-length", "0"))
    limit_bytes = visit.services.settings.max_upload_bytes
    if length_bytes > limit_bytes + 1_000_000:
        raise too_large(limit_bytes)
    if length_bytes > await asyncio.to_thread(visit.services.store.room_bytes):
        raise NoSpaceError
    received = _Received(visit)
    try:
        async for part in read_parts(visit.request.headers.get("content-type", ""), visit.request.stream()):
            await received.take(part)
    except (UploadError, MultipartParseError) as error:
        raise RefusalError(400, "That didn't work", "The upload arrived damaged. Try again.") from error
    except ClientDisconnect:
        log.info("an upload was given up after %d complete files", len(received.kept))
        return Response(status_code=400)
    finally:
        if received.incoming is not None:
            await asyncio.to_thread(received.incoming.discard)
    if "application/json" in visit.request.headers.get("accept", ""):
        return JSONResponse({"files": [str(file_id) for file_id in received.kept]}, 201)
    return visit.to(f"/?notice={'uploaded' if received.kept else 'nothing'}")


def download(services: Services, file: File) -> Response:
    """The file for saving, never for showing: whatever it contains, it can't act as a page of this appliance."""
    path = services.store.content_path(file.id)
    headers = {
        "Content-Disposition": filenames.attachment(file.name),
        "Content-Security-Policy": "sandbox; default-src 'none'",
        "Cache-Control": "private, no-store",
    }
    return Contents(path, media_type="application/octet-stream", headers=headers)


def thumbnail(services: Services, file: File) -> Response:
    """The worker's picture, which it drew itself: nothing of the upload's own bytes is in it."""
    if not file.has_thumbnail:
        raise RefusalError.no_file()
    headers = {"Cache-Control": "private, max-age=86400"}
    return FileResponse(services.store.thumbnail_path(file.id), media_type="image/webp", headers=headers)


async def _download(visit: Visit) -> Response:
    return download(visit.services, await _file(visit))


async def _thumbnail(visit: Visit) -> Response:
    return thumbnail(visit.services, await _file(visit))


async def _ask_delete(visit: Visit) -> Response:
    file = await _file(visit)
    return visit.page(
        "confirm.html",
        title=f"Delete {file.name}?",
        text="The file is removed for good"
        + (f", and its {file.links} link{'s' if file.links > 1 else ''} will stop working." if file.links else "."),
        button="Delete file",
        back=f"/files/{file.id}",
    )


async def _delete(visit: Visit) -> Response:
    file = await _file(visit)
    await visit.services.files.remove(file.owner_id, file.id)
    await asyncio.to_thread(visit.services.store.remove, file.id)
    return visit.to("/?notice=deleted")


async def _share(visit: Visit) -> Response:
    file = await _file(visit)
    lifetime = LIFETIMES.get(visit.form.get("lifetime", ""), LIFETIMES["week"])
    expires_at = None if lifetime is None else datetime.now(UTC) + lifetime
    share_id = uuid4()
    token = share_token(visit.services, share_id)
    await visit.services.files.share(share_id, file.id, fingerprint(token), expires_at)
    return visit.to(f"/files/{file.id}?notice=shared#links")


async def _revoke(visit: Visit) -> Response:
    file_id = await visit.services.files.revoke(visit.member.id, visit.request.path_params["share_id"])
    if file_id is None:
        raise RefusalError.no_link()
    return visit.to(f"/files/{file_id}?notice=revoked#links")


ROUTES = [
    page("/", _list),
    transfer("/files", _upload),
    page("/files/{file_id:uuid}", _show),
    page("/files/{file_id:uuid}/download", _download),
    page("/files/{file_id:uuid}/thumbnail", _thumbnail),
    page("/files/{file_id:uuid}/delete", _ask_delete),
    action("/files/{file_id:uuid}/delete", _delete),
    action("/files/{file_id:uuid}/shares", _share),
    action("/shares/{share_id:uuid}/revoke", _revoke),
]
