"""Which parts of a line of a file must not be shown, as they look like secrets. Hiding is wide, on purpose."""

import re
from collections.abc import Iterator, Sequence

from boxship.spec.secrecy import SENSITIVE

MAX_LINE = 2000
"""Longer lines are data, not what a person wrote; looking for secrets in them would take quadratic time."""
MASK = "****"
"""As long whatever it hides."""

_SECRET = re.compile(SENSITIVE, re.IGNORECASE)
_PAIR = re.compile(rf"(?P<name>[\w.-]*{SENSITIVE}[\w.-]*)[\"']?(?P<by>\s*(?::(?=\s|$)|=)\s*)", re.IGNORECASE)
_OPTION = re.compile(rf"--?[\w-]*{SENSITIVE}[\w-]*[\"']?(?:=|\s*,\s*|\s+)", re.IGNORECASE)
_CREDENTIALS = re.compile(r"://[^\s:/@\"']*:(?P<secret>[^\s\"']+)@")
_VARIABLE = re.compile(r"[\"']?\$(?:\w+|\{\w+\})[\"']?\s*[,}\]]?")
_QUOTED = re.compile(r"'(?:[^']|'')*'|\"(?:[^\"\\]|\\.)*\"")
_OPENER = re.compile(r"(?:^|[\s,{\[-])[\"']?(?P<name>[\w.-]+)[\"']?\s*:\s*(?P<value>[|>][-+0-9]*\s*|[\"'].*|)$")


def hidden_spans(lines: Sequence[str], index: int) -> tuple[tuple[int, int], ...]:
    """What must not be shown of the line at ``index``, as (start, end) in characters, sorted and apart.

    The lines before it tell whether it continues a secret that began there. It is at most ``MAX_LINE`` long.
    """
    line = lines[index]
    if _continues_secret(lines, index):
        start = len(line) - len(line.lstrip())
        return ((start, len(line)),) if line.strip() else ()
    return _apart(sorted(_spans(line)))


def _spans(line: str) -> Iterator[tuple[int, int]]:
    for match in _PAIR.finditer(line):
        if match["name"].lower() not in {"secrets", "tokens"}:
            yield from _value_span(line, match.start(), match.end())
    for match in _OPTION.finditer(line):
        yield from _value_span(line, match.start(), match.end(), is_word=True)
    for match in _CREDENTIALS.finditer(line):
        yield match.span("secret")


def _value_span(line: str, name: int, start: int, *, is_word: bool = False) -> Iterator[tuple[int, int]]:
    """The value that begins at ``start``; a structure, a block's mark and a plain variable hide nothing."""
    rest = line[start:]
    if not rest.strip() or rest[0] in "{[&*" or rest.strip() in {"|", ">", "|-", ">-", "|+", ">+"}:
        return
    if _VARIABLE.fullmatch(rest.rstrip()):
        return
    yield start, start + _length(line[:name], rest, is_word=is_word)


def _length(before: str, rest: str, *, is_word: bool) -> int:
    if rest[0] in "\"'":
        quoted = _QUOTED.match(rest)
        return quoted.end() if quoted else len(rest)
    if before.endswith(('"', "'")) and (end := rest.find(before[-1])) > 0:
        return end
    stop = r"[\s,\]}\"']" if is_word else r"[,\]}]" if is_in_flow(before) else r"\s+#|\s*$"
    found = re.search(stop, rest)
    return max(found.start(), 1) if found else len(rest)


def is_in_flow(before: str) -> bool:
    """Whether what follows this beginning of a line is inside brackets or braces."""
    return before.count("{") + before.count("[") > before.count("}") + before.count("]")


def _continues_secret(lines: Sequence[str], index: int) -> bool:
    """Whether the line is the inside of a longer text whose key, above and less indented, names a secret."""
    line = lines[index]
    indent = len(line) - len(line.lstrip())
    for above in reversed(lines[max(0, index - 200) : index]):
        if above.strip() and len(above) - len(above.lstrip()) < indent:
            opener = _OPENER.search(above[:MAX_LINE])
            if opener is None or _SECRET.search(opener["name"]) is None:
                return False
            return bool(opener["value"]) or not re.match(r"\s*(?:- |[\"']?[\w.-]+[\"']?\s*:(?:\s|$))", line)
    return False


def _apart(spans: Sequence[tuple[int, int]]) -> tuple[tuple[int, int], ...]:
    joined: list[tuple[int, int]] = []
    for start, end in spans:
        if joined and start <= joined[-1][1]:
            joined[-1] = (joined[-1][0], max(end, joined[-1][1]))
        else:
            joined.append((start, end))
    return tuple(joined)
