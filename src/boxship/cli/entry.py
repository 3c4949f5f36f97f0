"""The console script. It imports nothing until garbage collection is out of the way."""

import gc
import os
import sys
from typing import NoReturn

from boxship.cli.patterns import patterns_compiled_when_used


def entry() -> None:
    """Run the command line and exit with its status.

    Importing makes many objects and no garbage, and collecting during it costs a tenth of the start-up. ``cli.run``
    turns collection on again for what may run long.
    """
    gc.disable()
    with patterns_compiled_when_used():
        from boxship.cli.arguments import parse_arguments  # noqa: PLC0415 (see above)

        arguments = parse_arguments(sys.argv[1:])
        # --help and a wrong command line end above, and needed nothing of what reads files.
        from boxship.cli.main import run  # noqa: PLC0415
    status = run(arguments)
    _end(status)


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
