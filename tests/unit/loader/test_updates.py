"""News of a newer release is told by the status, and a source that doesn't answer speaks against nobody."""

import asyncio

import pytest
from prometheus_client.parser import text_string_to_metric_families

from boxship.checks.report import Level, Result, Verdict
from boxship.errors import RegistryError
from boxship.loader.metrics import metrics_text
from boxship.loader.supervisor import Supervisor
from boxship.loader.updates import AGAIN_S, DEADLINE_S, FIRST_S
from tests.unit.loader.bench import Bench

PERIOD_S = 12 * 3600.0


@pytest.fixture
def bench() -> Bench:
    made = Bench()
    made.world.update_check_s = PERIOD_S
    return made


async def update(box: Supervisor) -> Result | None:
    report = await box.status()
    assert (report.verdict, report.issues) == (Verdict.OK, ())
    return next((each for each in report.results if each.name == "update"), None)


async def test_a_newer_release_is_told_with_the_command_that_brings_it(bench: Bench) -> None:
    async with bench.loader() as box:
        await bench.to(box, "1.0")
        assert await update(box) is None, "it isn't asked at once"
        await bench.world.clock.sleep(FIRST_S)
        found = await update(box)
        assert found is not None
        assert (found.level, found.text) == (Level.OK, "1.2 is there: boxship box pull 1.2")
        await bench.pull(box, "1.2")
        found = await update(box)
        assert found is not None
        assert found.text == "1.2 is there: boxship box switch 1.2"
        await bench.to(box, "1.2")
        found = await update(box)
        assert found is not None
        assert found.text == "no release is newer than 1.2"


async def test_a_newer_release_whose_trial_failed_is_not_advised(bench: Bench) -> None:
    bench.break_image("app/web:1.2")
    async with bench.loader() as box:
        await bench.to(box, "1.0")
        await bench.to(box, "1.2")
        await bench.world.clock.sleep(FIRST_S)
        found = await update(box)
        assert found is not None
        assert found.text.startswith("1.2 is there, but its trial failed on this box: web ended with status 1")


@pytest.mark.parametrize("error", [RegistryError("registry.example.com: no route to host"), RuntimeError("odd")])
async def test_a_source_that_is_dead_leaves_the_verdict_as_it_was(bench: Bench, error: Exception) -> None:
    bench.world.vendor.breaks = error
    async with bench.loader() as box:
        await bench.to(box, "1.0")
        await bench.world.clock.sleep(FIRST_S)
        found = await update(box)
        assert found is not None
        assert found.level is Level.SKIPPED
        assert str(error) in found.text
        families = text_string_to_metric_families(await metrics_text(box))
        values = {each.name: each.value for family in families for each in family.samples}
        assert (values["boxship_status"], values["boxship_box_ready"]) == (0.0, 1.0)
        assert not any(each.failure for each in box.operations())
        bench.world.vendor.breaks = None
        await bench.world.clock.sleep(AGAIN_S)
        found = await update(box)
        assert found is not None
        assert found.text.startswith("1.2 is there")


async def test_a_source_that_never_answers_holds_up_nobody(bench: Bench) -> None:
    async with bench.loader() as box:
        await bench.to(box, "1.0")
        bench.world.vendor.hangs = asyncio.Event()
        await bench.world.clock.sleep(FIRST_S)
        assert await update(box) is None
        assert (await bench.over(box, await box.boot_target("maintenance", by="test"))).failure is None
        await bench.world.clock.sleep(DEADLINE_S)
        found = await update(box)
        assert found is not None
        assert (found.level, found.text.endswith("registry did not answer within 120 s")) == (Level.SKIPPED, True)


async def test_the_source_is_asked_only_every_some_hours(bench: Bench) -> None:
    async with bench.loader() as box:
        await bench.to(box, "1.0")
        before = bench.world.vendor.asked
        for _ in range(50):
            await bench.world.clock.sleep(PERIOD_S / 25)
            await box.status(fresh=True)
        assert bench.world.vendor.asked - before == 2


async def test_whoever_wants_none_is_asked_nothing(bench: Bench) -> None:
    bench.world.update_check_s = 0.0
    async with bench.loader() as box:
        await bench.to(box, "1.0")
        before = bench.world.vendor.asked
        await bench.world.clock.sleep(3 * PERIOD_S)
        assert (await update(box), bench.world.vendor.asked) == (None, before)


async def test_news_of_another_source_than_today_s_is_none(bench: Bench) -> None:
    async with bench.loader() as box:
        await bench.to(box, "1.0")
        await bench.world.clock.sleep(FIRST_S)
        assert await update(box) is not None
        await box.set_source("dir:/srv/releases", by="test")
        assert await update(box) is None
