"""gc on a real engine, with what stands in its way there: tags that moved, and things of the operator's."""

import json
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.contracts.images import TEST_IMAGE
from tests.integration.loaders import LoaderBox, free_ports, loader_box
from tests.integration.small_releases import make_small_releases

pytestmark = [pytest.mark.docker, pytest.mark.slow, pytest.mark.timeout(300)]

APPLIANCE = "bxtest-collect"
OWN = "bxtest-collect-own"
"""What the operator made."""


def docker(*arguments: str, text: str = "") -> str:
    done = subprocess.run(["docker", *arguments], input=text, capture_output=True, text=True, check=True, timeout=120)
    return done.stdout.strip()


def build(number: str) -> str:
    """A small image of its own id; its reference."""
    docker("build", "--quiet", "--tag", f"{OWN}:{number}", "-", text=f"FROM {TEST_IMAGE}\nRUN echo {number} >/number\n")
    return f"{OWN}:{number}"


def images(folder: Path) -> dict[str, str]:
    """Version -> the id of the image of its services, of the releases of a folder."""
    blobs = [path.read_bytes() for path in folder.glob("blobs/sha256/*") if path.stat().st_size < 100_000]
    records = [json.loads(data) for data in blobs if data.startswith(b'{"appliance":')]
    return {each["version"]: each["services"]["web"]["id"] for each in records}


def is_here(image_id: str) -> bool:
    return bool(docker("image", "ls", "--all", "--quiet", "--no-trunc").count(image_id))


def tags_of(image_id: str) -> set[str]:
    return set(json.loads(docker("image", "inspect", "--format", "{{json .RepoTags}}", image_id)))


@pytest.fixture
def places(tmp_path: Path) -> Iterator[tuple[Path, Path]]:
    """1.0.0, and a second folder with 1.0.0 published again and what came later; none of their images is here."""
    first, second = tmp_path / "one" / "releases", tmp_path / "two" / "releases"
    made = [f"{OWN}:{number}" for number in ("1", "again", "2", "3")]
    try:
        for folder, version, number in (
            (first, "1.0.0", "1"),
            (second, "1.0.0", "again"),
            (second, "2.0.0", "2"),
            (second, "3.0.0", "3"),
        ):
            make_small_releases(folder, APPLIANCE, free_ports(1)[0], build(number), (version,))
        services = [
            f"{APPLIANCE}/{name}:{version}" for name in ("store", "web") for version in ("1.0.0", "2.0.0", "3.0.0")
        ]
        docker("rmi", *made, *services)
        assert not any(map(is_here, (*images(first).values(), *images(second).values())))
        yield first, second
    finally:
        left = docker("image", "ls", "--quiet", "--filter", f"reference={OWN}", "--filter", "dangling=false")
        if left:
            docker("rmi", *dict.fromkeys(docker("image", "ls", "--format", "{{.Repository}}:{{.Tag}}", OWN).split()))


def pull_from(box: LoaderBox, folder: Path, version: str) -> None:
    assert box.ask("POST", "/v1/registry", {"registry": f"dir:{folder}"})[0] == 200
    assert box.pull(version)["status"] == "done"


def test_what_was_published_again_and_what_could_not_go_at_once_is_gone_in_the_end(
    places: tuple[Path, Path], tmp_path: Path
) -> None:
    first, second = places
    before, again = images(first)["1.0.0"], images(second)["1.0.0"]
    home = tmp_path / "box"
    home.mkdir()
    with loader_box(APPLIANCE, home) as box:
        pull_from(box, first, "1.0.0")
        assert box.switch("1.0.0")["status"] == "done"
        pull_from(box, second, "1.0.0")
        assert tags_of(before) == {f"{APPLIANCE}/{name}:replaced-{before[7:19]}" for name in ("store", "web")}
        # What has a name is no business of a prune, though nothing runs from it.
        docker("tag", again, f"{OWN}:kept")
        box.to("2.0.0")
        assert box.over(box.begin("/v1/gc"))["status"] == "done"
        assert is_here(before), "previous needs it"
        assert tags_of(again) == {f"{OWN}:kept"}, "the operator's own"

        box.to("3.0.0")
        # Others move its names away, and a container of the operator's holds it.
        for name in ("store", "web"):
            docker("tag", again, f"{APPLIANCE}/{name}:replaced-{before[7:19]}")
        assert tags_of(before) == set()
        docker("create", "--name", OWN, before, "true")
        try:
            partial = box.over(box.begin("/v1/gc"))
            assert partial["status"] == "failed"
            assert partial["failure"]["code"] == "gc.partial"
            assert before in partial["failure"]["message"]
            assert is_here(before)
        finally:
            docker("rm", OWN)
        foreseen = box.get("/v1/gc")
        assert (foreseen["images"], foreseen["releases"]) == ([before], [])
        assert box.over(box.begin("/v1/gc"))["status"] == "done"
        assert not is_here(before)
        assert not box.get("/v1/gc")["images"]
        assert len(list((box.state / "records").iterdir())) == 2


def test_a_version_that_is_published_again_with_another_variable_alone_is_another_image(tmp_path: Path) -> None:
    """Of the same layers, so nothing of it is fetched but its configuration."""
    folders = [tmp_path / value / "releases" for value in ("one", "two")]
    home = tmp_path / "box"
    home.mkdir()
    for folder in folders:
        value = folder.parent.name
        docker("build", "--quiet", "--tag", f"{OWN}:{value}", "-", text=f"FROM {TEST_IMAGE}\nENV WHICH={value}\n")
        make_small_releases(folder, APPLIANCE, free_ports(1)[0], f"{OWN}:{value}", ("1.0.0",))
        docker("rmi", f"{OWN}:{value}", *(f"{APPLIANCE}/{name}:1.0.0" for name in ("store", "web")))
    with loader_box(APPLIANCE, home) as box:
        for folder in folders:
            pull_from(box, folder, "1.0.0")
            assert f"{APPLIANCE}/web:1.0.0" in tags_of(images(folder)["1.0.0"])
        assert box.switch("1.0.0")["status"] == "done"
        told = docker("container", "inspect", "--format", "{{json .Config.Env}}", box.running()[0])
        assert "WHICH=two" in json.loads(told)
