"""The API over a whole Loader, where both must mean the same."""

import httpx

from boxship.api.app import make_api
from boxship.api.route import Doors
from boxship.serve.closing import Closing
from boxship.serve.gate import Gate
from boxship.serve.limiter import Limiter
from boxship.state.operation import OperationStatus
from tests.fakes.access import FakeJournal, FakePower, FakeTokens
from tests.unit.loader.bench import Bench, version


async def test_the_latest_tag_is_what_a_pull_of_the_latest_brings() -> None:
    bench = Bench()
    clock, tokens = bench.world.clock, FakeTokens(bench.world.clock)
    admin = {"Authorization": f"Bearer {tokens.issue('admin', ['admin']).secret}"}
    for number in ("1.10", "2.0-rc.1", "nightly"):
        bench.world.publish(version(number), db=f"app/db:{number}", web=f"app/web:{number}", page=f"app/web:{number}")
    async with bench.loader() as box:
        await box.set_source("registry", by="test")
        doors = Doors(box, FakePower("reboot"), tokens, FakeJournal(), clock, Closing())
        api = make_api(doors, Gate(tokens, clock, Limiter()))
        async with httpx.AsyncClient(transport=httpx.ASGITransport(api), base_url="http://box") as client:
            said = (await client.get("/v1/tags/latest", headers=admin)).json()
            pulled = (await client.post("/v1/images/pull", headers=admin, json={"version": "latest"})).json()
            for answer in (said, (await client.get("/v1/tags/latest/elsewhere", headers=admin)).json()):
                assert answer["tag"] == "1.10"
                assert {"2.0-rc.1", "nightly"} < set(answer["tags"]), "a person may still name them"
        over = await bench.over(box, box.operation(pulled["id"]))
        assert (over.status, over.result["version"]) == (OperationStatus.DONE, said["tag"])
