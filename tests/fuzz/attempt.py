"""What must hold of every input: it ends soon, in an appliance that can be shown or in problems with a place."""

import io
import json
import resource
import signal
import sys
import time
import traceback
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stderr, redirect_stdout
from dataclasses import dataclass
from pathlib import Path
from types import FrameType

from boxship.cli.main import report
from boxship.errors import BoxshipError, SpecError
from boxship.spec.load import load
from boxship.spec.loaded import LoadOptions
from boxship.spec.render import to_compose, to_json
from tests.fuzz.case import Case

LIMIT_S = 5.0
"""Of CPU for one input of at most some tens of kB, which takes milliseconds; also under a fuzzer's tracing."""
LIMIT_MIB = 200
_SHELL = {"X": "x", "HOME": "/home/somebody"}


@dataclass(frozen=True, slots=True)
class Finding:
    """Something that must not happen. Findings with the same ``signature`` have the same cause."""

    signature: str
    detail: str


class _TooSlowError(BaseException):
    """Not an Exception: nothing may catch it on the way."""


def attempt(case: Case, directory: Path) -> Finding | None:
    """Read the case's files in ``directory``, which is emptied first, and show the result every way there is."""
    for entry in list(directory.iterdir()):
        entry.unlink()
    case.write(directory)
    before_kib, began_s = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss, time.process_time()
    try:
        with _limited():
            _read(case, directory)
    except (Exception, _TooSlowError) as err:  # noqa: BLE001 (whatever it is, it is a finding)
        return Finding(signature_of(err), "".join(traceback.format_exception(err)[-12:]))
    took_s, grown_kib = time.process_time() - began_s, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before_kib
    if took_s > LIMIT_S:
        return Finding("slow", f"{took_s:.1f} s of CPU")
    if grown_kib > LIMIT_MIB * 1024:
        return Finding("memory", f"{grown_kib // 1024} MiB more than before")
    return None


def _read(case: Case, directory: Path) -> None:
    with redirect_stdout(_Terminal()), redirect_stderr(_Terminal()):
        try:
            loaded = load(LoadOptions(directory=directory, environ=_SHELL, lax=case.is_lax))
        except SpecError as err:
            assert err.problems, "an error without a problem"
            for problem in err.problems:
                assert problem.reason, "a problem without a sentence"
                assert problem.where.file, "a problem without a place"
            _tell(err)
        except BoxshipError as err:
            _tell(err)
        else:
            for warning in loaded.warnings:
                print(f"warning: {warning}", file=sys.stderr)
            print(json.dumps(to_compose(loaded), indent=2, ensure_ascii=False))
            print(json.dumps(to_json(loaded.appliance), indent=2, ensure_ascii=False))


def _tell(err: BoxshipError) -> None:
    for as_json in (False, True):
        status = report(err, as_json=as_json)
        assert status not in {0, 1, 70}, f"exit status {status}"


class _Terminal(io.TextIOWrapper):
    """Encodes what is printed, as the real one does, and forgets it."""

    def __init__(self) -> None:
        super().__init__(io.BytesIO(), encoding="utf-8")


@contextmanager
def _limited() -> Iterator[None]:
    """Ends the block after twice its time: a hang must not end the search."""

    def stop(number: int, frame: FrameType | None) -> None:
        raise _TooSlowError

    before = signal.signal(signal.SIGVTALRM, stop)
    signal.setitimer(signal.ITIMER_VIRTUAL, 2 * LIMIT_S)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_VIRTUAL, 0)
        signal.signal(signal.SIGVTALRM, before)


def signature_of(err: BaseException) -> str:
    """What findings of one cause share: the kind of error and the innermost line of ours that it went through."""
    frames = [frame for frame in traceback.extract_tb(err.__traceback__) if "/boxship/" in frame.filename]
    place = f"{Path(frames[-1].filename).name}:{frames[-1].name}" if frames else "?"
    return f"{type(err).__name__} in {place}"


def limit_memory(mib: int) -> None:
    """From here on this process gets no more than that, and a MemoryError instead."""
    resource.setrlimit(resource.RLIMIT_DATA, (mib << 20, mib << 20))
