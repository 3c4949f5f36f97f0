import asyncio
from pathlib import Path

import pytest

from boxship.build.scratch import scratch_folder


def fill(folder: Path) -> None:
    (folder / "tree" / "etc").mkdir(parents=True)
    (folder / "tree" / "etc" / "passwd").write_text("root")
    (folder / "tree").chmod(0o755)


async def test_any_user_may_work_in_it_and_nobody_removes_anothers_files() -> None:
    async with scratch_folder() as folder:
        assert folder.stat().st_mode & 0o7777 == 0o1777
    assert not folder.exists()


async def test_what_a_cancelled_program_left_in_it_goes() -> None:
    is_filled: asyncio.Future[Path] = asyncio.get_running_loop().create_future()

    async def work() -> None:
        async with scratch_folder() as folder:
            fill(folder)
            is_filled.set_result(folder)
            await asyncio.Event().wait()

    working = asyncio.ensure_future(work())
    folder = await is_filled
    working.cancel()
    with pytest.raises(asyncio.CancelledError):
        await working
    assert not folder.exists()


async def test_what_a_failed_program_left_in_it_goes() -> None:
    seen: list[Path] = []

    async def work() -> None:
        async with scratch_folder() as folder:
            seen.append(folder)
            fill(folder)
            raise ValueError("it broke")

    with pytest.raises(ValueError, match="it broke"):
        await work()
    assert not seen[0].exists()
