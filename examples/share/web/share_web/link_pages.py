"""What a share link opens: one file, for anybody who has it."""

from starlette.responses import Response

from share_web.file_pages import download, thumbnail
from share_web.files import File, Share
from share_web.refusals import RefusalError
from share_web.tokens import fingerprint
from share_web.visit import Visit, Who, page


async def _shared(visit: Visit) -> tuple[File, Share]:
    found = await visit.services.files.shared(fingerprint(visit.request.path_params["token"]))
    if found is None:
        raise RefusalError.no_link()
    return found


async def _show(visit: Visit) -> Response:
    file, share = await _shared(visit)
    response = visit.page("share.html", file=file, share=share, path=visit.request.url.path)
    response.headers["X-Robots-Tag"] = "noindex, nofollow"
    return response


async def _download(visit: Visit) -> Response:
    file, share = await _shared(visit)
    # A resumed download asks for the rest only, and was counted before.
    if not visit.request.headers.get("range"):
        await visit.services.files.count_download(share.id)
    return download(visit.services, file)


async def _thumbnail(visit: Visit) -> Response:
    file, _ = await _shared(visit)
    return thumbnail(visit.services, file)


ROUTES = [
    page("/s/{token}", _show, Who.ANYBODY),
    page("/s/{token}/download", _download, Who.ANYBODY),
    page("/s/{token}/thumbnail", _thumbnail, Who.ANYBODY),
]
