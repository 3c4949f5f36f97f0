"""An appliance's Loader on a host: what starts it there and keeps it running, set up and taken away again."""

import contextlib
import shutil
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path

from msgspec import Struct

from boxship.engine.port import ContainerEngine
from boxship.errors import ConflictError, HostError
from boxship.host.box_ports import BoxPorts, read_ports
from boxship.host.emulated_ports import EmulatedPorts
from boxship.host.filelock import FileLock
from boxship.host.installed import Changes, HostTree, Record
from boxship.host.own_rules import OwnRules
from boxship.host.places import STATE_ROOT, THIS_HOST, Places, box_places, read_line, record_loader, write_line
from boxship.host.sail.files import host_files, script_path, unit_name
from boxship.host.sail.render import DEFAULT_SOCKET
from boxship.host.sysctl import apply_settings
from boxship.host.units import Units
from boxship.names import LABEL_LOADER_STATE
from boxship.operate.box_ports import alone_on_host, listening_on, port_options, ports_for
from boxship.operate.registry_access import RegistryAccess, keep_access, kept_access
from boxship.plan.observed import ContainerState
from boxship.spec.model import Appliance
from boxship.spec.release import Release


class Installation(Struct, frozen=True):
    """What to set up, with ``access`` to the registry of later releases.

    ``loader``: the image id of the Loader to begin with. ``sysctl``: kernel settings of the host; None: nobody said,
    as no files of the appliance were read, so those that are recorded stay.
    ``loader_options``: for ``boxship loader``, in place of what it does without them.
    """

    appliance: str
    loader: str
    sysctl: Mapping[str, str] | None = None
    socket: Path = DEFAULT_SOCKET
    loader_options: tuple[str, ...] = ()
    with_command: bool = True
    access: RegistryAccess = RegistryAccess()


class Report(Struct, frozen=True):
    """What was done, or would be. ``notes``: sentences about what is left to do, or was found otherwise."""

    changes: Changes
    notes: tuple[str, ...] = ()

    @property
    def is_change(self) -> bool:
        return bool(self.changes.written or self.changes.removed)


def installation_of(release: Release, appliance: Appliance | None = None) -> Installation:
    """That of a release; ``appliance`` is what its files say, once they are here.

    Raises: ConflictError for a release without a platform image.
    """
    if release.platform is None:
        raise ConflictError(
            f"release {release.version} of {release.appliance} has no platform image, so nothing could run its Loader",
            hint="make the release with one: boxship release create --platform IMAGE",
        )
    sysctl = None if appliance is None else appliance.host.sysctl
    return Installation(release.appliance, release.platform.id, sysctl)


async def install(
    what: Installation, units: Units, root: Path = THIS_HOST, *, replace_loader: bool = False, dry_run: bool = False
) -> Report:
    """Write what starts the Loader, record which, and start it. A second time changes nothing.

    Args:
        what: What to set up.
        units: This host's.
        root: Another folder is a tree of files, where nothing is started.
        replace_loader: Also when one is recorded already: a box that runs has chosen its Loader by itself.
        dry_run: Only say what would be done.

    Raises:
        ConflictError: A file is somebody else's, or was changed by hand; nothing was changed.
        HostError: A file can't be written, or the unit doesn't start.
    """
    tree = HostTree(root, dry_run=dry_run)
    usual = box_places(what.appliance)
    record = tree.record(what.appliance)
    options = what.loader_options or record.loader_options
    sysctl = record.sysctl if what.sysctl is None else what.sysctl
    places = Places(tree.at(usual.state), tree.at(usual.run))
    async with alone_on_host(root, dry_run=dry_run):
        had, ports = _ports(tree, root, what.appliance, options)
        files = host_files(
            what.appliance,
            usual,
            sysctl,
            socket=what.socket,
            loader_options=(*options, *port_options(ports, options)),
            with_command=what.with_command,
        )
        changes = tree.install(what.appliance, files, options, sysctl)
        if not dry_run:
            write_line(places.ports, str(ports))
    notes = [f"{path} was changed by hand and stays, though nothing needs it" for path in changes.changed_by_hand]
    if ports not in (had, BoxPorts()):
        notes.append(f"its page is at port {ports.page} of this host, and its API at {ports.api}, from now on")
    recorded = read_line(places.loader)
    if recorded and recorded != what.loader and not replace_loader:
        notes.append(f"the Loader that is recorded stays: {recorded}")
    elif not dry_run:
        record_loader(places, what.loader)
        if read_line(places.loader_failed) == what.loader:
            # Who names it wants it tried again.
            places.loader_failed.unlink(missing_ok=True)
    if not dry_run:
        notes += keep_access(places, usual, what.access)
    if root == THIS_HOST and not dry_run:
        notes += [str(each) for each in apply_settings(sysctl) if each.before != each.now or not each.is_as_wanted]
        notes += await _begin(what.appliance, units, changes)
    elif root != THIS_HOST:
        notes.append(f"a host that boots from {root} starts it by itself")
    return Report(changes, tuple(notes))


def _ports(tree: HostTree, root: Path, appliance: str, options: tuple[str, ...]) -> tuple[BoxPorts | None, BoxPorts]:
    """Those that it had, and those that it has from now on."""
    states = tree.at(STATE_ROOT)
    had = read_ports(box_places(appliance, states / appliance).ports)
    return had, ports_for(states, had, appliance, options, EmulatedPorts(root).taken() | listening_on(root))


async def _begin(appliance: str, units: Units, changes: Changes) -> list[str]:
    script, unit = str(script_path(appliance)), unit_name(appliance)
    if not units.is_there():
        return [f"no systemd runs this host: let whatever does so run {script}, and again whenever it ends"]
    await units.begin(unit, again=any(path == script or path.endswith(f"/{unit}") for path in changes.written))
    return []


async def uninstall(
    appliance: str,
    engine: ContainerEngine | None,
    units: Units,
    root: Path = THIS_HOST,
    *,
    rules: OwnRules | None = None,
    dry_run: bool = False,
) -> Report:
    """End the Loader and take away what ``install`` wrote. The appliance's containers, data and state stay.

    Args:
        appliance: Its name.
        engine: Where the Loader's containers are; None leaves them.
        units: This host's.
        root: Another folder is a tree of files.
        rules: What its Loaders left in this host's firewall; None leaves it.
        dry_run: Only say what would be done.

    Raises:
        ConflictError: Its sail runs, and not under systemd; nothing was changed.
        HostError: A file can't be removed, or the unit doesn't end.
    """
    tree = HostTree(root, dry_run=dry_run)
    usual = box_places(appliance)
    is_installed = tree.record(appliance) != Record()
    if is_installed and root == THIS_HOST and units.is_there() and not dry_run:
        await units.stop(unit_name(appliance))
    places = Places(tree.at(usual.state), tree.at(usual.run))
    async with _no_sail(appliance, places, dry_run=dry_run or not is_installed):
        removed = [] if engine is None else await remove_loader(engine, usual, dry_run=dry_run)
        own = (usual.loader, usual.loader_previous, usual.loader_failed, usual.loader_reported, usual.starts)
        access, access_folders = kept_access(places, usual)
        # Nobody knows the ports of what never ran.
        ports = () if places.database.exists() else (usual.ports,)
        removed_rules = [] if dry_run else await clear_rules(rules)
        _forget_what_never_ran(places, dry_run=dry_run or not is_installed)
        changes = tree.uninstall(
            appliance,
            (
                *own,
                *access,
                *ports,
                usual.sail_lock,
                usual.sail_socket,
                usual.loader_alive,
                *usual.of_sail,
                usual.socket,
            ),
            (*access_folders, usual.run, usual.run.parent),
        )
    if is_installed and root == THIS_HOST and units.is_there() and not dry_run:
        await units.reload()
    notes = [f"{'would remove' if dry_run else 'removed'} the container {name}" for name in removed]
    notes += removed_rules
    notes += [f"{path} was changed by hand and stays" for path in changes.changed_by_hand]
    if not dry_run and places.state.exists():
        notes.append(f"what the Loader knows stays in {usual.state}; its containers and volumes stay, too")
    return Report(changes, tuple(notes))


def _forget_what_never_ran(places: Places, *, dry_run: bool) -> None:
    """A release that was installed belongs to what the Loader knows; where none ever ran, nobody knows of it."""
    if not dry_run and not places.database.exists():
        for folder in (places.releases, places.records, places.blobs):
            shutil.rmtree(folder, ignore_errors=True)


@asynccontextmanager
async def _no_sail(appliance: str, places: Places, *, dry_run: bool) -> AsyncIterator[None]:
    with contextlib.ExitStack() as held:
        if not dry_run and places.state.is_dir():
            lock = held.enter_context(FileLock(places.sail_lock))
            if not lock.try_acquire():
                raise ConflictError(
                    f"the sail of {appliance} runs, and not under systemd", hint="end it first: it hears SIGTERM"
                )
        yield


async def remove_loader(engine: ContainerEngine, places: Places, *, dry_run: bool = False) -> list[str]:
    """Remove the containers of the Loader with this folder of state, and tell their names; sail must not run.

    Raises: EngineError.
    """
    observed = await engine.observe(())
    found = [each for each in observed.containers if each.labels.get(LABEL_LOADER_STATE) == str(places.state)]
    for each in [] if dry_run else found:
        if each.state is ContainerState.RUNNING:
            await engine.stop_container(each.name)
        await engine.remove_container(each.name)
    return [each.name for each in found]


async def clear_rules(rules: OwnRules | None) -> list[str]:
    """Take out what the Loaders left in the firewall, and tell what there was. Raises: HostError."""
    return [] if rules is None else list(await rules.clear())


def demand_root(root: Path, user_id: int) -> None:
    """Raises: HostError when this user can't write to this host."""
    if root == THIS_HOST and user_id != 0:
        raise HostError("only root can install on this host", hint="sudo boxship install, or --root for another folder")
