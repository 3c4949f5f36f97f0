"""Preflight: what must hold before anything is booted or switched to, asked of the machine, the engine and the vendor.

Nothing is changed. What can't be asked here is skipped with the reason; an engine that doesn't answer is an answer.
"""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from functools import cache, partial
from pathlib import Path
from urllib.parse import urlsplit

from msgspec import Struct, field
from msgspec.structs import replace

from boxship.checks import disks, ground, host
from boxship.checks.aside import ask_aside
from boxship.checks.host import ClockSeen
from boxship.checks.report import Found, Level, Report
from boxship.checks.tasks import HOST, Askers, Task
from boxship.checks.text import redactor_for
from boxship.clock import Clock
from boxship.engine.port import Engine, EngineInfo
from boxship.errors import EngineError
from boxship.execute.http import ask_http
from boxship.host.machine import Machine
from boxship.host.ports import Listener
from boxship.plan.gated import GatedPort, gated_of
from boxship.plan.observed import Observed
from boxship.plan.resolve import Desired
from boxship.spec.model import Host, HttpProbe, PreflightCheck, Service
from boxship.spec.model_checks import Limits, ProgramProbe
from boxship.spec.model_preflight import ContainerProbe

WHOLE_DEADLINE_S = 600.0
"""A vendor's own check may measure a disk; all of them together end."""
_ELSEWHERE = "the engine runs on another machine, which isn't asked"


class Preflight(Struct, frozen=True):
    """What is to be asked. ``is_local``: the engine runs on this very machine."""

    desired: Desired
    checks: Mapping[str, PreflightCheck] = field(default_factory=dict)
    host: Host = Host()
    disk_limits: Mapping[str, Limits] = field(default_factory=dict)
    version: str = ""
    directory: Path = field(default_factory=Path)
    is_local: bool = True
    may_run: bool = True
    """Whether the vendor's programs and commands may be started: they are not in a dry run."""


class _Engine(Struct, frozen=True):
    """The engine as it is: an answer with a snapshot, or why there is none."""

    info: EngineInfo | None
    observed: Observed
    data_root: str
    problem: str = ""


async def ask_preflight(
    engine: Engine, machine: Machine, clock: Clock, asked: Preflight, more: Sequence[Task] = ()
) -> Report:
    """Everything at once. ``more``: what the caller knows to ask besides. Raises: nothing that is a finding."""
    at_s, began_s = clock.now().timestamp(), clock.monotonic_s()
    looker = _Looker(engine, machine, clock, asked)
    tasks = [*await looker.tasks(), *more]
    results = await Askers(clock, looker.redactor, WHOLE_DEADLINE_S).ask_all(tasks)
    return Report(asked.desired.appliance, asked.version, at_s, clock.monotonic_s() - began_s, results)


class _Looker:
    def __init__(self, engine: Engine, machine: Machine, clock: Clock, asked: Preflight) -> None:
        self._engine = engine
        self._machine = machine
        self._clock = clock
        self._asked = asked
        self.redactor = redactor_for(asked.desired)

    async def tasks(self) -> list[Task]:
        there = await self._look_at_engine()
        tasks = [_task("engine", partial(self._engine_found, there))]
        if self._asked.is_local:
            tasks += [*self._machine_tasks(), *self._disk_tasks(there), *self._port_tasks(there.observed)]
        else:
            tasks.append(_task("machine", partial(_settled, Found(Level.SKIPPED, _ELSEWHERE))))
        return [*tasks, *(self._vendors_task(check, there) for check in self._asked.checks.values())]

    async def _look_at_engine(self) -> _Engine:
        try:
            info = await self._engine.info()
            return _Engine(info, await self._engine.observe(()), await self._engine.data_root())
        except EngineError as error:
            return _Engine(None, Observed(), "", error.message)

    async def _engine_found(self, there: _Engine) -> Found:
        if there.info is None:
            return Found(Level.FAIL, there.problem, "host.engine")
        return ground.judge_engine(there.info, self._asked.host.engine)

    def _machine_tasks(self) -> list[Task]:
        asked, machine = self._asked.host, self._machine
        tasks = [
            _task("kernel", self._kernel),
            _task("memory", self._memory),
            _task("clock", self._clock_found),
            *(_task("module", partial(self._module, name), {"name": name}) for name in asked.modules),
        ]
        tasks += [
            _task("sysctl", partial(_settled, host.judge_setting(setting)), {"name": setting.key})
            for setting in machine.settings(asked.sysctl)
        ]
        if asked.ram_bytes or asked.cpus:
            tasks.append(_task("needs", self._needs))
        if asked.checks.time_server:
            ask = partial(host.ask_clock, machine, asked.checks)
            tasks.append(_task("time", ask, within_s=host.NETWORK_DEADLINE_S))
        tasks += [
            _task("dns", partial(host.ask_names, machine, name), {"name": name}, host.NETWORK_DEADLINE_S + 1)
            for name in asked.checks.dns_names
        ]
        return tasks

    async def _kernel(self) -> Found:
        return ground.judge_kernel(self._machine.info(), self._asked.host.kernel)

    async def _memory(self) -> Found:
        return host.judge_memory(self._machine.memory(), self._asked.host.checks)

    async def _clock_found(self) -> Found:
        boot_id, since_boot_s = self._machine.boot()
        return host.judge_clock(ClockSeen(boot_id, since_boot_s, self._clock.now().timestamp()))

    async def _module(self, name: str) -> Found:
        return ground.judge_module(name, self._machine.module(name))

    async def _needs(self) -> Found:
        asked = replace(self._asked.host, disk_bytes=None)
        return ground.judge_need(self._machine.unmet_needs(asked), host.judge_needs((), asked).text)

    def _disk_tasks(self, there: _Engine) -> list[Task]:
        asked, appliance = self._asked, self._asked.desired.appliance
        limits = asked.host.checks.disk
        places = disks.data_places(appliance, there.observed, there.data_root, limits, asked.disk_limits)
        found, unknown = disks.group_places(places, self._machine)
        tasks = [
            _task("disk", partial(_settled, disks.judge_disk(disk)), {"path": disk.system.mount_point})
            for disk in found
        ]
        tasks += [
            _task("disk", partial(_settled, Found(Level.SKIPPED, f"it can't be looked at: {reason}")), {"path": what})
            for what, reason in unknown.items()
        ]
        if asked.host.disk_bytes and there.data_root:
            is_installed = bool(there.observed.containers_of(appliance))
            tasks.append(_task("room", partial(self._room, there.data_root, asked.host.disk_bytes, is_installed)))
        return tasks

    async def _room(self, path: str, needed_bytes: int, is_installed: bool) -> Found:
        system = self._machine.file_system(path)
        if system is None:
            return Found(Level.SKIPPED, f"{path} has no room of its own")
        return ground.judge_room(system, needed_bytes, is_installed=is_installed)

    def _port_tasks(self, observed: Observed) -> list[Task]:
        ports = gated_of(_with_fixed_ports(self._asked.desired.services)).ports
        numbers = frozenset(each.port for each in ports)
        # Once for all: each look reads every socket of the machine.
        listeners = cache(lambda: self._machine.listeners(numbers))
        return [
            _task("port", partial(self._port, port, observed, listeners), {"name": ground.named(port)})
            for port in ports
        ]

    async def _port(self, port: GatedPort, observed: Observed, listeners: Callable[[], tuple[Listener, ...]]) -> Found:
        holders = ground.container_holders(port, observed, self._asked.desired.appliance)
        return ground.judge_port(port, holders or ground.process_holders(port, listeners()))

    def _vendors_task(self, check: PreflightCheck, there: _Engine) -> Task:
        """What the file asks. A program of the machine can be asked wherever the files are."""
        ask: Callable[[], Awaitable[Found]]
        context = {"check": check.name}
        if not self._asked.may_run and not isinstance(check.probe, HttpProbe):
            ask = partial(_settled, Found(Level.SKIPPED, "a dry run starts nothing"))
            return Task(check.name, HOST, "program", ask, check.timeout_s, check.is_soft, context=context)
        match check.probe:
            case ProgramProbe(argv):
                ask = partial(self._program, argv, check.timeout_s)
                return Task(check.name, HOST, "program", ask, check.timeout_s + 1, check.is_soft, context=context)
            case HttpProbe() as probe:
                ask = partial(self._http, probe)
                return Task(check.name, HOST, "http", ask, check.timeout_s, check.is_soft, context=context)
            case ContainerProbe() as probe:
                ask = partial(_settled, Found(Level.SKIPPED, "there is no engine to run it"))
                if there.info is not None:
                    ask = partial(self._aside, probe, check.timeout_s)
                context = {**context, "service": probe.service}
                return Task(
                    check.name, probe.service, "command", ask, check.timeout_s, check.is_soft, True, context
                )  # fmt: skip

    async def _program(self, argv: tuple[str, ...], timeout_s: float) -> Found:
        finished = await self._machine.run(argv, self._asked.directory, timeout_s)
        return host.judge_finished(finished, self.redactor.clean)

    async def _http(self, probe: HttpProbe) -> Found:
        address = urlsplit(probe.url).hostname or ""
        try:
            answer = await ask_http(address, probe, address, self.redactor.clean)
        except TimeoutError:
            raise
        except OSError as error:
            return Found(Level.FAIL, f"{address}: {error.strerror or error}", "preflight.http")
        return Found(Level.OK if answer.is_good else Level.FAIL, answer.text, "preflight.http")

    async def _aside(self, probe: ContainerProbe, timeout_s: float) -> Found:
        desired = self._asked.desired
        service = desired.everything[probe.service]
        return await ask_aside(self._engine, desired.appliance, service, probe, timeout_s, self.redactor.clean)


def _task(
    kind: str, ask: Callable[[], Awaitable[Found]], context: Mapping[str, str] | None = None, within_s: float = 10.0
) -> Task:
    return Task(kind, HOST, kind, ask, within_s, context=context or {})


async def _settled(found: Found) -> Found:
    return found


def _with_fixed_ports(services: Sequence[Service]) -> list[Service]:
    """Without ranges: the engine takes whatever is free of one."""
    return [
        replace(each, ports=tuple(port for port in each.ports if "-" not in (port.published or "")))
        for each in services
    ]
