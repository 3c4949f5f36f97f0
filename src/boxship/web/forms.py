"""What a browser sends from one of our pages, and how it is told from what another page has it send."""

from collections.abc import Mapping
from urllib.parse import parse_qsl

from starlette.requests import Request

from boxship.errors import AccessError, MediaTypeError, UsageError
from boxship.serve.bodies import read_whole

_MOST_BYTES = 4096
_MOST_FIELDS = 8


async def read_form(request: Request) -> Mapping[str, str]:
    """Its fields. Raises: AccessError for another page's, UsageError or one below it for what is none."""
    _expect_own_page(request)
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind != "application/x-www-form-urlencoded":
        raise MediaTypeError("this takes a form", hint="Content-Type: application/x-www-form-urlencoded")
    raw = await read_whole(request, _MOST_BYTES)
    try:
        pairs = parse_qsl(raw.decode("ascii"), keep_blank_values=True, max_num_fields=_MOST_FIELDS, strict_parsing=True)
    except ValueError as err:
        raise UsageError("that is no form") from err
    fields = dict(pairs)
    if len(fields) != len(pairs):
        raise UsageError("a field of the form stands there twice")
    return fields


def _expect_own_page(request: Request) -> None:
    """Browsers say where a form comes from, older ones less of it; what says nothing is no browser.

    Ours come from ``null`` in the older words, as these pages tell nobody where they are (Referrer-Policy).
    """
    site, origin = request.headers.get("sec-fetch-site"), request.headers.get("origin", "null")
    is_own = site == "same-origin" if site is not None else origin in ("null", _origin(request))
    if not is_own:
        raise AccessError("that came from another site's page", hint="use the page of this box")


def _origin(request: Request) -> str:
    return f"{request.url.scheme}://{request.headers.get('host', '')}".lower()
