import asyncio
import os
import sys
from pathlib import Path

import pytest

from boxship.errors import HostError
from boxship.host import proc
from tests.eventually import eventually_here


def shell(script: str) -> list[str]:
    return ["/bin/sh", "-c", script]


def is_alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    # Killed, but its new parent hasn't asked yet how it ended.
    return ") Z " not in Path(f"/proc/{pid}/stat").read_text()


async def until_gone(pid: int) -> None:
    await eventually_here(lambda: not is_alive(pid), f"process {pid} is gone")


async def test_a_program_gets_its_input_folder_and_environment(tmp_path: Path) -> None:
    done = await proc.run(
        shell('cat; pwd; echo "$MINE-$HOME" >&2; exit 3'), timeout_s=10, cwd=tmp_path, env={"MINE": "x"}, stdin=b"in\n"
    )
    assert (done.status, done.stdout_tail, done.stderr_tail) == (3, f"in\n{tmp_path}\n", "x-\n")


@pytest.mark.parametrize(
    ("argv", "words"),
    [
        (shell("echo out; echo why >&2; exit 2"), r"/bin/sh -c 'echo out; echo why >&2; exit 2' exited 2:\n  why"),
        (shell("echo only out; exit 1"), r"exited 1:\n  only out"),
        (shell("no-such-program-here"), "exited 127: a program that it calls was not found"),
        (shell("exit 126"), "exited 126: a program that it calls can't be executed"),
        (shell("kill -TERM $$"), "was ended by SIGTERM"),
        (shell("exit 137"), "a program that it calls was ended by SIGKILL"),
        (["/no/such/program", "a b"], "/no/such/program 'a b' can't start: /no/such/program is not installed"),
        ([str(Path(__file__))], "can't start: Permission denied"),
    ],
)
async def test_a_failure_says_what_ran_and_how_it_ended(argv: list[str], words: str) -> None:
    with pytest.raises(HostError, match=words):
        await proc.run_checked(argv, timeout_s=10)


async def test_a_missing_folder_is_not_blamed_on_the_program(tmp_path: Path) -> None:
    with pytest.raises(HostError, match="no directory"):
        await proc.run(["true"], timeout_s=10, cwd=tmp_path / "absent")


async def test_only_the_end_of_much_output_is_kept() -> None:
    done = await proc.run([sys.executable, "-c", "print('x' * 300_000); print('end')"], timeout_s=20)
    assert len(done.stdout_tail) <= 65536
    assert done.stdout_tail.endswith("x\nend\n")


async def test_lines_of_stderr_are_heard_as_they_come() -> None:
    heard: list[str] = []
    await proc.run(shell("printf 'a\\nb\\rc' >&2; echo d >&2"), timeout_s=10, on_line=heard.append)
    assert heard == ["a", "b", "cd"]


async def timed_out(argv: list[str], timeout_s: float) -> str:
    with pytest.raises(HostError) as caught:
        await proc.run(argv, timeout_s=timeout_s)
    return caught.value.message


async def test_a_timeout_ends_the_whole_group(tmp_path: Path) -> None:
    pid_file = tmp_path / "pid"
    script = f"sleep 600 & echo $! >{pid_file}.draft; mv {pid_file}.draft {pid_file}; echo begun >&2; wait"
    timeout_s = 0.5
    while not (said := await timed_out(shell(script), timeout_s)).endswith(":\n  begun"):
        timeout_s *= 2  # a busy machine gets more time to begin
    assert f"did not end within {timeout_s:g} s" in said
    await until_gone(int(pid_file.read_text()))


async def test_a_cancelled_program_may_tidy_up_and_is_gone(tmp_path: Path) -> None:
    tidied, ready = tmp_path / "tidied", tmp_path / "ready"
    say_ready = f"echo $$ > {ready}.draft; mv {ready}.draft {ready}"
    script = f"trap 'echo x > {tidied}; exit 1' TERM; {say_ready}; sleep 60 & wait"
    task = asyncio.ensure_future(proc.run(shell(script), timeout_s=60))
    await eventually_here(ready.exists, "it is ready")
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert tidied.exists()
    await until_gone(int(ready.read_text()))


async def test_a_daemon_that_keeps_the_pipes_does_not_keep_us(tmp_path: Path) -> None:
    # It holds them for longer than any test may take.
    done = await proc.run(shell(f"sleep 600 & echo $! > {tmp_path}/pid; echo said"), timeout_s=30)
    assert done.stdout_tail == "said\n"
    await until_gone(int((tmp_path / "pid").read_text()))
