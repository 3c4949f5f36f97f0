"""A Loader with all its doors, put together: the one place that knows every part of a box."""

import asyncio
import contextlib
import os
from collections.abc import Callable
from pathlib import Path

from msgspec import Struct
from starlette.types import ASGIApp

from boxship.api.app import make_api
from boxship.api.route import Doors
from boxship.bundle.library import Library
from boxship.clock import SystemClock
from boxship.engine.port import Engine
from boxship.errors import BoxshipError, HostError
from boxship.events import Notice
from boxship.host.iptables import find_gate
from boxship.host.logins import DockerLogins
from boxship.host.machine import ThisMachine
from boxship.host.places import Places, record_loader, report_loader
from boxship.host.power import find_power
from boxship.loader.copying import VolumeCopier
from boxship.loader.happened import BoxEvent, Decided, DeploymentChanged, OperationChanged
from boxship.loader.heartbeats import Heartbeats
from boxship.loader.machine import MachinePower
from boxship.loader.parts import Parts
from boxship.loader.pulling import LibraryReleases, SourceVendor
from boxship.loader.ring import Ring
from boxship.loader.supervisor import Supervisor
from boxship.loader.tokens import StoreTokens
from boxship.registry.trust import Trust
from boxship.serve.closing import Closing
from boxship.serve.gate import Gate as Access
from boxship.serve.limiter import Limiter
from boxship.serve.listeners import Address, Inet, Listeners, Unix
from boxship.state.deployment import Deployment
from boxship.store.opening import open_store
from boxship.web.app import Pages, make_pages

PAGE_PORT = 8480
"""Where the progress page is served on all addresses; while the gate is closed, port 80 leads there."""
API_PORT = 8481
"""Where ``loader.service`` answers on the appliance's own networks."""
_ANYWHERE = ("0.0.0.0", "::")  # noqa: S104  # the page is for everybody, and holds nothing that needs a login


class BoxOptions(Struct, frozen=True):
    """``source``: for a box that has none yet. ``own_image``: the image this runs from, "" for none."""

    appliance: str
    places: Places
    page_port: int = PAGE_PORT
    api_port: int = API_PORT
    source: str = ""
    own_image: str = ""
    ca_file: Path | None = None
    insecure: frozenset[str] = frozenset()
    """Hosts of registries that may do without TLS."""


async def run_box(options: BoxOptions, engine: Engine, stop: asyncio.Event, show: Callable[[BoxEvent], None]) -> None:
    """Until ``stop`` is set, or another Loader's turn has come: then sail starts that one.

    Raises: StateError when what is kept can't be read; ConflictError while another Loader of this appliance runs.
    """
    places, clock = options.places, SystemClock()
    for folder in (places.state, places.run):
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    with contextlib.closing(open_store(places.database, clock)) as store:
        library = Library(places.state)
        library.sweep()
        ring = Ring(lambda: clock.now().timestamp())
        parts = Parts(
            appliance=options.appliance,
            engine=engine,
            store=store,
            releases=LibraryReleases(library),
            vendor=SourceVendor(library, engine, DockerLogins(os.environ), clock, _trust(options)),
            copier=VolumeCopier(clock),
            gate=await find_gate(options.appliance),
            machine=ThisMachine(),
            clock=clock,
            feed=ring,
            boot_id=os.urandom(8).hex(),
            page_port=options.page_port,
            heartbeats=Heartbeats(clock),
            own_image=options.own_image,
            default_source=options.source,
        )
        box = Supervisor(parts)
        ring.tap(box.hear)
        ring.tap(show)
        closing = Closing()
        tokens = StoreTokens(store, clock)
        access = Access(tokens, clock, Limiter())
        power = MachinePower(await find_power(), engine)
        api = make_api(Doors(box, power, tokens, store, clock, closing), access)
        pages = make_pages(Pages(box, access, clock, closing))
        process = _BoxProcess(options, parts, box, Listeners(closing), api, pages)
        ring.tap(process.hear)
        await process.run(stop)


def _trust(options: BoxOptions) -> Trust:
    return Trust(ca_file=options.ca_file, insecure=options.insecure)


class _BoxProcess:
    """The doors follow the networks; whoever starts this is told that it is well, and when another should run."""

    def __init__(
        self, options: BoxOptions, parts: Parts, box: Supervisor, listeners: Listeners, api: ASGIApp, pages: ASGIApp
    ) -> None:
        self._options = options
        self._parts = parts
        self._box = box
        self._listeners = listeners
        self._api = api
        self._pages = pages
        self._networks_changed = asyncio.Event()
        self._stop = asyncio.Event()
        self._is_reported = False
        self._said: set[str] = set()

    def hear(self, event: BoxEvent) -> None:
        match event:
            case OperationChanged():
                self._networks_changed.set()
            case DeploymentChanged(current=current) if current is not None:
                self._hand_over(current)
            case Decided() if not self._is_reported:
                # The first turn of the loop: state and files could be read, and the doors are open.
                self._is_reported = True
                report_loader(self._options.places, self._parts.boot_id, self._options.own_image)
            case _:
                pass

    async def run(self, stop: asyncio.Event) -> None:
        self._networks_changed.set()
        await self._listen()
        following = asyncio.ensure_future(self._follow_networks())
        stopping = asyncio.ensure_future(self._pass_on(stop))
        try:
            await self._box.run(self._stop)
        finally:
            for task in (following, stopping):
                task.cancel()
            await asyncio.gather(following, stopping, return_exceptions=True)
            await self._listeners.close()

    async def _pass_on(self, stop: asyncio.Event) -> None:
        await stop.wait()
        self._stop.set()

    async def _follow_networks(self) -> None:
        while True:
            await self._networks_changed.wait()
            self._networks_changed.clear()
            await self._listen()

    async def _listen(self) -> None:
        wanted: dict[Address, ASGIApp] = {Unix(str(self._options.places.socket)): self._api}
        wanted |= {Inet(host, self._options.page_port): self._pages for host in _ANYWHERE}
        wanted |= {Inet(host, self._options.api_port): self._api for host in await self._gateways()}
        for address, error in (await self._listeners.listen(wanted)).items():
            self._complain(address, error)

    def _complain(self, address: Address, error: HostError) -> None:
        """Once for each: a network's address may come a moment later, and IPv6 never."""
        if str(address) not in self._said:
            self._said.add(str(address))
            self._parts.feed.publish(Notice(error.message, is_warning=True))

    async def _gateways(self) -> tuple[str, ...]:
        """The host's own addresses on the appliance's networks. An engine that is away changes nothing."""
        try:
            observed = await self._parts.engine.observe(())
        except BoxshipError:
            return tuple(
                address.host
                for address in self._listeners.addresses
                if isinstance(address, Inet) and address.port == self._options.api_port
            )
        mine = (each for each in observed.networks if each.appliance == self._options.appliance)
        return tuple(gateway for network in mine for gateway in network.gateways)

    def _hand_over(self, current: Deployment) -> None:
        """The Loader of the release that is current now is another one: sail starts it when this one has ended."""
        own = self._options.own_image
        platform = self._parts.releases.release(current.release_id).platform
        if own and platform is not None and platform.id != own:
            record_loader(self._options.places, platform.id)
            self._stop_when_idle()

    def _stop_when_idle(self) -> None:
        async def wait() -> None:
            async for each in self._box.events():
                if isinstance(each.event, OperationChanged) and each.event.operation.status.is_over:
                    break
            self._stop.set()

        self._waiting = asyncio.ensure_future(wait())
