"""Verbs that act on what is there without looking at the files' values: kill, pause, unpause, rm."""

import argparse
import re
import signal
import sys

from boxship.cli.context import Invocation
from boxship.cli.named import dependencies_of, known_services
from boxship.cli.run import run_plan, run_with_engine
from boxship.engine.port import Engine
from boxship.errors import UsageError
from boxship.names import closest
from boxship.plan.action import Plan
from boxship.plan.found import require_appliance
from boxship.plan.host_hooks import with_host_hooks
from boxship.plan.observed import Observed, ObservedContainer
from boxship.plan.present import plan_kill, plan_pause, plan_remove, plan_unpause, removable
from boxship.spec.loaded import Loaded

_SIGNALS = tuple(each.name for each in signal.Signals)
_REAL_TIME = re.compile(r"SIGRTM(IN(\+\d+)?|AX(-\d+)?)")
_LAST_SIGNAL = 64
_YES = ("y", "yes")


def add_kill(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("services", nargs="*", metavar="SERVICE", help="only these")
    parser.add_argument("-s", "--signal", default="SIGKILL", help="which signal (default: SIGKILL)")
    parser.set_defaults(run=kill)


def kill(invocation: Invocation, arguments: argparse.Namespace) -> int:
    number_or_name = _signal(arguments.signal)
    name, loaded = known_services(invocation, arguments.services)

    def plan(observed: Observed) -> Plan:
        _require(invocation, name, observed)
        dependencies = dependencies_of(name, loaded, observed)
        only = frozenset(arguments.services) or None
        return plan_kill(name, observed, dependencies, signal=number_or_name, only=only)

    return run_plan(invocation, "kill", name, plan)


def _signal(text: str) -> str:
    """A name with its SIG, or a number. Raises: UsageError."""
    if text.isascii() and text.isdecimal() and 1 <= int(text) <= _LAST_SIGNAL:
        return text
    name = text.upper() if text.upper().startswith("SIG") else f"SIG{text.upper()}"
    if name in _SIGNALS or _REAL_TIME.fullmatch(name):
        return name
    near = closest(name, _SIGNALS)
    hint = f"did you mean {near}?" if near else "for example SIGHUP, HUP or 1; kill -l lists them"
    raise UsageError(f"there is no signal '{text}'", hint=hint)


def add_pause(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("services", nargs="*", metavar="SERVICE", help="only these")
    parser.set_defaults(run=pause)


def pause(invocation: Invocation, arguments: argparse.Namespace) -> int:
    name, loaded = known_services(invocation, arguments.services)

    def plan(observed: Observed) -> Plan:
        _require(invocation, name, observed)
        only = frozenset(arguments.services) or None
        return plan_pause(name, observed, dependencies_of(name, loaded, observed), only=only)

    return run_plan(invocation, "pause", name, plan)


def add_unpause(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("services", nargs="*", metavar="SERVICE", help="only these")
    parser.set_defaults(run=unpause)


def unpause(invocation: Invocation, arguments: argparse.Namespace) -> int:
    name, loaded = known_services(invocation, arguments.services)

    def plan(observed: Observed) -> Plan:
        _require(invocation, name, observed)
        only = frozenset(arguments.services) or None
        return plan_unpause(name, observed, dependencies_of(name, loaded, observed), only=only)

    return run_plan(invocation, "unpause", name, plan)


def _require(invocation: Invocation, name: str, observed: Observed) -> None:
    if invocation.appliance_name is not None:
        require_appliance(name, observed)


def add_rm(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("services", nargs="*", metavar="SERVICE", help="only these")
    parser.add_argument("-f", "--force", action="store_true", help="don't ask")
    parser.add_argument("-s", "--stop", action="store_true", help="stop those that run first")
    parser.add_argument("-v", "--volumes", action="store_true", help="their anonymous volumes too: data is lost")
    parser.add_argument("-t", "--timeout", type=float, metavar="SECONDS", help="grace time before a kill")
    parser.set_defaults(run=rm)


def rm(invocation: Invocation, arguments: argparse.Namespace) -> int:
    name, loaded = known_services(invocation, arguments.services)
    only = frozenset(arguments.services) or None
    is_asked = not arguments.force and not invocation.is_dry_run
    if is_asked and not (sys.stdin.isatty() and sys.stderr.isatty() and not invocation.is_json):
        raise UsageError("rm asks before it removes, and here is nobody to ask", hint="add --force (-f)")

    async def look(engine: Engine) -> Observed:
        return await engine.observe(())

    observed = run_with_engine(look)
    _require(invocation, name, observed)
    taken, left = removable(name, observed, only=only, running=arguments.stop)
    if left:
        running = ", ".join(sorted(each.replica for each in left))
        print(f"left alone, as they run: {running} (--stop stops them first)", file=sys.stderr)
    if taken and is_asked and not _is_confirmed(taken, volumes=arguments.volumes):
        print("nothing was removed", file=sys.stderr)
        return 0
    confirmed = frozenset(each.id for each in taken)

    def plan(now: Observed) -> Plan:
        # What was started, or made, while the question stood open is not what was confirmed.
        still, _ = removable(name, now, only=only, running=arguments.stop)
        found = [each for each in still if each.id in confirmed]
        dependencies = dependencies_of(name, loaded, now)
        made = plan_remove(name, found, dependencies, volumes=arguments.volumes, grace_s=arguments.timeout)
        return _hooked(made, loaded)

    return run_plan(invocation, "rm", name, plan)


def _is_confirmed(containers: tuple[ObservedContainer, ...], *, volumes: bool) -> bool:
    names = ", ".join(sorted(each.replica for each in containers))
    also = " and their anonymous volumes" if volumes else ""
    print(f"remove the container{'s' * (len(containers) != 1)} of {names}{also}? [y/N] ", end="", file=sys.stderr)
    sys.stderr.flush()
    return sys.stdin.readline().strip().lower() in _YES


def _hooked(plan: Plan, loaded: Loaded | None) -> Plan:
    return plan if loaded is None else with_host_hooks(plan, loaded.appliance.hooks, loaded.appliance.directory)
