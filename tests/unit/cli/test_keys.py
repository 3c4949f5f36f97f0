"""The keys that leave a command running."""

import pytest

from boxship.cli.keys import DEFAULT_KEYS, DetachKeys, parse_keys
from boxship.errors import UsageError


@pytest.mark.parametrize(
    ("text", "typed"),
    [(DEFAULT_KEYS, b"\x10\x11"), ("ctrl-x,d", b"\x18d"), ("a", b"a"), ("ctrl-@,ctrl-[,ctrl-_", b"\x00\x1b\x1f")],
)
def test_keys_are_the_bytes_that_a_terminal_sends(text: str, typed: bytes) -> None:
    assert parse_keys(text) == typed


@pytest.mark.parametrize("text", ["", "ctrl-", "ctrl-1", "ab", "ctrl-p,", "é", "ctrl-P"])
def test_what_is_no_key_is_refused_with_an_example(text: str) -> None:
    with pytest.raises(UsageError, match="--detach-keys wants keys") as caught:
        parse_keys(text)
    assert "ctrl-x,d" in caught.value.hint


def test_the_keys_are_found_however_they_come_and_what_follows_is_dropped() -> None:
    keys = DetachKeys(b"\x10\x11")
    assert keys.feed(b"ls\n\x10") == (b"ls\n", False)
    assert keys.feed(b"\x11rest") == (b"", True)


def test_what_only_began_like_the_keys_is_passed_on() -> None:
    keys = DetachKeys(b"aab")
    assert keys.feed(b"aa") == (b"", False)
    assert keys.feed(b"ac") == (b"aaac", False)
    assert keys.feed(b"xaaab") == (b"xa", True)
