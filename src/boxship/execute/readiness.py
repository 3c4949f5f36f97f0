"""When is a started container ready? Asks early, asks the container itself, and notices one that ends.

Three things run side by side for one container: its questions (until each has been answered well once), a watch on
its end, and the deadline. Compose's health check is asked here too, as the engine's own first answer comes only after
a whole interval; an answer of the engine's that comes earlier counts as well.
"""

import asyncio
import contextlib
from collections.abc import Callable, Coroutine, Sequence
from typing import Any

from msgspec import Struct, field

from boxship import names
from boxship.clock import Clock
from boxship.engine.port import ContainerDetail, ProbeEngine
from boxship.errors import BoxshipError, EngineError, EngineNotFoundError, EngineUnreachableError, ProbeError
from boxship.execute.deadlines import AsPlanned, Deadlines
from boxship.execute.hints import ListenHint, PortHint
from boxship.execute.http import Answer
from boxship.execute.probes import Asker, ask_check
from boxship.execute.race import race
from boxship.plan.action import Completed, Ready, WaitReady
from boxship.plan.observed import ContainerState, Health
from boxship.spec.model import Check, ExecProbe, Healthcheck, LogProbe

# A service without any check counts as ready when it is still up this long after its start: most wrong commands,
# missing files and refused configurations end sooner.
SETTLE_S = 0.15
# The engine starts a crashed container again after 0.1, 0.2, 0.4... s: three ends fit into this.
RESETTLE_S = 2.0
_RESTART_POLL_S = 0.5
# A container that the engine restarts is given up after this many ends.
CRASH_LIMIT = 3
LOG_TAIL_LINES = 20
# Exec probes cost 54-72 ms of CPU each (measured, Docker 20.10): more at once would slow the boot they watch.
CONCURRENT_EXECS = 2
_DURATION_FACTOR = 5.0
# With a hint to wait for, the first exec is worth little before the service listens.
_FIRST_EXEC_S = 0.5
_HINT_POLL_S = 0.02
# A look costs 0.3 ms on most kernels and up to 8 ms on some: never more than a tenth of the time.
_HINT_COST_FACTOR = 10.0
_ENGINE_POLL_S = 1.0
_ANSWERING_POLL_S = 5.0
_DEFAULT_INTERVAL_S = 30.0
_DEFAULT_TIMEOUT_S = 30.0

Tell = Callable[[str], None]


class _Wait(Struct):
    """One container being waited for; ``last`` is the last answer of each unanswered question."""

    action: WaitReady
    service: str
    tell: Tell
    last: dict[str, str] = field(default_factory=dict)
    ends: int = 0
    """How often the container has ended so far."""

    def hear(self, question: str, text: str) -> None:
        if self.last.get(question) != text:
            self.last[question] = text
            self.tell(text)

    def answered(self, question: str) -> None:
        self.last.pop(question, None)

    @property
    def summary(self) -> str:
        return "; ".join(self.last.values()) or "no answer yet"


class Readiness:
    """Waits for containers of one engine; shared by all waits of a plan, so that the cap on exec probes holds."""

    def __init__(self, engine: ProbeEngine, clock: Clock, deadlines: Deadlines | None = None) -> None:
        self._engine = engine
        self._clock = clock
        self._deadlines = deadlines or AsPlanned()
        self._execs = asyncio.Semaphore(CONCURRENT_EXECS)
        self._asker = Asker(engine, clock)

    async def wait(self, action: WaitReady, tell: Tell) -> None:
        """Return once the gate is passed.

        Raises: ProbeError with what was last heard and the last log lines, when the container ends, can never become
        healthy, or isn't ready by its deadline, ``action.within_s`` as a rule; EngineError when the engine
        itself fails.
        """
        detail = await self._engine.inspect_container(action.name)
        wait = _Wait(action, _name_of(detail) or action.name, tell)
        service = detail.labels.get(names.LABEL_SERVICE, action.name)
        gate = action.gate
        if isinstance(gate, Completed):
            await self._bounded(wait, service, self._completed(wait))
            return
        if gate.needs_healthcheck and not _has_healthcheck(detail) and gate.check is None:
            raise ProbeError(
                f"{wait.service} has no health check, but a dependent waits for it to be healthy",
                hint="give it a healthcheck, or depend on service_started",
                service=wait.service,
            )
        await self._bounded(wait, service, self._ready(wait, detail))

    async def _bounded(self, wait: _Wait, service: str, work: Coroutine[Any, Any, None]) -> None:
        began_s = self._clock.monotonic_s()
        async with race(work, self._time_is_up(service, began_s, wait.action.within_s)) as (working, _):
            if not working.done():
                took_s = max(wait.action.within_s, round(self._clock.monotonic_s() - began_s))
                raise await self._not_ready(wait, f"not ready after {took_s:g} s: {wait.summary}")
            await working

    async def _time_is_up(self, service: str, began_s: float, within_s: float) -> None:
        """Return then. Asked once more when the first answer has come, as it may have been put off meanwhile."""
        left_s = within_s
        while left_s > 0:
            await self._clock.sleep(left_s)
            left_s = self._deadlines.until_s(service, began_s, within_s) - self._clock.monotonic_s()

    async def _completed(self, wait: _Wait) -> None:
        wait.hear("end", "still running")
        ending = self._engine.wait_container(wait.action.name)
        async with race(ending, self._engine_answers(wait)) as (ended, answering):
            if not ended.done():
                await answering
            code = await ended
        if code != 0:
            raise await self._not_ready(wait, f"should complete, but ended with status {code}")

    async def _engine_answers(self, wait: _Wait) -> None:
        """Raise once the engine doesn't: it may leave a wait for a container's end open for good without a word."""
        while True:
            await self._clock.sleep(_ANSWERING_POLL_S)
            with contextlib.suppress(EngineNotFoundError):
                await self._engine.inspect_container(wait.action.name)

    async def _ready(self, wait: _Wait, detail: ContainerDetail) -> None:
        """All questions answered, or the container's end, whatever comes first."""
        # An explicit start sets the engine's count to 0; it may have grown before the first look.
        restarts_before = 0 if wait.action.is_fresh else detail.restart_count
        questions = self._questions(wait, detail)
        answering = _all_answered(questions) if questions else self._settled(wait, restarts_before)
        async with race(answering, self._watch_end(wait, restarts_before)) as (answers, end):
            if end.done():
                # It raises, or says that the container has done its work: then nothing is left to be asked.
                await end
            else:
                await answers

    async def _settled(self, wait: _Wait, restarts_before: int) -> None:
        """Return once it has stayed up for a while; for longer, if it has ended before."""
        pause_s = SETTLE_S
        while True:
            ends = wait.ends
            await self._clock.sleep(pause_s)
            detail = await self._count_ends(wait, restarts_before)
            # One that has just ended is the watch's to judge, which may be about to.
            if wait.ends == ends and detail.state in (ContainerState.RUNNING, ContainerState.PAUSED):
                return
            pause_s = RESETTLE_S

    def _questions(self, wait: _Wait, detail: ContainerDetail) -> list[Coroutine[Any, Any, None]]:
        found: list[Coroutine[Any, Any, None]] = []
        gate = wait.action.gate
        if detail.healthcheck is not None and _has_healthcheck(detail):
            found.append(self._healthy(wait, detail, detail.healthcheck))
        if isinstance(gate, Ready) and gate.check is not None:
            probe = gate.check.probe
            if isinstance(probe, ExecProbe):
                timeout_s = gate.check.timeout_s
                found.append(self._exec_until(wait, detail, "check", probe.argv, timeout_s, None, probe.exit_codes))
            elif isinstance(probe, LogProbe):
                found.append(self._asker.log_line(wait.action.name, probe, detail, lambda t: wait.hear("check", t)))
            else:
                found.append(self._ask_until(wait, detail, gate.check))
        return found

    async def _ask_until(self, wait: _Wait, detail: ContainerDetail, check: Check) -> None:
        """HTTP and TCP: every 10 to 25 ms at first, as a probe costs 1 ms; then back off to once a second."""
        began_s = self._clock.monotonic_s()
        ends = wait.ends
        while True:
            answer = await ask_check(self._engine, detail, check)
            if answer.is_good:
                wait.answered("check")
                return
            wait.hear("check", answer.text)
            waited_s = self._clock.monotonic_s() - began_s
            await self._clock.sleep(_probe_delay_s(waited_s))
            if wait.ends != ends or not _has_address(detail):
                # One that was started again may have got another address.
                ends = wait.ends
                detail = await self._engine.inspect_container(wait.action.name)

    async def _healthy(self, wait: _Wait, detail: ContainerDetail, healthcheck: Healthcheck) -> None:
        """Whoever says "healthy" first: the engine, or our own asking."""
        if detail.health is Health.HEALTHY:
            return
        argv = _healthcheck_argv(healthcheck)
        asking = [self._engine_says(wait)]
        if argv:
            timeout_s = healthcheck.timeout_s or _DEFAULT_TIMEOUT_S
            interval_s = healthcheck.interval_s or _DEFAULT_INTERVAL_S
            asking.append(self._exec_until(wait, detail, "healthcheck", argv, timeout_s, interval_s))
        async with race(*asking) as askers:
            for asker in askers:
                if asker.done():
                    await asker
        wait.answered("healthcheck")

    async def _engine_says(self, wait: _Wait) -> None:
        while True:
            await self._clock.sleep(_ENGINE_POLL_S)
            detail = await self._engine.inspect_container(wait.action.name)
            if detail.health is Health.HEALTHY:
                return
            if detail.health is Health.UNHEALTHY:
                last = detail.health_output.strip().splitlines()
                said = f": {last[-1]}" if last else ""
                raise await self._not_ready(wait, f"is unhealthy: its health check failed too often{said}")

    async def _exec_until(
        self,
        wait: _Wait,
        detail: ContainerDetail,
        question: str,
        argv: tuple[str, ...],
        timeout_s: float,
        interval_s: float | None,
        exit_codes: tuple[int, ...] = (0,),
    ) -> None:
        """One exec at a time, each at least five durations after the last; a new listening socket asks at once."""
        hint = ListenHint(detail.pid)
        # Only of a container that runs on this very machine.
        address = next((each for each in detail.addresses.values() if each), "") if hint.is_readable else ""
        ports = PortHint(address, argv)
        delay_s = _FIRST_EXEC_S if hint.is_readable else 0.0
        least_s = 0.0
        growth_s = 0.1
        while True:
            await self._sleep_or_hint(hint, ports, least_s, delay_s)
            async with self._execs:
                began_s = self._clock.monotonic_s()
                answer = await self._exec(wait.action.name, argv, timeout_s, exit_codes)
                took_s = self._clock.monotonic_s() - began_s
            if answer.is_good:
                wait.answered(question)
                return
            wait.hear(question, answer.text)
            least_s = _DURATION_FACTOR * took_s
            delay_s = max(least_s, min(interval_s or _ENGINE_POLL_S, growth_s))
            growth_s *= 2

    async def _sleep_or_hint(self, hint: ListenHint, ports: PortHint, least_s: float, delay_s: float) -> None:
        """Sleep ``delay_s``, less when a hint comes, never under ``least_s``."""
        began_s = self._clock.monotonic_s()
        await self._clock.sleep(least_s)
        next_look_s = 0.0
        while hint.is_readable and not await ports.has_news():
            now_s = self._clock.monotonic_s()
            if now_s >= next_look_s:
                if hint.has_news():
                    return
                next_look_s = now_s + _HINT_COST_FACTOR * hint.cost_s
            left_s = delay_s - (now_s - began_s)
            if left_s <= 0:
                return
            await self._clock.sleep(min(_HINT_POLL_S, left_s))
        if not hint.is_readable:
            await self._clock.sleep(max(0.0, delay_s - least_s))

    async def _exec(self, name: str, argv: tuple[str, ...], timeout_s: float, exit_codes: tuple[int, ...]) -> Answer:
        try:
            result = await self._engine.run_exec(name, argv, timeout_s=timeout_s)
        except EngineUnreachableError:
            raise
        except EngineError as error:
            # The container may have just ended, or the command may not exist: the watch on its end knows the first.
            return Answer(is_good=False, text=f"{argv[0]}: {error.message}")
        if result.exit_code in exit_codes:
            return Answer(is_good=True, text="")
        lines = result.output.strip().splitlines()
        said = f": {lines[-1]}" if lines else ""
        return Answer(is_good=False, text=f"{argv[0]} exited {result.exit_code}{said}")

    async def _watch_end(self, wait: _Wait, restarts_before: int) -> None:
        """Raise once the container ended for good, or ended too often; return when a plain one ended well."""
        while True:
            # [M] The engine's wait doesn't return between a crash and a restart, so restarts are counted as well.
            ending = self._engine.wait_container(wait.action.name)
            async with race(ending, self._clock.sleep(_RESTART_POLL_S)) as (ended, _):
                has_ended = ended.done()
                if has_ended:
                    await ended
            detail = await self._count_ends(wait, restarts_before)
            if has_ended and detail.state not in (ContainerState.RUNNING, ContainerState.RESTARTING):
                if detail.exit_code == 0 and _is_plain(wait.action):
                    return
                raise await self._not_ready(wait, _end_reason(detail))

    async def _count_ends(self, wait: _Wait, restarts_before: int) -> ContainerDetail:
        try:
            detail = await self._engine.inspect_container(wait.action.name)
        except EngineNotFoundError:
            raise await self._not_ready(wait, "was removed while it was waited for") from None
        wait.ends = max(wait.ends, detail.restart_count - restarts_before)
        # While it runs again, the engine shows status 0.
        reason = "ended" if detail.state is ContainerState.RUNNING else _end_reason(detail)
        if wait.ends >= CRASH_LIMIT:
            times = f"{wait.ends} times so far"
            raise await self._not_ready(wait, f"crashes again and again ({times}), last it {reason}")
        if wait.ends:
            wait.hear("end", f"{reason}; the engine restarts it")
        return detail

    async def _not_ready(self, wait: _Wait, reason: str) -> ProbeError:
        logs: list[str] = []
        try:
            logs += [line.text async for line in self._engine.follow_logs(wait.action.name, tail=LOG_TAIL_LINES)]
        except BoxshipError as error:
            logs.append(f"(its log can't be read: {error.message})")
        return ProbeError(
            f"{wait.service} {reason}",
            hint=f"see more: boxship logs {wait.service}",
            service=wait.service,
            last=wait.summary,
            logs=logs,
        )


def _name_of(detail: ContainerDetail) -> str:
    service = detail.labels.get(names.LABEL_SERVICE)
    return names.replica_name(service, names.replica_number(detail.labels)) if service else ""


async def _all_answered(questions: Sequence[Coroutine[Any, Any, None]]) -> None:
    """Return when all have ended well; the first that fails ends the others."""
    asking = [asyncio.ensure_future(each) for each in questions]
    try:
        await asyncio.gather(*asking)
    finally:
        for each in asking:
            each.cancel()
        await asyncio.gather(*asking, return_exceptions=True)


def _has_healthcheck(detail: ContainerDetail) -> bool:
    return detail.healthcheck is not None and not detail.healthcheck.is_disabled


def _has_address(detail: ContainerDetail) -> bool:
    """Its own, or another's that is looked up whenever it is asked."""
    is_anothers = detail.network_mode == "host" or detail.network_mode.startswith("container:")
    return bool(detail.pid) and (is_anothers or any(detail.addresses.values()))


def _is_plain(action: WaitReady) -> bool:
    """No dependent and no check asks anything: then ending with 0 is a good end."""
    return action.gate == Ready()


def _end_reason(detail: ContainerDetail) -> str:
    if detail.oom_killed:
        return f"was killed as it ran out of memory (status {detail.exit_code})"
    if detail.error:
        return f"ended with status {detail.exit_code}: {detail.error}"
    return f"ended with status {detail.exit_code}"


def _healthcheck_argv(healthcheck: Healthcheck) -> tuple[str, ...]:
    match healthcheck.test:
        case ("CMD", *argv):
            return tuple(argv)
        case ("CMD-SHELL", command):
            return ("/bin/sh", "-c", command)
        case _:
            return ()


def _probe_delay_s(waited_s: float) -> float:
    """10 ms in the first half second, 25 ms up to 3 s, then a tenth of the time waited, at most 1 s."""
    if waited_s < 0.5:
        return 0.010
    return 0.025 if waited_s < 3 else min(1.0, waited_s / 10)
