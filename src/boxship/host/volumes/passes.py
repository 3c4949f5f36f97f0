"""A pass over a volume as values: how it goes, what it did, and the folder that it is at."""

import os

from msgspec import Struct


class Manner(Struct, frozen=True):
    """How a pass goes: its number, whether the source is quiet, and what is looked at beyond what changed.

    ``audits``: the owner, mode, size and time of what stays are compared with the copy's. ``compares``: what was
    written anew is read back and compared. ``trusts_stamps``: the file system stamps what is written through mappings.
    ``total_bytes``: what it will take, to say so when there is no room; 0 when that isn't known.
    """

    number: int
    trusts_stamps: bool = True
    is_quiet: bool = False
    audits: bool = False
    compares: bool = False
    total_bytes: int = 0


class Tally(Struct):
    """What a pass found and did. ``size_bytes``: of all names. ``gone``: what slipped away while it was looked at."""

    files: int = 0
    folders: int = 0
    size_bytes: int = 0
    touched: int = 0
    """Files whose content was looked at; of these, ``shared`` share their blocks with the source."""
    shared: int = 0
    written_bytes: int = 0
    audited: int = 0
    removed: int = 0
    gone: int = 0


class Visit:
    """A folder that is being dealt with. ``pending``: folders in it that still are to come."""

    __slots__ = ("is_touched", "known", "looks", "pending", "status", "there")

    def __init__(self, status: os.stat_result, known: dict[str, bytes]) -> None:
        self.status = status
        self.known = known
        self.looks: dict[str, bytes] = {}
        self.pending: list[str] = []
        self.there: set[str] = set()
        self.is_touched = False
