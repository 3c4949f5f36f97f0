"""Links that make an account: who may use one, and that it counts once."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from share_web.addresses import BaseUrl, link

VALID_FOR = timedelta(days=2)


class Kind(StrEnum):
    """The first user's link exists only while there are no users, and makes an administrator."""

    FIRST = "first"
    MEMBER = "member"


PATHS = {Kind.FIRST: "/create_first_user", Kind.MEMBER: "/join"}


@dataclass(frozen=True, slots=True)
class Invitation:
    """One handed-out link, without its token."""

    kind: Kind
    email: str
    expires_at: datetime
    used_at: datetime | None = None


def refusal(invitation: Invitation | None, email: str, now: datetime, *, has_users: bool) -> str | None:
    """Why the link can't be used, as a sentence for the person who opened it; None when it can.

    ``invitation`` is what the token leads to (None: nothing). A wrong address is answered like a wrong token, so the
    page tells nobody who was invited.
    """
    if invitation is None or invitation.email != email:
        return "This link is not valid. Check that it was copied completely, or ask for a new one."
    if invitation.used_at is not None:
        return "This link was used already. Log in with the account that it made."
    if invitation.expires_at <= now:
        return "This link has expired. Ask for a new one."
    if invitation.kind is Kind.FIRST and has_users:
        return "This appliance has been set up already. Log in, or ask an administrator for an invitation."
    return None


def invitation_link(base: BaseUrl, kind: Kind, email: str, token: str) -> str:
    """The address to open, complete and encoded."""
    return link(base, PATHS[kind], email=email, token=token)
