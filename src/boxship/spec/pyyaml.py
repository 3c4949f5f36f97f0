"""PyYAML, whose own patterns are compiled when they are used.

Its pure-Python reader and resolver compile theirs at import, which takes longer than libyaml needs for a file; libyaml
uses none of them. A pattern that compiles itself at its first use behaves as the one that it stands for.
"""

import re
from typing import Any


class _Later:
    """A pattern that isn't compiled yet."""

    def __init__(self, pattern: str, flags: int = 0) -> None:
        self._given = (pattern, flags)

    def __getattr__(self, name: str) -> Any:
        return getattr(_compile(*self._given), name)


_compile = re.compile
re.compile = _Later  # type: ignore[assignment]  # for the next lines only
try:
    import yaml
    from yaml.events import (
        AliasEvent,
        CollectionStartEvent,
        DocumentStartEvent,
        Event,
        MappingEndEvent,
        MappingStartEvent,
        ScalarEvent,
        SequenceEndEvent,
        StreamEndEvent,
    )
finally:
    re.compile = _compile

__all__ = [
    "AliasEvent",
    "CollectionStartEvent",
    "DocumentStartEvent",
    "Event",
    "MappingEndEvent",
    "MappingStartEvent",
    "ScalarEvent",
    "SequenceEndEvent",
    "StreamEndEvent",
    "yaml",
]
