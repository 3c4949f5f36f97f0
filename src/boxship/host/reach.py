"""The Loader's API within reach of the appliance's containers, whatever firewall the host has in iptables."""

import asyncio
from collections.abc import Collection
from pathlib import Path

from boxship.errors import HostError
from boxship.host.chains import Family
from boxship.host.iptables import IPV6_ADDRESSES, Iptables, Run, has_ipv6, one_line, run_here
from boxship.host.reach_rules import Admitted, of_family, reach_chain, reach_rules


class Reach:
    """One appliance's. Its rules outlive the Loader, so that the next one finds them; ``OwnRules`` takes them out.

    Everything is safe to repeat and to interrupt.
    """

    def __init__(self, appliance: str, run: Run = run_here, ipv6_addresses: Path = IPV6_ADDRESSES) -> None:
        self._chain = reach_chain(appliance)
        self._iptables = Iptables(run)
        self._ipv6_addresses = ipv6_addresses
        self._one_at_a_time = asyncio.Lock()

    async def admit(self, admitted: Collection[Admitted], port: int) -> str:
        """From now on just these reach the host at their gateways and ``port``.

        Returns: "", or a sentence about what can't be done here; it is the same again as long as that is so.
        """
        async with self._one_at_a_time:
            backend, _ = await self._iptables.engines_backend()
            try:
                problem = await self._admit(backend, Family.V4, admitted, port)
                if not problem and has_ipv6(self._ipv6_addresses):
                    problem = await self._admit(backend, Family.V6, admitted, port)
                # The other backend may hold what was admitted before the host's alternatives were changed.
                await self._iptables.take_out([self._chain], but=backend)
            except HostError as error:
                problem = one_line(error.message)
            return f"a firewall of this host may keep containers from loader.service: {problem}" if problem else ""

    async def _admit(self, backend: str, family: Family, admitted: Collection[Admitted], port: int) -> str:
        if not of_family(admitted, family):
            await self._iptables.take_out([self._chain], families=(family,))
            return ""
        damage = await self._iptables.hold(
            backend, family, lambda now: reach_rules(self._chain, family, admitted, port, now)
        )
        return next(iter(damage), "")
