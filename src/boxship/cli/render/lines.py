"""Log lines for people (coloured names, stderr marked) or as JSON."""

import json
import re
import sys
from collections.abc import Iterable

from boxship.cli.render.color import BOLD, RED, RESET, SERVICE_COLORS, is_colored, paint, sanitized
from boxship.events import ServiceLog
from boxship.names import replica_name

_LEAST_WIDTH = 8


class LogPrinter:
    """Prints lines of several services; names are padded to the longest of ``names``, or seen so far.

    ``marks``: what of a line stands out, in colour. ``is_live``: each line is shown at once, not when many have come.
    """

    def __init__(
        self,
        *,
        is_json: bool = False,
        timestamps: bool = False,
        prefix: bool = True,
        color: bool | None = None,
        names: Iterable[str] = (),
        marks: re.Pattern[str] | None = None,
        is_live: bool = True,
    ) -> None:
        self._is_json = is_json
        self._timestamps = timestamps
        self._prefix = prefix
        self._is_terminal = sys.stdout.isatty()
        self._is_colored = is_colored(sys.stdout) if color is None else color
        self._marks = marks if self._is_colored else None
        self._is_live = is_live
        self._width = max((_LEAST_WIDTH, *map(len, names)))
        self._colors: dict[str, str] = {}
        # Sorted, so that a service has the same colour whoever writes first.
        for name in sorted(names):
            self._color_of(name)

    def show(self, line: ServiceLog) -> None:
        print(self._json(line) if self._is_json else self._text(line), flush=self._is_live)

    def _json(self, line: ServiceLog) -> str:
        data = {"service": line.service, "stream": line.stream, "at": line.at, "text": line.text}
        return json.dumps({**data, "number": line.number})

    def _text(self, line: ServiceLog) -> str:
        parts = []
        if self._prefix:
            parts.append(self._name(line))
        if self._timestamps:
            parts.append(line.at)
        text = sanitized(line.text) if self._is_terminal else line.text
        parts.append(text if self._marks is None else self._marks.sub(_stand_out, text))
        return " ".join(parts)

    def _name(self, line: ServiceLog) -> str:
        shown = replica_name(line.service, line.number)
        self._width = max(self._width, len(shown))
        name = paint(shown.ljust(self._width), self._color_of(shown), on=self._is_colored)
        mark = paint("!", RED, on=self._is_colored) if line.stream == "stderr" else "|"
        return f"{name} {mark}"

    def _color_of(self, name: str) -> str:
        return self._colors.setdefault(name, SERVICE_COLORS[len(self._colors) % len(SERVICE_COLORS)])


def _stand_out(found: re.Match[str]) -> str:
    return f"{BOLD}{RED}{found[0]}{RESET}" if found[0] else ""
