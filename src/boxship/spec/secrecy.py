"""What looks like a secret, by its name: all that can be guessed about files that people wrote."""

import re
from functools import cache

SENSITIVE = (
    r"(?:pass(?:word|wd|phrase|code)|(?<![a-z])(?:pass|pwd|pw)(?![a-z])|requirepass|masterauth|secret|token|credential"
    r"|(?:api|auth|private|access|account|signing|encryption|master|license)[_-]?key)"
)
_ABOUT_ONE = (
    r"(?:^|[_.-])(?:file|path|dir|url|uri|endpoint|name|user|id|type|algorithm|alg|issuer|header|length|size|ttl|expiry"
    r"|expires?|expiration|lifetime|timeout|interval|duration|days|hours|minutes|seconds|age|count|limit|max|min|enabled?"
    r"|disabled?|required|policy|rotation|rounds|cost|hash(?:er)?|provider|driver|backend|format|prefix|region|version)$"
)
_HARMLESS = r"(?i:true|false|yes|no|on|off|none|null)|[0-9]{1,5}|/\S*|\./\S*|https?://[^@]*"


@cache
def _pattern(text: str) -> re.Pattern[str]:
    """Compiled when first needed: doing it at import would cost every command 3 ms."""
    return re.compile(text, re.IGNORECASE)


def is_secret_name(name: str) -> bool:
    """Whether a variable of this name holds a secret itself, not the file that holds it or how long it lives."""
    return _pattern(SENSITIVE).search(name) is not None and _pattern(_ABOUT_ONE).search(name) is None


def is_secret_value(text: str) -> bool:
    """Whether a value could be one: no switch, small number, path or plain URL."""
    return bool(text) and _pattern(_HARMLESS).fullmatch(text) is None
