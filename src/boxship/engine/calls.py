"""Calls to the engine's API as values: version, deadlines, errors; who makes them is no matter of this module.

The version costs no round trip of its own when the first call can do without one: the engine answers an unversioned
call in its newest version, and every answer names that version in a header.

The records of this room are named tuples where they can be: each costs 0.15 ms at import, a frozen dataclass 0.9 ms.
"""

import contextlib
import json
import math
from collections.abc import AsyncIterator, Iterator, Mapping
from types import MappingProxyType
from urllib.parse import quote, urlencode

from msgspec import Struct
from msgspec.structs import asdict

from boxship.engine.address import Address
from boxship.engine.faults import broken_off, not_an_engine, refused, timed_out, unreadable
from boxship.engine.message import ConnectionBrokenError, Head, NotHttpError, Request
from boxship.errors import EngineError, UsageError

OLDEST_API = (1, 40)
"""Docker 19.03: the oldest whose networks, health checks and filters are what is relied on."""
NEWEST_API = (1, 49)
"""Docker 28.1: the newest whose requests encode.py was written for; newer engines still speak it."""
ANSWER_BYTES = 64 * 1024 * 1024
"""No list of any engine comes near this."""
TIMEOUT_VARIABLE = "BOXSHIP_ENGINE_TIMEOUT"
"""The environment variable with the seconds for a quick call; the other deadlines grow and shrink with it."""
IDLE_VARIABLE = "BOXSHIP_ENGINE_IDLE_TIMEOUT"
"""The environment variable with the seconds that a pull, push, build or copy may be silent."""
_LEAST_S, _MOST_QUICK_S, _MOST_IDLE_S = 0.1, 3600.0, 86_400.0


class Deadlines(Struct, frozen=True):
    """Seconds that each kind of call may take. Tests shrink them, and so can two environment variables."""

    connect_s: float = 5.0
    """A local socket is accepted in microseconds; a deadlocked engine with a full backlog never does it."""
    quick_s: float = 30.0
    """Lists and inspections take milliseconds; under a load of 20 they have taken seconds."""
    create_s: float = 120.0
    """A create may copy an image's directories into a new volume."""
    start_s: float = 120.0
    """A start is 0.3 CPU seconds, times all the starts that wait beside it on a slow machine."""
    stop_extra_s: float = 30.0
    """On top of the grace time: to kill, and to take the network down."""
    remove_s: float = 60.0
    """Deleting a large writable layer from a slow disk."""
    idle_s: float = 600.0
    """Pulls, builds and loads: this long without one byte (a quiet compile in a RUN line is legitimate)."""

    @staticmethod
    def from_environment(environment: Mapping[str, str]) -> "Deadlines":
        """For a machine that is much slower or faster than most.

        All but ``idle_s``, which is the work's own, in the proportion of BOXSHIP_ENGINE_TIMEOUT to ``quick_s``;
        that one by BOXSHIP_ENGINE_IDLE_TIMEOUT.

        Raises: UsageError when one of them is no number of seconds.
        """
        usual = Deadlines()
        quick_s = _seconds(environment, TIMEOUT_VARIABLE, usual.quick_s, _MOST_QUICK_S)
        idle_s = _seconds(environment, IDLE_VARIABLE, usual.idle_s, _MOST_IDLE_S)
        scaled = {name: seconds * quick_s / usual.quick_s for name, seconds in asdict(usual).items()}
        return Deadlines(**{**scaled, "idle_s": idle_s})


def _seconds(environment: Mapping[str, str], variable: str, usual_s: float, most_s: float) -> float:
    text = environment.get(variable, "")
    if not text:
        return usual_s
    try:
        seconds = float(text)
    except ValueError:
        seconds = math.nan
    if not _LEAST_S <= seconds <= most_s:
        raise UsageError(
            f"{variable} is '{text}', and has to be a number of seconds",
            hint=f"from {_LEAST_S:g} to {most_s:g}, or leave it unset for {usual_s:g}",
        )
    return seconds


class Call(Struct, frozen=True):
    """One call. ``what`` says it in words, for errors: "stop share.web"."""

    method: str
    path: str
    what: str
    deadline_s: float
    query: Mapping[str, str | tuple[str, ...]] = MappingProxyType({})
    """A tuple repeats the parameter."""
    body: object = None
    """Sent as JSON when it isn't None."""
    chunks: AsyncIterator[bytes] | None = None
    content_type: str = "application/json"
    length: int | None = None
    upgrade: bool = False
    headers: Mapping[str, str] = MappingProxyType({})

    @property
    def is_safe(self) -> bool:
        """Whether it changes nothing, so that it may be repeated."""
        return self.method in ("GET", "HEAD")


class Answer(Struct, frozen=True):
    """An answer that said yes."""

    status: int
    body: bytes
    headers: Mapping[str, str] = MappingProxyType({})
    """Their names in lower case."""


class Telling(Struct, frozen=True):
    """How the failures of one call are told."""

    call: Call
    address: Address
    limit_s: float

    @contextlib.contextmanager
    def failures(self) -> Iterator[None]:
        """Turns what the connection raises into errors for people."""
        try:
            yield
        except TimeoutError as err:
            raise timed_out(self.call.what, self.limit_s) from err
        except ConnectionBrokenError as err:
            raise broken_off(self.call.what, str(err), takes_effect=not self.call.is_safe) from err
        except NotHttpError as err:
            raise not_an_engine(self.call.what, str(self.address), str(err)) from err


class Dialect:
    """How to talk to the engine at one address: in which version, once that is known."""

    def __init__(self, address: Address) -> None:
        self._address = address
        self.version: tuple[int, int] | None = None

    def request(self, call: Call) -> Request:
        """How ``call`` is sent."""
        prefix = f"/v{self.version[0]}.{self.version[1]}" if self.version else ""
        query = f"?{urlencode(call.query, doseq=True)}" if call.query else ""
        body = b"" if call.body is None else json.dumps(call.body).encode()
        return Request(
            call.method,
            f"{prefix}{call.path}{query}",
            body=body,
            content_type=call.content_type,
            chunks=call.chunks,
            length=call.length,
            upgrade=call.upgrade,
            more=call.headers,
        )

    def judge(self, call: Call, head: Head, body: bytes) -> None:
        """Raises: what ``faults.refused`` makes of an error status; EngineError for an engine that is too old."""
        if head.status >= 400:
            raise refused(call.what, head.status, body)
        if self.version is None:
            self.version = self._agree(call, head.headers.get("api-version", ""))

    def _agree(self, call: Call, offered: str) -> tuple[int, int]:
        major, _, minor = offered.partition(".")
        if not (major.isdecimal() and minor.isdecimal()):
            raise not_an_engine(call.what, str(self._address), "no API version in the answer")
        newest = (int(major), int(minor))
        if newest < OLDEST_API:
            raise EngineError(
                f"the container engine at {self._address} is too old: it speaks API {offered}, "
                f"and {OLDEST_API[0]}.{OLDEST_API[1]} is needed",
                hint="upgrade it to Docker 19.03 or newer",
            )
        return min(newest, NEWEST_API)


def path_of(*parts: str) -> str:
    """A path whose ``parts`` are quoted: ``("images", "a/b:1", "json")`` -> ``/images/a/b:1/json``."""
    return "".join(f"/{quote(part, safe='/:@')}" for part in parts)


class Parts:
    """An answer's body while it comes, as long as it isn't too long."""

    def __init__(self, what: str) -> None:
        self._what = what
        self._parts: list[bytes] = []
        self._size = 0

    def add(self, part: bytes) -> bool:
        """Whether to go on reading. Raises: EngineError when it is longer than any answer."""
        self._parts.append(part)
        self._size += len(part)
        if self._size > ANSWER_BYTES:
            raise unreadable(self._what, f"it is longer than {ANSWER_BYTES} bytes")
        return bool(part)

    def joined(self) -> bytes:
        """All that was added."""
        return b"".join(self._parts)
