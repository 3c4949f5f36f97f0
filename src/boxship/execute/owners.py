"""Folders of the host that a container is shown get an owner: its user, and nobody else can look in."""

import asyncio
import os
from pathlib import Path

from boxship.engine.port import Engine
from boxship.errors import HostError
from boxship.plan.action import HandOver


async def hand_over(engine: Engine, action: HandOver) -> None:
    """Raises: HostError when the folder isn't there or can't be given away; EngineError."""
    # Imported here, as few appliances need it, and tarfile is a tenth of what `up` imports.
    from boxship.execute.owner import owner_in  # noqa: PLC0415 (see above)

    detail = await engine.inspect_container(action.name)
    uid, gid = await owner_in(engine, action.name, detail.user)
    try:
        await asyncio.to_thread(_own, Path(action.folder), uid, gid)
    except OSError as err:
        raise HostError(
            f"cannot give {action.folder} to the user of {action.name}: {(err.strerror or str(err)).lower()}",
            hint="a Loader that hands out tokens runs as root",
        ) from err


def _own(folder: Path, uid: int, gid: int) -> None:
    for path in (*folder.iterdir(), folder):
        os.chown(path, uid, gid, follow_symlinks=False)
