"""Collects what is wrong in the files, so that all of it is shown at once."""

from collections.abc import Iterable

from boxship.names import closest
from boxship.where import Problem, Where

MAX_SUGGESTIONS = 30
"""Comparing a word with 2,000 names takes 20 ms; a file with more mistakes than this has another problem."""


class Report:
    """The problems found so far, each once even when YAML aliases show it in several places."""

    def __init__(self, *, is_lax: bool = False) -> None:
        self.is_lax = is_lax
        # Keeps the node, too: its id must not be given to another one.
        self._deferred: dict[int, tuple[object, Problem]] = {}
        self._suggestions_left = MAX_SUGGESTIONS
        self._problems: dict[tuple[Where, str], Problem] = {}

    def error(self, where: Where, path: str, reason: str, hint: str = "") -> None:
        self._add(Problem(where, path, reason, hint))

    def warn(self, where: Where, path: str, reason: str, hint: str = "") -> None:
        self._add(Problem(where, path, reason, hint, is_warning=True))

    def stray(self, where: Where, path: str, reason: str, hint: str = "") -> None:
        """A key that will not be obeyed: an error, or a warning for a lax reader."""
        self._add(Problem(where, path, reason, hint, is_warning=self.is_lax))

    def defer(self, node: object, problem: Problem) -> None:
        """Remember a problem that a later file may still solve; :meth:`settle` reports it if none did."""
        self._deferred[id(node)] = (node, problem)

    @property
    def has_deferred(self) -> bool:
        return bool(self._deferred)

    def is_deferred(self, node: object) -> bool:
        return id(node) in self._deferred

    def settle(self, node: object) -> None:
        """Report what was deferred about ``node``, which is part of the result after all."""
        self._add(self._deferred[id(node)][1])

    def suggest(self, word: str, known: Iterable[str]) -> str:
        """A "did you mean" hint, or "" when nothing is near."""
        if self._suggestions_left == 0:
            return ""
        self._suggestions_left -= 1
        near = closest(word, sorted(known))
        return f"did you mean '{near}'?" if near else ""

    def _add(self, problem: Problem) -> None:
        self._problems.setdefault((problem.where, problem.reason), problem)

    @property
    def errors(self) -> list[Problem]:
        return [problem for problem in self._problems.values() if not problem.is_warning]

    @property
    def warnings(self) -> list[Problem]:
        return sorted(problem for problem in self._problems.values() if problem.is_warning)

    @property
    def has_errors(self) -> bool:
        return any(not problem.is_warning for problem in self._problems.values())
