"""How wide a line may be."""

import os
from typing import TextIO

_USUAL = 80


def columns_of(stream: TextIO) -> int:
    """As shutil.get_terminal_size says it, whose import brings every archive format along (4 ms)."""
    told = os.environ.get("COLUMNS", "")
    try:
        return (int(told) if told.isdecimal() else 0) or os.get_terminal_size(stream.fileno()).columns or _USUAL
    except (OSError, ValueError):  # ValueError: a stream that is closed, or no file
        return _USUAL
