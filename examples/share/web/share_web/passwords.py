"""Passwords: which are accepted, and how they are kept.

A kept password reads ``scrypt$log2(N)$r$p$salt$key``, so its cost can be raised later while old ones still verify.
"""

import hashlib
import hmac
import secrets
from base64 import b64decode, b64encode
from dataclasses import dataclass

MIN_LENGTH = 10
MAX_LENGTH = 200
"""Far above any passphrase; bounds the work that one request can ask for."""


@dataclass(frozen=True, slots=True)
class Cost:
    """scrypt's parameters; memory is 128 * 2**log_n * r bytes.

    Source: OWASP Password Storage Cheat Sheet names N=2^15, r=8, p=3 among its equal choices (32 MiB each).
    """

    log_n: int = 15
    r: int = 8
    p: int = 3


_SALT_BYTES = 16
_KEY_BYTES = 32
_COMMON = frozenset({"1234567890", "password12", "password123", "qwertyuiop", "0123456789", "iloveyou12", "letmein123"})


def weakness(password: str, email: str) -> str | None:
    """What is wrong with a new password, as a sentence for its owner, or None."""
    if len(password) < MIN_LENGTH:
        return f"Choose at least {MIN_LENGTH} characters; a few unrelated words make a good password."
    if len(password) > MAX_LENGTH:
        return f"Choose at most {MAX_LENGTH} characters."
    lowered = password.casefold()
    if lowered in _COMMON or len(set(lowered)) < 4:
        return "This password is among the first that anybody would try."
    if lowered in {email.casefold(), email.casefold().partition("@")[0]}:
        return "Choose a password that differs from your e-mail address."
    return None


def seal(password: str, cost: Cost = Cost()) -> str:
    """The text to keep instead of the password; another one at each call."""
    salt = secrets.token_bytes(_SALT_BYTES)
    key = _derive(password, salt, cost)
    return f"scrypt${cost.log_n}${cost.r}${cost.p}${b64encode(salt).decode()}${b64encode(key).decode()}"


def verify(password: str, sealed: str) -> bool:
    """Whether ``sealed`` was made from ``password``; False for a text that ``seal`` didn't make."""
    fields = sealed.split("$")
    if len(fields) != 6 or fields[0] != "scrypt" or len(password) > MAX_LENGTH:
        return False
    cost = Cost(int(fields[1]), int(fields[2]), int(fields[3]))
    return hmac.compare_digest(_derive(password, b64decode(fields[4]), cost), b64decode(fields[5]))


def _derive(password: str, salt: bytes, cost: Cost) -> bytes:
    n = 1 << cost.log_n
    return hashlib.scrypt(
        password.encode(), salt=salt, n=n, r=cost.r, p=cost.p, maxmem=256 * n * cost.r, dklen=_KEY_BYTES
    )
