"""A folder for programs that make trees, which are gone whatever becomes of the program."""

import asyncio
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from boxship.host import proc

_TIDY_S = 300.0
"""A tree of a gigabyte goes in seconds, on a slow and busy disk in a minute."""


@asynccontextmanager
async def scratch_folder() -> AsyncIterator[Path]:
    """Where temporary files of this machine are; as open to all its users as that place itself.

    What belongs to users whom only a namespace has (mmdebstrap's, unless root runs it) can't be removed from outside:
    then it stays. Raises: HostError when rm is missing.
    """
    folder = Path(await asyncio.to_thread(tempfile.mkdtemp, prefix="boxship-base-"))
    try:
        # apt works as a user of its own, and a namespace's root is nobody here.
        await asyncio.to_thread(folder.chmod, 0o1777)
        yield folder
    finally:
        # Not shutil.rmtree: it would go into what may still be mounted there.
        await proc.run(["rm", "-rf", "--one-file-system", str(folder)], timeout_s=_TIDY_S)
