"""What changes an appliance from outside is refused where a Loader would undo it."""

from collections.abc import Mapping
from pathlib import Path

import pytest

from boxship.cli.arguments import VERBS
from boxship.errors import ConflictError
from boxship.host.places import LOADER_IMAGE_VARIABLE, box_places, record_loader
from boxship.names import LABEL_LOADER, loader_name
from boxship.operate.looked_after import CHANGING, refuse_in_a_loader, refuse_on_a_box
from boxship.plan.action import ContainerSpec
from boxship.spec.model import Service
from tests.fakes.engine import FakeEngine


async def refusal(tmp_path: Path, engine: FakeEngine, environ: Mapping[str, str], verb: str = "down") -> str:
    with pytest.raises(ConflictError, match="a Loader looks after share") as caught:
        await refuse_on_a_box(verb, "share", engine, environ, tmp_path)
    return caught.value.hint


async def test_where_there_is_no_loader_nothing_is_refused(tmp_path: Path) -> None:
    await refuse_on_a_box("down", "share", FakeEngine(), {}, tmp_path)


async def test_what_is_installed_on_this_host_is_the_loaders_also_while_it_is_down(tmp_path: Path) -> None:
    state = tmp_path / "share"
    state.mkdir()
    record_loader(box_places("share", state), "sha256:1")
    assert "boxship box maintenance on" in await refusal(tmp_path, FakeEngine(), {})
    assert await refusal(tmp_path, FakeEngine(), {}, "kill") == "ask the box: boxship box --help"
    await refuse_on_a_box("down", "share-2", FakeEngine(), {}, tmp_path)


async def test_in_the_loaders_own_container_it_is_known_at_once(tmp_path: Path) -> None:
    await refusal(tmp_path, FakeEngine(), {LOADER_IMAGE_VARIABLE: "sha256:1"}, "up")


async def test_a_loader_that_runs_anywhere_on_the_engine_counts_and_one_that_has_ended_does_not(tmp_path: Path) -> None:
    engine = FakeEngine()
    engine.add_image("platform:1")
    name = loader_name("share")
    spec = ContainerSpec(name, Service(name), "platform:1", labels={LABEL_LOADER: "share"})
    await engine.create_container(spec)
    await refuse_on_a_box("down", "share", engine, {}, tmp_path)
    await engine.start_container(name)
    await refusal(tmp_path, engine, {})


def test_what_changes_nothing_is_not_refused_and_what_is_refused_is_a_verb() -> None:
    for verb in ("ps", "logs", "status", "box", "exec", "loader"):
        refuse_in_a_loader(verb, "share")
    with pytest.raises(ConflictError, match="would undo what up does"):
        refuse_in_a_loader("up", "share")
    assert {name for name, *_ in VERBS} >= CHANGING
