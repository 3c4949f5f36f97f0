"""Whether a Loader looks after an appliance: then it is the one who changes it, and whoever else does is undone."""

import os
from collections.abc import Mapping
from pathlib import Path

from boxship.engine.port import ContainerEngine
from boxship.errors import ConflictError
from boxship.host.places import LOADER_IMAGE_VARIABLE, STATE_ROOT, box_places

_INSTEAD = {
    "up": "boxship box boot default",
    "start": "boxship box boot current",
    "restart": "boxship box restart SERVICE",
    "reload": "boxship box restart SERVICE",
    "down": "boxship box maintenance on, or boxship uninstall to end its Loader",
    "stop": "boxship box maintenance on, or boxship uninstall to end its Loader",
}
_OTHERWISE = "ask the box: boxship box --help"
CHANGING = frozenset(
    {"up", "start", "restart", "reload", "down", "stop", "kill", "pause", "unpause", "rm", "run", "watch"}
)
"""The verbs that change an appliance's containers. What they bring in by other ways (exec, cp) is a person's own."""


async def refuse_on_a_box(
    verb: str,
    appliance: str,
    engine: ContainerEngine,
    environ: Mapping[str, str] = os.environ,
    state_root: Path = STATE_ROOT,
) -> None:
    """Raises: ConflictError when a Loader looks after the appliance, here or anywhere on this engine; EngineError."""
    is_box = LOADER_IMAGE_VARIABLE in environ or _is_installed(appliance, state_root)
    if is_box or await _loader_runs(appliance, engine):
        raise _refusal(verb, appliance)


def refuse_in_a_loader(verb: str, appliance: str) -> None:
    """For the command line in a Loader's own container, before it looks for files, which aren't there.

    Raises: ConflictError.
    """
    if verb in CHANGING:
        raise _refusal(verb, appliance)


def _refusal(verb: str, appliance: str) -> ConflictError:
    return ConflictError(
        f"a Loader looks after {appliance}, and would undo what {verb} does", hint=_INSTEAD.get(verb, _OTHERWISE)
    )


def _is_installed(appliance: str, state_root: Path) -> bool:
    # Who isn't root may not look there; then the container says it.
    return os.access(box_places(appliance, state_root / appliance).loader, os.F_OK)


async def _loader_runs(appliance: str, engine: ContainerEngine) -> bool:
    return (await engine.observe(())).loader_of(appliance) is not None
