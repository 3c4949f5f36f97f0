"""All that one appliance's Loaders left in the firewall, to be taken out once none looks after it any more.

A Loader that was killed in a switch leaves the gate closed, and the next one opens it. After the last one somebody else
has to: published ports would lead to a page that nobody serves, until the host starts again.
"""

from boxship.errors import HostError
from boxship.host.chains import Family
from boxship.host.gate_rules import chain_names
from boxship.host.iptables import Iptables, Run, one_line, run_here
from boxship.host.reach_rules import reach_chain


class OwnRules:
    """One appliance's, by the names of their chains and so whoever wrote them."""

    def __init__(self, appliance: str, run: Run = run_here) -> None:
        self._appliance = appliance
        self._iptables = Iptables(run)

    async def clear(self) -> tuple[str, ...]:
        """Take them out of every backend, of IPv4 and of IPv6; a sentence for each kind that was there.

        Where the firewall can't be looked at, a sentence says so. Safe to repeat. Raises: HostError.
        """
        done = []
        if await self._iptables.take_out(chain_names(self._appliance).all):
            done.append("opened the gate, which a Loader had left closed")
        if await self._iptables.take_out([reach_chain(self._appliance)]):
            done.append("removed the firewall rules for loader.service")
        return tuple(done) if done else await self._blindness()

    async def _blindness(self) -> tuple[str, ...]:
        try:
            backend, _ = await self._iptables.engines_backend()
            await self._iptables.read(backend, Family.V4)
        except HostError as error:
            why = one_line(error.message)
            return (f"firewall rules that a Loader may have left end with the host's next start: {why}",)
        return ()
