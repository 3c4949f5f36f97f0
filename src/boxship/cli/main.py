"""The door: reads the command line, runs one verb, and reports whatever went wrong, once."""

import json
import os
import sys
import traceback

from boxship.cli.arguments import parse_arguments
from boxship.cli.context import Invocation
from boxship.cli.render.color import sanitized
from boxship.errors import BoxshipError, BugError


def main(argv: list[str] | None = None) -> int:
    """Run one command line; the exit status is the verb's, or the error's (see ``errors``)."""
    arguments = parse_arguments(sys.argv[1:] if argv is None else argv)
    invocation = Invocation.from_arguments(arguments)
    try:
        status = arguments.run(invocation, arguments)
        sys.stdout.flush()
    except BoxshipError as error:
        if invocation.is_debug:
            traceback.print_exc()
        return report(error, as_json=invocation.is_json)
    except BrokenPipeError:
        # The reader (`| head`) went away; Python would complain once more while flushing at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 141
    except KeyboardInterrupt:
        return 130
    except Exception as error:  # noqa: BLE001 (the door: whatever is unknown becomes a BugError here, and only here)
        if invocation.is_debug:
            traceback.print_exc()
        bug = BugError(f"{type(error).__name__}: {error}", hint="this is a bug in Boxship; --debug shows where")
        return report(bug, as_json=invocation.is_json)
    else:
        return int(status)


def report(error: BoxshipError, *, as_json: bool) -> int:
    """One sentence and a hint on stderr, or an object on stdout."""
    if as_json:
        body = {"code": error.code, "message": error.message, "hint": error.hint, "fields": error.fields}
        print(json.dumps({"error": body}))
        return error.exit_status
    # Sanitized, as the sentence may quote what a service or a stranger's server said.
    for index, line in enumerate(map(sanitized, error.message.splitlines() or [""])):
        print(f"error: {line}" if index == 0 or error.code == "spec.invalid" else line, file=sys.stderr)
    for line in (*getattr(error, "output", ()), *getattr(error, "logs", ())):
        print(f"  | {sanitized(line)}", file=sys.stderr)
    if error.hint:
        print(f"hint: {sanitized(error.hint)}", file=sys.stderr)
    return error.exit_status
