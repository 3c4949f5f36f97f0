"""The audit's chain: each entry's digest covers the one before it, so none can be changed or left out unseen.

Whoever may write the whole file could make a new chain; a digest that was noted elsewhere (a support archive, a
central log) shows that.
"""

import hashlib

import msgspec

from boxship.store.port import AuditEntry


def text_of(entry: AuditEntry) -> bytes:
    """What the digest covers: the entry's canonical JSON without the digest itself."""
    fields = {name: value for name, value in msgspec.structs.asdict(entry).items() if name != "digest"}
    return msgspec.json.encode(fields, order="deterministic")


def link(previous_digest: str, text: bytes) -> str:
    """The digest of an entry with this text after the one with that digest ("" for the very first)."""
    return hashlib.sha256(previous_digest.encode() + b"\n" + text).hexdigest()
