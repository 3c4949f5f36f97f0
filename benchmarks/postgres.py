"""A PostgreSQL to be switched: its releases, its containers made by hand, its load, and what must hold of a copy."""

import re
import socket
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from typing import NamedTuple

import yaml

from benchmarks.engine import EngineApi, Said
from benchmarks.faults import BenchError
from benchmarks.raw_box import Body
from benchmarks.releases import Texts
from benchmarks.tools import ROOT

SERVICE, PORT, DATABASE = "db", 5432, "postgres"
FILES = ROOT / "tests" / "integration" / "postgres"
"""The tests' own: an image of Debian's PostgreSQL 15, with checksums of pages, and ``agree``."""
SCALE, CLIENTS = 20, 4
"""pgbench's; the scale makes about 300 MiB of tables and indexes, beside some 200 of PostgreSQL's own log."""
STOP_TIMEOUT_S = 60
LIVE_S = 600
"""How long the load lasts when nobody stops the database."""
_STARTED = 200
"""Transactions after which the load counts as under way."""
_DEADLINE_S, _ANSWER_DEADLINE_S, _POLL_S = 60.0, 1.0, 0.1
_BASES = {
    "share/base": {"suite": "bookworm", "packages": ["ca-certificates"]},
    "share/postgres-base": {"from": "share/base", "packages": ["postgresql-15"]},
}
_VOLUME = "/data"
_STARTUP = b"\0\3\0\0user\0postgres\0database\0postgres\0\0"
_STILL_STARTING = b"57P03"
"""PostgreSQL's cannot_connect_now; with any other answer it serves, as pg_isready sees it, too."""
_WRITTEN_BY_A_START = re.compile(
    r"pg(/global(/pg_control)?|/base/\d+|/(base/\d+|global)/pg_internal\.init|/postmaster\.(opts|pid)"
    r"|/pg_(wal|stat|stat_tmp|subtrans|notify)(/.*)?)?"
)
_PROCESSED = re.compile(r"^number of transactions actually processed: (\d+)", re.MULTILINE)


class Agreement(NamedTuple):
    """What ``agree`` finds: how many transfers a database knows, and what is wrong, "" when nothing is."""

    transfers: int
    complaint: str


# -- as an appliance


def postgres_texts(name: str, port: int) -> Texts:
    """Its files, but for those of the image."""
    service = {
        "build": ".",
        "init": True,
        "volumes": [f"data:{_VOLUME}"],
        "stop_grace_period": f"{STOP_TIMEOUT_S}s",
        "ports": [f"127.0.0.1:{port}:{PORT}"],
    }
    compose = {"services": {SERVICE: service}, "volumes": {"data": {}}}

    def texts(version: str) -> Mapping[str, str]:
        appliance = {
            "name": name,
            "version": version,
            "app": "compose.yaml",
            "boot": {"attempts": 2, "timeout": "60s"},
            "checks": {SERVICE: {"exec": ["pg_isready", "-q"]}},
            "build": {"bases": _BASES},
        }
        return {"compose.yaml": yaml.safe_dump(compose), "appliance.yaml": yaml.safe_dump(appliance)}

    return texts


# -- by hand


def container_body(image: str, network: str, volume: str, port: int | None = None) -> Body:
    """The same container for the engine. ``port``: on the host; None: none."""
    host: dict[str, object] = {"NetworkMode": network, "Init": True, "Binds": [f"{volume}:{_VOLUME}"]}
    if port is not None:
        host["PortBindings"] = {f"{PORT}/tcp": [{"HostIp": "127.0.0.1", "HostPort": str(port)}]}
    exposed: dict[str, object] = {f"{PORT}/tcp": {}}
    return {"Image": image, "StopTimeout": STOP_TIMEOUT_S, "ExposedPorts": exposed, "HostConfig": host}


def accepts_connections(port: int) -> bool:
    """What pg_isready asks, without a process for it."""
    message = (len(_STARTUP) + 4).to_bytes(4, "big") + _STARTUP
    with suppress(OSError), socket.create_connection(("127.0.0.1", port), _ANSWER_DEADLINE_S) as link:
        link.sendall(message)
        return is_serving(link.recv(4096))
    return False


def is_serving(answer: bytes) -> bool:
    """Whether the answer to a connection's first message is a server's that serves."""
    return answer[:1] in (b"R", b"E") and _STILL_STARTING not in answer


# -- its data and its load


def fill(engine: EngineApi, container: str) -> None:
    """As pgbench does, and all on disk. Raises: BenchError."""
    _eventually(lambda: engine.run_exec(container, ("pg_isready", "-q")) == 0, "PostgreSQL is ready")
    for argv in (("pgbench", "-i", "-s", str(SCALE), "-q", DATABASE), ("psql", "-Xqc", "checkpoint", DATABASE)):
        done = engine.run_exec_for_output(container, argv)
        if done.status != 0:
            raise BenchError(f"{argv[0]} can't fill the database: {done.stderr.strip()}")


def count_transfers(engine: EngineApi, container: str) -> int:
    """Those that are committed. Raises: BenchError."""
    counted = engine.run_exec_for_output(container, ("psql", "-XAtc", "select count(*) from pgbench_history", DATABASE))
    if counted.status != 0:
        raise BenchError(f"PostgreSQL doesn't count its transfers: {counted.stderr.strip()}")
    return int(counted.stdout)


class Load:
    """pgbench, in a container beside the database's: it outlives that one, and says what it was told."""

    def __init__(self, engine: EngineApi, container: str) -> None:
        self._engine = engine
        self._container = container

    def confirmed(self) -> int:
        """How many transactions it was told are committed, after the database ended. Raises: BenchError."""
        return read_processed(self._engine.wait_for_end(self._container))


def read_processed(said: Said) -> int:
    """Of what pgbench wrote. Raises: BenchError."""
    found = _PROCESSED.search(said.stdout)
    if found is None:
        raise BenchError(f"pgbench doesn't say how many transactions it made: {(said.stderr or said.stdout).strip()}")
    return int(found[1])


@contextmanager
def load(engine: EngineApi, name: str, image: str, database: str) -> Iterator[Load]:
    """Transfers are made when this begins, and until the database's container ends, over its own loopback."""
    before = count_transfers(engine, database)
    argv = ("pgbench", "-n", "-c", str(CLIENTS), "-T", str(LIVE_S), "-h", "127.0.0.1", DATABASE)
    host: dict[str, object] = {"NetworkMode": f"container:{database}", "Init": True}
    container = engine.create_container(name, {"Image": image, "Cmd": list(argv), "HostConfig": host})
    try:
        engine.start(container)
        _eventually(lambda: count_transfers(engine, database) >= before + _STARTED, "transfers are made")
        yield Load(engine, container)
    finally:
        engine.remove_container(container)


# -- what must hold


def check(engine: EngineApi, container: str, kept: int, confirmed: int) -> str:
    """What is wrong with a database that was copied, "" when nothing is: see ``complain``."""
    _eventually(lambda: engine.run_exec(container, ("pg_isready", "-q")) == 0, "PostgreSQL is ready")
    return complain(read_agreement(engine.run_exec_for_output(container, ("agree",))), kept, confirmed)


def read_agreement(said: Said) -> Agreement:
    """Of what ``agree`` wrote: the sums, then pg_amcheck over every table and index."""
    is_right, _, transfers = said.stdout.strip().partition("|")
    if not transfers.isdecimal():
        return Agreement(0, f"the database doesn't say how it is: {_last_line(said.stderr)}")
    if is_right != "t":
        return Agreement(int(transfers), "the sums of accounts, tellers, branches and history differ")
    return Agreement(int(transfers), f"pg_amcheck: {_last_line(said.stderr)}" if said.status != 0 else "")


def _last_line(text: str) -> str:
    return (text.strip().splitlines() or ["it says nothing"])[-1]


def complain(found: Agreement, kept: int, confirmed: int) -> str:
    """``kept``: transfers that it had before the load, ``confirmed``: those that the load was told are committed.

    Each client may have had one under way, committed and not confirmed.
    """
    if found.complaint:
        return found.complaint
    lost = kept + confirmed - found.transfers
    if lost > 0:
        return f"{lost} confirmed transactions are lost"
    return f"{-lost} transactions are there that nobody made" if -lost > CLIENTS else ""


def is_left_alone(path: str) -> bool:
    """Whether a server that has only started still has this of its volume as it was copied.

    The rest it writes when it starts: what it knows of itself, its log, lists that it makes again, and with them the
    times of their folders.
    """
    return _WRITTEN_BY_A_START.fullmatch(path) is None


def _eventually(look: Callable[[], bool], what: str) -> None:
    until_s = time.monotonic() + _DEADLINE_S
    while not look():
        if time.monotonic() > until_s:
            raise BenchError(f"Not within {_DEADLINE_S:g} s: {what}.")
        time.sleep(_POLL_S)
