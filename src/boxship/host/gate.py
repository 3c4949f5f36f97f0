"""The gate: while it is closed, nothing from outside reaches the ports that an appliance publishes.

A release on trial must not be used by anybody before it is proven, as what they do would be lost with it. Whoever comes
meanwhile is shown the Loader's page where plain HTTP is spoken, and is refused at once everywhere else.
"""

from collections.abc import Collection
from typing import Protocol

from msgspec import Struct

from boxship.plan.gated import GatedPort


class GateReport(Struct, frozen=True):
    """``by``: what closes it ("iptables-nft"), "" for nothing. ``holes``: a sentence for each way in that is left."""

    is_closed: bool
    by: str = ""
    holes: tuple[str, ...] = ()


class Opened(Struct, frozen=True):
    """Nothing of the gate is there."""


class Closed(Struct, frozen=True):
    """``damage``: what somebody changed since, a sentence each; () while it holds."""

    damage: tuple[str, ...] = ()


GateState = Opened | Closed


class Gate(Protocol):
    """One appliance's gate. It outlives whoever closed it: the next one finds it closed, and can open it.

    Everything is safe to repeat and to interrupt. Connections that exist stay as they are, whichever way they lead:
    the old release may finish its answers, and the page's server closes each connection after its answer.
    """

    async def close(self, ports: Collection[GatedPort], page_port: int) -> GateReport:
        """From now on new traffic to just these ports is kept out; those with a page are answered at ``page_port``.

        The server of the page must listen there on all addresses of the host, IPv6 included.

        Raises: HostError when it can't be closed; what was closed before stays closed.
        """

    async def open(self) -> None:
        """From now on new connections reach the appliance. Raises: HostError; then it may still be closed."""

    async def state(self) -> GateState:
        """How it is now, whoever closed it. Raises: HostError."""

    async def others(self, port: int) -> tuple[str, ...]:
        """Rules, not of this gate, that lead a TCP port of the host elsewhere: an engine's, another appliance's gate's.

        Raises: HostError.
        """

    async def is_intact(self) -> bool:
        """Whether it is as this object's last call left it; others may flush rules or put theirs before ours.

        ``close`` with the same ports repairs it. Raises: HostError.
        """

    async def mend(self) -> tuple[str, ...]:
        """Close it again where somebody changed what this object closed, and tell what that was; () as a rule.

        Raises: HostError when it can't be closed again.
        """


class NoGate:
    """Implements ``Gate`` where there can't be any."""

    def __init__(self, reason: str) -> None:
        self.reason = reason

    async def close(self, ports: Collection[GatedPort], page_port: int) -> GateReport:
        del ports, page_port
        return GateReport(is_closed=False, holes=(f"trials are not closed to the outside here because {self.reason}",))

    async def open(self) -> None:
        """It never was closed."""

    async def state(self) -> GateState:
        return Opened()

    async def others(self, port: int) -> tuple[str, ...]:
        del port
        return ()

    async def is_intact(self) -> bool:
        return True

    async def mend(self) -> tuple[str, ...]:
        return ()
