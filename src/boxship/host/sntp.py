"""How wrong this host's clock is, by one question to an NTP server.

Source: RFC 4330 (SNTP version 4), sections 4 and 5. A library would be larger than this: the kernel's clock is not set
here, only compared, and a wrong answer must be told from a late one.
"""

import asyncio
import secrets
import struct
import time
from typing import Any

NTP_PORT = 123
_PACKET = struct.Struct("!BBbb11I")
_UNIX_EPOCH = 2_208_988_800
"""Seconds from 1900 to 1970."""
_ERA_S = 2**32
_CLIENT, _SERVER, _VERSION = 3, 4, 4
_UNSYNCHRONIZED = 3


class SntpError(Exception):
    """The server's answer can't be used; the text says why."""


async def clock_offset_s(server: str, port: int = NTP_PORT) -> float:
    """Seconds that this host's clock is behind the server's (negative: ahead). The caller has the deadline.

    Raises: OSError when it can't be asked; SntpError when it isn't to be trusted with the time.
    """
    loop = asyncio.get_running_loop()
    # Not the time but a number that can't be guessed: who sends a false answer must have seen the question.
    nonce = secrets.randbits(32), secrets.randbits(32)
    request = _PACKET.pack(_VERSION << 3 | _CLIENT, 0, 0, 0, *[0] * 9, *nonce)
    transport, asked = await loop.create_datagram_endpoint(lambda: _Asked(nonce), remote_addr=(server, port))
    try:
        sent_at, began = time.time(), time.monotonic()
        transport.sendto(request)
        answer, heard = await asked.answer
        return offset_in(answer, sent_at, sent_at + (heard - began))
    finally:
        transport.close()


def offset_in(answer: bytes, sent_at: float, heard_at: float) -> float:
    """The offset that an answer tells, given this clock's times of question and answer. Raises: SntpError."""
    first, stratum, _, _, *words = _PACKET.unpack(answer[: _PACKET.size])
    if first & 7 != _SERVER:
        raise SntpError("the answer isn't a server's")
    if stratum == 0:
        kiss = struct.pack("!I", words[2]).decode("ascii", "replace")
        raise SntpError(f"it doesn't want to be asked ({''.join(c for c in kiss if c.isalnum())})")
    if first >> 6 == _UNSYNCHRONIZED or stratum > 15:
        raise SntpError("it doesn't know the time itself")
    received, sent = (_seconds(words[at], words[at + 1], sent_at) for at in (7, 9))
    return ((received - sent_at) + (sent - heard_at)) / 2


def _seconds(whole: int, fraction: int, near: float) -> float:
    """Unix time of a stamp. Stamps wrap in 2036: the era is the one in which this clock, or nearly, lives."""
    stamp = whole - _UNIX_EPOCH + fraction / _ERA_S
    return stamp + _ERA_S * round((near - stamp) / _ERA_S)


class _Asked(asyncio.DatagramProtocol):
    """The first answer to this very question; all else is noise."""

    def __init__(self, nonce: tuple[int, int]) -> None:
        self.answer: asyncio.Future[tuple[bytes, float]] = asyncio.get_running_loop().create_future()
        self._echo = struct.pack("!2I", *nonce)

    def datagram_received(self, data: bytes, addr: Any) -> None:
        is_answer = len(data) >= _PACKET.size and data[24:32] == self._echo
        if is_answer and not self.answer.done():
            self.answer.set_result((data, time.monotonic()))

    def error_received(self, exc: Exception) -> None:
        if not self.answer.done():
            self.answer.set_exception(exc)
