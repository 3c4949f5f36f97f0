"""Runs the vendor's own commands on this machine, as a plan or a build asks for them."""

import os
import shlex
from pathlib import Path

from boxship.errors import HostError
from boxship.host.proc import run_checked
from boxship.plan.action import RunHostHook


async def run_host_hook(action: RunHostHook) -> None:
    """Run it to its end, without a shell.

    Raises: HostError when it can't be started, ends with another status than 0, or takes too long.
    """
    directory = Path(action.directory)
    try:
        await run_checked(
            action.argv,
            timeout_s=action.within_s,
            cwd=directory,
            env={**os.environ, **action.environment},
            hint=f"run it by hand: cd {shlex.quote(action.directory)}; {shlex.join(action.argv)}",
        )
    except HostError as err:
        raise HostError(f"{action.title}: {err.message}", hint=err.hint) from err
