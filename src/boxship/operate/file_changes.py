"""Files that change, as they change. Only ``watch`` imports this: watchfiles and what it needs cost 35 ms of CPU."""

import asyncio
from collections.abc import AsyncGenerator, Collection
from pathlib import Path

import watchfiles

from boxship.errors import HostError

_QUIET_MS = 100
"""Changes that follow each other within this time belong together: an editor's save, a checkout."""
_AT_MOST_MS = 2000
"""However long they go on."""
_SIGN_OF_LIFE_MS = 500


def _folders(paths: Collection[str]) -> list[str]:
    """A file is watched by its folder: editors put another one in its place."""
    return sorted({path if Path(path).is_dir() else str(Path(path).parent) for path in paths})


async def changed_paths(paths: Collection[str], stop: asyncio.Event) -> AsyncGenerator[frozenset[str], None]:
    """What changed below the paths, batch by batch, until ``stop``; an empty batch first, once they are watched.

    Raises: HostError when the kernel watches no more.
    """
    roots = await asyncio.to_thread(_folders, paths)
    is_first = True
    try:
        async for batch in watchfiles.awatch(
            *roots,
            watch_filter=None,
            debounce=_AT_MOST_MS,
            step=_QUIET_MS,
            stop_event=stop,
            rust_timeout=_SIGN_OF_LIFE_MS,
            yield_on_timeout=True,
            raise_interrupt=False,
        ):
            if is_first:
                is_first = False
                yield frozenset()
            if batch:
                yield frozenset(path for _, path in batch)
    except (OSError, RuntimeError) as err:
        raise HostError(
            f"the files can't be watched any more: {err}",
            hint="if it says that a limit is reached: sysctl -w fs.inotify.max_user_watches=524288",
        ) from err
