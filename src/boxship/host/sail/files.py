"""Everything that a box has of Boxship outside of containers, as values: for this host, or for a tree of files."""

from collections.abc import Mapping
from pathlib import Path

from msgspec import Struct

from boxship.host.places import Places
from boxship.host.sail.render import DEFAULT_SOCKET, SailSettings, render_command, render_sail, render_unit

LIBRARY = Path("/usr/local/lib/boxship")
COMMAND = Path("/usr/local/bin/boxship")
_UNITS = Path("/etc/systemd/system")
_SYSCTLS = Path("/etc/sysctl.d")


class HostFile(Struct, frozen=True):
    """One file, or with ``link`` a symbolic link to that. ``is_shared``: by all appliances of the host."""

    path: Path
    content: bytes = b""
    mode: int = 0o644
    link: str = ""
    is_shared: bool = False


def unit_name(appliance: str) -> str:
    """What systemd calls it."""
    return f"boxship-{appliance}.service"


def script_path(appliance: str) -> Path:
    """Its sail."""
    return LIBRARY / appliance / "sail"


def host_files(
    appliance: str,
    places: Places,
    sysctl: Mapping[str, str],
    *,
    socket: Path = DEFAULT_SOCKET,
    loader_options: tuple[str, ...] = (),
    with_command: bool = True,
) -> tuple[HostFile, ...]:
    """What to write for one appliance.

    Args:
        appliance: Its name.
        places: Where its state will be.
        sysctl: The kernel settings that it declares.
        socket: Where the engine listens.
        loader_options: For the Loader.
        with_command: Also ``boxship`` for people.
    """
    script = script_path(appliance)
    unit = _UNITS / unit_name(appliance)
    sail = render_sail(SailSettings(appliance, places, socket, loader_options=loader_options))
    files = [
        HostFile(script, sail.encode(), 0o755),
        HostFile(unit, render_unit(appliance, script).encode()),
        # What systemctl enable does, which a tree of files can't be asked to do.
        HostFile(_UNITS / "multi-user.target.wants" / unit.name, link=str(unit)),
    ]
    if sysctl:
        files.append(HostFile(_SYSCTLS / f"60-boxship-{appliance}.conf", _sysctl_text(appliance, sysctl).encode()))
    if with_command:
        files.append(HostFile(COMMAND, render_command().encode(), 0o755, is_shared=True))
    return tuple(files)


def _sysctl_text(appliance: str, sysctl: Mapping[str, str]) -> str:
    lines = [f"{key} = {value}\n" for key, value in sorted(sysctl.items())]
    return f"# What {appliance} declares under host.sysctl; written by boxship install.\n{''.join(lines)}"
