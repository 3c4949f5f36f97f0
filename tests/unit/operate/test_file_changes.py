"""Which files changed, on this machine's own file system."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from boxship.operate.file_changes import changed_paths

_DEADLINE_S = 30.0


class Watched:
    """Changes below some paths, heard until what is wanted has come."""

    def __init__(self, changes: AsyncIterator[frozenset[str]]) -> None:
        self._changes = changes
        self.heard: set[str] = set()

    async def hear(self, *paths: Path) -> None:
        async with asyncio.timeout(_DEADLINE_S):
            while not {str(path) for path in paths} <= self.heard:
                self.heard |= await anext(self._changes)


@contextlib.asynccontextmanager
async def watching(stop: asyncio.Event, *paths: Path) -> AsyncIterator[Watched]:
    async with contextlib.aclosing(changed_paths([str(path) for path in paths], stop)) as changes:
        assert await anext(changes) == frozenset()
        yield Watched(changes)


async def test_files_that_come_change_move_and_go_are_heard_in_new_folders_too(tmp_path: Path) -> None:
    (tmp_path / "old").write_text("x")
    async with watching(asyncio.Event(), tmp_path) as watched:
        (tmp_path / "old").write_text("y")
        (tmp_path / "lib").mkdir()
        await watched.hear(tmp_path / "old", tmp_path / "lib")
        (tmp_path / "lib" / "new").write_text("x")
        (tmp_path / "old").rename(tmp_path / "moved")
        await watched.hear(tmp_path / "lib" / "new", tmp_path / "moved")
        watched.heard.clear()
        (tmp_path / "moved").unlink()
        await watched.hear(tmp_path / "moved")


async def test_a_file_is_still_heard_after_another_took_its_place(tmp_path: Path) -> None:
    file = tmp_path / "conf"
    file.write_text("x")
    async with watching(asyncio.Event(), file) as watched:
        for text in ("first", "second"):
            (tmp_path / "draft").write_text(text)
            (tmp_path / "draft").replace(file)
            watched.heard.clear()
            await watched.hear(file)


async def test_reading_is_no_change(tmp_path: Path) -> None:
    (tmp_path / "a").write_text("x")
    async with watching(asyncio.Event(), tmp_path) as watched:
        (tmp_path / "a").read_text()
        await asyncio.to_thread(lambda: list(tmp_path.iterdir()))
        (tmp_path / "b").write_text("x")
        await watched.hear(tmp_path / "b")
        assert str(tmp_path / "a") not in watched.heard


async def test_it_ends_when_it_is_told_to(tmp_path: Path) -> None:
    stop = asyncio.Event()
    async with watching(stop, tmp_path) as watched:
        asyncio.get_running_loop().call_soon(stop.set)
        with pytest.raises(StopAsyncIteration):
            await watched.hear(tmp_path / "never")
