"""Unguessable texts: how they are made, derived and looked up.

A token is shown to one person and stored only as its SHA-256, so a copy of the database opens nothing.
"""

import hashlib
import hmac
import secrets
from base64 import urlsafe_b64encode

_TOKEN_BYTES = 32


def new_token() -> str:
    """256 random bits as 43 characters that need no encoding in a URL."""
    return secrets.token_urlsafe(_TOKEN_BYTES)


def fingerprint(token: str) -> str:
    """What is stored of a token (hexadecimal SHA-256); enough for a token of full entropy, never for a password."""
    return hashlib.sha256(token.encode()).hexdigest()


def derive(secret: bytes, purpose: str, subject: str) -> str:
    """A token that can be shown again because it follows from the appliance's secret: share links, form tokens."""
    digest = hmac.new(secret, f"{purpose}\0{subject}".encode(), hashlib.sha256).digest()
    return urlsafe_b64encode(digest).decode().rstrip("=")


def equal(left: str, right: str) -> bool:
    """Compares in constant time; any text may come from outside."""
    return hmac.compare_digest(left.encode(), right.encode())
