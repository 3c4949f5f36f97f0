"""The API on a fake box, asked without a socket."""

from collections.abc import AsyncIterator

import httpx
import pytest
from msgspec import Struct

from boxship.api.app import make_api
from boxship.api.route import Doors
from boxship.serve.closing import Closing
from boxship.serve.gate import Gate
from boxship.serve.limiter import Limiter
from tests.fakes.access import FakeJournal, FakePower, FakeTokens
from tests.fakes.box import FakeBox
from tests.fakes.clock import FakeClock


class Around(Struct):
    """What a test looks at and turns."""

    box: FakeBox
    tokens: FakeTokens
    journal: FakeJournal
    power: FakePower
    clock: FakeClock
    closing: Closing
    client: httpx.AsyncClient

    def as_(self, *scopes: str) -> dict[str, str]:
        """The header of somebody with these scopes."""
        return {"Authorization": f"Bearer {self.tokens.issue('tester', scopes).secret}"}


@pytest.fixture
async def around() -> AsyncIterator[Around]:
    clock = FakeClock()
    box, tokens, journal, power = FakeBox(clock), FakeTokens(clock), FakeJournal(), FakePower("reboot")
    closing = Closing()
    doors = Doors(box, power, tokens, journal, clock, closing)
    api = make_api(doors, Gate(tokens, clock, Limiter()))
    transport = httpx.ASGITransport(api)
    async with httpx.AsyncClient(transport=transport, base_url="http://box") as client:
        yield Around(box, tokens, journal, power, clock, closing, client)


@pytest.fixture
def admin(around: Around) -> dict[str, str]:
    return {"Authorization": f"Bearer {around.tokens.issue('admin', ['admin']).secret}"}
