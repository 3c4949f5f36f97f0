"""A real registry on loopback, with or without a login and TLS; it is gone with the test, and so is what it held."""

import base64
import http.client
import json
import shutil
import socket
import ssl
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.authorities import write_certificates
from tests.eventually import eventually

USER, PASSWORD = "tester", "let-me-in"
# bcrypt, as the registry knows no other: four rounds, as nothing hangs on it.
_HTPASSWD = f"{USER}:$2b$04$UlpxdjDbwv5ebAT/RgH5k.g7Kwi6S/NBqkIdU2Kou1/pXfr7A/xyS\n"
_PROGRAM = "docker-registry"
_DEADLINE_S = 30


class Registry:
    """Listens at ``address``; the engine trusts loopback without TLS. ``ca_path`` is its authority, if it has TLS."""

    def __init__(self, folder: Path, *, has_login: bool = True, has_tls: bool = False) -> None:
        self._folder = folder
        self._has_tls = has_tls
        self._greeting = 401 if has_login else 200
        self.ca_path = folder / "ca.crt"
        self.client_paths = folder / "client.crt", folder / "client.key"
        self.address = f"127.0.0.1:{_free_port()}"
        self._process: subprocess.Popen[bytes] | None = None
        self._demands_certificates = False
        (folder / "htpasswd").write_text(_HTPASSWD)
        settings: dict[str, object] = {
            "version": 0.1,
            "log": {"level": "error"},
            "storage": {"filesystem": {"rootdirectory": str(folder / "data")}},
            "http": {"addr": self.address, "secret": "of-a-test"},
        }
        if has_login:
            settings["auth"] = {"htpasswd": {"realm": "tests", "path": str(folder / "htpasswd")}}
        if has_tls:
            write_certificates(folder)
            files = {"certificate": str(folder / "server.crt"), "key": str(folder / "server.key")}
            settings["http"] = {"addr": self.address, "secret": "of-a-test", "tls": files}
        self._settings = settings
        self._write_settings()

    def demand_certificates(self) -> None:
        """From its next start on it answers only who shows ``client_paths``."""
        http_settings = self._settings["http"]
        assert isinstance(http_settings, dict)
        http_settings["tls"]["clientcas"] = [str(self.ca_path)]
        self._demands_certificates = True
        self._write_settings()

    def _write_settings(self) -> None:
        (self._folder / "settings.json").write_text(json.dumps(self._settings))

    @property
    def login(self) -> dict[str, object]:
        """What ``docker login`` would have put into a config.json."""
        return {"auths": {self.address: {"auth": base64.b64encode(f"{USER}:{PASSWORD}".encode()).decode()}}}

    def start(self, enter: tuple[str, ...] = ()) -> None:
        """Return once it answers. ``enter``: what a command begins with that shall run in others' namespaces."""
        with (self._folder / "log").open("ab") as log:
            self._process = subprocess.Popen(
                [*enter, _PROGRAM, "serve", self._folder / "settings.json"], stdout=log, stderr=log
            )
        process = self._process

        def has_started() -> bool:
            assert process.poll() is None, f"the registry does not start: {self._last_words()}"
            return self._answers(enter)

        eventually(has_started, "the registry answers", said=self._last_words)

    def _last_words(self) -> str:
        return (self._folder / "log").read_text()[-2000:]

    def stop(self) -> None:
        if self._process is not None:
            self._process.kill()
            self._process.wait(timeout=_DEADLINE_S)
            self._process = None

    def push(self, image: str, name: str) -> str:
        """The reference under which the registry now holds ``image``. The engine's own tag is gone again."""
        reference = f"{self.address}/{name}"
        home = self._folder / "pusher"
        home.mkdir(exist_ok=True)
        (home / "config.json").write_text(json.dumps(self.login))
        _docker("tag", image, reference)
        try:
            _docker("--config", str(home), "push", "--quiet", reference)
        finally:
            _docker("rmi", reference)
        return reference

    def _answers(self, enter: tuple[str, ...]) -> bool:
        if enter:
            connect = f"import http.client as h; c = h.HTTPConnection('{self.address}', timeout={_DEADLINE_S})"
            asking = f"{connect}; c.request('GET', '/v2/')"
            asked = subprocess.run([*enter, sys.executable, "-c", asking], capture_output=True, check=False)
            return asked.returncode == 0
        connection = http.client.HTTPConnection(self.address, timeout=_DEADLINE_S)
        if self._has_tls:
            context = ssl.create_default_context(cafile=self.ca_path)
            if self._demands_certificates:
                context.load_cert_chain(*self.client_paths)
            connection = http.client.HTTPSConnection(self.address, timeout=_DEADLINE_S, context=context)
        try:
            connection.request("GET", "/v2/")
            return connection.getresponse().status == self._greeting
        except OSError:
            return False
        finally:
            connection.close()


@contextmanager
def registry(folder: Path, *, has_login: bool = True, has_tls: bool = False) -> Iterator[Registry]:
    """A running one. Skips with a reason where the program is missing."""
    if shutil.which(_PROGRAM) is None:
        pytest.skip(f"a registry of the tests' own needs {_PROGRAM}")
    made = Registry(folder, has_login=has_login, has_tls=has_tls)
    try:
        made.start()
        yield made
    finally:
        made.stop()


def _docker(*arguments: str) -> None:
    subprocess.run(["docker", *arguments], check=True, capture_output=True, timeout=120)


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port
