"""The releases that are on this box: ``<root>/releases/<id>/{release.json, files/...}``, each whole or not there.

A release is written beside its place, brought to the disk and renamed. Its id is the digest of its record, which holds
the digests of its files, so whatever changed since is found when it is read. What is being fetched lies in
``<root>/blobs``.

``<root>/records/<id>.json`` is a second copy of the record. It is there before the release, survives damage to that,
and outlives it until the images are gone that the release brought: nothing else knows which those are.
"""

import secrets
import shutil
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

import msgspec

from boxship.bundle.pack import describe, unpack
from boxship.errors import NotFoundError, StateError
from boxship.registry.layout import sync_folder, write_whole, writing
from boxship.registry.oci import is_digest
from boxship.spec.release import Release, decode_release, encode_release

_RECORD, _FILES = "release.json", "files"
_HALF = ".new-"


class Kept(NamedTuple):
    """A release of the library. ``folder``: where its files are."""

    release: Release
    folder: Path


class Library:
    """The releases below one folder."""

    def __init__(self, root: Path) -> None:
        self._releases = root / "releases"
        self._records = root / "records"
        self.blobs = root / "blobs"
        """What is being fetched."""

    def add(self, release: Release, archive: Path) -> Kept:
        """Put it there with the files of ``archive``; one that is there already is verified, and replaced if damaged.

        Raises: RegistryError when the files aren't those of the release; HostError when the disk refuses.
        """
        folder = self._folder(release.id)
        what = f"{release.appliance} {release.version}"
        if folder.exists():
            try:
                return self.read(release.id)
            except StateError:
                self.remove(release.id)
        half = self._releases / f"{_HALF}{secrets.token_hex(6)}"
        try:
            with writing(f"the files of {what}"):
                self._keep_record(release)
                half.mkdir(parents=True)
                unpack(archive, release.files, half / _FILES, what)
                write_whole(half / _RECORD, encode_release(release))
                half.rename(folder)
                sync_folder(self._releases)
        finally:
            shutil.rmtree(half, ignore_errors=True)
        return Kept(release, folder / _FILES)

    def read(self, release_id: str) -> Kept:
        """One of them, verified. Raises: NotFoundError; StateError when something of it is gone or changed."""
        folder = self._folder(release_id)
        release = _read_record(folder / _RECORD, release_id)
        for name in release.files:
            _verify(folder / _FILES / name, release, name)
        return Kept(release, folder / _FILES)

    def record(self, release_id: str) -> Release:
        """The record alone, also of one whose files are damaged or gone: it says which images came with it.

        Raises: NotFoundError; StateError when nothing is left of it that can be read.
        """
        try:
            return _read_record(self._record(release_id), release_id)
        except (NotFoundError, StateError):
            return _read_record(self._folder(release_id) / _RECORD, release_id)

    def ids(self) -> tuple[str, ...]:
        """The ids of all that are here, sorted; damaged ones, too."""
        try:
            names = sorted(path.name for path in self._releases.iterdir())
        except FileNotFoundError:
            return ()
        return tuple(f"sha256:{name}" for name in names if is_digest(f"sha256:{name}"))

    def removed(self) -> tuple[str, ...]:
        """The ids of those that were removed and not yet forgotten, sorted."""
        names = sorted(path.name for path in self._records.glob("*.json"))
        known = (f"sha256:{name.removesuffix('.json')}" for name in names)
        return tuple(each for each in known if is_digest(each) and not self._folder(each).exists())

    def remove(self, release_id: str) -> None:
        """Take one away, but for its record; nothing happens to one that isn't there.

        A half removed one is no longer found.
        """
        folder = self._folder(release_id)
        gone = self._releases / f"{_HALF}{secrets.token_hex(6)}"
        with writing(f"to {self._releases}"):
            # It may have come with a Boxship that kept no second copy. A full disk must not keep it here.
            with suppress(NotFoundError, StateError, OSError):
                self._keep_record(self.record(release_id))
            try:
                folder.rename(gone)
            except FileNotFoundError:
                return
            sync_folder(self._releases)
        shutil.rmtree(gone, ignore_errors=True)

    def forget(self, release_id: str) -> None:
        """Take away the record of a removed one: none of its images needs to be found any more."""
        with writing(f"to {self._records}"):
            self._record(release_id).unlink(missing_ok=True)

    def drop_begun(self) -> None:
        """Take away what was fetched for pulls that did not end. Only while none is under way."""
        shutil.rmtree(self.blobs, ignore_errors=True)

    def sweep(self) -> None:
        """Take away what a power cut left half written or half removed. Only while nobody else is writing."""
        if not self._releases.is_dir():
            return
        for path in self._releases.iterdir():
            if path.name.startswith(_HALF):
                shutil.rmtree(path, ignore_errors=True)

    def _keep_record(self, release: Release) -> None:
        path = self._record(release.id)
        try:
            _read_record(path, release.id)
        except (NotFoundError, StateError):
            path.parent.mkdir(parents=True, exist_ok=True)
            write_whole(path, encode_release(release))

    def _folder(self, release_id: str) -> Path:
        return self._releases / _hex_of(release_id)

    def _record(self, release_id: str) -> Path:
        return self._records / f"{_hex_of(release_id)}.json"


def _hex_of(release_id: str) -> str:
    if not is_digest(release_id):
        raise NotFoundError(f"'{release_id[:80]}' is no release's id", hint="it begins with sha256:")
    return release_id.removeprefix("sha256:")


_PULL_AGAIN = "pull the release again"


def _read_record(path: Path, release_id: str) -> Release:
    try:
        release = decode_release(path.read_bytes())
    except FileNotFoundError:
        raise NotFoundError(f"there is no release {release_id[:19]} here", hint="pull it first") from None
    except (OSError, msgspec.DecodeError, msgspec.ValidationError) as err:
        raise StateError(f"{path} can't be read: {err}", hint=_PULL_AGAIN) from err
    if release.id != release_id:
        raise StateError(f"{path} is not the record of {release_id[:19]}", hint=_PULL_AGAIN)
    return release


def _verify(path: Path, release: Release, name: str) -> None:
    try:
        found = describe(path)
    except OSError as err:
        reason = (err.strerror or str(err)).lower()
        raise StateError(f"{name} of {release.version} can't be read: {reason}", hint=_PULL_AGAIN) from err
    if found != release.files[name]:
        raise StateError(f"{name} of {release.version} was changed since it was pulled", hint=_PULL_AGAIN)
