"""The door to the outside: which files open it, and what wrong ones change."""

import ssl
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from boxship.checks.report import Level, Severity
from boxship.errors import HostError
from boxship.serve.listeners import Inet
from boxship.serve.outside import CERTIFICATE, KEY, LISTEN, OutsideDoor
from tests.authorities import write_certificates

NOW = datetime.now(UTC)


def put(folder: Path, *, certificate_of: Path | None = None) -> None:
    """A pair, or the certificate alone."""
    source = certificate_of or folder
    if certificate_of is None:
        write_certificates(folder)
    for name, at in (("server.crt", CERTIFICATE), ("server.key", KEY)):
        if certificate_of is None or at == CERTIFICATE:
            new = folder / f"{at}.new"
            new.write_bytes((source / name).read_bytes())
            new.chmod(0o600)
            new.replace(folder / at)


def addresses(door: OutsideDoor) -> list[str]:
    return [str(each) for each in door.look()]


def test_a_box_without_a_certificate_has_no_door_and_says_nothing_of_it(tmp_path: Path) -> None:
    for folder in (tmp_path, tmp_path / "nowhere"):
        door = OutsideDoor(folder)
        assert (door.look(), door.problem, door.result(NOW)) == ((), "", ())


def test_a_certificate_and_its_key_open_it_everywhere_or_where_it_is_said(tmp_path: Path) -> None:
    door = OutsideDoor(tmp_path)
    assert door.look() == ()
    put(tmp_path)
    assert addresses(door) == ["0.0.0.0:8443", "[::]:8443"]
    assert all(isinstance(each.context, ssl.SSLContext) for each in door.look())
    (tmp_path / LISTEN).write_text("127.0.0.1:9443\n\n[::1]:9444\n")
    assert addresses(door) == ["127.0.0.1:9443", "[::1]:9444"]
    assert door.problem == ""
    (tmp_path / CERTIFICATE).unlink()
    (tmp_path / KEY).unlink()
    (tmp_path / LISTEN).unlink()
    assert door.look() == ()


def test_a_renewed_certificate_is_used_and_the_listener_stays(tmp_path: Path) -> None:
    door = OutsideDoor(tmp_path)
    put(tmp_path)
    before = door.look()
    put(tmp_path)
    assert door.look() == before
    assert door.problem == ""


def test_a_pair_that_does_not_fit_changes_nothing_and_is_told(tmp_path: Path) -> None:
    other = tmp_path / "other"
    other.mkdir()
    write_certificates(other)
    door = OutsideDoor(tmp_path)
    put(tmp_path)
    before = door.look()
    put(tmp_path, certificate_of=other)
    assert door.look() == before
    assert "can't be used: key values mismatch" in door.problem
    (result,) = door.result(NOW)
    assert result.issue is not None
    assert (result.level, result.issue.code) == (Level.WARN, "loader.tls")
    put(tmp_path)
    assert (door.look(), door.problem) == (before, "")


def test_a_box_that_begins_with_a_pair_that_does_not_fit_has_no_door(tmp_path: Path) -> None:
    other = tmp_path / "other"
    other.mkdir()
    write_certificates(other)
    put(tmp_path)
    put(tmp_path, certificate_of=other)
    door = OutsideDoor(tmp_path)
    assert door.look() == ()
    assert "mismatch" in door.problem


@pytest.mark.parametrize("missing", [CERTIFICATE, KEY])
def test_half_a_pair_is_told(tmp_path: Path, missing: str) -> None:
    put(tmp_path)
    (tmp_path / missing).unlink()
    door = OutsideDoor(tmp_path)
    assert door.look() == ()
    assert "no such file" in door.problem


@pytest.mark.parametrize("content", ["", "no certificate", "-----BEGIN CERTIFICATE-----\nAAAA\n"])
def test_what_is_no_certificate_is_told(tmp_path: Path, content: str) -> None:
    put(tmp_path)
    (tmp_path / CERTIFICATE).write_text(content)
    door = OutsideDoor(tmp_path)
    assert door.look() == ()
    assert "can't be used" in door.problem


def test_a_key_that_others_may_read_is_used_and_told(tmp_path: Path) -> None:
    put(tmp_path)
    (tmp_path / KEY).chmod(0o644)
    door = OutsideDoor(tmp_path)
    assert len(door.look()) == 2
    assert "may be read by others than its owner: chmod 600" in door.problem


@pytest.mark.parametrize(
    "line", ["8443", ":8443", "localhost:8443", "1.2.3.4", "1.2.3.4:0", "1.2.3.4:65536", "::1:8443", "[1.2.3]:1", "\0"]
)
def test_an_address_that_is_none_is_told(tmp_path: Path, line: str) -> None:
    put(tmp_path)
    (tmp_path / LISTEN).write_text(line)
    door = OutsideDoor(tmp_path)
    assert door.look() == ()
    assert "is no IP address with a port" in door.problem


def test_a_certificate_that_ends_is_a_doubt_and_never_makes_the_box_fail(tmp_path: Path) -> None:
    put(tmp_path)
    door = OutsideDoor(tmp_path)
    for now, code in ((NOW, "certificate.expires"), (NOW + timedelta(days=9), "certificate.expired")):
        (result,) = door.result(now)
        assert result.issue is not None
        assert (result.issue.code, result.issue.severity) == (code, Severity.WARNING)
        assert result.text.startswith("at 0.0.0.0:8443, [::]:8443: it expire")


def test_of_the_usual_addresses_one_is_enough_and_of_those_that_are_named_all_are_wanted(tmp_path: Path) -> None:
    put(tmp_path)
    door = OutsideDoor(tmp_path)
    v4, v6 = door.look()
    door.opened({v6: HostError("cannot listen on [::]:8443")})
    assert door.problem == ""
    door.opened({v4: HostError("cannot listen on 0.0.0.0:8443"), v6: HostError("nor there")})
    assert door.problem == "cannot listen on 0.0.0.0:8443"
    (tmp_path / LISTEN).write_text("127.0.0.1:9443\n[::1]:9443")
    door.look()
    named = [Inet(each.host, each.port, each.context) for each in door.look()]
    door.opened({named[1]: HostError("cannot listen on [::1]:9443")})
    assert door.problem == "cannot listen on [::1]:9443"
    door.opened({})
    assert door.problem == ""
