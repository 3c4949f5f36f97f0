"""A quick digest for whoever looks often.

It is hashlib's own, asked for at its source: importing hashlib loads OpenSSL, which costs 6 ms of CPU, more than ``ps``
spends on the engine's answers. Python's ``random`` does the same.
"""

try:
    from _blake2 import blake2b
except ImportError:  # a Python that was built with OpenSSL's digests alone
    from hashlib import blake2b

__all__ = ["blake2b"]
