"""Wrong inputs that only show on an engine: the sentence, the exit status, and nothing left behind."""

import socket
import subprocess
from pathlib import Path

import pytest

from tests.integration.boxes import Box
from tests.unit.cli.wrong_inputs import WITH_ENGINE, WrongInput

pytestmark = pytest.mark.docker
IMAGE_DEADLINE_S = 30


@pytest.mark.parametrize("case", WITH_ENGINE, ids=lambda case: case.what)
def test_a_wrong_input_is_told_in_a_sentence_with_an_address_and_a_next_step(
    case: WrongInput, box: Box, tmp_path: Path
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        values = {
            "{folder}": str(tmp_path),
            "{name}": box.name,
            "{image}": box.environment["TEST_IMAGE"],
            "{port}": str(taken.getsockname()[1]),
        }
        _write(case, tmp_path, values)
        ran = box.run(*case.argv)
    assert "Traceback" not in ran.stderr
    assert ran.status == case.status, ran.stderr
    said = iter(ran.stderr.splitlines())
    for wanted in (_filled(line, values) for line in case.says):
        # In this order, with other lines (progress, a builder's output) between them.
        assert any(_agrees(line, wanted) for line in said), f"{wanted!r} is missing in:\n{ran.stderr}"


def test_a_failed_build_leaves_no_image_behind(box: Box, tmp_path: Path) -> None:
    (case,) = (case for case in WITH_ENGINE if "web/Dockerfile" in case.files)
    _write(case, tmp_path, {"{image}": box.environment["TEST_IMAGE"]})
    before = _images()
    assert box.run(*case.argv).status == case.status
    assert _images_for(box.name) == ""
    assert not any(image.startswith(f"{box.name}/") for image in _images() - before)


def _write(case: WrongInput, folder: Path, values: dict[str, str]) -> None:
    for name, content in case.files.items():
        assert isinstance(content, str)
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).write_text(_filled(content, values))


def _filled(text: str, values: dict[str, str]) -> str:
    for key, value in values.items():
        text = text.replace(key, value)
    return text


def _agrees(line: str, wanted: str) -> bool:
    return line.startswith(wanted.removesuffix("...")) if wanted.endswith("...") else line == wanted


def _images() -> frozenset[str]:
    return frozenset(_list_images().split())


def _images_for(appliance: str) -> str:
    return _list_images("--filter", f"label=boxship.built-for={appliance}")


def _list_images(*arguments: str) -> str:
    listed = subprocess.run(
        ["docker", "images", "--format", "{{.Repository}}:{{.Tag}}", *arguments],
        capture_output=True,
        text=True,
        check=True,
        timeout=IMAGE_DEADLINE_S,
    )
    return listed.stdout
