"""The gate's rules for iptables, as text: pure.

Three chains of our own, named after the appliance, hold everything; the only thing ever done to another chain is to
put a jump to ours into it, or to take that out again.

* nat, from PREROUTING and OUTPUT, before the engine's DOCKER chain: a port with a page is redirected to it, and the
  others are taken past the engine's DNAT, so that they arrive at the host itself;
* filter, from INPUT: what was redirected to the page is let in, and what is new at a gated port is refused. This also
  covers the engine's docker-proxy, which listens on the host for IPv6 and for 127.0.0.1;
* filter, from DOCKER-USER (FORWARD where there is none): what the kernel still takes for a part of an old flow to the
  port, and would pass on by the old DNAT without asking nat again. UDP never ends, and a restarted service may get the
  address of the one before.

Of TCP only what opens a connection is refused: what is open belongs to the old release, and ends with it.
"""

from collections.abc import Collection, Mapping, Sequence

from msgspec import Struct

from boxship.host.chains import SYN, Family, Jump, Table, Wanted, own_chain, reject, signed, target
from boxship.plan.gated import GatedPort

_ENGINE_CHAIN = "DOCKER"
_ELSEWHERE = ("DNAT", "REDIRECT")
_USER_CHAIN = "DOCKER-USER"
_ANYWHERE = ("", "0.0.0.0", "::")  # noqa: S104 (compared with, not bound to)


class Names(Struct, frozen=True):
    """Our chains."""

    nat: str
    inbound: str
    forwarded: str

    @property
    def all(self) -> tuple[str, ...]:
        return (self.nat, self.inbound, self.forwarded)


def chain_names(appliance: str) -> Names:
    """The same for the same name, always: a new Loader finds the chains of the one before."""
    chain = own_chain("GATE", appliance)
    return Names(f"{chain}-N", f"{chain}-I", f"{chain}-F")


def engine_rules(tables: Mapping[str, Table]) -> int:
    """How many rules the container engine has here to publish ports, its chain counted, too; 0 without a chain."""
    nat = tables.get("nat", Table())
    return 1 + len(nat.of(_ENGINE_CHAIN)) if _ENGINE_CHAIN in nat.chains else 0


def wanted_rules(
    names: Names, family: Family, ports: Collection[GatedPort], page_port: int, now: Mapping[str, Table]
) -> dict[str, Wanted]:
    """Table -> what is to be there, in the order in which it has to be written: refuse before redirecting.

    Raises: ValueError when the page is at one of the ports itself.
    """
    if any(each.port == page_port and each.protocol == "tcp" for each in ports):
        raise ValueError(f"port {page_port} is the page's and an appliance's at once")
    mine = sorted(port for port in ports if _is_of(port, family))
    has_user_chain = _USER_CHAIN in now.get("filter", Table()).chains
    inbound = (*_let_in(mine, page_port), *(_refuse(port, family) for port in mine))
    forwarded = tuple(_refuse_old_flow(port, family) for port in mine)
    nat = tuple(_turn(port, page_port) for port in mine)
    local = "-m addrtype --dst-type LOCAL "
    return {
        "filter": Wanted(
            {names.inbound: signed(inbound), names.forwarded: signed(forwarded)},
            (
                Jump("INPUT", names.inbound, ("ACCEPT",)),
                Jump(_USER_CHAIN if has_user_chain else "FORWARD", names.forwarded, ("ACCEPT", "RETURN")),
            ),
        ),
        "nat": Wanted(
            {names.nat: signed(nat)},
            tuple(Jump(parent, names.nat, (_ENGINE_CHAIN,), local) for parent in ("PREROUTING", "OUTPUT")),
        ),
    }


def _is_of(port: GatedPort, family: Family) -> bool:
    return port.address in _ANYWHERE or (":" in port.address) == (family is Family.V6)


def _turn(port: GatedPort, page_port: int) -> str:
    to = f"REDIRECT --to-ports {page_port}" if port.shows_page else "ACCEPT"
    return f"{_destination(port)}-j {to}"


def _let_in(ports: Sequence[GatedPort], page_port: int) -> tuple[str, ...]:
    """Published ports never ask INPUT, so nobody has opened them there; the page in their place mustn't need it."""
    return tuple(
        f"-p tcp -m tcp --dport {page_port} -m conntrack --ctstate DNAT{_original(port)} -j ACCEPT"
        for port in ports
        if port.shows_page
    )


def _refuse(port: GatedPort, family: Family) -> str:
    return f"{_destination(port)}{_opening(port)}-j {reject(family, port.protocol)}"


def _refuse_old_flow(port: GatedPort, family: Family) -> str:
    return (
        f"-p {port.protocol} {f'-m tcp {SYN} ' * (port.protocol == 'tcp')}"
        f"-m conntrack --ctstate DNAT{_original(port)} --ctdir ORIGINAL -j {reject(family, port.protocol)}"
    )


def _destination(port: GatedPort) -> str:
    address = "" if port.address in _ANYWHERE else f"-d {port.address} "
    return f"{address}-p {port.protocol} -m {port.protocol} --dport {port.port} "


def _original(port: GatedPort) -> str:
    address = "" if port.address in _ANYWHERE else f" --ctorigdst {port.address}"
    return f"{address} --ctorigdstport {port.port}"


def _opening(port: GatedPort) -> str:
    return f"{SYN} " if port.protocol == "tcp" else ""


def leading_elsewhere(names: Names, port: int, now: Mapping[str, Table]) -> tuple[str, ...]:
    """Others' rules that turn a TCP port aside before anybody who listens there is asked."""
    return tuple(
        rule
        for rule in now.get("nat", Table()).rules
        if f" --dport {port} " in rule
        and "-p tcp " in rule
        and target(rule) in _ELSEWHERE
        and rule.split()[1] != names.nat
    )


def find_remains(names: Names, now: Mapping[str, Table]) -> tuple[str, ...]:
    """Our chains that are there."""
    return tuple(chain for table in now.values() for chain in names.all if chain in table.chains)


def unsigned_damage(names: Names, now: Mapping[str, Table]) -> tuple[str, ...]:
    """What is wrong with a gate of which it isn't known what it was to be: whether it is whole, and led to."""
    place = {names.nat: ("nat", "PREROUTING"), names.inbound: ("filter", "INPUT"), names.forwarded: ("filter", "")}
    found = []
    for chain, (name, parent) in place.items():
        table = now.get(name, Table())
        if chain not in table.chains:
            found.append(f"{name}: the chain {chain} is gone")
        elif not any(target(rule) == chain and rule.startswith(f"-A {parent}") for rule in table.rules):
            found.append(f"{name}: nothing leads to {chain}")
    return tuple(found)
