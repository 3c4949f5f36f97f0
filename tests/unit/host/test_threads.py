"""Bytes between the loop and a thread: in order, bounded, and over when either side is."""

import asyncio
import threading
from collections.abc import AsyncIterator
from contextlib import aclosing
from typing import BinaryIO

import pytest

from boxship.host.threads import ThreadStream, feed_thread


async def chunks_of(*parts: bytes) -> AsyncIterator[bytes]:
    for part in parts:
        yield part


async def test_a_thread_reads_what_the_loop_has() -> None:
    assert await feed_thread(chunks_of(b"ab", b"", b"cd"), lambda file: file.read()) == b"abcd"


async def test_a_failure_on_either_side_is_the_reader_s_own() -> None:
    async def broken() -> AsyncIterator[bytes]:
        yield b"x"
        raise OSError("the engine hung up")

    with pytest.raises(OSError, match="the engine hung up"):
        await feed_thread(broken(), lambda file: file.read())

    def refuse(_: BinaryIO) -> None:
        raise ValueError("not this")

    with pytest.raises(ValueError, match="not this"):
        await feed_thread(chunks_of(b"x"), refuse)


async def test_a_thread_that_waits_for_more_ends_with_whoever_waits_for_it() -> None:
    begun, over = asyncio.Event(), threading.Event()

    async def endless() -> AsyncIterator[bytes]:
        yield b"x"
        begun.set()
        await asyncio.Event().wait()

    def work(file: BinaryIO) -> None:
        try:
            file.read()
        finally:
            over.set()

    task = asyncio.ensure_future(feed_thread(endless(), work))
    await begun.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert over.is_set()


async def test_the_loop_gets_what_a_thread_writes_and_its_result() -> None:
    def work(file: BinaryIO) -> int:
        return sum(file.write(bytes([number])) for number in range(100))

    stream = ThreadStream(work)
    async with aclosing(stream.chunks()) as chunks:
        assert b"".join([chunk async for chunk in chunks]) == bytes(range(100))
    assert stream.result == 100


async def test_a_thread_that_writes_to_nobody_ends() -> None:
    over = threading.Event()

    def work(file: BinaryIO) -> None:
        try:
            while True:
                file.write(b"x")
        finally:
            over.set()

    async with aclosing(ThreadStream(work).chunks()) as chunks:
        assert await anext(chunks) == b"x"
    assert over.is_set()


async def test_what_goes_wrong_in_the_thread_comes_behind_what_it_wrote() -> None:
    def work(file: BinaryIO) -> None:
        file.write(b"x")
        raise ValueError("gone")

    async with aclosing(ThreadStream(work).chunks()) as chunks:
        assert await anext(chunks) == b"x"
        with pytest.raises(ValueError, match="gone"):
            await anext(chunks)
