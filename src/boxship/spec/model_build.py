"""What ``appliance.yaml`` says about making images, beyond bases."""

from pathlib import Path

from boxship.where import Placed, Where


class Budget(Placed, frozen=True):
    """How large the image of a service or base may be, with all that it begins from."""

    limit_bytes: int
    where: Where | None = None


class ContextPart(Placed, frozen=True):
    """A file or folder that is laid over the build context of a service, at ``into`` ("" is the context itself).

    ``only`` and ``without`` are patterns as in ``.dockerignore``, of paths inside of ``source``.
    """

    source: Path
    into: str = ""
    only: tuple[str, ...] = ()
    without: tuple[str, ...] = ()
    where: Where | None = None


class Wheels(Placed, frozen=True):
    """Python packages prepared on the host for one service's build context.

    ``requirements`` is a file with pinned, hashed requirements; the wheels appear in the context under ``into``.
    """

    service: str
    requirements: Path
    into: str = "wheels"
    python: str | None = None
    """The image's Python version ("3.11"); None: the version of the Python that runs Boxship."""
    where: Where | None = None


class Base(Placed, frozen=True):
    """A base image made from signed Debian packages, or named at a registry by digest.

    Either ``suite`` (with ``packages``) begins a root file system, or ``parent`` (the reference of another base) is
    extended by ``packages``, or ``digest_reference`` (``name@sha256:...``) is pulled and tagged ``reference``.
    """

    reference: str
    suite: str | None = None
    packages: tuple[str, ...] = ()
    parent: str | None = None
    digest_reference: str | None = None
    where: Where | None = None
