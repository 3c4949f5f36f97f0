"""Data for programs that people also read."""

import json

import msgspec


def indented(data: object) -> str:
    """What json.dumps writes with an indent of 2, in a quarter of the time: only its pure-Python encoder can indent."""
    text = json.dumps(data, ensure_ascii=False)
    try:
        return msgspec.json.format(text, indent=2)
    except (msgspec.DecodeError, UnicodeError):  # NaN is no JSON, and half a character no text
        return json.dumps(data, indent=2, ensure_ascii=False)
