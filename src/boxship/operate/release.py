"""``release create``: the whole way from the vendor's files and images to a release in a folder, a registry or both."""

import asyncio
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

from msgspec import Struct

from boxship.bundle.create import CreateEngine, Order, check_order, check_place, create_release
from boxship.bundle.prepare import prepare
from boxship.bundle.publish import publish_release
from boxship.clock import Clock
from boxship.errors import HostError
from boxship.plan.resolve import resolve
from boxship.registry.layout import Layout
from boxship.registry.port import Repositories
from boxship.spec.loaded import Loaded, LoadOptions
from boxship.spec.model import Service
from boxship.spec.model_release import Rules
from boxship.spec.release import Release
from boxship.state.operation import Progress


class ReleaseRequest(Struct, frozen=True):
    """What is asked for. ``output``: the folder to keep it in; None for none. ``platform``: an image's reference."""

    loaded: Loaded
    options: LoadOptions
    version: str
    rules: Rules
    revision: str = ""
    platform: str = ""
    output: Path | None = None
    with_secrets: bool = False
    replaces: bool = False


class Made(NamedTuple):
    """``places``: where it is now. ``warnings``: sentences."""

    release: Release
    places: tuple[str, ...]
    warnings: tuple[str, ...]


def released_services(loaded: Loaded) -> tuple[Service, ...]:
    """The services whose images a release has: those of every target, and of the profiles that are active."""
    appliance, profiles = loaded.appliance, loaded.active_profiles
    found: dict[str, Service] = {}
    for target in appliance.targets or (None,):
        desired = resolve(appliance, target=target, profiles=profiles)
        found |= {service.name: service for service in desired.services if service.provider is None}
    return tuple(found.values())


async def make_release(
    request: ReleaseRequest,
    engine: CreateEngine,
    registry: Repositories | None,
    clock: Clock,
    heard: Callable[[Progress], None],
) -> Made:
    """Check, gather, save and send; the version's tag comes last in each place.

    Raises: PreconditionError with all that speaks against it; EngineError, RegistryError, HostError.
    """
    appliance, services = request.loaded.appliance, released_services(request.loaded)
    check_order(appliance, request.version, services)
    kept = None if request.output is None else Layout(request.output)
    for place in _given(kept, registry):
        if not isinstance(place, Layout) or await asyncio.to_thread(place.is_there):
            await check_place(appliance.name, request.version, place, replaces=request.replaces)
    names = tuple(service.name for service in services)
    prepared = await asyncio.to_thread(
        prepare, request.loaded, request.options, names, request.version, with_secrets=request.with_secrets
    )
    order = Order(
        appliance,
        request.version,
        services,
        prepared,
        request.rules,
        clock.now(),
        platform=request.platform,
        revision=request.revision,
    )
    with tempfile.TemporaryDirectory(prefix="boxship-release-") as aside:
        layout = kept or Layout(Path(aside))
        await asyncio.to_thread(_make_folder, request.output or Path(aside))
        release = await create_release(order, engine, layout)
        if registry is not None:
            await publish_release(request.version, layout, registry, heard)
    places = tuple(place.name for place in _given(kept, registry))
    return Made(release, places, prepared.warnings)


def _given(*places: Repositories | None) -> tuple[Repositories, ...]:
    return tuple(place for place in places if place is not None)


def _make_folder(folder: Path) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as err:
        raise HostError(f"cannot make {folder}: {(err.strerror or str(err)).lower()}", hint="check its owner") from err
