"""What every answer of a box carries, and problem JSON (RFC 9457) for every one that is not what was asked for."""

from collections.abc import Mapping
from email.utils import formatdate
from http import HTTPStatus

from msgspec import json
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from boxship.errors import BoxshipError, SpecError, TooManyTriesError, UnauthenticatedError

PROBLEM = "application/problem+json"
_ALWAYS: tuple[tuple[bytes, bytes], ...] = (
    (b"x-content-type-options", b"nosniff"),
    (b"x-frame-options", b"DENY"),
    (b"referrer-policy", b"no-referrer"),
    (b"cross-origin-resource-policy", b"same-origin"),
    (b"cross-origin-opener-policy", b"same-origin"),
)
_UNLESS_SAID: tuple[tuple[bytes, bytes], ...] = (
    (b"cache-control", b"no-store"),
    (b"content-security-policy", b"default-src 'none'; frame-ancestors 'none'"),
)


class WithHeaders:
    """An app whose answers carry the date and the headers that keep browsers from being misused."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        async def send_more(message: Message) -> None:
            if message["type"] == "http.response.start":
                said = {name for name, _ in message["headers"]}
                more = [each for each in _UNLESS_SAID if each[0] not in said]
                date = (b"date", formatdate(usegmt=True).encode())
                message = {**message, "headers": [*message["headers"], date, *_ALWAYS, *more]}
            await send(message)

        if scope["type"] == "http":
            await self._app(scope, receive, send_more)


def problem(
    status: int,
    code: str,
    detail: str,
    *,
    hint: str = "",
    fields: Mapping[str, object] | None = None,
    headers: Mapping[str, str] | None = None,
) -> Response:
    """``code`` becomes the ``type``: a reference that docs/reference/errors.md explains."""
    body = {"type": code, "title": _title(status), "status": status, "detail": detail, "hint": hint}
    if fields:
        body["fields"] = fields
    return Response(json.encode(body, enc_hook=str), status, dict(headers or {}), PROBLEM)


def problem_of(error: BoxshipError) -> Response:
    """What went wrong, told once, here at the door."""
    headers: dict[str, str] = {}
    if isinstance(error, UnauthenticatedError):
        headers["WWW-Authenticate"] = 'Bearer realm="boxship"'
    if isinstance(error, TooManyTriesError):
        headers["Retry-After"] = str(error.retry_after_s)
    operation_id = error.fields.get("operation_id")
    if operation_id:
        headers["Location"] = f"/v1/operations/{operation_id}"
    detail = error.message if not isinstance(error, SpecError) else f"{len(error.problems)} problems in the files"
    return problem(error.http_status, error.code, detail, hint=error.hint, fields=error.fields or None, headers=headers)


def _title(status: int) -> str:
    try:
        return HTTPStatus(status).phrase
    except ValueError:
        return "Client Closed Request"
