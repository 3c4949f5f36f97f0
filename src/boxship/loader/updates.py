"""Whether the source has a newer release: asked now and then, and told as news that no verdict follows from."""

from collections.abc import Callable

from boxship.checks.report import Level, Result
from boxship.errors import BoxshipError, RegistryError
from boxship.execute.race import race
from boxship.loader.parts import Parts
from boxship.spec.versions import newest
from boxship.state.state import State

FIRST_S = 60.0
"""After the start: the box itself comes first."""
AGAIN_S = 3600.0
"""After a source that didn't answer, where that is sooner than the next time."""
DEADLINE_S = 120.0
_UPDATE, _SUBJECT = "update", "host"


class Updates:
    """The last answer, in memory: a new Loader asks anew."""

    def __init__(self, parts: Parts, source: Callable[[], str]) -> None:
        """``source``: where releases come from at this moment, "" for nowhere."""
        self._parts = parts
        self._source = source
        self._asked = ""
        self._newest = ""
        self._problem = ""

    async def run(self) -> None:
        """For ever, or not at all where nobody wants it."""
        period_s = self._parts.update_check_s
        if not period_s:
            return
        await self._parts.clock.sleep(FIRST_S)
        while True:
            await self._ask()
            await self._parts.clock.sleep(min(period_s, AGAIN_S) if self._problem else period_s)

    async def _ask(self) -> None:
        found, problem = "", ""
        if source := self._source():
            try:
                found = newest(await self._versions(source))
            except BoxshipError as error:
                problem = error.message
            except Exception as error:  # noqa: BLE001  # news must not take the Loader down, whatever is answered
                problem = f"{type(error).__name__}: {error}"
        self._asked, self._newest, self._problem = source, found, problem

    async def _versions(self, source: str) -> tuple[str, ...]:
        """Raises: what asking the source raises; RegistryError when it takes too long."""
        answering, too_late = self._parts.vendor.versions(source), self._parts.clock.sleep(DEADLINE_S)
        async with race(answering, too_late) as (answer, _):
            if not answer.done():
                raise RegistryError(f"{source} did not answer within {DEADLINE_S:g} s")
            found: tuple[str, ...] = await answer
            return found

    def results(self, state: State) -> tuple[Result, ...]:
        """Without an issue, whatever was found: the verdict is about what runs."""
        if state.current is None or not self._asked or self._asked != self._source():
            return ()
        if self._problem:
            return (_result(Level.SKIPPED, f"whether there is a newer release isn't known: {self._problem}"),)
        runs = state.current.version
        if self._newest in ("", runs) or newest((self._newest, runs)) == runs:
            return (_result(Level.OK, f"no release is newer than {runs}"),)
        return (_result(Level.OK, f"{self._newest} is there{_what_to_do(state, self._newest)}"),)


def _what_to_do(state: State, version: str) -> str:
    if version not in state.pulled:
        return f": boxship box pull {version}"
    if why := state.bad_releases.get(state.pulled[version]):
        return f", but its trial failed on this box: {why}"
    return f": boxship box switch {version}"


def _result(level: Level, text: str) -> Result:
    return Result(_UPDATE, _SUBJECT, _UPDATE, level, text)
