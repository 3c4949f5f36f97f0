"""Fail when a file of this repository seems to hold a secret: ``python -m scripts.secret_scan``.

Three kinds are looked for: private keys, tokens that say by their prefix what they are, and values of password-like
names that are too random to be made up by a person. A line that holds none although it looks so ends in a comment
with ``not-a-secret``.
"""

import math
import re
import sys
from collections import Counter
from collections.abc import Iterator

from scripts.tracked import text_files

EXCUSE = "not-a-secret"

KNOWN = {
    "a private key": r"-----BEGIN [A-Z ]*PRIVATE KEY[A-Z ]*-----",
    "an AWS access key": r"\b(?:AKIA|ASIA)[0-9A-Z]{16}\b",
    "a GitHub token": r"\bgh[pousr]_[A-Za-z0-9]{36,}|\bgithub_pat_[A-Za-z0-9_]{40,}",
    "a GitLab token": r"\bglpat-[A-Za-z0-9_-]{20,}",
    "a Docker Hub token": r"\bdckr_[po]at_[A-Za-z0-9_-]{20,}",
    "a PyPI token": r"\bpypi-AgE[A-Za-z0-9_-]{50,}",
    "an npm token": r"\bnpm_[A-Za-z0-9]{36}\b",
    "a Slack token": r"\bxox[abeoprs]-[A-Za-z0-9-]{10,}",
    "a Stripe key": r"\b[rs]k_live_[A-Za-z0-9]{20,}",
    "a Google API key": r"\bAIza[A-Za-z0-9_-]{35}",
    "an AI provider's key": r"\bsk-(?:ant|proj|svcacct)-[A-Za-z0-9_-]{20,}",
    "a signed web token": r"\beyJ[A-Za-z0-9_-]{10,}\.eyJ[A-Za-z0-9_-]{10,}\.[A-Za-z0-9_-]{10,}",
}
PATTERNS = {what: re.compile(pattern) for what, pattern in KNOWN.items()}

# A name like DB_PASSWORD, api-key or "token", then = or :, then one word.
ASSIGNMENT = re.compile(
    r"""(?ix) (?:passw(?:or)?d|passphrase|secret|token|api[_-]?key|access[_-]?key|credential)s? \w*
        ["']? \s* [:=]{1,2} \s* ["']? (?P<value> [A-Za-z0-9+/_=-]{16,}) (?![\w(.\[{])"""
)
RANDOM_BITS_PER_CHARACTER = 3.6
"""Shannon entropy over one value. English identifiers of 16-40 characters lie at 2.8-3.5, random base64 above 3.8."""


def scan(path: str, content: str) -> Iterator[str]:
    """Yield one sentence for each line of ``content`` that seems to hold a secret; the secret itself isn't repeated."""
    for number, line in enumerate(content.splitlines(), start=1):
        if EXCUSE in line:
            continue
        for what in _suspicions(line):
            yield f"{path}:{number}: this looks like {what}."


def _suspicions(line: str) -> Iterator[str]:
    yield from (what for what, pattern in PATTERNS.items() if pattern.search(line))
    if any(_is_random(match["value"]) for match in ASSIGNMENT.finditer(line)):
        yield "a password or key written down"


def _is_random(value: str) -> bool:
    has_both = any(character.isdigit() for character in value) and any(character.isalpha() for character in value)
    counts = Counter(value).values()
    bits = -sum(count / len(value) * math.log2(count / len(value)) for count in counts)
    return has_both and bits >= RANDOM_BITS_PER_CHARACTER


def main() -> int:
    """Print what was found. Returns: the exit status."""
    findings = [finding for path, content in text_files() for finding in scan(path, content)]
    for finding in findings:
        print(finding)
    if findings:
        print(f"Take it out and replace it where it is in use, or end the line with a comment: {EXCUSE}.")
    return 1 if findings else 0


if __name__ == "__main__":
    sys.exit(main())
