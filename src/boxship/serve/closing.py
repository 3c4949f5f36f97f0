"""The word that a box's doors are about to close, for those who would otherwise go on for ever."""

import asyncio


class Closing:
    """Belongs to one event loop."""

    def __init__(self) -> None:
        self._begun = asyncio.Event()

    @property
    def has_begun(self) -> bool:
        return self._begun.is_set()

    def begin(self) -> None:
        """Everybody who waits goes on; who comes later does not wait."""
        self._begun.set()

    async def wait(self) -> None:
        """Return when it has begun."""
        await self._begun.wait()
