"""In which order a Loader stops and starts, and what the engine is told about each container before."""

from msgspec.structs import replace

from boxship.spec.model import Mount, Service, Target
from boxship.state.operation import OperationStatus
from tests.fakes.behaviour import Behaviour
from tests.unit.loader.bench import Bench, version
from tests.unit.plan.given import service

DATA = (Mount("volume", "/data", "data"),)


def bench_with(*more: Service, maintenance: str = "page") -> Bench:
    """A box whose release 1.0 has these services, too; ``maintenance``: the root of that target."""
    bench = Bench()
    made = version("1.0", *more)
    written = replace(made, targets={**made.targets, "maintenance": Target("maintenance", (maintenance,))})
    bench.world.publish(written, **{name: each.image or "" for name, each in written.services.items()})
    return bench


def changes(bench: Bench, since: int) -> list[str]:
    """What was done to containers since that call, in its order."""
    doing = ("stop_container", "start_container", "set_restart")
    ids = {each.id: each.name for each in bench.world.engine.world.containers.values()}
    calls = (call.split(" ") for call in bench.world.engine.calls[since:] if call.startswith(doing))
    return [f"{call.removesuffix('_container')} {ids.get(name, name)}" for call, name in calls]


async def test_a_target_that_writes_the_same_data_starts_when_the_writer_before_has_stopped() -> None:
    bench = bench_with(service("repair", image="app/db:1.0", mounts=DATA), maintenance="repair")
    bench.world.engine.script("db", Behaviour(heeds_sigterm=False))
    async with bench.loader() as box:
        await bench.to(box, "1.0")
        operation = await box.boot_target("maintenance", by="test")
        seen: set[tuple[str, ...]] = set()
        while box.operation(operation.id).status is OperationStatus.RUNNING:
            seen.add(tuple(bench.running))
            await bench.world.clock.sleep(0.1)
        assert not [names for names in seen if {"app.db.g1", "app.repair.g1"} <= set(names)], seen
        assert bench.running == ["app.repair.g1"]


async def test_what_both_targets_have_is_left_alone() -> None:
    bench = bench_with(service("repair", "db", image="app/db:1.0", mounts=DATA), maintenance="repair")
    async with bench.loader() as box:
        await bench.to(box, "1.0")
        since = len(bench.world.engine.calls)
        await bench.over(box, await box.boot_target("maintenance", by="test"))
        assert bench.running == ["app.db.g1", "app.repair.g1"]
        assert not [each for each in changes(bench, since) if each in ("stop app.db.g1", "start app.db.g1")]
