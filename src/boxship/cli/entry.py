"""The console script. It imports nothing until garbage collection is out of the way."""

import gc
import os
import signal
import sys
from collections.abc import Callable
from types import FrameType
from typing import NoReturn

from boxship.cli.patterns import patterns_compiled_when_used

Handler = Callable[[int, FrameType | None], object] | signal.Handlers


def entry() -> None:
    """Run the command line and exit with its status.

    Importing makes many objects and no garbage, and collecting during it costs a tenth of the start-up. ``cli.run``
    turns collection on again for what may run long.

    Before and after the verb there is nothing to give back, so ^C ends the process there as it ends any other: as
    Python's KeyboardInterrupt it would be a traceback, out of the middle of whatever is being imported.
    """
    gc.disable()
    # Shells have it ignored by what they run in the background; that stays.
    is_heard = signal.getsignal(signal.SIGINT) is signal.default_int_handler
    _hear_interrupts(is_heard, signal.SIG_DFL)
    with patterns_compiled_when_used():
        from boxship.cli.arguments import parse_arguments  # noqa: PLC0415 (see above)

        arguments = parse_arguments(sys.argv[1:])
        # --help and a wrong command line end above, and needed nothing of what reads files.
        from boxship.cli.main import run  # noqa: PLC0415
    try:
        _hear_interrupts(is_heard, signal.default_int_handler)
        status = run(arguments)
    except KeyboardInterrupt:
        # In the moments that the door itself doesn't watch.
        status = 130
    _hear_interrupts(is_heard, signal.SIG_DFL)
    _end(status)


def _hear_interrupts(is_heard: bool, handler: Handler) -> None:
    if is_heard:
        signal.signal(signal.SIGINT, handler)


def _end(status: int) -> NoReturn:
    """Leave without tidying up the interpreter, which would take as long as a twelfth of ``ps``.

    Nothing here waits for that: files are closed by who opened them, and no thread is left.
    """
    try:
        sys.stdout.flush()
        sys.stderr.flush()
    except BrokenPipeError:
        status = status or 141
    except OSError:
        # The usual way says why the output can't be written.
        sys.exit(status)
    os._exit(status)
