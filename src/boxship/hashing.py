"""Quick digests for whoever looks often.

They are hashlib's own, asked for at their source: importing hashlib loads OpenSSL, which costs 6 ms of CPU, more than
``ps`` spends on the engine's answers. Python's ``random`` does the same. For whole files OpenSSL's are faster.
"""

try:
    from _blake2 import blake2b
except ImportError:  # a Python that was built with OpenSSL's digests alone
    from hashlib import blake2b

try:
    from _sha2 import sha256  # type: ignore[import-not-found]  # typeshed doesn't describe it
except ImportError:
    try:
        from _sha256 import sha256  # type: ignore[import-not-found]  # its name before Python 3.12
    except ImportError:
        from hashlib import sha256

__all__ = ["blake2b", "sha256_hex"]


def sha256_hex(data: bytes) -> str:
    """The SHA-256 of a short text."""
    digest: str = sha256(data).hexdigest()
    return digest
