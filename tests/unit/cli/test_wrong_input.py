"""Every wrong input of the list gets its sentence and its exit status, never a traceback."""

import os
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from boxship.cli import files, graph, logs, ps  # noqa: F401 (imported by name later, when this process may read nothing)
from boxship.cli.main import main
from boxship.engine import docker  # noqa: F401 (the same)
from tests.unit.cli.wrong_inputs import WITHOUT_ENGINE, WrongInput

NOBODY = 65534


@pytest.mark.parametrize("case", WITHOUT_ENGINE, ids=lambda case: case.what)
def test_a_wrong_input_is_told_in_a_sentence_with_an_address_and_a_next_step(
    case: WrongInput, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    _surround(case, tmp_path, monkeypatch)
    with _made(case, tmp_path):
        status = _run(case)
    captured = capsys.readouterr()
    said = captured.err.replace(str(tmp_path), "{folder}").splitlines()
    assert "Traceback" not in captured.err
    assert (status, said) == (case.status, list(case.says))
    assert bool(captured.out) is (case.status == 0)


def test_the_list_holds_each_case_once() -> None:
    assert len({case.what for case in WITHOUT_ENGINE}) == len(WITHOUT_ENGINE)


def _surround(case: WrongInput, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [name for name in os.environ if name.startswith(("COMPOSE_", "DOCKER_"))] + ["TAG", "GREETING"]:
        monkeypatch.delenv(name, raising=False)
    if case.docker_host:
        monkeypatch.setenv("DOCKER_HOST", case.docker_host.replace("{folder}", str(folder)))
    monkeypatch.chdir(folder)


@contextmanager
def _made(case: WrongInput, folder: Path) -> Iterator[None]:
    for name, content in case.files.items():
        (folder / name).write_bytes(content if isinstance(content, bytes) else content.encode())
    for name in case.folders:
        (folder / name).mkdir()
    for name in case.fifos:
        os.mkfifo(folder / name)
    for name in case.unreadable:
        (folder / name).chmod(0)
    if not case.locked_socket:
        yield
        return
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind(str(folder / case.locked_socket))
        listening.listen()
        (folder / case.locked_socket).chmod(0)
        yield


def _run(case: WrongInput) -> int:
    is_root = os.geteuid() == 0
    if case.is_about_rights and is_root:
        os.seteuid(NOBODY)
    try:
        return main(list(case.argv))
    except SystemExit as end:
        return end.code if isinstance(end.code, int) else 1
    finally:
        if is_root:
            os.seteuid(0)
