"""What ``up`` would do, shown and not done."""

import argparse
import json

from boxship.cli.context import Invocation
from boxship.cli.render.plans import images_as_text, plan_as_data, plan_as_text
from boxship.cli.run import run_with_engine
from boxship.cli.selection import present_services
from boxship.cli.wanted import wanted
from boxship.engine.port import Engine
from boxship.operate.up import Ahead, plan_up
from boxship.spec.loaded import Loaded


def rehearse(invocation: Invocation, loaded: Loaded, arguments: argparse.Namespace) -> int:
    """Show what ``up`` would do."""

    async def look_ahead(engine: Engine) -> Ahead:
        chosen = wanted(invocation, loaded, arguments, await present(engine, loaded, arguments))
        return await plan_up(chosen.appliance, engine, chosen.request)

    return _show_ahead(invocation, loaded, run_with_engine(look_ahead))


async def present(engine: Engine, loaded: Loaded, arguments: argparse.Namespace) -> frozenset[str] | None:
    """The services that have a container; asked only when it makes a difference."""
    return present_services(loaded.appliance.name, await engine.observe(())) if arguments.affected else None


def _show_ahead(invocation: Invocation, loaded: Loaded, ahead: Ahead) -> int:
    if invocation.is_json:
        warnings = [warning.as_data() for warning in loaded.warnings]
        data = plan_as_data(ahead.plan, build=tuple(ahead.builds), pull=tuple(ahead.pulls))
        print(json.dumps({**data, "warnings": warnings}))
        return 0
    before = (*images_as_text(ahead.builds, "build"), *images_as_text(ahead.pulls, "pull"))
    print(plan_as_text(ahead.plan, before))
    return 0
