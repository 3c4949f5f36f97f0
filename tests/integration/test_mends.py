"""What ends by itself under a real Loader on a real engine is started again at once, and not at its next look round."""

from pathlib import Path

import pytest

from boxship.engine.docker import connect
from boxship.errors import EngineNotFoundError
from boxship.loader.loop import LOOK_AGAIN_S
from boxship.plan.observed import ContainerState
from tests.integration.boxes import run_aside
from tests.integration.loaders import free_ports, loader_box
from tests.integration.small_releases import make_small_releases

pytestmark = [pytest.mark.docker, pytest.mark.slow, pytest.mark.timeout(300)]
_NAME = "bxtest-mends"


async def _kill(container: str) -> str:
    """When it had been started."""
    engine = connect()
    try:
        before = await engine.inspect_container(container)
        await engine.kill_container(container, "KILL")
    finally:
        await engine.close()
    return before.started_at


async def _started_at(container: str) -> str:
    """ "" while it doesn't run."""
    engine = connect()
    try:
        found = await engine.inspect_container(container)
    except EngineNotFoundError:
        return ""
    finally:
        await engine.close()
    return found.started_at if found.state is ContainerState.RUNNING else ""


def test_a_container_that_was_killed_runs_again_before_the_next_look_round(tmp_path: Path, test_image: str) -> None:
    releases = tmp_path / "releases"
    make_small_releases(releases, _NAME, free_ports(1)[0], test_image, ("1.0.0",))
    folder = tmp_path / "box"
    folder.mkdir()
    with loader_box(_NAME, folder, None, "--source", f"dir:{releases}") as box:
        box.to("1.0.0")
        killed = f"{_NAME}.store.g1"
        before = run_aside(lambda: _kill(killed))

        def runs_again() -> bool:
            # The engine says for a moment that what was killed runs.
            return run_aside(lambda: _started_at(killed)) not in ("", before)

        # The Loader has just looked around, as it does after everything that it did itself.
        box.eventually(runs_again, "it runs again", within_s=LOOK_AGAIN_S / 2)
