"""E-mail addresses as accounts, and the links that carry them.

Nothing here proves that an address exists: an administrator hands out the links, so a form check is enough.
"""

import re
from dataclasses import dataclass
from urllib.parse import quote, urlsplit

MAX_LENGTH = 254
"""Longest address that fits an SMTP path (RFC 5321, 4.5.3.1.3)."""

_FORM = re.compile(r"[^\s@\x00-\x1f\x7f]{1,64}@[^\s@\x00-\x1f\x7f]+\.?[^\s@\x00-\x1f\x7f]*")


class AddressError(ValueError):
    """A text can't be an e-mail address or a base URL; the message is fit to be shown to a person."""


def normalise(text: str) -> str:
    """The one spelling under which an account is stored and looked up.

    Raises:
        AddressError: the text isn't ``local@domain``.
    """
    address = text.strip()
    if len(address) > MAX_LENGTH or _FORM.fullmatch(address) is None:
        raise AddressError(f"“{address[:80]}” is not an e-mail address.")
    return address.casefold()


@dataclass(frozen=True, slots=True)
class BaseUrl:
    """Where people reach the appliance: scheme and host, without a path's end."""

    text: str

    @classmethod
    def parse(cls, text: str) -> "BaseUrl":
        """Accepts ``https://host[:port]``, with or without the last slash.

        Raises:
            AddressError: no http(s) scheme, no host, or a query, fragment, user or path that would be lost.
        """
        parts = urlsplit(text.strip())
        extras = parts.query or parts.fragment or parts.username or parts.path.strip("/")
        if parts.scheme not in {"http", "https"} or not parts.hostname or extras:
            raise AddressError(f"“{text}” is not a base address such as https://share.example.com:8443.")
        return cls(f"{parts.scheme}://{parts.netloc}")


def link(base: BaseUrl, path: str, **query: str) -> str:
    """``base`` + ``path`` + an encoded query, in the arguments' order; ``x+y@z`` becomes ``x%2By%40z``."""
    pairs = "&".join(f"{quote(key, safe='')}={quote(value, safe='')}" for key, value in query.items())
    return f"{base.text}{path}?{pairs}" if pairs else f"{base.text}{path}"
