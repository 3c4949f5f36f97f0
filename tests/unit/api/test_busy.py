"""Why nothing can begin now: an operation that is named, or a Loader that makes way. As the real box says it."""

import httpx
import pytest

from boxship.api.app import make_api
from boxship.api.long import BUSY
from boxship.api.route import Doors
from boxship.serve.closing import Closing
from boxship.serve.gate import Gate
from boxship.serve.limiter import Limiter
from tests.fakes.access import FakeJournal, FakePower, FakeTokens
from tests.unit.loader.bench import Bench

BEGINNINGS: tuple[tuple[str, dict[str, object]], ...] = (
    ("/v1/boot", {}),
    ("/v1/images/pull", {"version": "1.1"}),
    ("/v1/switch", {"version": "1.1"}),
    ("/v1/rollback", {}),
    ("/v1/gc", {}),
    ("/v1/maintenance", {"on": True}),
    ("/v1/services/web/restart", {}),
)


@pytest.mark.parametrize(("path", "body"), BEGINNINGS)
async def test_a_409_names_the_operation_or_the_handover_as_the_description_says(
    path: str, body: dict[str, object]
) -> None:
    bench = Bench()
    clock = bench.world.clock
    tokens = FakeTokens(clock)
    async with bench.loader() as box:
        for number in ("1.0", "1.2", "1.1"):
            await bench.to(box, number) if number != "1.1" else await bench.pull(box, number)
        api = make_api(
            Doors(box, FakePower("reboot"), tokens, FakeJournal(), clock, Closing()), Gate(tokens, clock, Limiter())
        )
        bearer = {"Authorization": f"Bearer {tokens.issue('admin', ['admin']).secret}"}
        async with httpx.AsyncClient(transport=httpx.ASGITransport(api), base_url="http://box") as client:
            running = await box.restart_service("db", by="test")
            busy = await client.post(path, headers=bearer, json=body)
            await bench.over(box, running)
            box.refuse("the Loader of 1.2 (abc) takes over")
            leaving = await client.post(path, headers=bearer, json=body)
    assert (busy.status_code, leaving.status_code) == (409, 409), (busy.text, leaving.text)
    assert busy.json()["fields"] == {"operation_id": running.id}
    assert busy.headers["location"] == f"/v1/operations/{running.id}"
    assert leaving.json()["fields"] == {"handover": "the Loader of 1.2 (abc) takes over"}
    assert leaving.json()["hint"] == "ask again in a moment"
    assert "location" not in leaving.headers
    assert "fields.operation_id" in BUSY[409]
    assert "fields.handover" in BUSY[409]
