"""What services answer, made fit to be shown: short, one line, without control characters, without known secrets."""

import os
import re
import stat
from collections.abc import Iterable, Mapping
from unicodedata import category

from boxship.plan.access import FILE_NAME
from boxship.plan.resolve import Desired
from boxship.spec.secrecy import is_secret_name, is_secret_value

SHOWN_CHARS = 300
MASK = "****"
_SEQUENCE = re.compile(r"\x1b(?:\[[0-?]*[ -/]*[@-~]|[@-_])")
_LEAST_SECRET_CHARS = 4
"""Shorter ones would hide half of every text."""
_MOST_SECRET_BYTES = 64 * 1024


def one_line(text: str, limit: int = SHOWN_CHARS) -> str:
    """The beginning of a foreign text on one line, harmless to a terminal."""
    plain = _SEQUENCE.sub("", text[: 4 * limit])
    words = " ".join("".join(char if _is_harmless(char) else " " for char in plain).split())
    return words if len(words) <= limit else words[: limit - 3] + "..."


def _is_harmless(char: str) -> bool:
    return char.isprintable() or category(char) == "Zs"


class Redactor:
    """Hides the values of an appliance's secrets wherever they show up in what is told."""

    def __init__(self, secrets: Iterable[str] = ()) -> None:
        # The longest first: one may be the beginning of another.
        self._secrets = sorted({each for each in secrets if len(each) >= _LEAST_SECRET_CHARS}, key=len, reverse=True)

    def clean(self, text: str) -> str:
        for secret in self._secrets:
            text = text.replace(secret, MASK)
        return text

    def shown(self, text: str) -> str:
        """Fit to be shown; secrets are hidden before anything is cut, as half of one would no longer be found."""
        return one_line(self.clean(text))


def redactor_for(desired: Desired) -> Redactor:
    """Knows what the files say is secret: ``secrets`` and variables that are called like one; and services' tokens."""
    return Redactor([*_shared_secrets(desired), *_variables(desired), *_tokens(desired)])


def _shared_secrets(desired: Desired) -> Iterable[str]:
    for shared in desired.secrets.values():
        text = shared.value.reveal() if shared.value is not None else _content(shared.file)
        yield text.strip()
        # A file of several lines is a key or a configuration, whose lines can show up one by one.
        yield from (line.strip() for line in text.splitlines())


def _tokens(desired: Desired) -> Iterable[str]:
    for access in desired.access.values():
        yield _content(f"{access.folder}/{FILE_NAME}").strip()


def _content(path: str | None) -> str:
    if path is None:
        return ""
    try:
        # A FIFO must not block.
        descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
        with os.fdopen(descriptor, "rb") as file:
            is_file = stat.S_ISREG(os.fstat(descriptor).st_mode)
            return file.read(_MOST_SECRET_BYTES).decode(errors="replace") if is_file else ""
    except (OSError, ValueError):
        return ""


def _variables(desired: Desired) -> Iterable[str]:
    environments: list[Mapping[str, str]] = [service.environment for service in desired.services]
    for environment in environments:
        yield from (value for name, value in environment.items() if is_secret_name(name) and is_secret_value(value))
