"""Files and folders that containers are to be given must be there before anything is made."""

from pathlib import Path

import pytest
from msgspec.structs import replace

from boxship.errors import EngineError, SpecError
from boxship.operate.request import UpRequest
from boxship.operate.up import plan_up
from boxship.spec.model import Appliance, Mount
from boxship.spec.model_files import Grant, SharedFile
from tests.unit.operate.test_up import Box
from tests.unit.plan.given import appliance, service


def bind(source: Path, *, is_made: bool = False) -> Mount:
    return Mount(kind="bind", source=str(source), target="/there", create_host_path=is_made)


@pytest.fixture
def box(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Box:
    # Fingerprints keep a key there, which is no code of ours.
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    return Box()


def lacking(folder: Path) -> Appliance:
    made = appliance(
        service("web", mounts=(bind(folder / "conf"),), secrets=(Grant("key"),)),
        service("db", mounts=(bind(folder / "data", is_made=True), bind(folder))),
        service("mail", mounts=(bind(folder / "spool"),)),
    )
    return replace(made, secrets={"key": SharedFile("key", "secret", file=str(folder / "key.pem"))})


async def test_all_that_is_missing_is_told_at_once_and_nothing_is_made(box: Box, tmp_path: Path) -> None:
    with pytest.raises(SpecError) as caught:
        await box.up(lacking(tmp_path))
    told = sorted(f"{problem.path}: {problem.reason}" for problem in caught.value.problems)
    assert told == [
        f"services.mail.volumes: the source of a bind mount, {tmp_path}/spool, does not exist on this host",
        f"services.web.secrets: the file of secret 'key', {tmp_path}/key.pem, does not exist on this host",
        f"services.web.volumes: the source of a bind mount, {tmp_path}/conf, does not exist on this host",
    ]
    assert set(box.engine.calls) <= {"observe", "host_name"}
    with pytest.raises(SpecError):
        await plan_up(lacking(tmp_path), box.engine, UpRequest())


async def test_on_another_host_than_the_engines_the_engine_says_so_itself(box: Box, tmp_path: Path) -> None:
    box.engine.host = "far-away"
    result = await box.up(lacking(tmp_path))
    assert {type(failure.error) for failure in result.outcome.failures} == {EngineError}


async def test_what_runs_already_is_not_asked_for_its_files_again(box: Box, tmp_path: Path) -> None:
    for name in ("conf", "key.pem", "spool"):
        (tmp_path / name).write_text("x")
    assert (await box.up(lacking(tmp_path))).outcome.is_complete
    (tmp_path / "conf").unlink()
    assert (await box.up(lacking(tmp_path))).outcome.is_complete
    assert "host_name" not in box.engine.calls
