"""What work costs in steps instead of seconds: the same on every machine, however busy it is."""

import sys
from collections.abc import Callable
from pathlib import Path
from types import FrameType
from typing import Any

import boxship

_SOURCES = str(Path(boxship.__file__).parent)


def steps_of(work: Callable[[], object]) -> int:
    """How many lines of Boxship's own code are run, each time anew, also in the turns of a loop.

    What a library does for one line isn't seen: that is for benchmarks.
    """
    count = 0

    def trace(frame: FrameType, event: str, _: Any) -> Any:
        nonlocal count
        if not frame.f_code.co_filename.startswith(_SOURCES):
            return None
        count += event == "line"
        return trace

    before = sys.gettrace()
    sys.settrace(trace)
    try:
        work()
    finally:
        sys.settrace(before)
    return count
