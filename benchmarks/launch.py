"""Run one command and print what it took: ``python -I -S launch.py DEADLINE_S LOG COMMAND...``.

A process of its own, and a small one: a child's peak memory begins with that of the process it was forked from, so a
large parent would hide what a small client needs.

Prints wall seconds, user and system CPU seconds of the command and of all it waited for, its peak KiB, its exit
status (negative: the signal that ended it), how it came to its end, and when, in unix time. Our own SIGTERM ends the
command, too.
"""

import os
import signal
import sys
import time

GRACE_S = 10.0
WATCHED = (signal.SIGCHLD, signal.SIGTERM, signal.SIGINT)


def main(argv: list[str]) -> None:
    """See the module."""
    deadline_s, log, command = float(argv[0]), argv[1], argv[2:]
    # Blocked, they wait for sigtimedwait: none can come too early.
    signal.pthread_sigmask(signal.SIG_BLOCK, WATCHED)
    began_s = time.monotonic()
    pid = os.posix_spawn(
        command[0],
        command,
        os.environ,
        file_actions=[
            (os.POSIX_SPAWN_OPEN, 0, os.devnull, os.O_RDONLY, 0),
            (os.POSIX_SPAWN_OPEN, 1, log, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600),
            (os.POSIX_SPAWN_DUP2, 1, 2),
        ],
        setpgroup=0,
        setsigmask=[],
    )
    how = wait(pid, deadline_s)
    wall_s, ended_at_s = time.monotonic() - began_s, time.time()
    if how != "ended":
        stop(pid)
    _, status, used = os.wait4(pid, 0)
    exit_status = os.waitstatus_to_exitcode(status)
    print(f"{wall_s:.6f} {used.ru_utime:.6f} {used.ru_stime:.6f} {used.ru_maxrss} {exit_status} {how} {ended_at_s:.6f}")


def wait(pid: int, limit_s: float) -> str:
    """How the wait ended: "ended", "late" or "interrupted". Leaves the command to be reaped."""
    until_s = time.monotonic() + limit_s
    while (left_s := until_s - time.monotonic()) > 0:
        got = signal.sigtimedwait(WATCHED, left_s)
        if got is not None and got.si_signo != signal.SIGCHLD:
            return "interrupted"
        if os.waitid(os.P_PID, pid, os.WEXITED | os.WNOHANG | os.WNOWAIT) is not None:
            return "ended"
    return "late"


def stop(pid: int) -> None:
    """Let it tidy up, then insist."""
    os.killpg(pid, signal.SIGTERM)
    if wait(pid, GRACE_S) != "ended":
        os.killpg(pid, signal.SIGKILL)


if __name__ == "__main__":
    main(sys.argv[1:])
