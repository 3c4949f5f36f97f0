"""One route as a value: what the router serves, what the description (OpenAPI) says, and what the tests compare."""

from collections.abc import Awaitable, Callable, Mapping
from enum import StrEnum
from typing import TypeVar

from msgspec import Struct, field

from boxship.clock import Clock
from boxship.errors import BugError
from boxship.loader.access import Journal, Tokens
from boxship.loader.box import Box
from boxship.loader.power import HostPower
from boxship.serve.closing import Closing
from boxship.serve.gate import Caller
from boxship.serve.streams import Stream

T = TypeVar("T")


class Doors(Struct, frozen=True):
    """What the API asks."""

    box: Box
    power: HostPower
    tokens: Tokens
    journal: Journal
    clock: Clock
    closing: Closing


class QueryKind(StrEnum):
    FLAG = "boolean"
    COUNT = "integer"
    TEXT = "string"


TRUE = ("1", "true", "yes", "on", "")
FALSE = ("0", "false", "no", "off")
LONGEST_TEXT = 256


class Query(Struct, frozen=True):
    """One thing that may stand behind the question mark. A COUNT lies between 0 and ``most``."""

    name: str
    kind: QueryKind
    text: str
    most: int = 10_000


class Call(Struct, frozen=True):
    """One request, with everything checked that its route says."""

    caller: Caller
    path: Mapping[str, str]
    query: Mapping[str, bool | int | str]
    body: Struct | None = None
    accept: str = ""
    last_event_id: str = ""

    def body_as(self, kind: type[T]) -> T:
        if not isinstance(self.body, kind):
            raise BugError(f"the route has no body {kind.__name__}")
        return self.body

    def flag(self, name: str) -> bool:
        return bool(self.query.get(name, False))

    def count(self, name: str) -> int | None:
        found = self.query.get(name)
        return int(found) if found is not None else None

    def text(self, name: str) -> str:
        return str(self.query.get(name, ""))


class Reply(Struct, frozen=True):
    """``body`` is a Struct, a mapping or a sequence of them; it is sent as JSON. ``outcome``: for the audit."""

    body: object
    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)
    outcome: str = "done"


class PlainReply(Struct, frozen=True):
    """Text as it is."""

    text: str
    status: int = 200
    media_type: str = "text/plain; charset=utf-8"
    outcome: str = "done"


Handled = Reply | PlainReply | Stream
Handle = Callable[[Doors, Call], Awaitable[Handled]]


class Answer(Struct, frozen=True):
    """``body`` None: none, or text of ``media_types``."""

    status: int
    text: str
    body: type | None = None
    media_types: tuple[str, ...] = ("application/json",)


class Route(Struct, frozen=True):
    """``scope`` may name a part of the path: ``logs:{name}``. ``action`` "": it changes nothing, so it isn't audited.

    ``is_frequent``: it comes again and again, so of those that are alike one an hour is audited.
    ``problems``: what it may answer besides what all may: status -> when.
    """

    method: str
    path: str
    name: str
    text: str
    handle: Handle
    answers: tuple[Answer, ...]
    scope: str = "read"
    action: str = ""
    is_frequent: bool = False
    body: type[Struct] | None = None
    queries: tuple[Query, ...] = ()
    problems: Mapping[int, str] = field(default_factory=dict)
