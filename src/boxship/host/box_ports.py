"""The two ports of the host that a box has for itself: its page and its API. Each appliance of a host has its own.

They are chosen once and written beside the box's state, where they stay as long as that, also after an uninstall: so
that what people and containers know of one appliance never leads to another.
"""

from collections.abc import Collection, Mapping
from itertools import count
from pathlib import Path

from msgspec import Struct

from boxship.errors import ConflictError, HostError, UsageError
from boxship.host.places import read_line

PAGE_PORT = 8480
"""Where the progress page is served on all addresses; while the gate is closed, port 80 leads there."""
API_PORT = 8481
"""Where ``loader.service`` answers on the appliance's own networks."""
FRONT_PORT = 80
"""Where browsers come: the page of a box on which nothing is deployed yet is there, too, if nobody else is."""
_FILE = "ports"
_MOST = 65535


class BoxPorts(Struct, frozen=True):
    """``str`` is the line that is kept."""

    page: int = PAGE_PORT
    api: int = API_PORT

    def __str__(self) -> str:
        return f"{self.page} {self.api}"


def choose_ports(
    mine: BoxPorts | None,
    page: int | None,
    api: int | None,
    others: Mapping[str, BoxPorts],
    taken: Collection[int] = (),
) -> BoxPorts:
    """Those that are named, else those that the appliance had, else the next that nobody has: pure.

    Args:
        mine: What is kept of it.
        page: The one that is named for the page; None: none is.
        api: The same for the API.
        others: Appliance of the same host -> its ports.
        taken: Ports that are somebody's for now: not chosen, but who names one or has it gets it.

    Raises:
        ConflictError: Another one has a port that is named.
        UsageError: Both are the same.
    """
    theirs = {port for each in others.values() for port in (each.page, each.api)}
    known = mine or _next_free({*theirs, *taken}, {page, api})
    chosen = BoxPorts(known.page if page is None else page, known.api if api is None else api)
    if chosen.page == chosen.api:
        raise UsageError(
            f"port {chosen.page} is to be the page's and the API's", hint="name another: -- --api-port PORT"
        )
    for name, its in sorted(others.items()):
        for port, option in ((chosen.page, "--page-port"), (chosen.api, "--api-port")):
            if port in (its.page, its.api):
                whose = "page" if port == its.page else "API"
                raise ConflictError(
                    f"port {port} of this host is that of the {whose} of the appliance {name}",
                    hint=f"name another: -- {option} PORT",
                )
    return chosen


def _next_free(taken: set[int], named: set[int | None]) -> BoxPorts:
    for step in count(0, 2):
        pair = BoxPorts(PAGE_PORT + step, API_PORT + step)
        if pair.api > _MOST:
            raise ConflictError("no port is free on this host", hint="name two: -- --page-port PORT --api-port PORT")
        if not {pair.page, pair.api} & (taken | named):
            return pair
    raise AssertionError


def kept_ports(states: Path) -> dict[str, BoxPorts]:
    """Appliance -> its ports, below the folder that holds the state of each. Raises: HostError when one is damaged."""
    return {path.parent.name: _read(path) for path in sorted(states.glob(f"*/{_FILE}"))}


def read_ports(path: Path) -> BoxPorts | None:
    """What is kept in a file; None when it isn't there. Raises: HostError when it is damaged."""
    return _read(path) if path.exists() else None


def _read(path: Path) -> BoxPorts:
    try:
        page, api = map(int, read_line(path).split())
    except (OSError, ValueError) as err:
        raise HostError(f"{path} doesn't hold two ports", hint="those of its page and its API, as 8480 8481") from err
    return BoxPorts(page, api)
