"""``boxship box`` against the API of a fake box: what is asked, what is shown, and how it ends."""

import json
import re
import shlex
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from msgspec.structs import replace

from boxship.api.app import ROUTES
from boxship.checks.report import Issue, Level, Report, Result, Severity
from boxship.cli.box import BOX_VERBS
from boxship.cli.main import main
from boxship.cli.render.box import rollback_line
from boxship.errors import ConflictError, NotFoundError, OperationError, ProbeError, StateError, UnsupportedError
from boxship.events import Notice
from boxship.loader.box import ContainerView, ServiceLine
from boxship.state.operation import Failure, OperationStatus, Progress, Unpacking
from boxship.state.verify import Verify
from tests.fakes.box import FakeBox
from tests.integration.box_thread import BoxThread
from tests.integration.boxes import BOXSHIP

MIB = 1024 * 1024
BRINGS = (
    "Going back to 0.9 brings its data as of 2023-11-14T22:13:20Z, 3h13m ago. "
    "It loses what was written since 1.0 was booted."
)


@pytest.fixture
def thread(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[BoxThread]:
    made = BoxThread(tmp_path)
    monkeypatch.setenv("BOXSHIP_SOCKET", made.socket)
    made.listen()
    yield made
    made.close()


Capture = pytest.CaptureFixture[str]


def box(line: str) -> int:
    return main(["box", *shlex.split(line)])


LOOKING = (
    "boot",
    "status",
    "why",
    "versions",
    "operations",
    "containers",
    "source",
    "maintenance",
    "tokens",
    "audit",
    "host",
    "logs web",
    "operation op-1",
    "gc --dry-run",
)


@pytest.mark.parametrize("line", LOOKING)
def test_what_only_looks_shows_text_and_json_and_changes_nothing(thread: BoxThread, capsys: Capture, line: str) -> None:
    thread.do(lambda box: box._begin("gc", "test"))  # type: ignore[arg-type]
    thread.do(lambda box: box.end())
    before = thread.box.kept
    assert box(line) == 0
    text = capsys.readouterr().out
    assert box(f"{line} --json") == 0
    data = capsys.readouterr().out
    assert thread.box.kept == before
    assert thread.journal.entries == []
    assert text != data
    json.loads(data)


def test_an_audit_that_somebody_changed_is_shown_and_ends_as_damage_does(thread: BoxThread, capsys: Capture) -> None:
    for action in ("pull", "switch"):
        thread.journal.append_audit(thread.clock.now(), "root", action)
    assert box("audit") == 0
    assert "entries 1 to 2 are kept" in capsys.readouterr().out
    thread.journal.first_wrong = 2
    assert box("audit") == StateError.exit_status
    assert "entry 2 was changed or is missing" in capsys.readouterr().out
    assert box("audit --json") == StateError.exit_status
    assert json.loads(capsys.readouterr().out)["chain"]["first_wrong"] == 2


def test_containers_are_shown_with_their_images_and_states(thread: BoxThread, capsys: Capture) -> None:
    thread.do(lambda box: box.there.update({"share.page": ContainerView("page", "page:1", "missing", False)}))
    assert box("containers") == 0
    rows = [line.split(maxsplit=2) for line in capsys.readouterr().out.splitlines()]
    assert rows[0] == ["CONTAINER", "IMAGE", "STATE"]
    assert rows[-1] == ["share.page", "page:1", "missing, not of this target"]
    assert rows[1][2] == "running"


def test_a_dry_run_of_gc_says_what_would_go_and_why_the_rest_stays(thread: BoxThread, capsys: Capture) -> None:
    assert box("gc --dry-run") == 0
    lines = capsys.readouterr().out.splitlines()
    assert any(line.split() == ["releases", "0.8"] for line in lines)
    assert lines[-1].split(maxsplit=1) == ["c0ffee", "1.0 is current, with generation 1"]


TELLING = (
    ("boot maintenance", "POST /v1/boot"),
    ("pull 1.2", "POST /v1/images/pull"),
    ("switch 1.1 --target maintenance", "POST /v1/switch"),
    ("rollback --yes", "POST /v1/rollback"),
    ("gc", "POST /v1/gc"),
    ("restart web", "POST /v1/services/web/restart"),
    ("maintenance on", "POST /v1/maintenance"),
)


ENDS = {"pull 1.2": "the release is here", "gc": "nothing was left over", "maintenance on": "boot is done"}
"""What a person reads at the end; for all else the operation's kind, and that it is done."""


@pytest.mark.parametrize(("line", "call"), TELLING)
def test_what_takes_long_is_followed_to_its_end(thread: BoxThread, capsys: Capture, line: str, call: str) -> None:
    ended = ENDS.get(line, f"{line.split(maxsplit=1)[0]} is done")
    thread.then(FakeBox.end)
    assert box(line) == 0
    shown = capsys.readouterr()
    assert ended in shown.out
    assert "beginning" in shown.err
    assert [entry.who for entry in thread.journal.entries] == ["root"]


@pytest.mark.parametrize(("line", "call"), [each for each in TELLING if each[0] != "gc"])
def test_a_dry_run_says_what_it_would_tell_and_tells_nothing(
    thread: BoxThread, capsys: Capture, line: str, call: str
) -> None:
    assert box(f"{line} --dry-run") == 0
    assert call in capsys.readouterr().out
    assert (thread.box.operations(), thread.journal.entries) == ((), [])


def test_detached_it_prints_the_operations_id_at_once(thread: BoxThread, capsys: Capture) -> None:
    assert box("pull -d") == 0
    assert capsys.readouterr().out == "op-1\n"
    assert box("switch 1.1") == ConflictError.exit_status
    assert "pull op-1 is running" in capsys.readouterr().err
    assert box("cancel op-1") == 0
    assert "cancelled" in capsys.readouterr().out


@pytest.mark.parametrize("line", ["switch 1.1", "rollback --yes"])
def test_verify_is_told_only_when_it_was_asked_for(thread: BoxThread, capsys: Capture, line: str) -> None:
    assert box(f"{line} --dry-run --json") == 0
    assert "verify" not in capsys.readouterr().out
    assert box(f"{line} --dry-run --json --verify full") == 0
    assert json.loads(capsys.readouterr().out)["body"]["verify"] == "full"
    assert box(f"{line} -d --verify full") == 0
    assert thread.box.verified == [Verify.FULL]


def test_progress_is_shown_as_it_goes(thread: BoxThread, capsys: Capture) -> None:
    progress = Progress(118 * MIB, 362 * MIB, 1, 4, "web", 40 * MIB, 120 * MIB)
    thread.then(lambda box: box.advance(progress, stage="pulling"), FakeBox.end)
    assert box("pull 1.2") == 0
    bar = "pull:  [#######                 ]  118 MiB of 362 MiB  web: 40 MiB of 120 MiB  pulling"
    assert bar in capsys.readouterr().err


def test_what_the_engine_unpacks_is_a_line_of_its_own(thread: BoxThread, capsys: Capture) -> None:
    fetched = Progress(362 * MIB, 362 * MIB, 1, 4, "web")
    unpacking = replace(fetched, unpacking=Unpacking(2, 5, 118 * MIB, 200 * MIB, 12))
    thread.then(
        lambda box: box.advance(fetched, stage="pulling"),
        lambda box: box.advance(unpacking, stage="pulling"),
        FakeBox.end,
    )
    assert box("pull 1.2") == 0
    shown = capsys.readouterr().err
    assert "362 MiB of 362 MiB  web  pulling\n" in shown
    assert "web  unpacking: 2 of 5 layers, 118 MiB of 200 MiB, for 12s  pulling\n" in shown


def test_who_ends_the_following_by_ctrl_c_ends_nothing_else_and_is_told_how_to(thread: BoxThread) -> None:
    # What a shell begins in the background ignores it, and so does all that this begins.
    command = ["env", "--default-signal=INT", *BOXSHIP, "box", "switch", "1.1"]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as following:
        assert following.stderr is not None
        assert "switch: " in following.stderr.readline(), "it follows"
        following.send_signal(signal.SIGINT)
        said = following.stderr.read()
        assert following.wait(timeout=30) == 130
    assert said == "switch op-1 goes on: boxship box operation op-1 shows it, boxship box cancel op-1 ends it\n"
    (operation,) = thread.box.operations()
    assert operation.status is OperationStatus.RUNNING


def test_json_tells_every_change_and_the_end(thread: BoxThread, capsys: Capture) -> None:
    thread.then(lambda box: box.advance(Progress(1, 2), stage="pulling"), FakeBox.end)
    assert box("pull --json") == 0
    first, changed, last = map(json.loads, capsys.readouterr().out.splitlines())
    assert (first["event"], first["status"], last["status"]) == ("OperationChanged", "running", "done")
    assert (changed["event"], changed["stage"]) == ("OperationChanged", "pulling")


def test_a_failure_ends_it_with_the_errors_own_status_and_the_last_lines(thread: BoxThread, capsys: Capture) -> None:
    failure = Failure("probe.failed", "web not ready after 60 s", "look at it", "web", "GET /health", "500", ("boom",))
    thread.then(lambda box: box.end(OperationStatus.FAILED, failure))
    assert box("switch 1.1") == ProbeError.exit_status
    shown = capsys.readouterr().err
    assert "error: web not ready after 60 s" in shown
    assert "| boom" in shown
    assert "hint: look at it" in shown


def test_a_cancelled_operation_is_no_success(thread: BoxThread, capsys: Capture) -> None:
    thread.then(lambda box: box.end(OperationStatus.CANCELLED))
    assert box("pull") == OperationError.exit_status
    assert "pull op-1 was cancelled" in capsys.readouterr().err


def test_a_switch_is_followed_into_the_next_loader(thread: BoxThread, capsys: Capture) -> None:
    thread.then_restart(FakeBox.end)
    assert box("switch 1.1") == 0
    assert "switch is done" in capsys.readouterr().out


def test_what_is_not_there_is_told_as_the_box_does(thread: BoxThread, capsys: Capture) -> None:
    assert box("boot nowhere") == NotFoundError.exit_status
    assert "no target 'nowhere' in release 1.0" in capsys.readouterr().err
    assert box("logs nope --json") == NotFoundError.exit_status
    assert json.loads(capsys.readouterr().out)["error"]["code"] == "not_found"


def test_all_that_speaks_against_a_switch_is_told(thread: BoxThread, capsys: Capture) -> None:
    refused = Failure("precondition.failed", "1.1 can't take over: the disk is full (and 1 more)")
    against = {"against.1": "the disk is full", "against.2": "1.1 needs 4 GiB of memory, there are 2"}
    thread.then(lambda box: box.end(OperationStatus.FAILED, refused, **against))
    assert box("switch 1.1") == OperationError.exit_status
    told = capsys.readouterr().err.splitlines()
    assert [line for line in told if line.startswith("  - ")] == [f"  - {each}" for each in against.values()]


def test_a_check_of_the_box_can_be_ignored(thread: BoxThread, capsys: Capture) -> None:
    issue = Issue("check_failed", Severity.ERROR, "web answers 500")
    found = Result("front", "web", "http", Level.FAIL, "GET / answered 500", issue=issue)
    thread.do(lambda box: setattr(box, "report", Report("share", "1.0", 1.0, 0.1, (found,))))
    assert box("status") == ProbeError.exit_status
    assert box("status --ignore disk --ignore front --fresh") == 0
    assert "GET / answered 500" not in capsys.readouterr().out.rpartition("share 1.0 is")[2]


def test_a_rollback_without_a_person_needs_a_yes(thread: BoxThread, capsys: Capture) -> None:
    assert box("rollback") == 2
    assert BRINGS in capsys.readouterr().err
    assert thread.box.operations() == ()


def test_a_rollback_says_how_old_the_data_is_also_to_who_has_agreed_and_in_a_dry_run(
    thread: BoxThread, capsys: Capture
) -> None:
    assert box("rollback --yes --dry-run") == 0
    assert BRINGS in capsys.readouterr().err
    assert box("rollback --yes --detach --json") == 0
    shown = capsys.readouterr()
    assert BRINGS in shown.err
    assert json.loads(shown.out)["kind"] == "rollback"


def test_there_is_no_asking_where_nothing_can_be_gone_back_to(thread: BoxThread, capsys: Capture) -> None:
    thread.do(lambda box: setattr(box, "kept", replace(box.kept, previous=None)))
    for line in ("rollback", "rollback --yes", "rollback --yes --dry-run"):
        assert box(line) == NotFoundError.exit_status
        assert "Going back" not in capsys.readouterr().err


@pytest.mark.parametrize(
    ("age_s", "said"),
    [
        (0.0, "less than a minute ago"),
        (59.9, "less than a minute ago"),
        (60.0, "1m ago"),
        (71 * 3600, "71h ago"),
        (80 * 3600, "3 days ago"),
    ],
)
def test_an_age_is_told_as_people_say_it(age_s: float, said: str) -> None:
    to = {"release_id": "sha256:0", "version": "0.9", "target": "default", "generation": 1}
    line = rollback_line({"to": to, "data_from_s": 0.0, "data_age_s": age_s, "loses": "today"})
    assert line == f"Going back to 0.9 brings its data as of 1970-01-01T00:00:00Z, {said}. It loses today."


@pytest.mark.parametrize("what", ["reboot", "shutdown"])
def test_the_machine_is_not_stopped_without_a_yes(thread: BoxThread, capsys: Capture, what: str) -> None:
    assert box(what) == 2
    told = capsys.readouterr().err
    assert "All that runs on box stops, until" in told
    assert f"boxship box {what} --yes agrees to it" in told
    assert box(f"{what} --dry-run") == 0
    assert thread.power.done == []
    capsys.readouterr()
    assert box(f"{what} --yes") == 0
    assert capsys.readouterr().out == f"{what} is on its way\n"
    assert thread.power.done == [what]


@pytest.mark.parametrize("what", ["reboot", "shutdown"])
def test_what_the_machine_does_not_offer_is_refused_without_asking(
    thread: BoxThread, capsys: Capture, what: str
) -> None:
    thread.power.can = ()
    assert box(what) == UnsupportedError.exit_status
    assert f"this box can't {what} its machine" in capsys.readouterr().err


def test_tokens_are_made_used_over_the_network_and_revoked(thread: BoxThread, capsys: Capture, tmp_path: Path) -> None:
    assert box("tokens create ops --scope read --expires 30d") == 0
    file = tmp_path / "token"
    file.write_text(capsys.readouterr().out)
    remote = f"--url http://127.0.0.1:{thread.port} --token-file {file}"
    assert box(f"why {remote}") == 0
    assert capsys.readouterr().out == "everything is ready\n"
    assert box(f"pull {remote}") == 14
    assert box("tokens revoke t1") == 0
    assert box(f"why {remote}") == 14
    assert "this token is not known here" in capsys.readouterr().err


def test_events_are_shown_until_the_box_closes_its_doors(thread: BoxThread, capsys: Capture) -> None:
    thread.do(lambda box: box.publish(Notice("web was restarted")))
    thread.then_stop()
    assert box("events --after boot-1.0 --json") == 0
    (line,) = capsys.readouterr().out.splitlines()
    data = json.loads(line)
    assert (data["id"], data["event"], data["text"]) == ("boot-1.1", "Notice", "web was restarted")


def test_logs_have_a_tail_and_can_be_followed(thread: BoxThread, capsys: Capture) -> None:
    thread.do(lambda box: box.lines.update(web=[ServiceLine("stdout", f"line {number}") for number in range(5)]))
    assert box("logs web --tail 2") == 0
    assert capsys.readouterr().out == "line 3\nline 4\n"
    thread.then_stop()
    assert box("logs web --tail 1 --follow --json") == 0
    assert json.loads(capsys.readouterr().out)["text"] == "line 4"


def test_a_box_that_is_not_there_is_an_error_with_a_next_step(tmp_path: Path, capsys: Capture) -> None:
    assert box(f"why --socket {tmp_path}/nothing.sock") == 10
    assert "cannot reach the box at" in capsys.readouterr().err


def test_every_verb_below_box_is_tested_here() -> None:
    text = Path(__file__).read_text(encoding="utf-8")
    assert [name for name, *_ in BOX_VERBS if f'"{name}' not in text and f'box("{name}' not in text] == []


VERB_OF = {
    "show_boot": "boot",
    "boot": "boot default -d",
    "list_containers": "containers",
    "show_maintenance": "maintenance",
    "set_maintenance": "maintenance on -d",
    "restart_service": "restart web -d",
    "show_registry": "source",
    "set_registry": "source dir:/media/usb",
    "latest_tag": "versions",
    "latest_tag_elsewhere": "versions localhost:5000/share",
    "pull": "pull 1.2 -d",
    "switch": "switch 1.1 -d",
    "show_rollback": "rollback",
    "rollback": "rollback --yes -d",
    "show_gc": "gc --dry-run",
    "gc": "gc -d",
    "list_operations": "operations",
    "show_operation": "operation op-1",
    "cancel_operation": "cancel op-1",
    "show_status": "status",
    "show_why": "why",
    "follow_events": "events --after boot-1.0",
    "show_logs": "logs web",
    "show_host": "host",
    "reboot_host": "reboot --yes",
    "shut_host_down": "shutdown --yes",
    "list_tokens": "tokens",
    "create_token": "tokens create ops",
    "revoke_token": "tokens revoke t1",
    "show_audit": "audit",
}
NO_VERB = {
    "boot_target": "the same as boot, with the target in the path",
    "show_pull": "operation shows it",
    "show_progress": "for pages, which show it as it changes; why and operation are for people",
    "show_metrics": "for monitors, which ask by themselves",
    "update_host": "no machine offers it yet",
    "heartbeat": "a service's own to say, with its own token",
    "show_description": "for programs that make clients",
}
"""Routes that no verb asks, and why."""


def test_every_route_has_its_verb_or_a_reason_why_not_and_no_verb_is_without_a_route() -> None:
    assert {route.name for route in ROUTES} == {*VERB_OF, *NO_VERB}
    assert set(VERB_OF).isdisjoint(NO_VERB)
    assert {name for name, *_ in BOX_VERBS} == {line.partition(" ")[0] for line in VERB_OF.values()}


@pytest.mark.parametrize(("name", "line"), VERB_OF.items(), ids=VERB_OF)
def test_the_verb_of_a_route_asks_it(thread: BoxThread, name: str, line: str) -> None:
    (route,) = [each for each in ROUTES if each.name == name]
    if "follow" in name:
        thread.do(lambda box: box.publish(Notice("web was restarted")))
        thread.then_stop()
    box(line)
    path = re.compile(re.sub(r"{\w+}", "[^/]+", re.sub(r"{\w+:path}", ".+", route.path)))
    assert [asked for asked in thread.asked if asked[0] == route.method and path.fullmatch(asked[1])], thread.asked
