"""A host of the tests' own: this machine's files, with changes that are gone with it, and an engine of its own.

What is installed on it is installed on ``/``, as by a person, and reaches nothing of this machine.
"""

import http.client
import json
import os
import subprocess
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeVar

from tests.eventually import eventually
from tests.integration.boxes import BOXSHIP
from tests.integration.loaders import UnixConnection
from tests.integration.private_engine import PrivateEngine, private_engine

T = TypeVar("T")
DEADLINE_S = 90
_CHANGED = ("/etc", "/usr/local", "/var/lib")
_PREPARE = """
set -e
mount -t tmpfs tmpfs /mnt
for folder in {folders}; do
    mkdir -p "/mnt$folder/upper" "/mnt$folder/work"
    mount -t overlay overlay -o "lowerdir=$folder,upperdir=/mnt$folder/upper,workdir=/mnt$folder/work" "$folder"
done
# What emulations on this machine say of their ports is not about this host.
mount -t tmpfs tmpfs /var/tmp
ln -s {socket} /run/docker.sock
"""
_FETCH = "import sys, urllib.request as r; print(r.urlopen(sys.argv[1], timeout=5).read().decode(), end='')"


class PrivateHost:
    """``said``: what its sail wrote so far."""

    def __init__(self, engine: PrivateEngine, folder: Path) -> None:
        self.engine = engine
        self._log = folder / "sail.log"
        self._sails: list[subprocess.Popen[bytes]] = []
        socket = engine.address.removeprefix("unix://")
        self.run("sh", "-c", _PREPARE.format(folders=" ".join(_CHANGED), socket=socket))

    def run(self, *argv: str, status: int = 0, environment: Mapping[str, str] | None = None) -> str:
        """What a command on it writes. Raises: AssertionError for another exit status."""
        done = self.attempt(*argv, environment=environment)
        assert done.returncode == status, (argv, done.returncode, done.stdout, done.stderr)
        return done.stdout

    def attempt(self, *argv: str, environment: Mapping[str, str] | None = None) -> "subprocess.CompletedProcess[str]":
        kept = {name: value for name, value in os.environ.items() if not name.startswith(("DOCKER_", "BOXSHIP_"))}
        return subprocess.run(
            [*self.engine.enter, *argv],
            env={**kept, **(environment or {})},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=DEADLINE_S,
            check=False,
        )

    def boxship(self, *arguments: str, status: int = 0) -> str:
        """The command line that isn't in a container, as on a machine with Python."""
        return self.run(*BOXSHIP, *arguments, status=status)

    def wrapper(self, *arguments: str, status: int = 0) -> str:
        """The command that install wrote, which runs in the Loader's container."""
        return self.run("/usr/local/bin/boxship", *arguments, status=status)

    def sail(self, appliance: str) -> None:
        """As whatever runs a host without systemd would."""
        with self._log.open("ab") as log:
            argv = [*self.engine.enter, "sh", f"/usr/local/lib/boxship/{appliance}/sail"]
            self._sails.append(subprocess.Popen(argv, stdin=subprocess.DEVNULL, stderr=log, stdout=log))

    def end_sail(self) -> None:
        """The one that was begun last."""
        sail = self._sails.pop()
        (child,) = Path(f"/proc/{sail.pid}/task/{sail.pid}/children").read_text().split()
        os.kill(int(child), 15)
        assert sail.wait(timeout=DEADLINE_S) == 0

    def close(self) -> None:
        """End its sails at once; what they started ends with the engine."""
        for sail in self._sails:
            sail.kill()
            sail.wait(timeout=DEADLINE_S)

    @property
    def said(self) -> str:
        return self._log.read_text(errors="replace") if self._log.exists() else ""

    def fetch(self, url: str) -> str:
        """What is answered on it, "" for no answer."""
        done = self.attempt(BOXSHIP[0], "-c", _FETCH, url)
        return done.stdout if done.returncode == 0 else ""

    def boot(self, appliance: str) -> dict[str, Any]:
        """What the Loader says of itself; empty while there is none.

        Over its socket: a ``docker exec`` into a container that just ends may hang for ever (Docker 20.10).
        """
        path = Path(self.engine.root, "run", "boxship", appliance, "loader.sock")
        connection = UnixConnection(path, timeout_s=5)
        try:
            connection.request("GET", "/v1/boot")
            answer = connection.getresponse()
            found: dict[str, Any] = json.loads(answer.read())
        except (OSError, http.client.HTTPException, ValueError):
            return {}
        finally:
            connection.close()
        return found

    def eventually(self, look: Callable[[], T], what: str, within_s: float = DEADLINE_S) -> T:
        """What ``look`` gives, once it gives something."""
        return eventually(look, what, within_s, said=lambda: self.said)

    def files(self) -> set[str]:
        """What isn't as on this machine."""
        found = self.run("sh", "-c", "find /mnt/*/upper /mnt/*/*/upper ! -type d -printf '%p\\n' 2>/dev/null || :")
        return {line for line in found.splitlines() if line}


@contextmanager
def private_host(folder: Path) -> Iterator[PrivateHost]:
    with private_engine() as engine:
        host = PrivateHost(engine, folder)
        try:
            yield host
        finally:
            host.close()
