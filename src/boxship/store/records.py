"""Records as bytes, with checksums: what comes back is what was written, or it is called damaged.

A record that a newer release wrote may hold fields that this one doesn't know; they are skipped. A record as a whole
that this one can't read, though its checksum is right, is a newer release's and no damage either.
"""

import hashlib
from datetime import datetime
from typing import NamedTuple, TypeVar

import msgspec
from msgspec import Struct

from boxship.errors import StateError
from boxship.state.state import FORMAT, State

T = TypeVar("T")


class DamageError(Exception):
    """A file or a row of it isn't what was written; its text says what is wrong. Never leaves this package."""


class Heads(Struct, frozen=True):
    """``serial`` counts the writes that the copy has to follow: of the state, of tokens and of the audit.

    The audit's chain goes from its anchor, the newest entry that was dropped, to its head, the newest of all.
    """

    serial: int = 0
    audit_number: int = 0
    audit_digest: str = ""
    anchor_number: int = 0
    anchor_digest: str = ""


class Link(NamedTuple):
    """An entry of the audit as it was written: its text, and its digest."""

    text: bytes
    digest: str


class Content(NamedTuple):
    """What the copy holds of the file: all but old operations and old entries of the audit; records as written."""

    heads: Heads
    state: bytes
    operations: tuple[bytes, ...]
    """The newest first."""
    tokens: tuple[bytes, ...]
    audit: tuple[Link, ...]
    """The newest, oldest first; with them, the anchor in ``heads`` is that of the first of them."""


class OperationKey(Struct, frozen=True):
    """As much of an operation as the store itself looks at: every release's records have it."""

    id: str
    status: str
    began_at: datetime


class TokenKey(Struct, frozen=True):
    """As much of a token as the store itself looks at."""

    id: str
    created_at: datetime
    expires_at: datetime | None = None
    revoked_at: datetime | None = None


class _Versioned(Struct, frozen=True):
    format: int = 1


def encode(record: Struct) -> bytes:
    """Canonical: sorted keys, no spaces."""
    return msgspec.json.encode(record, order="deterministic")


def checksum(table: str, key: str, data: bytes) -> str:
    """Over the record and where it belongs, so that no row passes for another."""
    return hashlib.sha256(b"\0".join((table.encode(), key.encode(), data))).hexdigest()


def expect_whole(table: str, key: object, data: object, its_checksum: object) -> bytes:
    """The record. Raises: DamageError when it isn't what was written; a damaged row may hold values of any kind."""
    if not isinstance(data, bytes) or checksum(table, str(key), data) != its_checksum:
        raise DamageError(f"the record {key} of {table} doesn't match its checksum")
    return data


def decode(data: bytes, kind: type[T]) -> T:
    """Raises: DamageError."""
    try:
        return msgspec.json.decode(data, type=kind)
    except (msgspec.DecodeError, UnicodeDecodeError) as err:
        raise DamageError(f"a record can't be read ({err})") from err


def decode_known(data: bytes, kind: type[T]) -> T | None:
    """None for a whole record that a newer release wrote in words that this one doesn't have, or for none at all."""
    try:
        return msgspec.json.decode(data, type=kind)
    except (msgspec.DecodeError, UnicodeDecodeError):
        return None


def decode_state(data: bytes) -> State:
    """Raises: StateError for a state of a newer format; DamageError."""
    expect_format(decode(data, _Versioned).format, "the state")
    return decode(data, State)


def expect_format(found: int, what: str) -> None:
    """Raises: StateError when a newer Boxship wrote it; that is no damage, so nothing is taken instead."""
    if found > FORMAT:
        raise StateError(
            f"{what} was written by a newer Boxship (format {found}, this one reads up to {FORMAT})",
            hint="start the Loader of the newer release; nothing was changed",
        )
