"""The verbs below ``box`` for the machine below the box: what it is, reboot, shutdown."""

import argparse
import sys

from boxship.cli.box_client import Answered
from boxship.cli.box_verbs import client_of, show_answer
from boxship.cli.context import Invocation
from boxship.cli.dry_run import IS_DRY_RUN
from boxship.cli.render import box as render
from boxship.cli.render.color import sanitized
from boxship.errors import UsageError


def host(invocation: Invocation, arguments: argparse.Namespace) -> int:
    return show_answer(invocation, client_of(invocation, arguments).get("/v1/host"), render.print_host)


def reboot(invocation: Invocation, arguments: argparse.Namespace) -> int:
    return _switch(invocation, arguments, "reboot", "All that runs on {name} stops, until it is up again.")


def shutdown(invocation: Invocation, arguments: argparse.Namespace) -> int:
    return _switch(invocation, arguments, "shutdown", "All that runs on {name} stops, until somebody turns it on.")


def _switch(invocation: Invocation, arguments: argparse.Namespace, what: str, loses: str) -> int:
    client = client_of(invocation, arguments)
    if not arguments.yes and not IS_DRY_RUN.get():
        _expect_yes(client.get("/v1/host"), what, loses)
    answered = client.tell(f"/v1/host/{what}")
    return show_answer(invocation, answered, lambda said: print(f"{said['accepted']} is on its way"))


def _expect_yes(machine: Answered, what: str, loses: str) -> None:
    """Raises: UsageError unless a person agrees. What the machine doesn't offer is for the box to refuse."""
    offered = machine["can"]
    if isinstance(offered, list) and what not in offered:
        return
    question = sanitized(loses.format(name=machine["name"]))
    if not sys.stdin.isatty():
        raise UsageError(question, hint=f"boxship box {what} --yes agrees to it")
    print(f"{question} {what.capitalize()}? [y/N] ", end="", file=sys.stderr, flush=True)
    if sys.stdin.readline().strip().lower() not in ("y", "yes"):
        raise UsageError("nothing was done", hint="answer y, or use --yes")
