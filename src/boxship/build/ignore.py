"""Which files of a build context stay at home: the ``.dockerignore`` rules.

Source: the Dockerfile reference, "dockerignore file"; the order of rules, parents and exceptions as the Engine's
pattern matcher has them.
"""

import posixpath
import re
from collections.abc import Iterable
from itertools import groupby
from typing import NamedTuple

from msgspec import Struct

NO_RULE = -1
"""The verdict of no rule at all: the path goes along."""


class IgnoreRule(Struct, frozen=True):
    """One line. ``keeps``: the line began with "!" and brings files back."""

    pattern: str
    keeps: bool = False


class _Run(NamedTuple):
    """Rules in a row that say the same: one expression for all of them."""

    keeps: bool
    expression: re.Pattern[str]


class IgnoreRules(Struct, frozen=True):
    """All lines in order; the last that matches a path or one of its parents decides."""

    rules: tuple[IgnoreRule, ...] = ()
    runs: tuple[_Run, ...] = ()

    @classmethod
    def parse(cls, text: str) -> "IgnoreRules":
        """Read a file's text; comments, empty lines and "." are dropped.

        Raises:
            ValueError: A pattern can't be understood; the message is the pattern.
        """
        rules = tuple(_rules(text.removeprefix("\ufeff").splitlines()))
        for rule in rules:
            try:
                re.compile(_expression(rule.pattern))
            except re.error as err:
                raise ValueError(rule.pattern) from err
        grouped = groupby(rules, key=lambda rule: rule.keeps)
        runs = ((keeps, "|".join(_expression(rule.pattern) for rule in run)) for keeps, run in grouped)
        return cls(rules, tuple(_Run(keeps, re.compile(expression, re.DOTALL)) for keeps, expression in runs))

    def verdict(self, path: str, parents: int = NO_RULE) -> int:
        """Which run of rules decides about the path (relative, with "/"), ``NO_RULE`` when none does.

        ``parents``: the verdict on the folder that it is in. A walk that hands it down asks about each name once.
        """
        for index in range(len(self.runs) - 1, parents, -1):
            if self.runs[index].expression.fullmatch(path):
                return index
        return parents

    def is_out(self, verdict: int) -> bool:
        """Whether what has this verdict stays out of the context."""
        return verdict != NO_RULE and not self.runs[verdict].keeps

    def excludes(self, path: str) -> bool:
        """Whether the path stays out of the context; its parents are looked at, too."""
        verdict = NO_RULE
        for end in (*(at for at, character in enumerate(path) if character == "/"), len(path)):
            verdict = self.verdict(path[:end], verdict)
        return self.is_out(verdict)

    def excludes_all_below(self, directory: str) -> bool:
        """Whether an excluded directory needs no visit: no exception can reach into it."""
        return not any(_may_match_below(rule.pattern, directory) for rule in self.rules if rule.keeps)


def _rules(lines: Iterable[str]) -> Iterable[IgnoreRule]:
    for line in lines:
        if line.startswith("#") or not (pattern := line.strip()):
            continue
        keeps = pattern.startswith("!")
        pattern = pattern[1:].strip() if keeps else pattern
        pattern = posixpath.normpath(pattern).lstrip("/") if pattern else ""
        if pattern and pattern != ".":
            yield IgnoreRule(pattern, keeps)


def _may_match_below(pattern: str, directory: str) -> bool:
    literal = re.split(r"[*?\[\\]", pattern, maxsplit=1)[0]
    below = f"{directory}/"
    return literal.startswith(below) or (literal != pattern and below.startswith(literal)) or directory == literal


def _expression(pattern: str) -> str:
    out, at = "", 0
    while at < len(pattern):
        if pattern.startswith("**", at):
            at += 2
            if pattern.startswith("/", at):
                at += 1
                out += "(?:.*/)?"
            else:
                out += ".*"
            continue
        step, text = _token(pattern, at)
        out += text
        at += step
    return out


def _token(pattern: str, at: int) -> tuple[int, str]:
    """How many characters a token takes, and its regular expression."""
    character = pattern[at]
    if character == "*":
        return 1, "[^/]*"
    if character == "?":
        return 1, "[^/]"
    if character == "\\" and at + 1 < len(pattern):
        return 2, re.escape(pattern[at + 1])
    if character == "[" and (end := pattern.find("]", at + 2)) > 0:
        inner = pattern[at + 1 : end].replace("\\", "\\\\").replace("[", "\\[")
        return end + 1 - at, f"[{inner}]"
    return 1, re.escape(character)


class Verdict(NamedTuple):
    """What the context's rules and a part's own say about one path."""

    context: int = NO_RULE
    own: int = NO_RULE


class Sieve(Struct, frozen=True):
    """What of a folder gets into the context, by two sets of rules; paths are relative to the folder.

    ``context`` is the context's own set, which sees the paths below ``prefix``; ``own`` is the part's.
    """

    context: IgnoreRules = IgnoreRules()
    own: IgnoreRules = IgnoreRules()
    prefix: str = ""

    @property
    def lets_all_through(self) -> bool:
        """There are no rules at all."""
        return not self.context.runs and not self.own.runs

    def above(self) -> Verdict:
        """The verdict on the folder itself."""
        verdict = NO_RULE
        for at, character in enumerate(self.prefix):
            if character == "/":
                verdict = self.context.verdict(self.prefix[:at], verdict)
        return Verdict(verdict)

    def judge(self, path: str, above: Verdict) -> Verdict:
        """The verdict on a path whose folder has the verdict ``above``. "" stands for a root that is a file."""
        own = self.own.verdict(path, above.own) if path else above.own
        return Verdict(self.context.verdict(f"{self.prefix}{path}", above.context), own)

    def is_out(self, verdict: Verdict) -> bool:
        """Whether what has this verdict stays at home."""
        return self.context.is_out(verdict.context) or self.own.is_out(verdict.own)

    def may_let_through_below(self, path: str, verdict: Verdict) -> bool:
        """Whether a folder that stays at home may hold something that doesn't."""
        if self.context.is_out(verdict.context) and self.context.excludes_all_below(f"{self.prefix}{path}"):
            return False
        return not (self.own.is_out(verdict.own) and self.own.excludes_all_below(path))
