"""A program that pulls until half of a large layer is here, says so, and then hangs until somebody kills it."""

import asyncio
import sys
from collections.abc import AsyncGenerator
from contextlib import aclosing
from pathlib import Path

from boxship.bundle.library import Library
from boxship.bundle.pull import pull_release
from boxship.bundle.source import ReleaseSource
from boxship.clock import SystemClock
from boxship.registry.layout import Layout
from boxship.registry.port import Blob
from tests.fakes.engine import FakeEngine

LARGE_BYTES = 1_000_000
_PIECE_BYTES = 50_000


class Hanging(Layout):
    """Gives half of what is large."""

    async def blob(self, blob: Blob, *, start: int = 0) -> AsyncGenerator[bytes, None]:
        given = start
        async with aclosing(super().blob(blob, start=start)) as chunks:
            async for chunk in chunks:
                for begin in range(0, len(chunk), _PIECE_BYTES):
                    if blob.size_bytes >= LARGE_BYTES and given > blob.size_bytes // 2:
                        sys.stdout.write("half\n")
                        sys.stdout.flush()
                        await asyncio.Event().wait()
                    yield chunk[begin : begin + _PIECE_BYTES]
                    given += _PIECE_BYTES


async def main(folder: Path, state: Path) -> None:
    source = ReleaseSource(Hanging(folder))
    await pull_release(source, "", Library(state), FakeEngine(), lambda _: None, SystemClock(), cancel=asyncio.Event())


if __name__ == "__main__":
    asyncio.run(main(Path(sys.argv[1]), Path(sys.argv[2])))
