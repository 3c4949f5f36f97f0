"""Whether and how to colour: only on a terminal, never with NO_COLOR (no-color.org), few and meaningful."""

import os
import re
import sys
from typing import TextIO
from unicodedata import category

RESET = "\x1b[0m"
BOLD = "\x1b[1m"
DIM = "\x1b[2m"
RED = "\x1b[31m"
GREEN = "\x1b[32m"
YELLOW = "\x1b[33m"
# Readable on light and dark backgrounds; red, green and yellow are left to states.
SERVICE_COLORS = ("\x1b[36m", "\x1b[35m", "\x1b[34m", "\x1b[96m", "\x1b[95m", "\x1b[94m")
# What a terminal would obey: ESC with its parameters (ECMA-48, "CSI" and the two-character sequences).
_SEQUENCE = re.compile(r"\x1b(?:\[[0-?]*[ -/]*[@-~]|[@-_])")


def is_colored(stream: TextIO) -> bool:
    return stream.isatty() and not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb"


def is_live(stream: TextIO = sys.stderr) -> bool:
    """Whether lines may be redrawn."""
    return stream.isatty() and os.environ.get("TERM", "dumb") != "dumb"


def paint(text: str, color: str, *, on: bool) -> str:
    return f"{color}{text}{RESET}" if on and text else text


def sanitized(text: str) -> str:
    """A service's text without control sequences, so that a log can't take over the terminal. Tabs and blanks stay."""
    if text.isprintable():
        return text
    return "".join(filter(_is_harmless, _SEQUENCE.sub("", text)))


def _is_harmless(char: str) -> bool:
    """Python calls only one blank printable; French and Japanese write others."""
    return char == "\t" or char.isprintable() or category(char) == "Zs"
