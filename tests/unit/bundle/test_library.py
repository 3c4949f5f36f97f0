"""The releases on a box: whole or not there, and never trusted blindly."""

import gzip
import io
import shutil
import tarfile
from pathlib import Path

import pytest
from msgspec.structs import replace

from boxship.bundle.library import Library
from boxship.bundle.pack import describe, pack, stays_inside
from boxship.errors import NotFoundError, RegistryError, StateError
from boxship.spec.release import Release, ReleaseFile
from tests.unit.bundle.places import write


def release_of(folder: Path, version: str = "1.0.0") -> Release:
    names = sorted(str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_symlink() or path.is_file())
    return Release("share", version, services={}, files={name: describe(folder / name) for name in names})


@pytest.fixture
def files(tmp_path: Path) -> Path:
    folder = write(tmp_path / "files", {"compose.yaml": "services: {}", "bin/run": "#!/bin/sh", "a/b/c": "deep"})
    (folder / "bin/run").chmod(0o755)
    (folder / "a/link").symlink_to("b/c")
    return folder


def archived(tmp_path: Path, data: bytes) -> Path:
    path = tmp_path / "archive.tar.gz"
    path.write_bytes(data)
    return path


@pytest.fixture
def library(tmp_path: Path) -> Library:
    return Library(tmp_path / "state")


def test_what_was_added_is_read_as_it_was(tmp_path: Path, files: Path, library: Library) -> None:
    release = release_of(files)
    added = library.add(release, archived(tmp_path, pack(files, release.files)))
    kept = library.read(release.id)
    assert (kept.release.id, kept.folder) == (added.release.id, added.folder)
    assert kept.release.id == release.id
    assert {name: describe(kept.folder / name) for name in release.files} == dict(release.files)
    assert (kept.folder / "a/link").read_text() == "deep"
    assert library.ids() == (release.id,)


def test_adding_twice_changes_nothing_and_mends_what_is_damaged(tmp_path: Path, files: Path, library: Library) -> None:
    release = release_of(files)
    archive = archived(tmp_path, pack(files, release.files))
    folder = library.add(release, archive).folder
    (folder / "compose.yaml").write_text("services: {evil: {}}")
    with pytest.raises(StateError, match=r"compose\.yaml of 1\.0\.0 was changed since it was pulled"):
        library.read(release.id)
    library.add(release, archive)
    library.add(release, archive)
    assert library.read(release.id).release.id == release.id


def test_a_changed_mode_a_missing_file_and_a_foreign_record_are_found(
    tmp_path: Path, files: Path, library: Library
) -> None:
    release = release_of(files)
    folder = library.add(release, archived(tmp_path, pack(files, release.files))).folder
    (folder / "bin/run").chmod(0o644)
    with pytest.raises(StateError, match="bin/run"):
        library.read(release.id)
    (folder / "bin/run").unlink()
    with pytest.raises(StateError, match="can't be read"):
        library.read(release.id)
    (folder.parent / "release.json").write_text("{}")
    with pytest.raises(StateError):
        library.read(release.id)


def test_what_is_removed_is_gone_and_what_a_power_cut_left_is_swept(
    tmp_path: Path, files: Path, library: Library
) -> None:
    release = release_of(files)
    library.add(release, archived(tmp_path, pack(files, release.files)))
    library.remove(release.id)
    library.remove(release.id)
    assert library.ids() == ()
    with pytest.raises(NotFoundError):
        library.read(release.id)
    half = tmp_path / "state/releases/.new-123"
    half.mkdir()
    assert library.ids() == ()
    library.sweep()
    assert not half.exists()


def test_the_record_of_a_removed_release_is_kept_until_it_is_forgotten(
    tmp_path: Path, files: Path, library: Library
) -> None:
    release = release_of(files)
    archive = archived(tmp_path, pack(files, release.files))
    library.add(release, archive)
    assert library.removed() == ()
    library.remove(release.id)
    assert (library.ids(), library.removed()) == ((), (release.id,))
    assert library.record(release.id).id == release.id
    library.add(release, archive)
    assert (library.ids(), library.removed()) == ((release.id,), ())
    library.remove(release.id)
    library.forget(release.id)
    library.forget(release.id)
    assert library.removed() == ()
    with pytest.raises(NotFoundError):
        library.record(release.id)


def test_a_record_is_known_as_long_as_one_of_its_two_copies_is_whole(
    tmp_path: Path, files: Path, library: Library
) -> None:
    release = release_of(files)
    folder = library.add(release, archived(tmp_path, pack(files, release.files))).folder
    inner, outer = folder.parent / "release.json", tmp_path / f"state/records/{release.id[7:]}.json"
    (folder / "compose.yaml").unlink()
    for damaged, whole in ((inner, outer), (outer, inner)):
        kept = damaged.read_bytes()
        damaged.write_bytes(kept[:-1])
        assert library.record(release.id).id == release.id
        damaged.write_bytes(kept)
        assert whole.read_bytes() == kept
    inner.write_text("{}")
    outer.write_text("{}")
    with pytest.raises(StateError, match=r"release\.json can't be read"):
        library.record(release.id)


def test_a_release_of_an_older_boxship_gets_its_second_record_when_it_is_removed(
    tmp_path: Path, files: Path, library: Library
) -> None:
    release = release_of(files)
    library.add(release, archived(tmp_path, pack(files, release.files)))
    shutil.rmtree(tmp_path / "state/records")
    assert library.record(release.id).id == release.id
    library.remove(release.id)
    assert library.removed() == (release.id,)


def test_what_a_pull_that_was_cut_off_left_can_be_dropped(tmp_path: Path, library: Library) -> None:
    library.drop_begun()
    library.blobs.mkdir(parents=True)
    (library.blobs / "abc.partial").write_bytes(b"the beginning")
    library.drop_begun()
    assert not library.blobs.exists()


def test_files_that_do_not_fit_the_record_are_not_added(tmp_path: Path, files: Path, library: Library) -> None:
    release = release_of(files)
    data = pack(files, release.files)
    for wrong, said in (
        (replace(release, files={**release.files, "more": ReleaseFile(f"sha256:{'0' * 64}")}), "lack more"),
        (replace(release, files={k: v for k, v in release.files.items() if k != "a/b/c"}), "does not name"),
        (
            replace(release, files={**release.files, "compose.yaml": ReleaseFile("sha256:00", 12)}),
            "not what its record",
        ),
    ):
        with pytest.raises(RegistryError, match=said):
            library.add(wrong, archived(tmp_path, data))
    with pytest.raises(RegistryError, match=r"lack|can't be read"):
        library.add(release, archived(tmp_path, data[: len(data) // 2]))
    with pytest.raises(RegistryError, match="can't be read"):
        library.add(release, archived(tmp_path, b"no archive"))
    assert library.ids() == ()


@pytest.mark.parametrize("name", ["../out", "/etc/passwd", "a/../../out", "./x", "a//b", "", "."])
def test_a_file_s_name_cannot_lead_out(tmp_path: Path, library: Library, name: str) -> None:
    evil = Release("share", "1", services={}, files={name: ReleaseFile(f"sha256:{'0' * 64}")})
    with pytest.raises(RegistryError, match="which can't be"):
        library.add(evil, archived(tmp_path, gzip.compress(b"")))


def test_a_link_cannot_lead_out_nor_be_written_through(tmp_path: Path, library: Library) -> None:
    evil = Release("share", "1", services={}, files={"a": ReleaseFile(link="../../out")})
    with pytest.raises(RegistryError, match="leads out"):
        library.add(evil, archived(tmp_path, gzip.compress(b"")))
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w:gz") as tar:
        link = tarfile.TarInfo("a")
        link.type, link.linkname = tarfile.SYMTYPE, "/etc"
        tar.addfile(link)
    file = ReleaseFile(f"sha256:{'0' * 64}", 0)
    with pytest.raises(RegistryError, match="not what its record says"):
        library.add(Release("share", "1", services={}, files={"a": file}), archived(tmp_path, buffer.getvalue()))


@pytest.mark.parametrize(
    ("name", "target", "inside"),
    [
        ("a/b", "c", True),
        ("a/b", "../c", True),
        ("a/b", "../../c", False),
        ("b", "/c", False),
        ("a/b", "c/../../../d", False),
    ],
)
def test_whether_a_link_stays_inside(name: str, target: str, inside: bool) -> None:
    assert stays_inside(name, target) is inside
