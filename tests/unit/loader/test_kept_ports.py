"""A port that the engine keeps for nobody: the host starts the engine anew, once, where that ends nobody else's."""

import pytest

from boxship.errors import UnsupportedError
from boxship.host.ports import Listener
from boxship.loader.kept_ports import ASK_AGAIN_S
from boxship.names import LABEL_LOADER
from boxship.plan.action import ContainerSpec
from boxship.spec.model import Port, Service
from boxship.state.operation import OperationStatus
from tests.unit.loader.bench import Bench

PORT = 80
LISTENS = Service("theirs", ports=(Port(80, "80"),))


class Host:
    """Starts the engine anew when it is asked to; ``cures``: that gives the ports back."""

    def __init__(self, bench: Bench, *, cures: bool = True) -> None:
        self._engine = bench.world.engine
        self._cures = cures
        self.asked = 0
        bench.world.restart_engine = self

    async def __call__(self) -> None:
        self.asked += 1
        self._engine.restart_daemon()
        if not self._cures:
            self._engine.world.kept_ports.add(PORT)


@pytest.fixture
def bench() -> Bench:
    return Bench()


async def with_kept_port(bench: Bench) -> None:
    """The engine was killed in the start of what has the port, and has started again."""
    async with bench.loader() as box:
        await bench.to(box, "1.0")
        await bench.pull(box, "1.1")
    await bench.world.engine.stop_container("app.web.g1")
    bench.world.engine.world.kept_ports.add(PORT)


async def run(bench: Bench, spec: ContainerSpec) -> None:
    """A container that no Loader has made."""
    bench.world.engine.add_image(spec.image)
    created = await bench.world.engine.create_container(spec)
    await bench.world.engine.start_container(created.id)


async def code_of_failed_boot(bench: Bench) -> str:
    async with bench.loader() as box:
        await bench.until(lambda: box.state().boots.failures == 1)
        return (box.state().boots.last or pytest.fail("no failure")).code


async def test_the_host_starts_the_engine_anew_and_the_box_comes_back(bench: Bench) -> None:
    host = Host(bench)
    await with_kept_port(bench)
    async with bench.loader() as box:
        await bench.booted(box)
        assert (host.asked, bench.running) == (1, ["app.db.g1", "app.web.g1"])
        assert (box.boot().target, box.state().boots.failures) == ("default", 0)


async def test_a_trial_that_meets_it_fails_and_what_was_there_before_comes_back(bench: Bench) -> None:
    host = Host(bench)
    async with bench.loader() as box:
        await bench.to(box, "1.0")
        await bench.pull(box, "1.1")
        bench.world.engine.world.kept_ports.add(PORT)
        ended = await bench.over(box, await box.switch("1.1", by="test"))
        assert ended.status is OperationStatus.FAILED
        await bench.booted(box)
        assert (host.asked, bench.running, box.boot().version) == (1, ["app.db.g1", "app.web.g1"], "1.0")
        assert (await bench.over(box, await box.switch("1.1", by="test"))).status is OperationStatus.DONE


async def test_a_start_that_did_not_help_is_not_asked_for_again_at_once(bench: Bench) -> None:
    host = Host(bench, cures=False)
    await with_kept_port(bench)
    async with bench.loader() as box:
        await bench.until(lambda: box.state().boots.failures == 1)
        assert host.asked == 1
        failure = box.state().boots.last
        assert failure is not None
        assert failure.code == "engine.port_kept"
        assert "another start of it did not help" in failure.message
        assert failure.hint == "systemctl restart docker, on the host"
        assert box.boot().target == "default"
        until_s = bench.world.clock.monotonic_s() + 1.1 * ASK_AGAIN_S
        while bench.world.clock.monotonic_s() < until_s:
            await bench.world.clock.sleep(30.0)
        assert host.asked == 2


async def test_what_is_not_of_this_box_is_not_cut_off(bench: Bench) -> None:
    host = Host(bench)
    await with_kept_port(bench)
    await run(bench, ContainerSpec("theirs", Service("theirs"), "theirs:1"))
    async with bench.loader() as box:
        await bench.until(lambda: box.state().boots.failures == 1)
        failure = box.state().boots.last
        assert failure is not None
        assert "its restart would end what isn't of this box: theirs" in failure.message
        assert host.asked == 0


async def test_without_anybody_to_ask_the_reason_and_what_to_do_are_told(bench: Bench) -> None:
    async def refuses() -> None:
        raise UnsupportedError("it has no systemd")

    bench.world.restart_engine = refuses
    await with_kept_port(bench)
    async with bench.loader() as box:
        await bench.until(lambda: box.state().boots.failures == 1)
        assert "keeps port 80" in (failure := box.state().boots.last or pytest.fail("no failure")).message
        assert "(it has no systemd)" in failure.message


async def test_a_port_at_which_somebody_listens_is_not_taken_for_lost(bench: Bench) -> None:
    host = Host(bench)
    await with_kept_port(bench)
    bench.world.machine.listening = (Listener("tcp", "0.0.0.0", PORT, 17, "nginx"),)
    assert await code_of_failed_boot(bench) == "engine.port_taken"
    assert host.asked == 0


async def test_the_engines_own_proxy_for_nobody_is_nobody(bench: Bench) -> None:
    host = Host(bench)
    await with_kept_port(bench)
    bench.world.machine.listening = (Listener("tcp", "0.0.0.0", PORT, 17, "docker-proxy"),)
    async with bench.loader() as box:
        await bench.booted(box)
        assert host.asked == 1


async def test_a_port_that_another_container_has_is_not_taken_for_lost(bench: Bench) -> None:
    host = Host(bench)
    await with_kept_port(bench)
    bench.world.engine.world.kept_ports.clear()
    await run(bench, ContainerSpec("theirs", LISTENS, "theirs:1"))
    assert await code_of_failed_boot(bench) == "engine.port_taken"
    assert host.asked == 0


async def test_the_loaders_own_container_is_of_this_box(bench: Bench) -> None:
    host = Host(bench)
    await with_kept_port(bench)
    labels = {LABEL_LOADER: "app"}
    await run(bench, ContainerSpec("boxship-loader-app", Service("loader"), "loader:1", labels=labels))
    async with bench.loader() as box:
        await bench.booted(box)
        assert host.asked == 1
