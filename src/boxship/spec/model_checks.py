"""What ``status`` may ask beyond what a boot waits for, and when a number is too much."""

from collections.abc import Mapping
from enum import StrEnum
from pathlib import Path

from msgspec import Struct, field

DAY_S = 86400.0


class Redirects(StrEnum):
    """What an answer 3xx means: a good one, the way to the next question, or a bad one."""

    ACCEPT = "accept"
    FOLLOW = "follow"
    REFUSE = "refuse"


class HttpExpectation(Struct, frozen=True):
    """What an answer must look like. ``statuses`` are inclusive ranges; empty: 200 to 399.

    ``body`` and the values of ``headers`` (names in lower case) are regular expressions that must be found. ``ca`` is
    a file of certificates to trust instead of the host's, ``server_name`` the name that the certificate must have
    instead of the URL's; both count only where TLS is verified.
    """

    statuses: tuple[tuple[int, int], ...] = ()
    body: str | None = None
    headers: Mapping[str, str] = field(default_factory=dict)
    redirects: Redirects = Redirects.ACCEPT
    ca: Path | None = None
    server_name: str | None = None


class SqlProbe(Struct, frozen=True):
    """A query through a client in the container; nothing it does may write. The first column of the first row counts.

    ``database`` is a name, of sqlite3 a file. ``arguments`` are the client's own, before all others. Without any of
    ``equals``, ``at_least`` and ``at_most`` the query must only succeed.
    """

    client: str
    query: str
    database: str | None = None
    user: str | None = None
    arguments: tuple[str, ...] = ()
    equals: str | None = None
    at_least: float | None = None
    at_most: float | None = None


class CertificateProbe(Struct, frozen=True):
    """A certificate must be valid for longer than ``warn_s`` (else a warning) and ``fail_s``.

    It is shown by whoever listens at ``host``:``port`` when asked for ``server_name``, or lies as PEM in ``file`` of
    the container. A host that isn't the service's own name is anywhere.
    """

    file: str = ""
    host: str = ""
    port: int = 0
    server_name: str | None = None
    warn_s: float = 21 * DAY_S
    fail_s: float = 3 * DAY_S


class ProgramProbe(Struct, frozen=True):
    """``argv`` run inside the container says how it is: 0 good, 1 a warning, 2 and all else bad.

    Its first line is the message; or it prints JSON: {"status": "ok|warn|fail", "message": "...", "values": {...}}.
    """

    argv: tuple[str, ...]


class Bound(Struct, frozen=True):
    """How much is too much: a used share in percent, or so few bytes left. One of them is set."""

    used_percent: float | None = None
    free_bytes: int | None = None


class Limits(Struct, frozen=True):
    """From when on something is worth a warning, and from when on it is bad."""

    warn: Bound
    fail: Bound


DISK_LIMITS = Limits(Bound(85.0), Bound(95.0))
MEMORY_LIMITS = Limits(Bound(90.0), Bound(97.0))
SWAP_LIMITS = Limits(Bound(75.0), Bound(95.0))


class HostChecks(Struct, frozen=True):
    """What ``status`` asks of the machine itself. ``programs``: name -> argv, run here in the files' directory."""

    disk: Limits = DISK_LIMITS
    memory: Limits = MEMORY_LIMITS
    swap: Limits = SWAP_LIMITS
    time_server: str | None = None
    """Host, or host:port, of an NTP server; None: the clock is only watched for jumps."""
    clock_warn_s: float = 1.0
    clock_fail_s: float = 60.0
    dns_names: tuple[str, ...] = ()
    """Names that this machine and the appliance's containers must be able to look up."""
    programs: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
