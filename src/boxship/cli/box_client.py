"""Asks a box's API, one question after the other: over its unix socket, or over the network with a token."""

import http.client
import json
import os
import socket
import ssl
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import quote, urlencode, urlsplit

from msgspec import Struct

from boxship.cli.dry_run import IS_DRY_RUN, DryRunEnded
from boxship.errors import BoxshipError, HostError, UsageError, revived
from boxship.host.places import find_socket

DEADLINE_S = 60.0
"""A quick call takes milliseconds; asking a registry for versions takes longer."""
SILENCE_S = 60.0
"""The box sends something every 15 s while a stream is open."""
_PROBLEM = "application/problem+json"
Json = dict[str, object]


class UnreachableError(HostError):
    """Nobody answers: the Loader may just be starting."""


class Where(Struct, frozen=True):
    """``url`` "": the unix socket. ``token`` "": none is sent. ``ca_file``: authorities to believe, "": the usual."""

    socket_path: str = ""
    url: str = ""
    token: str = ""
    ca_file: str = ""

    def __str__(self) -> str:
        return self.url or self.socket_path


def where(
    socket_path: str | None,
    url: str | None,
    token_file: str | None,
    environ: Mapping[str, str],
    usual: Path,
    ca_file: str | None = None,
) -> Where:
    """From arguments, else from BOXSHIP_SOCKET, _URL, _TOKEN_FILE and _CA_FILE, else ``usual``. Raises: UsageError."""
    file = token_file or environ.get("BOXSHIP_TOKEN_FILE", "")
    try:
        token = Path(file).read_text(encoding="utf-8").strip() if file else ""
    except (OSError, UnicodeDecodeError) as err:
        raise UsageError(
            f"cannot read the token in {file}: {err}", hint="one line, and nobody else may read it"
        ) from err
    chosen = url or (environ.get("BOXSHIP_URL", "") if socket_path is None else "")
    if chosen and urlsplit(chosen).scheme not in ("http", "https"):
        raise UsageError(f"'{chosen}' is no address of a box", hint="for example https://box.example:8443")
    path = socket_path or environ.get("BOXSHIP_SOCKET") or str(usual)
    return Where(path, chosen, token, ca_file or environ.get("BOXSHIP_CA_FILE", ""))


class _UnixConnection(http.client.HTTPConnection):
    def __init__(self, path: str, timeout_s: float) -> None:
        super().__init__("box", timeout=timeout_s)
        self._path = path

    def connect(self) -> None:
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.sock.settimeout(self.timeout)
        self.sock.connect(self._path)


class Answered(Struct, frozen=True):
    """What came back, when it isn't a problem. A failed status is 503 and none."""

    status: int
    body: object

    def __getitem__(self, key: str) -> object:
        """Raises: UnreachableError when something else than a box answered."""
        if not isinstance(self.body, dict) or key not in self.body:
            raise UnreachableError(f"the answer has no '{key}'", hint="is it a box that answers there?")
        return self.body[key]


class BoxClient:
    """One box. In a dry run it asks, and ends before the first thing that would change something."""

    def __init__(self, at: Where) -> None:
        self.at = at

    def get(self, path: str, query: Mapping[str, str] | None = None) -> Answered:
        """Raises: whatever error the box reports; UnreachableError."""
        return self._ask("GET", path, None, query or {})

    def tell(self, path: str, body: Json | None = None, method: str = "POST") -> Answered:
        """Raises: as ``get``; DryRunEnded in a dry run, with what would have been told."""
        if IS_DRY_RUN.get():
            said = f" {json.dumps(body)}" if body else ""
            raise DryRunEnded(
                f"would tell {self.at}: {method} {path}{said}", {"calls": [f"{method} {path}"], "body": body}
            )
        return self._ask(method, path, body, {})

    def lines(self, path: str, query: Mapping[str, str], accept: str = "text/plain") -> Iterator[str]:
        """The lines of an answer that goes on, as they come. Raises: as ``get``."""
        with self._asked("GET", path, None, query, SILENCE_S, accept) as answer:
            if answer.status >= 400:
                self._read(answer)
            while line := answer.readline():
                yield line.decode("utf-8", "replace").rstrip("\r\n")

    def _ask(self, method: str, path: str, body: Json | None, query: Mapping[str, str]) -> Answered:
        with self._asked(method, path, body, query, DEADLINE_S, "application/json") as answer:
            return self._read(answer)

    def _read(self, answer: http.client.HTTPResponse) -> Answered:
        raw = answer.read()
        try:
            read = json.loads(raw)
        except ValueError as err:
            raise UnreachableError(
                f"{self.at} answered {answer.status} and no JSON", hint="is it a box that answers there?"
            ) from err
        if answer.headers.get_content_type() == _PROBLEM and isinstance(read, dict):
            raise _error(read)
        return Answered(answer.status, read)

    @contextmanager
    def _asked(
        self, method: str, path: str, body: Json | None, query: Mapping[str, str], timeout_s: float, accept: str
    ) -> Iterator[http.client.HTTPResponse]:
        connection = _connection(self.at, timeout_s)
        headers = {"Accept": accept, "Content-Type": "application/json"}
        if self.at.token:
            headers["Authorization"] = f"Bearer {self.at.token}"
        target = quote(path) + (f"?{urlencode(query)}" if query else "")
        try:
            connection.request(method, target, None if body is None else json.dumps(body), headers)
            yield connection.getresponse()
        except ssl.SSLCertVerificationError as err:
            raise UnreachableError(
                f"{self.at} shows a certificate that isn't believed: {err.verify_message}",
                hint="name the authority that signed it, or itself: --ca FILE",
            ) from err
        except (OSError, http.client.HTTPException) as err:
            reason = getattr(err, "strerror", None) or str(err) or type(err).__name__
            raise UnreachableError(
                f"cannot reach the box at {self.at}: {reason}",
                hint="on the box as root, or with --url and --token-file",
            ) from err
        finally:
            connection.close()


def _connection(at: Where, timeout_s: float) -> http.client.HTTPConnection:
    """Raises: UsageError for authorities that can't be read."""
    if not at.url:
        return _UnixConnection(at.socket_path, timeout_s)
    parts = urlsplit(at.url)
    if parts.scheme == "http":
        return http.client.HTTPConnection(parts.hostname or "", parts.port, timeout=timeout_s)
    try:
        context = ssl.create_default_context(cafile=at.ca_file or None)
    except OSError as err:
        raise UsageError(f"cannot read the authorities in {at.ca_file}: {err.strerror or err}", hint="PEM") from err
    return http.client.HTTPSConnection(parts.hostname or "", parts.port, timeout=timeout_s, context=context)


def _error(problem: Json) -> BoxshipError:
    fields = problem.get("fields")
    return revived(
        str(problem.get("type", "")),
        str(problem.get("detail", "the box refused")),
        str(problem.get("hint", "")),
        fields if isinstance(fields, dict) else None,
    )


def client_from(
    socket_path: str | None, url: str | None, token_file: str | None, appliance: str | None, ca_file: str | None = None
) -> BoxClient:
    usual = find_socket(appliance, Path.cwd())
    return BoxClient(where(socket_path, url, token_file, os.environ, usual, ca_file))
