"""What a person reads when an operation of a box is over."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import pytest
from msgspec.structs import replace

from boxship.cli.render.box import back_line, bar_line, operation_line
from boxship.state.operation import Operation, OperationKind, OperationStatus, Progress

BEGAN = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
DATA = "46.1 MiB: 1303 files, 8 volumes; 262 KiB copied after the stop in 0.01 s"


def over(kind: OperationKind, **result: str) -> Operation:
    return Operation(
        id="7f3a",
        kind=kind,
        asked_by="root",
        began_at=BEGAN,
        ended_at=BEGAN + timedelta(seconds=4.26),
        status=OperationStatus.DONE,
        progress=Progress(total_bytes=2 * 1024 * 1024),
        result=result,
    )


@dataclass(frozen=True)
class Case:
    operation: Operation
    said: str


CASES = {
    "a switch tells the gap and the data": Case(
        over(OperationKind.SWITCH, runs="1.1.0 (default)", downtime_s="3.938", data=DATA),
        f"1.1.0 (default) runs, after 4.3 s; nobody was served for 3.9 s of that\ndata: {DATA}",
    ),
    "a first switch has no gap": Case(
        over(OperationKind.SWITCH, runs="1.0.0 (default)"), "1.0.0 (default) runs, after 4.3 s"
    ),
    "nothing is said of no data": Case(
        over(OperationKind.ROLLBACK, runs="1.0.0 (default)", downtime_s="2", data="none"),
        "1.0.0 (default) runs, after 4.3 s; nobody was served for 2.0 s of that",
    ),
    "a pull": Case(over(OperationKind.PULL, version="1.1.0"), "1.1.0 is here, 2 MiB in 4.3 s"),
    "a gc": Case(over(OperationKind.GC, images="8", releases="1", volumes="0"), "gone: 8 images, 1 releases"),
    "a gc without garbage": Case(over(OperationKind.GC, images="0"), "nothing was left over"),
    "a boot": Case(over(OperationKind.BOOT), "boot is done, after 4.3 s"),
}


@pytest.mark.parametrize("case", CASES.values(), ids=CASES)
def test_the_outcome_is_a_sentence(case: Case) -> None:
    assert operation_line(case.operation) == case.said


def test_after_a_failed_trial_it_is_said_what_runs() -> None:
    failed = over(OperationKind.SWITCH, runs="1.1.0 (default)", downtime_s="20.7")
    assert back_line(failed) == (
        "1.1.0 (default) runs again, with its data as it was before; nobody was served for 20.7 s"
    )


@pytest.mark.parametrize(
    "result",
    [
        {},
        {"downtime_s": "3"},
        {"runs": "1.1.0 (default)"},
        {"runs": "1.1.0 (default)", "downtime_s": "3", "not_served": "no such table"},
    ],
)
def test_nothing_is_said_to_be_back_that_was_not_stopped_or_did_not_come_back(result: dict[str, str]) -> None:
    assert back_line(over(OperationKind.SWITCH, **result)) == ""


def test_the_bytes_of_the_image_at_work_are_told_before_what_a_narrow_terminal_cuts() -> None:
    mib = 1024 * 1024
    progress = Progress(118 * mib, 362 * mib, 1, 4, "web", 40 * mib, 120 * mib)
    pulling = replace(over(OperationKind.PULL), progress=progress, note="1.1.0 comes from registry.example.com/share")
    assert bar_line(pulling, 80) == "pull:  [#######                 ]  118 MiB of 362 MiB  web: 40 MiB of 120 MiB  1"
    unknown = replace(pulling, progress=replace(progress, item_done_bytes=0, item_total_bytes=0), note="")
    assert bar_line(unknown, 0) == "pull:  [#######                 ]  118 MiB of 362 MiB  web"


def test_what_containers_said_moves_no_cursor() -> None:
    evil = over(OperationKind.SWITCH, runs="\x1b[2J1.0.0")
    assert "\x1b" not in operation_line(evil)
    assert "\x1b" not in bar_line(evil, 0)
