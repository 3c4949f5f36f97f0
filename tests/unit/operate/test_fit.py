"""Whether a host may become a box: asked before it does, and of a box no more."""

from pathlib import Path

import pytest
from msgspec.structs import replace

from boxship.errors import PreconditionError
from boxship.host.places import Places
from boxship.host.ports import Listener
from boxship.operate.preflight import expect_fit
from boxship.spec.model import Appliance, Host, Port
from tests.fakes.clock import FakeClock
from tests.fakes.engine import FakeEngine
from tests.fakes.machine import FakeMachine
from tests.unit.plan.given import appliance, service


class Bench:
    def __init__(self, folder: Path) -> None:
        self.clock = FakeClock()
        self.engine = FakeEngine(self.clock)
        self.machine = FakeMachine()
        self.places = Places(folder, folder)
        self.appliance: Appliance = appliance(replace(service("web"), ports=(Port(8000, "80"),)))

    async def expect(self) -> None:
        await expect_fit(self.appliance, self.places, self.engine, self.machine, self.clock)


async def test_a_host_on_which_somebody_has_its_port_is_not_fit_and_is_told_what_to_do(tmp_path: Path) -> None:
    bench = Bench(tmp_path)
    await bench.expect()
    bench.machine.listening = (Listener("tcp", "0.0.0.0", 80, 4242, "nginx"),)
    with pytest.raises(PreconditionError, match="this host isn't fit for app: ") as caught:
        await bench.expect()
    assert "nginx (process 4242) has it" in caught.value.message
    assert len(caught.value.reasons) == 1
    assert "--no-preflight" in caught.value.hint


async def test_a_box_is_not_asked_as_it_knows_by_itself(tmp_path: Path) -> None:
    bench = Bench(tmp_path)
    bench.machine.listening = (Listener("tcp", "0.0.0.0", 80, 4242, "nginx"),)
    bench.places.database.touch()
    await bench.expect()


async def test_what_the_installation_itself_sets_is_not_asked_before(tmp_path: Path) -> None:
    bench = Bench(tmp_path)
    bench.machine.kernel = {"vm.swappiness": "60"}
    bench.appliance = replace(bench.appliance, host=Host(sysctl={"vm.swappiness": "10"}))
    await bench.expect()
