"""When the wait for a service is over: as planned, unless somebody who knows better puts it off."""

from typing import Protocol


class Deadlines(Protocol):
    """Asked again each time that an answer of it has come."""

    def until_s(self, service: str, began_s: float, within_s: float) -> float:
        """On the monotonic clock; ``began_s``: when its wait began, and ``within_s`` how long it may take."""


class AsPlanned:
    """Implements ``Deadlines``: nothing is put off."""

    def until_s(self, service: str, began_s: float, within_s: float) -> float:
        return began_s + within_s
