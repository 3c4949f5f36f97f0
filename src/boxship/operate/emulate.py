"""A box on a laptop: the same image, the same sail, with its state in a folder of the project."""

import asyncio
import contextlib
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from msgspec import Struct

from boxship.engine.port import ContainerEngine
from boxship.errors import ConflictError, HostError, UsageError
from boxship.host.box_ports import BoxPorts, read_ports
from boxship.host.emulated_ports import EmulatedPorts
from boxship.host.filelock import FileLock
from boxship.host.own_rules import OwnRules
from boxship.host.places import STATE_ROOT, THIS_HOST, Places, emulated_places, record_loader, write_line
from boxship.host.sail.render import SailSettings, render_sail
from boxship.operate.box_ports import alone_on_host, listening_on, port_options, ports_for
from boxship.operate.install import clear_rules, remove_loader

_MOST_OF_A_SOCKETS_PATH = 107
"""Source: unix(7), sun_path."""


def _places(appliance: str, folder: Path) -> Places:
    """Raises: UsageError when the Loader's socket couldn't be made there."""
    places = emulated_places(appliance, folder)
    if len(str(places.socket)) > _MOST_OF_A_SOCKETS_PATH:
        raise UsageError(
            f"{folder} is too long a path: the Loader's socket in it would have {len(str(places.socket))} characters",
            hint=f"{_MOST_OF_A_SOCKETS_PATH} are allowed; name a shorter folder with --state",
        )
    return places


class Emulation(Struct, frozen=True):
    """One that is ready: ``script`` is for a POSIX shell. ``notes``: sentences about what it has been given."""

    script: Path
    notes: tuple[str, ...] = ()


async def prepare(
    appliance: str,
    folder: Path,
    image_id: str,
    socket: Path,
    loader_options: tuple[str, ...] = (),
    root: Path = THIS_HOST,
) -> Emulation:
    """Make the folder, record the Loader, and write the sail to run: it ends with the Loader's status unless that is 0.

    It has two ports of the host below ``root`` for itself, and keeps them as long as the folder is there.

    Raises: HostError when the folder can't be written to; UsageError for a path that can't be used; ConflictError for
        ports that are named and another box's.
    """
    places = _places(appliance, folder)
    with _written():
        for each in (places.state, places.run):
            each.mkdir(parents=True, exist_ok=True)
    async with alone_on_host(root):
        ports, notes = _claim_ports(appliance, folder, places, loader_options, root)
    settings = SailSettings(
        appliance,
        places,
        socket,
        stops_on_failure=True,
        shows_log=True,
        loader_options=(*loader_options, *port_options(ports, loader_options)),
    )
    script = folder / "sail"
    with _written():
        (folder / ".gitignore").write_text("*\n", encoding="utf-8")
        script.write_text(render_sail(settings), encoding="utf-8")
        record_loader(places, image_id)
    if ports != BoxPorts():
        notes = (*notes, f"its page is at port {ports.page} of this host, and its API at {ports.api}")
    return Emulation(script, notes)


def _claim_ports(
    appliance: str, folder: Path, places: Places, options: tuple[str, ...], root: Path
) -> tuple[BoxPorts, tuple[str, ...]]:
    """While nobody else chooses any."""
    emulated = EmulatedPorts(root)
    taken, had = emulated.taken(but=folder), read_ports(places.ports)
    if had is not None and {had.page, had.api} & taken:
        # A copy of another one's folder, for example.
        had = None
    ports = ports_for(root / STATE_ROOT.relative_to("/"), had, appliance, options, taken | listening_on(root))
    with _written():
        write_line(places.ports, str(ports))
    try:
        emulated.claim(folder, ports)
    except HostError as error:
        return ports, (f"{error.message}: {error.hint}",)
    return ports, ()


@contextmanager
def _written() -> Iterator[None]:
    try:
        yield
    except OSError as err:
        raise HostError(f"can't write {err.filename}: {err.strerror}", hint="name another folder with --state") from err


async def remove_emulation(
    appliance: str,
    folder: Path,
    engine: ContainerEngine,
    *,
    rules: OwnRules | None = None,
    dry_run: bool = False,
    root: Path = THIS_HOST,
) -> tuple[str, ...]:
    """Remove the containers of its Loader, its firewall rules, and the folder; sentences about what was removed.

    Without root the rules stay: nothing can be known of them. They end with the host's next start.

    Raises:
        ConflictError: It runs; nothing was changed.
        HostError: A file can't be removed.
    """
    places = _places(appliance, folder)
    with _no_sail(appliance, places, dry_run=dry_run):
        names = await remove_loader(engine, places, dry_run=dry_run)
        cleared = [] if dry_run else await clear_rules(rules)
        is_there = await asyncio.to_thread(folder.is_dir)
        if is_there and not dry_run:
            await asyncio.to_thread(_remove_tree, folder)
        if not dry_run:
            EmulatedPorts(root).forget(folder)
    verb = "would remove" if dry_run else "removed"
    return (*(f"{verb} the container {name}" for name in names), *cleared, *([f"{verb} {folder}"] if is_there else []))


def _remove_tree(folder: Path) -> None:
    try:
        shutil.rmtree(folder)
    except PermissionError as err:
        # The Loader is root in its container.
        raise HostError(f"not allowed to remove {err.filename}", hint=f"sudo rm -r {folder}") from err


@contextmanager
def _no_sail(appliance: str, places: Places, *, dry_run: bool) -> Iterator[None]:
    with contextlib.ExitStack() as held:
        if places.state.is_dir() and not dry_run:
            lock = held.enter_context(FileLock(places.sail_lock))
            if not lock.try_acquire():
                raise ConflictError(f"the emulation of {appliance} runs", hint="end it first, with ^C where it runs")
        yield
