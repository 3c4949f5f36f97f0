"""What every verb starts from: the global options, and the files."""

import argparse
import os
import sys
from pathlib import Path

from msgspec import Struct

from boxship.errors import SpecError, UsageError
from boxship.names import APPLIANCE_PATTERN
from boxship.spec.load import Loaded, LoadOptions, load
from boxship.where import Problem


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
        )

    def load(self) -> Loaded:
        """Read the files. Raises: SpecError with all that is wrong."""
        return load(
            LoadOptions(
                files=self.files,
                appliance_name=self.appliance_name,
                profiles=self.profiles,
                env_files=self.env_files,
                directory=self.directory,
                environ=dict(os.environ),
                lax=self.is_lax,
            )
        )

    def load_with_warnings(self) -> Loaded:
        """Read the files and show what is doubtful on stderr."""
        loaded = self.load()
        if not self.is_json:
            show_warnings(loaded.warnings)
        return loaded

    def appliance_name_or_files(self) -> tuple[str, Loaded | None]:
        """For verbs that can do without files: ``-p NAME`` in a folder that has none."""
        if self.appliance_name is None:
            loaded = self.load()
            return loaded.appliance.name, loaded
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


def show_warnings(warnings: tuple[Problem, ...]) -> None:
    for warning in warnings:
        print(f"warning: {warning}", file=sys.stderr)
