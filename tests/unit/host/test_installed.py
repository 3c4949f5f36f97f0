from pathlib import Path

import pytest

from boxship.errors import ConflictError, HostError
from boxship.host.installed import HostTree
from boxship.host.places import STATE_ROOT, box_places
from boxship.host.sail.files import HostFile, host_files

COMMAND = HostFile(Path("/usr/local/bin/boxship"), b"#!/bin/sh\n", 0o755, is_shared=True)


def files_of(appliance: str, text: bytes = b"1") -> tuple[HostFile, ...]:
    folder = Path("/usr/local/lib/boxship", appliance)
    return HostFile(folder / "sail", text, 0o755), HostFile(folder / "link", link="sail"), COMMAND


def listing(root: Path) -> dict[str, str]:
    """Every path of a tree, with its mode and content."""
    found = {}
    for path in sorted(root.rglob("*")):
        name = str(path.relative_to(root))
        if path.is_symlink():
            found[name] = str(path.readlink())
        else:
            found[name] = f"{path.stat().st_mode:o} {path.read_text() if path.is_file() else ''}"
    return found


@pytest.fixture
def host(tmp_path: Path) -> HostTree:
    (tmp_path / "etc/systemd/system").mkdir(parents=True)
    (tmp_path / "etc/systemd/system/other.service").write_text("[Unit]\n")
    return HostTree(tmp_path)


def test_what_was_installed_is_removed_and_nothing_else(host: HostTree, tmp_path: Path) -> None:
    before = listing(tmp_path)
    files = host_files("share", box_places("share"), {"vm.overcommit_memory": "1"})
    host.install("share", files)
    assert {str(each.path) for each in files} <= {f"/{name}" for name in listing(tmp_path)}
    host.uninstall("share")
    assert listing(tmp_path) == before


def test_a_second_time_changes_nothing(host: HostTree, tmp_path: Path) -> None:
    host.install("share", files_of("share"))
    first = listing(tmp_path)
    changes = host.install("share", files_of("share"))
    assert (changes.written, changes.removed, listing(tmp_path)) == ((), (), first)
    host.uninstall("share")
    assert host.uninstall("share").removed == ()


def test_files_carry_their_modes_and_state_is_roots_alone(host: HostTree, tmp_path: Path) -> None:
    host.install("share", files_of("share"))
    modes = {
        path: oct(tmp_path.joinpath(path).stat().st_mode & 0o7777)
        for path in ("usr/local/bin/boxship", "var/lib/boxship/share")
    }
    assert modes == {"usr/local/bin/boxship": "0o755", "var/lib/boxship/share": "0o700"}


def test_a_file_of_somebody_else_is_refused_before_anything_is_written(host: HostTree, tmp_path: Path) -> None:
    foreign = tmp_path / "usr/local/bin/boxship"
    foreign.parent.mkdir(parents=True)
    foreign.write_text("mine")
    before = listing(tmp_path)
    with pytest.raises(ConflictError, match=r"/usr/local/bin/boxship is there and not Boxship's"):
        host.install("share", files_of("share"))
    assert listing(tmp_path) == before


def test_a_file_that_was_changed_by_hand_is_neither_overwritten_nor_removed(host: HostTree, tmp_path: Path) -> None:
    host.install("share", files_of("share"))
    sail = tmp_path / "usr/local/lib/boxship/share/sail"
    sail.write_text("changed")
    with pytest.raises(ConflictError, match="sail was changed since boxship install"):
        host.install("share", files_of("share", b"2"))
    changes = host.uninstall("share")
    assert changes.changed_by_hand == ("/usr/local/lib/boxship/share/sail",)
    assert sail.read_text() == "changed"


def test_a_newer_version_replaces_its_files_and_removes_what_it_does_not_need(host: HostTree, tmp_path: Path) -> None:
    host.install("share", files_of("share"))
    sail, _, command = files_of("share", b"2")
    changes = host.install("share", (sail, command))
    assert (changes.written, changes.removed) == ((str(sail.path),), ("/usr/local/lib/boxship/share/link",))
    assert (tmp_path / "usr/local/lib/boxship/share/sail").read_bytes() == b"2"


@pytest.mark.parametrize("order", [("share", "other"), ("other", "share")])
def test_what_two_appliances_need_goes_with_the_last_one(
    host: HostTree, tmp_path: Path, order: tuple[str, str]
) -> None:
    before = listing(tmp_path)
    newer = HostFile(COMMAND.path, b"#!/bin/sh\n# newer\n", 0o755, is_shared=True)
    host.install("share", files_of("share"))
    host.install("other", (*files_of("other")[:2], newer))
    first, last = order
    host.uninstall(first)
    assert (tmp_path / "usr/local/bin/boxship").read_bytes() == newer.content
    assert host.uninstall(last).changed_by_hand == ()
    assert listing(tmp_path) == before


def test_a_power_cut_in_the_middle_leaves_nothing_that_uninstall_does_not_know(host: HostTree, tmp_path: Path) -> None:
    before = listing(tmp_path)
    host.install("share", files_of("share"))
    # The record was written before the files, of which only some got there.
    (tmp_path / "usr/local/lib/boxship/share/sail").unlink()
    host.uninstall("share")
    assert listing(tmp_path) == before


def test_what_the_loader_keeps_stays(host: HostTree, tmp_path: Path) -> None:
    host.install("share", files_of("share"))
    state = tmp_path / "var/lib/boxship/share"
    for name in ("loader", "state.db"):
        (state / name).write_text("x")
    host.uninstall("share", [STATE_ROOT / "share" / "loader"])
    assert sorted(path.name for path in state.iterdir()) == ["state.db"]


def test_a_dry_run_writes_nothing(tmp_path: Path) -> None:
    host = HostTree(tmp_path, dry_run=True)
    assert len(host.install("share", files_of("share")).written) == 3
    assert listing(tmp_path) == {}


def test_a_damaged_record_is_told_with_its_place(host: HostTree, tmp_path: Path) -> None:
    host.install("share", files_of("share"))
    (tmp_path / "var/lib/boxship/share/installed.json").write_text("{")
    with pytest.raises(HostError, match=r"can't read .*installed\.json"):
        host.uninstall("share")
