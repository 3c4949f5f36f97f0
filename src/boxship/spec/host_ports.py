"""One port of the host can serve one container: who wants the same one."""

from collections.abc import Iterable, Mapping

from msgspec import Struct

from boxship.spec.appliance import ApplianceFile
from boxship.spec.model import Port, Service
from boxship.spec.places import Places
from boxship.spec.ports import parse_range
from boxship.spec.report import Report
from boxship.where import Related

_EVERY_IPV4 = "0.0.0.0"  # noqa: S104 compared, not bound
_EVERY_IPV6 = "::"


_MOST_LOOKED_AT = 1_000
"""Ports of a range: a longer one is never taken as a whole."""


class _Family(Struct, frozen=True):
    """A kind of addresses. ``every``: what stands for all of them; ``name`` can't be one."""

    name: str
    every: str


_IPV4, _IPV6 = _Family("IPv4", _EVERY_IPV4), _Family("IPv6", _EVERY_IPV6)


class _Claim(Struct, frozen=True):
    """One service's wish for one port of the host. ``addresses``: those that it is bound to."""

    service: str
    port: Port
    published: str
    addresses: tuple[str, ...]


_Held = dict[str, _Claim]
"""Who came first at one port, by address and by family: looking is as quick for thousands of addresses as for one."""


def check_host_ports(
    services: Mapping[str, Service],
    targets: Mapping[str, frozenset[str]],
    file: ApplianceFile | None,
    places: Places,
    report: Report,
) -> None:
    """Report clashes inside each target; a plain Compose file is only warned, as docker compose takes it.

    ``targets`` says which services run together, by the target's name ("" when there are no targets).
    """
    for target, members in targets.items():
        together = [service for name, service in services.items() if name in members]
        for claim, holder in _clashes(together):
            _report_clash(claim, holder, target, places, report, is_error=file is not None)


def _clashes(services: Iterable[Service]) -> Iterable[tuple[_Claim, _Claim]]:
    """Each claim that can't be met, with the one that came before it."""
    held: dict[tuple[str, int], _Held] = {}
    flexible: list[tuple[_Claim, range]] = []
    for service in services:
        for port in service.ports if service.scale else ():
            wanted = _wanted(port)
            claim = _Claim(service.name, port, port.published or "", _addresses(port.host_ip))
            if len(wanted) > 1:
                flexible.append((claim, wanted))
            elif wanted:
                before = held.setdefault((port.protocol, wanted[0]), {})
                holder = _holder(before, claim)
                if holder is not None:
                    yield claim, holder
                _hold(before, claim)
    for claim, wanted in flexible:
        # The engine takes any free port of a range, so only a range without one is a clash.
        if len(wanted) <= _MOST_LOOKED_AT:
            holders = [_holder(held.get((claim.port.protocol, number), {}), claim) for number in wanted]
            if None not in holders and holders[0] is not None:
                yield claim, holders[0]


def _wanted(port: Port) -> range:
    """The host's ports that would do; none for "any free one"."""
    if port.published is None:
        return range(0)
    wanted = parse_range(port.published, "host")
    return range(wanted.first, wanted.last + 1) if wanted.first else range(0)


def _hold(held: _Held, claim: _Claim) -> None:
    for address in claim.addresses:
        held.setdefault(address, claim)
        held.setdefault(_family(address).name, claim)


def _holder(held: _Held, claim: _Claim) -> _Claim | None:
    """Who has one of the claim's addresses, or every address of its family; who wants every address meets anybody."""
    for address in claim.addresses:
        family = _family(address)
        found = held.get(family.name) if address == family.every else held.get(address) or held.get(family.every)
        if found is not None:
            return found
    return None


def _addresses(host_ip: str | None) -> tuple[str, ...]:
    return (host_ip.lower(),) if host_ip else (_EVERY_IPV4, _EVERY_IPV6)


def _family(address: str) -> _Family:
    return _IPV6 if ":" in address else _IPV4


def _report_clash(
    claim: _Claim, holder: _Claim, target: str, places: Places, report: Report, *, is_error: bool
) -> None:
    path, where = places.port(claim.service, claim.port.target, claim.published)
    holder_where = places.port(holder.service, holder.port.target, holder.published).where
    inside = f" of the target '{target}'" if target else ""
    who = "this service, too" if holder.service == claim.service else f"the service '{holder.service}'{inside}"
    reason = f"the host port {claim.published}/{claim.port.protocol} is also published by {who}"
    related = (Related(holder_where, f"{holder.service} publishes {holder.published}"),)
    if is_error and not report.is_lax:
        report.error(where, path, reason, "choose another port", code="port-clash", related=related)
    else:
        report.warn(where, path, reason, "choose another port", code="port-clash", related=related)
