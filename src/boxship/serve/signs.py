"""Signs of life, for whoever started this process and can't see into it: it answers at its own door.

A process that hangs doesn't end, so nobody starts it again. Here the sign comes from the same loop that does the work,
and only after a question that went the way of everybody's, so it stops when either does.
"""

import asyncio
import contextlib
from pathlib import Path

from boxship.clock import Clock

EVERY_S = 5.0
"""Sail looks every ten seconds."""
ANSWER_S = 10.0
_QUESTION = b"GET /v1/boot HTTP/1.1\r\nHost: box\r\nConnection: close\r\n\r\n"


async def give_signs(door: Path, file: Path, name: str, clock: Clock) -> None:
    """Write ``name`` and another number into ``file`` as often as the unix socket ``door`` answers. Never ends."""
    number = 0
    while True:
        if await _answers(door):
            number += 1
            # It is looked at again and again: half of one does no harm, and one that can't be written is none.
            with contextlib.suppress(OSError):
                file.write_text(f"{name} {number}\n", encoding="utf-8")  # noqa: ASYNC240 (a line in memory)
        await clock.sleep(EVERY_S)


async def _answers(door: Path) -> bool:
    """Any answer will do, also one that says that there are too many at the door."""
    try:
        async with asyncio.timeout(ANSWER_S):
            reader, writer = await asyncio.open_unix_connection(str(door))
            try:
                writer.write(_QUESTION)
                await writer.drain()
                return (await reader.readline()).startswith(b"HTTP/1.1 ")
            finally:
                writer.close()
    except (OSError, ValueError):
        # TimeoutError is one of the first; a line without an end, of the others.
        return False
