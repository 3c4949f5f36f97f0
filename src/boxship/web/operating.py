"""What who is signed in may do from a browser: every button is one line of the command line, and audited as that is."""

import hmac
import ipaddress
import secrets
from collections.abc import Awaitable, Callable, Mapping

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from boxship.errors import AccessError, BoxshipError, ConflictError, UnauthenticatedError, UsageError
from boxship.loader.access import ADMIN
from boxship.loader.way_back import way_back_of
from boxship.serve.auditing import Audit, outcome_of
from boxship.serve.connection import connection_of
from boxship.serve.gate import Caller
from boxship.web.asked import Pages
from boxship.web.forms import read_form
from boxship.web.operate_page import (
    CANCEL,
    HOME,
    MAINTENANCE,
    ROLLBACK,
    SIGN_IN,
    SIGN_OUT,
    Desk,
    Trouble,
    operate_page,
    sign_in_page,
)
from boxship.web.page import policy
from boxship.web.public import public_view
from boxship.web.sessions import Session, Sessions

COOKIE = "boxship-session"
_TARGET = "maintenance"
_HTML = "text/html; charset=utf-8"
_SEE_OTHER = 303

Handle = Callable[[Request], Awaitable[Response]]


class Operating:
    """``reads`` and ``writes``: path -> who answers."""

    def __init__(self, pages: Pages) -> None:
        self._pages = pages
        self._sessions = Sessions(pages.clock)
        self._audit = Audit(pages.journal, pages.clock)
        self.reads: Mapping[str, Handle] = {HOME: self._show}
        self.writes: Mapping[str, Handle] = {
            SIGN_IN: self._sign_in,
            SIGN_OUT: self._sign_out,
            MAINTENANCE: self._set_maintenance,
            CANCEL: self._cancel,
            ROLLBACK: self._roll_back,
        }

    async def _show(self, request: Request) -> Response:
        found = await self._signed_in(request)
        return self._door(request) if found is None else self._desk(*found)

    async def _sign_in(self, request: Request) -> Response:
        try:
            secret = (await read_form(request)).get("token", "").strip()
            if not _is_safe(request):
                raise AccessError("a token isn't taken over this connection", hint="come by https")
            connection = connection_of(request.scope)
            try:
                caller = await self._pages.gate.recognise(connection, secret)
                caller.require(ADMIN)
            except BoxshipError as error:
                await self._audit.write(f"somebody at {connection.peer}", "sign in", "", outcome_of(error))
                raise
        except BoxshipError as error:
            return self._door(request, error)
        await self._audit.write(caller.who, "sign in", "", "done")
        answer = RedirectResponse(HOME, _SEE_OTHER)
        is_https = connection.is_encrypted
        kept = self._sessions.begin(caller.token_id)
        answer.set_cookie(COOKIE, kept, path=HOME, httponly=True, samesite="strict", secure=is_https)
        return answer

    async def _sign_out(self, request: Request) -> Response:
        form, found = await read_form(request), await self._signed_in(request)
        if found is not None:
            _expect_proof(form, found[1])
            self._sessions.end(request.cookies[COOKIE])
        answer = RedirectResponse(HOME, _SEE_OTHER)
        answer.delete_cookie(COOKIE, path=HOME)
        return answer

    async def _set_maintenance(self, request: Request) -> Response:
        async def change(form: Mapping[str, str], caller: Caller) -> str:
            match form.get("set", ""):
                case "on":
                    return (await self._pages.box.boot_target(_TARGET, by=caller.who)).id
                case "off":
                    return (await self._pages.box.leave_maintenance(by=caller.who)).id
                case _:
                    raise UsageError("maintenance is on or off")

        return await self._do(request, "maintenance", "set", change)

    async def _cancel(self, request: Request) -> Response:
        async def change(form: Mapping[str, str], caller: Caller) -> str:
            return (await self._pages.box.cancel(form.get("operation", ""), by=caller.who)).id

        return await self._do(request, "cancel", "operation", change)

    async def _roll_back(self, request: Request) -> Response:
        async def change(form: Mapping[str, str], caller: Caller) -> str:
            brings = self._pages.box.what_rollback_brings()
            if form.get("agreed", "") != "yes":
                raise UsageError("nothing was done, as nobody agreed to it", hint=f"it loses {brings.loses}")
            if form.get("to", "") != str(brings.to.generation):
                raise ConflictError("what would come back is another one by now", hint="read again what it loses")
            return (await self._pages.box.rollback(by=caller.who)).id

        return await self._do(request, "rollback", "to", change)

    async def _do(
        self,
        request: Request,
        action: str,
        field: str,
        change: Callable[[Mapping[str, str], Caller], Awaitable[str]],
    ) -> Response:
        """Audited also when it is refused; then the page says why."""
        form, found = await read_form(request), await self._signed_in(request)
        if found is None:
            return RedirectResponse(HOME, _SEE_OTHER)
        caller, session = found
        _expect_proof(form, session)
        subject = f"{field}={form.get(field, '')}"
        try:
            begun = await change(form, caller)
        except BoxshipError as error:
            await self._audit.write(caller.who, action, subject, outcome_of(error))
            return self._desk(caller, session, error)
        await self._audit.write(caller.who, action, subject, f"operation {begun}")
        return RedirectResponse(HOME, _SEE_OTHER)

    async def _signed_in(self, request: Request) -> tuple[Caller, Session] | None:
        session = self._sessions.find(request.cookies.get(COOKIE, ""))
        if session is None:
            return None
        try:
            caller = await self._pages.gate.holder(session.token_id)
        except UnauthenticatedError:
            return None
        return caller, session

    def _door(self, request: Request, error: BoxshipError | None = None) -> Response:
        nonce = secrets.token_urlsafe(12)
        page = sign_in_page(self._pages.box.boot().appliance, nonce, _trouble(error), is_safe=_is_safe(request))
        return _page(page, nonce, error)

    def _desk(self, caller: Caller, session: Session, error: BoxshipError | None = None) -> Response:
        nonce, box = secrets.token_urlsafe(12), self._pages.box
        now_s = self._pages.clock.now().timestamp()
        way_back = way_back_of(box.state())
        desk = Desk(
            who=caller.who,
            proof=session.proof,
            view=public_view(box.progress(), now_s),
            is_maintenance=box.boot().target == _TARGET,
            last=next(iter(box.operations(1)), None),
            way_back=way_back,
            data_age="" if way_back is None else way_back.age(now_s),
        )
        return _page(operate_page(desk, nonce, _trouble(error)), nonce, error)


def _page(page: str, nonce: str, error: BoxshipError | None) -> Response:
    headers = {"Content-Security-Policy": policy(nonce, has_forms=True)}
    return Response(page, 200 if error is None else error.http_status, headers, _HTML)


def _trouble(error: BoxshipError | None) -> Trouble | None:
    return None if error is None else Trouble(error.message, error.hint)


def _expect_proof(form: Mapping[str, str], session: Session) -> None:
    if not hmac.compare_digest(form.get("proof", "").encode(), session.proof.encode()):
        raise AccessError("that form isn't of this session", hint=f"load {HOME} anew")


def _is_safe(request: Request) -> bool:
    """Whether nobody on the way can read what is sent: by TLS, or within this machine."""
    connection = connection_of(request.scope)
    try:
        return connection.is_encrypted or ipaddress.ip_address(connection.address).is_loopback
    except ValueError:
        return False
