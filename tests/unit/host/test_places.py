from pathlib import Path

import pytest

from boxship.errors import UsageError
from boxship.host.places import (
    EMULATION_FOLDER,
    Places,
    box_places,
    emulated_places,
    find_socket,
    loader_arguments,
    read_line,
    record_loader,
    report_loader,
)


def test_the_folders_of_an_appliance_are_its_own() -> None:
    places = box_places("share")
    assert (places.state, places.socket) == (Path("/var/lib/boxship/share"), Path("/run/boxship/share/loader.sock"))


def test_the_loader_is_told_where_its_folders_are(tmp_path: Path) -> None:
    places = box_places("share", tmp_path, tmp_path / "run")
    arguments = loader_arguments("share", places)
    assert arguments == ("--project-name", "share", "loader", "--state", str(tmp_path), "--run", str(tmp_path / "run"))


def test_the_loader_that_was_recorded_becomes_the_previous_one(tmp_path: Path) -> None:
    places = Places(tmp_path, tmp_path)
    assert [record_loader(places, image) for image in ("sha256:1", "sha256:2", "sha256:2")] == [True, True, False]
    assert (read_line(places.loader), read_line(places.loader_previous)) == ("sha256:2", "sha256:1")
    assert {path.name for path in tmp_path.iterdir()} == {"loader", "loader.previous"}, "no drafts are left"


def test_a_report_names_the_boot_and_the_image(tmp_path: Path) -> None:
    places = Places(tmp_path, tmp_path)
    report_loader(places, "b1", "sha256:1")
    assert places.loader_reported.read_text() == "b1 sha256:1\n"


def test_the_box_that_is_meant_is_the_emulation_here_the_named_one_or_the_only_one(tmp_path: Path) -> None:
    run = tmp_path / "run"
    assert find_socket(None, tmp_path, run) == run / "NAME" / "loader.sock"
    (run / "share").mkdir(parents=True)
    (run / "share" / "loader.sock").touch()
    assert find_socket(None, tmp_path, run) == run / "share" / "loader.sock"
    (run / "shop").mkdir()
    (run / "shop" / "loader.sock").touch()
    with pytest.raises(UsageError, match="several boxes run on this host: share, shop"):
        find_socket(None, tmp_path, run)
    assert find_socket("shop", tmp_path, run) == run / "shop" / "loader.sock"
    emulated = emulated_places("share", tmp_path / EMULATION_FOLDER).socket
    emulated.parent.mkdir(parents=True)
    emulated.touch()
    assert find_socket("shop", tmp_path, run) == emulated
