"""How far an engine is with the layers of one image that it was given: arithmetic over what it says.

Docker's own store names each layer by twelve digits of its diff id and counts the bytes that it has read of it, of the
size in which it was given (Docker 20.10, /images/load without quiet). Other stores say nothing before the end.
"""

from collections.abc import Mapping
from typing import Self

from msgspec import Struct, field
from msgspec.structs import replace

from boxship.state.operation import Unpacking

_SHORT = 12


class Taken(Struct, frozen=True):
    """``sizes``: short diff id -> bytes of the layer as it was given. ``received``: the most that was read of it."""

    sizes: Mapping[str, int]
    received: Mapping[str, int] = field(default_factory=dict)
    took_s: int = 0

    @classmethod
    def of(cls, layers: Mapping[str, int]) -> Self:
        """Before the engine said anything; ``layers``: diff id -> bytes."""
        return cls({_short(diff_id): size_bytes for diff_id, size_bytes in layers.items()})

    def got(self, layer: str, size_bytes: int) -> "Taken":
        """So much of a layer was read. What wasn't given changes nothing, and nothing goes back."""
        name = _short(layer)
        had, whole = self.received.get(name, 0), self.sizes.get(name, 0)
        now = min(max(size_bytes, had), whole)
        return self if now == had else replace(self, received={**self.received, name: now})

    def after(self, took_s: float) -> "Taken":
        """So long after its beginning."""
        return replace(self, took_s=max(self.took_s, int(took_s)))

    @property
    def unpacking(self) -> Unpacking:
        return Unpacking(
            done_layers=sum(self.received.get(name, -1) >= size_bytes for name, size_bytes in self.sizes.items()),
            total_layers=len(self.sizes),
            done_bytes=sum(self.received.values()),
            total_bytes=sum(self.sizes.values()),
            took_s=self.took_s,
        )


def _short(diff_id: str) -> str:
    return diff_id.removeprefix("sha256:")[:_SHORT]
