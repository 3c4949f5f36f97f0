"""What ps asks beyond the list, and what up remembers for it."""

from pathlib import Path

import pytest

from boxship.names import LABEL_APPLIANCE, LABEL_SERVICE
from boxship.operate.closer import look_at_services
from boxship.operate.doubts import chosen_rows, remember_ready
from boxship.plan.action import ContainerSpec
from boxship.plan.resolve import resolve
from boxship.plan.status import ServiceStatus
from boxship.spec.model import Healthcheck, Restart, Service
from tests.fakes.behaviour import Behaviour
from tests.fakes.clock import FakeClock
from tests.fakes.engine import FakeEngine
from tests.unit.plan.given import appliance

ASKED_LATE = Healthcheck(("CMD", "true"), interval_s=30.0)


class Bench:
    def __init__(self, folder: Path) -> None:
        self.clock = FakeClock()
        self.engine = FakeEngine(self.clock)
        self.engine.add_image("img:1")
        self.services: list[Service] = []
        self.memory = folder / "ready"

    async def start(self, service: Service, behaviour: Behaviour | None = None) -> str:
        if behaviour is not None:
            self.engine.script(service.name, behaviour)
        self.services.append(service)
        labels = {LABEL_APPLIANCE: "app", LABEL_SERVICE: service.name}
        made = await self.engine.create_container(ContainerSpec(f"app.{service.name}", service, "img:1", labels=labels))
        await self.engine.start_container(made.id)
        return made.id

    async def look(self, *, restarts: bool = False) -> dict[str, ServiceStatus]:
        wanted = resolve(appliance(*self.services))
        observed = await self.engine.observe(())
        now_s = self.clock.now().timestamp()
        rows = await look_at_services(self.engine, wanted, observed, self.memory, now_s, restarts=restarts)
        return {row.service: row for row in rows}

    def inspected(self) -> list[str]:
        return [call for call in self.engine.calls if call.startswith("inspect")]


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    return Bench(tmp_path)


async def test_only_those_that_are_not_plainly_well_are_asked_closely(bench: Bench) -> None:
    await bench.start(Service("web", image="img:1"))
    await bench.start(Service("done", image="img:1"), Behaviour(exits_after_s=1))
    sick = await bench.start(
        Service("sick", image="img:1", healthcheck=ASKED_LATE), Behaviour(healthy_after_s=99, unhealthy_after_s=1)
    )
    await bench.clock.sleep(2)
    rows = await bench.look()
    assert bench.inspected() == [f"inspect_container {sick}"]
    assert rows["sick"].why == "health: unhealthy, the check exited 1"
    assert (rows["web"].is_ready, rows["done"].is_ready) == (True, True)


async def test_one_that_was_started_again_long_after_it_was_made_tells_how_often(bench: Bench) -> None:
    restart = Restart("always")
    await bench.start(Service("web", image="img:1", restart=restart), Behaviour(exits_after_s=1000, exit_code=1))
    await bench.start(Service("db", image="img:1", restart=restart))
    await bench.clock.sleep(1010)
    assert {name: row.restarts for name, row in (await bench.look(restarts=True)).items()} == {"web": 1, "db": 0}
    # The fake says "Up 9 seconds" of web and "Up 1010 seconds" of db, both made as long ago.
    assert {name: row.restarts for name, row in (await bench.look()).items()} == {"web": 1, "db": None}


async def test_one_that_vanishes_meanwhile_is_shown_as_it_was_listed(bench: Bench) -> None:
    await bench.start(Service("web", image="img:1"), Behaviour(exits_after_s=1, exit_code=3))
    await bench.clock.sleep(2)
    wanted = resolve(appliance(*bench.services))
    observed = await bench.engine.observe(())
    await bench.engine.remove_container("app.web")
    (row,) = await look_at_services(bench.engine, wanted, observed, bench.memory, 0.0, restarts=True)
    assert (row.why, row.restarts) == ("ended with status 3", None)


async def test_what_answered_up_is_ready_until_the_engine_has_asked_or_it_is_started_again(bench: Bench) -> None:
    name = await bench.start(Service("web", image="img:1", healthcheck=ASKED_LATE))
    before = await bench.look()
    assert (before["web"].is_ready, before["web"].why) == (False, "health: starting, not asked yet")
    now_s = bench.clock.now().timestamp() + 1
    found = ServiceStatus("web", "img:1", before["web"].container, is_ready=True)
    remember_ready(bench.memory, [found], now_s)
    after = await bench.look()
    assert (after["web"].is_ready, after["web"].note) == (True, "it answered up; the engine asks later")
    await bench.clock.sleep(5)
    await bench.engine.restart_container(name, 0)
    again = await bench.look()
    assert not again["web"].is_ready


def test_nothing_is_kept_of_an_up_after_which_the_engine_knows_as_much(tmp_path: Path) -> None:
    memory = tmp_path / "ready"
    memory.write_text("{}")
    remember_ready(memory, [ServiceStatus("web", "img:1", None, is_ready=False)], 1.0)
    assert not memory.exists()
    remember_ready(tmp_path / "no" / "folder", [], 1.0)


@pytest.mark.parametrize("kept", ["", "[]", "{", '{"x": "y"}'])
async def test_a_memory_that_is_damaged_is_none(bench: Bench, kept: str) -> None:
    bench.memory.write_text(kept)
    await bench.start(Service("web", image="img:1", healthcheck=ASKED_LATE))
    assert not (await bench.look())["web"].is_ready


async def test_rows_are_chosen_by_service_and_state(bench: Bench) -> None:
    await bench.start(Service("web", image="img:1"))
    bench.services.append(Service("gone", image="img:1"))
    rows = (await bench.look()).values()
    assert [row.service for row in chosen_rows(rows, ["web"], [])] == ["web"]
    assert [row.service for row in chosen_rows(rows, [], ["missing", "exited"])] == ["gone"]
    assert [row.service for row in chosen_rows(rows, ["web"], ["missing"])] == []
