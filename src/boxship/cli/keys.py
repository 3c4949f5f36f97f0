"""The keys that leave a command running and give the terminal back. Pure."""

import re

from boxship.errors import UsageError

DEFAULT_KEYS = "ctrl-p,ctrl-q"
_CONTROL = re.compile(r"ctrl-([a-z@\[\\\]^_])")


def parse_keys(text: str) -> bytes:
    """``ctrl-p,ctrl-q`` as the bytes that a terminal sends for them. Raises: UsageError."""
    return b"".join(_key(word, text) for word in text.split(","))


def _key(word: str, text: str) -> bytes:
    if control := _CONTROL.fullmatch(word):
        return bytes([ord(control[1].upper()) & 0x1F])
    if len(word) == 1 and word.isascii() and word.isprintable():
        return word.encode()
    raise UsageError(
        f"--detach-keys wants keys with commas between them, not '{text}'",
        hint="each is one character, or ctrl- with one of a-z @ [ ] \\ ^ _: --detach-keys ctrl-x,d",
    )


class DetachKeys:
    """Finds the keys in what is typed, however it comes in pieces. What may be their beginning is held back."""

    def __init__(self, keys: bytes) -> None:
        self._keys = keys
        self._held = b""

    def feed(self, data: bytes) -> tuple[bytes, bool]:
        """What is to be passed on, and whether the keys were all typed; what follows them is dropped."""
        passed = bytearray()
        for number in data:
            self._held += bytes([number])
            while not self._keys.startswith(self._held):
                passed += self._held[:1]
                self._held = self._held[1:]
            if self._held == self._keys:
                return bytes(passed), True
        return bytes(passed), False
