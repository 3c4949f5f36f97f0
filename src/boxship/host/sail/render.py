"""Sail for one appliance, as text: the script that keeps its Loader running, and what starts that on a host."""

import hashlib
import re
import shlex
from pathlib import Path

from msgspec import Struct

from boxship.errors import UsageError
from boxship.host.loader_options import value_of
from boxship.host.places import Places
from boxship.names import loader_before_name, loader_name

DEFAULT_SOCKET = Path("/var/run/docker.sock")
HOST_FILES_VERSION = 3
"""Of sail, its unit and the command together: one more with each change to them, so that a Loader sees older ones."""
LABEL_SAIL = "boxship.sail"
"""On a Loader's container: which script made it."""
_HERE = Path(__file__).parent
_BEGIN = "# --- settings of this appliance, written by Boxship\n"
_END = "# --- end of settings\n"
_AWKWARD = re.compile(r"[,\"'\n\\]")
"""What the docker command's --mount gives another meaning."""


class SailSettings(Struct, frozen=True):
    """What sail is told. Times are whole seconds, except for ``poll_s``, which ``sleep`` must understand.

    ``stops_on_failure``: end with the Loader's status unless that is 0, as an emulation does.
    ``loader_options``: for the Loader, after those that say where its folders are. A ``--source`` among them that is
    a folder is shown to it.
    ``report_polls``: so many times ``poll_s`` has a Loader to report. ``silent_looks``: so many times ``look_s`` (as
    ``poll_s``) may one that has reported be without a new sign of life.
    """

    appliance: str
    places: Places
    socket: Path = DEFAULT_SOCKET
    stops_on_failure: bool = False
    shows_log: bool = False
    loader_options: tuple[str, ...] = ()
    starts_limit: int = 3
    first_pause_s: int = 1
    longest_pause_s: int = 60
    poll_s: str = "1"
    report_polls: int = 120
    look_s: str = "10"
    silent_looks: int = 12
    stop_s: int = 30
    call_s: int = 60
    systemd: Path = Path("/run/systemd/system")
    """Is there where systemd runs."""


def render_sail(settings: SailSettings) -> str:
    """The script; equal settings give equal text.

    Raises:
        UsageError: A folder's name holds what can't be handed to the docker command, or isn't the whole path.
    """
    template = (_HERE / "sail.sh").read_text(encoding="utf-8")
    # A container that was made by another script is made anew at its next start.
    made_by = hashlib.sha256(f"{template}{settings}".encode()).hexdigest()[:12]
    words = (*_words(settings), ("made_by", made_by))
    head, _, rest = template.partition(_BEGIN)
    return "".join(
        (head, _BEGIN, *(f"{name}={shlex.quote(value)}\n" for name, value in words), _END, rest.partition(_END)[2])
    )


def _words(settings: SailSettings) -> tuple[tuple[str, str], ...]:
    places = settings.places
    return (
        ("appliance", settings.appliance),
        ("container", loader_name(settings.appliance)),
        ("container_before", loader_before_name(settings.appliance)),
        ("state", _mountable(places.state)),
        ("run", _mountable(places.run)),
        ("socket", _mountable(settings.socket)),
        ("host_files", str(HOST_FILES_VERSION)),
        ("on_failure", "stop" if settings.stops_on_failure else "restart"),
        ("shows_log", "yes" if settings.shows_log else "no"),
        ("loader_options", shlex.join(settings.loader_options)),
        ("source", _source(settings.loader_options)),
        ("starts_limit", str(settings.starts_limit)),
        ("first_pause_s", str(settings.first_pause_s)),
        ("longest_pause_s", str(settings.longest_pause_s)),
        ("poll_s", settings.poll_s),
        ("report_polls", str(settings.report_polls)),
        ("look_s", settings.look_s),
        ("silent_looks", str(settings.silent_looks)),
        ("stop_s", str(settings.stop_s)),
        ("call_s", str(settings.call_s)),
        ("systemd", str(settings.systemd)),
    )


def _source(options: tuple[str, ...]) -> str:
    """The folder with releases that the options name, "" when they name a registry or none."""
    named = value_of(options, "--source")
    folder = named.removeprefix("dir:")
    if folder == named and not named.startswith(("/", ".")):
        return ""
    return _mountable(Path(folder))


def render_unit(appliance: str, script: Path) -> str:
    """The systemd unit that runs the script at ``script``."""
    template = (_HERE / "unit.service").read_text(encoding="utf-8")
    return template.replace("@appliance@", appliance).replace("@script@", str(script))


def render_command() -> str:
    """The command ``boxship`` of a box, for all its appliances."""
    return (_HERE / "boxship.sh").read_text(encoding="utf-8")


def _mountable(path: Path) -> str:
    if not path.is_absolute() or _AWKWARD.search(str(path)):
        raise UsageError(
            f"the folder {path} can't be mounted into the Loader's container",
            hint="name it by its whole path, and use one that has no comma, quote or backslash in it",
        )
    return str(path)
