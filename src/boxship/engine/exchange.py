"""One HTTP/1.1 exchange after another, as values in and bytes out: who moves the bytes is no matter of this module.

h11 frames the messages. A full HTTP client costs three times as much to import as the whole rest of a short command
takes.
"""

from collections.abc import Generator
from typing import TypeVar

import h11

from boxship.engine.message import ConnectionBrokenError, Head, NotHttpError, Request

R = TypeVar("R")
Reading = Generator[None, bytes, R]
"""Asks for more bytes by yielding, is sent them (b"" at their end), and returns what it made of them."""
_HTTP = b"HTTP/"
_HEADERS_TOO_LARGE = 431
"""What h11 would answer, were it a server: more than 16 kB, and no end of them yet."""


class Exchanges:
    """The exchanges of one connection, one at a time."""

    def __init__(self) -> None:
        self._http = h11.Connection(h11.CLIENT)
        self._ended = False
        self.is_answered = False
        """Whether at least one byte of this exchange's answer has come."""
        self.is_reused = False

    def begin(self, request: Request) -> bytes:
        """The head of ``request``, and its ``body``."""
        head = h11.Request(method=request.method, target=request.target, headers=request.headers())
        return (self._http.send(head) or b"") + (self.part(request.body) if request.body else b"")

    def part(self, chunk: bytes) -> bytes:
        """One chunk of a long body."""
        return self._http.send(h11.Data(data=chunk)) or b""

    def end(self) -> bytes:
        """After the body."""
        return self._http.send(h11.EndOfMessage()) or b""

    def head(self) -> Reading[Head]:
        """Raises: ConnectionBrokenError, NotHttpError."""
        while True:
            event = yield from self._event()
            if isinstance(event, h11.Response) or (isinstance(event, h11.InformationalResponse) and _is_switch(event)):
                return Head(
                    event.status_code, {name.decode(): value.decode("latin-1") for name, value in event.headers}
                )

    def body(self) -> Reading[bytes]:
        """The next part of the body, b"" after the last. Raises: ConnectionBrokenError, NotHttpError."""
        event = yield from self._event()
        return bytes(event.data) if isinstance(event, h11.Data) else b""

    def _event(self) -> Reading[object]:
        try:
            while (event := self._http.next_event()) is h11.NEED_DATA:
                self._take(bytes((yield)))
        except h11.RemoteProtocolError as err:
            if self._ended:
                raise ConnectionBrokenError("it hung up", answered=self.is_answered) from err
            is_endless = err.error_status_hint == _HEADERS_TOO_LARGE
            raise NotHttpError("its headers don't end" if is_endless else str(err)) from err
        return event

    def _take(self, data: bytes) -> None:
        if data and not self.is_answered and not data.startswith(_HTTP[: len(data)]):
            raise NotHttpError(f"it begins with {data[:40]!r}")
        self.is_answered = self.is_answered or bool(data)
        self._ended = not data
        self._http.receive_data(data)

    def early(self) -> bytes:
        """What was read beyond the answer: after a switch of protocols, the first of what follows."""
        data, _closed = self._http.trailing_data
        return data

    def renew(self) -> bool:
        """Whether another exchange can follow: not when more came than was promised, which answers nothing."""
        if self._http.our_state is not h11.DONE or self._http.their_state is not h11.DONE or self.early():
            return False
        self._http.start_next_cycle()
        self.is_answered = False
        self.is_reused = True
        return True


def _is_switch(event: h11.InformationalResponse) -> bool:
    return event.status_code == 101
