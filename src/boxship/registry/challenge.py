"""How a registry says which login it wants, read into a value.

Source: RFC 7235 (WWW-Authenticate), Docker Registry "Token Authentication".
"""

import re
from collections.abc import Mapping
from typing import NamedTuple

_PARAMETER = re.compile(r'([A-Za-z_]+)\s*=\s*(?:"((?:[^"\\]|\\.)*)"|([^\s,]+))')


class Challenge(NamedTuple):
    """``scheme`` in lower case: basic, bearer. ``realm`` of bearer: where tokens are given out."""

    scheme: str
    realm: str = ""
    service: str = ""
    scope: str = ""


def parse_challenge(header: str) -> Challenge | None:
    """The first challenge of a header; None for what is none."""
    scheme, _, rest = header.strip().partition(" ")
    if not scheme:
        return None
    found: Mapping[str, str] = {
        match[1].lower(): match[3] if match[2] is None else re.sub(r"\\(.)", r"\1", match[2])
        for match in _PARAMETER.finditer(rest)
    }
    return Challenge(scheme.lower(), found.get("realm", ""), found.get("service", ""), found.get("scope", ""))
