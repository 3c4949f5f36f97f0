"""Which kind of file system holds a folder."""

from pathlib import Path

_TABLE = Path("/proc/self/mountinfo")


def file_system_type(path: Path, table: Path = _TABLE) -> str:
    """Such as ``ext4``; "" when it can't be told."""
    real = str(path.resolve())
    best, kind = "", ""
    try:
        lines = table.read_text("utf-8", "surrogateescape").splitlines()
    except OSError:
        return ""
    for line in lines:
        left, _, right = line.partition(" - ")
        point = _unescape(left.split(" ")[4])
        # The last one of a place covers those before it.
        if len(point) >= len(best) and (real == point or real.startswith(point.rstrip("/") + "/")):
            best, kind = point, right.split(" ")[0]
    return kind


def _unescape(point: str) -> str:
    for code, character in (("\\040", " "), ("\\011", "\t"), ("\\012", "\n"), ("\\134", "\\")):
        point = point.replace(code, character)
    return point
