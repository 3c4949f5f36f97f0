"""Who may use a link, and that it counts once."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

from share_web.invitations import VALID_FOR, Invitation, Kind, refusal

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
FIRST = Invitation(Kind.FIRST, "x+y@z", NOW + VALID_FOR)
MEMBER = replace(FIRST, kind=Kind.MEMBER)


def test_a_fresh_link_is_accepted() -> None:
    assert refusal(FIRST, "x+y@z", NOW, has_users=False) is None
    assert refusal(MEMBER, "x+y@z", NOW, has_users=True) is None


def test_a_used_link_is_refused_for_ever() -> None:
    used = replace(MEMBER, used_at=NOW)
    assert "used already" in str(refusal(used, "x+y@z", NOW, has_users=True))
    assert "used already" in str(refusal(used, "x+y@z", NOW + timedelta(days=400), has_users=True))


def test_a_link_ends_at_its_expiry_to_the_second() -> None:
    assert refusal(MEMBER, "x+y@z", MEMBER.expires_at - timedelta(seconds=1), has_users=True) is None
    assert "expired" in str(refusal(MEMBER, "x+y@z", MEMBER.expires_at, has_users=True))


def test_the_first_users_link_is_refused_once_there_are_users() -> None:
    assert "set up already" in str(refusal(FIRST, "x+y@z", NOW, has_users=True))


def test_a_wrong_address_is_answered_exactly_like_a_wrong_token() -> None:
    nothing = refusal(None, "x+y@z", NOW, has_users=True)
    assert nothing is not None
    assert refusal(MEMBER, "other@z", NOW, has_users=True) == nothing
    assert refusal(replace(MEMBER, used_at=NOW), "other@z", NOW, has_users=True) == nothing
