"""Which files of a build context stay at home: the ``.dockerignore`` rules.

Source: the Dockerfile reference, "dockerignore file"; the order of rules, parents and exceptions as the Engine's
pattern matcher has them.
"""

import posixpath
import re
from collections.abc import Iterable
from functools import cache

from msgspec import Struct


class IgnoreRule(Struct, frozen=True):
    """One line. ``keeps``: the line began with "!" and brings files back."""

    pattern: str
    keeps: bool = False


class IgnoreRules(Struct, frozen=True):
    """All lines in order; the last that matches a path or one of its parents decides."""

    rules: tuple[IgnoreRule, ...] = ()

    @classmethod
    def parse(cls, text: str) -> "IgnoreRules":
        """Read a file's text; comments, empty lines and "." are dropped.

        Raises:
            ValueError: A pattern can't be understood; the message is the pattern.
        """
        rules = tuple(_rules(text.removeprefix("\ufeff").splitlines()))
        for rule in rules:
            try:
                _compiled(rule.pattern)
            except re.error as err:
                raise ValueError(rule.pattern) from err
        return cls(rules)

    def excludes(self, path: str) -> bool:
        """Whether the path (relative, with "/") stays out of the context."""
        candidates = list(_self_and_parents(path))
        is_out = False
        for rule in self.rules:
            # A rule that wouldn't change the verdict needs no matching.
            if rule.keeps == is_out and any(_compiled(rule.pattern).fullmatch(one) for one in candidates):
                is_out = not rule.keeps
        return is_out

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


def _self_and_parents(path: str) -> Iterable[str]:
    while path:
        yield path
        path = posixpath.dirname(path)


def _may_match_below(pattern: str, directory: str) -> bool:
    literal = re.split(r"[*?\[\\]", pattern, maxsplit=1)[0]
    below = f"{directory}/"
    return literal.startswith(below) or (literal != pattern and below.startswith(literal)) or directory == literal


@cache
def _compiled(pattern: str) -> re.Pattern[str]:
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
    return re.compile(out, re.DOTALL)


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
