"""The thinking parts of benchmarks/: what is started, what is made of the figures, how they are shown."""

import json
import os
import sys
import time
from contextlib import ExitStack
from http.client import HTTPException
from pathlib import Path

import pytest
import yaml

from benchmarks import small_box
from benchmarks.big_files import BIG_FILES, big_compose
from benchmarks.builds import (
    BUILDS,
    DOCKER_BUILD,
    SOURCES,
    BuildContest,
    Sources,
    docker_build,
    write_sources,
)
from benchmarks.builds import complain as complain_of_images
from benchmarks.builds import compose_text as builds_text
from benchmarks.databases import DATABASES
from benchmarks.engine import Container, EngineApi, Names
from benchmarks.engine_cpu import cpu_between_s, parse_stat
from benchmarks.faults import BenchError
from benchmarks.figures import Failure, Sample, Spread, ratio, spread, summarize
from benchmarks.loaders import wait_for_event
from benchmarks.measure import environment_of, read_report, run_command
from benchmarks.perform import scenarios
from benchmarks.programme import ROWS, choose_rows
from benchmarks.rounds import Course, Ledger, complain, order_of_round, with_readiness
from benchmarks.rows import COMMAND_ROWS
from benchmarks.scenarios import (
    Image,
    Scenario,
    Service,
    appliance_text,
    chain,
    compose_text,
    count_false_ready,
    dag,
    raw_plan,
    single,
    without_healthchecks,
)
from benchmarks.switches import SHARED_SWITCHES, SWITCHES, VOLUMES, copy_all, count_differing, outcome_of
from benchmarks.tools import (
    BOXSHIP,
    COMPOSE_V1,
    COMPOSE_V2,
    OUR_PROGRAM,
    Command,
    ComposeLike,
    ForeignRaw,
    Operation,
    Place,
    RawEngine,
    find_compose_v1,
)
from benchmarks.trials import Stage
from benchmarks.upgrades import UPGRADES, UpgradeContest, Volume, copy_changed, write_volume
from boxship.spec.load import load
from boxship.spec.loaded import LoadOptions
from boxship.spec.model import Appliance, HttpProbe

IMAGE = Image("small:1", ("probe", "it"))
DAG = dag(IMAGE)
CHAIN = chain(IMAGE, 5)
PLACE = Place("dag20", "bxbench-1", Path("c.yaml"), Path("p.json"))


def sample(wall_s: float = 1.0, cpu_s: float = 0.1, engine_s: float | None = 0.5, early: int | None = None) -> Sample:
    return Sample(wall_s, cpu_s, engine_s, 20.0, early)


def depths(scenario: Scenario) -> dict[str, int]:
    """Service -> how many must start before it, one after another."""
    after = {service.name: service.after for service in scenario.services}

    def depth(name: str) -> int:
        return 1 + max(map(depth, after[name]), default=-1)

    return {name: depth(name) for name in after}


class TestScenarios:
    def test_twenty_services_stand_in_five_layers(self) -> None:
        assert sorted(depths(DAG).values()) == [layer for layer in range(5) for _ in range(4)]

    def test_the_first_and_the_fourth_column_lean_on_each_other_and_the_others_stand_alone(self) -> None:
        after = {service.name: service.after for service in DAG.services}
        assert after["s1"] == after["s16"] == ("s0", "s15")
        assert (after["s6"], after["s12"], after["s10"]) == (("s5",), ("s11",), ())

    def test_every_layer_of_the_chain_waits_for_all_of_the_layer_before(self) -> None:
        after = {service.name: service.after for service in CHAIN.services}
        assert after["s0"] == after["s1"] == ()
        assert after["s8"] == after["s9"] == ("s6", "s7")
        assert max(depths(CHAIN).values()) == 4

    def test_a_compose_file_waits_for_health_only_where_there_are_checks(self) -> None:
        plain, checked = (yaml.safe_load(compose_text(each))["services"] for each in (DAG, CHAIN))
        assert plain["s6"] == {
            "image": "small:1",
            "command": ["sleep", "infinity"],
            "init": True,
            "depends_on": ["s5"],
        }
        assert checked["s2"]["depends_on"] == {name: {"condition": "service_healthy"} for name in ("s0", "s1")}
        assert checked["s2"]["healthcheck"] == {
            "test": ["CMD", "probe", "it"],
            "interval": "5s",
            "timeout": "3s",
            "retries": 30,
        }

    def test_the_default_interval_is_left_to_compose(self) -> None:
        scenario = chain(IMAGE, None)
        assert scenario.key == "chain-default"
        assert "interval" not in compose_text(scenario)

    @pytest.mark.parametrize("scenario", [DAG, CHAIN])
    def test_the_raw_script_starts_the_same_as_everybody_else(self, scenario: Scenario) -> None:
        composed = yaml.safe_load(compose_text(scenario))["services"]
        planned = json.loads(raw_plan(scenario, "bxbench-1", "/run/engine.sock"))["services"]
        assert [each["name"] for each in planned] == list(composed)
        for each in planned:
            theirs, body = composed[each["name"]], each["body"]
            assert (body["Image"], body["Cmd"]) == (theirs["image"], theirs["command"])
            assert each["after"] == list(theirs.get("depends_on", []))
            assert body.get("Healthcheck", {}).get("Test") == theirs.get("healthcheck", {}).get("test")

    def test_the_raw_scripts_digest_tells_two_images_apart(self) -> None:
        plans = [json.loads(raw_plan(dag(Image(name, ())), "p", "s"))["services"][0] for name in ("a", "b")]
        assert plans[0]["digest"] != plans[1]["digest"]
        assert plans[0]["body"]["Labels"]["bxbench.digest"] == plans[0]["digest"]

    def test_where_we_ask_by_http_the_others_have_a_health_check_and_we_have_none(self) -> None:
        scenario = single(IMAGE, "http", asks_http=True)
        theirs = yaml.safe_load(compose_text(scenario))["services"]["s0"]
        ours = yaml.safe_load(compose_text(without_healthchecks(scenario)))["services"]["s0"]
        assert theirs == {**ours, "healthcheck": theirs["healthcheck"]}
        assert theirs["healthcheck"]["interval"] == "1s"

    def test_our_own_question_is_one_that_an_appliance_can_ask(self, tmp_path: Path) -> None:
        scenario = single(IMAGE, "http", asks_http=True)
        (tmp_path / "c.yaml").write_text(compose_text(without_healthchecks(scenario)))
        (tmp_path / "appliance.yaml").write_text(appliance_text(scenario))
        named = (tmp_path / "c.yaml", tmp_path / "appliance.yaml")
        read = load(LoadOptions(files=named, directory=tmp_path, appliance_name="p")).appliance
        assert read.checks["s0"].probe == HttpProbe("http://s0:8000/")


class TestBigFiles:
    def test_every_row_about_reading_has_its_file(self) -> None:
        reading = {row.scenario for row in COMMAND_ROWS if row.operation is Operation.READ}
        assert reading == set(BIG_FILES)

    def test_a_big_file_is_valid_and_has_as_many_services_as_it_should(self, tmp_path: Path) -> None:
        (tmp_path / "compose.yaml").write_text(big_compose(57))
        assert len(load(LoadOptions(directory=tmp_path)).appliance.services) == 57

    def test_each_tool_reads_in_its_own_words(self) -> None:
        ours, theirs = (ComposeLike(key, key, "it").command(Operation.READ, PLACE) for key in (BOXSHIP, COMPOSE_V2))
        assert ours is not None
        assert theirs is not None
        assert (ours.argv[-2:], theirs.argv[-2:]) == (("check", "-q"), ("config", "-q"))
        assert RawEngine().command(Operation.READ, PLACE) is None


class TestFalseReady:
    SERVICES = (Service("db", ("x",), ()), Service("web", ("x",), ("db",)))

    def count(self, db: float | None, web: float | None, returned_at_s: float = 20.0) -> int:
        return count_false_ready(self.SERVICES, {"db": db, "web": web}, returned_at_s)

    def test_a_dependent_that_began_when_its_dependency_was_ready_is_right(self) -> None:
        assert self.count(10.0, 10.3) == 0

    def test_a_dependent_that_began_earlier_tells_on_its_dependency(self) -> None:
        assert self.count(10.0, 10.2) == 1

    def test_a_command_that_returned_before_the_last_service_was_ready_was_too_early(self) -> None:
        assert self.count(10.0, 10.4, returned_at_s=10.35) == 1

    def test_a_service_that_never_became_ready_was_taken_for_ready(self) -> None:
        assert self.count(10.0, None) == 1
        assert self.count(None, 10.3) == 1

    def test_how_late_a_command_was_is_counted_from_the_last_service_that_became_ready(self) -> None:
        pair = Scenario("pair", "small:1", self.SERVICES)
        ended = Sample(9.0, 0.1, 0.5, 20.0, ended_at_s=12.0)
        assert with_readiness(ended, pair, {"db": 10.0, "web": 11.5}) == Sample(9.0, 0.1, 0.5, 20.0, 0, 0.5, 12.0)
        unknown = with_readiness(ended, pair, {"db": None, "web": None})
        assert (unknown.late_s, unknown.false_ready) == (None, 2)


class TestFigures:
    def test_a_spread_is_the_median_and_the_extremes(self) -> None:
        assert spread([3.0, 1.0, 9.0]) == Spread(3.0, 1.0, 9.0)
        assert spread([1.0, 2.0]) == Spread(1.5, 1.0, 2.0)
        assert spread([]) is None

    def test_failures_do_not_count_as_samples(self) -> None:
        summary = summarize([sample(2.0), Failure("no"), sample(4.0)])
        assert summary is not None
        assert (summary.count, summary.wall_s.median) == (2, 3.0)
        assert summarize([Failure("no")]) is None

    def test_the_whole_cpu_is_unknown_where_the_engines_is(self) -> None:
        known, unknown = summarize([sample(engine_s=0.5)]), summarize([sample(engine_s=None)])
        assert known is not None
        assert unknown is not None
        assert known.whole_cpu_s == Spread(0.6, 0.6, 0.6)
        assert (unknown.engine_cpu_s, unknown.whole_cpu_s) == (None, None)

    def test_services_taken_for_ready_too_early_are_added_up(self) -> None:
        counted, uncounted = summarize([sample(early=1), sample(early=2)]), summarize([sample()])
        assert counted is not None
        assert uncounted is not None
        assert (counted.false_ready, uncounted.false_ready) == (3, None)

    def test_a_ratio_needs_both_sides(self) -> None:
        one, four = Spread(1.0, 0.0, 2.0), Spread(4.0, 4.0, 4.0)
        assert ratio(one, four) == 0.25
        assert ratio(None, four) is None
        assert ratio(one, None) is None
        assert ratio(one, Spread(0.0, 0.0, 0.0)) is None


class TestEngineCpu:
    STAT = "812 (odd) name) S 1 812 812 0 -1 4194560 9 8 7 6 100 20 3000 400 20 0 13 0 5150 1 2 3"

    def test_a_process_is_charged_for_the_children_that_it_waited_for(self) -> None:
        assert parse_stat(self.STAT) == ("odd) name", 3520, 5150)

    def test_new_processes_count_in_full_and_ended_ones_not_at_all(self) -> None:
        before = {(1, 10): 100, (2, 10): 50}
        after = {(1, 10): 150, (3, 99): 25}
        ticks = cpu_between_s({}, {(9, 9): 1})
        assert ticks is not None
        assert cpu_between_s(before, after) == pytest.approx(75 * ticks)

    def test_a_pid_that_was_given_away_again_is_another_process(self) -> None:
        assert cpu_between_s({(1, 10): 100}, {(1, 77): 5}) == cpu_between_s({}, {(1, 77): 5})

    def test_cpu_is_unknown_where_no_engine_process_is_seen(self) -> None:
        assert cpu_between_s(None, {(1, 1): 1}) is None
        assert cpu_between_s({(1, 1): 1}, None) is None


class TestMeasuring:
    def test_a_report_of_success_is_a_sample(self) -> None:
        said = read_report("1.5 0.25 0.5 2048 0 ended 1700000000.25", "", 9, 0.75)
        assert said == Sample(1.5, 0.75, 0.75, 2.0, ended_at_s=1700000000.25)

    def test_a_failed_command_is_reported_with_its_last_words(self) -> None:
        assert read_report("1 0 0 9 3 ended 1700000000", "so\nno image\n", 9, None) == Failure(
            "exit status 3: no image"
        )

    def test_a_command_that_took_too_long_is_no_sample_even_if_it_ended_well_at_last(self) -> None:
        assert read_report("9.1 0 0 9 0 late 1700000000", "", 9, None) == Failure("no end within 9 s")

    def test_a_launcher_that_says_nothing_is_a_failure(self) -> None:
        assert isinstance(read_report("", "", 9, None), Failure)

    def test_output_and_environment_reach_the_command_and_the_log(self, tmp_path: Path) -> None:
        command = Command(("/bin/sh", "-c", 'echo "$SAID"; exit 4'), {"SAID": "hello"})
        assert run_command(command, tmp_path / "log", 30) == Failure("exit status 4: hello")

    def test_a_command_is_ended_at_its_deadline(self, tmp_path: Path) -> None:
        outcome = run_command(Command(("/bin/sleep", "600")), tmp_path / "log", 0.05)
        assert outcome == Failure("no end within 0.05 s")

    def test_a_small_commands_memory_is_its_own_and_not_ours(self, tmp_path: Path) -> None:
        ours = b"x" * 2**26
        outcome = run_command(Command((sys.executable, "-I", "-S", "-c", "")), tmp_path / "log", 30)
        assert isinstance(outcome, Sample)
        assert outcome.peak_mib is not None
        assert outcome.peak_mib < len(ours) / 2**20

    def test_nothing_keeps_a_command_from_its_cached_bytecode(self) -> None:
        seen = environment_of(Command(("it",), {"MORE": "1"}), {"PYTHONDONTWRITEBYTECODE": "1", "PATH": "/bin"})
        assert seen == {"PATH": "/bin", "MORE": "1"}


class TestRounds:
    def test_everybody_runs_once_in_each_round(self) -> None:
        assert all(sorted(order_of_round("abc", number)) == ["a", "b", "c"] for number in range(5))

    def test_rounds_begin_with_another_one_and_go_both_ways(self) -> None:
        assert [order_of_round("abc", number) for number in range(3)] == [
            ("a", "b", "c"),
            ("a", "c", "b"),
            ("c", "a", "b"),
        ]

    RUNNING = tuple(Container(str(number), f"p.s{number}", is_running=True) for number in range(20))

    def test_a_command_that_did_what_it_should_gives_no_reason_to_complain(self) -> None:
        shown = " ".join(each.name for each in self.RUNNING)
        assert complain(Operation.UP, DAG, (), self.RUNNING, "") == ""
        assert complain(Operation.NOOP, DAG, self.RUNNING, self.RUNNING, "") == ""
        assert complain(Operation.PS, DAG, self.RUNNING, self.RUNNING, shown) == ""
        assert complain(Operation.DOWN, DAG, self.RUNNING, (), "") == ""

    def test_a_command_that_ended_with_0_but_did_not_do_it_is_found_out(self) -> None:
        stopped = (*self.RUNNING[:19], self.RUNNING[19]._replace(is_running=False))
        recreated = (*self.RUNNING[:19], self.RUNNING[19]._replace(id="other"))
        assert complain(Operation.UP, DAG, (), stopped, "") == "19 of 20 containers run after it"
        assert complain(Operation.NOOP, DAG, self.RUNNING, recreated, "") == "it was to change nothing, and did"
        assert complain(Operation.PS, DAG, self.RUNNING, self.RUNNING, "p_s1_1 s10") == "it does not show s0"
        assert complain(Operation.DOWN, DAG, self.RUNNING, stopped[:2], "") == "2 containers are left after it"


class TestReadingPeers:
    def run_course(self, folder: Path, key: str, script: str) -> Ledger:
        program = folder / "reader"
        program.write_text(f"#!/bin/sh\necho run >>{folder}/runs\n{script}\n")
        program.chmod(0o755)
        row = next(row for row in COMMAND_ROWS if row.key == "read-57")
        ledger = Ledger()
        nobody = EngineApi(str(folder / "no.sock"))
        course = Course("bxbench-1", folder, nobody, (ComposeLike(key, key, str(program)),), {}, (row,), ledger)
        assert len(list(course.run(2))) > 0
        return ledger

    def test_a_peer_that_cannot_read_a_file_is_excused_and_asked_no_more(self, tmp_path: Path) -> None:
        ledger = self.run_course(tmp_path, COMPOSE_V1, "echo 'unknown key'; exit 1")
        assert ledger.unable == {"read-57": {COMPOSE_V1: "exit status 1: unknown key"}}
        assert ledger.outcomes == {}
        assert (tmp_path / "runs").read_text() == "run\n"

    def test_we_are_never_excused(self, tmp_path: Path) -> None:
        ledger = self.run_course(tmp_path, BOXSHIP, "exit 1")
        assert ledger.unable == {}
        assert ledger.outcomes["read-57"][BOXSHIP] == [Failure("exit status 1: (it printed nothing)")] * 2

    def test_who_can_is_timed_as_often_as_the_row_wants(self, tmp_path: Path) -> None:
        ledger = self.run_course(tmp_path, COMPOSE_V2, "exit 0")
        assert len(ledger.outcomes["read-57"][COMPOSE_V2]) == 10


class TestBuilds:
    def test_every_row_about_builds_has_its_folders(self) -> None:
        assert [row.key for row in choose_rows(["build"])] == [row.key for row in BUILDS.rows] == list(SOURCES)

    def test_the_folders_are_the_same_every_time(self, tmp_path: Path) -> None:
        found = []
        for root in (tmp_path / "one", tmp_path / "two"):
            write_sources(Sources(2, 101, 10), root)
            found.append({path.relative_to(root): path.read_bytes() for path in root.rglob("*.bin")})
        assert found[0] == found[1]
        assert {len(content) for content in found[0].values()} == {10}
        assert (len(found[0]), Path("i1/d001/f00.bin") in found[0]) == (202, True)

    def test_both_build_every_folder(self, tmp_path: Path) -> None:
        sources = Sources(3, 0, 0)
        (tmp_path / "compose.yaml").write_text(builds_text(sources, tmp_path))
        services = load(LoadOptions(directory=tmp_path)).appliance.services
        assert [service.build is not None for service in services.values()] == [True] * 3
        command = docker_build("/bin/echo", sources, tmp_path, "bxbench-1")
        assert isinstance(run_command(command, tmp_path / "log", 30), Sample)
        assert (tmp_path / "log").read_text().splitlines() == [
            f"build -q -t bxbench-1/i{number} {tmp_path}/i{number}" for number in range(3)
        ]

    def test_a_build_that_made_no_image_or_another_one_is_found_out(self) -> None:
        assert complain_of_images({"a": "1", "b": "2"}, {"a": "1", "b": "2"}) is None
        assert complain_of_images({"a": "1", "b": "2"}, {"a": "1", "b": "3"}) == Failure(
            "it was to change nothing, and did"
        )
        assert complain_of_images({"a": None}, {"a": None}) == Failure("it made no a")

    def test_a_first_build_that_fails_is_no_sample(self, tmp_path: Path) -> None:
        stage = Stage("bxbench-1", tmp_path, EngineApi(str(tmp_path / "no.sock")), IMAGE, {})
        contest = BuildContest(stage, "/bin/false", None)
        (row,) = choose_rows(["build-8"])
        assert list(contest.turn(BOXSHIP, row)) == [
            Failure("its first build: exit status 1: (it printed nothing)"),
        ]

    def test_a_docker_that_is_not_here_is_left_out_with_a_sentence(self, tmp_path: Path) -> None:
        stage = Stage("bxbench-1", tmp_path, EngineApi(str(tmp_path / "no.sock")), IMAGE, {"PATH": str(tmp_path)})
        with BUILDS.open(stage) as contest:
            assert (list(contest.titles), len(contest.left_out)) == ([BOXSHIP], 1)
        both = BuildContest(stage, str(OUR_PROGRAM), "/bin/docker")
        assert (list(both.titles), len(both.left_out)) == ([BOXSHIP, DOCKER_BUILD], 0)


class TestUpgrades:
    def test_everybody_copies_the_volume_and_leaves_nothing(self, tmp_path: Path) -> None:
        with ExitStack() as stack:
            contest = UpgradeContest(tmp_path, stack, {"upgrade-1g": Volume(200, 2_000_000)})
            (row,) = choose_rows(["upgrade-1g"])
            found = {key: list(contest.turn(key, row)) for key in contest.titles}
        assert [isinstance(outcome, Sample) for (outcome,) in found.values()] == [True] * 3
        assert list((tmp_path / "upgrade-1g/copy").iterdir()) == []

    def test_the_volume_is_the_same_every_time(self, tmp_path: Path) -> None:
        found = []
        for root in (tmp_path / "one", tmp_path / "two"):
            write_volume(root, Volume(101, 101_000))
            found.append({path.relative_to(root): path.read_bytes() for path in root.rglob("f*")})
        assert found[0] == found[1]
        assert {len(content) for content in found[0].values()} == {1000}

    def test_both_rows_are_known(self) -> None:
        assert [row.key for row in choose_rows(["upgrade"])] == [row.key for row in UPGRADES.rows]


class TestSwitches:
    def release(self, folder: Path) -> Appliance:
        (folder / "compose.yaml").write_text(small_box.compose_text(IMAGE, 8000))
        (folder / "appliance.yaml").write_text(small_box.appliance_text("bxbench-1", "2.0.0"))
        return load(LoadOptions(directory=folder)).appliance

    def test_every_row_about_switches_has_its_volume(self) -> None:
        rows = (*SWITCHES.rows, *SHARED_SWITCHES.rows)
        assert [row.key for row in rows] == list(VOLUMES)
        assert choose_rows(["switch"]) == (*rows, *DATABASES.rows)

    def test_the_appliance_has_the_containers_that_are_made_by_hand(self, tmp_path: Path) -> None:
        appliance = self.release(tmp_path)
        assert set(appliance.services) == {name for layer in small_box.LAYERS for name in layer}
        for name, service in appliance.services.items():
            assert service.command is not None
            assert tuple(service.command) == small_box.command_of(name)

    def test_the_downtime_is_what_the_operation_says(self) -> None:
        over = {"status": "done", "result": {"downtime_s": "1.234"}}
        assert outcome_of(over, 0.5, 2.0, 0) == Sample(1.234, 0.5, 2.0, None, differing=0)

    def test_a_switch_that_failed_is_no_sample(self) -> None:
        failed = {"status": "failed", "failure": {"message": "web never answered"}, "result": {"downtime_s": "9"}}
        assert outcome_of(failed, 0.5, 2.0, 0) == Failure("the switch is failed: web never answered")
        cut = {"status": "interrupted", "failure": None}
        assert outcome_of(cut, 0.5, 2.0, 0) == Failure("the switch is interrupted: it does not say why")

    def test_a_file_that_is_missing_changed_or_only_has_another_time_differs(self, tmp_path: Path) -> None:
        one, other = tmp_path / "one", tmp_path / "other"
        write_volume(one, Volume(5, 5_000))
        copy_all(one, other)
        assert count_differing(one, other) == 0
        for tree in (one, other):
            os.utime(tree / "d000", (0, 0))
        (other / "d000/f00").unlink()
        os.utime(other / "d000", (0, 0))
        (other / "mapped0").write_bytes(b"other")
        os.utime(other / "d000/f01", (0, 0))
        assert count_differing(one, other) == 3

    def test_only_what_was_written_since_then_is_copied(self, tmp_path: Path) -> None:
        volume, copy = tmp_path / "volume", tmp_path / "copy"
        write_volume(volume, Volume(5, 5_000))
        copy.mkdir()
        copy_changed(volume, copy, time.time_ns() + 10**9)
        assert list(copy.iterdir()) == []
        copy_changed(volume, copy, 0)
        assert len(list(copy.iterdir())) == 7

    def test_a_page_that_ends_without_an_event_is_told_from_one_that_has_one(self) -> None:
        page = iter([b"retry: 1000\n", b"\n", b"event: progress\n", b"data: {}\n"])
        wait_for_event(page)
        assert next(page) == b"data: {}\n"
        with pytest.raises(HTTPException, match="ended"):
            wait_for_event(page)


class TestTools:
    def test_a_compose_that_cannot_wait_for_health_stays_out_of_those_rows(self) -> None:
        old, new = ComposeLike(COMPOSE_V1, "1.29", "dc1", can_wait=False), ComposeLike(COMPOSE_V2, "2.40", "dc2")
        assert old.command(Operation.UP_HEALTHY, PLACE) is None
        waiting = new.command(Operation.UP_HEALTHY, PLACE)
        assert waiting == Command(("dc2", "-f", "c.yaml", "-p", "bxbench-1", "up", "-d", "--wait"))

    def test_only_we_are_given_an_appliance_file(self) -> None:
        place = PLACE._replace(appliance_file=Path("a.appliance.yaml"))
        ours, theirs = (ComposeLike(key, key, "it").command(Operation.DOWN, place) for key in (BOXSHIP, COMPOSE_V2))
        assert ours == Command(("it", "-f", "c.yaml", "-f", "a.appliance.yaml", "-p", "bxbench-1", "down"))
        assert theirs == Command(("it", "-f", "c.yaml", "-p", "bxbench-1", "down"))

    def test_the_old_compose_is_found_behind_a_new_one_of_the_same_name(self, tmp_path: Path) -> None:
        for folder, version in (("new", "2.40.3"), ("old", "1.29.2")):
            (tmp_path / folder).mkdir()
            program = tmp_path / folder / "docker-compose"
            program.write_text(f"#!/bin/sh\necho {version}\n")
            program.chmod(0o755)
        found = find_compose_v1({"PATH": f"{tmp_path}/new:{tmp_path}/none:{tmp_path}/old"})
        assert found == ComposeLike(
            COMPOSE_V1, "docker-compose 1.29.2", f"{tmp_path}/old/docker-compose", can_wait=False
        )

    def test_a_foreign_script_removes_two_at_a_time_and_only_knows_its_own_application(self) -> None:
        script = ForeignRaw(Path("up.py"), "/run/engine.sock")
        up, down = (script.command(each, PLACE) for each in (Operation.UP, Operation.DOWN))
        assert up is not None
        assert down is not None
        assert (up.environment["CONC"], down.environment["CONC"]) == ("8", "2")
        assert script.command(Operation.UP, PLACE._replace(scenario="chain-1s")) is None
        assert script.command(Operation.PS, PLACE) is None

    def test_the_raw_engine_takes_part_in_every_row_that_is_about_an_engine(self) -> None:
        commands = {row.key: row.operation for row in COMMAND_ROWS}
        absent = {key for key, each in commands.items() if each is None or RawEngine().command(each, PLACE) is None}
        assert absent == set(BIG_FILES)

    def test_the_names_of_one_application_are_not_those_of_another(self) -> None:
        names = Names.of_project("bxbench-1")
        assert all(names.containers.fullmatch(each) for each in ("bxbench-1.s0", "bxbench-1-s0-1", "bxbench-1_s0_1"))
        assert all(names.networks.fullmatch(each) for each in ("bxbench-1", "bxbench-1.default", "bxbench-1_default"))
        assert not any(names.containers.fullmatch(each) for each in ("bxbench-12.s0", "x-bxbench-1.s0", "bxbench-1"))


class TestRows:
    def test_rows_are_chosen_by_key_or_by_what_it_begins_with(self) -> None:
        assert choose_rows(()) == ROWS
        assert [row.key for row in choose_rows(["down", "up"])] == ["up", "down"]
        assert [row.key for row in choose_rows(["healthy"])] == ["healthy-1s", "healthy-5s", "healthy-default"]

    def test_an_unknown_row_is_answered_with_those_there_are(self) -> None:
        with pytest.raises(BenchError, match="no row 'upp'; there are version, help, read-57"):
            choose_rows(["upp"])

    def test_every_row_about_containers_has_its_scenario(self) -> None:
        wanted = {row.scenario for row in COMMAND_ROWS if row.scenario} - set(BIG_FILES)
        assert wanted == set(scenarios(IMAGE))
