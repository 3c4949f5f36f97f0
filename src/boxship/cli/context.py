"""What every verb starts from: the global options, and the files."""

import argparse
import json
import os
import sys
from pathlib import Path

from msgspec import Struct
from msgspec.structs import replace

from boxship.cli.patterns import patterns_compiled_when_used
from boxship.cli.render.problems import show_problems
from boxship.errors import SpecError, UsageError, unknown_name
from boxship.names import APPLIANCE_PATTERN
from boxship.spec.loaded import EVERY_PROFILE, Loaded, LoadOptions
from boxship.spec.model import Appliance


class Invocation(Struct, frozen=True):
    """The global options."""

    files: tuple[Path, ...]
    appliance_name: str | None
    profiles: tuple[str, ...]
    env_files: tuple[Path, ...]
    directory: Path | None
    target: str | None
    is_json: bool
    is_debug: bool
    is_lax: bool
    is_dry_run: bool = False

    @staticmethod
    def from_arguments(arguments: argparse.Namespace) -> "Invocation":
        return Invocation(
            files=tuple(Path(each) for each in arguments.file or ()),
            appliance_name=arguments.project_name,
            profiles=tuple(arguments.profile or ()),
            env_files=tuple(Path(each) for each in arguments.env_file or ()),
            directory=Path(arguments.project_directory) if arguments.project_directory else None,
            target=arguments.target,
            is_json=arguments.json,
            is_debug=arguments.debug,
            is_lax=getattr(arguments, "lax", False),
            is_dry_run=getattr(arguments, "dry_run", False),
        )

    def load(self) -> Loaded:
        """Read the files. Raises: SpecError with all that is wrong; NotFoundError for a profile that nothing has."""
        # version and what only needs a name with -p read nothing: this is two thirds of what they would import.
        with patterns_compiled_when_used():
            from boxship.spec.load import load  # noqa: PLC0415

        loaded = load(self.load_options())
        self._check_profiles(loaded.appliance)
        return loaded

    def load_options(self) -> LoadOptions:
        """How the files are read."""
        return LoadOptions(
            files=self.files,
            appliance_name=self.appliance_name,
            profiles=self.profiles,
            env_files=self.env_files,
            directory=self.directory,
            environ=dict(os.environ),
            lax=self.is_lax,
        )

    def _check_profiles(self, appliance: Appliance) -> None:
        """Only those that were typed: COMPOSE_PROFILES may be meant for several appliances."""
        known = {profile for service in appliance.services.values() for profile in service.profiles}
        for profile in self.profiles:
            if profile not in known and profile != EVERY_PROFILE:
                raise unknown_name("profile", profile, appliance.name, sorted(known))

    def load_with_warnings(self) -> Loaded:
        """Read the files and say how much in them is doubtful; with --json all of it, as an event."""
        loaded = self.load()
        count = len(loaded.warnings)
        if count and self.is_json:
            event = {"event": "FileWarnings", "warnings": [warning.as_data() for warning in loaded.warnings]}
            print(json.dumps(event), flush=True)
        elif count:
            shows = "shows it" if count == 1 else "shows them"
            print(f"{count} warning{'s' * (count != 1)}: boxship check {shows}", file=sys.stderr)
        return loaded

    def _load_what_can_stop(self) -> tuple[str, Loaded | None]:
        """The files; where services wait for each other just the name, as what runs can be stopped all the same."""
        try:
            loaded = self.load()
        except SpecError as error:
            if not error.appliance or any(problem.code != "cycle" for problem in error.problems):
                raise
            show_problems([replace(problem, is_warning=True) for problem in error.problems], self.directory)
            return error.appliance, None
        return loaded.appliance.name, loaded

    def appliance_name_or_files(self) -> tuple[str, Loaded | None]:
        """For verbs that can do without files: ``-p NAME`` in a folder that has none."""
        if self.appliance_name is None:
            return self._load_what_can_stop()
        if not APPLIANCE_PATTERN.fullmatch(self.appliance_name):
            raise UsageError(
                f"'{self.appliance_name}' can't be an appliance's name",
                hint="lower-case letters, digits, dashes and underscores, beginning with a letter or digit",
            )
        try:
            return self.appliance_name, self.load()
        except SpecError:
            if self.files:
                raise
            return self.appliance_name, None
