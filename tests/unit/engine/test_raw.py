import asyncio
from pathlib import Path

import pytest

from boxship.engine.raw import RawConnection

LOUD = b"loud\r\n" * 20_000


class LoudEngine:
    """Says something all the time until it hears the end of the input, then once more, and hangs up, as dockerd does.

    ``failure``: what it could not say because nobody was there any more.
    """

    def __init__(self) -> None:
        self.failure: OSError | None = None
        self.heard = b""
        self.has_ended = asyncio.Event()

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        hearing = asyncio.ensure_future(reader.read())
        try:
            while not hearing.done():
                writer.write(LOUD)
                await writer.drain()
            self.heard = await hearing
            writer.write(LOUD)
            await writer.drain()
        except OSError as err:
            self.failure = err
        finally:
            hearing.cancel()
            writer.close()
            self.has_ended.set()


async def test_hanging_up_on_a_terminal_leaves_the_engine_nothing_that_it_can_not_say(tmp_path: Path) -> None:
    engine = LoudEngine()
    async with await asyncio.start_unix_server(engine.serve, tmp_path / "s"):
        streams = await asyncio.open_unix_connection(tmp_path / "s")
        connection = RawConnection((b"", *streams), "run 'sh' in web", tty=True)
        await connection.write(b"typed")
        output = connection.output()
        assert (await anext(output))[0] == "stdout"
        await connection.close()
        await engine.has_ended.wait()
    assert (engine.heard, engine.failure) == (b"typed", None)


async def test_an_engine_that_never_hangs_up_is_not_waited_for(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    has_ended = asyncio.Event()

    async def never_hang_up(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await has_ended.wait()
        writer.close()

    async with await asyncio.start_unix_server(never_hang_up, tmp_path / "s"):
        streams = await asyncio.open_unix_connection(tmp_path / "s")
        connection = RawConnection((b"", *streams), "run 'sh' in web", tty=True, leave_s=0.01)
        await connection.close()
        assert streams[1].is_closing()
        has_ended.set()
    assert not caplog.records
