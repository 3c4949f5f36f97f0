"""What a pull asks and tells the engine: which images and layers are there, and take this one."""

from collections.abc import AsyncIterator, Collection, Mapping
from pathlib import Path
from typing import Protocol

from boxship.bundle.archive import docker_archive
from boxship.bundle.layers import chains_of
from boxship.engine.port import EngineInfo, Heard, ImageHistory, unheard
from boxship.errors import ImageMissingError, PreconditionError, RegistryError
from boxship.names import replaced_reference
from boxship.plan.observed import Observed
from boxship.registry.oci import ImageConfig, decode
from boxship.spec.release import Release, ReleaseImage


class PullEngine(Protocol):
    """The part of an engine that a pull needs."""

    async def info(self) -> EngineInfo: ...

    async def observe(self, images: Collection[str] | None = None) -> Observed: ...

    async def data_root(self) -> str: ...

    async def image_history(self, reference: str) -> ImageHistory: ...

    async def load_archive(self, archive: AsyncIterator[bytes], what: str, tell: Heard = unheard) -> None: ...

    async def tag_image(self, reference: str, new_reference: str) -> None: ...

    async def remove_image(self, reference: str) -> None: ...


async def check_architecture(engine: PullEngine, release: Release) -> None:
    """Raises: PreconditionError when the release's images can't run on the engine's machine."""
    info = await engine.info()
    wanted = sorted({each.architecture for each in release.images().values()} - {"", info.arch})
    if wanted and info.arch:
        raise PreconditionError(
            f"{release.appliance} {release.version} is made for {', '.join(wanted)}, and this machine is {info.arch}",
            hint="ask for the release that is made for it",
        )


async def known_chains(engine: PullEngine, appliance: str) -> frozenset[str]:
    """The layers of the images that the appliance has here: those of its other releases, above all."""
    observed = await engine.observe()
    ids = {each.id for each in observed.images if any(tag.startswith(f"{appliance}/") for tag in each.tags)}
    histories = [found for each in sorted(ids) if (found := await _history(engine, each)) is not None]
    return frozenset(chain for each in histories for chain in chains_of(each.diff_ids))


async def find_present(engine: PullEngine, release: Release) -> frozenset[str]:
    """The names of the release's images that are here, under their own reference or another."""
    return frozenset([name for name, image in release.images().items() if await _reference_here(engine, image)])


async def _reference_here(engine: PullEngine, image: ReleaseImage) -> str:
    for reference in (image.reference, image.id):
        found = await _history(engine, reference)
        if found is not None and is_image(found, image):
            return reference
    return ""


async def claim(engine: PullEngine, image: ReleaseImage) -> None:
    """Give an image that is here the release's own reference, so that a prune of the unused does not take it."""
    found = await _reference_here(engine, image)
    if found and found != image.reference:
        await leave_name(engine, image)
        await engine.tag_image(found, image.reference)


async def leave_name(engine: PullEngine, image: ReleaseImage) -> None:
    """Before its reference goes to ``image``: let the image that has it, of a release that may run, keep a name."""
    before = await _history(engine, image.reference)
    if before is not None and not is_image(before, image):
        await engine.tag_image(image.reference, replaced_reference(image.reference, before.id))


async def load(
    engine: PullEngine, name: str, image: ReleaseImage, config: bytes, layers: Mapping[str, Path], tell: Heard = unheard
) -> None:
    """Bring one image there, under its reference; ``layers``: diff id -> file of those that are given.

    Raises: RegistryError when what is there then is another image; it is removed again. EngineError.
    """
    diff_ids = decode(config, ImageConfig, f"the configuration of image {name}").rootfs.diff_ids
    if diff_ids != image.diff_ids:
        raise RegistryError(f"image {name} has other layers than the release says", hint="nothing of it was taken")
    await leave_name(engine, image)
    archive = docker_archive(config, image.id, diff_ids, layers, image.reference)
    await engine.load_archive(archive, image.reference, tell)
    found = await _history(engine, image.reference)
    if found is None or not is_image(found, image):
        await engine.remove_image(image.reference)
        raise RegistryError(
            f"the engine made another image of {name} than the release says",
            hint="it was removed again; an engine with the containerd image store gives other ids: turn that off",
        )


def is_image(found: ImageHistory, image: ReleaseImage) -> bool:
    """Whether it is that image. Its layers don't tell: another command or variable makes another image of the same."""
    return found.id == image.id


async def _history(engine: PullEngine, reference: str) -> ImageHistory | None:
    try:
        return await engine.image_history(reference)
    except ImageMissingError:
        return None
