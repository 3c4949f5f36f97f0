"""What goes wrong again and again under a real Loader on a real engine is told, and not done without a pause."""

import socket
from pathlib import Path

import pytest

from boxship.engine.docker import connect
from tests.integration.boxes import run_aside
from tests.integration.loaders import LoaderBox, free_ports, loader_box
from tests.integration.small_releases import make_small_releases

pytestmark = [pytest.mark.docker, pytest.mark.slow, pytest.mark.timeout(300)]
_CRASHES, _FIRST = "bxtest-crashes", "bxtest-first"


async def _crash(container: str) -> None:
    engine = connect()
    try:
        await engine.run_exec(container, ("sh", "-c", "kill -KILL $(pidof sleep)"), timeout_s=10.0)
    finally:
        await engine.close()


def _issues(box: LoaderBox) -> dict[str, str]:
    return {each["code"]: each["text"] for each in box.get("/v1/status?soft=1&fresh=1")["issues"]}


def _runs(box: LoaderBox, name: str) -> bool:
    return name in box.running()


def test_a_service_that_crashes_again_and_again_is_an_issue_while_it_runs(tmp_path: Path, test_image: str) -> None:
    releases = tmp_path / "releases"
    make_small_releases(releases, _CRASHES, free_ports(1)[0], test_image, ("1.0.0",))
    folder = tmp_path / "box"
    folder.mkdir()
    with loader_box(_CRASHES, folder, None, "--source", f"dir:{releases}") as box:
        box.to("1.0.0")
        store = f"{_CRASHES}.store.g1"
        assert _issues(box) == {}
        for _ in range(3):
            box.eventually(lambda: _runs(box, store), "it runs")
            run_aside(lambda: _crash(store))
            box.eventually(lambda: not _runs(box, store), "it ended")
        box.eventually(lambda: _runs(box, store), "it runs again")
        found = box.eventually(
            lambda: text if set(text := _issues(box)) == {"service.crashing"} else None, "it is an issue, the only one"
        )
        assert found["service.crashing"].startswith("store ended 3 times in the last ten minutes, last with status ")


def test_a_first_release_whose_port_is_taken_waits_and_is_deployed_when_a_person_asks(
    tmp_path: Path, test_image: str
) -> None:
    releases, (port,) = tmp_path / "releases", free_ports(1)
    make_small_releases(releases, _FIRST, port, test_image, ("1.0.0",))
    folder = tmp_path / "box"
    folder.mkdir()
    with (
        socket.create_server(("127.0.0.1", port)) as somebody,
        loader_box(_FIRST, folder, None, "--source", f"dir:{releases}") as box,
    ):
        box.pull("1.0.0")
        box.end()
        # As if the release had come with the box: nobody has asked for it yet.
        for each in box.state.glob("state.db*"):
            each.unlink()
        box.start()
        box.eventually(lambda: "2 times so far" in box.get("/v1/why")["why"], "it was asked again")
        assert box.get("/v1/why")["why"].startswith("1.0.0 can't be deployed, 2 times so far (")
        operations = box.get("/v1/operations")["operations"]
        assert [(each["kind"], each["status"]) for each in operations] == [("switch", "failed")]
        somebody.close()
        assert box.switch("1.0.0")["status"] == "done"
        assert box.booted()["tag"] == "1.0.0"
