"""A proxy on the engine's socket that counts every request, and strikes at one: before it goes on, or once answered."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.chaos.points import Counts, Way
from tests.integration.hostile_proxy import HostileProxy, Moment, running


class CountingProxy(HostileProxy):
    """Whoever is cut off at a request is hung up on: nothing of it reaches the other side any more."""

    def __init__(self, engine: str, path: Path, counts: Counts) -> None:
        super().__init__(engine, path)
        self._counts = counts
        self._numbers: dict[Moment, int] = {}

    async def hold_at(self, moment: Moment) -> None:
        if moment.is_answered:
            number = self._numbers.pop(Moment(moment.kind, moment.number), 0)
            is_met = self._counts.meet(number, Way.AFTER_REQUEST, Way.ENGINE_AFTER)
        else:
            number = self._numbers[moment] = self._counts.request(moment.kind)
            is_met = self._counts.meet(number, Way.BEFORE_REQUEST, Way.ENGINE_BEFORE)
        if is_met:
            raise ConnectionResetError


@contextmanager
def counting_proxy(engine: str, counts: Counts) -> Iterator[CountingProxy]:
    """A running one, in front of the engine at ``engine`` (unix://...)."""
    with running(lambda path: CountingProxy(engine, path, counts)) as proxy:
        yield proxy
