"""Collects what is wrong in the files, so that all of it is shown at once."""

from collections.abc import Callable, Iterable
from pathlib import Path

from msgspec import Struct
from msgspec.structs import replace

from boxship.names import closest
from boxship.spec.codes import ErrorCode, WarningCode
from boxship.where import Problem, Related, Where

MAX_SUGGESTIONS = 30
"""Comparing a word with 2,000 names takes 20 ms; a file with more mistakes than this has another problem."""

MAX_PROBLEMS = 1_000
"""Of errors, of warnings and of unset variables, each: nobody reads more, and a file can hold 400,000 of them."""

Rule = Callable[[str], str]
"""What the value at a key path must be, in words; "" when nothing is said about it."""


class _Use(Struct, frozen=True, order=True):
    where: Where
    path: str


class Report:
    """The problems found so far, each once even when YAML aliases show it in several places."""

    def __init__(self, *, is_lax: bool = False) -> None:
        self.is_lax = is_lax
        # Keeps the node, too: its id must not be given to another one.
        self._deferred: dict[int, tuple[object, Problem]] = {}
        self._suggestions_left = MAX_SUGGESTIONS
        self._problems: dict[tuple[Where, str], Problem] = {}
        self._numbers = dict.fromkeys((False, True), 0)
        self._left_out: dict[bool, Problem] = {}
        self._uses: dict[str, dict[Where, str]] = {}
        self._variables: frozenset[str] = frozenset()
        self._substituted: set[Where] = set()
        self._allowed: list[tuple[str, frozenset[str]]] = []
        self._rules: dict[str, Rule] = {}
        self.read: dict[Path, None] = {}
        """The files that were read so far, in order."""

    def error(
        self,
        where: Where,
        path: str,
        reason: str,
        hint: str = "",
        *,
        code: ErrorCode = "invalid-value",
        related: tuple[Related, ...] = (),
    ) -> None:
        self._add(Problem(where, path, reason, hint, code=code, related=related))

    def warn(
        self,
        where: Where,
        path: str,
        reason: str,
        hint: str = "",
        *,
        code: WarningCode = "doubtful",
        related: tuple[Related, ...] = (),
    ) -> None:
        self._add(Problem(where, path, reason, hint, is_warning=True, code=code, related=related))

    def stray(
        self,
        where: Where,
        path: str,
        reason: str,
        hint: str = "",
        *,
        code: ErrorCode = "unknown-key",
        related: tuple[Related, ...] = (),
    ) -> None:
        """A key that will not be obeyed: an error, or a warning for a lax reader."""
        self._add(Problem(where, path, reason, hint, is_warning=self.is_lax, code=code, related=related))

    def take_over(self, draft: "Report") -> None:
        """The problems of a reading that was only tried at first."""
        # All of it is of the same class, so its inside is ours.
        for problem in draft._problems.values():  # noqa: SLF001
            self._add(problem)
        for variable, uses in draft._uses.items():  # noqa: SLF001
            for where, path in uses.items():
                self.unset(variable, where, path, draft._variables)  # noqa: SLF001
        self._substituted |= draft._substituted  # noqa: SLF001

    def substituted(self, where: Where) -> None:
        """Remember that the value there was made from variables."""
        self._substituted.add(where)

    def is_literal(self, where: Where) -> bool:
        """Whether the value there stands in the file as it is."""
        return where not in self._substituted

    def unset(self, variable: str, where: Where, path: str, known: Iterable[str]) -> None:
        """A variable without a value was used; one warning tells all of its uses. ``known``: variables that are set."""
        self._variables = self._variables or frozenset(known)
        if variable in self._uses or len(self._uses) < MAX_PROBLEMS:
            self._uses.setdefault(variable, {}).setdefault(where, path)

    def allow(self, path: str, codes: Iterable[str]) -> None:
        """Warnings of these codes at ``path`` and below are known and wanted; "" is everywhere."""
        self._allowed.append((path, frozenset(codes)))

    def explain(self, file: str, rule: Rule) -> None:
        """Let errors about ``file`` that have no hint of their own tell the rule of their key."""
        self._rules[file] = rule

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
        key = (problem.where, problem.reason)
        if key in self._problems:
            return
        self._numbers[problem.is_warning] += 1
        if self._numbers[problem.is_warning] <= MAX_PROBLEMS:
            self._problems[key] = problem
        else:
            self._left_out.setdefault(problem.is_warning, problem)

    def _rest(self, *, is_warning: bool) -> list[Problem]:
        """What stands for the problems beyond those that are kept."""
        first = self._left_out.get(is_warning)
        if first is None:
            return []
        reason = f"{self._numbers[is_warning] - MAX_PROBLEMS:,} more problems are left out here"
        return [replace(first, where=Where(first.where.file), path="", reason=reason, hint="", related=())]

    @property
    def errors(self) -> list[Problem]:
        found = [self._explained(problem) for problem in self._problems.values() if not problem.is_warning]
        return [*found, *self._rest(is_warning=False)]

    @property
    def warnings(self) -> list[Problem]:
        """What is doubtful and was not allowed, sorted by place."""
        found = [problem for problem in self._problems.values() if problem.is_warning]
        wanted = (problem for problem in found if not self.is_allowed(problem.code, problem.path))
        return sorted([*wanted, *self._rest(is_warning=True), *self._unset_warnings()])

    @property
    def has_errors(self) -> bool:
        return any(not problem.is_warning for problem in self._problems.values())

    def _explained(self, problem: Problem) -> Problem:
        rule = self._rules.get(problem.where.file)
        if problem.hint or rule is None:
            return problem
        return replace(problem, hint=rule(problem.path))

    def is_allowed(self, code: str, path: str) -> bool:
        """Whether somebody said that warnings of this code are wanted there."""
        return any(code in codes and _is_below(path, above) for above, codes in self._allowed)

    def _unset_warnings(self) -> Iterable[Problem]:
        for variable, places in self._uses.items():
            uses = sorted(_Use(*use) for use in places.items() if not self.is_allowed("unset-variable", use[1]))
            if uses:
                yield self._unset_warning(variable, uses)

    def _unset_warning(self, variable: str, uses: list[_Use]) -> Problem:
        first, *others = uses
        extent = f"here and in {len(others)} other place{'s' * (len(others) != 1)}" if others else "here"
        return Problem(
            first.where,
            first.path,
            f"the variable {variable} is not set, so it is empty {extent}",
            self.suggest(variable, self._variables) or f"set it, or give it a default: ${{{variable}:-...}}",
            is_warning=True,
            code="unset-variable",
            related=tuple(Related(use.where, use.path) for use in others),
        )


def _is_below(path: str, above: str) -> bool:
    return not above or path == above or path.startswith((f"{above}.", f"{above}["))
