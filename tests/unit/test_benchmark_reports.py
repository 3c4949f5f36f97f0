"""What benchmarks/ makes of its samples: verdicts, tables, the history, comparisons, the drawing and the page."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import replace as changed
from datetime import UTC, datetime
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest
from msgspec.structs import replace

from benchmarks.builds import DOCKER_BUILD
from benchmarks.chart import WIDTH, Bar, Panel, draw
from benchmarks.compare import compare_row, render_comparison
from benchmarks.engine import EngineVersion
from benchmarks.faults import BenchError
from benchmarks.figures import Failure, Outcome, Sample, Spread, summarize
from benchmarks.goals import GOALS_FILE, Goal, Goals, Quantity, judge, read_goals
from benchmarks.history import SCHEMA, Run, append_run, decode_run, encode_run, last_of, read_history
from benchmarks.machine import Machine
from benchmarks.page import BEGIN, END, draw_lines, pick_lines, render_section, replace_section
from benchmarks.probes import EXEC
from benchmarks.programme import ROWS
from benchmarks.rounds import Ledger
from benchmarks.rows import Row
from benchmarks.switches import COPYING, SCANNING
from benchmarks.table import render_goals, render_row
from benchmarks.tools import BOXSHIP, COMPOSE_V1, COMPOSE_V2, RAW, RAW_UP, Operation
from benchmarks.trials import run_contest
from benchmarks.upgrades import CP, FLOOR
from benchmarks.wording import align, show, show_range, show_reached
from scripts.tracked import ROOT

MACHINE = Machine(
    "a processor", 2, 24.0, "Debian", "6.1", "3.11.7", "abc1234", EngineVersion("20.10", "1.41", "1.6", "1.1"), 0, 0.1
)
UP = Row("up", "up: all of it", Quantity.WALL, Operation.UP, "dag20")
GOALS = Goals(
    {"limits": "What is left."},
    (
        Goal("up", Quantity.WALL, 1.05, "limits", RAW),
        Goal("up", Quantity.WALL, 4, "limits"),
        Goal("up", Quantity.PEAK, 1, "limits", COMPOSE_V2),
    ),
)
TITLES = {BOXSHIP: "boxship 1", RAW: "raw"}


def sample(wall_s: float = 1.0, cpu_s: float = 0.1, early: int | None = None, late_s: float | None = None) -> Sample:
    return Sample(wall_s, cpu_s, 0.5, 20.0, early, late_s)


def run(
    outcomes: Mapping[str, Sequence[Outcome]],
    *,
    at: int = 1,
    machine: Machine = MACHINE,
    titles: Mapping[str, str] = TITLES,
    row: str = "up",
) -> Run:
    return Run(datetime(2026, 11, at, tzinfo=UTC), 2, "small:1", machine, titles, {row: outcomes}, {})


def rendered(outcomes: Mapping[str, Sequence[Outcome]], titles: Mapping[str, str] = TITLES) -> list[str]:
    return list(render_row(UP, run(outcomes, titles=titles), GOALS, BOXSHIP))


class TestGoals:
    def test_every_goal_is_about_a_row_and_against_somebody_who_takes_part(self) -> None:
        goals = read_goals().goals
        assert {goal.row for goal in goals} <= {row.key for row in ROWS}
        known = {"", COMPOSE_V1, COMPOSE_V2, DOCKER_BUILD, RAW, RAW_UP, EXEC, CP, FLOOR, SCANNING, COPYING}
        assert {goal.against for goal in goals} <= known

    def test_a_goal_whose_source_is_not_named_is_refused(self, tmp_path: Path) -> None:
        path = tmp_path / "goals.toml"
        path.write_text(GOALS_FILE.read_text().replace('source = "limits"', 'source = "hope"'))
        with pytest.raises(BenchError, match="one of the sources above it"):
            read_goals(path)

    def test_a_goal_with_a_word_that_nobody_knows_is_refused(self, tmp_path: Path) -> None:
        path = tmp_path / "goals.toml"
        path.write_text('goals = [{ row = "up", quantity = "speed", at_most = 1, source = "a" }]\n[sources]\na = "b"\n')
        with pytest.raises(BenchError, match="speed"):
            read_goals(path)

    def test_exactly_reaching_a_goal_is_enough(self) -> None:
        verdict = judge(Goal("up", Quantity.CLIENT_CPU, 0.15, "limits"), summarize([sample(cpu_s=0.15)]), None)
        assert (verdict.reached, verdict.word) == (0.15, "met")

    def test_what_was_not_measured_is_neither_met_nor_missed(self) -> None:
        verdict = judge(Goal("up", Quantity.LATENCY, 0.05, "limits"), summarize([sample()]), None)
        assert (verdict.is_met, verdict.word) == (None, "not known")


class TestTable:
    def test_a_row_shows_medians_extremes_ratios_and_whether_the_goals_are_met(self) -> None:
        ours = [sample(2.0, 0.2), sample(3.0, 0.3), sample(10.0, 0.4)]
        theirs = [sample(2.0, 0.1), sample(2.0, 0.1)]
        assert [" ".join(line.split()) for line in rendered({BOXSHIP: ours, RAW: theirs})] == [
            "up: all of it",
            "n wall s client CPU s engine CPU s peak MiB wall ratio client ratio all CPU ratio",
            "boxship 1 3 3.00 (2.00..10.00) 0.300 (0.200..0.400) 0.500 20",
            "raw 2 2.00 0.100 0.500 20 1.50x 3.00x 1.33x",
            "goal: wall <= 1.05x raw: 1.50x, MISSED",
            "goal: wall <= 4 s: 3.00 s, met",
        ]

    def test_columns_stand_below_each_other(self) -> None:
        assert list(align([("", "n"), ("a", "1"), ("long", "200")])) == ["          n", "  a       1", "  long  200"]

    def test_failures_stand_beside_the_table_with_their_reason(self) -> None:
        lines = rendered({BOXSHIP: [sample(2.0)], RAW: [Failure("exit status 1: no"), Failure("late")]})
        assert "  raw        0  failed" in lines
        assert "  raw: 2 of 2 failed: exit status 1: no" in lines
        assert "  goal: wall <= 1.05x raw: not known" in lines

    def test_a_peer_that_cannot_read_the_file_has_a_dash_and_its_reason(self) -> None:
        told = replace(run({BOXSHIP: [sample(2.0)]}), unable={"up": {RAW: "exit status 1: what is init?"}})
        lines = list(render_row(UP, told, GOALS, BOXSHIP))
        assert next(line for line in lines if line.startswith("  raw")).split() == ["raw", *["-"] * 5]
        assert "  raw: can't read this file: exit status 1: what is init?" in lines

    def test_a_goal_against_somebody_who_is_not_here_is_not_shown(self) -> None:
        lines = rendered({BOXSHIP: [sample(2.0)]}, {BOXSHIP: "boxship 1"})
        assert [line for line in lines if "goal" in line] == ["  goal: wall <= 4 s: 2.00 s, met"]

    def test_whoever_was_too_early_or_late_is_named(self) -> None:
        lines = rendered({BOXSHIP: [sample(early=1, late_s=0.25)], RAW: [sample(early=0)]})
        assert "  boxship 1: took 1 services for ready before they were" in lines
        assert "  boxship 1: came back 0.250 s after the last service was ready" in lines
        assert not any(line.startswith("  raw:") for line in lines)

    def test_files_that_differ_and_memory_that_is_held_are_named(self) -> None:
        switched = [Sample(1.0, 0.1, None, None, differing=each, resident_mib=40.0 + each) for each in (0, 3)]
        lines = rendered({BOXSHIP: switched, RAW: [Sample(1.0, 0.1, None, None, differing=0)]})
        assert "  boxship 1: 3 files differ from what they were copied from" in lines
        assert "  boxship 1: has 42 MiB (40 to 43) in memory" in lines
        assert not any(line.startswith("  raw:") for line in lines)

    def test_a_row_that_was_interrupted_before_its_first_command_says_so(self) -> None:
        assert rendered({}) == ["up: all of it", "  nothing was measured"]

    def test_all_goals_stand_in_one_table_with_their_sources(self) -> None:
        told = run({BOXSHIP: [sample(2.0)], RAW: [sample(1.0)]})
        assert [" ".join(line.split()) for line in render_goals([UP], told, GOALS, BOXSHIP)] == [
            "Goals: 1 of 2 met",
            "goal ours reached source",
            "up wall <= 1.05x raw 2.00 s 2.00x MISSED limits",
            "up wall <= 4 s 2.00 s 2.00 s met limits",
            "limits: What is left.",
        ]

    @pytest.mark.parametrize(
        ("value", "shown"),
        [(0, "0 s"), (0.00031, "0.31 ms"), (0.0731, "0.073 s"), (5.666, "5.67 s"), (30.84, "30.8 s"), (155.8, "156 s")],
    )
    def test_a_figure_has_about_three_places(self, value: float, shown: str) -> None:
        assert show(value, "s") == shown

    def test_a_ratio_shows_as_many_places_as_it_takes_to_see_that_a_goal_is_missed(self) -> None:
        goal = Goal("up", Quantity.WALL, 1, "limits", RAW)
        assert [show_reached(goal, each) for each in (0.98, 1.0, 1.003)] == ["0.98x", "1.00x", "1.003x"]
        assert show_reached(Goal("probe", Quantity.ALL_CPU, 0.02, "limits", EXEC), 0.00475) == "0.005x"

    def test_a_range_says_its_unit_once_and_nothing_twice(self) -> None:
        assert show_range(Spread(0.268, 0.2, 0.289), "s") == "0.268 s (0.200 to 0.289)"
        assert show_range(Spread(30.1, 30.0, 30.2), "MiB") == "30 MiB"


class TestHistory:
    OUTCOMES: Mapping[str, Sequence[Outcome]] = {
        BOXSHIP: [Sample(1.5, 0.2, None, 20.0, 0, 0.05, 1700000000.5), Failure("late")],
        RAW: [Sample(1.0, 0.1, 0.5, None)],
    }
    COPIED = Sample(1.5, 0.2, None, None, differing=2, resident_mib=40.5)

    def test_what_is_kept_comes_back_as_it_was(self, tmp_path: Path) -> None:
        kept = replace(
            run({**self.OUTCOMES, BOXSHIP: [*self.OUTCOMES[BOXSHIP], self.COPIED]}),
            unable={"up": {COMPOSE_V1: "no"}},
            left_out=("Nobody else.",),
            load_after=2.5,
        )
        append_run(tmp_path / "h.jsonl", kept)
        append_run(tmp_path / "h.jsonl", run({}, at=2))
        assert read_history(tmp_path / "h.jsonl").runs == (kept, run({}, at=2))

    def test_every_line_says_which_schema_it_has(self) -> None:
        assert json.loads(encode_run(run(self.OUTCOMES)))["schema"] == SCHEMA

    def test_a_line_of_the_first_schema_which_had_no_number_is_read(self) -> None:
        line = json.loads(encode_run(run(self.OUTCOMES)))
        for later in ("schema", "unable", "left_out", "load_after"):
            line.pop(later, None)
        old = {
            name: value for name, value in line["rows"]["up"][RAW][0].items() if name not in ("late_s", "ended_at_s")
        }
        line["rows"]["up"][RAW] = [old]
        assert decode_run(json.dumps(line).encode()) == run(self.OUTCOMES)

    def test_a_line_that_was_cut_is_counted_and_the_others_are_read(self, tmp_path: Path) -> None:
        whole = encode_run(run(self.OUTCOMES))
        (tmp_path / "h.jsonl").write_bytes(whole[:50] + b"\n" + whole + b"\n")
        history = read_history(tmp_path / "h.jsonl")
        assert (len(history.runs), history.unread) == (1, 1)

    def test_a_later_schema_is_refused_rather_than_misread(self) -> None:
        line = encode_run(run({})).replace(b'"schema":%d' % SCHEMA, b'"schema":%d' % (SCHEMA + 1))
        with pytest.raises(BenchError, match="later version"):
            decode_run(line)

    def test_without_a_file_there_are_no_runs(self, tmp_path: Path) -> None:
        assert read_history(tmp_path / "none.jsonl").runs == ()

    def test_the_last_run_of_a_row_is_one_on_such_a_machine_that_measured_it(self) -> None:
        other = changed(MACHINE, cpus=64)
        runs = [run({BOXSHIP: [sample()]}, at=day) for day in (1, 2)]
        runs += [run({BOXSHIP: [sample()]}, at=3, row="down"), run({BOXSHIP: [sample()]}, at=4, machine=other)]
        busier = changed(MACHINE, load=7.0, checkout="fff0000 with changes")
        assert last_of(runs, "up", busier) is runs[1]


class TestCompare:
    def changes(self, before: Sequence[float], now: Sequence[float], others: tuple[float, float] = (1, 1)) -> str:
        then = run({BOXSHIP: [sample(each) for each in before], RAW: [sample(others[0])]})
        today = run({BOXSHIP: [sample(each) for each in now], RAW: [sample(others[1])]}, at=2)
        found = {change.quantity: change.word for change in compare_row("up", then, today, BOXSHIP)}
        assert found.pop(Quantity.PEAK) == found.pop(Quantity.CLIENT_CPU) == ""
        return found[Quantity.WALL]

    def test_what_lies_clearly_apart_is_flagged(self) -> None:
        assert self.changes([1.0, 1.1, 1.2], [1.5, 1.6, 1.7]) == "MORE"
        assert self.changes([1.5, 1.6, 1.7], [1.0, 1.1, 1.2]) == "less"

    def test_what_overlaps_is_no_change(self) -> None:
        assert self.changes([1.0, 1.1, 1.6], [1.5, 1.6, 1.7]) == ""

    def test_few_samples_must_lie_further_apart(self) -> None:
        assert self.changes([1.0], [1.2]) == ""
        assert self.changes([1.0], [1.4]) == "MORE"

    def test_a_small_difference_is_no_change_however_sure_it_is(self) -> None:
        assert self.changes([1.0] * 9, [1.05] * 9) == ""

    def test_what_happened_to_everybody_is_not_ours(self) -> None:
        assert self.changes([1.0], [2.0], (1.0, 1.9)) == "MORE, as the others"
        assert self.changes([1.0], [2.0], (1.0, 0.5)) == "MORE"

    def test_changes_are_named_below_the_table(self) -> None:
        then, today = run({BOXSHIP: [sample(1.0)]}), run({BOXSHIP: [sample(2.0)]}, at=2)
        lines = list(render_comparison([UP], [then], today, BOXSHIP))
        assert " ".join(lines[2].split()) == "up wall 1.00 s 2.00 s 2.00x 2026-11-01 00:00 abc1234"
        assert lines[-1] == "changed: up wall 2.00x: MORE"

    def test_a_first_run_has_nothing_to_be_compared_with(self) -> None:
        assert list(render_comparison([UP], [], run({BOXSHIP: [sample()]}), BOXSHIP)) == [
            "There is no earlier run on this machine to compare with."
        ]


class TestChart:
    PANELS = (
        Panel("up & running", "s", (Bar("boxship 1", 1.0, is_ours=True), Bar("a <peer>", 2.0)), 1.5),
        Panel("reading", "s", (Bar("boxship 1", 0.5, is_ours=True), Bar("cannot", None))),
    )

    def test_it_is_xml_and_everything_lies_inside(self) -> None:
        root = ET.fromstring(draw("A <heading>", "below", self.PANELS))
        height = float(root.attrib["height"])
        for element in root.iter():
            assert 0 <= float(element.get("x", 0)) + float(element.get("width", 0)) <= WIDTH
            assert 0 <= float(element.get("y", 0)) <= height

    def test_the_longest_bar_is_the_most_and_others_are_in_proportion(self) -> None:
        root = ET.fromstring(draw("", "", self.PANELS[:1]))
        widths = [float(each.attrib["width"]) for each in root.iter() if each.get("class", "").startswith("bar")]
        assert widths[0] == pytest.approx(widths[1] / 2, rel=0.01)

    def test_every_figure_is_also_said_in_words(self) -> None:
        root = ET.fromstring(draw("A heading", "", self.PANELS))
        said = next(each.text for each in root if each.tag.endswith("desc"))
        assert (
            said
            == "up & running: boxship 1 1.00 s, a <peer> 2.00 s; goal 1.50 s. reading: boxship 1 0.500 s, cannot -."
        )

    def test_it_knows_light_and_dark(self) -> None:
        assert "prefers-color-scheme: dark" in draw("", "", ())


class TestPage:
    RUNS = (
        run({BOXSHIP: [sample(9.0)], RAW: [sample(1.0)]}),
        run({BOXSHIP: [sample(2.0)], RAW: [sample(1.0)]}, at=2),
        run({BOXSHIP: [sample(3.0)]}, at=3, row="down"),
    )

    def test_each_row_is_taken_from_its_newest_run(self) -> None:
        lines = pick_lines(ROWS, self.RUNS, GOALS, BOXSHIP)
        found = {(line.row.key, line.quantity): spread.median for line in lines if (spread := line.of(BOXSHIP))}
        assert found == {("up", Quantity.WALL): 2.0, ("down", Quantity.WALL): 3.0}

    def test_the_mark_of_a_goal_is_the_strictest_of_them(self) -> None:
        up = pick_lines((UP,), self.RUNS, GOALS, BOXSHIP)[0]
        assert up.strictest == 1.05

    def test_the_section_says_on_what_and_when_it_was_taken_and_what_is_missed(self) -> None:
        text = "\n".join(render_section(pick_lines((UP,), self.RUNS, GOALS, BOXSHIP), GOALS, BOXSHIP))
        assert "a processor, 2 cores, 24 GiB" in text
        assert "2026-11-02 00:00 UTC in 2 rounds, checkout abc1234" in text
        assert (
            "| up: all of it, wall | 2.00 s | 1.00 s |  | ≤ 1.05x raw: 2.00x, **missed**; ≤ 4 s: 2.00 s, met |" in text
        )
        assert "* *limits*: What is left." in text

    def test_a_picture_can_be_drawn_of_what_was_picked(self) -> None:
        assert "up: all of it, wall" in draw_lines(pick_lines((UP,), self.RUNS, GOALS, BOXSHIP), BOXSHIP)

    def test_only_what_lies_between_the_marks_is_replaced(self) -> None:
        page = f"before\n{BEGIN}\nold\n{END}\nafter\n"
        assert replace_section(page, "new") == f"before\n{BEGIN}\n\nnew\n\n{END}\nafter\n"
        with pytest.raises(ValueError, match="no marks"):
            replace_section("before\n", "new")

    def test_the_projects_own_page_has_a_place_for_figures(self) -> None:
        page = (ROOT / "docs/benchmarks.md").read_text()
        assert replace_section(page, "new") != page


class TestTrials:
    class Contest:
        titles: Mapping[str, str] = {BOXSHIP: "ours", "peer": "theirs"}
        left_out: Sequence[str] = ()

        def turn(self, key: str, row: Row) -> Sequence[Outcome]:
            return [sample()] if key == BOXSHIP else [Failure("no")]

    def test_everybody_in_a_trial_has_a_turn_in_each_round(self) -> None:
        ledger = Ledger()
        told = list(run_contest(self.Contest(), [UP], 2, ledger))
        assert ledger.outcomes == {"up": {BOXSHIP: [sample()] * 2, "peer": [Failure("no")] * 2}}
        assert told[:3] == [
            "round 1 of 2: ours: up 1.00 s",
            "round 1 of 2: theirs: up failed: no",
            "round 2 of 2: ours: up 1.00 s",
        ]
