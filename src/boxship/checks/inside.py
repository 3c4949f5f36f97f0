"""Commands inside a container for a check: bounded in time and output, stdout apart from stderr."""

import asyncio
import contextlib
from collections.abc import Callable

from msgspec import Struct

from boxship.engine.port import Engine, ExecRequest, ExecSession
from boxship.errors import CommandNotFoundError, CommandRefusedError

OUTPUT_BYTES = 256 * 1024
"""Of each stream; more is hung up on."""
_TIDY_S = 5.0
_WHY = {126: "can't be executed", 127: "not found"}


class Ran(Struct, frozen=True):
    """How a command ended. ``is_cut``: it said more than is read, so how it ended isn't known."""

    exit_code: int
    stdout: str
    stderr: str
    is_cut: bool = False

    @property
    def said(self) -> str:
        """The last line of what it complained about, else of what it said."""
        lines = self.stderr.strip().splitlines() or self.stdout.strip().splitlines()
        return lines[-1] if lines else ""


async def run_inside(
    engine: Engine, name: str, argv: tuple[str, ...], timeout_s: float, clean: Callable[[str], str]
) -> Ran:
    """Run to its end, or to the limit of its output.

    Args:
        engine: Who starts it; how long that takes is the engine's matter, and has a deadline of its own.
        name: The container.
        argv: The command; no shell is involved.
        timeout_s: Seconds from its start on.
        clean: Takes secrets out of what it says.

    Raises: TimeoutError after ``timeout_s``; the command is ended then where that is possible, as those of a check
    that is asked every few seconds would pile up. EngineError when the engine can't run it.
    """
    try:
        return await _run(engine, name, argv, timeout_s, clean)
    except (CommandNotFoundError, CommandRefusedError) as err:
        # As a shell would say it.
        return Ran(err.exit_status, "", f"{argv[0]}: {_WHY[err.exit_status]}")


async def _run(engine: Engine, name: str, argv: tuple[str, ...], timeout_s: float, clean: Callable[[str], str]) -> Ran:
    session = await engine.open_exec(name, ExecRequest(argv))
    streams = {"stdout": bytearray(), "stderr": bytearray()}
    is_over = False
    try:
        async with asyncio.timeout(timeout_s):
            async for stream, data in session.output():
                streams[stream] += data
                if len(streams[stream]) > OUTPUT_BYTES:
                    break
            is_cut = any(len(each) > OUTPUT_BYTES for each in streams.values())
            exit_code = 0 if is_cut else await session.exit_code()
            is_over = not is_cut
    finally:
        if not is_over:
            await _end(session)
        await session.close()
    out, err = (bytes(streams[each][:OUTPUT_BYTES]).decode(errors="replace") for each in ("stdout", "stderr"))
    return Ran(exit_code, clean(out), clean(err), is_cut)


async def _end(session: ExecSession) -> None:
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(_TIDY_S):
            await session.kill()
