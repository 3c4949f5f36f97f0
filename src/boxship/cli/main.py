"""The door: reads the command line, runs one verb, and reports whatever went wrong, once."""

import json
import os
import sys
from argparse import Namespace
from pathlib import Path

from boxship.cli.arguments import parse_arguments
from boxship.cli.context import Invocation
from boxship.cli.dry_run import IS_DRY_RUN, DryRunEnded
from boxship.cli.render.color import BOLD, RED, is_colored, paint, sanitized
from boxship.cli.render.problems import show_problems
from boxship.errors import BoxshipError, BugError, SpecError
from boxship.host.places import LOADER_IMAGE_VARIABLE


def main(argv: list[str] | None = None) -> int:
    """Run one command line; the exit status is the verb's, or the error's (see ``errors``)."""
    return run(parse_arguments(sys.argv[1:] if argv is None else argv))


def run(arguments: Namespace) -> int:
    """Run the verb of a parsed command line."""
    invocation = Invocation.from_arguments(arguments)
    IS_DRY_RUN.set(invocation.is_dry_run)
    try:
        status = _run_verb(invocation, arguments)
        sys.stdout.flush()
    except BoxshipError as error:
        if invocation.is_debug:
            _show_traceback()
        return report(error, as_json=invocation.is_json, start=invocation.directory)
    except BrokenPipeError:
        # The reader (`| head`) went away; Python would complain once more while flushing at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 141
    except KeyboardInterrupt:
        return 130
    except Exception as error:  # noqa: BLE001 (the door: whatever is unknown becomes a BugError here, and only here)
        if invocation.is_debug:
            _show_traceback()
        bug = BugError(f"{type(error).__name__}: {error}", hint="this is a bug in Boxship; --debug shows where")
        return report(bug, as_json=invocation.is_json)
    else:
        return status


def _run_verb(invocation: Invocation, arguments: Namespace) -> int:
    if LOADER_IMAGE_VARIABLE in os.environ and not invocation.is_dry_run:
        # Elsewhere cli.run asks the engine; here no files say which appliance it is.
        from boxship.operate.looked_after import refuse_in_a_loader  # noqa: PLC0415 (a box alone needs it)

        verb = arguments.verb_parser.prog.rpartition(" ")[2]
        refuse_in_a_loader(verb, invocation.appliance_name or "this appliance")
    try:
        return int(arguments.run(invocation, arguments))
    except DryRunEnded as ended:
        lines = map(sanitized, ended.text.splitlines())
        print(json.dumps(ended.data) if invocation.is_json else "\n".join(lines))
        return 0


def _show_traceback() -> None:
    import traceback  # noqa: PLC0415 (6 ms of every start, for what --debug alone shows)

    traceback.print_exc()


def report(error: BoxshipError, *, as_json: bool, start: Path | None = None) -> int:
    """One sentence and a hint on stderr, or an object on stdout. ``start``: where file names begin (None: here)."""
    if as_json:
        body = {"code": error.code, "message": error.message, "hint": error.hint, "fields": error.fields}
        print(json.dumps({"error": body}))
        return error.exit_status
    if isinstance(error, SpecError):
        show_problems(error.problems, start)
    else:
        _show_message(error)
    for reason in _lines(error, "reasons"):
        print(f"  - {sanitized(reason)}", file=sys.stderr)
    for line in (*_lines(error, "output"), *_lines(error, "logs")):
        print(f"  | {sanitized(line)}", file=sys.stderr)
    if error.hint:
        print(f"hint: {sanitized(error.hint)}", file=sys.stderr)
    return error.exit_status


def _show_message(error: BoxshipError) -> None:
    # Sanitized, as the sentence may quote what a service or a stranger's server said.
    color = is_colored(sys.stderr)
    for index, line in enumerate(map(sanitized, error.message.splitlines() or [""])):
        print(f"{paint('error:', BOLD + RED, on=color)} {line}" if index == 0 else line, file=sys.stderr)


def _lines(error: BoxshipError, field: str) -> tuple[str, ...]:
    """Also of an error that a box has told: its fields came as JSON."""
    lines = error.fields.get(field)
    return tuple(str(line) for line in lines) if isinstance(lines, list) else ()
