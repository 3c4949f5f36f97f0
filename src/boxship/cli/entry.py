"""The console script. It imports nothing until garbage collection is out of the way."""

import gc
import sys


def entry() -> None:
    """Run the command line and exit with its status.

    Importing makes many objects and no garbage, and collecting during it costs a tenth of the start-up. ``cli.run``
    turns collection on again for what may run long.
    """
    gc.disable()
    from boxship.cli.arguments import parse_arguments  # noqa: PLC0415 (see above)

    arguments = parse_arguments(sys.argv[1:])
    # --help and a wrong command line end above, and needed nothing of what reads files.
    from boxship.cli.main import run  # noqa: PLC0415

    sys.exit(run(arguments))
