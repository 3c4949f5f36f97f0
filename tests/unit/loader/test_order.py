"""In which order a Loader stops and starts, and what the engine is told about each container before."""

from collections.abc import Mapping

from msgspec.structs import replace

from boxship.errors import EngineError
from boxship.spec.model import Condition, Dependency, Healthcheck, Mount, Service, Target
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


def policies(bench: Bench) -> dict[str, str]:
    """What the engine was last told to do when a container ends, by its name."""
    containers = bench.world.engine.world.containers.values()
    return {each.name: each.restart.policy for each in containers if each.restart is not None}


def ids_of(bench: Bench) -> dict[str, str]:
    return {each.id: each.name for each in bench.world.engine.world.containers.values()}


def changes(bench: Bench, since: int, ids: Mapping[str, str] | None = None) -> list[str]:
    """What was done to containers since that call, in its order; ``ids``: of those that may be gone by now."""
    doing = ("stop_container", "start_container", "set_restart")
    ids = {**(ids or {}), **ids_of(bench)}
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


async def test_what_a_change_of_target_stops_the_engine_must_not_start_again() -> None:
    bench = bench_with()
    bench.world.engine.script("db", Behaviour(heeds_sigterm=False))
    async with bench.loader() as box:
        await bench.to(box, "1.0")
        assert policies(bench) == {"app.db.g1": "on-failure", "app.web.g1": "on-failure"}
        since, ids = len(bench.world.engine.calls), ids_of(bench)
        await box.boot_target("maintenance", by="test")
        while "stop app.db.g1" not in (done := changes(bench, since, ids)):
            await bench.world.clock.sleep(0.01)
        for name in ("app.web.g1", "app.db.g1"):
            assert done.index(f"set_restart {name}") < done.index(f"stop {name}")
    # Cut off there, together with the engine: neither of them comes back by itself.
    bench.world.engine.restart_daemon()
    assert not {"app.db.g1", "app.web.g1"} & set(bench.running)


async def test_what_a_restart_stops_gets_its_policy_back_once_it_runs() -> None:
    bench = bench_with()
    async with bench.loader() as box:
        await bench.to(box, "1.0")
        since = len(bench.world.engine.calls)
        await bench.over(box, await box.restart_service("web", by="test"))
        web = [each for each in changes(bench, since) if each.endswith("app.web.g1")]
        assert web == ["set_restart app.web.g1", "stop app.web.g1", "start app.web.g1", "set_restart app.web.g1"]
        assert policies(bench) == {"app.db.g1": "on-failure", "app.web.g1": "on-failure"}


async def test_a_restart_that_is_cut_off_leaves_nothing_that_comes_back_by_itself() -> None:
    bench = bench_with()
    bench.world.engine.script("web", Behaviour(heeds_sigterm=False))
    async with bench.loader() as box:
        await bench.to(box, "1.0")
        await box.restart_service("web", by="test")
        while policies(bench)["app.web.g1"] != "no":
            await bench.world.clock.sleep(0.01)
    bench.world.engine.restart_daemon()
    assert "app.web.g1" not in bench.running
    async with bench.loader() as box:
        await bench.booted(box)
        assert policies(bench) == {"app.db.g1": "on-failure", "app.web.g1": "on-failure"}


async def test_a_restart_that_fails_leaves_crashes_to_the_engine_as_well() -> None:
    bench = bench_with(service("side", image="app/db:1.0"), maintenance="side")
    async with bench.loader() as box:
        await bench.to(box, "1.0")
        await bench.over(box, await box.boot_target("maintenance", by="test"))
        bench.world.engine.faults.fail("inspect_container", EngineError("device busy"), times=3)
        failed = await bench.over(box, await box.restart_service("side", by="test"))
        assert failed.status is OperationStatus.FAILED
        assert policies(bench) == {"app.side.g1": "on-failure"}


SLOW_DB = Behaviour(healthy_after_s=5.0)


def slow_bench() -> Bench:
    """Its db needs five seconds until it is ready, and web waits for that; alone needs nobody."""
    bench = Bench()
    written = version("1.0", service("alone", image="app/db:1.0"))
    db = replace(written.services["db"], healthcheck=Healthcheck(test=("CMD", "is-ready"), interval_s=1.0))
    web = replace(written.services["web"], depends_on={"db": Dependency(Condition.HEALTHY)})
    services = {**written.services, "db": db, "web": web}
    targets = {**written.targets, "default": Target("default", ("web", "alone"))}
    made = replace(written, services=services, targets=targets)
    bench.world.publish(made, **{name: each.image or "" for name, each in services.items()})
    bench.world.engine.script("db", SLOW_DB)
    return bench


def started_s(bench: Bench) -> dict[str, float]:
    return {each.service: each.started_s or 0.0 for each in bench.world.engine.world.containers.values()}


async def test_after_the_host_s_reboot_services_start_in_order_and_when_what_they_need_is_ready() -> None:
    bench = slow_bench()
    async with bench.loader() as box:
        await bench.to(box, "1.0")
    bench.world.engine.restart_daemon()
    by_itself = started_s(bench)
    assert by_itself["db"] == by_itself["web"] == by_itself["alone"]
    async with bench.loader() as box:
        await bench.booted(box)
        now = started_s(bench)
        assert now["web"] >= now["db"] + 5.0
        # What needs nobody was not too early, and isn't stopped for nothing.
        assert (now["db"], now["alone"]) == (by_itself["db"], by_itself["alone"])
        assert set(policies(bench).values()) == {"on-failure"}
        assert bench.running == ["app.alone.g1", "app.db.g1", "app.web.g1"]


async def test_what_came_too_early_is_stopped_before_anything_else_and_once() -> None:
    bench = slow_bench()
    async with bench.loader() as box:
        await bench.to(box, "1.0")
    bench.world.engine.restart_daemon()
    since = len(bench.world.engine.calls)
    async with bench.loader():
        await bench.world.clock.sleep(1.0)
        assert changes(bench, since) == ["set_restart app.web.g1", "stop app.web.g1"]
    # Cut off in the midst of that boot, and again: nothing that has its turn now is stopped.
    async with bench.loader() as box:
        await bench.booted(box)
    async with bench.loader() as box:
        await bench.booted(box)
    assert changes(bench, since).count("stop app.web.g1") == 1


async def test_an_engine_that_dies_and_comes_back_at_once_is_noticed() -> None:
    bench = slow_bench()
    async with bench.loader() as box:
        await bench.to(box, "1.0")
        bench.world.engine.restart_daemon()
        await bench.world.clock.sleep(60.0)
        await bench.booted(box)
        now = started_s(bench)
        assert now["web"] >= now["db"] + 5.0
        assert box.why() == "1.0 (default) runs, and nothing is to be done"


async def test_a_box_of_before_that_was_never_written_down_is_left_alone() -> None:
    bench = slow_bench()
    async with bench.loader() as box:
        await bench.to(box, "1.0")
        assert box.state().engine_start == "boot-1 bridge-1"
    store = bench.world.store
    saved = store.load().state
    store.save(replace(saved, engine_start=""))
    bench.world.engine.restart_daemon()
    since = len(bench.world.engine.calls)
    async with bench.loader() as box:
        await bench.booted(box)
        assert not [each for each in changes(bench, since) if each.startswith("stop")]
        assert box.state().engine_start == "boot-1 bridge-2"


async def test_who_lives_in_a_service_s_namespaces_starts_again_with_it() -> None:
    bench = bench_with()
    side = service("side", "web", image="app/db:1.0", networks={}, network_mode="service:web")
    inner = service("inner", "side", image="app/db:1.0", networks={}, pid="service:side")
    written = version("1.0", side, inner, service("other", "web", image="app/db:1.0"))
    targets = {**written.targets, "default": Target("default", ("inner", "other"))}
    made = replace(written, targets=targets)
    bench.world.publish(made, **{name: each.image or "" for name, each in made.services.items()})
    async with bench.loader() as box:
        await bench.to(box, "1.0")
        since = len(bench.world.engine.calls)
        await bench.over(box, await box.restart_service("web", by="test"))
        calls = [each for each in changes(bench, since) if not each.startswith("set_restart")]
        names = ("inner", "side", "web")
        assert calls == [f"stop app.{name}.g1" for name in names] + [f"start app.{name}.g1" for name in names[::-1]]


async def test_a_one_shot_that_ended_in_a_service_s_namespace_is_not_run_again_with_it() -> None:
    bench = bench_with()
    bench.world.engine.script("seed", Behaviour(exits_after_s=0.1))
    seed = service("seed", "db", image="app/db:1.0", networks={}, network_mode="service:db")
    written = version("1.0", seed)
    web = replace(written.services["web"], depends_on={"db": Dependency(), "seed": Dependency(Condition.COMPLETED)})
    made = replace(written, services={**written.services, "web": web})
    bench.world.publish(made, **{name: each.image or "" for name, each in made.services.items()})
    async with bench.loader() as box:
        await bench.to(box, "1.0")
        since = len(bench.world.engine.calls)
        await bench.over(box, await box.restart_service("db", by="test"))
        assert not [each for each in changes(bench, since) if "seed" in each]
