"""Whom to believe that they are a registry: the host's authorities, and those that docker was given for it.

Source: Docker's documentation, "Verify repository client with certificates": ``/etc/docker/certs.d/<host:port>/`` holds
authorities in ``*.crt``, and a client's certificate and key in ``<name>.cert`` and ``<name>.key``.
"""

import ssl
from pathlib import Path

from msgspec import Struct

from boxship.errors import HostError

DOCKER_FOLDER = Path("/etc/docker/certs.d")


class Trust(Struct, frozen=True):
    """``ca_file``: authorities to believe besides the others. ``insecure``: hosts that may do without TLS."""

    folder: Path = DOCKER_FOLDER
    ca_file: Path | None = None
    insecure: frozenset[str] = frozenset()


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
        try:
            context.load_cert_chain(certificate, certificate.with_suffix(".key"))
        except (OSError, ssl.SSLError) as err:
            raise HostError(
                f"{certificate} and its .key can't be used: {_cause(err)}",
                hint="both must be PEM, the key without password",
            ) from err
    return context


def authorities_of(trust: Trust, host: str) -> bytes:
    """The certificates that ``make_context`` would read for one registry, one after the other; b"" for none.

    Raises: HostError naming a file that can't be used.
    """
    make_context(trust, host)
    paths = (*_files(trust.folder / host, ".crt"), *((trust.ca_file,) if trust.ca_file else ()))
    return b"".join(path.read_bytes().rstrip() + b"\n" for path in paths)


def _files(folder: Path, suffix: str) -> list[Path]:
    try:
        return sorted(path for path in folder.iterdir() if path.suffix == suffix)
    except OSError:
        return []


def _cause(err: OSError) -> str:
    return (err.strerror or str(err)).lower()
