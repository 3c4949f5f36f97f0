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

import hashlib
from collections.abc import Collection, Mapping, Sequence
from enum import StrEnum

from msgspec import Struct, field

from boxship.plan.gated import GatedPort

_PREFIX = "BOXSHIP-GATE-"
MAX_CHAIN_NAME = 28
_ENGINE_CHAIN = "DOCKER"
_USER_CHAIN = "DOCKER-USER"
_SYN = "--tcp-flags FIN,SYN,RST,ACK SYN"
_ANYWHERE = ("", "0.0.0.0", "::")  # noqa: S104 (compared with, not bound to)


class Family(StrEnum):
    """Which addresses; the value begins the programs' names."""

    V4 = "iptables"
    V6 = "ip6tables"


class Table(Struct, frozen=True):
    """One table as ``iptables-save`` prints it; ``rules`` are its lines ``-A ...``."""

    chains: frozenset[str] = frozenset()
    rules: tuple[str, ...] = ()

    def of(self, chain: str) -> tuple[str, ...]:
        """A chain's rules, in order."""
        return tuple(rule for rule in self.rules if rule.startswith(f"-A {chain} "))


class Jump(Struct, frozen=True):
    """Into ``chain`` from ``parent``, before any rule there that ends in one of ``before``."""

    parent: str
    chain: str
    before: tuple[str, ...]
    match: str = ""

    @property
    def rule(self) -> str:
        return f"{self.match}-j {self.chain}"


class Wanted(Struct, frozen=True):
    """What is to be in one table: our chains with their rules, and the jumps to them."""

    chains: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    jumps: tuple[Jump, ...] = ()


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
    digest = hashlib.blake2b(appliance.encode(), digest_size=5).hexdigest()
    return Names(f"{_PREFIX}{digest}-N", f"{_PREFIX}{digest}-I", f"{_PREFIX}{digest}-F")


def parse_save(text: str) -> dict[str, Table]:
    """Table name -> what is in it. A table that the kernel hasn't loaded is missing."""
    chains: dict[str, set[str]] = {}
    rules: dict[str, list[str]] = {}
    table = ""
    for line in text.splitlines():
        if line.startswith("*"):
            table = line[1:].strip()
            chains[table], rules[table] = set(), []
        elif line.startswith(":") and table:
            chains[table].add(line[1:].split()[0])
        elif line.startswith("-A ") and table:
            rules[table].append(line.strip())
    return {name: Table(frozenset(chains[name]), tuple(rules[name])) for name in chains}


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
            {names.inbound: _signed(inbound), names.forwarded: _signed(forwarded)},
            (
                Jump("INPUT", names.inbound, ("ACCEPT",)),
                Jump(_USER_CHAIN if has_user_chain else "FORWARD", names.forwarded, ("ACCEPT", "RETURN")),
            ),
        ),
        "nat": Wanted(
            {names.nat: _signed(nat)},
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
    return f"{_destination(port)}{_opening(port)}-j {_reject(port, family)}"


def _refuse_old_flow(port: GatedPort, family: Family) -> str:
    return (
        f"-p {port.protocol} {f'-m tcp {_SYN} ' * (port.protocol == 'tcp')}"
        f"-m conntrack --ctstate DNAT{_original(port)} --ctdir ORIGINAL -j {_reject(port, family)}"
    )


def _destination(port: GatedPort) -> str:
    address = "" if port.address in _ANYWHERE else f"-d {port.address} "
    return f"{address}-p {port.protocol} -m {port.protocol} --dport {port.port} "


def _original(port: GatedPort) -> str:
    address = "" if port.address in _ANYWHERE else f" --ctorigdst {port.address}"
    return f"{address} --ctorigdstport {port.port}"


def _opening(port: GatedPort) -> str:
    return f"{_SYN} " if port.protocol == "tcp" else ""


def _reject(port: GatedPort, family: Family) -> str:
    if port.protocol == "tcp":
        return "REJECT --reject-with tcp-reset"
    return f"REJECT --reject-with {'icmp' if family is Family.V4 else 'icmp6'}-port-unreachable"


def _signed(rules: tuple[str, ...]) -> tuple[str, ...]:
    """With a last rule that says by digest what the others were written as: programs print them back in other words."""
    digest = hashlib.blake2b("\n".join(rules).encode(), digest_size=8).hexdigest()
    return (*rules, f"-m comment --comment {digest} -j RETURN")


def find_damage(wanted: Mapping[str, Wanted], now: Mapping[str, Table]) -> tuple[str, ...]:
    """A sentence for everything that isn't as wanted."""
    found = []
    for name, want in wanted.items():
        table = now.get(name, Table())
        found += [f"{name}: {problem}" for chain in want.chains if (problem := _chain_damage(chain, want, table))]
        found += [f"{name}: {problem}" for jump in want.jumps if (problem := _jump_damage(jump, table))]
    return tuple(found)


def _chain_damage(chain: str, want: Wanted, table: Table) -> str:
    if chain not in table.chains:
        return f"the chain {chain} is gone"
    rules, signature = table.of(chain), want.chains[chain][-1].split()[3]
    if len(rules) != len(want.chains[chain]) or signature not in rules[-1]:
        return f"the chain {chain} holds other rules"
    return ""


def _jump_damage(jump: Jump, table: Table) -> str:
    rules = table.of(jump.parent)
    ours = [at for at, rule in enumerate(rules) if _target(rule) == jump.chain]
    if not ours:
        return f"{jump.parent} doesn't lead to {jump.chain}"
    first = next((at for at, rule in enumerate(rules) if _target(rule) in jump.before), len(rules))
    return f"in {jump.parent} others come before {jump.chain}" if first < ours[0] or len(ours) > 1 else ""


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
        elif not any(_target(rule) == chain and rule.startswith(f"-A {parent}") for rule in table.rules):
            found.append(f"{name}: nothing leads to {chain}")
    return tuple(found)


def closing_batch(wanted: Mapping[str, Wanted], now: Mapping[str, Table]) -> str:
    """What ``iptables-restore --noflush`` reads: our chains anew, in one step for each table."""
    lines = []
    for name, want in wanted.items():
        table = now.get(name, Table())
        lines += [f"*{name}", *(f":{chain} - [0:0]" for chain in want.chains)]
        lines += [f"-A {chain} {rule}" for chain, rules in want.chains.items() for rule in rules]
        good = {jump.parent for jump in want.jumps if not _jump_damage(jump, table)}
        lines += [_undone(rule) for rule in _jumps_to(want.chains, table) if rule.split()[1] not in good]
        lines += [f"-I {jump.parent} 1 {jump.rule}" for jump in want.jumps if jump.parent not in good]
        lines.append("COMMIT")
    return "\n".join([*lines, ""])


def opening_batch(names: Names, now: Mapping[str, Table]) -> str:
    """Take out all that is ours; "" when nothing is. First the redirection: what is refused fails, and tries again."""
    lines = []
    for name in ("nat", "filter"):
        table = now.get(name, Table())
        ours = [chain for chain in names.all if chain in table.chains]
        if ours:
            lines += [f"*{name}", *map(_undone, _jumps_to(ours, table))]
            lines += [*(f"-F {chain}" for chain in ours), *(f"-X {chain}" for chain in ours), "COMMIT"]
    return "\n".join([*lines, ""]) if lines else ""


def _jumps_to(chains: Collection[str], table: Table) -> list[str]:
    return [rule for rule in table.rules if _target(rule) in chains]


def _undone(rule: str) -> str:
    return f"-D {rule.removeprefix('-A ')}"


def _target(rule: str) -> str:
    words = rule.split()
    return words[words.index("-j") + 1] if "-j" in words[:-1] else ""
