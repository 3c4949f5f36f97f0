"""How much of a copy of data is held against its source before it counts."""

from enum import StrEnum


class Verify(StrEnum):
    """What the last pass over a copy compares.

    TOUCHED: the content of all files that the last pass touched, and that no name is missing or too much; owner, mode,
    size and time of the others were compared by the last pass before. FULL: all of it by content, as downtime.
    """

    TOUCHED = "touched"
    FULL = "full"
