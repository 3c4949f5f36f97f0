"""A Dockerfile as its instructions: which images it begins from, and which line a step stands on.

Only what ordering builds needs is understood; everything else is the builder's. Source: the Dockerfile reference
(parser directives, escape, ARG before FROM, COPY --from) and the step numbers that the Engine's builder prints.
"""

import re
from collections.abc import Iterator, Mapping
from itertools import takewhile

from msgspec import Struct

_DIRECTIVE = re.compile(r"#\s*([a-zA-Z][a-zA-Z0-9]*)\s*=\s*(.+?)\s*$")
_HEREDOC = re.compile(r"(?<!<)<<(-?)([\"']?)([A-Za-z_][A-Za-z0-9_]*)\2")
_VARIABLE = re.compile(r"\$(?:\{(\w+)(?:(:?[-+])([^}]*))?\}|(\w+))")
_FLAG = re.compile(r"--([a-z]+)=(\S+)")
_MOUNT_FROM = re.compile(r"--mount=\S*?\bfrom=([^,\s]+)")
_PLATFORM_ARG = re.compile(r"(?:TARGET|BUILD)(?:PLATFORM|OS|ARCH|VARIANT)")
_BUILDKIT_FLAGS = {
    "RUN": frozenset({"--mount", "--network", "--security", "--device"}),
    "COPY": frozenset({"--chmod", "--link", "--parents", "--exclude"}),
    "ADD": frozenset({"--chmod", "--link", "--checksum", "--keep-git-dir", "--exclude", "--unpack"}),
}
PROXY_ARGS = frozenset({"http_proxy", "https_proxy", "ftp_proxy", "no_proxy", "all_proxy"})
"""Build arguments that need no ARG, in lower or upper case."""
_WITH_HEREDOC = frozenset({"RUN", "COPY", "ADD"})


class Instruction(Struct, frozen=True):
    """One instruction. ``line`` (from 1) is where it begins; ``keyword`` is upper case; continuations are joined."""

    line: int
    keyword: str
    rest: str
    has_heredoc: bool = False


class Dockerfile(Struct, frozen=True):
    """A parsed Dockerfile. Step n of a build is ``instructions[n - 1]``."""

    instructions: tuple[Instruction, ...]

    @classmethod
    def parse(cls, text: str) -> "Dockerfile":
        """Read the text leniently: what isn't understood is left for the builder to refuse."""
        return cls(tuple(_instructions(text.removeprefix("\ufeff"))))

    def line_of_step(self, step: int) -> int | None:
        """The line of the builder's step, counted from 1; None when there is no such step."""
        return self.instructions[step - 1].line if 0 < step <= len(self.instructions) else None

    def images(self, args: Mapping[str, str | None], target: str | None = None) -> tuple[str, ...]:
        """The references of the images it begins from or copies from, each once, in the file's order.

        Stages after ``target`` are never built and don't count; neither do ``scratch`` and the file's own stages.
        """
        found: dict[str, None] = {}
        for stage in self._wanted_stages(target):
            earlier = {name for other in self._stages[: stage.index] for name in (other.name, str(other.index)) if name}
            for reference in stage.references({**self._global_args(args)}):
                if reference and reference.lower() not in earlier and reference != "scratch":
                    found[reference] = None
        return tuple(found)

    def declares(self, name: str) -> bool:
        """Whether a build argument of this name has any effect."""
        if name.lower() in PROXY_ARGS:
            return True
        words = (word for each in self.instructions if each.keyword == "ARG" for word in each.rest.split())
        return any(word.partition("=")[0] == name for word in words)

    def buildkit_need(self, args: Mapping[str, str | None]) -> tuple[int, str] | None:
        """The first line that only BuildKit understands, and what is on it; None when there is none."""
        for each in self.instructions:
            words = each.rest.split()
            flags = {word.partition("=")[0] for word in takewhile(lambda word: word.startswith("--"), words)}
            if only := sorted(flags & _BUILDKIT_FLAGS.get(each.keyword, frozenset())):
                return each.line, f"{each.keyword} {only[0]}"
            if each.keyword in _WITH_HEREDOC and each.has_heredoc:
                return each.line, f"a heredoc after {each.keyword}"
            if each.keyword == "ARG":
                for word in words:
                    if _PLATFORM_ARG.fullmatch(word) and args.get(word) is None:
                        return each.line, f"ARG {word}, which only BuildKit sets"
        return None

    @property
    def _stages(self) -> "tuple[_Stage, ...]":
        starts = [at for at, instruction in enumerate(self.instructions) if instruction.keyword == "FROM"]
        ends = [*starts[1:], len(self.instructions)]
        return tuple(
            _Stage(index, self.instructions[start:end])
            for index, (start, end) in enumerate(zip(starts, ends, strict=False))
        )

    def _wanted_stages(self, target: str | None) -> "tuple[_Stage, ...]":
        for stage in self._stages:
            if target and target.lower() in (stage.name, str(stage.index)):
                return self._stages[: stage.index + 1]
        return self._stages

    def _global_args(self, args: Mapping[str, str | None]) -> dict[str, str]:
        values: dict[str, str] = {}
        for instruction in self.instructions:
            if instruction.keyword == "FROM":
                break
            if instruction.keyword != "ARG":
                continue
            for word in instruction.rest.split():
                name, has_default, default = word.partition("=")
                given = args.get(name)
                if given is not None:
                    values[name] = given
                elif has_default:
                    values[name] = _expand(_unquote(default), values)
        return values


class _Stage(Struct, frozen=True):
    index: int
    instructions: tuple[Instruction, ...]

    @property
    def name(self) -> str:
        words = self._from_words()
        return words[2].lower() if len(words) >= 3 and words[1].upper() == "AS" else ""

    def references(self, values: Mapping[str, str]) -> Iterator[str]:
        if words := self._from_words():
            yield _expand(_unquote(words[0]), values)
        for instruction in self.instructions[1:]:
            if instruction.keyword in ("COPY", "ADD"):
                yield from (value for flag, value in _leading_flags(instruction.rest) if flag == "from")
            elif instruction.keyword == "RUN":
                yield from _MOUNT_FROM.findall(instruction.rest)

    def _from_words(self) -> list[str]:
        return [word for word in self.instructions[0].rest.split() if not word.startswith("--")]


def _instructions(text: str) -> Iterator[Instruction]:
    lines = text.splitlines()
    escape = _escape_character(lines)
    at = 0
    while at < len(lines):
        start, joined = at, ""
        while at < len(lines):
            line = lines[at]
            at += 1
            if line.lstrip().startswith("#") or not line.strip():
                # Comments and empty lines inside a continuation vanish; outside one nothing has been joined yet.
                if not joined:
                    start = at
                continue
            body = line.rstrip()
            if body.endswith(escape):
                joined += body[:-1]
                continue
            joined += body
            break
        if words := joined.split(maxsplit=1):
            keyword, rest = words[0].upper(), words[1] if len(words) == 2 else ""
            end = _after_heredocs(lines, at, rest) if keyword in _WITH_HEREDOC else at
            yield Instruction(start + 1, keyword, rest, has_heredoc=end > at)
            at = end


def _escape_character(lines: list[str]) -> str:
    for line in lines:
        directive = _DIRECTIVE.match(line.strip())
        if directive is None:
            break
        if directive[1].lower() == "escape" and directive[2] in ("\\", "`"):
            return directive[2]
    return "\\"


def _after_heredocs(lines: list[str], at: int, rest: str) -> int:
    for dash, _, delimiter in _HEREDOC.findall(rest):
        end = at
        while end < len(lines) and (lines[end].lstrip("\t") if dash else lines[end]) != delimiter:
            end += 1
        if end < len(lines):
            at = end + 1
    return at


def _leading_flags(rest: str) -> Iterator[tuple[str, str]]:
    for word in rest.split():
        if not word.startswith("--"):
            return
        if flag := _FLAG.fullmatch(word):
            yield flag[1], flag[2]


def _unquote(word: str) -> str:
    return word[1:-1] if len(word) >= 2 and word[0] == word[-1] and word[0] in "\"'" else word


def _expand(word: str, values: Mapping[str, str]) -> str:
    def value_of(match: re.Match[str]) -> str:
        braced, operator, alternative, bare = match.groups()
        value = values.get(braced or bare)
        is_set = value is not None and (bool(value) or not (operator or "").startswith(":"))
        if operator and operator.endswith("-"):
            return value or "" if is_set else alternative
        if operator:
            return alternative if is_set else ""
        return value or ""

    return _VARIABLE.sub(value_of, word)
