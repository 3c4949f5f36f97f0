"""The whole Loader on an engine in memory: boots, switches, failures, cuts."""

import asyncio

import pytest
from msgspec.structs import replace
from prometheus_client.parser import text_string_to_metric_families

from boxship.errors import ConflictError, EngineError, NotFoundError
from boxship.loader.box import GcView
from boxship.loader.metrics import metrics_text
from boxship.loader.outdated import find_outdated
from boxship.plan.observed import Health
from boxship.spec.model import Condition, Dependency
from boxship.spec.model_release import Keep
from boxship.state.operation import Operation, OperationStatus
from boxship.state.verify import Verify
from tests.fakes.behaviour import Behaviour
from tests.unit.loader.bench import VERSIONS, Bench, version
from tests.unit.plan.given import service


@pytest.fixture
def bench() -> Bench:
    return Bench()


async def test_a_new_box_says_what_it_waits_for(bench: Bench) -> None:
    async with bench.loader() as box:
        assert box.why() == "nothing is deployed yet: pull a release and switch to it"
        assert box.boot().version == ""
        assert not box.progress().is_ready
        with pytest.raises(NotFoundError, match="is not on this box"):
            await box.switch("1.0", by="test")


async def test_the_first_release_is_booted_and_its_ports_are_opened_when_it_is_well(bench: Bench) -> None:
    async with bench.loader() as box:
        assert (await bench.to(box, "1.0")).status is OperationStatus.DONE
        assert bench.running == ["app.db.g1", "app.web.g1"]
        assert bench.world.gate.history == ["close", "open"]
        assert (box.boot().version, box.boot().target, box.boot().is_ready) == ("1.0", "default", True)


async def test_a_release_that_is_here_is_deployed_without_being_asked(bench: Bench) -> None:
    release, written = bench.world.vendor.published["1.1"]
    bench.world.releases.add(release, written)
    async with bench.loader() as box:
        await bench.booted(box)
        assert box.boot().version == "1.1"


async def test_a_release_whose_images_are_not_all_here_did_not_come_with_the_box(bench: Bench) -> None:
    for number in ("1.0", "1.1"):
        bench.world.releases.add(*bench.world.vendor.published[number])
    # A pull brings the files first.
    await bench.world.engine.remove_image("app/web:1.1")
    async with bench.loader() as box:
        await bench.booted(box)
        assert box.boot().version == "1.0"


async def test_what_a_pull_left_that_was_cut_off_waits_for_a_person(bench: Bench) -> None:
    # All is here, and nobody has written yet that it is.
    bench.world.vendor.holds = asyncio.Event()
    async with bench.loader() as box:
        await box.set_source("registry", by="test")
        await box.pull("1.1", by="test")
        await bench.world.clock.sleep(1)
    assert len(bench.world.releases.ids()) == 1
    bench.world.vendor.holds = None
    async with bench.loader() as box:
        await bench.world.clock.sleep(60)
        assert box.why() == "nothing is deployed yet: pull a release and switch to it"
        assert (await bench.to(box, "1.1")).status is OperationStatus.DONE


async def test_the_source_that_a_loader_was_started_with_is_remembered_by_the_next_ones(bench: Bench) -> None:
    bench.world.default_source = "dir:/srv/releases"
    async with bench.loader() as box:
        assert box.boot().source == "dir:/srv/releases"
    bench.world.default_source = ""
    async with bench.loader() as box:
        assert box.boot().source == "dir:/srv/releases"
        assert await box.versions() == VERSIONS
        assert (await bench.over(box, await box.pull("1.0", by="test"))).status is OperationStatus.DONE
        assert (await bench.over(box, await box.switch("1.0", by="test"))).status is OperationStatus.DONE
        assert box.boot().source == "dir:/srv/releases"


async def test_another_source_at_a_later_start_is_told_how_it_is_taken(bench: Bench) -> None:
    async with bench.loader() as box:
        await bench.to(box, "1.0")
    bench.world.default_source = "dir:/srv/releases"
    async with bench.loader() as box:
        assert box.boot().source == "registry"
        (said,) = [line for line in box.progress().log if "releases come from" in line]
        assert said.startswith("releases come from registry, as this box remembers; dir:/srv/releases, which")
        assert said.endswith("boxship box source dir:/srv/releases takes it")


async def test_without_any_source_a_pull_says_what_to_do(bench: Bench) -> None:
    async with bench.loader() as box:
        with pytest.raises(NotFoundError, match="this box has no source of releases") as caught:
            await box.pull("1.0", by="test")
        assert caught.value.hint == "set one: boxship box source SOURCE"


async def test_older_files_of_the_host_are_an_issue_with_the_way_to_replace_them(bench: Bench) -> None:
    bench.world.outdated = find_outdated("app", 1, 2)
    async with bench.loader() as box:
        await bench.to(box, "1.0")
        (issue,) = [each for each in (await box.status()).issues if each.code == "loader.host"]
        assert issue.text == "sail and its like on this host are of version 1, and this Loader brings version 2"
        assert "sudo boxship install, in the folder of app's files" in issue.suggestion
    assert "of version none" in find_outdated("app", 0, 1)[0].text
    assert find_outdated("app", 2, 2) == find_outdated("app", 3, 2) == ()


async def test_a_switch_takes_the_data_over_and_keeps_what_was_for_going_back(bench: Bench) -> None:
    async with bench.loader() as box:
        await bench.to(box, "1.0")
        bench.world.copier.data["app.data.g1"] = "written by 1.0"
        done = await bench.to(box, "1.1")
        assert (done.status, done.failure) == (OperationStatus.DONE, None)
        assert float(done.result["downtime_s"]) > 0
        assert bench.running == ["app.db.g2", "app.web.g2"]
        assert bench.world.copier.data["app.data.g2"] == "written by 1.0"
        previous = box.state().previous
        assert previous is not None
        assert (previous.version, previous.generation) == ("1.0", 1)
        assert {each.name for each in bench.world.engine.world.containers.values()} >= {"app.db.g1", "app.web.g1"}


async def test_a_broken_release_gives_way_to_the_one_before_with_its_data_untouched(bench: Bench) -> None:
    async with bench.loader() as box:
        await bench.to(box, "1.0")
        bench.world.copier.data["app.data.g1"] = "dear"
        bench.break_image("app/web:1.1")
        failed = await bench.to(box, "1.1")
        assert failed.status is OperationStatus.FAILED
        assert failed.failure is not None
        assert "web" in failed.failure.message
        assert bench.running == ["app.db.g1", "app.web.g1"]
        assert bench.world.copier.data["app.data.g1"] == "dear"
        assert not any(name.endswith(".g2") for name in bench.world.engine.world.volumes)
        assert box.state().current is not None
        assert (box.boot().version, box.state().trial, box.boot().is_ready) == ("1.0", None, True)
        assert bench.world.gate.closed == frozenset()
        assert list(box.state().bad_releases.values()) == [failed.failure.message]


async def test_nothing_is_stopped_when_something_speaks_against_it(bench: Bench) -> None:
    async with bench.loader() as box:
        await bench.to(box, "1.1")
        before = len(bench.world.engine.calls)
        bench.world.copier.missing = 5_000_000_000
        refused = await bench.to(box, "1.0")
        assert box.state().next_generation == 2, "no generation is used up"
        assert refused.failure is not None
        assert refused.failure.code == "precondition.failed"
        assert "1.0 is older than 1.1" in refused.failure.message
        assert "and 1 more" in refused.failure.message
        assert refused.result["against.1"].startswith("1.0 is older than 1.1")
        assert refused.result["against.2"] == (
            "the copies of its volumes have no room: 4.7 GiB are needed and 0 B free at /var/lib/docker/volumes"
        )
        assert "boxship box gc" in refused.failure.hint
        calls = bench.world.engine.calls[before:]
        assert not [call for call in calls if call.startswith(("stop", "create", "remove", "start"))]


async def test_a_switch_and_a_rollback_compare_as_much_as_they_were_told_to(bench: Bench) -> None:
    async with bench.loader() as box:
        await bench.to(box, "1.0")
        await bench.pull(box, "1.1")
        await bench.over(box, await box.switch("1.1", verify=Verify.FULL, by="test"))
        await bench.over(box, await box.rollback(verify=Verify.FULL, by="test"))
        await bench.over(box, await box.rollback(by="test"))
        assert bench.world.copier.verified == [Verify.FULL, Verify.FULL, Verify.TOUCHED]
        assert [each.parameters.get("verify") for each in box.operations(3)] == [None, "full", "full"]


async def test_a_failing_last_copy_leads_back(bench: Bench) -> None:
    async with bench.loader() as box:
        await bench.to(box, "1.0")
        bench.world.copier.breaks = "no space left on /data"
        failed = await bench.to(box, "1.1")
        assert failed.failure is not None
        assert failed.failure.message == "no space left on /data"
        assert bench.running == ["app.db.g1", "app.web.g1"]


async def test_an_engine_that_a_half_copy_leaves_no_room_for_a_word_goes_back_without_the_copy(bench: Bench) -> None:
    def refuse(call: str) -> None:
        has_copy = any(name.endswith(".g2") for name in bench.world.engine.world.volumes)
        if call.startswith("set_restart") and has_copy and bench.world.copier.verified:
            raise EngineError("cannot set the restart policy: no space left on device")

    async with bench.loader() as box:
        await bench.to(box, "1.0")
        bench.world.copier.breaks = "no space left on /data"
        bench.world.engine.faults.heard = refuse
        failed = await bench.to(box, "1.1")
        assert failed.failure is not None
        assert failed.failure.message == "no space left on /data"
        assert bench.running == ["app.db.g1", "app.web.g1"]
        assert not any(name.endswith(".g2") for name in bench.world.engine.world.volumes)
        assert box.boot().is_ready


async def test_a_copy_that_was_cut_off_and_leaves_the_engine_no_room_does_not_keep_the_box_from_booting(
    bench: Bench,
) -> None:
    def refuse(call: str) -> None:
        if call.startswith("set_restart") and any(n.endswith(".g2") for n in bench.world.engine.world.volumes):
            raise EngineError("cannot set the restart policy: no space left on device")

    async with bench.loader() as box:
        await bench.to(box, "1.0")
        await bench.pull(box, "1.1")
        bench.break_image("app/web:1.1")
        operation = await box.switch("1.1", by="test")
        while box.operation(operation.id).stage != "checking":
            await bench.world.clock.sleep(0.05)
        await bench.world.clock.sleep(0.05)
        assert "app.db.g2" in bench.running
    bench.world.engine.faults.heard = refuse
    async with bench.loader() as box:
        await bench.booted(box)
        assert (box.boot().version, bench.running) == ("1.0", ["app.db.g1", "app.web.g1"])
        assert not any(name.endswith(".g2") for name in bench.world.engine.world.volumes)


async def test_a_cancelled_switch_leaves_what_runs_alone(bench: Bench) -> None:
    async with bench.loader() as box:
        await bench.to(box, "1.0")
        await bench.pull(box, "1.1")
        bench.world.copier.holds = asyncio.Event()
        operation = await box.switch("1.1", by="test")
        while box.operation(operation.id).stage != "copying":
            await bench.world.clock.sleep(0.1)
        with pytest.raises(ConflictError) as refused:
            await box.gc(by="test")
        assert refused.value.fields["operation_id"] == operation.id
        await box.cancel(operation.id, by="test")
        over = await bench.over(box, operation)
        assert over.status is OperationStatus.CANCELLED
        assert "downtime_s" not in over.result
        assert bench.running == ["app.db.g1", "app.web.g1"]
        assert box.boot().is_ready


async def test_a_loader_that_ends_in_a_trial_is_followed_by_one_that_goes_back(bench: Bench) -> None:
    async with bench.loader() as box:
        await bench.to(box, "1.0")
        await bench.pull(box, "1.1")
        bench.break_image("app/web:1.1")
        operation = await box.switch("1.1", by="test")
        while box.operation(operation.id).stage != "checking":
            await bench.world.clock.sleep(0.05)
    async with bench.loader() as box:
        await bench.booted(box)
        assert bench.running == ["app.db.g1", "app.web.g1"]
        assert box.operation(operation.id).status is OperationStatus.INTERRUPTED
        assert box.state().trial is None
        assert box.boot().id == "boot-2"


async def test_a_loader_that_starts_beside_a_healthy_appliance_touches_nothing(bench: Bench) -> None:
    async with bench.loader() as box:
        await bench.to(box, "1.0")
    before, gate = len(bench.world.engine.calls), list(bench.world.gate.history)
    async with bench.loader() as box:
        await bench.booted(box)
    changing = ("stop", "create", "remove", "start_container", "rename")
    assert not [call for call in bench.world.engine.calls[before:] if call.startswith(changing)]
    assert bench.world.gate.history == [*gate, "open"]


async def test_a_service_whose_health_check_has_not_been_asked_yet_is_left_in_peace(bench: Bench) -> None:
    async with bench.loader() as box:
        await bench.to(box, "1.0")
        for container in bench.world.engine.world.containers.values():
            container.health = Health.STARTING
        operations = box.operations()
        await bench.world.clock.sleep(90.0)
        assert (box.operations(), box.boot().is_ready) == (operations, True)
        assert box.why() == "1.0 (default) runs, and nothing is to be done"


async def test_a_boot_that_fails_is_tried_again_and_then_the_fallback_runs_on_the_same_data(bench: Bench) -> None:
    async with bench.loader() as box:
        await bench.to(box, "1.0")
        bench.world.copier.data["app.data.g1"] = "kept"
    await bench.world.engine.stop_container("app.web.g1")
    bench.world.engine.break_start("web", "no such device")
    async with bench.loader() as box:
        await bench.booted(box)
        assert box.progress().phase == "fallback"
        assert bench.running == ["app.page.g1"]
        assert "no such device" in box.why()
        assert bench.world.copier.data["app.data.g1"] == "kept"
        # A person who wants the default back says so, and gets it once it can be had.
        bench.world.engine.script("web", Behaviour())
        assert (await bench.over(box, await box.boot_target("default", by="test"))).status is OperationStatus.DONE
        assert bench.running == ["app.db.g1", "app.web.g1"]
        assert box.progress().phase == "ready"


async def test_targets_share_their_data_and_an_unknown_one_changes_nothing(bench: Bench) -> None:
    async with bench.loader() as box:
        await bench.to(box, "1.0")
        with pytest.raises(NotFoundError, match="no target 'servicing'"):
            await box.boot_target("servicing", by="test")
        await bench.over(box, await box.boot_target("maintenance", by="test"))
        assert bench.running == ["app.page.g1"]
    async with bench.loader() as box:
        await bench.booted(box)
        assert (box.boot().target, bench.running) == ("maintenance", ["app.page.g1"])


async def test_a_service_that_ends_is_started_again(bench: Bench) -> None:
    async with bench.loader() as box:
        await bench.to(box, "1.0")
        await bench.world.engine.stop_container("app.web.g1")
        await bench.world.clock.sleep(1.0)
        await bench.booted(box)
        assert bench.running == ["app.db.g1", "app.web.g1"]


async def test_a_person_goes_back_with_the_data_of_before_and_today_s_stays(bench: Bench) -> None:
    async with bench.loader() as box:
        await bench.to(box, "1.0")
        bench.world.copier.data["app.data.g1"] = "of 1.0"
        await bench.to(box, "1.1")
        bench.world.copier.data["app.data.g2"] = "of 1.1"
        switched_s = bench.world.clock.now().timestamp()
        await bench.world.clock.sleep(3600.0)
        brings = box.what_rollback_brings()
        assert "1.1" in brings.loses
        assert brings.data_from_s == pytest.approx(switched_s, abs=5.0)
        assert brings.data_age_s == pytest.approx(3600.0, abs=5.0)
        done = await bench.over(box, await box.rollback(by="test"))
        assert done.status is OperationStatus.DONE
        current, previous = box.state().current, box.state().previous
        assert current is not None
        assert previous is not None
        assert (current.version, current.generation, previous.version) == ("1.0", 3, "1.1")
        assert bench.world.copier.data["app.data.g3"] == "of 1.0"
        assert bench.world.copier.data["app.data.g2"] == "of 1.1"


async def test_gc_removes_what_no_deployment_needs_and_nothing_else(bench: Bench) -> None:
    async with bench.loader() as box:
        for number in ("1.0", "1.1", "1.2"):
            await bench.to(box, number)
        bench.world.engine.add_image("other/thing:1")
        foreseen = await box.gc(dry_run=True, by="test")
        assert isinstance(foreseen, GcView)
        assert foreseen.volumes == ("app.data.g1",)
        operation = await box.gc(by="test")
        assert isinstance(operation, Operation)
        assert (await bench.over(box, operation)).status is OperationStatus.DONE
        left = {each.name for each in bench.world.engine.world.containers.values()}
        assert left == {"app.db.g2", "app.web.g2", "app.db.g3", "app.web.g3"}
        tags = {tag for image in bench.world.engine.world.images.values() for tag in image.tags}
        assert tags == {"app/db:1.1", "app/web:1.1", "app/db:1.2", "app/web:1.2", "other/thing:1"}
        assert box.state().pulled.keys() == {"1.1", "1.2"}


async def test_an_earlier_release_that_stays_is_switched_to_without_a_pull(bench: Bench) -> None:
    for number in ("1.0", "1.1", "1.2"):
        images = {"db": f"app/db:{number}", "web": f"app/web:{number}", "page": f"app/web:{number}"}
        bench.world.publish(version(number, keep=Keep(releases=1)), **images)
    async with bench.loader() as box:
        for number in ("1.0", "1.1", "1.2"):
            await bench.to(box, number)
        collected = await box.gc(by="test")
        assert isinstance(collected, Operation)
        await bench.over(box, collected)
        assert "app.data.g1" not in bench.world.engine.world.volumes
        bench.world.vendor.published.clear()
        back = await bench.over(box, await box.switch("1.0", allow_downgrade=True, by="test"))
        assert (back.failure, box.boot().version) == (None, "1.0")


async def test_gc_removes_what_a_pull_that_was_cut_off_left(bench: Bench) -> None:
    async with bench.loader() as box:
        await bench.to(box, "1.0")
        bench.world.releases.has_begun = True
        assert isinstance(await box.gc(dry_run=True, by="test"), GcView)
        assert bench.world.releases.has_begun
        operation = await box.gc(by="test")
        assert isinstance(operation, Operation)
        await bench.over(box, operation)
        assert not bench.world.releases.has_begun


async def test_a_dead_engine_is_said_and_waited_for(bench: Bench) -> None:
    async with bench.loader() as box:
        await bench.to(box, "1.0")
        bench.world.engine.faults.die_after(0)
        await bench.world.clock.sleep(60.0)
        assert "doesn't answer" in box.why()
        assert not box.progress().is_ready
        bench.world.engine.restart_daemon()
        await bench.booted(box)
        assert bench.running == ["app.db.g1", "app.web.g1"]


async def test_a_deployment_is_judged_by_its_own_containers(bench: Bench) -> None:
    """One that is made for the next generation, and not started yet, is no reason to call this one ill."""
    bench.world.engine.script("seed", Behaviour(exits_after_s=0.1))
    for number in ("1.0", "1.1"):
        written = version(number, service("seed", image=f"app/db:{number}", command=("once",)))
        web = written.services["web"]
        waiting = replace(web, depends_on={**web.depends_on, "seed": Dependency(Condition.COMPLETED)})
        images = {name: f"app/{'db' if name in ('db', 'seed') else 'web'}:{number}" for name in written.services}
        bench.world.publish(replace(written, services={**written.services, "web": waiting}), **images)
    async with bench.loader() as box:
        await bench.to(box, "1.0")
        await bench.pull(box, "1.1")
        bench.world.copier.holds = asyncio.Event()
        await bench.world.clock.sleep(5.0)
        await box.switch("1.1", by="test")
        while "app.seed.g2" not in {each.name for each in bench.world.engine.world.containers.values()}:
            await bench.world.clock.sleep(0.1)
    async with bench.loader() as box:
        await bench.booted(box)
        assert (box.progress().phase, box.state().boots.last) == ("ready", None)
        assert not (await box.status()).issues


async def test_monitors_are_told_what_runs_and_how_long_it_was_away(bench: Bench) -> None:
    async with bench.loader() as box:
        await bench.to(box, "1.0")
        done = await bench.to(box, "1.1")
        text = await metrics_text(box)
        values = {
            (sample.name, sample.labels.get("kind", "")): sample.value
            for family in text_string_to_metric_families(text)
            for sample in family.samples
        }
        assert values[("boxship_box_ready", "")] == 1.0
        assert values[("boxship_box_downtime_seconds", "")] == float(done.result["downtime_s"])
        assert values[("boxship_box_operations", "switch")] == 2.0
        assert 'boxship_box_info{appliance="app",version="1.1",target="default",boot_id="boot-1"} 1.0' in text


async def test_what_failed_on_trial_is_shown_while_it_goes_back_and_by_the_next_loader_too(bench: Bench) -> None:
    bench.break_image("app/web:1.1")
    async with bench.loader() as box:
        await bench.to(box, "1.0")
        await bench.pull(box, "1.1")
        operation = await box.switch("1.1", by="test")
        while box.operation(operation.id).stage != "rolling-back":
            await bench.world.clock.sleep(0.01)
        going_back = box.progress()
        assert going_back.failure is not None
        assert (going_back.failure.service, going_back.failed_version, going_back.phase) == (
            "web", "1.1", "rolling-back",
        )  # fmt: skip
        await bench.over(box, operation)
        await bench.booted(box)
        after = box.progress()
        assert (after.phase, after.failed_version, after.failure) == ("ready", "1.1", going_back.failure)
    async with bench.loader() as box:
        await bench.booted(box)
        assert (box.progress().failed_version, box.progress().failure) == ("1.1", after.failure)
        await bench.to(box, "1.2")
        assert (box.progress().failed_version, box.progress().failure) == ("", None)
