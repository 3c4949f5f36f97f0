"""Port 80 of an empty box shows the page while nobody else has it, and the first to publish it gets it."""

import asyncio

import pytest

from boxship.host.ports import Listener
from boxship.loader.front import HOST_SETTLED_S, LOOK_AT_RULES_S, LOOK_S
from boxship.plan.gated import GatedPort
from boxship.state.operation import OperationStatus
from tests.fakes.loader import FakeDoor
from tests.fakes.machine import FakeMachine
from tests.unit.loader.bench import Bench

FRONT = frozenset({GatedPort(80, shows_page=True)})
NGINX = Listener("tcp", "0.0.0.0", 80, 7, "nginx")


class ListeningDoor(FakeDoor):
    """Whoever looks who has the port finds the Loader."""

    def __init__(self, machine: FakeMachine) -> None:
        super().__init__()
        self._machine = machine

    async def open(self) -> bool:
        self._machine.listening = (Listener("tcp", "0.0.0.0", 80, 1, "boxship"),)
        return await super().open()

    async def close(self) -> None:
        self._machine.listening = ()
        await super().close()


@pytest.fixture
def bench() -> Bench:
    made = Bench()
    made.world.front_port = 80
    made.world.door = ListeningDoor(made.world.machine)
    return made


async def test_an_empty_box_and_its_first_pull_show_the_page_until_the_first_release_has_the_port(bench: Bench) -> None:
    gate = bench.world.gate
    async with bench.loader() as box:
        assert gate.closed == FRONT
        bench.world.vendor.holds = asyncio.Event()
        await box.set_source("registry", by="test")
        pull = await box.pull("1.0", by="test")
        await bench.world.clock.sleep(100.0)
        assert gate.closed == FRONT
        bench.world.vendor.holds.set()
        await bench.over(box, pull)
        before = len(gate.history)
        assert (await bench.over(box, await box.switch("1.0", by="test"))).status is OperationStatus.DONE
        assert gate.history[before:] == ["close", "open"]
        await bench.world.clock.sleep(100.0)
        assert gate.history[before:] == ["close", "open"]
    assert not bench.world.door.is_open


async def test_a_port_that_is_somebody_else_s_is_left_alone(bench: Bench) -> None:
    bench.world.machine.listening = (NGINX,)
    async with bench.loader():
        await bench.world.clock.sleep(300.0)
        assert bench.world.gate.history == []
        assert not bench.world.door.is_open


async def test_whoever_begins_to_listen_there_gets_it_at_once_and_for_as_long_as_they_want(bench: Bench) -> None:
    async with bench.loader():
        bench.world.machine.listening = (NGINX,)
        await bench.world.clock.sleep(LOOK_S + 0.1)
        assert bench.world.gate.closed == frozenset()
        await bench.world.clock.sleep(300.0)
        assert bench.world.gate.history.count("open") == 1
        bench.world.machine.listening = ()
        await bench.world.clock.sleep(LOOK_AT_RULES_S + 0.1)
        assert bench.world.gate.closed == FRONT


async def test_a_udp_port_is_another_one(bench: Bench) -> None:
    bench.world.machine.listening = (Listener("udp", "::", 80),)
    async with bench.loader():
        assert bench.world.gate.closed == FRONT


async def test_another_box_s_page_stays_at_the_port(bench: Bench) -> None:
    bench.world.gate.rules_of_others = ("-A BOXSHIP-GATE-0-N -p tcp -m tcp --dport 80 -j REDIRECT --to-ports 8482",)
    async with bench.loader():
        await bench.world.clock.sleep(60.0)
        assert bench.world.gate.history == []
        bench.world.gate.rules_of_others = ()
        await bench.world.clock.sleep(60.0)
        assert bench.world.gate.closed == FRONT


async def test_a_loader_that_ends_lets_go_of_the_port(bench: Bench) -> None:
    async with bench.loader():
        assert bench.world.gate.closed == FRONT
    assert bench.world.gate.closed == frozenset()


async def test_what_a_killed_loader_left_is_let_go_of_when_somebody_else_has_the_port_now(bench: Bench) -> None:
    await bench.world.gate.close(FRONT, 8480)
    bench.world.machine.listening = (NGINX,)
    async with bench.loader():
        assert bench.world.gate.closed == frozenset()


async def test_rules_that_a_firewall_took_out_come_back(bench: Bench) -> None:
    async with bench.loader():
        bench.world.gate.closed = frozenset()
        await bench.world.clock.sleep(LOOK_AT_RULES_S + LOOK_S)
        assert bench.world.gate.closed == FRONT


async def test_without_a_gate_the_loader_listens_itself_and_makes_way_before_anything_is_asked(bench: Bench) -> None:
    bench.world.gate.is_there = False
    async with bench.loader() as box:
        assert bench.world.door.is_open
        await bench.pull(box, "1.0")
        assert bench.world.door.is_open
        assert (await bench.over(box, await box.switch("1.0", by="test"))).status is OperationStatus.DONE
        assert not bench.world.door.is_open
        await bench.world.clock.sleep(60.0)
        assert not bench.world.door.is_open


async def test_a_first_release_that_is_refused_leaves_the_port_to_the_page(bench: Bench) -> None:
    bench.world.gate.is_there = False
    async with bench.loader() as box:
        await bench.pull(box, "1.0")
        await bench.world.engine.remove_image("app/web:1.0")
        assert (await bench.over(box, await box.switch("1.0", by="test"))).status is OperationStatus.FAILED
        await bench.world.clock.sleep(LOOK_AT_RULES_S + 0.1)
        assert bench.world.door.is_open


@pytest.mark.parametrize("is_taken", [True, False])
async def test_without_a_gate_nobody_is_kept_out_who_was_there_or_comes_with_the_host(
    bench: Bench, is_taken: bool
) -> None:
    bench.world.gate.is_there = False
    bench.world.machine.listening = (NGINX,) if is_taken else ()
    bench.world.machine.clock = None
    bench.world.machine.since_boot_s = HOST_SETTLED_S - 1
    async with bench.loader():
        await bench.world.clock.sleep(60.0)
        assert not bench.world.door.is_open
        bench.world.machine.since_boot_s = HOST_SETTLED_S
        bench.world.machine.listening = ()
        await bench.world.clock.sleep(60.0)
        assert bench.world.door.is_open is not is_taken


async def test_a_firewall_that_can_not_be_asked_is_told_once_and_stops_nothing(bench: Bench) -> None:
    bench.world.gate.breaks = "iptables: no such table"
    async with bench.loader() as box:
        await bench.world.clock.sleep(300.0)
        told = [line for line in box.progress().log if "no such table" in line]
        assert told == ["port 80 doesn't lead to the page: iptables: no such table"]
        bench.world.gate.breaks = ""
        await bench.world.clock.sleep(60.0)
        assert bench.world.gate.closed == FRONT
