"""The copy of what matters most, beside the file: a line with a checksum, then JSON, which people can read, too.

It is written after every commit that it has to follow, and taken when the file is damaged.
"""

import hashlib
from pathlib import Path

import msgspec
from msgspec import Raw, Struct

from boxship.state.state import FORMAT
from boxship.store.places import write_atomically
from boxship.store.records import Content, DamageError, Heads, Link, decode, decode_state, expect_format

_MAGIC = b"boxship-state-copy"


class _Link(Struct, frozen=True, array_like=True):
    text: Raw
    digest: str


class _Copy(Struct, frozen=True):
    heads: Heads
    state: Raw
    operations: tuple[Raw, ...] = ()
    tokens: tuple[Raw, ...] = ()
    audit: tuple[_Link, ...] = ()
    format: int = FORMAT


def write_copy(path: Path, content: Content) -> None:
    """Raises: OSError; the copy before stays."""
    audit = tuple(_Link(Raw(link.text), link.digest) for link in content.audit)
    copy = _Copy(content.heads, Raw(content.state), _raw(content.operations), _raw(content.tokens), audit)
    body = msgspec.json.encode(copy)
    write_atomically(path, b"%s %s\n%s\n" % (_MAGIC, hashlib.sha256(body).hexdigest().encode(), body))


def read_copy(path: Path) -> Content | None:
    """None when there is none. Raises: DamageError; StateError for one of a newer format; OSError."""
    try:
        data = path.read_bytes()
    except FileNotFoundError:
        return None
    head, _, rest = data.partition(b"\n")
    body = rest.removesuffix(b"\n")
    if head != b"%s %s" % (_MAGIC, hashlib.sha256(body).hexdigest().encode()):
        raise DamageError("it doesn't match its checksum")
    copy = decode(body, _Copy)
    expect_format(copy.format, "the copy of the state")
    state = bytes(copy.state)
    decode_state(state)
    audit = tuple(Link(bytes(link.text), link.digest) for link in copy.audit)
    return Content(copy.heads, state, tuple(map(bytes, copy.operations)), tuple(map(bytes, copy.tokens)), audit)


def _raw(records: tuple[bytes, ...]) -> tuple[Raw, ...]:
    return tuple(map(Raw, records))
