"""The command line's grammar. A verb or flag that docker compose has means the same here."""

import argparse
import re
import sys
from collections.abc import Sequence
from functools import partial
from importlib import import_module
from typing import Any, NoReturn

from boxship import __version__
from boxship.cli.render.width import columns_of
from boxship.names import closest

Entry = tuple[str, str, str, str]
"""Verb, what it does, "module:function" that adds its arguments, an example."""

# Modules are imported when their verb is used: what `up` needs (asyncio and all) would cost `check` and `--help` 80 ms
# of CPU.
VERBS: tuple[Entry, ...] = (
    ("up", "create and start the appliance, and wait until it is ready", "up:add_up", "boxship up -d"),
    ("down", "stop and remove what up made", "lifecycle:add_down", "boxship down"),
    ("ps", "show every service: what it should be and what it is", "ps:add_ps", "boxship ps"),
    ("status", "ask every check: is all well, and what isn't", "status:add_status", "boxship status --strict"),
    (
        "preflight",
        "ask whether the appliance may be started here, and change nothing",
        "preflight:add_preflight",
        "boxship preflight",
    ),
    ("plan", "show what up would do, and why", "up:add_plan", "boxship plan"),
    ("logs", "show what services wrote", "logs:add_logs", "boxship logs -f --tail 20 web"),
    ("stats", "show what each container uses", "stats:add_stats", "boxship stats --no-stream"),
    ("events", "show what happens to the containers", "events:add_events", "boxship events --since 10m --until 1s web"),
    ("images", "show the services' images", "images:add_images", "boxship images"),
    ("exec", "run a command inside a service's container", "inside:add_exec", "boxship exec web sh"),
    (
        "run",
        "run a command in a container like a service's own",
        "one_off:add_run",
        "boxship run --rm web sh",
    ),
    ("restart", "stop and start services, in order", "lifecycle:add_restart", "boxship restart web"),
    ("stop", "stop services, dependents first", "lifecycle:add_stop", "boxship stop"),
    ("start", "start stopped services, in order", "lifecycle:add_start", "boxship start"),
    ("reload", "recreate or restart services and what depends on them", "reload:add_reload", "boxship reload web"),
    ("kill", "send a signal to services, dependents first", "present:add_kill", "boxship kill -s HUP web"),
    ("pause", "freeze services", "present:add_pause", "boxship pause web"),
    ("unpause", "let frozen services run on", "present:add_unpause", "boxship unpause web"),
    ("rm", "remove containers that have ended", "present:add_rm", "boxship rm -f web"),
    ("wait", "wait until services have ended; their exit status", "waiting:add_wait", "boxship wait migrate"),
    ("cp", "copy files into a service's container, or out of it", "copying:add_cp", "boxship cp web:/etc/hosts ."),
    ("port", "show where a service's ports are published", "facts:add_port", "boxship port web 80"),
    ("ip", "show the addresses of services on each network", "facts:add_ip", "boxship ip web"),
    ("top", "show the processes of services", "facts:add_top", "boxship top"),
    ("build", "make the appliance's images", "build:add_build", "boxship build"),
    ("pull", "fetch the images that services need", "transfer:add_pull", "boxship pull --policy missing"),
    ("push", "send the images that are built here to their registries", "transfer:add_push", "boxship push"),
    ("platform", "make the image of a box's Loader, Config and CA", "platform:add_platform", "boxship platform build"),
    (
        "release",
        "make a release of the files and images, or show those of a registry or folder",
        "release:add_release",
        "boxship release create --output releases",
    ),
    ("loader", "look after an appliance on a box", "loader:add_loader", "boxship loader --state state --run run"),
    ("emulate", "run the appliance as on a box, Loader and all", "emulate:add_emulate", "boxship emulate"),
    (
        "install",
        "let this host run an appliance's Loader for ever",
        "install:add_install",
        "boxship install --root tree",
    ),
    ("uninstall", "take away what install wrote", "install:add_uninstall", "boxship uninstall --root tree"),
    ("watch", "follow changes of files into what runs", "watch:add_watch", "boxship watch"),
    ("why", "say what the box does or waits for, and why", "why:add_why", "boxship why"),
    ("box", "ask a box, and tell it what to do", "box:add_box", "boxship box status"),
    ("check", "read the files and show every problem at once", "files:add_check", "boxship check"),
    ("show", "print the files as Boxship understands them", "files:add_show", "boxship show --format compose"),
    ("config", "print the files as docker compose's config does", "config:add_config", "boxship config --services"),
    ("graph", "print who depends on whom", "graph:add_graph", "boxship graph --format dot"),
    ("import", "write compose.yaml and appliance.yaml of a crane file", "bring:add_import", "boxship import crane.yml"),
    ("init", "write a first appliance.yaml beside a Compose file", "bring:add_init", "boxship init"),
    (
        "completion",
        "print a script that completes the command line",
        "completion:add_completion",
        "boxship completion bash",
    ),
    ("version", "print versions", "version:add_version", "boxship version"),
)


_GLOBALS: tuple[tuple[tuple[str, ...], str | None, str], ...] = (
    (("-f", "--file"), "FILE", "compose or appliance file (repeatable)"),
    (("-p", "--project-name"), "NAME", "the appliance's name"),
    (("--env-file",), "FILE", "variables, instead of .env (repeatable)"),
    (("--project-directory",), "DIR", "where to look for the files"),
    (("--profile",), "NAME", "activate a profile (repeatable)"),
    (("--target",), "NAME", "the target to boot"),
    (("--dry-run",), None, "say what would be done and why, and change nothing"),
    (("--lax",), None, "unknown keys are warnings, for legacy files"),
    (("--json",), None, "print data instead of text"),
    (("--debug",), None, "show tracebacks"),
)

_MORE = "more_"
_MARGIN = 2
"""As argparse leaves it; told of the width, it need not import what finds it."""


class _Parser(argparse.ArgumentParser):
    """Errors as all others: one sentence, one hint, status 2."""

    def error(self, message: str) -> NoReturn:
        wrong_verb = re.match(r"argument VERB: invalid choice: '(.*?)' \(choose", message)
        hint = f"see {self.prog} --help"
        if wrong_verb:
            message = f"there is no verb '{wrong_verb[1]}'"
            near = closest(wrong_verb[1], [name for name, *_ in VERBS])
            hint = f"did you mean {self.prog} {near}?" if near else hint
        print(f"error: {message}", file=sys.stderr)
        print(f"hint: {hint}", file=sys.stderr)
        sys.exit(2)


class _VerbParser(_Parser):
    """A verb's own arguments, added when the verb is used."""

    adder = ""

    def parse_known_args(  # type: ignore[override]  # the stub's overloads say the same in a longer way
        self, args: Sequence[str] | None = None, namespace: argparse.Namespace | None = None
    ) -> tuple[argparse.Namespace, list[str]]:
        if self.adder:
            module, _, function = self.adder.partition(":")
            self.adder = ""
            getattr(import_module(f"boxship.cli.{module}"), function)(self)
            add_globals(self, is_verb=True)
        return super().parse_known_args(args, namespace)


def parse_arguments(argv: Sequence[str]) -> argparse.Namespace:
    """The namespace; its ``run`` is the verb's function. Exits with 2 when what was typed is wrong."""
    if list(argv) == ["help"]:
        argv = ["--help"]
    parser = build_parser(_verbs_of(argv))
    arguments, unknown = parser.parse_known_args(argv)
    if not hasattr(arguments, "run"):
        parser.print_help()
        sys.exit(2)
    for name in map(_destination, (flags[-1] for flags, *_ in _GLOBALS)):
        # Repeatable ones add up, wherever they stand.
        if hasattr(arguments, _MORE + name):
            setattr(arguments, name, [*(getattr(arguments, name) or ()), *getattr(arguments, _MORE + name)])
    if unknown:
        arguments.verb_parser.error(f"{' '.join(unknown)}: not an option or argument of this verb")
    return arguments


def _destination(flag: str) -> str:
    return flag.lstrip("-").replace("-", "_")


def _verbs_of(argv: Sequence[str]) -> Sequence[Entry]:
    """Those that the command line may mean: only help lists the others, and a parser for each takes 4 ms."""
    if any(word.startswith(("-h", "--h")) for word in argv):
        return VERBS
    return [verb for verb in VERBS if verb[0] in argv] or VERBS


def build_parser(known: Sequence[Entry] = VERBS) -> argparse.ArgumentParser:
    """The parser of everything. ``known``: the verbs that it needs to know."""
    width = columns_of(sys.stdout) - _MARGIN
    parser = _Parser(
        prog="boxship",
        formatter_class=partial(argparse.HelpFormatter, width=width),
        description="Turns a multi-container application into an appliance.",
        epilog="Exit status: 0 done, 2 the files or the command line are wrong, 3 no such service "
        "or target, 4 somebody else holds it, 5 the engine failed, 6 a build failed, 8 a service is not ready, "
        "9 several steps failed, 10 a program of this host or a box's Loader failed, 11 a registry failed, "
        "12 what a box remembers can't be read, 14 a box denies it, 70 a bug in Boxship, 130 interrupted.",
    )
    add_globals(parser, is_verb=False)
    parser.add_argument("--version", action="version", version=f"boxship {__version__}", help="print the version")
    verbs = parser.add_subparsers(prog="boxship", title="verbs", metavar="VERB", parser_class=_VerbParser)
    for name, text, adder, example in known:
        verb = verbs.add_parser(
            name,
            help=text,
            description=text[0].upper() + text[1:] + ".",
            epilog=f"example:\n  {example}",
            formatter_class=partial(argparse.RawDescriptionHelpFormatter, width=width),
        )
        verb.adder = adder
        verb.set_defaults(verb_parser=verb)
    return parser


def add_globals(parser: argparse.ArgumentParser, *, is_verb: bool) -> None:
    """Global options may stand before or after the verb; after it they are not listed again.

    What the verb uses itself is its own after it: ``logs -f``.
    """
    group = parser if is_verb else parser.add_argument_group("global options")
    for flags, metavar, text in _GLOBALS:
        free = [flag for flag in flags if flag not in parser._option_string_actions]  # noqa: SLF001  # argparse has no other way to ask
        if not free:
            continue
        kind = "store_true" if metavar is None else "append" if "repeatable" in text else "store"
        # After the verb nothing is set unless it was typed: what stood before the verb must not be overwritten.
        settings: dict[str, Any] = {"default": argparse.SUPPRESS} if is_verb else {}
        if is_verb and kind == "append":
            settings["dest"] = _MORE + _destination(flags[-1])
        if metavar is not None:
            settings["metavar"] = metavar
        group.add_argument(*free, action=kind, help=argparse.SUPPRESS if is_verb else text, **settings)
