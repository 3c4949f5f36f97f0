"""The record of a release lasts: older and newer programs agree on its id."""

import hashlib

import msgspec
import pytest
from msgspec.structs import replace

from boxship.spec.release import Release, ReleaseFile, ReleaseImage, decode_release, encode_release

RELEASE = Release(
    "share",
    "1.4.2",
    {"web": ReleaseImage("share/web:1.4.2", "sha256:1")},
    {"compose.yaml": ReleaseFile("sha256:2", 12)},
)


def test_the_id_is_that_of_the_bytes() -> None:
    data = encode_release(RELEASE)
    assert decode_release(data).id == RELEASE.id == f"sha256:{hashlib.sha256(data).hexdigest()}"


def test_what_a_newer_program_has_written_stays_as_it_is() -> None:
    data = msgspec.json.encode({**msgspec.json.decode(encode_release(RELEASE)), "signed_by": "anna"})
    read = decode_release(data)
    assert read.id == f"sha256:{hashlib.sha256(data).hexdigest()}" != RELEASE.id
    assert encode_release(read) == data
    assert replace(read, raw=b"") == RELEASE


def test_what_is_not_said_has_no_place_in_the_record() -> None:
    """So a field that comes later leaves the ids of earlier releases alone."""
    assert set(msgspec.json.decode(encode_release(RELEASE))) == {"appliance", "version", "services", "files"}
    assert decode_release(encode_release(RELEASE)).format == 1


@pytest.mark.parametrize("data", [b"", b"[]", b'{"appliance":1}', b'{"appliance":"a"}'])
def test_what_is_no_record_is_refused(data: bytes) -> None:
    with pytest.raises((msgspec.DecodeError, msgspec.ValidationError)):
        decode_release(data)
