"""What an appliance says about its releases."""

from enum import StrEnum

from msgspec import Struct


class DataCompat(StrEnum):
    """Whether the data of the version before can be taken over, and given back to it."""

    COMPATIBLE = "compatible"
    BREAKING = "breaking"
    """What it writes the version before can't read: going back to that on the same data is refused."""


class Rules(Struct, frozen=True, omit_defaults=True):
    """What a release demands of the box that switches to it. ``minimum_version``: the oldest to come from, "" any."""

    minimum_version: str = ""
    data_compat: DataCompat = DataCompat.COMPATIBLE


class Keep(Struct, frozen=True, omit_defaults=True):
    """What a box keeps that no deployment of it needs. ``releases``: how many earlier ones, with their images."""

    releases: int = 0
