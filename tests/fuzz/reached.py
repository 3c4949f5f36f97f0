"""How many lines of ``spec/`` a corpus reaches: a figure that people understand better than a fuzzer's edges."""

import sys
import tempfile
from functools import cache
from importlib import import_module
from pathlib import Path
from types import CodeType, FrameType, ModuleType
from typing import Any

import boxship.spec
from tests.fuzz.attempt import attempt
from tests.fuzz.case import decode


def reached_lines(corpus: Path) -> tuple[int, int]:
    """How many lines inside functions the inputs reach, and how many there are."""
    modules = [import_module(f"boxship.spec.{path.stem}") for path in Path(boxship.spec.__path__[0]).glob("[a-z]*.py")]
    lines = {(module.__file__ or "", line) for module in modules for line in _lines_of(module)}
    files, reached = {file for file, _ in lines}, set[tuple[str, int]]()

    finished = set[CodeType]()

    def trace(frame: FrameType, event: str, _: Any) -> Any:
        code = frame.f_code
        if code.co_filename not in files or code in finished:
            return None
        reached.add((code.co_filename, frame.f_lineno))
        if event == "return" and all((code.co_filename, line) in reached for line in _own_lines(code)):
            finished.add(code)  # following what holds no news would take most of the time
        return trace

    with tempfile.TemporaryDirectory(prefix="bxfuzz-") as place:
        for path in corpus.iterdir():
            sys.settrace(trace)
            try:
                attempt(decode(path.read_bytes()), Path(place))
            finally:
                sys.settrace(None)
    return len(reached & lines), len(lines)


def _lines_of(module: ModuleType) -> set[int]:
    """The lines of a module's functions; those of the module itself run when it is imported."""
    path = Path(module.__file__ or "")
    waiting: list[tuple[CodeType, bool]] = [(compile(path.read_text(), path, "exec"), True)]
    lines: set[int] = set()
    while waiting:
        code, is_outside = waiting.pop()
        inner = [each for each in code.co_consts if isinstance(each, CodeType)]
        waiting += [(each, is_outside and _is_class(each)) for each in inner]
        if not (is_outside):
            lines |= _own_lines(code)
    return lines


@cache
def _own_lines(code: CodeType) -> frozenset[int]:
    return frozenset(line for *_, line in code.co_lines() if line is not None and line != code.co_firstlineno)


def _is_class(code: CodeType) -> bool:
    return "__qualname__" in code.co_names and "__module__" in code.co_names
