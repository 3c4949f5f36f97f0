"""Whom to believe that they are a registry, and what to show them: the host's authorities, and what docker was given.

Source: Docker's documentation, "Verify repository client with certificates": ``/etc/docker/certs.d/<host:port>/`` holds
authorities in ``*.crt``, and a client's certificate and key in ``<name>.cert`` and ``<name>.key``.
"""

import ssl
from pathlib import Path

from msgspec import Struct

from boxship.errors import HostError

DOCKER_FOLDER = Path("/etc/docker/certs.d")


class Trust(Struct, frozen=True):
    """``ca_file``: authorities to believe besides the others. ``insecure``: hosts that may do without TLS.

    ``client_folder`` has what a box keeps to show to registries: ``<host:port>/<name>.pem``, each a certificate with
    its key in one file, as two can't be replaced at once.
    """

    folder: Path = DOCKER_FOLDER
    ca_file: Path | None = None
    insecure: frozenset[str] = frozenset()
    client_folder: Path | None = None


class ClientCertificate(Struct, frozen=True):
    """What a registry wants to be shown. ``pem``: the certificate and its key. Never shown or logged."""

    name: str
    pem: bytes

    def __repr__(self) -> str:
        return f"ClientCertificate({self.name!r}, ...)"


def make_context(trust: Trust, host: str) -> ssl.SSLContext:
    """For connections to one registry. Raises: HostError naming a file that can't be used."""
    context = ssl.create_default_context()
    folder = trust.folder / host
    for path in (*_files(folder, ".crt"), *((trust.ca_file,) if trust.ca_file else ())):
        try:
            context.load_verify_locations(path)
        except (OSError, ssl.SSLError) as err:
            raise HostError(
                f"{path}: no certificates can be read from it: {_cause(err)}", hint="it must be PEM"
            ) from err
    for certificate in _files(folder, ".cert"):
        _show(context, certificate, certificate.with_suffix(".key"))
    for kept in _files(trust.client_folder / host, ".pem") if trust.client_folder is not None else ():
        _show(context, kept, kept)
    return context


def _show(context: ssl.SSLContext, certificate: Path, key: Path) -> None:
    """Raises: HostError."""
    try:
        # With no password at all OpenSSL asks the terminal for that of a key which has one.
        context.load_cert_chain(certificate, key, password="")
    except (OSError, ssl.SSLError) as err:
        both = str(certificate) if certificate == key else f"{certificate} and its .key"
        raise HostError(
            f"{both} can't be used: {_cause(err)}", hint="certificate and key must be PEM, the key without password"
        ) from err


def authorities_of(trust: Trust, host: str) -> bytes:
    """The certificates that ``make_context`` would read for one registry, one after the other; b"" for none.

    Raises: HostError naming a file that can't be used.
    """
    make_context(trust, host)
    paths = (*_files(trust.folder / host, ".crt"), *((trust.ca_file,) if trust.ca_file else ()))
    return _joined(*paths)


def client_certificates_of(trust: Trust, host: str) -> tuple[ClientCertificate, ...]:
    """What docker was given to show to one registry.

    Raises: HostError naming a file that can't be used.
    """
    make_context(trust, host)
    found = _files(trust.folder / host, ".cert")
    return tuple(ClientCertificate(path.stem, _joined(path, path.with_suffix(".key"))) for path in found)


def _joined(*paths: Path) -> bytes:
    return b"".join(path.read_bytes().rstrip() + b"\n" for path in paths)


def _files(folder: Path, suffix: str) -> list[Path]:
    try:
        return sorted(path for path in folder.iterdir() if path.suffix == suffix)
    except OSError:
        return []


def _cause(err: OSError) -> str:
    return (err.strerror or str(err)).lower()
