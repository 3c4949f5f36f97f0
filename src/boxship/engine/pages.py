"""Web pages where the engine's words should be: of a proxy in its place, or of a registry that it quotes."""

import re

_PAGE = re.compile(r"\s*<(?:!doctype\s+html|html)\b", re.IGNORECASE)
_QUOTED = re.compile(r"[\"']?<(?:!doctype\s+html|html)\b.*", re.IGNORECASE | re.DOTALL)
_HEADING = re.compile(r"<(title|h1)\b[^>]*>(.*?)</\1>", re.IGNORECASE | re.DOTALL)
_TAG = re.compile(r"<[^>]*>")
# The few that headings of servers have. The standard library's table of all takes longer to import than it is worth.
_NAMED = (("&lt;", "<"), ("&gt;", ">"), ("&quot;", '"'), ("&#39;", "'"), ("&nbsp;", " "), ("&amp;", "&"))
_SHOWN_CHARS = 100
_SEARCHED_CHARS = 4_000


def is_page(text: str) -> bool:
    """Whether all of it is a page."""
    return _PAGE.match(text) is not None


def heading_of(page: str) -> str:
    """What it says of itself in one line, "" when it has no title."""
    found = _HEADING.search(page[:_SEARCHED_CHARS])
    if found is None:
        return ""
    text = _TAG.sub("", found[2])
    for name, letter in _NAMED:
        text = text.replace(name, letter)
    text = " ".join("".join(letter if letter.isprintable() else " " for letter in text).split())
    return text if len(text) <= _SHOWN_CHARS else f"{text[: _SHOWN_CHARS - 1]}…"


def without_page(text: str) -> str:
    """A message with its heading in place of a page that it ends with."""
    found = _QUOTED.search(text)
    if found is None:
        return text
    heading = heading_of(found[0])
    return f"{text[: found.start()]}a web page" + (f": {heading}" if heading else "")
