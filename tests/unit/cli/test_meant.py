"""Which box of a host is asked when nobody says it."""

from pathlib import Path

import pytest

from boxship.cli.context import Invocation
from boxship.cli.meant import appliance_meant
from boxship.errors import NotFoundError, UsageError
from boxship.host.places import EMULATION_FOLDER, emulated_places

COMPOSE = "name: share\nservices: {web: {image: web}}\n"


@pytest.fixture
def run(tmp_path: Path) -> Path:
    return tmp_path / "run"


@pytest.fixture
def here(tmp_path: Path) -> Path:
    folder = tmp_path / "here"
    folder.mkdir()
    return folder


def begin(run: Path, *names: str) -> None:
    for name in names:
        (run / name).mkdir(parents=True)
        (run / name / "loader.sock").touch()


def asked(here: Path, run: Path, *files: Path) -> str | None:
    invocation = Invocation(files, None, (), (), here, None, is_json=False, is_debug=False, is_lax=False)
    return appliance_meant(invocation, here, run)


def test_without_files_nobody_is_meant(here: Path, run: Path) -> None:
    begin(run, "shop")
    assert asked(here, run) is None


def test_the_box_of_the_files_is_meant_whatever_else_is_there(here: Path, run: Path) -> None:
    (here / "compose.yaml").write_text(COMPOSE)
    begin(run, "shop", "share")
    assert asked(here, run) == "share"
    # Its Loader is just being replaced.
    (run / "share/loader.sock").unlink()
    assert asked(here, run) == "share"


def test_files_may_be_named(here: Path, run: Path) -> None:
    (here / "other.yaml").write_text(COMPOSE)
    begin(run, "shop", "share")
    assert asked(here, run, Path("other.yaml")) == "share"


def test_another_appliances_box_is_not_asked_and_those_that_are_there_are_told(here: Path, run: Path) -> None:
    (here / "compose.yaml").write_text(COMPOSE)
    begin(run, "shop", "till")
    with pytest.raises(NotFoundError, match="no box of share is on this host") as caught:
        asked(here, run)
    assert caught.value.hint == "boxes of this host: shop, till; say which: boxship -p NAME box ..."


def test_files_that_are_wrong_are_no_reason_to_ask_another_box(here: Path, run: Path) -> None:
    begin(run, "shop")
    (here / "compose.yaml").write_text("name: share\nservices: {web: {image: web, prots: []}}\n")
    with pytest.raises(NotFoundError, match="no box of share"):
        asked(here, run)
    (here / "compose.yaml").write_text("services: {web: [\n")
    with pytest.raises(UsageError, match="don't tell whose they are") as caught:
        asked(here, run)
    assert "boxes of this host: shop" in caught.value.hint
    assert "boxship check" in caught.value.hint


def test_files_are_not_read_where_there_is_nothing_to_choose(here: Path, run: Path) -> None:
    (here / "compose.yaml").write_text("services: {web: [\n")
    assert asked(here, run) is None
    begin(run, "shop")
    emulated = emulated_places("share", here / EMULATION_FOLDER).socket
    emulated.parent.mkdir(parents=True)
    emulated.touch()
    assert asked(here, run) is None
