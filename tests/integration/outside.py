"""Somebody outside: a network namespace with a wire to the one of the tests' own engine, and little servers.

All of it ends when the pipe to its input does, also when the tests are killed.
"""

import os
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path

from tests.integration.private_engine import DEADLINE_S, PrivateEngine

HOST = "10.254.77.1"
HOST_V6 = "fd77::1"
_SERVE = """
import socket, sys, threading
says, tcp, udp = sys.argv[1].encode(), sys.argv[2].split(","), sys.argv[3].split(",")
def answer(server):
    while True:
        client, _ = server.accept()
        threading.Thread(target=talk, args=(client,), daemon=True).start()
def talk(client):
    with client:
        while client.recv(100):
            client.sendall(says)
def echo(server):
    while True:
        _, peer = server.recvfrom(100)
        server.sendto(says, peer)
for port in filter(None, tcp):
    family = {"family": socket.AF_INET6, "dualstack_ipv6": True} if socket.has_ipv6 else {}
    server = socket.create_server(("", int(port)), **family)
    threading.Thread(target=answer, args=(server,), daemon=True).start()
for port in filter(None, udp):
    server = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    server.bind(("", int(port)))
    threading.Thread(target=echo, args=(server,), daemon=True).start()
print("listening", flush=True)
sys.stdin.read()
"""
_ASK = """
import socket, sys
for asked in sys.argv[1:]:
    kind, host, port, own = asked.split(",")
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        with socket.socket(family, socket.SOCK_DGRAM if kind == "udp" else socket.SOCK_STREAM) as client:
            client.settimeout(3)
            client.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            client.bind(("", int(own)))
            client.connect((host, int(port)))
            client.sendall(b"?")
            print(client.recv(100).decode() or "closed")
    except ConnectionError as error:
        print("refused")
    except OSError as error:
        print("silent" if isinstance(error, TimeoutError) else f"failed: {error}")
"""
_TALK = """
import socket, sys
client = socket.create_connection((sys.argv[1], int(sys.argv[2])), timeout=3)
print("connected", flush=True)
for line in sys.stdin:
    client.sendall(b"?")
    print(client.recv(100).decode() or "closed", flush=True)
"""


class Outside:
    """Asks from its own namespace, and from within others."""

    def __init__(self, engine: PrivateEngine, pid: int) -> None:
        self._engine = engine
        self.enter = ("nsenter", "--target", str(pid), "--net")

    def ask(self, *questions: str) -> list[str]:
        """Each ``tcp,HOST,PORT,OWN_PORT``: what is answered, "refused" or "silent"."""
        return _ask(self.enter, questions)

    def ask_within(self, container_pid: int, *questions: str) -> list[str]:
        return _ask((*self._engine.enter, "nsenter", "--target", str(container_pid), "--net"), questions)

    def ask_from_host(self, *questions: str) -> list[str]:
        return _ask(self._engine.enter, questions)

    @contextmanager
    def connected(self, host: str, port: int) -> "Iterator[subprocess.Popen[str]]":
        """Someone who keeps one connection, and asks once for each line; said "connected" already."""
        argv = [*self.enter, sys.executable, "-c", _TALK, host, str(port)]
        with _helper(argv, "connected") as process:
            yield process

    @contextmanager
    def serving(self, says: str, tcp: str, udp: str = "", container_pid: int | None = None) -> Iterator[None]:
        """A server on the engine's host, or in one of its containers."""
        inner = () if container_pid is None else ("nsenter", "--target", str(container_pid), "--net")
        argv = [*self._engine.enter, *inner, sys.executable, "-c", _SERVE, says, tcp, udp]
        with _helper(argv, "listening"):
            yield


@contextmanager
def outside_of(engine: PrivateEngine) -> Iterator[Outside]:
    """Beside the engine's host, by wire: it is at ``HOST`` and ``HOST_V6`` from there."""
    with ExitStack() as ending:
        holder = ending.enter_context(_helper(["unshare", "--net", "sh", "-c", "echo here; exec cat"], "here"))
        enter = ("nsenter", "--target", str(holder.pid), "--net")
        wire = f"bxo{os.getpid()}"
        # /proc of the engine's process namespace doesn't know the holder: the wire is made here, and given away.
        _must("ip", "link", "add", wire, "type", "veth", "peer", "name", "wire0", "netns", str(holder.pid))
        _must("ip", "link", "set", wire, "netns", engine.enter[2])
        for side, name, address, address_v6 in (
            (engine.enter, wire, f"{HOST}/24", f"{HOST_V6}/64"),
            (enter, "wire0", "10.254.77.2/24", "fd77::2/64"),
        ):
            _must(*side, "ip", "address", "add", address, "dev", name)
            if Path("/proc/net/if_inet6").exists():
                _must(*side, "ip", "address", "add", address_v6, "dev", name, "nodad")
            _must(*side, "ip", "link", "set", name, "up")
        yield Outside(engine, holder.pid)


def _ask(enter: Sequence[str], questions: Sequence[str]) -> list[str]:
    return _must(*enter, sys.executable, "-S", "-c", _ASK, *questions).splitlines()


def _must(*argv: str) -> str:
    done = subprocess.run(argv, capture_output=True, text=True, timeout=DEADLINE_S, check=False)
    assert done.returncode == 0, f"{' '.join(argv[:12])}: {done.stderr}"
    return done.stdout


@contextmanager
def _helper(argv: Sequence[str], greeting: str) -> "Iterator[subprocess.Popen[str]]":
    with subprocess.Popen(argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        try:
            assert process.stdout.readline() == f"{greeting}\n"
            yield process
        finally:
            process.stdin.close()
            process.wait(timeout=DEADLINE_S)
