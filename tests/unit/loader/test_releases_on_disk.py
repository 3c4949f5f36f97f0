"""The releases of a box as its Loader reads them from the disk."""

from pathlib import Path

import pytest

from boxship.bundle.library import Library
from boxship.bundle.pack import describe, pack
from boxship.errors import StateError
from boxship.loader.pulling import LibraryReleases
from boxship.spec.release import Release


def test_what_is_damaged_after_it_was_read_is_found_when_it_is_verified_and_healed_by_a_pull(tmp_path: Path) -> None:
    (tmp_path / "compose.yaml").write_text("services: {web: {image: web}}")
    release = Release("share", "1.0.0", {}, {"compose.yaml": describe(tmp_path / "compose.yaml")})
    archive = tmp_path / "files.tar.gz"
    archive.write_bytes(pack(tmp_path, release.files))
    library = Library(tmp_path / "state")
    file = library.add(release, archive).folder / "compose.yaml"
    releases = LibraryReleases(library)
    assert releases.release(release.id).version == releases.appliance(release.id).version == "1.0.0"
    file.write_text("services: {web: {image: evil}}")
    assert releases.release(release.id).version == "1.0.0", "what runs is looked after in any case"
    with pytest.raises(StateError, match=r"compose\.yaml of 1\.0\.0 was changed since it was pulled"):
        releases.verify(release.id)
    assert releases.record(release.id).version == "1.0.0"
    library.add(release, archive)
    assert releases.verify(release.id).id == release.id
