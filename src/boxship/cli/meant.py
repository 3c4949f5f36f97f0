"""Which box of this host is meant when nobody says it: that of the files here, however many there are."""

import os
from pathlib import Path

from boxship.cli.context import Invocation
from boxship.errors import NotFoundError, SpecError, UsageError
from boxship.host.places import EMULATION_FOLDER, RUN_ROOT, emulated_places

_TOLD_BY = ("BOXSHIP_SOCKET", "BOXSHIP_URL")


def is_told_where(socket: str | None, url: str | None) -> bool:
    """Whether an argument or the environment says which box."""
    return bool(socket or url or any(os.environ.get(each) for each in _TOLD_BY))


def appliance_meant(invocation: Invocation, here: Path, run_root: Path = RUN_ROOT) -> str | None:
    """Of which appliance a box of this host is asked when none is named: that of the files. None: of any.

    The files are read only where there is something to choose: not for an emulation ``here``, nor where no box is.

    Raises: NotFoundError when there are boxes and none is of these files; UsageError when they don't tell their name.
    """
    boxes = sorted(path.parent.name for path in run_root.glob("*/loader.sock"))
    if not boxes or emulated_places("", here / EMULATION_FOLDER).socket.exists():
        return None
    name = _name_of_files(invocation, boxes)
    # A Loader that is just being replaced has no socket, and its folder all the same.
    if name is None or (run_root / name).is_dir():
        return name
    raise NotFoundError(f"no box of {name} is on this host, whose files are here", hint=_say_which(boxes))


def _name_of_files(invocation: Invocation, boxes: list[str]) -> str | None:
    """None where no files are."""
    # As in Invocation.load: who needs no files imports nothing of all that.
    from boxship.spec.find import SourceFiles, find_files  # noqa: PLC0415
    from boxship.spec.report import Report  # noqa: PLC0415

    start = invocation.directory or Path.cwd()
    if find_files(invocation.files, start, os.environ, Report()) == SourceFiles():
        return None
    try:
        return invocation.load().appliance.name
    except SpecError as error:
        if error.appliance:
            return error.appliance
        raise UsageError(
            "the files here don't tell whose they are, so nor which box is meant",
            hint=f"{_say_which(boxes)}; boxship check shows what is wrong with them",
        ) from error


def _say_which(boxes: list[str]) -> str:
    return f"boxes of this host: {', '.join(boxes)}; say which: boxship -p NAME box ..."
