"""Everything that ``status`` asks, side by side, each within its own time, and the whole within a bound."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from functools import partial
from pathlib import Path

from msgspec import Struct, field
from msgspec.structs import replace

from boxship.checks import disks, host, network
from boxship.checks.host import ClockSeen
from boxship.checks.questions import Asker, Question, kind_of, needs_engine
from boxship.checks.report import Found, Level, Report, Result
from boxship.checks.services import RUNNING, found_of, running
from boxship.checks.tasks import HOST, Askers, Task
from boxship.checks.text import Redactor, redactor_for
from boxship.clock import Clock
from boxship.engine.port import Engine
from boxship.host.machine import Machine
from boxship.plan.observed import Observed
from boxship.plan.resolve import Desired
from boxship.plan.status import ServiceStatus, service_status
from boxship.spec.model import Host, StatusCheck
from boxship.spec.model_checks import Limits

BUILT_IN = (RUNNING, "clock", "disk", "dns", "machine", "memory", "needs", "swap", "sysctl", "time")
"""Names of checks that no file declares."""
_STOPPED = Found(Level.FAIL, "it has ended, and can't be asked", "service.stopped")
_TOLD_ALREADY = Found(Level.SKIPPED, "it doesn't run")


class Asked(Struct, frozen=True):
    """What is to be checked. ``ignored``: names of checks to leave out; ``services`` empty: all of them, and the host.

    ``is_local``: the engine runs on this very machine, so its disks and its clock are the appliance's.
    """

    desired: Desired
    checks: Mapping[str, StatusCheck] = field(default_factory=dict)
    host: Host = Host()
    disk_limits: Mapping[str, Limits] = field(default_factory=dict)
    version: str = ""
    directory: Path = field(default_factory=Path)
    ignored: frozenset[str] = frozenset()
    services: frozenset[str] = frozenset()
    is_local: bool = True
    sees_folders: bool = True
    """False in a container: what has the name of a host's folder there is another one."""


class Checker:
    """Asks everything of one appliance, once."""

    def __init__(
        self, engine: Engine, machine: Machine, clock: Clock, asked: Asked, clock_before: ClockSeen | None = None
    ) -> None:
        self._engine = engine
        self._machine = machine
        self._clock = clock
        self._asked = asked
        self._clock_before = clock_before
        self._redactor: Redactor = redactor_for(asked.desired)
        self._askers = Askers(clock, self._redactor)
        self.clock_seen = clock_before
        """The clock at this look, for the next one."""

    async def check(self) -> Report:
        """Raises: EngineUnreachableError when nobody answers on the engine's socket."""
        at_s, began_s = self._clock.now().timestamp(), self._clock.monotonic_s()
        desired = self._asked.desired
        observed = (await self._engine.observe(())).of_generation(desired.appliance, desired.generation)
        rows = service_status(self._asked.desired, observed)
        if self._asked.services:
            rows = tuple(row for row in rows if row.service in self._asked.services)
        tasks = [*self._service_tasks(rows), *([] if self._asked.services else await self._host_tasks(observed))]
        wanted = [task for task in tasks if task.name not in self._asked.ignored]
        answers = await self._askers.ask_all(wanted)
        results = (*self._states(rows, answers), *answers)
        took_s = self._clock.monotonic_s() - began_s
        return Report(self._asked.desired.appliance, self._asked.version, at_s, took_s, results)

    def _states(self, rows: Sequence[ServiceStatus], answers: Sequence[Result]) -> list[Result]:
        """Whether each container runs. While the engine's own first question is open, an answer just heard counts."""
        if RUNNING in self._asked.ignored:
            return []
        answering = {each.subject for each in answers if each.name in self._asked.checks and each.level is Level.OK}
        return [
            self._askers.result(
                Task(RUNNING, row.replica, RUNNING, _nothing, 0, context={"service": row.service}), found, 0.0
            )
            for row in rows
            for found in (found_of(row, is_answering=row.replica in answering),)
        ]

    def _service_tasks(self, rows: Sequence[ServiceStatus]) -> list[Task]:
        asker = Asker(self._engine, self._clock, self._redactor.clean)
        alive = running(rows)
        found = []
        for check in self._asked.checks.values():
            mine = [row for row in rows if row.service == check.service and row.scale > 0]
            for row in mine:
                container = row.container
                if row in alive and container is not None:
                    ask = partial(asker.ask, Question(check, container))
                else:
                    # A plain command may end well; one that is asked something may not.
                    ask = partial(_settled, _STOPPED if row.is_ready else _TOLD_ALREADY)
                found.append(
                    Task(
                        check.name, row.replica, kind_of(check), ask, check.timeout_s,
                        is_soft=check.is_soft, is_dear=needs_engine(check), context={"service": check.service},
                    )
                )  # fmt: skip
        return found

    async def _host_tasks(self, observed: Observed) -> list[Task]:
        if not self._asked.is_local:
            reason = "the engine runs on another machine, which isn't asked"
            return [_host_task("machine", "machine", partial(_skipped, reason)), *self._network_tasks(observed)]
        checks = self._asked.host.checks
        tasks = [*self._kernel_tasks(), *await self._disk_tasks(observed), *self._network_tasks(observed)]
        if checks.time_server:
            tasks.append(
                _host_task("time", "clock", partial(host.ask_clock, self._machine, checks), host.NETWORK_DEADLINE_S)
            )
        for name in checks.dns_names:
            ask = partial(host.ask_names, self._machine, name)
            tasks.append(_host_task("dns", "dns", ask, host.NETWORK_DEADLINE_S + 1, {"name": name}))
        for name, argv in checks.programs.items():
            ask = partial(host.ask_program, self._machine, argv, self._asked.directory, self._redactor.clean)
            tasks.append(_host_task(name, "program", ask, host.PROGRAM_DEADLINE_S + 1, {"check": name}))
        return tasks

    def _kernel_tasks(self) -> list[Task]:
        asked = self._asked.host
        tasks = [
            _host_task("memory", "memory", self._memory),
            _host_task("swap", "swap", self._swap),
            _host_task("clock", "clock", self._clock_jump),
        ]
        if asked.ram_bytes or asked.cpus:
            tasks.append(_host_task("needs", "needs", self._needs))
        for setting in self._machine.settings(asked.sysctl):
            ask = partial(_settled, host.judge_setting(setting))
            tasks.append(_host_task("sysctl", "sysctl", ask, context={"name": setting.key}))
        return tasks

    async def _memory(self) -> Found:
        return host.judge_memory(self._machine.memory(), self._asked.host.checks)

    async def _swap(self) -> Found:
        return host.judge_swap(self._machine.memory(), self._asked.host.checks)

    async def _clock_jump(self) -> Found:
        boot_id, since_boot_s = self._machine.boot()
        now = ClockSeen(boot_id, since_boot_s, self._clock.now().timestamp())
        self.clock_seen = host.look_again(now, self._clock_before)
        return host.judge_clock(self.clock_seen)

    async def _needs(self) -> Found:
        # How much is free now is the disks' question: what was free once is the appliance's data now.
        asked = replace(self._asked.host, disk_bytes=None)
        return host.judge_needs(self._machine.unmet_needs(asked), asked)

    async def _disk_tasks(self, observed: Observed) -> list[Task]:
        asked = self._asked
        limits = asked.host.checks.disk
        root = await self._engine.data_root()
        places = disks.data_places(asked.desired.appliance, observed, root, limits, asked.disk_limits)
        hidden = () if asked.sees_folders else tuple(place for place in places if place.is_folder)
        found, unknown = disks.group_places([place for place in places if place not in hidden], self._machine)
        unknown = {**unknown, **{place.what: "the Loader in its container doesn't see it" for place in hidden}}
        tasks = [
            _host_task("disk", "disk", partial(_settled, disks.judge_disk(disk)), context={
                "path": disk.system.mount_point,
            })
            for disk in found
        ]  # fmt: skip
        for what, reason in unknown.items():
            ask = partial(_skipped, f"{what} can't be looked at: {reason}")
            tasks.append(_host_task("disk", "disk", ask, context={"path": what}))
        return tasks

    def _network_tasks(self, observed: Observed) -> list[Task]:
        names = self._asked.host.checks.dns_names
        return [
            Task(
                "dns", lookup.container.replica, "dns",
                partial(network.ask_lookup, self._engine, lookup, self._redactor.clean), 2 * network.DEADLINE_S,
                is_dear=True, context={"name": lookup.name, "network": lookup.network},
            )
            for lookup in network.lookups(self._asked.desired.appliance, observed, names)
        ]  # fmt: skip


def _host_task(
    name: str,
    kind: str,
    ask: Callable[[], Awaitable[Found]],
    within_s: float = 10.0,
    context: Mapping[str, str] | None = None,
) -> Task:
    return Task(name, HOST, kind, ask, within_s, context=context or {})


async def _settled(found: Found) -> Found:
    return found


async def _skipped(reason: str) -> Found:
    return Found(Level.SKIPPED, reason)


async def _nothing() -> Found:
    return Found(Level.OK)
