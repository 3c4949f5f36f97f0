"""What building asks of a container engine."""

from collections.abc import Collection
from typing import Protocol

from boxship.engine.port import ImageEngine
from boxship.plan.observed import Observed


class BuildEngine(ImageEngine, Protocol):
    """What building needs of an engine: its images, and to see them."""

    async def observe(self, images: Collection[str] | None = None) -> Observed:
        """As ``ContainerEngine.observe``."""
