"""Chains of our own among those of others, as text: pure.

The only thing ever done to another's chain is to put a jump to ours into it, or to take that out again.
"""

import hashlib
from collections.abc import Collection, Mapping
from enum import StrEnum

from msgspec import Struct, field

OWN_PREFIX = "BOXSHIP-"
MAX_CHAIN_NAME = 28
SYN = "--tcp-flags FIN,SYN,RST,ACK SYN"


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


def own_chain(kind: str, appliance: str) -> str:
    """The same for the same name, always: a new Loader finds the chains of the one before."""
    digest = hashlib.blake2b(appliance.encode(), digest_size=5).hexdigest()
    return f"{OWN_PREFIX}{kind}-{digest}"


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


def reject(family: Family, protocol: str) -> str:
    """At once, in the way of the protocol."""
    if protocol == "tcp":
        return "REJECT --reject-with tcp-reset"
    return f"REJECT --reject-with {'icmp' if family is Family.V4 else 'icmp6'}-port-unreachable"


def signed(rules: tuple[str, ...]) -> tuple[str, ...]:
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
    ours = [at for at, rule in enumerate(rules) if target(rule) == jump.chain]
    if not ours:
        return f"{jump.parent} doesn't lead to {jump.chain}"
    first = next((at for at, rule in enumerate(rules) if target(rule) in jump.before), len(rules))
    return f"in {jump.parent} others come before {jump.chain}" if first < ours[0] or len(ours) > 1 else ""


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


def opening_batch(chains: Collection[str], now: Mapping[str, Table]) -> str:
    """Take out these chains; "" when there are none. First the redirection: what is refused fails, and tries again."""
    lines = []
    for name in ("nat", "filter"):
        table = now.get(name, Table())
        ours = [chain for chain in chains if chain in table.chains]
        if ours:
            lines += [f"*{name}", *map(_undone, _jumps_to(ours, table))]
            lines += [*(f"-F {chain}" for chain in ours), *(f"-X {chain}" for chain in ours), "COMMIT"]
    return "\n".join([*lines, ""]) if lines else ""


def _jumps_to(chains: Collection[str], table: Table) -> list[str]:
    return [rule for rule in table.rules if target(rule) in chains]


def _undone(rule: str) -> str:
    return f"-D {rule.removeprefix('-A ')}"


def target(rule: str) -> str:
    """Where a rule leads, "" for nowhere."""
    words = rule.split()
    return words[words.index("-j") + 1] if "-j" in words[:-1] else ""
