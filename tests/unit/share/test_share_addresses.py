"""E-mail addresses, and the links that carry them."""

from urllib.parse import parse_qsl, urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st
from share_web.addresses import AddressError, BaseUrl, link, normalise
from share_web.invitations import Kind, invitation_link

BASE = BaseUrl.parse("https://share.example.com:8443/")


@pytest.mark.parametrize("email", ["x+y@z", "a&b=c@example.com", "ünï@köln.example", "o'brien%40@example.com"])
def test_an_invitation_link_carries_the_address_unchanged(email: str) -> None:
    parts = urlsplit(invitation_link(BASE, Kind.FIRST, email, "t0ken"))
    assert (parts.netloc, parts.path) == ("share.example.com:8443", "/create_first_user")
    assert parse_qsl(parts.query, strict_parsing=True) == [("email", email), ("token", "t0ken")]


def test_plus_and_at_are_encoded_so_that_no_browser_reads_them_as_something_else() -> None:
    assert link(BASE, "/join", email="x+y@z") == "https://share.example.com:8443/join?email=x%2By%40z"


@given(st.dictionaries(st.from_regex(r"[a-z]{1,5}", fullmatch=True), st.text(min_size=1), min_size=1))
def test_a_link_gives_back_every_value(query: dict[str, str]) -> None:
    # Lone surrogates can't be typed into an address.
    query = {key: value.encode("utf-8", "ignore").decode() or "x" for key, value in query.items()}
    parts = urlsplit(link(BASE, "/p", **query))
    assert dict(parse_qsl(parts.query, keep_blank_values=True, strict_parsing=True)) == query
    assert not parts.fragment


def test_spellings_of_one_address_are_one_account() -> None:
    assert normalise("  X+Y@Example.COM ") == normalise("x+y@example.com") == "x+y@example.com"


@pytest.mark.parametrize(
    "text", ["", "nobody", "@", "a@", "@b", "a b@c", "a@b@c", "a@b\nc", "x" * 65 + "@z", "a@" + "b" * 300]
)
def test_what_cannot_be_an_address_is_refused(text: str) -> None:
    with pytest.raises(AddressError):
        normalise(text)


@pytest.mark.parametrize(
    "text", ["share.example.com", "ftp://x", "https://", "https://x/path", "https://x?y", "https://x#y", "https://u@x"]
)
def test_a_base_url_with_parts_that_would_be_lost_is_refused(text: str) -> None:
    with pytest.raises(AddressError):
        BaseUrl.parse(text)
