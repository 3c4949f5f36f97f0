"""How a test makes the fake engine fail."""

import asyncio
import fnmatch
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from boxship.clock import Clock
from boxship.engine.faults import broken_off, timed_out
from boxship.errors import BoxshipError, EngineUnreachableError

_HANG_DEADLINE_S = 30.0


@dataclass(slots=True)
class _Failure:
    call: str
    name: str
    error: BoxshipError | None
    times: int
    takes_effect: bool

    def is_for(self, call: str, name: str) -> bool:
        return self.times > 0 and self.call in (call, "*") and fnmatch.fnmatchcase(name, self.name)


@dataclass(slots=True)
class Faults:
    """What goes wrong, in which call. Call names are the port's method names, or "*"; names may hold wildcards."""

    clock: Clock
    calls: list[str] = field(default_factory=list)
    """Every call so far, as "start_container share.web"."""
    delay_s: dict[str, float] = field(default_factory=dict)
    """Seconds that each call of a method takes."""
    heard: Callable[[str], None] = lambda _call: None
    """Is told of every call as it begins."""
    _failures: list[_Failure] = field(default_factory=list)
    _calls_left: int | None = None
    _last_takes_effect: bool = False

    def fail(self, call: str, error: BoxshipError, *, name: str = "*", times: int = 1, after: bool = False) -> None:
        """Raise ``error`` in the next ``times`` such calls; ``after`` they took effect, or before."""
        self._failures.append(_Failure(call, name, error, times, after))

    def hang(self, call: str, *, name: str = "*", times: int = 1, takes_effect: bool = False) -> None:
        """The next ``times`` such calls end at their deadline."""
        self._failures.append(_Failure(call, name, None, times, takes_effect))

    def die_after(self, calls: int, *, takes_effect: bool = False) -> None:
        """Nobody answers after ``calls`` more calls. ``takes_effect``: the first unanswered call still works."""
        self._calls_left = calls
        self._last_takes_effect = takes_effect

    def revive(self) -> None:
        """The engine answers again; its state is what it was."""
        self._calls_left = None
        self._last_takes_effect = False

    def forget(self) -> None:
        """Whatever was to fail works from now on."""
        self._failures.clear()

    @asynccontextmanager
    async def around(self, call: str, name: str = "") -> AsyncIterator[None]:
        """One call: what goes wrong before the body, and what after it."""
        self.calls.append(f"{call} {name}".rstrip())
        self.heard(self.calls[-1])
        await asyncio.sleep(0)
        if delay_s := self.delay_s.get(call, 0.0):
            await self.clock.sleep(delay_s)
        what = f"{call.replace('_', ' ')} {name}".rstrip()
        death, works_on_death = self._death(what)
        if death is not None:
            if works_on_death:
                yield
            raise death
        failure = next((each for each in self._failures if each.is_for(call, name)), None)
        if failure is None:
            yield
            return
        failure.times -= 1
        if failure.takes_effect:
            yield
        if failure.error is None:
            await self.clock.sleep(_HANG_DEADLINE_S)
            raise timed_out(what, _HANG_DEADLINE_S)
        raise failure.error

    def _death(self, what: str) -> tuple[EngineUnreachableError | None, bool]:
        if self._calls_left is None:
            return None, False
        if self._calls_left > 0:
            self._calls_left -= 1
            return None, False
        works, self._last_takes_effect = self._last_takes_effect, False
        return broken_off(what, "it hung up", takes_effect=True), works
