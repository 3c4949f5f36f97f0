"""The order of versions: that of Semantic Versioning 2.0.0, with an optional ``v`` in front.

A version that isn't semantic ("dev", "2024-11") has no place in that order: it stands before all that are, sorted as
text, so that the newest of several is never one of those unless there is nothing else.

Source: semver.org 2.0.0, item 11 (precedence) and its grammar.
"""

import re
from collections.abc import Iterable

from msgspec import Struct

_NUMBER = r"0|[1-9][0-9]*"
_IDENTIFIER = rf"(?:{_NUMBER}|[0-9]*[A-Za-z-][0-9A-Za-z-]*)"
_SEMANTIC = rf"v?({_NUMBER})\.({_NUMBER})\.({_NUMBER})(?:-({_IDENTIFIER}(?:\.{_IDENTIFIER})*))?(?:\+[0-9A-Za-z.-]+)?"
_TAG = r"[A-Za-z0-9_][A-Za-z0-9._-]{0,127}"
LATEST = "latest"
"""The word for the newest version; no release is called so."""

_Identifier = tuple[int, int, str]
_Key = tuple[int, int, int, int, tuple[_Identifier, ...]]


class Version(Struct, frozen=True):
    """A semantic version. ``pre_release``: the identifiers behind the dash. Build metadata has no say."""

    major: int
    minor: int
    patch: int
    pre_release: tuple[str, ...] = ()

    @property
    def precedence(self) -> _Key:
        """What it is sorted by: a pre-release comes before its release, numbers before words."""
        identifiers = tuple((0, int(each), "") if each.isdecimal() else (1, 0, each) for each in self.pre_release)
        return (self.major, self.minor, self.patch, 0 if identifiers else 1, identifiers)


def parse_version(text: str) -> Version | None:
    """None for what is no semantic version."""
    match = re.fullmatch(_SEMANTIC, text) if len(text) <= 256 else None
    if match is None:
        return None
    return Version(int(match[1]), int(match[2]), int(match[3]), tuple(match[4].split(".")) if match[4] else ())


def compare_versions(one: str, other: str) -> int | None:
    """-1 when ``one`` is older, 0 when they are equal, 1 when it is newer; None when one of them isn't semantic."""
    if one == other:
        return 0
    left, right = parse_version(one), parse_version(other)
    if left is None or right is None:
        return None
    return (left.precedence > right.precedence) - (left.precedence < right.precedence)


def sort_versions(versions: Iterable[str]) -> tuple[str, ...]:
    """The oldest first; before them, as text, those that aren't semantic."""

    def key(text: str) -> tuple[int, _Key, str]:
        version = parse_version(text)
        return (0, (0, 0, 0, 0, ()), text) if version is None else (1, version.precedence, text)

    return tuple(sorted(set(versions), key=key))


def newest(versions: Iterable[str]) -> str:
    """The newest that is no pre-release, else the newest of all; "" of none."""
    ordered = sort_versions(versions)
    finished = [each for each in ordered if (version := parse_version(each)) and not version.pre_release]
    return (finished or ordered or ("",))[-1]


def version_problem(version: str) -> str:
    """Why a release can't be called so, "" when it can: a registry must take it as a tag."""
    if version == LATEST:
        return f"'{LATEST}' is the word for the newest version"
    if not re.fullmatch(_TAG, version):
        return f"'{version}' can't be a tag: up to 128 letters, digits, '.', '_' and '-', not beginning with '.' or '-'"
    return ""
