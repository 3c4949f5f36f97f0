"""Whoever monitors a box gets an answer in any case: also of an empty box, and while the engine is away."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import httpx
import pytest
from prometheus_client.parser import text_string_to_metric_families

from boxship.loader.supervisor import Supervisor
from boxship.serve.closing import Closing
from boxship.serve.gate import Gate
from boxship.serve.limiter import Limiter
from boxship.web.app import make_pages
from boxship.web.asked import Pages
from tests.fakes.access import FakeJournal, FakeTokens
from tests.unit.loader.bench import Bench

PATH = "/boxship/status.json"


@asynccontextmanager
async def monitor(bench: Bench, box: Supervisor) -> AsyncIterator[httpx.AsyncClient]:
    clock = bench.world.clock
    tokens = FakeTokens(clock)
    secret = tokens.issue("monitoring", ["status"]).secret
    pages = make_pages(Pages(box, Gate(tokens, clock, Limiter()), FakeJournal(), clock, Closing()))
    transport = httpx.ASGITransport(pages)
    async with httpx.AsyncClient(transport=transport, base_url="http://box", auth=("monitor", secret)) as client:
        yield client


async def assert_is_told(client: httpx.AsyncClient, code: str, text: str) -> None:
    """By each of the answers for monitors, with the status that each promises; what follows from it may be, too."""
    soft, strict = await client.get(PATH, params={"soft": "1"}), await client.get(PATH)
    assert (soft.status_code, strict.status_code) == (200, 503)
    for answer in (soft.json(), strict.json()):
        assert answer["verdict"] == "failed"
        (issue,) = [each for each in answer["issues"] if each["code"] == code]
        assert (issue["code"], text in issue["text"], issue["suggestion"] != "") == (code, True, True)
    page = await client.get("/boxship/status")
    assert (page.status_code, code in page.text) == (200, True)
    metrics = await client.get("/boxship/status/metrics")
    assert metrics.status_code == 200
    values = {sample.name for family in text_string_to_metric_families(metrics.text) for sample in family.samples}
    assert {"boxship_box_info", "boxship_box_ready", "boxship_box_boot_failures"} <= values


@pytest.fixture
def bench() -> Bench:
    return Bench()


async def test_an_empty_box_says_that_nothing_is_deployed(bench: Bench) -> None:
    async with bench.loader() as box, monitor(bench, box) as client:
        await assert_is_told(client, "loader.empty", "nothing is deployed on this box yet")
        await bench.to(box, "1.0")
        await bench.world.clock.sleep(10.0)
        assert (await client.get(PATH)).status_code == 200


async def test_an_engine_that_is_away_is_what_is_told(bench: Bench) -> None:
    async with bench.loader() as box, monitor(bench, box) as client:
        await bench.to(box, "1.0")
        await bench.world.clock.sleep(10.0)
        bench.world.engine.faults.die_after(0)
        await assert_is_told(client, "host.engine", "engine")
        await bench.world.clock.sleep(60.0)
        await assert_is_told(client, "host.engine", "engine")
        bench.world.engine.faults.revive()
        await bench.booted(box)
        await bench.world.clock.sleep(10.0)
        assert (await client.get(PATH)).status_code == 200


async def test_a_release_that_can_not_be_read_is_what_is_told(bench: Bench) -> None:
    async with bench.loader() as box, monitor(bench, box) as client:
        await bench.to(box, "1.0")
        await bench.world.clock.sleep(10.0)
        bench.world.releases.kept.clear()
        await assert_is_told(client, "loader.release", "no release")
