"""Where a value was written, and what is wrong with it: the addresses of all messages about files."""

from collections.abc import Iterator

from msgspec import Struct


class Where(Struct, frozen=True, order=True, gc=False):
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


class Related(Struct, frozen=True, order=True):
    """Another place that belongs to a problem, and what is there."""

    where: Where
    text: str

    def __str__(self) -> str:
        return f"{self.text} at {self.where}"


MAX_RELATED_SHOWN = 3
"""A sentence that lists more places isn't read; data holds all of them."""


class Problem(Struct, frozen=True, order=True):
    """One thing that is wrong (or doubtful, when ``is_warning``) in the files, as data.

    ``path`` is the dotted key path (``services.web.ports[0]``), ``reason`` the sentence, ``hint`` the next step or "".
    ``code`` names the kind of problem for programs; ``spec.codes`` lists them.
    """

    where: Where
    path: str
    reason: str
    hint: str = ""
    is_warning: bool = False
    code: str = ""
    related: tuple[Related, ...] = ()

    @property
    def title(self) -> str:
        """The address and the sentence, without the next step."""
        return f"{self.where}: {self.path}: {self.reason}" if self.path else f"{self.where}: {self.reason}"

    def __str__(self) -> str:
        shown = self.related[:MAX_RELATED_SHOWN]
        left = len(self.related) - len(shown)
        places = ", ".join((*map(str, shown), *([f"and {left} more"] if left else [])))
        extra = "; ".join(text for text in (self.hint, places) if text)
        return f"{self.title} ({extra})" if extra else self.title

    def as_data(self) -> dict[str, object]:
        """What ``--json`` prints of it; keys are promised."""
        return {
            "severity": "warning" if self.is_warning else "error",
            "code": self.code,
            **_place(self.where),
            "path": self.path,
            "reason": self.reason,
            "hint": self.hint,
            "related": [{**_place(each.where), "text": each.text} for each in self.related],
        }


def _place(where: Where) -> dict[str, object]:
    return {"file": where.file, "line": where.line, "column": where.column}
