"""The gate by iptables, in the very backend that the container engine uses: rules of the other one come too late.

What another program writes at the same time makes a batch fail as a whole; it is then made anew from what is there.
"""

import asyncio
import contextlib
from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence
from pathlib import Path

from boxship.errors import HostError
from boxship.host.chains import Family, Table, Wanted, closing_batch, find_damage, opening_batch, parse_save
from boxship.host.gate import Closed, Gate, GateReport, GateState, NoGate, Opened
from boxship.host.gate_rules import (
    chain_names,
    engine_rules,
    find_remains,
    leading_elsewhere,
    unsigned_damage,
    wanted_rules,
)
from boxship.host.proc import Finished, run
from boxship.plan.gated import GatedPort

IPV6_ADDRESSES = Path("/proc/net/if_inet6")
DEADLINE_S = 20.0
_LOCK_WAIT_S = 10
"""The legacy backend has one lock for the whole host, which the engine takes, too."""
_ATTEMPTS = 5
_MOST_BYTES = 32 * 1024 * 1024
"""Of a rule set: 300,000 rules."""
_BACKENDS = ("-nft", "-legacy")
"""In the order of their age, the youngest first. "" is whatever this host's alternatives say."""

_NOT_THE_ENGINES = (
    "the container engine has no rules in iptables: ports that it publishes by other rules may be reached from outside"
)

Run = Callable[[Sequence[str], bytes], Awaitable[Finished]]
"""Runs a program of the host, with an input. Raises: HostError when it can't start."""


Wants = Callable[[Mapping[str, Table]], Mapping[str, Wanted]]
"""What is there -> what is to be there."""


async def run_here(argv: Sequence[str], stdin: bytes) -> Finished:
    """In this process's own network namespace."""
    return await run(argv, timeout_s=DEADLINE_S, stdin=stdin, stdout_bytes=_MOST_BYTES)


async def find_gate(appliance: str, run: Run = run_here, ipv6_addresses: Path = IPV6_ADDRESSES) -> Gate:
    """The appliance's gate, or none with the reason: never raises for what this host can't do."""
    iptables = Iptables(run)
    try:
        await iptables.read("", Family.V4)
    except HostError as error:
        return NoGate(one_line(error.message))
    return IptablesGate(appliance, iptables, ipv6_addresses)


class Iptables:
    """The programs. ``backend``: "-nft", "-legacy" or ""."""

    def __init__(self, run: Run) -> None:
        self._run = run

    async def read(self, backend: str, family: Family) -> dict[str, Table]:
        """Everything that is there. Raises: HostError."""
        finished = await self._checked([f"{family}{backend}-save"], b"")
        return parse_save(finished.stdout_tail)

    async def write(self, backend: str, family: Family, batch: str) -> None:
        """Raises: HostError; the tables before the one at fault are written."""
        await self._checked([f"{family}{backend}-restore", "--noflush", "--wait", str(_LOCK_WAIT_S)], batch.encode())

    async def hold(self, backend: str, family: Family, wanted: Wants) -> tuple[str, ...]:
        """Let it be as wanted, and say what is still otherwise. Raises: HostError."""
        last: HostError | None = None
        for _ in range(_ATTEMPTS):
            now = await self.read(backend, family)
            rules = wanted(now)
            if not find_damage(rules, now):
                return ()
            try:
                await self.write(backend, family, closing_batch(rules, now))
            except HostError as error:
                last = error
        if last is not None:
            raise last
        now = await self.read(backend, family)
        return find_damage(wanted(now), now)

    async def take_out(
        self,
        chains: Collection[str],
        *,
        but: str | None = None,
        families: Sequence[Family] = (Family.V6, Family.V4),
    ) -> bool:
        """Take these chains out of every backend except one; whether there was any. Raises: HostError."""
        is_found = False
        # "" is one of the others by another name, unless there are no others.
        for backend in () if but == "" else _BACKENDS if but else (*_BACKENDS, ""):
            if backend != but:
                for family in families:
                    is_found |= await self._take_out_of(backend, family, chains)
        return is_found

    async def _take_out_of(self, backend: str, family: Family, chains: Collection[str]) -> bool:
        is_found = False
        for attempt in range(_ATTEMPTS):
            try:
                now = await self.read(backend, family)
            except HostError:
                # Not installed, or not of this kernel: nothing of ours can be in it.
                break
            batch = opening_batch(chains, now)
            if not batch:
                break
            is_found = True
            try:
                await self.write(backend, family, batch)
            except HostError:
                if attempt == _ATTEMPTS - 1:
                    raise
        return is_found

    async def engines_backend(self) -> tuple[str, bool]:
        """Where the container engine has its rules, and whether it has any; else the first that works."""
        found: dict[str, int] = {}
        for backend in (*_BACKENDS, ""):
            # "" is one of the others by another name, unless there are no others.
            if backend or not found:
                with contextlib.suppress(HostError):
                    found[backend] = engine_rules(await self.read(backend, Family.V4))
        # Of two, one is left over from before the host's alternatives were changed, and holds no published ports.
        best = max(found, key=lambda backend: found[backend], default="")
        return best, found.get(best, 0) > 0

    async def _checked(self, argv: Sequence[str], stdin: bytes) -> Finished:
        finished = await self._run(argv, stdin)
        if finished.status != 0:
            said = finished.stderr_tail.strip() or f"exited {finished.status}"
            raise HostError(f"{argv[0]}: {said}", hint="run it as root, in a container with NET_ADMIN")
        return finished


class IptablesGate:
    """Implements ``Gate``."""

    def __init__(self, appliance: str, iptables: Iptables, ipv6_addresses: Path) -> None:
        self._names = chain_names(appliance)
        self._iptables = iptables
        self._ipv6_addresses = ipv6_addresses
        self._one_at_a_time = asyncio.Lock()
        self._last: tuple[frozenset[GatedPort], int] | None = None
        """What this object's last call was to close; None when it opened."""
        self._accepted: frozenset[str] = frozenset()
        """What could not be closed over IPv6, and was reported then."""

    async def close(self, ports: Collection[GatedPort], page_port: int) -> GateReport:
        async with self._one_at_a_time:
            return await self._close((frozenset(ports), page_port))

    async def mend(self) -> tuple[str, ...]:
        async with self._one_at_a_time:
            if self._last is None:
                return ()
            backend, _ = await self._iptables.engines_backend()
            damage = await self._damage(backend, await self._iptables.read(backend, Family.V4))
            if damage:
                await self._close(self._last)
            return damage

    async def _close(self, wanted: tuple[frozenset[GatedPort], int]) -> GateReport:
        backend, is_engines = await self._iptables.engines_backend()
        if damage := await self._hold(backend, Family.V4, wanted):
            raise HostError(f"the gate isn't closed: {damage[0]}", hint="see iptables-save; what else changes it?")
        holes = await self._close_v6(backend, wanted) if has_ipv6(self._ipv6_addresses) else ()
        if not is_engines:
            holes = (_NOT_THE_ENGINES, *holes)
        # The other backend may hold what was closed before the host's alternatives were changed.
        await self._take_out(but=backend)
        self._last = wanted
        self._accepted = frozenset(await self._damage_v6(backend)) if holes else frozenset()
        return GateReport(is_closed=True, by=f"iptables{backend}", holes=holes)

    async def open(self) -> None:
        async with self._one_at_a_time:
            await self._take_out(but=None)
            self._last = None

    async def state(self) -> GateState:
        async with self._one_at_a_time:
            backend, _ = await self._iptables.engines_backend()
            now = await self._iptables.read(backend, Family.V4)
            if not find_remains(self._names, now):
                return Opened()
            return Closed(await self._damage(backend, now) if self._last else unsigned_damage(self._names, now))

    async def others(self, port: int) -> tuple[str, ...]:
        async with self._one_at_a_time:
            backend, _ = await self._iptables.engines_backend()
            return leading_elsewhere(self._names, port, await self._iptables.read(backend, Family.V4))

    async def is_intact(self) -> bool:
        async with self._one_at_a_time:
            backend, _ = await self._iptables.engines_backend()
            now = await self._iptables.read(backend, Family.V4)
            if self._last is None:
                return not find_remains(self._names, now)
            return not await self._damage(backend, now)

    async def _damage(self, backend: str, now: dict[str, Table]) -> tuple[str, ...]:
        """Over both families, but for what IPv6 couldn't do from the beginning."""
        ports, page_port = self._last or (frozenset(), 0)
        found = find_damage(wanted_rules(self._names, Family.V4, ports, page_port, now), now)
        return (*found, *(each for each in await self._damage_v6(backend) if each not in self._accepted))

    async def _damage_v6(self, backend: str) -> tuple[str, ...]:
        if not has_ipv6(self._ipv6_addresses):
            return ()
        ports, page_port = self._last or (frozenset(), 0)
        try:
            now = await self._iptables.read(backend, Family.V6)
        except HostError:
            return ()
        damage = find_damage(wanted_rules(self._names, Family.V6, ports, page_port, now), now)
        return tuple(f"over IPv6: {each}" for each in damage)

    async def _hold(self, backend: str, family: Family, wanted: tuple[frozenset[GatedPort], int]) -> tuple[str, ...]:
        ports, page_port = wanted
        return await self._iptables.hold(
            backend, family, lambda now: wanted_rules(self._names, family, ports, page_port, now)
        )

    async def _take_out(self, but: str | None) -> None:
        await self._iptables.take_out(self._names.all, but=but)

    async def _close_v6(self, backend: str, wanted: tuple[frozenset[GatedPort], int]) -> tuple[str, ...]:
        try:
            return tuple(f"over IPv6: {damage}" for damage in await self._hold(backend, Family.V6, wanted))
        except HostError as error:
            return (f"published ports may be reached over IPv6: {one_line(error.message)}",)


def has_ipv6(addresses: Path) -> bool:
    """Whether this kernel has any IPv6 address."""
    try:
        return bool(addresses.read_text().strip())
    except OSError:
        return False


def one_line(text: str) -> str:
    """What a program says in several lines."""
    return " ".join(text.split())
