"""Names as the appliance's own containers look them up: one container of each network is asked."""

from collections.abc import Callable, Sequence

from msgspec import Struct

from boxship.checks.inside import Ran, run_inside
from boxship.checks.report import Found, Level
from boxship.checks.text import one_line
from boxship.engine.port import Engine
from boxship.plan.observed import ContainerState, Observed, ObservedContainer

DEADLINE_S = 5.0
_NOT_THERE = frozenset({126, 127})


class Lookup(Struct, frozen=True):
    """A name that ``container`` must find on ``network``."""

    network: str
    container: ObservedContainer
    name: str


def lookups(appliance: str, observed: Observed, names: Sequence[str]) -> tuple[Lookup, ...]:
    """A neighbour's name, and all of ``names``, for each network that the appliance made and that is in use."""
    found: list[Lookup] = []
    mine = sorted(observed.containers_of(appliance), key=lambda each: each.name)
    for network in sorted(each.name for each in observed.networks if each.appliance == appliance):
        running = [each for each in mine if each.state is ContainerState.RUNNING and each.networks.get(network)]
        if running:
            found += [Lookup(network, running[0], name) for name in (running[-1].service, *names)]
    return tuple(found)


async def ask_lookup(engine: Engine, lookup: Lookup, clean: Callable[[str], str]) -> Found:
    """What a program in the container gets. Raises: TimeoutError, EngineError."""
    context = {"network": lookup.network, "name": lookup.name, "service": lookup.container.replica}
    for argv in (("getent", "hosts", lookup.name), ("nslookup", lookup.name)):
        ran = await run_inside(engine, lookup.container.id, argv, DEADLINE_S, clean)
        if ran.exit_code in _NOT_THERE:
            continue
        if ran.exit_code == 0 or _names_an_address(ran):
            return Found(Level.OK, f"{lookup.name}, asked by {lookup.container.replica}", context=context)
        said = f": {one_line(ran.said)}" if ran.said else ""
        text = f"{lookup.container.replica} can't look up {lookup.name}{said}"
        return Found(Level.FAIL, text, "network.dns", context=context)
    return Found(Level.SKIPPED, f"{lookup.container.replica} has neither getent nor nslookup to ask with")


def _names_an_address(ran: Ran) -> bool:
    """The nslookup of busybox fails when there is no IPv6 address, having told the other one."""
    return any(line.startswith("Address") for line in ran.stdout.partition("Name:")[2].splitlines())
