"""Made images on the engine: known by their content, loaded when they are missing, and tagged."""

import asyncio
import json
import tempfile
from collections.abc import Callable
from pathlib import Path

from boxship.build.cache import BaseCache, Entry
from boxship.build.engine import BuildEngine
from boxship.build.image import LABEL_BASE, image_id, write_docker_archive
from boxship.errors import BuildError
from boxship.plan.observed import ObservedImage, with_default_tag
from boxship.where import Where


def is_image_of(image: ObservedImage, entry: Entry) -> bool:
    """Whether the engine's image was made from an entry."""
    if image.id == image_id(entry.config.encode()):
        return True
    # An engine with a containerd store gives its own ids, but keeps the labels.
    return bool(dict(image.labels) == json.loads(entry.config)["config"]["Labels"])


def demand_ownership(reference: str, where: Where | None, tagged: ObservedImage | None) -> None:
    """Raises: BuildError when the tag is that of an image which Boxship didn't make."""
    if tagged is not None and LABEL_BASE not in tagged.labels:
        address = f"{where}: " if where is not None else ""
        raise BuildError(
            f"{address}{reference} is already the tag of another image ({tagged.id[:19]})",
            hint=f"choose another name for the base, or remove that tag: docker rmi {reference}",
            image=reference,
        )


async def load_entry(
    engine: BuildEngine, cache: BaseCache, reference: str, entry: Entry, on_progress: Callable[[str], None]
) -> tuple[ObservedImage, bool]:
    """The entry's image on the engine, under its reference, and whether it was so already.

    Raises:
        BuildError: The engine does not have it after loading it.
        CorruptEntryError: A layer is missing or damaged; its entry is gone now.
    """
    tag = with_default_tag(reference)
    observed = await engine.observe((tag, image_id(entry.config.encode())))
    if (tagged := observed.image(tag)) is not None and is_image_of(tagged, entry):
        return tagged, True
    known = next((image for image in observed.images if is_image_of(image, entry)), None)
    if known is not None:
        await engine.tag_image(known.id, tag)
        return known, False
    layers = await asyncio.to_thread(cache.layers, entry)
    on_progress(f"loading {sum(one.layer_bytes for one, _ in layers) / 1e6:.0f} MB into the engine")
    with tempfile.TemporaryDirectory(prefix="boxship-load-", dir=cache.bases) as folder:
        archive = Path(folder) / "image.tar"
        files = [(one.layer_digest, path) for one, path in layers]
        await asyncio.to_thread(write_docker_archive, archive, entry.config.encode(), files, [tag])
        await engine.load_images(archive)
    loaded = (await engine.observe((tag,))).image(tag)
    if loaded is None or not is_image_of(loaded, entry):
        raise BuildError(f"{reference} is not on the engine after loading it", image=reference)
    return loaded, False
