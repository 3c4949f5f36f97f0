"""A folder that a container is shown becomes its user's."""

import os
from pathlib import Path

import pytest

from boxship.errors import HostError
from boxship.execute.owners import hand_over
from boxship.plan.action import ContainerSpec, HandOver
from boxship.spec.model import Service
from tests.fakes.engine import FakeEngine

ONLY_ROOT = pytest.mark.skipif(os.geteuid() != 0, reason="only root gives files away")


async def engine_with(user: str) -> FakeEngine:
    engine = FakeEngine()
    engine.add_image("img:1")
    await engine.create_container(ContainerSpec("app.web", Service("web", user=user), "img:1"))
    return engine


@ONLY_ROOT
async def test_the_folder_and_its_files_are_the_containers_users(tmp_path: Path) -> None:
    token = tmp_path / "token"
    token.touch(0o400)
    await hand_over(await engine_with("1234:7"), HandOver("app.web", str(tmp_path)))
    for path in (tmp_path, token):
        assert (path.stat().st_uid, path.stat().st_gid) == (1234, 7)


async def test_a_folder_that_is_not_there_keeps_its_container_from_starting(tmp_path: Path) -> None:
    with pytest.raises(HostError, match=r"cannot give .* to the user of app\.web: no such file"):
        await hand_over(await engine_with("1234"), HandOver("app.web", str(tmp_path / "gone")))
