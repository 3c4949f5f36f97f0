"""The image of the scenarios: a small one that is here, or can be made without a registry."""

import asyncio

import pytest

from benchmarks.engine import EngineApi
from benchmarks.faults import BenchError
from benchmarks.scenarios import PORT, Image
from boxship.engine.docker import connect
from tests.contracts.images import TEST_IMAGE, ensure_test_image

DEBIAN = Image("debian:bookworm-slim", ("bash", "-c", f"</dev/tcp/127.0.0.1/{PORT}"))
BUSYBOX = Image(TEST_IMAGE, ("nc", "-w", "1", "127.0.0.1", str(PORT), "-e", "true"))
_DEBIAN_NEEDS = ("/usr/bin/bash", "/usr/bin/busybox")


def find_image(engine: EngineApi) -> Image:
    """Debian's, if it has busybox; otherwise the tests' own, which is made when it isn't there.

    Raises: BenchError when there is neither, nor a static busybox to make one of.
    """
    if engine.has_image(DEBIAN.reference) and engine.image_has(DEBIAN.reference, *_DEBIAN_NEEDS):
        return DEBIAN
    try:
        asyncio.run(_make())
    except pytest.skip.Exception as err:
        raise BenchError(f"There is no image to start, and none can be made here: {err}.") from err
    return BUSYBOX


async def _make() -> None:
    engine = connect()
    try:
        await ensure_test_image(engine)
    finally:
        await engine.close()
