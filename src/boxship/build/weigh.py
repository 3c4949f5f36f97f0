"""Asks the engine how large the images of an appliance are."""

import asyncio
from collections.abc import Iterable

from boxship.build.engine import BuildEngine
from boxship.build.graph import image_reference
from boxship.build.sizes import ImageSize, image_size
from boxship.errors import EngineNotFoundError, ImageMissingError
from boxship.spec.model import Appliance


async def weigh_images(appliance: Appliance, names: Iterable[str], engine: BuildEngine) -> tuple[ImageSize, ...]:
    """The sizes of the images of services and bases, in this order; of several names for one image the first.

    What the engine hasn't got is left out. Raises: EngineError.
    """
    references: dict[str, str] = {}
    for name in names:
        service = appliance.services.get(name)
        reference = image_reference(appliance, service) if service is not None else name
        references.setdefault(reference, name)
    found = await asyncio.gather(*(_weigh(name, reference, engine) for reference, name in references.items()))
    return tuple(image for image in found if image is not None)


async def _weigh(name: str, reference: str, engine: BuildEngine) -> ImageSize | None:
    try:
        return image_size(name, reference, await engine.image_history(reference))
    except (EngineNotFoundError, ImageMissingError):
        return None
