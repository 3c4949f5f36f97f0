"""The REST API ``/v1`` of a box: authenticates, checks, calls the box once, audits, answers."""

import logging
import re
from collections.abc import Sequence

from msgspec import json
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route as PathRoute
from starlette.routing import Router
from starlette.types import ASGIApp, Receive, Scope, Send

from boxship.api import booting, machine, operations, releases, tokens, watching
from boxship.api.description import describe
from boxship.api.requests import read_body, read_query
from boxship.api.route import Answer, Call, Doors, Handled, PlainReply, Reply, Route
from boxship.errors import BoxshipError, BugError, MethodError, NotFoundError
from boxship.serve.answers import WithHeaders, problem_of
from boxship.serve.auditing import LONGEST, Audit, outcome_of
from boxship.serve.connection import connection_of
from boxship.serve.gate import Caller, Gate
from boxship.serve.sparing import Sparing
from boxship.serve.streams import Stream

_LOG = logging.getLogger("boxship.api")
_PASSWORD = re.compile(r"(?<=[/=])[^/\s:@]*:[^/\s@]*@")


async def show_description(doors: Doors, call: Call) -> Handled:
    return Reply(describe(ROUTES))


ROUTES: tuple[Route, ...] = (
    *booting.ROUTES,
    *releases.ROUTES,
    *operations.ROUTES,
    *watching.ROUTES,
    *machine.ROUTES,
    *tokens.ROUTES,
    Route(
        method="GET",
        path="/v1/openapi.json",
        name="show_description",
        text="This API's description (OpenAPI 3.1).",
        handle=show_description,
        answers=(Answer(200, "the description", dict[str, object]),),
        scope="",
    ),
)


def make_api(doors: Doors, gate: Gate) -> ASGIApp:
    """The app; everything else than its paths is answered with 404."""
    paths = dict.fromkeys(route.path for route in ROUTES)
    served = [
        PathRoute(path, _Endpoint(doors, gate, [route for route in ROUTES if route.path == path])) for path in paths
    ]
    return WithHeaders(Router(served, redirect_slashes=False, default=_not_found))


async def _not_found(scope: Scope, receive: Receive, send: Send) -> None:
    error = NotFoundError(f"there is no {scope['path'][:256]}", hint="GET /v1/openapi.json lists what there is")
    await problem_of(error)(scope, receive, send)


class _Endpoint:
    """All routes of one path, as an ASGI app."""

    def __init__(self, doors: Doors, gate: Gate, routes: Sequence[Route]) -> None:
        self._doors = doors
        self._gate = gate
        self._audit_book = Audit(doors.journal, doors.clock)
        self._sparing = Sparing(doors.clock)
        self._routes = {route.method: route for route in routes}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        request = Request(scope, receive)
        method = "GET" if request.method == "HEAD" else request.method
        route = self._routes.get(method)
        answer = self._refuse_method(request) if route is None else await self._answer(route, request)
        await answer(scope, receive, send)

    def _refuse_method(self, request: Request) -> Response:
        known = ", ".join(sorted({*self._routes, *(["HEAD"] if "GET" in self._routes else [])}))
        refused = problem_of(
            MethodError(f"{request.url.path} knows no {request.method[:32]}", hint=f"it knows {known}")
        )
        refused.headers["Allow"] = known
        return refused

    async def _answer(self, route: Route, request: Request) -> Response | Stream:
        caller: Caller | None = None
        call: Call | None = None
        try:
            caller = await self._gate.caller(request)
            caller.require(route.scope.format_map(request.path_params))
            call = await _read(route, request, caller)
            handled = await route.handle(self._doors, call)
        except BoxshipError as error:
            await self._audit(route, request, caller, call, outcome_of(error))
            return problem_of(error)
        except Exception as error:  # noqa: BLE001 (the door: whatever is unknown becomes a BugError here)
            _LOG.exception("bug", extra={"route": route.name})
            await self._audit(route, request, caller, call, "failed: bug")
            return problem_of(BugError(f"{type(error).__name__} in {route.name}", hint="the Loader's log says where"))
        if not isinstance(handled, Stream):
            await self._audit(route, request, caller, call, handled.outcome)
        return _sendable(handled)

    async def _audit(
        self, route: Route, request: Request, caller: Caller | None, call: Call | None, outcome: str
    ) -> None:
        if not route.action:
            return
        who = caller.who if caller is not None else f"somebody at {connection_of(request.scope).peer}"
        # What differs each time, a note or a number, is no part of what is alike.
        subject = _subject(request, None if route.is_frequent else call)
        if not route.is_frequent or self._sparing.is_due(who, subject, outcome):
            await self._audit_book.write(who, route.action, subject, outcome)


async def _read(route: Route, request: Request, caller: Caller) -> Call:
    return Call(
        caller=caller,
        path=dict(request.path_params),
        query=read_query(request, route),
        body=None if route.body is None else await read_body(request, route.body),
        accept=request.headers.get("accept", ""),
        last_event_id=request.headers.get("last-event-id", "")[:256],
    )


def _subject(request: Request, call: Call | None) -> str:
    said = dict(request.path_params)
    if call is not None and call.body is not None:
        said |= {name: getattr(call.body, name) for name in call.body.__struct_fields__}
    text = " ".join(f"{name}={value}" for name, value in said.items() if value not in ("", None))
    return _PASSWORD.sub("***@", text)[:LONGEST]


def _sendable(handled: Handled) -> Response | Stream:
    match handled:
        case Reply(body=body, status=status, headers=headers):
            return Response(json.encode(body), status, dict(headers), "application/json")
        case PlainReply(text=text, status=status, media_type=media_type):
            return Response(text, status, media_type=media_type)
        case Stream():
            return handled
