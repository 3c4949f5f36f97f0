"""The verb box: a client of a box's API. What it does is imported when one of its verbs is used."""

import argparse
from collections.abc import Callable
from importlib import import_module

from boxship.cli.context import Invocation
from boxship.state.verify import Verify

_MODULES = dict.fromkeys(("host", "reboot", "shutdown"), "box_machine")
"""Where a verb is that isn't among the others."""
Add = Callable[[argparse.ArgumentParser], None]


def add_box(parser: argparse.ArgumentParser) -> None:
    # Late, as the grammar knows this module by name only.
    from boxship.cli.arguments import add_globals  # noqa: PLC0415 (see above)

    below = parser.add_subparsers(title="verbs", metavar="VERB", parser_class=type(parser), required=True, dest="verb")
    for name, text, add in BOX_VERBS:
        verb = below.add_parser(name, help=text, description=f"{text[0].upper()}{text[1:]}.")
        add(verb)
        add_where(verb)
        verb.set_defaults(run=_run, box_verb=name)
        add_globals(verb, is_verb=True)


def _run(invocation: Invocation, arguments: argparse.Namespace) -> int:
    return run_box_verb(arguments.box_verb, invocation, arguments)


def run_box_verb(name: str, invocation: Invocation, arguments: argparse.Namespace) -> int:
    """Late: http.client and what shows answers cost 30 ms, and `box --help` needs none of it."""
    verbs = import_module(f"boxship.cli.{_MODULES.get(name, 'box_verbs')}")
    return int(getattr(verbs, name)(invocation, arguments))


def add_where(parser: argparse.ArgumentParser) -> None:
    """Which box is asked."""
    parser.add_argument("--socket", metavar="PATH", help="the box's socket (BOXSHIP_SOCKET)")
    parser.add_argument("--url", metavar="URL", help="the box's address instead (BOXSHIP_URL)")
    parser.add_argument("--token-file", metavar="FILE", help="a file with the token (BOXSHIP_TOKEN_FILE)")
    parser.add_argument("--ca", metavar="FILE", help="authorities to believe for an https address (BOXSHIP_CA_FILE)")


def _add_detach(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("-d", "--detach", action="store_true", help="print the operation's id and don't wait for it")


def _add_verify(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--verify",
        choices=[each.value for each in Verify],
        help="full: compare all copied data by content, as downtime (default: what the last pass touched)",
    )


def _add_boot(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("boot_target", nargs="?", metavar="TARGET", help="a target, current or default; none: show it")
    _add_detach(parser)


def _add_status(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--strict", action="store_true", help="exit with 8 also for what is only degraded")
    parser.add_argument("--fresh", action="store_true", help="ask anew, whatever was found a moment ago")
    parser.add_argument(
        "--ignore", action="append", default=[], metavar="CHECK", help="leave a check out, by its name (repeatable)"
    )


def _add_nothing(parser: argparse.ArgumentParser) -> None:
    """It has only what all have."""


def _add_versions(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("source", nargs="?", metavar="SOURCE", help="another registry than the box's own")


def _add_pull(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("version", nargs="?", metavar="VERSION", help="default: the newest")
    _add_detach(parser)


def _add_switch(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("version", metavar="VERSION", help="a version that was pulled")
    parser.add_argument("--allow-downgrade", action="store_true", help="also to an older version")
    _add_verify(parser)
    _add_detach(parser)


def _add_rollback(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("-y", "--yes", action="store_true", help="don't ask, though newer data is lost")
    _add_verify(parser)
    _add_detach(parser)


def _add_power(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("-y", "--yes", action="store_true", help="don't ask, though all that runs there stops")


def _add_operations(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--limit", type=int, default=20, metavar="NUMBER", help="how many (default: 20)")


def _add_operation(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("id", metavar="ID")
    parser.add_argument("--follow", action="store_true", help="wait for its end, and exit by it")


def _add_cancel(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("id", metavar="ID")


def _add_events(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--after", default="", metavar="ID", help="go on after this one")


def _add_logs(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("service", metavar="SERVICE")
    parser.add_argument("--follow", action="store_true", help="go on with what it writes from now on")
    parser.add_argument("--tail", type=int, metavar="NUMBER", help="only so many of the last lines")


def _add_restart(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("service", metavar="SERVICE")
    _add_detach(parser)


def _add_maintenance(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("state", nargs="?", choices=["on", "off"], help="none: show it")
    _add_detach(parser)


def _add_source(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("source", nargs="?", metavar="SOURCE", help="a registry, or dir: and a folder; none: show it")


def _add_tokens(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("do", nargs="?", choices=["list", "create", "revoke"], default="list", help="default: list")
    parser.add_argument("name", nargs="?", metavar="NAME", help="the new one's name, or the id to revoke")
    parser.add_argument(
        "--scope",
        action="append",
        metavar="SCOPE",
        help="admin, read, status, logs:SERVICE or heartbeat:SERVICE (repeatable)",
    )
    parser.add_argument("--expires", default="", metavar="TIME", help="after how long: 12h, 30d (default: never)")
    parser.add_argument("--replace", action="store_true", help="revoke others of this name")


def _add_audit(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--after", type=int, default=0, metavar="NUMBER", help="only later entries")
    parser.add_argument("--limit", type=int, default=100, metavar="NUMBER", help="how many (default: 100)")


BOX_VERBS: tuple[tuple[str, str, Add], ...] = (
    ("boot", "boot a target, or show what is booted", _add_boot),
    ("status", "ask every check of the box", _add_status),
    ("why", "say what the box is doing, or waits for", _add_nothing),
    ("versions", "list the releases at the source", _add_versions),
    ("pull", "bring a release here", _add_pull),
    ("switch", "try a release, and keep it when it is well", _add_switch),
    ("rollback", "go back to the deployment before, data included", _add_rollback),
    ("gc", "remove what no deployment needs; --dry-run: say what", _add_detach),
    ("operations", "list what was done and is being done", _add_operations),
    ("operation", "show one operation", _add_operation),
    ("cancel", "end an operation, and take back what it began", _add_cancel),
    ("events", "show what happens, until ^C", _add_events),
    ("logs", "show what a service wrote", _add_logs),
    ("restart", "stop and start a service", _add_restart),
    ("maintenance", "turn maintenance on or off", _add_maintenance),
    ("source", "set where releases come from, or show it", _add_source),
    ("containers", "list the containers and their images", _add_nothing),
    ("tokens", "list, create and revoke tokens", _add_tokens),
    ("audit", "show who asked for what", _add_audit),
    ("host", "show the machine below the box", _add_nothing),
    ("reboot", "start the machine below the box anew", _add_power),
    ("shutdown", "turn the machine below the box off", _add_power),
)
