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
from boxship.events import Notice, StepDone
from boxship.host.box_logins import BoxLogins
from boxship.host.box_ports import API_PORT, PAGE_PORT
from boxship.host.heap import give_back_free_memory
from boxship.host.iptables import find_gate
from boxship.host.machine import ThisMachine
from boxship.host.places import Places, loader_images
from boxship.host.power import find_power
from boxship.host.reach import Reach
from boxship.host.reach_rules import Admitted, admitted_of
from boxship.host.sail.render import HOST_FILES_VERSION
from boxship.host.sail_power import SailPower
from boxship.loader.copying import VolumeCopier
from boxship.loader.handover import Handover
from boxship.loader.happened import BoxEvent, OperationChanged
from boxship.loader.heartbeats import Heartbeats
from boxship.loader.machine import MachinePower
from boxship.loader.outdated import find_outdated
from boxship.loader.parts import Parts, nobody_restarts
from boxship.loader.pulling import LibraryReleases, SourceVendor
from boxship.loader.ring import Ring
from boxship.loader.service_tokens import ServiceTokens
from boxship.loader.successor import CheckedSuccessor
from boxship.loader.supervisor import Supervisor
from boxship.loader.tokens import StoreTokens, make_monitoring_password
from boxship.registry.trust import Trust
from boxship.serve.closing import Closing
from boxship.serve.gate import Gate as Access
from boxship.serve.limiter import Limiter
from boxship.serve.listeners import Address, Inet, Listeners, Unix
from boxship.serve.outside import OutsideDoor
from boxship.serve.prefix import ByPrefix
from boxship.serve.signs import give_signs
from boxship.store.opening import open_store
from boxship.web.app import make_pages
from boxship.web.asked import Pages

_REACH_AGAIN_S = 60.0
"""A firewall that is loaded anew takes our rules out, and tells nobody."""
_CERTIFICATE_AGAIN_S = 3.0
"""Whoever puts one there looks whether it is served."""
_ANYWHERE = ("0.0.0.0", "::")  # noqa: S104  # the page is for everybody, and holds nothing that needs a login


class BoxOptions(Struct, frozen=True):
    """``source``: for a box that has none yet. ``own_image``: the image this runs from, "" for none."""

    appliance: str
    places: Places
    page_port: int = PAGE_PORT
    api_port: int = API_PORT
    source: str = ""
    own_image: str = ""
    front_port: int = 0
    """Where the page is as well while nothing is deployed; 0 for nowhere."""
    host_files: int | None = None
    """The version of the files that start it; None for a Loader that no sail started."""
    ca_file: Path | None = None
    insecure: frozenset[str] = frozenset()
    """Hosts of registries that may do without TLS."""
    update_check_s: float = 0.0
    """How often its source is asked for newer releases; 0: never."""


async def run_box(options: BoxOptions, engine: Engine, stop: asyncio.Event, show: Callable[[BoxEvent], None]) -> None:
    """Until ``stop`` is set, or another Loader's turn has come: then sail starts that one.

    Raises: StateError when what is kept can't be read; ConflictError while another Loader of this appliance runs;
    HostError when its socket can't be opened.
    """
    name, places, clock = options.appliance, options.places, SystemClock()
    for folder in (places.state, places.run):
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    with contextlib.closing(open_store(places.database, clock)) as store:
        library = Library(places.state)
        library.sweep()
        ring = Ring(lambda: clock.now().timestamp())
        outside = OutsideDoor(places.tls)
        outdated = () if options.host_files is None else find_outdated(name, options.host_files, HOST_FILES_VERSION)
        tokens = StoreTokens(store, clock)
        # Who has started it, in a container or beside one, is the one to ask for what only the host can do.
        sail = SailPower(places, clock) if options.own_image or places.sail_host.exists() else None
        parts = Parts(
            appliance=options.appliance,
            engine=engine,
            store=store,
            releases=LibraryReleases(library),
            vendor=SourceVendor(library, engine, BoxLogins(places.docker_config, os.environ), clock, _trust(options)),
            copier=VolumeCopier(clock),
            gate=await find_gate(options.appliance),
            machine=ThisMachine(),
            clock=clock,
            feed=ring,
            boot_id=os.urandom(8).hex(),
            page_port=options.page_port,
            heartbeats=Heartbeats(clock),
            service_tokens=ServiceTokens(tokens, places.tokens, options.api_port),
            own_image=options.own_image,
            default_source=options.source,
            update_check_s=options.update_check_s,
            beside=lambda now: (*outdated, *outside.result(now)),
            loader_images=lambda: (*filter(None, (options.own_image,)), *loader_images(places)),
            restart_engine=sail.restart_engine if sail else nobody_restarts,
        )
        closing = Closing()
        door = _FrontDoor(options.front_port, Listeners(closing))
        box = Supervisor(parts, door, options.front_port)
        ring.tap(box.hear)
        ring.tap(show)
        make_monitoring_password(tokens, places.monitoring)
        access = Access(tokens, clock, Limiter())
        power = MachinePower(sail or await find_power(), engine)
        api = make_api(Doors(box, power, tokens, store, clock, closing), access)
        pages = make_pages(Pages(box, access, store, clock, closing, options.page_port))
        door.pages = pages
        # An edge of the appliance asks here for /ship-ready, and may show the page.
        both = ByPrefix({"/v1": api}, pages)
        process = _BoxProcess(options, parts, box, Listeners(closing), outside, both, pages)
        ring.tap(process.hear)
        ring.tap(process.handover.hear)
        await process.run(stop)


def _trust(options: BoxOptions) -> Callable[[], Trust]:
    kept = options.places.registry_ca

    def trust_now() -> Trust:
        return Trust(
            ca_file=options.ca_file or (kept if kept.exists() else None),
            insecure=options.insecure,
            client_folder=options.places.registry_clients,
        )

    return trust_now


class _FrontDoor:
    """Implements ``Door``. ``pages`` come when they are made: they ask the box, which has this door."""

    def __init__(self, port: int, listeners: Listeners) -> None:
        self._port = port
        self._listeners = listeners
        self.pages: ASGIApp | None = None

    async def open(self) -> bool:
        if self.pages is None:
            return False
        wanted: dict[Address, ASGIApp] = {Inet(host, self._port): self.pages for host in _ANYWHERE}
        return len(await self._listeners.listen(wanted)) < len(wanted)

    async def close(self) -> None:
        await self._listeners.listen({})


class _BoxProcess:
    """The doors follow the networks, and whatever else runs beside the box ends with it."""

    def __init__(
        self,
        options: BoxOptions,
        parts: Parts,
        box: Supervisor,
        listeners: Listeners,
        outside: OutsideDoor,
        api: ASGIApp,
        pages: ASGIApp,
    ) -> None:
        self._options = options
        self._parts = parts
        self._box = box
        self._listeners = listeners
        self._outside = outside
        self._api = api
        self._pages = pages
        self._networks_changed = asyncio.Event()
        self._stop = asyncio.Event()
        self._said: set[str] = set()
        self._reach = Reach(options.appliance)
        self._known: frozenset[Admitted] | None = None
        self._admitted: frozenset[Admitted] | None = None
        self._socket = Unix(str(options.places.socket))
        successor = CheckedSuccessor(parts.engine, parts.appliance, options.places)
        self.handover = Handover(parts, options.places, box, successor, self._stop.set)

    def hear(self, event: BoxEvent) -> None:
        match event:
            case OperationChanged(operation=operation):
                self._networks_changed.set()
                if operation.status.is_over:
                    give_back_free_memory()
            case StepDone(subject=subject) if subject.startswith("network:"):
                # Before the first container on it starts, or a moment later.
                self._networks_changed.set()
            case _:
                pass

    async def run(self, stop: asyncio.Event) -> None:
        self._networks_changed.set()
        await self._listen()
        self._expect_socket()
        places = self._options.places
        beside = [self._follow_networks(), self._follow_certificate(), self._pass_on(stop), self.handover.run()]
        beside.append(give_signs(places.socket, places.loader_alive, self._parts.boot_id, self._parts.clock))
        tasks = [asyncio.ensure_future(each) for each in beside]
        try:
            await self._box.run(self._stop)
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            await self._listeners.close()

    async def _pass_on(self, stop: asyncio.Event) -> None:
        await stop.wait()
        self._stop.set()

    async def _follow_networks(self) -> None:
        while True:
            try:
                async with asyncio.timeout(_REACH_AGAIN_S):
                    await self._networks_changed.wait()
            except TimeoutError:
                self._admitted = None
            self._networks_changed.clear()
            await self._listen()

    async def _follow_certificate(self) -> None:
        while True:
            known = self._outside.look(), self._outside.problem
            await asyncio.sleep(_CERTIFICATE_AGAIN_S)
            if (self._outside.look(), self._outside.problem) != known:
                self._networks_changed.set()

    def _expect_socket(self) -> None:
        """A Loader that nobody on this box could ask anything is not well, whatever else it can do."""
        if self._socket not in self._listeners.addresses:
            raise HostError(f"cannot listen on {self._socket}", hint="see what is in its folder")

    async def _listen(self) -> None:
        admitted = await self._networks()
        if admitted is None:
            admitted = frozenset()
        else:
            await self._admit(admitted)
        wanted: dict[Address, ASGIApp] = {self._socket: self._api}
        wanted |= {Inet(host, self._options.page_port): self._pages for host in _ANYWHERE}
        wanted |= {
            Inet(host, self._options.api_port): self._api for host in sorted({each.gateway for each in admitted})
        }
        wanted |= dict.fromkeys(self._outside.look(), self._api)
        failed = await self._listeners.listen(wanted)
        for address, error in failed.items():
            # A network's address may come a moment later, and IPv6 never.
            self._complain(str(address), error.message)
        self._outside.opened(failed)
        if problem := self._outside.problem:
            self._complain(problem, problem)

    async def _admit(self, admitted: frozenset[Admitted]) -> None:
        """Operations tell much, and seldom of networks: the rules are looked at when these change, and now and then."""
        if admitted != self._admitted:
            if problem := await self._reach.admit(admitted, self._options.api_port):
                self._complain(problem, problem)
            self._admitted = admitted

    def _complain(self, about: str, sentence: str) -> None:
        """Once."""
        if about not in self._said:
            self._said.add(about)
            self._parts.feed.publish(Notice(sentence, is_warning=True))

    async def _networks(self) -> frozenset[Admitted] | None:
        """The appliance's own networks, and the host's address on each. An engine that is away changes nothing.

        None: not known yet; what an earlier Loader has admitted stays.
        """
        try:
            observed = await self._parts.engine.observe(())
        except BoxshipError:
            return self._known
        self._known = admitted_of(each for each in observed.networks if each.appliance == self._options.appliance)
        return self._known
