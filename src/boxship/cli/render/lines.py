"""Log lines for people (coloured names, stderr marked) or as JSON."""

import json
import sys

from boxship.cli.render.color import RED, SERVICE_COLORS, is_colored, paint, sanitized
from boxship.events import ServiceLog
from boxship.names import replica_name

_LEAST_WIDTH = 8


class LogPrinter:
    """Prints lines of several services; names are padded to the longest seen so far."""

    def __init__(
        self, *, is_json: bool = False, timestamps: bool = False, prefix: bool = True, color: bool | None = None
    ) -> None:
        self._is_json = is_json
        self._timestamps = timestamps
        self._prefix = prefix
        self._is_colored = is_colored(sys.stdout) if color is None else color
        self._colors: dict[str, str] = {}
        self._width = _LEAST_WIDTH

    def show(self, line: ServiceLog) -> None:
        if self._is_json:
            data = {"service": line.service, "stream": line.stream, "at": line.at, "text": line.text}
            print(json.dumps({**data, "number": line.number}))
            return
        parts = []
        if self._prefix:
            parts.append(self._name(line))
        if self._timestamps:
            parts.append(line.at)
        parts.append(sanitized(line.text) if sys.stdout.isatty() else line.text)
        print(" ".join(parts), flush=True)

    def _name(self, line: ServiceLog) -> str:
        shown = replica_name(line.service, line.number)
        color = self._colors.setdefault(shown, SERVICE_COLORS[len(self._colors) % len(SERVICE_COLORS)])
        self._width = max(self._width, len(shown))
        name = paint(shown.ljust(self._width), color, on=self._is_colored)
        mark = paint("!", RED, on=self._is_colored) if line.stream == "stderr" else "|"
        return f"{name} {mark}"
