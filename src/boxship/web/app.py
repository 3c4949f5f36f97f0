"""The pages of a box: what everybody sees while the application can't be seen, and the status for who has a login.

Every path but its own is answered with the progress page and 503, so that whoever asks for the application, a person
or a program, learns that it isn't there yet and when to ask again.
"""

import secrets
from collections.abc import Awaitable, Callable, Sequence

from msgspec import json
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import ASGIApp, Receive, Scope, Send

from boxship.checks.report import Verdict
from boxship.errors import BoxshipError, MethodError, NotYetError, UnauthenticatedError
from boxship.loader.access import STATUS
from boxship.loader.metrics import metrics_text
from boxship.loader.status import status_answer
from boxship.serve.answers import WithHeaders, problem_of
from boxship.serve.streams import Stream
from boxship.web.asked import Pages
from boxship.web.live import Live
from boxship.web.operating import Operating
from boxship.web.page import policy, progress_page
from boxship.web.status_page import status_page
from boxship.web.words import headline

PAGE_HEADER = "Boxship-Page"
"""On every answer of these pages: how their script tells them from the application's."""
RETRY_AFTER_S = 3
_HTML = "text/html; charset=utf-8"
_JSON = "application/json"
_PROMETHEUS = "text/plain; version=0.0.4; charset=utf-8"
_READS, _WRITES = ("GET", "HEAD"), ("POST",)
Handle = Callable[[Request], Awaitable[Response | Stream]]


def make_pages(pages: Pages) -> ASGIApp:
    return WithHeaders(_Web(pages))


def _refusal(error: BoxshipError, allowed: Sequence[str]) -> Response:
    refused = problem_of(error)
    refused.headers[PAGE_HEADER] = "1"
    if isinstance(error, MethodError):
        refused.headers["Allow"] = ", ".join(allowed)
    if isinstance(error, UnauthenticatedError):
        # Here people come with browsers, which ask for a password when they are told so.
        refused.headers["WWW-Authenticate"] = 'Basic realm="monitoring", charset="UTF-8"'
    return refused


class _Web:
    def __init__(self, pages: Pages) -> None:
        self._pages = pages
        self._live = Live(pages.box, lambda: pages.clock.now().timestamp())
        self._own: dict[str, Handle] = {
            "/ship-ready": self._ready,
            "/boxship/progress.json": self._progress,
            "/boxship/events": self._events,
            "/boxship/status": self._status,
            "/boxship/status.json": self._status_json,
            "/boxship/status/metrics": self._metrics,
        }
        operating = Operating(pages)
        self._own |= operating.reads
        self._writes = operating.writes

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        request = Request(scope, receive)
        try:
            answer = await self._handler(request)(request)
        except BoxshipError as error:
            answer = _refusal(error, self._allowed(request.url.path))
        if isinstance(answer, Response):
            answer.headers.setdefault(PAGE_HEADER, "1")
        await answer(scope, receive, send)

    def _handler(self, request: Request) -> Handle:
        """Raises: MethodError."""
        path = request.url.path
        allowed = self._allowed(path)
        if allowed and request.method not in allowed:
            raise MethodError(f"{path} only answers {allowed[0]}", hint=f"it knows {', '.join(allowed)}")
        return self._writes.get(path) or self._own.get(path, self._page)

    def _allowed(self, path: str) -> Sequence[str]:
        """None: whatever is asked, the answer is the page."""
        if path in self._writes:
            return _WRITES
        return _READS if path in self._own else ()

    async def _page(self, request: Request) -> Response:
        view = self._live.view()
        headers = {PAGE_HEADER: "1", "Retry-After": str(RETRY_AFTER_S)}
        accepted = request.headers.get("accept", "*/*")
        if request.method not in _READS or not ("text/html" in accepted or "*/*" in accepted):
            answer = problem_of(NotYetError(f"{view.appliance} is not there yet: {headline(view)}", hint=view.why))
            answer.headers.update(headers)
            return answer
        nonce = secrets.token_urlsafe(12)
        headers["Content-Security-Policy"] = policy(nonce)
        is_own = bool(self._pages.page_port) and request.url.port == self._pages.page_port
        return Response(progress_page(view, nonce, is_own=is_own), 503, headers, _HTML)

    async def _ready(self, request: Request) -> Response:
        view = self._live.view()
        body = {"ready": view.is_ready, "phase": view.phase, "why": view.why, "target": view.target}
        headers = {PAGE_HEADER: "1"} if view.is_ready else {PAGE_HEADER: "1", "Retry-After": str(RETRY_AFTER_S)}
        return Response(json.encode(body), 200 if view.is_ready else 503, headers, _JSON)

    async def _progress(self, request: Request) -> Response:
        return Response(json.encode(self._live.view()), 200, {PAGE_HEADER: "1"}, _JSON)

    async def _events(self, request: Request) -> Stream:
        return Stream(self._live.follow(), self._pages.closing)

    async def _status(self, request: Request) -> Response:
        await self._login(request)
        report = await self._pages.box.status()
        nonce = secrets.token_urlsafe(12)
        age_s = max(0.0, self._pages.clock.now().timestamp() - report.at_s - report.took_s)
        headers = {PAGE_HEADER: "1", "Content-Security-Policy": policy(nonce)}
        return Response(status_page(report, age_s, nonce), 200, headers, _HTML)

    async def _status_json(self, request: Request) -> Response:
        await self._login(request)
        report = await self._pages.box.status()
        is_strict = request.query_params.get("soft", "") not in ("1", "true")
        status = 503 if report.verdict is Verdict.FAILED and is_strict else 200
        return Response(json.encode(status_answer(report)), status, {PAGE_HEADER: "1"}, _JSON)

    async def _metrics(self, request: Request) -> Response:
        await self._login(request)
        return Response(await metrics_text(self._pages.box), 200, {PAGE_HEADER: "1"}, _PROMETHEUS)

    async def _login(self, request: Request) -> None:
        (await self._pages.gate.looker(request)).require(STATUS)
