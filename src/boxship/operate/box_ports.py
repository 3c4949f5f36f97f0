"""The two ports that a box gets of its host: chosen and written down by one at a time, whoever sets up which box."""

import asyncio
from collections.abc import AsyncIterator, Collection
from contextlib import asynccontextmanager
from pathlib import Path

from boxship.build.locks import acquire
from boxship.errors import ConflictError, HostError, UsageError
from boxship.host.box_ports import API_PORT, PAGE_PORT, BoxPorts, choose_ports, kept_ports
from boxship.host.filelock import FileLock
from boxship.host.loader_options import value_of
from boxship.host.places import THIS_HOST
from boxship.host.ports import listening_ports

_WITHIN_S = 60.0
"""Who holds the lock writes a few small files."""


@asynccontextmanager
async def alone_on_host(root: Path, *, dry_run: bool = False) -> AsyncIterator[None]:
    """Inside, nobody else chooses ports of the host whose files are below ``root``.

    The lock is on the topmost folder itself: it is always there, whoever asks may open it, and from a container it is
    the same one. A dry run writes nothing, and waits for nobody.

    Raises: HostError when the folder can't be had; ConflictError when somebody holds the lock for too long.
    """
    if dry_run:
        yield
        return
    with _lock_on(root) as lock:
        try:
            async with asyncio.timeout(_WITHIN_S):
                await acquire(lock)
        except TimeoutError as err:
            raise ConflictError(
                f"another boxship has been choosing ports of this host for {_WITHIN_S:.0f} s",
                hint="try again once it has ended",
            ) from err
        yield


def _lock_on(root: Path) -> FileLock:
    try:
        root.mkdir(parents=True, exist_ok=True)
    except OSError as err:
        raise HostError(f"can't make {root}: {err.strerror}", hint="name another folder with --root") from err
    return FileLock(root)


def ports_for(
    states: Path, mine: BoxPorts | None, appliance: str, options: tuple[str, ...], taken: Collection[int]
) -> BoxPorts:
    """Those that a box gets: named in its Loader's options, else its own so far, else the next that nobody has.

    Args:
        states: The folder with the state of each installed appliance.
        mine: What the box has so far.
        appliance: Whose box it is: what is kept of an installed one of that name is no other's.
        options: The Loader's.
        taken: What else isn't to be chosen: ports of emulations, and where somebody listens.

    Raises: as ``choose_ports`` and ``kept_ports``.
    """
    others = {name: ports for name, ports in kept_ports(states).items() if name != appliance}
    return choose_ports(mine, _port(options, "--page-port"), _port(options, "--api-port"), others, taken)


def listening_on(root: Path) -> frozenset[int]:
    """Where somebody listens on the host with these files, as far as that is known: of a tree of files nothing is."""
    return listening_ports() if root == THIS_HOST else frozenset()


def port_options(ports: BoxPorts, options: tuple[str, ...]) -> tuple[str, ...]:
    """What the Loader isn't told yet, nor does by itself."""
    page = () if value_of(options, "--page-port") or ports.page == PAGE_PORT else ("--page-port", str(ports.page))
    api = () if value_of(options, "--api-port") or ports.api == API_PORT else ("--api-port", str(ports.api))
    return (*page, *api)


def _port(options: tuple[str, ...], name: str) -> int | None:
    text = value_of(options, name)
    if text and not text.isdecimal():
        raise UsageError(f"{name} {text} is no port", hint=f"for example {name} 8482")
    return int(text) if text else None
