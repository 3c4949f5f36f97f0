"""Where a contest's containers live: on this machine's engine, or on one of its own whose disk can share blocks."""

import ctypes
import os
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager, nullcontext
from pathlib import Path
from typing import NamedTuple

import pytest

from benchmarks.engine import EngineApi
from benchmarks.faults import BenchError
from benchmarks.image import BUSYBOX
from benchmarks.scenarios import Image
from benchmarks.trials import Stage
from benchmarks.upgrades import find_mkfs, mount_xfs
from tests.integration.private_engine import private_engine

_LIBC = ctypes.CDLL(None, use_errno=True)
_NETWORK = 0x40000000
"""Linux, include/uapi/linux/sched.h: CLONE_NEWNET."""


class Ground(NamedTuple):
    """``enter``: what a command begins with to see processes as the engine numbers them. ``network``: the engine's.

    ``shares_blocks``: its disk can.
    """

    engine: EngineApi
    image: Image
    environment: Mapping[str, str]
    enter: tuple[str, ...] = ()
    network: Path | None = None
    shares_blocks: bool = False

    @contextmanager
    def entered(self) -> Iterator[None]:
        """Sockets of this thread, and what it starts, are in the engine's network meanwhile."""
        with nullcontext() if self.network is None else _in_network(self.network):
            yield


def machine_ground(stage: Stage) -> Ground:
    return Ground(stage.engine, stage.image, stage.environment)


@contextmanager
def sharing_ground(stage: Stage) -> Iterator[Ground]:
    """An engine whose images and volumes lie on XFS, in a file.

    It has namespaces of its own: in our network it would take docker0 away from the other one.

    Raises: BenchError where there can be none.
    """
    if os.geteuid() != 0 or find_mkfs() is None:
        raise BenchError("it needs root, and mkfs.xfs (xfsprogs).")
    with ExitStack() as stack:
        place = stage.folder / "xfs"
        place.mkdir()
        # Before the engine begins, whose namespace then has it, too.
        mount_xfs(place, stack)
        try:
            engine = stack.enter_context(private_engine(more=("--data-root", str(place / "engine"))))
        except (pytest.skip.Exception, pytest.fail.Exception) as err:
            raise BenchError(f"{err}.") from err
        yield Ground(
            EngineApi(engine.address.removeprefix("unix://")),
            BUSYBOX,
            {**stage.environment, "DOCKER_HOST": engine.address},
            (*engine.enter, "--"),
            engine.network,
            shares_blocks=True,
        )


@contextmanager
def _in_network(network: Path) -> Iterator[None]:
    with Path("/proc/thread-self/ns/net").open("rb") as ours, network.open("rb") as theirs:
        _set_network(theirs.fileno())
        try:
            yield
        finally:
            _set_network(ours.fileno())


def _set_network(fd: int) -> None:
    if _LIBC.setns(fd, _NETWORK) != 0:
        raise BenchError(f"The engine's network can't be entered: {os.strerror(ctypes.get_errno())}.")
