"""Which Loader looks after a box: that of the release that is current. When that is another one, this one makes way.

It makes way only for one that has said, from a container beside it, that it would be well here.

The commit of a switch says it, and nothing else has to be remembered: whoever starts between the commit and the record
for sail finds the same and makes way then. A Loader that sail has given up isn't tried again for the same release, so
no two pass the box back and forth: the one that runs stays, and says why.
"""

import asyncio
from collections.abc import Callable
from typing import Protocol, assert_never

from msgspec import Struct

from boxship.checks.codes import suggestion_for
from boxship.checks.report import Issue, Level, Result, Severity
from boxship.errors import BoxshipError
from boxship.events import Notice
from boxship.host.places import Places, read_line, record_loader, report_loader
from boxship.loader.happened import BoxEvent, Decided, OperationChanged
from boxship.loader.parts import Parts
from boxship.loader.successor import Successor
from boxship.state.deployment import Deployment
from boxship.state.state import State

GRACE_S = 1.0
"""Whoever follows the switch hears of its end before the doors close."""
RETRY_S = 30.0
_SHORT = 12


class MakeWay(Struct, frozen=True):
    """For the Loader of that image."""

    image_id: str
    whose: str

    @property
    def why(self) -> str:
        return f"{self.whose} takes over"


class Stay(Struct, frozen=True):
    """``but``: why that isn't as it should be, a sentence; "" when it is."""

    but: str = ""


Choice = MakeWay | Stay


def choose_loader(
    current: Deployment | None, platform_id: str, own_image: str, failed_image: str, *, is_here: bool
) -> Choice:
    """Pure. ``platform_id``: of the current release, "" for none; ``is_here``: whether the engine has that image."""
    if current is None or not own_image or platform_id in ("", own_image):
        return Stay()
    name = f"the Loader of {current.version} ({short_id(platform_id)})"
    if platform_id == failed_image:
        return Stay(f"{name} was started again and again and never got well, so {short_id(own_image)} goes on")
    if not is_here:
        return Stay(f"{name} isn't on the engine, so {short_id(own_image)} goes on")
    return MakeWay(platform_id, name)


def short_id(image_id: str) -> str:
    return image_id.removeprefix("sha256:")[:_SHORT]


class Leaving(Protocol):
    """The box, as far as its Loader's leaving it goes."""

    issue: Result | None
    """What the status shows of all this."""

    def state(self) -> State:
        """As it is now."""

    def refuse(self, why: str) -> None:
        """No operation begins from now on; "": they may again."""


class Handover:
    """Tells sail that this Loader is well, and which should run. ``leave`` ends this one."""

    def __init__(
        self, parts: Parts, places: Places, box: Leaving, successor: Successor, leave: Callable[[], None]
    ) -> None:
        self._parts = parts
        self._successor = successor
        self._objections: dict[str, str] = {}
        """Image id -> what the Loader of it said; each is asked once."""
        self._places = places
        self._box = box
        self._leave = leave
        self._look = asyncio.Event()
        self._is_reported = False
        self._said = ""

    def hear(self, event: BoxEvent) -> None:
        """Every event of the box comes by here."""
        match event:
            case Decided():
                # The first one ends the first turn of the loop: the state was read, and the engine was asked.
                self._look.set()
            case OperationChanged(operation=operation) if operation.status.is_over:
                self._look.set()
            case _:
                pass

    async def run(self) -> None:
        """Until it is cancelled, or has left."""
        while True:
            await self._look.wait()
            self._look.clear()
            try:
                self._report()
                if await self._turn():
                    return
            except (BoxshipError, OSError) as error:
                # The engine is away, or the disk is full: neither is for ever.
                self._box.refuse("")
                self._say(f"can't see to which Loader runs: {error}")
                await self._parts.clock.sleep(RETRY_S)
                self._look.set()

    def _report(self) -> None:
        if not self._is_reported:
            report_loader(self._places, self._parts.boot_id, self._parts.own_image)
            if read_line(self._places.loader_failed) == self._parts.own_image:
                self._places.loader_failed.unlink(missing_ok=True)
            self._is_reported = True

    async def _turn(self) -> bool:
        """Whether this Loader leaves."""
        state = self._box.state()
        if state.operation_id:
            # Its end is heard of.
            return False
        match choice := await self._choose(state.current):
            case Stay():
                self._complain(choice.but)
                return False
            case MakeWay(image_id=image_id):
                if objection := await self._objection(image_id):
                    self._complain(f"{choice.whose} would not be well here, so {self._own_id} goes on: {objection}")
                    return False
                return await self._make_way(state, choice)
            case _:
                assert_never(choice)

    @property
    def _own_id(self) -> str:
        return short_id(self._parts.own_image)

    async def _objection(self, image_id: str) -> str:
        if image_id not in self._objections:
            self._objections[image_id] = await self._successor.objection(image_id)
        return self._objections[image_id]

    async def _choose(self, current: Deployment | None) -> Choice:
        own = self._parts.own_image
        if current is None or not own:
            return Stay()
        platform = self._parts.releases.release(current.release_id).platform
        wanted = "" if platform is None else platform.id
        is_here = wanted in ("", own) or (await self._parts.engine.observe((wanted,))).image(wanted) is not None
        return choose_loader(current, wanted, own, read_line(self._places.loader_failed), is_here=is_here)

    async def _make_way(self, state: State, way: MakeWay) -> bool:
        if self._box.state() is not state:
            self._look.set()
            return False
        self._box.refuse(way.why)
        self._say(way.why)
        record_loader(self._places, way.image_id)
        await self._parts.clock.sleep(GRACE_S)
        self._leave()
        return True

    def _complain(self, but: str) -> None:
        self._box.issue = None
        if but:
            self._say(but)
            context = {"appliance": self._parts.appliance}
            issue = Issue(_CODE, Severity.WARNING, but, context, suggestion_for(_CODE, context))
            self._box.issue = Result("loader", "host", "loader", Level.WARN, but, issue=issue)

    def _say(self, sentence: str) -> None:
        """Once."""
        if sentence != self._said:
            self._said = sentence
            self._parts.feed.publish(Notice(sentence, is_warning=True))


_CODE = "loader.other"
