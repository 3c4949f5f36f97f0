"""Which subnet a network gets and which address a service has on it: stable, so that /etc/hosts never goes stale.

A subnet is split: the upper half is the engine's dynamic range, the lower half Boxship's own. A service keeps the
address its container has; a new one gets the slot that its name hashes to, or the next free one. So addresses stay
the same over ``down`` and ``up`` without a state file, and adding a service moves nobody that runs. A subnet, once
chosen, lives on in the engine's network object.
"""

from collections.abc import Iterable, Mapping
from itertools import chain, islice

from msgspec import Struct

from boxship.errors import ConflictError
from boxship.hashing import blake2b
from boxship.plan.observed import Observed, ObservedNetwork
from boxship.spec.model import IpamPool, Network, Service

# 10.213.0.0/16 first: outside the engine's own default pools (172.17-31, 192.168) and rarely used by sites.
_FIRST_POOL = 10 << 24 | 213 << 16
_POOL_COUNT = 32
_POOL_STRIDE = 1 << 16
_SMALLEST_PREFIX = 24
_LARGEST_PREFIX = 16
# A subnet that a file gives may be a /8: 16 million addresses, which would take seconds to list.
_MOST_SLOTS = 1 << 16
_BITS = 32


class Block(Struct, frozen=True, order=True):
    """An IPv4 CIDR block as two integers.

    The standard library's ipaddress would do as well, but costs 12 ms of CPU to import: a tenth of what ``ps`` may.
    """

    first: int
    prefix: int

    @property
    def size(self) -> int:
        return 1 << (_BITS - self.prefix)

    def __contains__(self, address: int) -> bool:
        return self.first <= address < self.first + self.size

    def overlaps(self, other: "Block") -> bool:
        return self.first < other.first + other.size and other.first < self.first + self.size

    def __str__(self) -> str:
        return f"{format_address(self.first)}/{self.prefix}"


class Subnet(Struct, frozen=True):
    """A network's addresses: the whole ``block``, the engine's ``dynamic`` part, and Boxship's addresses in order.

    ``reserved``: single ones that the file keeps for the gateway and for others. ``gateway``: the host's own, which is
    told to the engine: left to itself it takes the first of the dynamic range, and doesn't say so (Docker 20.10.24).
    """

    block: Block
    dynamic: Block
    gateway: int
    reserved: frozenset[int] = frozenset()

    def slots(self) -> list[int]:
        """The addresses Boxship gives out: not the network's, the gateway's, the broadcast's or the dynamic range's."""
        first, last = self.block.first + 2, self.block.first + self.block.size - 1
        below = range(first, min(self.dynamic.first, last))
        above = range(max(self.dynamic.first + self.dynamic.size, first), last)
        kept = self.reserved | {self.gateway}
        return [address for address in islice(chain(below, above), _MOST_SLOTS) if address not in kept]


def parse_address(text: str) -> int | None:
    """An IPv4 address as an integer; None for anything else (IPv6 included)."""
    parts = text.split(".")
    if len(parts) != 4 or not all(part.isdecimal() and len(part) <= 3 and int(part) < 256 for part in parts):
        return None
    a, b, c, d = (int(part) for part in parts)
    return a << 24 | b << 16 | c << 8 | d


def format_address(address: int) -> str:
    return ".".join(str(address >> shift & 255) for shift in (24, 16, 8, 0))


def parse_block(text: str) -> Block | None:
    """``10.0.0.0/8`` as a block, host bits cleared; None for anything that isn't IPv4 CIDR."""
    address_text, _, prefix_text = text.partition("/")
    address = parse_address(address_text)
    prefix = int(prefix_text) if prefix_text.isdecimal() else _BITS
    if address is None or prefix > _BITS:
        return None
    return Block(address >> (_BITS - prefix) << (_BITS - prefix), prefix)


def choose_subnet(appliance: str, network: Network, service_count: int, observed: Observed) -> Subnet | None:
    """The subnet for a network that is to be created; None when the engine should choose (not a bridge, IPv6 only).

    Raises: ConflictError when every candidate is taken.
    """
    if network.driver not in (None, "bridge"):
        return None
    if network.ipam:
        given = network.ipam[0]
        return split(given.subnet or "", given.ip_range, _reserved(given), given.gateway)
    if network.ipam_driver not in (None, "default"):
        return None
    taken = _taken_blocks(observed)
    prefix = _prefix_for(service_count)
    size = 1 << (_BITS - prefix)
    per_pool = _POOL_STRIDE // size
    start = _hash(f"{appliance}/{network.key}") % per_pool
    for pool in range(_POOL_COUNT):
        for offset in range(per_pool):
            block = Block(_FIRST_POOL + pool * _POOL_STRIDE + (start + offset) % per_pool * size, prefix)
            if not any(block.overlaps(other) for other in taken):
                return Subnet(block, _upper_half(block), block.first + 1)
    raise ConflictError(
        f"no free subnet for network '{network.key}': every candidate is routed by this host or used by a network",
        hint="give the network a subnet of your own: networks.<name>.ipam.config[0].subnet",
    )


def split(
    subnet: str, ip_range: str | None, reserved: frozenset[int] = frozenset(), gateway: str | None = None
) -> Subnet | None:
    """A given subnet with its given or default dynamic range; None where there is no room to give addresses out."""
    block = parse_block(subnet)
    if block is None or block.prefix > _BITS - 3:
        return None
    dynamic = parse_block(ip_range) if ip_range else _upper_half(block)
    if dynamic is None:
        return None
    hosts = (address for address in range(block.first + 1, block.first + block.size - 1) if address not in reserved)
    own = parse_address(gateway or "") or next(hosts, block.first + 1)
    return Subnet(block, dynamic, own, reserved)


def subnet_of(found: ObservedNetwork, network: Network) -> Subnet | None:
    """The subnet of a network that is there; None when it leaves Boxship no addresses of its own."""
    if not found.subnets or not found.ip_ranges or not found.ip_ranges[0]:
        return None
    given = network.ipam[0] if network.ipam else IpamPool()
    return split(found.subnets[0], found.ip_ranges[0], _reserved(given), next(iter(found.gateways), given.gateway))


def _reserved(pool: IpamPool) -> frozenset[int]:
    addresses = (parse_address(text) for text in (pool.gateway or "", *pool.aux_addresses.values()))
    return frozenset(address for address in addresses if address is not None)


def give_addresses(
    network_key: str, network: str, subnet: Subnet, services: Iterable[Service], observed: Observed, appliance: str
) -> dict[str, str]:
    """Service name -> IPv4 address on one network. Written addresses first, then those in use, then by hash."""
    attached = [service for service in services if network_key in service.networks]
    given: dict[str, int] = {}
    held = _held_addresses(network, observed, appliance)
    taken = {address for by_name in held.values() for address in by_name}
    for service in attached:
        address = parse_address(service.networks[network_key].ipv4_address or "")
        if address is not None:
            given[service.name] = address
    taken |= set(given.values())
    slots = subnet.slots()
    usable = set(slots) - set(given.values())
    for service in attached:
        if service.name not in given:
            keep = next((address for address in held.get(service.name, ()) if address in usable), None)
            if keep is not None:
                given[service.name] = keep
                usable.discard(keep)
    for service in sorted(attached, key=lambda each: each.name):
        if service.name not in given:
            slot = _first_free(slots, usable - taken, f"{network_key}/{service.name}")
            if slot is not None:
                given[service.name] = slot
                usable.discard(slot)
    return {name: format_address(address) for name, address in given.items()}


def _held_addresses(network: str, observed: Observed, appliance: str) -> Mapping[str, list[int]]:
    """Who has which address: service -> those of its first container; "" for all other containers."""
    held: dict[str, list[int]] = {}
    for container in observed.containers:
        is_first = container.appliance == appliance and container.number == 1 and not container.is_one_off
        owner = container.service if is_first else ""
        for text in (container.addresses.get(network), container.networks.get(network)):
            address = parse_address(text or "")
            if address is not None:
                held.setdefault(owner, []).append(address)
    return held


def _first_free(slots: list[int], free: set[int], name: str) -> int | None:
    if not free:
        return None
    start = _hash(name) % len(slots)
    for offset in range(len(slots)):
        slot = slots[(start + offset) % len(slots)]
        if slot in free:
            return slot
    return None


def _taken_blocks(observed: Observed) -> list[Block]:
    texts = [text for network in observed.networks for text in network.subnets]
    blocks = [parse_block(text) for text in (*texts, *observed.host_subnets)]
    # A default route (0.0.0.0/0) covers everything and forbids nothing.
    return [block for block in blocks if block is not None and block.prefix > 0]


def _prefix_for(service_count: int) -> int:
    """The smallest block whose lower half holds twice the services, so that replacements and growth find room."""
    prefix = _SMALLEST_PREFIX
    while prefix > _LARGEST_PREFIX and (1 << (_BITS - prefix)) // 2 < 2 * service_count + 8:
        prefix -= 1
    return prefix


def _upper_half(block: Block) -> Block:
    return Block(block.first + block.size // 2, block.prefix + 1)


def _hash(text: str) -> int:
    return int.from_bytes(blake2b(text.encode(), digest_size=8).digest(), "big")
