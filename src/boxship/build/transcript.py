"""What a builder said, line by line, and where in the Dockerfile it failed.

Source: the lines of the Engine's builder ("Step 3/4 : RUN ..."), and of BuildKit with ``--progress=plain``
("#7 [stage 3/4] RUN ...", "#7 0.31 output", "#7 ERROR: ..."), 20.10 to 28.
"""

import re
from collections import deque
from collections.abc import Sequence

from msgspec import Struct, field

from boxship.build.dockerfile import Dockerfile

_OUTPUT_LINES = 30
_STEP = re.compile(r"Step (\d+)/(\d+) : (.*)")
_MADE = re.compile(r"\s*---> ([0-9a-f]{12,64})$")
_BOOKKEEPING = re.compile(r"\s*---> |Removing intermediate container ")
_PARSE_ERROR = re.compile(r"parse error (?:on )?line (\d+)")
_VERTEX = re.compile(r"#(\d+) (.*)")
_NAMED = re.compile(r"\[(?:\S+ )??(?:(\S+) )?(\d+)/(\d+)\] (.*)")
_OUTPUT = re.compile(r"\d+\.\d+ (.*)")
_SOLVE = re.compile(r"(?:ERROR: )?(failed to (?:solve|build|compute).*|.*parse error.*)")
_SOURCE_LINE = re.compile(r"\S*:(\d+)$")
_NOISE = re.compile(r"(?:sha256:\S+|DONE .*|CACHED|transferring .*|extracting .*|resolve .*)")


class Transcript(Struct):
    """What was said so far. ``made``: the beginnings of the ids of images that steps made or found."""

    step: int = 0
    steps: int = 0
    instruction: str = ""
    made: list[str] = field(default_factory=list)
    tail: deque[str] = field(default_factory=lambda: deque(maxlen=_OUTPUT_LINES))
    reason: str = ""
    """The builder's own last word, where it comes among the lines."""
    line: int = 0
    """The Dockerfile's line that failed, where the builder names it; otherwise 0."""

    def place(self, dockerfile: Dockerfile, reason: str = "") -> int | None:
        """The line of the Dockerfile that it stopped at, None when that isn't known."""
        if error := _PARSE_ERROR.search(reason or self.reason):
            return int(error[1])
        return self.line or dockerfile.line_of_step(self.step)


class EngineTranscript(Transcript):
    """Of the engine's own builder, where steps are counted through the whole file."""

    def add(self, line: str) -> str:
        """Take a line in; give back what a person wants to see of it, "" for nothing."""
        if step := _STEP.match(line):
            self.step, self.steps, self.instruction = int(step[1]), int(step[2]), step[3]
        elif made := _MADE.match(line):
            self.made.append(f"sha256:{made[1]}")
        if not line.strip() or _BOOKKEEPING.match(line):
            return ""
        self.tail.append(line)
        return line


class BuildKitTranscript(Transcript):
    """Of BuildKit, where several steps run side by side, and each stage counts its own."""

    names: dict[str, tuple[int, int, str]] = field(default_factory=dict)
    is_failing: bool = False
    last: str = ""

    def add(self, line: str) -> str:
        """Take a line in; give back what a person wants to see of it, "" for nothing."""
        if vertex := _VERTEX.match(line):
            return self._add_vertex(vertex[1], vertex[2])
        if solve := _SOLVE.match(line):
            self.reason = self.reason or solve[1]
        elif line.startswith("---") and (source := _SOURCE_LINE.match(self.last)):
            self.line = int(source[1])
        self.last = line
        return ""

    def place(self, dockerfile: Dockerfile, reason: str = "") -> int | None:
        found = super().place(Dockerfile(()), reason)
        return found or _line_of(self.instruction, dockerfile)

    def _add_vertex(self, number: str, text: str) -> str:
        if named := _NAMED.fullmatch(text):
            step = self.names[number] = (int(named[2]), int(named[3]), named[4])
            if not self.is_failing:
                self.step, self.steps, self.instruction = step
            shown = f"Step {named[2]}/{named[3]} : {named[4]}"
            self.tail.append(shown)
            return shown
        if text.startswith("ERROR: "):
            self.is_failing, self.reason = True, self.reason or text.removeprefix("ERROR: ")
            self.step, self.steps, self.instruction = self.names.get(number, (0, 0, ""))
        elif (said := _OUTPUT.fullmatch(text)) and number in self.names:
            self.tail.append(said[1])
            return said[1]
        elif not _NOISE.fullmatch(text) and number in self.names:
            self.tail.append(text)
        return ""


def _line_of(instruction: str, dockerfile: Dockerfile) -> int | None:
    """Where the instruction stands that is shown so; variables in it may be shown with their values."""
    words = instruction.split()
    if not words:
        return None
    shown = [(each.line, [each.keyword, *each.rest.split()]) for each in dockerfile.instructions]
    alike = [(line, _alike(words, theirs)) for line, theirs in shown if theirs[0] == words[0].upper()]
    best = max(alike, key=lambda one: one[1], default=(0, 0))
    return best[0] if best[1] > 1 else None


def _alike(one: Sequence[str], other: Sequence[str]) -> int:
    """How many words are the same, from the first on; an equal whole counts one more."""
    same = 0
    for mine, theirs in zip(one[1:], other[1:], strict=False):
        if mine != theirs:
            break
        same += 1
    return same + 1 + (len(one) == len(other) == same + 1)
