"""The administrator's page: who has an account, and who is invited."""

import asyncio

from starlette.responses import Response

from share_web.addresses import AddressError, BaseUrl, normalise
from share_web.file_pages import notice
from share_web.invitations import Kind, invitation_link
from share_web.people import RegistrationError, User
from share_web.refusals import RefusalError
from share_web.visit import Visit, Who, action, page


async def _people(visit: Visit, status: int = 200, problem: str = "", email: str = "", link: str = "") -> Response:
    return visit.page(
        "people.html",
        status,
        people=await visit.services.people.everybody(),
        pending=await visit.services.people.pending(),
        problem=problem,
        email=email,
        link=link,
        notice=notice(visit),
    )


async def _show(visit: Visit) -> Response:
    return await _people(visit)


async def _invite(visit: Visit) -> Response:
    typed = visit.form.get("email", "")
    try:
        email = normalise(typed)
        token = await visit.services.people.invite(Kind.MEMBER, email)
    except (AddressError, RegistrationError) as error:
        return await _people(visit, 400, problem=str(error), email=typed)
    # Shown in this answer only: the database keeps just the fingerprint.
    base = BaseUrl(visit.base_url)
    return await _people(visit, email=email, link=invitation_link(base, Kind.MEMBER, email, token))


async def _withdraw(visit: Visit) -> Response:
    await visit.services.people.withdraw(visit.request.path_params["invitation_id"])
    return visit.to("/people?notice=withdrawn")


async def _member(visit: Visit) -> User:
    user = await visit.services.people.by_id(visit.request.path_params["user_id"])
    if user is None or user.is_admin:
        raise RefusalError(404, "Nothing here", "There is no such member, or it is an administrator.")
    return user


async def _ask_remove(visit: Visit) -> Response:
    user = await _member(visit)
    return visit.page(
        "confirm.html",
        title=f"Remove {user.email}?",
        text="The account, all its files and their links are removed for good.",
        button="Remove account",
        back="/people",
    )


async def _remove(visit: Visit) -> Response:
    user = await _member(visit)
    for file_id in await visit.services.people.remove(user.id):
        await asyncio.to_thread(visit.services.store.remove, file_id)
    return visit.to("/people?notice=removed")


ROUTES = [
    page("/people", _show, Who.ADMIN),
    action("/people/invitations", _invite, Who.ADMIN),
    action("/people/invitations/{invitation_id:uuid}/withdraw", _withdraw, Who.ADMIN),
    page("/people/{user_id:uuid}/remove", _ask_remove, Who.ADMIN),
    action("/people/{user_id:uuid}/remove", _remove, Who.ADMIN),
]
