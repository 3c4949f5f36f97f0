"""What a Loader's status knows beyond a single look."""

from msgspec.structs import replace

from boxship.checks.report import Level, Result
from boxship.loader.supervisor import Supervisor
from boxship.spec.model import Mount
from tests.fakes.machine import FakeMachine
from tests.unit.loader.bench import Bench, box_parts, version


async def clock_of(box: Supervisor) -> Result:
    (found,) = [each for each in (await box.status(fresh=True)).results if each.name == "clock"]
    return found


async def test_a_clock_that_jumped_between_two_looks_is_told_for_an_hour() -> None:
    bench = Bench()
    async with bench.loader() as box:
        await bench.to(box, "1.0")
        machine = box_parts(bench.world).machine
        assert isinstance(machine, FakeMachine)
        assert (await clock_of(box)).level is Level.OK
        await bench.world.clock.sleep(1000)
        assert (await clock_of(box)).level is Level.OK, "time that passes is no jump"
        await bench.world.clock.sleep(1000)
        # So much less has passed since the boot than the clock says.
        machine.since_boot_s -= 300
        jumped = await clock_of(box)
        assert (jumped.level, jumped.text) == (Level.WARN, "it jumped forward by 5m")
        assert jumped.issue is not None
        assert jumped.issue.code == "host.clock-jumped"
        await bench.world.clock.sleep(3000)
        assert "it jumped forward by 5m, seen" in (await clock_of(box)).text
        await bench.world.clock.sleep(700)
        assert (await clock_of(box)).level is Level.OK


async def test_a_folder_that_only_the_host_sees_is_skipped_and_not_taken_for_the_images_own() -> None:
    bench = Bench()
    written = version("1.0")
    writing = replace(written.services["web"], mounts=(Mount("bind", "/data", "/srv", create_host_path=True),))
    web = "app/web:1.0"
    bench.world.publish(
        replace(written, services={**written.services, "web": writing}), db="app/db:1.0", web=web, page=web
    )
    async with bench.loader() as box:
        await bench.to(box, "1.0")
        assert "/srv" in " ".join(await disks_of(box)), "one that runs natively sees it"
    box = bench.world.start_loader(own_image="sha256:1")
    async with bench.running_loader(box):
        await bench.booted(box)
        told = await disks_of(box)
    assert "/srv can't be looked at: the Loader in its container doesn't see it" in told
    assert [text for text in told if "/srv" in text and "can't be looked at" not in text] == []


async def disks_of(box: Supervisor) -> list[str]:
    return [each.text for each in (await box.status(fresh=True)).results if each.name == "disk"]
