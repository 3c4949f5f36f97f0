"""What a container of the fake engine does once started: scripted by a test, or read from its command.

Of commands, the fake understands ``sleep``, ``true``, ``false``, ``cat``, ``echo`` and ``sh -c`` scripts made of these
and ``exit``. Whatever it doesn't know is a well-behaved server: it runs for ever and ends with 0 when asked to.
"""

import re
import shlex
from dataclasses import dataclass, field

FOREVER = float("inf")


@dataclass(frozen=True, slots=True)
class Line:
    """Something written ``after_s`` the start."""

    text: str
    stream: str = "stdout"
    after_s: float = 0.0


@dataclass(frozen=True, slots=True)
class Behaviour:
    """Times count from the start; FOREVER is never. Health times None: as the health check itself would go."""

    lines: tuple[Line, ...] = ()
    exits_after_s: float = FOREVER
    exit_code: int = 0
    healthy_after_s: float | None = None
    unhealthy_after_s: float | None = None
    heeds_sigterm: bool = True
    sigterm_exit_code: int = 0
    start_error: str = ""


@dataclass(slots=True)
class Run:
    """A command's course: what it writes, how long it runs, how it ends."""

    lines: list[Line] = field(default_factory=list)
    duration_s: float = 0.0
    exit_code: int = 0
    is_known: bool = True

    def output(self) -> str:
        return "".join(f"{line.text}\n" for line in self.lines)


def run_command(argv: tuple[str, ...]) -> Run:
    """The course of ``argv``."""
    run = Run()
    if argv[:2] == ("sh", "-c") or argv[:2] == ("/bin/sh", "-c"):
        for statement in re.split(r"[;\n]", argv[2] if len(argv) > 2 else ""):
            words = shlex.split(statement)
            if words and not _step(words, run):
                break
        return run
    _step(list(argv), run)
    return run


def _step(words: list[str], run: Run) -> bool:
    """Carry one statement out; False when nothing follows it."""
    is_last = words[0] == "exec"
    words = words[1:] if is_last else words
    match words:
        case ["sleep", "infinity"]:
            run.duration_s = FOREVER
            return False
        case ["sleep", seconds]:
            run.duration_s += float(seconds)
            run.exit_code = 0
        case ["echo", *rest]:
            stream = "stderr" if rest[-1:] == [">&2"] else "stdout"
            text = " ".join(word for word in rest if word != ">&2")
            run.lines.append(Line(text, stream, run.duration_s))
            run.exit_code = 0
        case ["true"] | ["cat"]:
            run.exit_code = 0
        case ["false"]:
            run.exit_code = 1
        case ["exit", code]:
            run.exit_code = int(code)
            return False
        case _:
            run.is_known = False
            run.duration_s = FOREVER
            return False
    return not is_last


def behaviour_of(argv: tuple[str, ...], *, has_init: bool) -> Behaviour:
    """How a container with this command behaves. A shell or sleep as process 1 ignores SIGTERM."""
    run = run_command(argv) if argv else Run(is_known=False, duration_s=FOREVER)
    if not run.is_known:
        return Behaviour(lines=tuple(run.lines))
    return Behaviour(
        lines=tuple(run.lines),
        exits_after_s=run.duration_s,
        exit_code=run.exit_code,
        heeds_sigterm=has_init,
        sigterm_exit_code=143,
    )
