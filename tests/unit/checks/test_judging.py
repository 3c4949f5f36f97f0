"""What answers mean: queries, programs, certificates, disks, memory, clocks. All of it values in, values out."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from boxship.checks.certificate import CertificateUnreadableError, certificates_in, judge_certificates
from boxship.checks.disks import Disk, Place, data_places, group_places, judge_disk, level_of
from boxship.checks.host import (
    ClockSeen,
    judge_clock,
    judge_memory,
    judge_offset,
    judge_setting,
    judge_swap,
    look_again,
)
from boxship.checks.inside import Ran
from boxship.checks.program import judge_program
from boxship.checks.report import Found, Issue, Level, Severity, Verdict, severity_of, verdict_of
from boxship.checks.sql import client_argv, judge_sql
from boxship.host.disk import FileSystem
from boxship.host.memory import Memory
from boxship.host.sysctl import Setting
from boxship.plan.observed import ContainerState as State
from boxship.plan.observed import Observed, ObservedContainer, ObservedMount, ObservedVolume
from boxship.spec.model_checks import DAY_S, DISK_LIMITS, Bound, CertificateProbe, HostChecks, Limits, SqlProbe
from tests.fakes.machine import GIB, ROOMY, FakeMachine

NOW = datetime(2026, 6, 1, tzinfo=UTC)


def test_one_strict_failure_fails_the_whole_and_anything_else_degrades_it() -> None:
    error, warning = Issue("a", Severity.ERROR, "x"), Issue("a", Severity.WARNING, "x")
    assert verdict_of([]) is Verdict.OK
    assert verdict_of([warning]) is Verdict.DEGRADED
    assert verdict_of([warning, error]) is Verdict.FAILED


@pytest.mark.parametrize(
    ("level", "is_soft", "severity"),
    [
        (Level.OK, False, None),
        (Level.SKIPPED, False, None),
        (Level.WARN, False, Severity.WARNING),
        (Level.WARN, True, Severity.WARNING),
        (Level.FAIL, False, Severity.ERROR),
        (Level.FAIL, True, Severity.WARNING),
    ],
)
def test_a_soft_check_can_only_warn(level: Level, is_soft: bool, severity: Severity | None) -> None:
    assert severity_of(level, is_soft=is_soft) is severity


@pytest.mark.parametrize("client", ["psql", "mysql", "mariadb", "sqlite3"])
def test_no_query_can_write_or_wait_for_a_password(client: str) -> None:
    argv = client_argv(SqlProbe(client, "select 1", "d", arguments=("--first",)))
    assert argv[:2] == (client, "--first")
    assert "select 1" in argv[-1]
    words = " ".join(argv).lower()
    assert "read_only" in words or "read only" in words or "readonly" in words
    assert client != "psql" or "--no-password" in argv


def sql(stdout: str, exit_code: int = 0, stderr: str = "", **wanted: Any) -> Found:
    return judge_sql(SqlProbe("psql", "q", **wanted), Ran(exit_code, stdout, stderr))


@pytest.mark.parametrize(
    ("stdout", "wanted", "level", "text"),
    [
        ("7\n", {}, Level.OK, "7"),
        ("", {}, Level.OK, "no rows"),
        ("7\tx\n8\ty\n", {"equals": "7"}, Level.OK, "7"),
        ("7\n", {"equals": "8"}, Level.FAIL, "the query gives '7', not '8'"),
        ("7\n", {"at_least": 7.0, "at_most": 7.0}, Level.OK, "7"),
        ("7\n", {"at_least": 8.0}, Level.FAIL, "the query gives 7, less than 8"),
        ("7.5\n", {"at_most": 7.0}, Level.FAIL, "the query gives 7.5, more than 7"),
        ("many\n", {"at_most": 7.0}, Level.FAIL, "the query gives 'many', which is no number"),
        ("nan\n", {"at_most": 7.0}, Level.FAIL, "the query gives 'nan', which is no number"),
        ("", {"at_most": 7.0}, Level.FAIL, "the query gives no row"),
    ],
)
def test_the_first_value_of_a_query_is_compared(stdout: str, wanted: dict[str, Any], level: Level, text: str) -> None:
    found = sql(stdout, **wanted)
    assert (found.level, found.text) == (level, text)


def test_a_value_that_is_a_number_is_for_monitors_too() -> None:
    assert (sql("7\n").values, sql("x\n").values) == ({"sql_value": 7.0}, {})


def test_a_client_that_fails_or_is_missing_is_told_with_its_last_line() -> None:
    assert sql("", 2, "psql: error:\nno such role\x1b[2J\n").text == "psql exited 2: no such role"
    assert sql("exec: psql: not found\n", 127).text == "there is no psql in the container: exec: psql: not found"


@pytest.mark.parametrize(
    ("exit_code", "stdout", "stderr", "found"),
    [
        (0, "", "", Found(Level.OK)),
        (0, "all 3 there\nmore\n", "", Found(Level.OK, "all 3 there")),
        (1, "2 of 3\n", "", Found(Level.WARN, "2 of 3")),
        (1, "", "", Found(Level.WARN, "it exited 1")),
        (2, "", "none\n", Found(Level.FAIL, "none")),
        (3, "odd\n", "", Found(Level.FAIL, "it exited 3: odd")),
        (-9, "", "", Found(Level.FAIL, "ended by signal 9")),
        (0, '{"status": "warn", "message": "slow"}', "", Found(Level.WARN, "slow")),
        (0, '{"values": {"lag": 3, "x": 0.5}}', "", Found(Level.OK, values={"program.lag": 3.0, "program.x": 0.5})),
        (2, '{"status": "ok", "message": "x"}', "", Found(Level.FAIL, "x")),
        (0, '{"status": "fail"}', "", Found(Level.FAIL, "it exited 0")),
        (0, '{"status": 5, "message": []}', "", Found(Level.OK)),
        (0, '{"values": {"a b": 1, "n": true, "big": 1e999, "t": "x"}}', "", Found(Level.OK)),
        (0, "{not json", "", Found(Level.OK, "{not json")),
        (0, "{" * 100_000, "", Found(Level.OK, "{" * 297 + "...")),
        (0, '{"values": {"n": %s}}' % ("9" * 400), "", Found(Level.OK)),
    ],
)  # fmt: skip
def test_a_program_says_how_it_is_by_its_status_and_a_line_or_json(
    exit_code: int, stdout: str, stderr: str, found: Found
) -> None:
    assert judge_program(exit_code, stdout, stderr) == found


def certificate(begins: datetime, ends: datetime) -> x509.Certificate:
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "shop")])
    builder = x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(key.public_key())
    builder = builder.serial_number(1).not_valid_before(begins).not_valid_after(ends)
    return builder.sign(key, hashes.SHA256())


@pytest.mark.parametrize(
    ("left", "level", "text"),
    [
        (timedelta(days=100), Level.OK, "it expires in 100 days (2026-09-09)"),
        (timedelta(days=21), Level.WARN, "it expires in 21 days (2026-06-22)"),
        (timedelta(days=3), Level.FAIL, "it expires in 3 days (2026-06-04)"),
        (timedelta(hours=30), Level.FAIL, "it expires in 30 hours (2026-06-02)"),
        (timedelta(minutes=5), Level.FAIL, "it expires in 5 minutes (2026-06-01)"),
        (timedelta(), Level.FAIL, "it expired 0 minutes ago (2026-06-01)"),
        (timedelta(days=-5), Level.FAIL, "it expired 5 days ago (2026-05-27)"),
    ],
)
def test_a_certificate_is_judged_by_its_end(left: timedelta, level: Level, text: str) -> None:
    shown = certificate(NOW - timedelta(days=300), NOW + left)
    found = judge_certificates(CertificateProbe(), (shown,), NOW)
    assert (found.level, found.text) == (level, text)
    assert found.values["certificate_left_seconds"] == left.total_seconds()


def test_of_a_chain_the_one_that_ends_first_counts() -> None:
    chain = tuple(certificate(NOW - timedelta(days=9), NOW + timedelta(days=days)) for days in (300, 2, 400))
    pem = b"".join(each.public_bytes(serialization.Encoding.PEM) for each in chain).decode()
    found = judge_certificates(CertificateProbe(), certificates_in(pem), NOW)
    assert (found.level, found.text) == (Level.FAIL, "it expires in 2 days (2026-06-03)")


def test_one_that_is_not_valid_yet_is_bad() -> None:
    found = judge_certificates(
        CertificateProbe(), (certificate(NOW + timedelta(hours=1), NOW + timedelta(days=99)),), NOW
    )
    assert (found.level, found.code) == (Level.FAIL, "certificate.expired")
    assert found.text == "it is valid only from 2026-06-01 01:00 UTC on"


@pytest.mark.parametrize("text", ["", "no PEM", "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"])
def test_what_is_no_certificate_is_not_judged(text: str) -> None:
    with pytest.raises(CertificateUnreadableError):
        certificates_in(text)


@pytest.mark.parametrize(
    ("used_percent", "free_bytes", "level"),
    [(79.9, 9 * GIB, Level.OK), (80.0, 9 * GIB, Level.WARN), (99.0, 2 * GIB, Level.WARN), (1.0, GIB, Level.FAIL)],
)
def test_limits_are_shares_or_sizes(used_percent: float, free_bytes: int, level: Level) -> None:
    limits = Limits(Bound(used_percent=80.0), Bound(free_bytes=2 * GIB))
    assert level_of(limits, used_percent, free_bytes) is level


def snapshot() -> Observed:
    mounts = (
        ObservedMount("volume", "app.db", "/d"),
        ObservedMount("volume", "shared", "/s"),
        ObservedMount("bind", "/srv/files", "/f"),
        ObservedMount("bind", "/etc/ssl", "/e", read_only=True),
        ObservedMount("bind", "/dev/shm", "/m"),
    )
    container = ObservedContainer("1", "app.web", "i", "i", State.RUNNING, "app", "web", mounts=mounts)
    volumes = (
        ObservedVolume("app.db", "local", "app", "db", mountpoint="/v/app.db"),
        ObservedVolume("app.old", "local", "app", "old", mountpoint="/v/app.old"),
        ObservedVolume("shared", "local", mountpoint="/v/shared"),
        ObservedVolume("others", "local", "other", "x", mountpoint="/v/others"),
    )
    return Observed(containers=(container,), volumes=volumes)


def test_data_is_where_the_engine_the_volumes_and_writable_folders_are() -> None:
    own = {"db": Limits(Bound(1.0), Bound(2.0))}
    places = data_places("app", snapshot(), "/var/lib/docker", DISK_LIMITS, own)
    assert [(place.what, place.path) for place in places] == [
        ("engine", "/var/lib/docker"),
        ("volume db", "/v/app.db"),
        ("volume old", "/v/app.old"),
        ("volume shared", "/v/shared"),
        ("/srv/files", "/srv/files"),
    ]
    assert [place.limits for place in places if place.limits != DISK_LIMITS] == [own["db"]]


def test_each_file_system_is_judged_once_and_named_with_what_lives_there() -> None:
    machine = FakeMachine()
    machine.systems = {
        "/v/app.db": FileSystem("/v/app.db", 2, 96 * GIB, 4 * GIB, 10, 90),
        "/v/shared": FileSystem("/v/app.db", 2, 96 * GIB, 4 * GIB, 10, 90),
        "/srv/files": PermissionError(13, "Permission denied"),
        "/v/app.old": None,
    }
    found, unknown = group_places(data_places("app", snapshot(), "/root", DISK_LIMITS, {}), machine)
    assert [judge_disk(disk).text for disk in found] == [
        "10 % of 100 GiB, 90 GiB left: engine",
        "96 % of 100 GiB, 4 GiB left: volumes db, shared",
    ]
    assert [judge_disk(disk).level for disk in found] == [Level.OK, Level.FAIL]
    assert unknown == {"/srv/files": "Permission denied"}


def test_the_strictest_limits_of_those_that_live_there_count() -> None:
    places = (Place("engine", "/", DISK_LIMITS), Place("volume db", "/d", Limits(Bound(5.0), Bound(50.0))))
    assert judge_disk(Disk(ROOMY, places)).level is Level.WARN


def test_a_file_system_without_inodes_left_is_full_too() -> None:
    found = judge_disk(Disk(FileSystem("/d", 1, GIB, 9 * GIB, 97, 3), (Place("volume db", "/d", DISK_LIMITS),)))
    assert (found.level, found.code) == (Level.FAIL, "host.inodes")
    assert found.text == "97 % of its inodes are used (3 left): volume db"


def test_one_that_counts_no_inodes_has_enough() -> None:
    assert judge_disk(Disk(FileSystem("/d", 1, GIB, 9 * GIB), (Place("engine", "/d", DISK_LIMITS),))).level is Level.OK


def test_memory_and_swap() -> None:
    memory = Memory(100 * GIB, 8 * GIB, 10 * GIB, 0)
    assert judge_memory(memory, HostChecks()).level is Level.WARN
    assert judge_memory(memory, HostChecks()).text == "92 % of 100 GiB, 8 GiB available"
    assert judge_swap(memory, HostChecks()).level is Level.FAIL
    assert judge_swap(Memory(1, 1), HostChecks()) == Found(Level.OK, "there is none")


SEEN = ClockSeen("b", 1000.0, NOW.timestamp())


def later(passed_s: float, jumped_s: float = 0.0) -> ClockSeen:
    return ClockSeen("b", SEEN.since_boot_s + passed_s, SEEN.wall_s + passed_s + jumped_s)


@pytest.mark.parametrize(
    ("jumped_s", "text"),
    [
        (0.0, ""),
        (1.9, ""),
        (3600.0, "it jumped forward by 1h"),
        (-90.0, "it jumped back by 1m30s"),
    ],
)
def test_a_clock_that_jumped_since_the_last_look_is_told(jumped_s: float, text: str) -> None:
    found = judge_clock(look_again(later(60, jumped_s), SEEN))
    assert (found.level is Level.WARN, found.text) == (bool(text), text)


def test_a_jump_is_told_for_an_hour() -> None:
    jumped = look_again(later(60, 600), SEEN)
    after = look_again(ClockSeen("b", jumped.since_boot_s + 1800, jumped.wall_s + 1800), jumped)
    assert judge_clock(after).text == "it jumped forward by 10m, seen 30m ago"
    long_after = look_again(ClockSeen("b", after.since_boot_s + 1900, after.wall_s + 1900), after)
    assert judge_clock(long_after).level is Level.OK


def test_a_clock_that_is_set_slowly_or_after_a_reboot_did_not_jump() -> None:
    assert not look_again(later(86400, 40), SEEN).jump_s
    assert not look_again(ClockSeen("other", 5.0, SEEN.wall_s + 99999), SEEN).jump_s
    assert not look_again(ClockSeen("b", 5.0, SEEN.wall_s + 99999), SEEN).jump_s
    assert not look_again(SEEN, None).jump_s


def test_a_clock_that_was_never_set_is_bad() -> None:
    assert judge_clock(ClockSeen("b", 10.0, 10.0)).level is Level.FAIL


@pytest.mark.parametrize(
    ("offset_s", "level", "text"),
    [
        (0.05, Level.OK, "50 ms behind t"),
        (-1.5, Level.WARN, "2s ahead of t"),
        (60.0, Level.FAIL, "1m behind t"),
    ],
)
def test_an_offset_has_limits_both_ways(offset_s: float, level: Level, text: str) -> None:
    found = judge_offset(offset_s, HostChecks(time_server="t"))
    assert (found.level, found.text) == (level, text)


def test_a_kernel_setting_that_is_not_in_force_is_bad_and_can_be_set() -> None:
    assert judge_setting(Setting("vm.a", "1", "1", "1")).level is Level.OK
    found = judge_setting(Setting("vm.a", "1", "0", "0"))
    assert (found.level, found.text) == (Level.FAIL, "it is 0, not 1")
    assert "sudo sysctl -w 'vm.a=1'" in found.suggestion
    assert judge_setting(Setting("vm.a", "1", None, None)).text == "this kernel has no such setting"


def test_a_warning_of_a_certificate_can_come_as_early_as_is_wished() -> None:
    probe = CertificateProbe(warn_s=200 * DAY_S, fail_s=100 * DAY_S)
    shown = certificate(NOW - timedelta(days=1), NOW + timedelta(days=150))
    assert judge_certificates(probe, (shown,), NOW).level is Level.WARN
