"""What services answer, made fit to be shown: short, one line, without control characters, without known secrets."""

import os
import re
import stat
from collections.abc import Iterable, Iterator
from unicodedata import category
from urllib.parse import quote, unquote

from boxship.plan.access import FILE_NAME
from boxship.plan.resolve import Desired
from boxship.spec.model import Service
from boxship.spec.secrecy import is_secret_name, is_secret_value

SHOWN_CHARS = 300
MASK = "****"
_SEQUENCE = re.compile(r"\x1b(?:\[[0-?]*[ -/]*[@-~]|[@-_])")
_LEAST_SECRET_CHARS = 4
"""Shorter ones would hide half of every text."""
_LEAST_HALF_CHARS = 6
"""Of a secret that a text begins or ends within. Fewer are found in many words."""
_MOST_SECRET_BYTES = 64 * 1024
_CUT = "..."
_LOGIN = re.compile(
    r"(?P<before>\b[a-zA-Z][a-zA-Z0-9+.-]*://[^\s/?#:@'\"]*:)(?P<password>(?![0-9]{1,5}/)[^\s@'\"]+)(?=@)"
)
"""Of a URL. A password with a slash in it should be quoted, and often isn't."""
_PAIR = re.compile(r"(?P<name>[A-Za-z][\w.-]*)\s?[=:]\s?'?(?P<value>[^\s;,&'\"]+)")


def one_line(text: str, limit: int = SHOWN_CHARS) -> str:
    """The beginning of a foreign text on one line, harmless to a terminal."""
    plain = _SEQUENCE.sub("", text[: 4 * limit])
    words = " ".join("".join(char if _is_harmless(char) else " " for char in plain).split())
    return words if len(words) <= limit else words[: limit - 3] + "..."


def _is_harmless(char: str) -> bool:
    return char.isprintable() or category(char) == "Zs"


class Redactor:
    """Hides the values of an appliance's secrets wherever they show up in what is told, and every URL's password."""

    def __init__(self, secrets: Iterable[str] = ()) -> None:
        known = {form for each in secrets for form in _forms(each) if len(form) >= _LEAST_SECRET_CHARS}
        # The longest first: one may be the beginning of another.
        self._secrets = sorted(known, key=len, reverse=True)

    def clean(self, text: str) -> str:
        if not text:
            return text
        for secret in self._secrets:
            text = text.replace(secret, MASK)
        if "://" in text:
            text = _LOGIN.sub(rf"\g<before>{MASK}", text)
        return self._without_halves(text)

    def shown(self, text: str) -> str:
        """Fit to be shown; secrets are hidden before anything is cut, as half of one would no longer be found."""
        return one_line(self.clean(text))

    def _without_halves(self, text: str) -> str:
        """Whoever passed it on may have cut it: at its end, at its beginning, or where three dots say so."""
        *cut, last = text.split(_CUT)
        for secret in self._secrets:
            cut = [_without_end(each, secret) for each in cut]
            last = _without_end(last, secret)
        whole = _CUT.join((*cut, last))
        for secret in self._secrets:
            whole = _without_beginning(whole, secret)
        return whole


def _without_end(text: str, secret: str) -> str:
    at = text.rfind(secret[:_LEAST_HALF_CHARS]) if len(secret) > _LEAST_HALF_CHARS else -1
    return text[:at] + MASK if at >= 0 and secret.startswith(text[at:]) else text


def _without_beginning(text: str, secret: str) -> str:
    at = text.find(secret[-_LEAST_HALF_CHARS:]) if len(secret) > _LEAST_HALF_CHARS else -1
    end = at + _LEAST_HALF_CHARS
    return MASK + text[end:] if at >= 0 and secret.endswith(text[:end]) else text


def _forms(secret: str) -> Iterator[str]:
    """As it is, and as it is written in a URL or in JSON."""
    yield secret
    yield quote(secret, safe="")
    yield secret.replace("\\", "\\\\").replace('"', '\\"')


def redactor_for(desired: Desired) -> Redactor:
    """Knows what the files say is secret."""
    return Redactor(secrets_of(desired))


def secrets_of(desired: Desired) -> frozenset[str]:
    """What the files say is secret, and services' tokens.

    Files say so by ``secrets``, variables that are called like one, passwords in URLs and the like.
    """
    return frozenset((*_shared_secrets(desired), *_variables(desired), *_tokens(desired)))


def _shared_secrets(desired: Desired) -> Iterable[str]:
    for shared in desired.secrets.values():
        text = shared.value.reveal() if shared.value is not None else _content(shared.file)
        yield text.strip()
        # A file of several lines is a key or a configuration, whose lines can show up one by one.
        yield from (line.strip() for line in text.splitlines())
        yield from _within(text)


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
    """Of all services of the files, as those that don't run may be asked to, or just have."""
    for service in {id(each): each for each in (*desired.services, *desired.everything.values())}.values():
        for name, value in _environment(service):
            if is_secret_name(name) and is_secret_value(value):
                yield value
            yield from _within(value)
        for argument in (*(service.command or ()), *(service.entrypoint or ())):
            yield from _within(argument)


def _environment(service: Service) -> Iterator[tuple[str, str]]:
    yield from service.environment.items()
    for hook in (*service.post_start, *service.pre_stop):
        yield from hook.environment.items()


def _within(text: str) -> Iterator[str]:
    """Secrets in the midst of a value: the password of a URL, and what follows ``password=``."""
    for found in _LOGIN.finditer(text):
        yield found["password"]
        yield unquote(found["password"])
    for found in _PAIR.finditer(text):
        if is_secret_name(found["name"]) and is_secret_value(found["value"]):
            yield found["value"]
