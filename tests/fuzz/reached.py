"""How many lines of ``spec/`` a corpus reaches: a figure that people understand better than a fuzzer's edges."""

import sys
import tempfile
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

    def trace(frame: FrameType, event: str, _: Any) -> Any:
        if frame.f_code.co_filename not in files:
            return None
        reached.add((frame.f_code.co_filename, frame.f_lineno))
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
            lines |= {line for *_, line in code.co_lines() if line is not None and line != code.co_firstlineno}
    return lines


def _is_class(code: CodeType) -> bool:
    return "__qualname__" in code.co_names and "__module__" in code.co_names
