"""Patterns that are compiled when they are used.

Modules compile theirs when they are imported: a hundred, ours and others', some over all of Unicode, and a command uses
a fifth of them.
"""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

_compile_now = re.compile


class _Later:
    """A pattern that isn't compiled yet; it behaves as the one that it stands for, and says that it is one."""

    __class__ = property(lambda self: re.Pattern)  # re.sub(pattern, ...) asks whether it is one

    def __init__(self, pattern: Any, flags: Any = 0) -> None:
        self._given = (pattern, flags)

    def __getattr__(self, name: str) -> Any:
        """Asked once for each name: what is found stays."""
        found = getattr(_compile_now(*self._given), name)
        setattr(self, name, found)
        return found


@contextmanager
def patterns_compiled_when_used() -> Iterator[None]:
    """For what is imported meanwhile. Tests import without this, and so find a pattern that is wrong."""
    re.compile = _Later  # type: ignore[assignment]  # until the end of the block
    try:
        yield
    finally:
        re.compile = _compile_now
