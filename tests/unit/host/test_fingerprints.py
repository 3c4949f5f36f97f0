"""Fingerprints of secrets: they change with the content, and tell nothing about it to who hasn't the key."""

import hashlib
import os
from collections.abc import Mapping
from pathlib import Path

import pytest
from msgspec.structs import replace

from boxship.errors import HostError
from boxship.host.fingerprints import KEY_BYTES, fingerprinted
from boxship.spec.model import Appliance
from boxship.spec.model_files import Hidden, SharedFile


def appliance(*shared: SharedFile) -> Appliance:
    return Appliance(name="app", version="1", directory=Path("/x"), secrets={each.key: each for each in shared})


def from_variable(text: str) -> SharedFile:
    return SharedFile("token", "secret", environment="TOKEN", value=Hidden(text))


def fingerprint(shared: SharedFile, environ: Mapping[str, str]) -> str:
    return fingerprinted(appliance(shared), environ).secrets[shared.key].fingerprint


@pytest.fixture
def environ(tmp_path: Path) -> dict[str, str]:
    return {"XDG_STATE_HOME": str(tmp_path / "state")}


def test_the_same_content_has_the_same_fingerprint_on_one_machine_only(environ: dict[str, str], tmp_path: Path) -> None:
    mine = fingerprint(from_variable("hunter2"), environ)
    assert mine == fingerprint(from_variable("hunter2"), environ)
    assert mine != fingerprint(from_variable("hunter3"), environ)
    assert mine != fingerprint(from_variable("hunter2"), {"XDG_STATE_HOME": str(tmp_path / "other")})
    assert mine not in {hashlib.blake2b(b"hunter2", digest_size=size).hexdigest() for size in range(8, 64)}


def test_a_file_has_the_fingerprint_of_its_content_not_of_its_name_or_time(
    environ: dict[str, str], tmp_path: Path
) -> None:
    one, two = tmp_path / "one", tmp_path / "two"
    one.write_text("hunter2")
    two.write_text("hunter2")
    os.utime(two, (1, 1))
    shared = SharedFile("token", "secret", file=str(one))
    assert fingerprint(shared, environ) == fingerprint(replace(shared, file=str(two)), environ)
    assert fingerprint(shared, environ) == fingerprint(from_variable("hunter2"), environ)
    two.write_text("hunter3")
    assert fingerprint(shared, environ) != fingerprint(replace(shared, file=str(two)), environ)


def test_what_has_no_content_has_no_fingerprint(environ: dict[str, str], tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "fifo")
    for file in (tmp_path / "missing", tmp_path, tmp_path / "fifo", "/no\0path"):
        assert fingerprint(SharedFile("token", "secret", file=str(file)), environ) == ""
    assert fingerprint(SharedFile("token", "secret", environment="UNSET"), environ) == ""
    assert fingerprint(SharedFile("token", "secret", external=True), environ) == ""


def test_the_key_is_made_once_for_its_owner_alone_and_only_when_it_is_needed(environ: dict[str, str]) -> None:
    key = Path(environ["XDG_STATE_HOME"], "boxship/fingerprint.key")
    assert fingerprinted(appliance(), environ) == appliance()
    assert not key.exists()
    fingerprint(from_variable("a"), environ)
    made = key.read_bytes()
    fingerprint(from_variable("b"), environ)
    assert (len(made), key.read_bytes(), key.stat().st_mode & 0o777) == (KEY_BYTES, made, 0o600)
    assert [each.name for each in key.parent.iterdir()] == ["fingerprint.key"]


def test_a_key_that_is_none_is_refused_and_so_is_a_folder_that_cannot_be_made(
    environ: dict[str, str], tmp_path: Path
) -> None:
    key = tmp_path / "state/boxship/fingerprint.key"
    key.parent.mkdir(parents=True)
    key.write_bytes(b"short")
    with pytest.raises(HostError, match="is no key of 32 bytes") as caught:
        fingerprint(from_variable("a"), environ)
    assert "remove it" in caught.value.hint
    with pytest.raises(HostError, match="can't be read or made"):
        fingerprint(from_variable("a"), {"XDG_STATE_HOME": str(key)})


def test_without_a_state_folder_it_is_in_the_home(tmp_path: Path) -> None:
    fingerprint(from_variable("a"), {"HOME": str(tmp_path)})
    assert (tmp_path / ".local/state/boxship/fingerprint.key").exists()
