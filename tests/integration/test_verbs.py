"""The verbs that act on what runs, on the real engine, through the command line."""

import json
import shlex
import signal
import subprocess

import pytest

from boxship.cli.arguments import VERBS
from boxship.plan.observed import ContainerState
from tests.integration.boxes import Box
from tests.integration.terminals import on_terminal
from tests.integration.test_two_at_once import until

pytestmark = [pytest.mark.docker, pytest.mark.timeout(150)]

SHOP = """
services:
  db:
    image: ${TEST_IMAGE}
    init: true
    command: [sh, -c, "sleep 0.2; touch /ready; exec sleep 600"]
    healthcheck: {test: [CMD, test, -e, /ready], interval: 1s}
    volumes: [data:/data]
  web:
    image: ${TEST_IMAGE}
    init: true
    environment: {GREETING: "${GREETING:-hello}"}
    command: [sh, -c, "trap 'exit 4' TERM; trap : HUP; while sleep 0.2; do :; done"]
    ports: ["127.0.0.1::80"]
    depends_on: {db: {condition: service_healthy}}
  migrate:
    image: ${TEST_IMAGE}
    command: [sh, -c, "exit 3"]
    profiles: [jobs]
volumes: {data: {}}
"""


def run_made(box: Box) -> list[str]:
    return [each.name for each in box.observe().one_offs_of(box.name)]


def ids(box: Box) -> dict[str, tuple[str, str]]:
    """Service -> its container, and since when that runs."""
    shown = subprocess.run(
        ["docker", "inspect", "-f", "{{.Id}} {{.State.StartedAt}}"]
        + [each.id for each in box.observe().containers_of(box.name)],
        capture_output=True,
        text=True,
        check=True,
        timeout=30,
    ).stdout.split()
    by_id = dict(zip(shown[::2], shown[1::2], strict=True))
    return {each.service: (each.id, by_id[each.id]) for each in box.observe().containers_of(box.name)}


def test_run_starts_what_it_needs_passes_on_what_it_gets_and_leaves_nothing(box: Box) -> None:
    box.write(SHOP)
    script = "cat; echo $GREETING $MORE; exit 7"
    ran = box.run("run", "--rm", "-e", "MORE=1", "web", "sh", "-c", script, stdin="typed\n")
    assert (ran.status, ran.stdout) == (7, "typed\nhello 1\n")
    assert run_made(box) == []
    rows = box.ps()
    assert rows["db"]["ready"]
    assert rows["web"]["container"] is None
    gone = box.run("run", "--rm", "--no-deps", "web", "nosuch-command")
    # With init: true it is the engine's own init that finds nothing.
    assert gone.status == 127
    assert run_made(box) == []


def test_what_run_leaves_is_no_part_of_the_service_and_goes_with_down(box: Box) -> None:
    box.write(SHOP)
    box.run("up", "-d").must()
    before = ids(box)
    name = f"{box.name}-extra"
    ran = box.run("run", "-d", "--name", name, "-v", "data:/mine", "web", "sleep", "600").must()
    assert ran.stdout == f"{name}\n"
    assert run_made(box) == [name]
    assert box.run("up", "-d").must().stdout.splitlines()[0] == f"{box.name} is up, nothing to do"
    assert ids(box) == before
    assert name not in box.run("ps").must().stdout
    assert "left alone, as they run: db, web" in box.run("rm", "-f").must().stderr
    assert run_made(box) == [name]
    box.run("down").must()
    assert run_made(box) == []
    assert not [each for each in box.observe().networks if each.appliance == box.name]


@pytest.mark.parametrize(("presses", "status"), [(1, 9), (2, 137)])
def test_an_interrupt_reaches_the_process_and_a_second_one_kills_it_and_rm_holds(
    presses: int, status: int, box: Box
) -> None:
    box.write(SHOP)
    trap = "exit 9" if presses == 1 else ""
    script = f"trap '{trap}' INT; echo begun; while sleep 0.1; do :; done"
    with box.begin("run", "--rm", "--no-deps", "web", "sh", "-c", script) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        until(process.stdout, "begun")
        process.send_signal(signal.SIGINT)
        until(process.stderr, "another one kills it")
        if presses > 1:
            process.send_signal(signal.SIGINT)
        assert process.wait(timeout=60) == status
    assert run_made(box) == []


def test_on_a_terminal_run_has_its_size_and_can_be_left_running(box: Box) -> None:
    box.write(SHOP)
    until_size = "until test \"$(stty size)\" = '{}'; do sleep 0.1; done; echo {}; "
    script = until_size.format("24 80", "be''gun") + until_size.format("30 100", "lar''ger") + "exec cat"
    with on_terminal(box, "run", "--rm", "--no-deps", "web", "sh", "-c", script) as terminal:
        terminal.until("begun")
        terminal.resize(30, 100)
        terminal.until("larger")
        terminal.press("\x10\x11")
        terminal.until("detached: .* goes on")
        assert terminal.ended() == 0
    (name,) = run_made(box)
    assert box.observe().one_offs_of(box.name)[0].state is ContainerState.RUNNING
    subprocess.run(["docker", "kill", name], check=True, capture_output=True, timeout=30)
    subprocess.run(["docker", "wait", name], check=False, capture_output=True, timeout=30)


def test_on_a_terminal_exec_passes_keys_and_its_status_and_can_be_left_by_other_keys(box: Box) -> None:
    box.write(SHOP)
    box.run("up", "-d", "--no-deps", "web").must()
    with on_terminal(box, "exec", "web", "sh", "-c", "echo be''gun; exec cat") as terminal:
        terminal.until("begun")
        terminal.press("typed\n")
        terminal.until("typed\r\ntyped")
        terminal.press("\x04")
        assert terminal.ended() == 0
    # Its terminal gets its size just after the start: until then stty has none to tell.
    sized = "until stty size 2>/dev/null | grep .; do :; done"
    script = f"trap 'echo caught' INT; tty; {sized}; echo be''gun; until read line; do :; done; $line"
    with on_terminal(box, "exec", "web", "sh", "-c", script) as terminal:
        assert "/dev/pts/" in terminal.until("24 80")
        terminal.until("begun")
        terminal.press("\x03")
        terminal.until("caught")
        terminal.press("exit 6\n")
        assert terminal.ended() == 6
    with on_terminal(
        box, "exec", "--detach-keys", "ctrl-x,d", "web", "sh", "-c", "echo be''gun; exec sleep 60"
    ) as left:
        left.until("begun")
        left.press("\x10\x11\x18d")
        left.until("detached: 'sh' goes on")
        assert left.ended() == 0
    assert "sleep 60" in box.run("exec", "-T", "web", "ps").must().stdout


def test_exec_and_run_tell_what_can_not_be_executed_with_a_shell_s_status(box: Box) -> None:
    box.write(SHOP.replace("init: true", "init: false"))
    box.run("up", "-d", "--no-deps", "web").must()
    for verb in (("exec", "-T"), ("run", "--rm", "--no-deps")):
        missing = box.run(*verb, "web", "nosuch")
        assert (missing.status, missing.stdout) == (127, "")
        assert "there is no 'nosuch' there" in missing.stderr
        folder = box.run(*verb, "web", "/etc")
        assert folder.status == 126
        assert "'/etc' can't be executed there" in folder.stderr
    assert run_made(box) == []


def test_reload_touches_the_service_and_what_depends_on_it_and_nothing_else(box: Box) -> None:
    box.write(SHOP)
    box.run("up", "-d").must()
    before = ids(box)
    box.run("reload", "web").must()
    after = ids(box)
    assert after["db"] == before["db"]
    assert (after["web"][0], after["web"][1] > before["web"][1]) == (before["web"][0], True)
    box.environment["GREETING"] = "other"
    box.run("reload", "db").must()
    last = ids(box)
    assert last["db"][0] == after["db"][0]
    assert last["db"][1] > after["db"][1]
    # Its own configuration has changed meanwhile.
    assert last["web"][0] != after["web"][0]


def test_files_go_in_and_come_out_also_of_what_has_ended(box: Box) -> None:
    box.write(SHOP)
    box.run("up", "-d", "--no-deps", "web").must()
    folder = box.directory / "page"
    (folder / "sub").mkdir(parents=True)
    (folder / "sub" / "text").write_text("hello")
    (folder / "link").symlink_to("sub/text")
    box.run("exec", "-T", "web", "mkdir", "-p", "/srv").must()
    told = json.loads(box.run("--json", "cp", "page", "web:/srv").must().stdout)
    assert (told["files"], told["left_out"]) == (2, [])
    box.run("stop", "-t", "1", "web").must()
    box.run("cp", "web:/srv/page/.", "back").must()
    assert (box.directory / "back" / "link").read_text() == "hello"
    assert box.run("cp", "web:/srv/nosuch", ".").status == 3
    box.run("cp", "-L", "web:/srv/page/link", "followed").must()
    assert (box.directory / "followed").read_text() == "hello"


def test_wait_gives_the_status_and_can_take_all_down(box: Box) -> None:
    box.write(SHOP)
    box.run("up", "-d").must()
    with box.begin("wait", "--down-project", "web") as waiting:
        box.run("kill", "-s", "TERM", "web").must()
        assert waiting.wait(timeout=90) == 4
        assert waiting.stdout is not None
        assert waiting.stdout.read() == "web ended with status 4\n"
    assert box.observe().containers_of(box.name) == ()


def test_rm_asks_on_a_terminal_and_takes_no_for_an_answer(box: Box) -> None:
    box.write(SHOP)
    box.run("up", "-d", "--no-deps", "web").must()
    box.run("stop", "-t", "1").must()
    refused = box.run("rm")
    assert (refused.status, "nobody to ask" in refused.stderr) == (2, True)
    for answer, there in (("\n", 1), ("y\n", 0)):
        with on_terminal(box, "rm") as terminal:
            terminal.until(r"remove the container of web\? \[y/N\]")
            terminal.press(answer)
            assert terminal.ended() == 0
        assert len(box.observe().containers_of(box.name)) == there


def test_other_peoples_containers_are_never_touched(box: Box) -> None:
    box.write(SHOP)
    box.run("up", "-d", "--no-deps", "web").must()
    foreign = f"{box.name}.foreign"
    subprocess.run(
        ["docker", "run", "-d", "--name", foreign, "--init", box.environment["TEST_IMAGE"], "sleep", "600"],
        check=True,
        capture_output=True,
        timeout=60,
    )
    try:
        for line in ("pause", "unpause", "kill -s HUP", "kill", "rm -sf", "down -v"):
            box.run(*line.split()).must()
        (left,) = [each for each in box.observe().containers if each.name == foreign]
        assert left.state is ContainerState.RUNNING
    finally:
        subprocess.run(["docker", "rm", "-f", foreign], check=True, capture_output=True, timeout=60)


def test_the_example_in_the_help_of_every_such_verb_works(box: Box) -> None:
    box.write(SHOP)
    box.run("up", "-d").must()
    examples = {name: shlex.split(text)[1:] for name, _, _, text in VERBS}
    for verb in ("exec", "run", "reload", "kill", "pause", "unpause", "cp", "port", "ip", "top"):
        box.run(*examples[verb]).must()
    assert (box.directory / "hosts").read_text()
    box.run("--profile", "jobs", "up", "-d", "--no-deps", "migrate")
    assert box.run(*examples["wait"]).status == 3
    box.run("stop", "-t", "1", "web").must()
    box.run(*examples["rm"]).must()
    assert box.ps()["web"]["container"] is None
