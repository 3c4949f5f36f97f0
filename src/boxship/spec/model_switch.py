"""What happens to data when another release takes over."""

from enum import StrEnum


class OnSwitch(StrEnum):
    """What a volume does when another release takes over."""

    COPY = "copy"
    SHARE = "share"
    FRESH = "fresh"
