"""The loop: look, decide, act, and say why; until something happens that is worth another look."""

import asyncio
import contextlib
from collections.abc import Awaitable, Callable
from typing import Literal, assert_never

from boxship.engine.port import EngineEvent
from boxship.errors import BoxshipError
from boxship.loader.crashes import Crashes
from boxship.loader.decide import Begin, Wait, decide
from boxship.loader.happened import Decided
from boxship.loader.journal import Journal
from boxship.loader.looking import look_at
from boxship.loader.parts import Parts
from boxship.loader.runner import Runner

LOOK_AGAIN_S = 30.0
"""Events tell of changes at once; this is for those that were missed."""
_WAKING = frozenset({"die", "start", "destroy", "pause", "stop"})
_AFTER_LOSS_S = 1.0

Act = Callable[[Begin], Awaitable[object]]


class Loop:
    """``why`` is the sentence of the last turn."""

    def __init__(self, parts: Parts, journal: Journal, runner: Runner, crashes: Crashes, act: Act) -> None:
        self._parts = parts
        self._journal = journal
        self._runner = runner
        self._act = act
        self._crashes = crashes
        self.why = "the Loader starts"

    async def run(self, stop: asyncio.Event) -> None:
        """Until ``stop`` is set. Raises nothing: what goes wrong is a sentence, and tried again."""
        watching = asyncio.ensure_future(self._watch_engine())
        stopping = asyncio.ensure_future(stop.wait())
        try:
            while not stop.is_set():
                await self._turn(stopping)
        finally:
            for task in (watching, stopping):
                task.cancel()
            await asyncio.gather(watching, stopping, return_exceptions=True)

    async def _turn(self, stopping: asyncio.Task[Literal[True]]) -> None:
        self._runner.changed.clear()
        now_s = self._parts.clock.now().timestamp()
        state, was_booted = self._journal.state, self._runner.is_booted
        mends_s = self._crashes.mends_s(self._parts.clock.monotonic_s())
        look = await look_at(self._parts, state, mends_s, is_booted=was_booted)
        if (self._journal.state, self._runner.is_booted) != (state, was_booted):
            # It took its time, and what it saw is of another moment: an operation's midst, as a rule.
            return
        if look.engine:
            # Nobody knows what became of the containers meanwhile.
            self._runner.is_booted = False
        decision = decide(state, look, now_s)
        self._say(decision.why)
        match decision:
            case Begin():
                if look.astray:
                    self._crashes.mended(look.astray[0], self._parts.clock.monotonic_s())
                await self._try(decision)
                pause_s = LOOK_AGAIN_S
            case Wait(until_s=until_s):
                pause_s = LOOK_AGAIN_S if until_s is None else max(0.0, until_s - now_s)
            case _:
                assert_never(decision)
        await self._pause(pause_s, stopping)

    async def _try(self, decision: Begin) -> None:
        try:
            await self._act(decision)
        except BoxshipError as error:
            # It could not even begin: a full disk, or a release that can't be read.
            self._say(error.message)

    async def _pause(self, pause_s: float, stopping: asyncio.Task[Literal[True]]) -> None:
        woken = asyncio.ensure_future(self._runner.changed.wait())
        slept = asyncio.ensure_future(self._parts.clock.sleep(pause_s))
        try:
            await asyncio.wait([woken, slept, stopping], return_when=asyncio.FIRST_COMPLETED)
        finally:
            woken.cancel()
            slept.cancel()

    async def _watch_engine(self) -> None:
        """Ends and starts of the appliance's containers wake the loop."""
        while True:
            with contextlib.suppress(BoxshipError):
                async with contextlib.aclosing(self._parts.engine.follow_events(self._parts.appliance)) as events:
                    async for event in events:
                        self._crashes.hear(event)
                        if event.action in _WAKING:
                            await self._let_it_be_seen(event)
                            self._runner.changed.set()
            self._runner.changed.set()
            await self._parts.clock.sleep(_AFTER_LOSS_S)

    async def _let_it_be_seen(self, event: EngineEvent) -> None:
        """The engine tells of an end before its list has it, and answers about that container only after both."""
        if event.action != "die":
            return
        with contextlib.suppress(BoxshipError):
            detail = await self._parts.engine.inspect_container(event.container_id)
            if current := self._journal.state.current:
                self._crashes.ended(detail, event.exit_code or 0, current, self._parts.clock.monotonic_s())

    def _say(self, sentence: str) -> None:
        sentence = self._parts.feed.masks.clean(sentence)
        if sentence != self.why:
            self.why = sentence
            self._parts.feed.publish(Decided(sentence))
