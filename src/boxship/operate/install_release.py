"""A release brought to a box before its Loader ever ran: its files into the box's library, its images into the engine.

The Loader that is started then finds it there, and deploys it as nothing is deployed yet.
"""

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

from boxship.bundle.library import Library
from boxship.bundle.pull import pull_release
from boxship.bundle.read import deployed, read_release
from boxship.bundle.source import ReleaseSource
from boxship.clock import Clock
from boxship.engine.port import Engine
from boxship.errors import UsageError
from boxship.host.installed import HostTree
from boxship.host.places import Places, box_places
from boxship.operate.install import Installation, installation_of
from boxship.spec.model import Appliance
from boxship.spec.release import Release
from boxship.state.operation import Progress


class Brought(NamedTuple):
    """``notes``: sentences about what became of the release. ``appliance``: what its files say; None: not here yet."""

    what: Installation
    notes: tuple[str, ...]
    appliance: Appliance | None = None


async def find_release(source: ReleaseSource, version: str, appliance: str | None) -> Release:
    """The record of a version ("": the newest). ``appliance``: which it must be of; None: any.

    Raises: NotFoundError, RegistryError; UsageError for a release of another appliance; ConflictError for one without
        a platform image.
    """
    found = (await source.offer(await source.resolve(version))).release
    if appliance not in (None, found.appliance):
        raise UsageError(
            f"the releases there are of {found.appliance}, not of {appliance}", hint=f"leave out -p {appliance}"
        )
    installation_of(found)
    return found


async def bring_release(
    source: ReleaseSource,
    release: Release,
    root: Path,
    engine: Engine,
    tell: Callable[[Progress], None],
    clock: Clock,
    interrupt: asyncio.Event,
) -> Brought:
    """Have all of ``release`` on the host whose files are at ``root``. A second time nothing is fetched.

    Raises: as ``pull_release``; SpecError when its files can't be read.
    """
    tree = HostTree(root)
    tree.prepare(release.appliance)
    usual = box_places(release.appliance)
    places = Places(tree.at(usual.state), tree.at(usual.run))
    library = Library(places.state)
    was_here = release.id in library.ids()
    pulled = await pull_release(source, release.version, library, engine, tell, clock, cancel=interrupt)
    kept = library.read(pulled.id)
    appliance = deployed(read_release(kept.folder, kept.release), kept.release, kept.folder)
    notes = _notes(places, kept.release, was_here=was_here)
    return Brought(installation_of(kept.release, appliance), notes, appliance)


def _notes(places: Places, release: Release, *, was_here: bool) -> tuple[str, ...]:
    if was_here:
        return ()
    here = f"{release.appliance} {release.version} is on this box now"
    if places.database.exists():
        return (f"{here}; a box that runs something is told to take it: boxship box switch {release.version}",)
    return (f"{here}, and is what its Loader starts first",)
