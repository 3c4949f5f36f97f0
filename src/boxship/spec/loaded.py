"""What reading is asked for, and what it gives: for whoever hands these on and doesn't read."""

from collections.abc import Mapping
from pathlib import Path

from msgspec import Struct, field

from boxship.spec.crane.translation import Translation
from boxship.spec.model import Appliance
from boxship.where import Problem

EVERY_PROFILE = "*"


class LoadOptions(Struct, frozen=True):
    """What the command line and the shell say about reading.

    ``directory`` is where relative names and the search begin (None: the process's). ``environ`` is the shell.
    ``lax``: keys that are unknown or not supported yet are warned about and left out.
    """

    files: tuple[Path, ...] = ()
    appliance_name: str | None = None
    profiles: tuple[str, ...] = ()
    env_files: tuple[Path, ...] = ()
    directory: Path | None = None
    environ: Mapping[str, str] = field(default_factory=dict)
    lax: bool = False


class Loaded(Struct, frozen=True):
    """What was read, and what is doubtful about it."""

    appliance: Appliance
    warnings: tuple[Problem, ...] = ()
    active_profiles: tuple[str, ...] = ()
    crane: Translation | None = None
    """What the crane files among them were read as."""
    read: tuple[Path, ...] = ()
    """Every file that was read: those of the appliance, and the variables and labels that they name."""


def active_services(appliance: Appliance, profiles: tuple[str, ...]) -> frozenset[str]:
    """The services without a profile and those of an active one; ``*`` is every profile."""
    is_every = EVERY_PROFILE in profiles
    chosen = set(profiles)
    return frozenset(
        name
        for name, service in appliance.services.items()
        if is_every or not service.profiles or chosen & set(service.profiles)
    )
