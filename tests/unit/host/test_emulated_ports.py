"""Which ports emulations have for themselves, as others on the host see it."""

import os
from pathlib import Path

import pytest

from boxship.errors import HostError
from boxship.host.box_ports import BoxPorts
from boxship.host.emulated_ports import EmulatedPorts


@pytest.fixture
def root(tmp_path: Path) -> Path:
    (tmp_path / "var/tmp").mkdir(parents=True)
    return tmp_path


def emulated(root: Path, name: str) -> Path:
    """The folder as the host calls it."""
    (root / "home" / name).mkdir(parents=True, exist_ok=True)
    return Path("/home") / name


def claims(root: Path) -> Path:
    return root / f"var/tmp/boxship-ports-{os.getuid()}"


def test_everybody_reads_who_has_which_and_nobody_is_in_the_way_of_itself(root: Path) -> None:
    one, two, ports = emulated(root, "one"), emulated(root, "two"), EmulatedPorts(root)
    assert ports.taken() == frozenset()
    ports.claim(one, BoxPorts())
    ports.claim(two, BoxPorts(8482, 9000))
    assert ports.taken() == {8480, 8481, 8482, 9000}
    assert ports.taken(but=two) == {8480, 8481}
    assert [path.stat().st_mode & 0o444 for path in (claims(root), *claims(root).iterdir())] == [0o444] * 3
    ports.forget(one)
    ports.forget(one)
    assert ports.taken() == {8482, 9000}


def test_a_folder_that_is_gone_has_none_and_the_next_claim_tidies_up(root: Path) -> None:
    one, two, ports = emulated(root, "one"), emulated(root, "two"), EmulatedPorts(root)
    ports.claim(one, BoxPorts())
    (root / "home/one").rmdir()
    assert ports.taken() == frozenset()
    ports.claim(two, BoxPorts(8482, 8483))
    assert len(list(claims(root).iterdir())) == 1


def test_what_somebody_else_says_counts_and_what_is_no_claim_counts_for_nothing(root: Path) -> None:
    folder = emulated(root, "theirs")
    theirs = root / "var/tmp/boxship-ports-12345"
    theirs.mkdir()
    (theirs / "good").write_text(f"8490 8491 {folder}\n")
    (theirs / "words").write_text("eight nine /home\n")
    (theirs / "short").write_text("8492\n")
    (theirs / "binary").write_bytes(b"\xff\x00")
    (theirs / "long").write_text(f"8494 8495 {folder}{'x' * 10_000}")
    (theirs / "nothing").write_text("8498 8499 /home\0\n")
    (theirs / "folder").mkdir()
    (root / "secret").write_text(f"8496 8497 {folder}\n")
    (theirs / "link").symlink_to(root / "secret")
    os.mkfifo(theirs / "pipe")
    assert EmulatedPorts(root).taken() == {8490, 8491}


def test_a_folder_that_isnt_ours_is_not_written_into(root: Path) -> None:
    (root / "elsewhere").mkdir()
    claims(root).symlink_to(root / "elsewhere")
    with pytest.raises(HostError, match="is somebody else's"):
        EmulatedPorts(root).claim(emulated(root, "one"), BoxPorts())
    assert list((root / "elsewhere").iterdir()) == []


def test_where_nothing_can_be_said_that_is_an_error_with_a_way_out(tmp_path: Path) -> None:
    with pytest.raises(HostError, match="can't write below") as caught:
        EmulatedPorts(tmp_path).claim(Path("/home/one"), BoxPorts())
    assert "--page-port" in caught.value.hint
