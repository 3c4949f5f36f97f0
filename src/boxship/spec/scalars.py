"""What a plain YAML scalar means: YAML 1.2's core schema with the number forms that Compose files rely on.

``yes``, ``no``, ``on``, ``off`` and ``22:22`` are text, ``017`` is 15, ``1_000`` is 1000 and a date stays the text
that was written.

Source: go-yaml v3's resolver as docker compose 2.40.3 shows it (2026-07).
"""

import math
import re

ScalarValue = str | int | float | bool | None

_WORDS: dict[str, ScalarValue] = {
    "": None,
    "~": None,
    **dict.fromkeys(("null", "Null", "NULL"), None),
    **dict.fromkeys(("true", "True", "TRUE"), True),
    **dict.fromkeys(("false", "False", "FALSE"), False),
    **dict.fromkeys((".nan", ".NaN", ".NAN"), math.nan),
    **dict.fromkeys((".inf", ".Inf", ".INF", "+.inf", "+.Inf", "+.INF"), math.inf),
    **dict.fromkeys(("-.inf", "-.Inf", "-.INF"), -math.inf),
}
_NUMBER_STARTS = frozenset("0123456789+-.")
_NUMBER_ENDS = frozenset("0123456789abcdefABCDEF._")
_INTEGER = re.compile(r"([-+]?)(?:0[xX]([0-9a-fA-F]+)|0[bB]([01]+)|0[oO]?([0-7]+)|(0|[1-9][0-9]*))")
_FLOAT = re.compile(r"[-+]?(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?")
_LONGEST_NUMBER = 400
"""Beyond this, digits are text: no number of a file is that long, and converting it would take quadratic time."""
_UINT64_END = 2**64
_INT64_START = -(2**63)


def resolve_plain(text: str) -> ScalarValue:
    """The value of an unquoted scalar without a tag."""
    word = _WORDS.get(text, text)
    if word is not text:
        return word
    if text[0] not in _NUMBER_STARTS or text[-1] not in _NUMBER_ENDS or len(text) > _LONGEST_NUMBER:
        return text
    digits = text.replace("_", "")
    match = _INTEGER.fullmatch(digits)
    if match is not None:
        sign, hexadecimal, binary, octal, decimal = match.groups()
        for number, base in ((hexadecimal, 16), (binary, 2), (octal, 8), (decimal, 10)):
            if number is not None:
                value = int(sign + number, base)
                return value if _INT64_START <= value < _UINT64_END else _as_float(value)
    if _FLOAT.fullmatch(digits):
        return float(digits)
    return text


def _as_float(number: int) -> float:
    try:
        return float(number)
    except OverflowError:  # 300 hexadecimal digits are more than any float
        return math.inf if number > 0 else -math.inf


def text_of(value: ScalarValue) -> str:
    """A value as the text that a container sees: ``true``, ``1.5``, "" for none."""
    if isinstance(value, str):
        return value
    match value:
        case None:
            return ""
        case bool():
            return "true" if value else "false"
        case float():
            return _text_of_float(value)
        case _:
            return str(value)


def _text_of_float(value: float) -> str:
    if math.isinf(value):
        return "+Inf" if value > 0 else "-Inf"
    if math.isnan(value):
        return "NaN"
    if value.is_integer() and abs(value) < 1e21:
        return str(int(value))
    return repr(value)
