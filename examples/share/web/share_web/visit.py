"""One request, once it is known who makes it: the only way into a page.

Every form carries a token derived from its visitor's cookie, and its Origin must be this host; visitors who aren't
logged in have a cookie too, so the log-in form is covered as well.
"""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from enum import Enum
from typing import Any
from urllib.parse import quote, urlsplit

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from share_web.people import User
from share_web.refusals import RefusalError
from share_web.services import Services
from share_web.tokens import derive, equal, new_token

COOKIE = "__Host-share"
FORM_BYTES = 32_000


class Who(Enum):
    """Who may see a page."""

    ANYBODY = "anybody"
    MEMBER = "member"
    ADMIN = "admin"


@dataclass(frozen=True, slots=True)
class Visit:
    """A request with its visitor; ``form`` is empty unless this is a checked POST."""

    request: Request
    services: Services
    cookie: str
    user: User | None
    form: Mapping[str, str]

    @property
    def member(self) -> User:
        """The logged-in user of a page that only members reach."""
        if self.user is None:
            raise RefusalError.login()
        return self.user

    @property
    def client(self) -> str:
        """The visitor's address as nginx saw it."""
        return self.request.headers.get("x-real-ip", "unknown")

    @property
    def form_token(self) -> str:
        return derive(self.services.settings.secret, "form", self.cookie)

    @property
    def base_url(self) -> str:
        """Where this visitor reaches the appliance; always TLS, because nginx redirects everything else."""
        return f"https://{self.request.headers.get('host', 'localhost')}"

    def check_form(self, token: str) -> None:
        """Raises RefusalError unless the form came from this visitor's own page."""
        origin = self.request.headers.get("origin")
        same_host = origin is None or urlsplit(origin).netloc == self.request.headers.get("host")
        if not same_host or not equal(token, self.form_token):
            raise RefusalError(
                403, "Please try again", "The page was open for too long, or the form came from elsewhere."
            )

    def page(self, template: str, status: int = 200, **values: Any) -> Response:
        """A rendered page; what it shows is never kept by a cache."""
        values |= {"visit": self, "user": self.user, "form_token": self.form_token}
        response = self.services.templates.TemplateResponse(self.request, template, values, status_code=status)
        response.headers["Cache-Control"] = "no-store"
        return response

    def to(self, path: str) -> Response:
        return RedirectResponse(path, status_code=303, headers={"Cache-Control": "no-store"})


Handler = Callable[[Visit], Awaitable[Response]]


def page(path: str, handler: Handler, who: Who = Who.MEMBER) -> Route:
    """A route for reading."""

    async def get(request: Request) -> Response:
        visit = await _begin(request)
        _admit(visit, who)
        return _with_cookie(visit, await handler(visit))

    return Route(path, get, methods=["GET"])


def action(path: str, handler: Handler, who: Who = Who.MEMBER) -> Route:
    """A route for changing something by a small form, which is checked before the handler runs."""

    async def post(request: Request) -> Response:
        visit = await _begin(request)
        if int(request.headers.get("content-length", "0")) > FORM_BYTES:
            raise RefusalError(413, "This is too large", "The form has more text than expected.")
        async with request.form(max_files=0, max_fields=20) as sent:
            form = {key: value for key, value in sent.items() if isinstance(value, str)}
        visit.check_form(form.get("form_token", ""))
        _admit(visit, who)
        visit = Visit(request, visit.services, visit.cookie, visit.user, form)
        return _with_cookie(visit, await handler(visit))

    return Route(path, post, methods=["POST"])


def transfer(path: str, handler: Handler) -> Route:
    """A route for members whose handler reads the body itself, and checks the form's token as it comes by."""

    async def post(request: Request) -> Response:
        visit = await _begin(request)
        _admit(visit, Who.MEMBER)
        return await handler(visit)

    return Route(path, post, methods=["POST"])


async def begin(services: Services, request: Request) -> Visit:
    """Finds out who visits. Raises psycopg.Error or redis.RedisError when that can't be known."""
    cookie = request.cookies.get(COOKIE, "")
    if len(cookie) != 43:
        return Visit(request, services, new_token(), None, {})
    session = await services.sessions.find(cookie)
    user = None if session is None else await services.people.by_id(session.user_id)
    if session is None or user is None or not session.fits(user):
        return Visit(request, services, cookie, None, {})
    return Visit(request, services, cookie, user, {})


def set_cookie(response: Response, cookie: str) -> None:
    """Gives the browser its cookie: only over TLS, only to this host, never to scripts."""
    response.set_cookie(COOKIE, cookie, secure=True, httponly=True, samesite="lax", path="/")


async def _begin(request: Request) -> Visit:
    return await begin(request.app.state.services, request)


def _with_cookie(visit: Visit, response: Response) -> Response:
    if visit.request.cookies.get(COOKIE) != visit.cookie and "set-cookie" not in response.headers:
        set_cookie(response, visit.cookie)
    return response


def _admit(visit: Visit, who: Who) -> None:
    if who is Who.ANYBODY:
        return
    if visit.user is None:
        path = visit.request.url.path
        reading = visit.request.method == "GET" and path != "/"
        raise RefusalError.login(f"/login?next={quote(path, safe='')}" if reading else "/login")
    if who is Who.ADMIN and not visit.user.is_admin:
        raise RefusalError(403, "For administrators", "Ask an administrator of this appliance to do this for you.")
