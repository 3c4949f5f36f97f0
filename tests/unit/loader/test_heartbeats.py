"""A service that migrates data has the time it needs while it says so, and one that hangs doesn't."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from boxship.errors import NotFoundError
from boxship.loader.heartbeats import Heartbeats
from boxship.loader.supervisor import Supervisor
from boxship.spec.model import Healthcheck
from boxship.spec.model_boot import Boot
from boxship.state.operation import Operation, OperationStatus
from tests.fakes.behaviour import Behaviour
from tests.fakes.clock import FakeClock
from tests.unit.loader.bench import Bench, version

SLOW = Behaviour(healthy_after_s=100.0)
"""Well after three times the boot timeout of these releases."""


@pytest.fixture
def bench() -> Bench:
    made = Bench()
    written = version("1.1")
    asked = replace(written.services["db"], healthcheck=Healthcheck(("CMD", "is-well"), interval_s=1.0, retries=1000))
    boot = Boot(attempts=1, timeout_s=30.0, heartbeat_limit_s=200.0, fallback="maintenance")
    made.world.publish(
        replace(written, services={**written.services, "db": asked}, boot=boot),
        db="app/db:1.1", web="app/web:1.1", page="app/web:1.1",
    )  # fmt: skip
    return made


async def begin_migration(bench: Bench, box: Supervisor, behaviour: Behaviour = SLOW) -> Operation:
    """1.1, whose database takes its time."""
    await bench.to(box, "1.0")
    await bench.pull(box, "1.1")
    bench.world.engine.script("db", behaviour)
    operation = await box.switch("1.1", by="test")
    while box.operation(operation.id).stage != "checking":
        await bench.world.clock.sleep(0.05)
    return operation


async def test_without_heartbeats_the_boot_timeout_holds(bench: Bench) -> None:
    async with bench.loader() as box:
        failed = await bench.over(box, await begin_migration(bench, box))
        assert failed.failure is not None
        assert "db not ready after 30 s" in failed.failure.message
        assert box.boot().version == "1.0"


async def test_heartbeats_put_the_deadline_off_and_say_what_goes_on(bench: Bench) -> None:
    async with bench.loader() as box:
        operation = await begin_migration(bench, box)
        for table in range(5):
            await box.heartbeat("db", 25.0, f"table {table} of 5", by="db")
            assert f"db: table {table} of 5" in box.why()
            assert f"db: table {table} of 5" in box.progress().why
            await bench.world.clock.sleep(20.0)
        done = await bench.over(box, operation)
        assert (done.status, done.failure) == (OperationStatus.DONE, None)
        assert box.boot().version == "1.1"


async def test_one_that_falls_silent_fails_when_its_last_word_has_expired(bench: Bench) -> None:
    async with bench.loader() as box:
        operation = await begin_migration(bench, box)
        began_s = bench.world.clock.monotonic_s()
        await box.heartbeat("db", 50.0, "", by="db")
        failed = await bench.over(box, operation)
        assert failed.failure is not None
        assert "db not ready after 50 s" in failed.failure.message
        assert 49.0 < bench.world.clock.monotonic_s() - began_s < 60.0


async def test_nobody_has_more_than_the_appliance_allows_altogether(bench: Bench) -> None:
    async with bench.loader() as box:
        operation = await begin_migration(bench, box, Behaviour(healthy_after_s=10_000.0))
        while not box.operation(operation.id).status.is_over:
            await box.heartbeat("db", 60.0, "", by="db")
            await bench.world.clock.sleep(10.0)
        failed = box.operation(operation.id)
        assert failed.failure is not None
        assert "db not ready after 200 s" in failed.failure.message


async def test_a_heartbeat_of_nobody_is_refused_and_one_at_rest_changes_nothing(bench: Bench) -> None:
    async with bench.loader() as box:
        with pytest.raises(NotFoundError, match="no service 'db'"):
            await box.heartbeat("db", 60.0, "", by="db")
        await bench.to(box, "1.0")
        before = box.why()
        assert await box.heartbeat("db", 60.0, "still here", by="db") == Boot().heartbeat_limit_s
        assert box.why() == before
        with pytest.raises(NotFoundError, match="no service 'dbb'"):
            await box.heartbeat("dbb", 60.0, "", by="db")


@given(
    planned_s=st.floats(1.0, 300.0),
    limit_s=st.floats(1.0, 7200.0),
    beats=st.lists(st.tuples(st.floats(0.0, 100.0), st.floats(1.0, 3600.0)), max_size=5),
)
def test_no_wait_ends_early_or_goes_beyond_the_limit(
    planned_s: float, limit_s: float, beats: list[tuple[float, float]]
) -> None:
    clock = FakeClock()
    heartbeats = Heartbeats(clock)
    for after_s, within_s in beats:
        clock.advance(after_s)
        heartbeats.beat("db", within_s, limit_s)
        assert planned_s <= heartbeats.until_s("db", 0.0, planned_s) <= max(planned_s, limit_s)
    assert heartbeats.until_s("web", 0.0, planned_s) == planned_s
