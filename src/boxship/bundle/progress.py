"""How far a pull is: arithmetic over what came, so that it can be tried on any order of events.

The total is settled before anything is fetched: every blob once, whoever shares it. What the engine has counts as done.
Bytes done never decrease, also where a blob has to be fetched again, and never exceed the total.
"""

from collections.abc import Iterable, Mapping
from typing import Self

from msgspec import Struct, field
from msgspec.structs import replace

from boxship.registry.port import Blob
from boxship.state.operation import Progress, PulledImage, Unpacking


class Tally(Struct, frozen=True):
    """``sizes``: digest -> bytes. ``received``: digest -> the most that was there of it.

    ``images``: name -> the digests that it is made of, for those of the items that are images; ``here``: their names.
    """

    sizes: Mapping[str, int]
    total_items: int
    received: Mapping[str, int] = field(default_factory=dict)
    done_items: int = 0
    item: str = ""
    item_digests: frozenset[str] = frozenset()
    unpacking: Unpacking | None = None
    images: Mapping[str, frozenset[str]] = field(default_factory=dict)
    here: frozenset[str] = frozenset()

    @classmethod
    def of(cls, blobs: Iterable[Blob], total_items: int, images: Mapping[str, Iterable[Blob]] | None = None) -> Self:
        """At the beginning; a blob that is listed twice is one."""
        made_of = {name: frozenset(each.digest for each in blobs) for name, blobs in (images or {}).items()}
        return cls({blob.digest: blob.size_bytes for blob in blobs}, total_items, images=made_of)

    def began(self, item: str, digests: Iterable[str] = ()) -> "Tally":
        """Something is at work now, and of these blobs it is made."""
        return replace(self, item=item, item_digests=frozenset(digests), unpacking=None)

    def unpacked(self, unpacking: Unpacking) -> "Tally":
        """So far is the engine with the item."""
        return replace(self, unpacking=unpacking)

    def got(self, digest: str, size_bytes: int) -> "Tally":
        """So much of a blob is here. What isn't part of the pull changes nothing."""
        had, whole = self.received.get(digest, 0), self.sizes.get(digest, 0)
        now = min(max(size_bytes, had), whole)
        return self if now == had else replace(self, received={**self.received, digest: now})

    def have(self, digests: Iterable[str]) -> "Tally":
        """These are here as a whole, or needn't come."""
        return replace(
            self, received={**self.received, **{each: self.sizes[each] for each in digests if each in self.sizes}}
        )

    def found(self, images: Iterable[str]) -> "Tally":
        """The engine has these images, whether they were its turn or not."""
        return replace(self, here=self.here | frozenset(images))

    def finished(self, digests: Iterable[str]) -> "Tally":
        """One more item is done, and with it all its blobs."""
        done_items = min(self.done_items + 1, self.total_items)
        return replace(self.found([self.item]).have(digests), done_items=done_items, unpacking=None)

    @property
    def progress(self) -> Progress:
        done, total = sum(self.received.values()), sum(self.sizes.values())
        return Progress(
            done_bytes=done,
            total_bytes=total,
            done_items=self.done_items,
            total_items=self.total_items,
            item=self.item,
            item_done_bytes=self._received(self.item_digests),
            item_total_bytes=self._size(self.item_digests),
            unpacking=self.unpacking,
            images=tuple(
                PulledImage(name, self._received(digests), self._size(digests), name in self.here)
                for name, digests in self.images.items()
            ),
        )

    def _received(self, digests: Iterable[str]) -> int:
        return sum(self.received.get(each, 0) for each in digests)

    def _size(self, digests: Iterable[str]) -> int:
        return sum(self.sizes.get(each, 0) for each in digests)
