"""Verbs that make it so, or say what that would take: up and plan."""

import argparse
import json

from boxship.cli.attach import run_up
from boxship.cli.context import Invocation
from boxship.cli.run import run_with_engine
from boxship.engine.port import Engine
from boxship.operate.up import UpRequest, plan_up
from boxship.plan.verdict import Options


def add_up(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("services", nargs="*", metavar="SERVICE", help="only these and what they depend on")
    parser.add_argument("-d", "--detach", action="store_true", help="return when every service is ready")
    build = parser.add_mutually_exclusive_group()
    build.add_argument(
        "--build", action="store_true", default=None, help="build images first, also those that are there"
    )
    build.add_argument("--no-build", dest="build", action="store_false", help="never build")
    parser.add_argument("--force-recreate", action="store_true", help="recreate containers that are as they should be")
    parser.add_argument("--no-recreate", action="store_true", help="leave containers that differ as they are")
    parser.add_argument("--no-deps", action="store_true", help="only the services named, not what they depend on")
    parser.add_argument("--remove-orphans", action="store_true", help="remove services that the files no longer have")
    parser.add_argument("-V", "--renew-anon-volumes", action="store_true", help="new anonymous volumes")
    parser.add_argument("--pull", choices=["always", "missing", "never"], default="missing")
    parser.add_argument("-t", "--timeout", type=float, metavar="SECONDS", help="grace time before a kill")
    parser.add_argument("--wait", action="store_true", help="always so with -d; here for compatibility")
    parser.set_defaults(run=up)


def up(invocation: Invocation, arguments: argparse.Namespace) -> int:
    loaded = invocation.load_with_warnings()
    request = UpRequest(
        target=invocation.target,
        profiles=loaded.active_profiles,
        services=tuple(arguments.services),
        with_dependencies=not arguments.no_deps,
        build=arguments.build,
        pull=arguments.pull,
        options=_options(arguments),
    )

    async def work(engine: Engine) -> int:
        return await run_up(invocation, loaded.appliance, engine, request, attached=not arguments.detach)

    return run_with_engine(work)


def add_plan(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("services", nargs="*", metavar="SERVICE", help="only these and what they depend on")
    parser.add_argument("--force-recreate", action="store_true", help="as for up")
    parser.add_argument("--no-recreate", action="store_true", help="as for up")
    parser.add_argument("--no-deps", action="store_true", help="as for up")
    parser.add_argument("--remove-orphans", action="store_true", help="as for up")
    parser.set_defaults(run=plan, renew_anon_volumes=False, timeout=None)


def plan(invocation: Invocation, arguments: argparse.Namespace) -> int:
    loaded = invocation.load_with_warnings()
    request = UpRequest(
        target=invocation.target,
        profiles=loaded.active_profiles,
        services=tuple(arguments.services),
        with_dependencies=not arguments.no_deps,
        options=_options(arguments),
    )
    made, to_build = run_with_engine(lambda engine: plan_up(loaded.appliance, engine, request))
    if invocation.is_json:
        steps = [
            {
                "id": step.id,
                "subject": step.subject,
                "action": type(step.action).__name__,
                "cause": step.cause,
                "after": list(step.after),
                "after_ended": list(step.after_ended),
            }
            for step in made.steps
        ]
        print(json.dumps({"build": list(to_build), "steps": steps, "kept": dict(made.kept)}))
        return 0
    for reference in to_build:
        print(f"build {reference}, not built yet")
    print(str(made) if made.steps else "nothing to do: everything is as it should be")
    return 0


def _options(arguments: argparse.Namespace) -> Options:
    return Options(
        force_recreate=arguments.force_recreate,
        no_recreate=arguments.no_recreate,
        remove_orphans=arguments.remove_orphans,
        renew_anonymous_volumes=arguments.renew_anon_volumes,
        stop_grace_s=arguments.timeout,
    )
