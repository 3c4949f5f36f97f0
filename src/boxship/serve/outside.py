"""The door to the outside: TLS with the certificate that lies in a folder of the box, and no door without one.

Whoever renews the certificate writes the files anew; they are looked at again, and no connection is cut for it.
"""

import ipaddress
import re
import ssl
from collections.abc import Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import NamedTuple

from msgspec.structs import replace

from boxship.checks.codes import suggestion_for
from boxship.checks.report import Issue, Level, Result, Severity
from boxship.errors import HostError
from boxship.serve.listeners import Address, Inet
from boxship.spec.model_checks import CertificateProbe

CERTIFICATE, KEY, LISTEN = "certificate.pem", "key.pem", "listen"
"""The chain, the server's own first; its key; where to listen: one ``ADDRESS:PORT`` a line, for other than usual."""
PORT = 8443
EVERYWHERE = (Inet("0.0.0.0", PORT), Inet("::", PORT))  # noqa: S104  # it is the door to the outside
_MOST_BYTES = 1024 * 1024
_MOST_PORT = 65535
_ADDRESS = re.compile(r"(?:\[(?P<v6>[0-9a-fA-F:.]+)\]|(?P<v4>[0-9.]+)):(?P<port>[0-9]{1,5})")
_OTHERS = 0o077
_CODE = "loader.tls"

_MISSING = (0, 0, 0)

Seen = tuple[tuple[int, int, int], ...]


class _Read(NamedTuple):
    addresses: tuple[Inet, ...]
    certificate: str


class OutsideDoor:
    """``folder``: where the files are. The calls block for a moment, as files are read."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._context: ssl.SSLContext | None = None
        self._seen: Seen | None = None
        self._read: _Read | None = None
        self._doubt = ""
        self._closed = ""

    @property
    def problem(self) -> str:
        """Why the files that lie there aren't used, or shouldn't be; "" when nothing is wrong."""
        return self._doubt or self._closed

    def opened(self, failed: Mapping[Address, HostError]) -> None:
        """What could not be listened on. Where only the usual ones are asked for, one of them is enough."""
        mine = () if self._read is None else self._read.addresses
        missing = [failed[address] for address in mine if address in failed]
        is_enough = not (self._folder / LISTEN).exists() and len(missing) < len(mine)
        self._closed = missing[0].message if missing and not is_enough else ""

    def look(self) -> tuple[Inet, ...]:
        """Where to listen from now on; nowhere without a certificate.

        Files that can't be used change nothing: what was served with before goes on being used, and ``problem`` tells.
        """
        seen = self._signature()
        if seen == self._seen:
            return () if self._read is None else self._read.addresses
        self._seen = seen
        if seen[:2] == (_MISSING, _MISSING):
            self._context, self._read, self._doubt = None, None, ""
            return ()
        try:
            self._read = self._use()
        except HostError as error:
            self._doubt = error.message
        return () if self._read is None else self._read.addresses

    def result(self, now: datetime) -> tuple[Result, ...]:
        """What the status shows of it; nothing for a box without such a door."""
        self.look()
        if self.problem:
            return (_result(Level.WARN, self.problem, _CODE),)
        return () if self._read is None else (_judged(self._read, now),)

    def _signature(self) -> Seen:
        return tuple(_stamp(self._folder / name) for name in (CERTIFICATE, KEY, LISTEN))

    def _use(self) -> _Read:
        certificate, key = self._folder / CERTIFICATE, self._folder / KEY
        addresses = _addresses(self._folder / LISTEN)
        text = _text(certificate)
        # A pair that doesn't fit would leave the context with half of it, so it is tried on another one.
        _load(_new_context(), certificate, key)
        if self._context is None:
            self._context = _new_context()
        _load(self._context, certificate, key)
        others = key.stat().st_mode & _OTHERS
        self._doubt = f"{key} may be read by others than its owner: chmod 600 {key}" if others else ""
        return _Read(tuple(replace(each, context=self._context) for each in addresses), text)


def _new_context() -> ssl.SSLContext:
    made = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    made.minimum_version = ssl.TLSVersion.TLSv1_2
    made.set_alpn_protocols(["http/1.1"])
    return made


def _load(context: ssl.SSLContext, certificate: Path, key: Path) -> None:
    try:
        # A password, so that nobody is asked for one at the terminal.
        context.load_cert_chain(certificate, key, password="")
    except ssl.SSLError as err:
        reason = (err.reason or str(err)).replace("_", " ").lower()
        raise HostError(
            f"{certificate} and {key} can't be used: {reason}",
            hint="PEM, the server's certificate first, and its key without a password",
        ) from err
    except OSError as err:
        raise HostError(f"cannot read {certificate} and {key}: {(err.strerror or str(err)).lower()}") from err


def _text(path: Path) -> str:
    try:
        with path.open("rb") as file:
            return file.read(_MOST_BYTES).decode("ascii", "replace")
    except OSError as err:
        raise HostError(f"cannot read {path}: {(err.strerror or str(err)).lower()}") from err


def _stamp(path: Path) -> tuple[int, int, int]:
    """Another file of the same name differs, whatever its time."""
    try:
        found = path.stat()
    except OSError:
        return _MISSING
    return (found.st_ino, found.st_mtime_ns, found.st_size)


def _addresses(path: Path) -> Sequence[Inet]:
    if not path.exists():
        return EVERYWHERE
    lines = [line.strip() for line in _text(path).splitlines() if line.strip()]
    if not lines:
        raise HostError(f"{path} says no address", hint=f"one line each, as 192.0.2.7:{PORT}")
    return [_address(path, line) for line in lines]


def _address(path: Path, line: str) -> Inet:
    found = _ADDRESS.fullmatch(line)
    host = (found["v6"] or found["v4"]) if found else ""
    port = int(found["port"]) if found else 0
    try:
        address = str(ipaddress.ip_address(host))
    except ValueError:
        address = ""
    if not (address and 0 < port <= _MOST_PORT):
        raise HostError(
            f"{path}: '{line[:64]}' is no IP address with a port", hint=f"as 192.0.2.7:{PORT} or [::]:{PORT}"
        )
    return Inet(address, port)


def _judged(read: _Read, now: datetime) -> Result:
    # Late: cryptography takes memory, which a box without this door keeps.
    from boxship.checks.certificate import (  # noqa: PLC0415 (see above)
        CertificateUnreadableError,
        certificates_in,
        judge_certificates,
    )

    try:
        found = judge_certificates(CertificateProbe(), certificates_in(read.certificate), now)
    except CertificateUnreadableError as error:
        return _result(Level.WARN, str(error), "certificate.unreadable")
    where = ", ".join(map(str, read.addresses))
    return _result(found.level, f"at {where}: {found.text}", found.code)


def _result(level: Level, text: str, code: str) -> Result:
    """Never more than a doubt: the appliance is well, whoever looks after it from outside."""
    if level is Level.OK:
        return Result("TLS", "host", "certificate", level, text)
    issue = Issue(code, Severity.WARNING, text, {}, suggestion_for(code, {}))
    return Result("TLS", "host", "certificate", Level.WARN, text, issue=issue)
