"""What ``up`` does of crane's ways: images that hold volumes come first, commands of the vendor run around builds."""

import asyncio
from pathlib import Path

import pytest
from msgspec.structs import replace

from boxship.errors import HostError
from boxship.events import Event
from boxship.operate.build_hooks import run_build_hooks
from boxship.operate.request import UpRequest
from boxship.operate.up import bring_up, plan_up
from boxship.spec.model import HostHooks
from tests.fakes.clock import FakeClock
from tests.fakes.engine import FakeEngine
from tests.unit.plan.given import appliance, service


async def test_the_image_of_one_that_holds_volumes_is_pulled_before_the_plan_is_made() -> None:
    engine = FakeEngine(FakeClock())
    engine.add_image("img:1")
    engine.registry = {"data:1"}
    engine.volumes_of_pulled = {"data:1": ("/data",)}
    shop = appliance(service("data", image="data:1"), service("web", "data", volumes_from=("data",)))
    events: list[Event] = []
    result = await bring_up(
        shop, engine, events.append, engine.clock, UpRequest(), asyncio.Event(), sysctl_root=Path("/nonexistent")
    )
    assert result.outcome.is_complete
    assert set(engine.world.volumes) == {"app.data-data"}
    again = (await plan_up(shop, engine, UpRequest())).plan
    assert again.steps == ()


@pytest.mark.parametrize("event", ["pre-build", "post-build"])
async def test_build_hooks_run_in_the_files_folder_and_know_the_container(tmp_path: Path, event: str) -> None:
    shop = replace(
        appliance(service("web"), service("db")),
        directory=tmp_path,
        hooks={"web": HostHooks(**{event.replace("-", "_"): ("sh", "-c", "echo $CRANE_HOOKED_CONTAINER > said")})},
    )
    events: list[Event] = []
    await run_build_hooks(shop, ["db", "web"], event, events.append)  # type: ignore[arg-type]
    assert (tmp_path / "said").read_text() == "app.web\n"
    assert len(events) == 1


async def test_a_build_hook_that_fails_ends_the_build(tmp_path: Path) -> None:
    shop = replace(appliance(service("web")), directory=tmp_path, hooks={"web": HostHooks(pre_build=("false",))})
    with pytest.raises(HostError, match="pre-build hook of web: false exited 1"):
        await run_build_hooks(shop, ["web"], "pre-build", lambda event: None)
