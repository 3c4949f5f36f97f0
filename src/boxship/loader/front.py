"""The page at port 80 of a box on which nothing is deployed yet, as long as nobody else has that port.

Whoever unpacks a box types its name into a browser, and comes to port 80. The port isn't the box's yet: a release that
publishes it may come or not, and other programs of the host may want it at any time. So the gate leads it to the page,
which keeps nobody from listening there, and lets go as soon as somebody does. Where there is no gate the Loader listens
itself, which keeps others out: only where the port was free at its start, and on a host that has started long ago.

From the first deployment on the gate is that of its boots: they close the ports that are really published.
"""

import contextlib
from typing import Protocol

from boxship.errors import BoxshipError
from boxship.events import Notice
from boxship.host.gate import Closed
from boxship.loader.journal import Journal
from boxship.loader.parts import Parts
from boxship.plan.gated import GatedPort
from boxship.state.operation import OperationKind

LOOK_S = 2.0
"""So long may somebody who begins to listen there be kept from being reached."""
LOOK_AT_RULES_S = 15.0
HOST_SETTLED_S = 120.0
"""By then all that a host starts by itself has its ports."""
_QUIET = (OperationKind.PULL, OperationKind.GC)


class Door(Protocol):
    """The page's own listener at that port, for a host without a gate."""

    async def open(self) -> bool:
        """Whether it listens now."""

    async def close(self) -> None:
        """Somebody else can listen there when it returns."""


class NoDoor:
    """Implements ``Door`` where there is to be none."""

    async def open(self) -> bool:
        return False

    async def close(self) -> None:
        """It never was open."""


class Front:
    """``port`` 0: nothing is done. One object may run once."""

    def __init__(self, parts: Parts, journal: Journal, door: Door, port: int) -> None:
        self._parts = parts
        self._journal = journal
        self._door = door
        self._port = GatedPort(port, shows_page=True)
        self._is_led = False
        self._is_open = False
        self._was_others = False
        self._rules_seen_at_s = float("-inf")
        self._is_due = False
        self._said = ""

    async def run(self) -> None:
        """Until something is deployed. Raises nothing: a page more or less is no reason for anything."""
        if not self._port.port or self._journal.state.current is not None:
            return
        with contextlib.suppress(BoxshipError):
            # A Loader that was killed may have left it so, and somebody else listen there by now.
            self._is_led = isinstance(await self._parts.gate.state(), Closed)
        try:
            while self._journal.state.current is None:
                await self._try()
                await self._parts.clock.sleep(LOOK_S if self._is_led else LOOK_AT_RULES_S)
        finally:
            with contextlib.suppress(BoxshipError):
                await self._let_go()

    async def make_way(self) -> None:
        """Something is about to be deployed: nobody listens there when it returns. The gate is its boot's to move."""
        if self._is_open:
            self._is_open = False
            await self._door.close()

    async def _try(self) -> None:
        try:
            await self._turn()
        except (BoxshipError, OSError) as error:
            sentence = f"port {self._port.port} doesn't lead to the page: {error}"
            if sentence != self._said:
                self._said = sentence
                self._parts.feed.publish(Notice(sentence))

    async def _turn(self) -> None:
        is_others = not self._is_open and await self._is_others()
        running = self._journal.running
        # No wait from here to the gate's call: what is about to be deployed closes it after this, and not before.
        if running is not None and running.kind not in _QUIET:
            return
        if is_others:
            self._was_others = True
            await self._let_go()
        else:
            await self._take()

    async def _is_others(self) -> bool:
        if any(each.protocol == "tcp" for each in self._parts.machine.listeners((self._port.port,))):
            return True
        now_s = self._parts.clock.monotonic_s()
        self._is_due = not self._is_led or now_s - self._rules_seen_at_s >= LOOK_AT_RULES_S
        if not self._is_due:
            return False
        self._rules_seen_at_s = now_s
        return bool(await self._parts.gate.others(self._port.port))

    async def _take(self) -> None:
        if self._is_open or not self._is_due:
            return
        # Again and again: a firewall that is loaded anew takes the rules out.
        # Before it is: who ends in the midst of it has something to take back.
        self._is_led = True
        self._is_led = (await self._parts.gate.close((self._port,), self._parts.page_port)).is_closed
        if not self._is_led and not self._was_others and self._parts.machine.boot()[1] >= HOST_SETTLED_S:
            self._is_open = await self._door.open()

    async def _let_go(self) -> None:
        await self.make_way()
        if self._is_led and self._journal.state.current is None:
            self._is_led = False
            await self._parts.gate.open()
