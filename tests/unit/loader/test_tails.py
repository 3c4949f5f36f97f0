"""What services write while they start is seen by whoever waits for them; afterwards nobody asks for it."""

from msgspec.structs import replace

from boxship.engine.port import ExecResult
from boxship.loader.view import LINES_KEPT, SHOWN_LINES, TAIL_LINES, Line, Seen
from boxship.spec.model import Healthcheck
from tests.fakes import behaviour
from tests.fakes.behaviour import Behaviour
from tests.unit.loader.bench import Bench, version

SLOW = Healthcheck(("CMD", "check"), interval_s=1.0)


def slow_bench(*written: behaviour.Line) -> Bench:
    """``web`` takes ten seconds to start, and writes meanwhile."""
    bench = Bench()
    made = version("1.0")
    services = {**made.services, "web": replace(made.services["web"], healthcheck=SLOW)}
    bench.world.publish(replace(made, services=services), db="app/db:1.0", web="app/web:1.0", page="app/web:1.0")
    bench.world.engine.exec_results[("check",)] = ExecResult(1, "not yet")
    bench.world.engine.script("web", Behaviour(lines=written, healthy_after_s=10.0))
    return bench


async def test_what_a_service_writes_while_it_starts_is_in_the_log_at_its_time() -> None:
    bench = slow_bench(
        behaviour.Line("migrating\x1b[31m", after_s=0.5),
        behaviour.Line("nearly", "stderr", after_s=4.0),
        behaviour.Line("much later", after_s=20.0),
    )
    async with bench.loader() as box:
        await bench.pull(box, "1.0")
        await box.switch("1.0", by="test")
        await bench.world.clock.sleep(2.0)
        assert "web | migrating" in box.progress().log
        assert "web | nearly" not in box.progress().log
        await bench.booted(box)
        log = box.progress().log
        assert log.index("web: probing: check exited 1: not yet") < log.index("web | nearly")
        assert log.index("web | migrating") < log.index("web | nearly") < log.index("web: ready")
        await bench.world.clock.sleep(60.0)
        assert "web | much later" not in box.progress().log


async def test_a_service_that_is_ready_at_once_has_its_lines_there_too() -> None:
    bench = Bench()
    bench.world.engine.script("db", Behaviour(lines=(behaviour.Line("ready for connections"),)))
    async with bench.loader() as box:
        await bench.to(box, "1.0")
        await bench.world.clock.sleep(2.0)
        assert "db | ready for connections" in box.progress().log


async def test_the_lines_of_one_that_fails_stay_there_to_the_last() -> None:
    bench = Bench()
    lines = (behaviour.Line("cannot open /data"), behaviour.Line("good bye", after_s=0.3))
    bench.world.engine.script("db", Behaviour(lines=lines, exits_after_s=0.4, exit_code=1))
    async with bench.loader() as box:
        await bench.pull(box, "1.0")
        await bench.over(box, await box.switch("1.0", by="test"))
        await bench.world.clock.sleep(2.0)
        log = box.progress().log
        assert log.index("db | cannot open /data") < log.index("db | good bye")


async def test_a_box_at_rest_asks_for_no_log() -> None:
    bench = slow_bench()
    async with bench.loader() as box:
        await bench.to(box, "1.0")
        await bench.world.clock.sleep(5.0)
        before = len([each for each in bench.world.engine.calls if each.startswith("follow_logs")])
        assert before > 0
        await bench.world.clock.sleep(600.0)
        assert len([each for each in bench.world.engine.calls if each.startswith("follow_logs")]) == before


async def test_a_service_that_writes_without_end_hides_nobody() -> None:
    bench = slow_bench(*(behaviour.Line(f"noise {number}", after_s=number / 100) for number in range(2000)))
    bench.world.engine.script("db", Behaviour(lines=(behaviour.Line("ready for connections"),)))
    async with bench.loader() as box:
        await bench.to(box, "1.0")
        await bench.world.clock.sleep(2.0)
        log = box.progress().log
        assert len([line for line in log if line.startswith("web | noise")]) == TAIL_LINES
        assert "db | ready for connections" in log


def test_the_log_is_bounded_whoever_writes() -> None:
    seen = Seen()
    for number in range(100):
        seen.write(f"s{number}", [Line(float(number), f"s{number} | {at}") for at in range(100)])
    assert len(seen.log) == SHOWN_LINES
    assert LINES_KEPT < SHOWN_LINES
    assert seen.log[-1] == "s99 | 99"
