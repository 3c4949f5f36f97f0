"""Where a value was written, and what is wrong with it: the addresses of all messages about files."""

from collections.abc import Iterator

from msgspec import Struct


class Where(Struct, frozen=True, order=True):
    """A place in a file that a person wrote. ``line`` and ``column`` count from 1; 0 means "the file as a whole"."""

    file: str
    line: int = 0
    column: int = 0

    def __str__(self) -> str:
        if self.line == 0:
            return self.file
        return f"{self.file}:{self.line}:{self.column}"


class Placed(Struct, frozen=True):
    """Remembers in its field ``where`` where it was written, which doesn't count when two are compared."""

    def __eq__(self, other: object) -> bool:
        if type(self) is not type(other):
            return NotImplemented
        return all(getattr(self, name) == getattr(other, name) for name in self._compared())

    def __hash__(self) -> int:
        return hash(tuple(getattr(self, name) for name in self._compared()))

    def _compared(self) -> Iterator[str]:
        return (name for name in self.__struct_fields__ if name != "where")


class Problem(Struct, frozen=True, order=True):
    """One thing that is wrong (or doubtful, when ``is_warning``) in the files, as data.

    ``path`` is the dotted key path (``services.web.ports[0]``), ``reason`` the sentence, ``hint`` the next step or "".
    """

    where: Where
    path: str
    reason: str
    hint: str = ""
    is_warning: bool = False

    def __str__(self) -> str:
        address = f"{self.where}: {self.path}: " if self.path else f"{self.where}: "
        hint = f" ({self.hint})" if self.hint else ""
        return f"{address}{self.reason}{hint}"
