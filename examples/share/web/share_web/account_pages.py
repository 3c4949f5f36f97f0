"""Coming in: the first user's link, invitations, log-in, log-out, and one's own password."""

import asyncio
import logging
from datetime import timedelta

from starlette.responses import Response

from share_web import passwords
from share_web.addresses import AddressError, normalise
from share_web.file_pages import notice
from share_web.invitations import Kind
from share_web.people import RegistrationError, User
from share_web.visit import Visit, Who, action, page, set_cookie
from share_web.wording import remaining

log = logging.getLogger("share.web")

_DERIVING = asyncio.Semaphore(2)
"""Each derivation takes 32 MiB and a tenth of a second of a processor; more at once would help nobody."""

_NOBODY = f"scrypt$15$8$3${'A' * 22}==${'A' * 43}="
"""Compared when there is no such account, so that the answer takes as long as with one; no password fits."""


async def _seal(password: str) -> str:
    async with _DERIVING:
        return await asyncio.to_thread(passwords.seal, password)


async def _verify(password: str, sealed: str) -> bool:
    async with _DERIVING:
        return await asyncio.to_thread(passwords.verify, password, sealed)


def _inside(text: str) -> str:
    """A path of this appliance to go to after the log-in; the start page for anything else."""
    is_path = text.startswith("/") and not text.startswith(("//", "/\\")) and text.isprintable()
    return text if is_path else "/"


async def _login_form(visit: Visit) -> Response:
    if visit.user is not None:
        return visit.to("/")
    has_users = await visit.services.people.exist()
    return visit.page(
        "login.html",
        has_users=has_users,
        email="",
        problem="",
        next=_inside(visit.request.query_params.get("next", "")),
    )


async def _login(visit: Visit) -> Response:
    typed, password = visit.form.get("email", ""), visit.form.get("password", "")
    next_path = _inside(visit.form.get("next", ""))
    try:
        email = normalise(typed)
    except AddressError as error:
        return visit.page("login.html", 400, has_users=True, email=typed, problem=str(error), next=next_path)
    wait_s = await visit.services.attempts.admit(email, visit.client)
    if wait_s:
        problem = f"There were too many attempts. Try again in {remaining(timedelta(seconds=wait_s))}."
        response = visit.page("login.html", 429, has_users=True, email=typed, problem=problem, next=next_path)
        response.headers["Retry-After"] = str(wait_s)
        return response
    user = await visit.services.people.by_email(email)
    is_right = await _verify(password, _NOBODY if user is None else user.password)
    if user is None or not is_right:
        problem = "This e-mail address and password don't belong together."
        return visit.page("login.html", 401, has_users=True, email=typed, problem=problem, next=next_path)
    await visit.services.attempts.forgive(email, visit.client)
    return await _let_in(visit, user, next_path)


async def _let_in(visit: Visit, user: User, path: str) -> Response:
    """A new cookie for the new session: one that somebody planted before the log-in leads nowhere."""
    await visit.services.sessions.end(visit.cookie)
    response = visit.to(path)
    set_cookie(response, await visit.services.sessions.begin(user))
    return response


async def _logout(visit: Visit) -> Response:
    await visit.services.sessions.end(visit.cookie)
    return visit.to("/login")


async def _register_form(visit: Visit, kind: Kind) -> Response:
    email = visit.request.query_params.get("email", "").strip().casefold()
    token = visit.request.query_params.get("token", "")
    problem = await visit.services.people.refusal(kind, email, token)
    if problem is not None:
        return visit.page("message.html", 403, code=403, title="This link can't be used", text=problem)
    return visit.page("register.html", kind=kind.value, email=email, token=token, problem="", min_length=_MIN)


async def _register(visit: Visit, kind: Kind) -> Response:
    email, token = visit.form.get("email", "").casefold(), visit.form.get("token", "")
    password = visit.form.get("password", "")
    # A link that is used up is said first, without work for the processor.
    refused = await visit.services.people.refusal(kind, email, token)
    if refused is not None:
        return visit.page("message.html", 403, code=403, title="This link can't be used", text=refused)
    problem = passwords.weakness(password, email)
    if problem is not None:
        return visit.page(
            "register.html", 400, kind=kind.value, email=email, token=token, problem=problem, min_length=_MIN
        )
    try:
        user = await visit.services.people.register(kind, email, token, await _seal(password))
    except RegistrationError as error:
        return visit.page("message.html", 403, code=403, title="This link can't be used", text=str(error))
    log.info("%s made an account from a %s link", user.id, kind)
    return await _let_in(visit, user, "/")


_MIN = passwords.MIN_LENGTH


async def _first_form(visit: Visit) -> Response:
    return await _register_form(visit, Kind.FIRST)


async def _first(visit: Visit) -> Response:
    return await _register(visit, Kind.FIRST)


async def _join_form(visit: Visit) -> Response:
    return await _register_form(visit, Kind.MEMBER)


async def _join(visit: Visit) -> Response:
    return await _register(visit, Kind.MEMBER)


async def _account(visit: Visit) -> Response:
    return visit.page("account.html", problem="", notice=notice(visit), min_length=_MIN)


async def _change_password(visit: Visit) -> Response:
    user, password = visit.member, visit.form.get("password", "")
    wait_s = await visit.services.attempts.admit(user.email, visit.client)
    if wait_s:
        problem: str | None = f"There were too many attempts. Try again in {remaining(timedelta(seconds=wait_s))}."
    elif not await _verify(visit.form.get("current", ""), user.password):
        problem = "Your current password is another one."
    else:
        await visit.services.attempts.forgive(user.email, visit.client)
        problem = passwords.weakness(password, user.email)
    if problem is not None:
        return visit.page("account.html", 400, problem=problem, notice="", min_length=_MIN)
    await visit.services.people.set_password(user.id, await _seal(password))
    changed = await visit.services.people.by_id(user.id)
    return visit.to("/login") if changed is None else await _let_in(visit, changed, "/account?notice=password")


ROUTES = [
    page("/login", _login_form, Who.ANYBODY),
    action("/login", _login, Who.ANYBODY),
    action("/logout", _logout, Who.ANYBODY),
    page("/create_first_user", _first_form, Who.ANYBODY),
    action("/create_first_user", _first, Who.ANYBODY),
    page("/join", _join_form, Who.ANYBODY),
    action("/join", _join, Who.ANYBODY),
    page("/account", _account),
    action("/account", _change_password),
]
