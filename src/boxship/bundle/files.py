"""Which files a release takes along: what was read, and what containers, hooks and checks get from this machine.

Paths keep their places relative to one folder, the root: the appliance's own, or one a little above it where the files
say ``../``. What lies elsewhere belongs to the machine and is not taken: a box has its own ``/etc/localtime``.
"""

import os
from collections.abc import Iterable, Mapping
from pathlib import Path

from msgspec import Struct

from boxship.bundle.media import FILES_BYTES
from boxship.bundle.pack import MAX_FILES, describe, stays_inside
from boxship.spec.dotenv import parse_dotenv
from boxship.spec.loaded import Loaded
from boxship.spec.model import Appliance, HostHooks, HttpProbe, Service
from boxship.spec.release import ReleaseFile
from boxship.spec.report import Report
from boxship.spec.secrecy import is_secret_name, is_secret_value
from boxship.units import format_size

HIGHER = 2
"""How many folders above the appliance's own the root may be: ``../../shared/common.env``, but not a whole home."""
_HOOKS_OF_A_BOX = ("pre_start", "post_start", "pre_stop", "post_stop")
_SECCOMP = ("seccomp=", "seccomp:")


class Gathered(Struct, frozen=True):
    """``root``: the folder that all lie in. ``files``: relative path -> what it is and where its content is.

    ``problems``: why a release can't be made of them. ``warnings``: what a vendor should know. Both are sentences.
    """

    root: Path
    files: Mapping[str, ReleaseFile]
    contents: Mapping[str, Path]
    problems: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()


def gather(loaded: Loaded, services: Iterable[str], *, with_secrets: bool) -> Gathered:
    """The files of a release with these services. Reads the disk."""
    appliance = loaded.appliance
    read = [path for path in loaded.read if path.is_absolute() and str(path) != os.devnull]
    root = _root(appliance.directory, read)
    gathering = _Gathering(root, appliance)
    for path in read:
        gathering.take_read(path)
    for path in _configs(appliance):
        gathering.take(path)
    for name in services:
        gathering.take_mounts(appliance.services[name])
        gathering.take_profile(appliance.services[name])
    for path in _programs(appliance):
        gathering.take(path)
    gathering.take_secrets(with_secrets=with_secrets)
    if not with_secrets:
        gathering.look_for_secrets(read)
    return gathering.gathered()


def _root(directory: Path, read: Iterable[Path]) -> Path:
    """The lowest folder that holds the appliance's own and all that was read, as far as ``HIGHER`` allows."""
    above = [directory, *directory.parents][: HIGHER + 1]
    usable = [folder for folder in above if folder != Path(folder.anchor)] or [directory]
    for folder in usable:
        if all(path.is_relative_to(folder) for path in read):
            return folder
    return directory


def _configs(appliance: Appliance) -> list[Path]:
    return [Path(each.file) for each in appliance.configs.values() if each.file]


def _programs(appliance: Appliance) -> list[Path]:
    """What of the machine's own commands is a file beside the appliance's, and certificates that checks trust."""
    commands = [*_hook_commands(appliance.hooks), *appliance.host.checks.programs.values()]
    words = [Path(appliance.directory, word) for argv in commands for word in argv if word and "\0" not in word]
    trusted = [
        Path(appliance.directory, probe.expect.ca)
        for each in appliance.status_checks.values()
        if isinstance(probe := each.probe, HttpProbe) and probe.expect.ca is not None
    ]
    return [Path(os.path.normpath(path)) for path in (*words, *trusted) if path.is_file()]


def _hook_commands(hooks: Mapping[str, HostHooks]) -> list[tuple[str, ...]]:
    return [getattr(each, event) for each in hooks.values() for event in _HOOKS_OF_A_BOX]


class _Gathering:
    """Files found so far."""

    def __init__(self, root: Path, appliance: Appliance) -> None:
        self._root = root
        self._appliance = appliance
        self._contents: dict[str, Path] = {}
        self._problems: list[str] = []
        self._warnings: list[str] = []

    def take_read(self, path: Path) -> None:
        """A file that was read has to be there, or a box reads something else."""
        if not path.is_relative_to(self._root):
            self._problems.append(f"{path} is read and lies outside of {self._root}: move it below")
            return
        self.take(path)

    def take(self, path: Path) -> None:
        """A file or a folder with all that is in it; nothing when it lies elsewhere or isn't there."""
        if not path.is_relative_to(self._root) or not os.path.lexists(path):
            return
        if path.is_dir():
            self._take_folder(path)
        elif path.is_file():
            self._put(path, path)
        else:
            self._problems.append(f"{self._shown(path)} is neither a file nor a folder: leave it out")

    def take_mounts(self, service: Service) -> None:
        """What the service's containers show of this machine."""
        for mount in service.mounts:
            path = Path(os.path.normpath(mount.source)) if mount.kind == "bind" and mount.source else None
            if path is None or not path.is_relative_to(self._root):
                continue
            if self._appliance.directory.is_relative_to(path):
                self._problems.append(
                    f"{service.name} mounts the whole folder {path}: mount what it needs, or put it into its image"
                )
                continue
            self.take(path)
            if not mount.read_only:
                self._warnings.append(
                    f"{service.name} may write to {self._shown(path)} here, and not on a box: a volume keeps data"
                )

    def take_profile(self, service: Service) -> None:
        """A seccomp profile that the engine is given."""
        for option in service.security_opt:
            if option.startswith(_SECCOMP):
                self.take(Path(os.path.normpath(Path(self._appliance.directory, option[len(_SECCOMP[0]) :]))))

    def take_secrets(self, *, with_secrets: bool) -> None:
        """Files of secrets, only where the vendor insists."""
        for key, secret in self._appliance.secrets.items():
            path = Path(secret.file) if secret.file else None
            if path is None or not path.is_relative_to(self._root) or not path.exists():
                continue
            if with_secrets:
                self.take(path)
                continue
            self._contents.pop(self._name(path), None)
            self._problems.append(f"the secret {key} is in {self._shown(path)}: {_KEEP}")

    def look_for_secrets(self, read: Iterable[Path]) -> None:
        """Files of variables are where people keep passwords."""
        for path in read:
            if path in self._appliance.files or not path.is_relative_to(self._root):
                continue
            values = parse_dotenv(path.read_text("utf-8", "replace"), str(path), {}, {}, Report())
            for name, value in values.items():
                if value and is_secret_name(name) and is_secret_value(value):
                    self._problems.append(f"{self._shown(path)} holds {name}, which looks like a secret: {_KEEP}")

    def gathered(self) -> Gathered:
        """All of it, with its digests."""
        files = {name: self._describe(name, path) for name, path in sorted(self._contents.items())}
        size_bytes = sum(each.size_bytes for each in files.values())
        if size_bytes > FILES_BYTES or len(files) > MAX_FILES:
            largest = max(files, key=lambda name: files[name].size_bytes)
            self._problems.append(
                f"{len(files)} files of {format_size(size_bytes)} are too much (the largest is {largest}): content "
                "belongs into images and volumes"
            )
        problems, warnings = tuple(dict.fromkeys(self._problems)), tuple(dict.fromkeys(self._warnings))
        return Gathered(self._root, files, dict(self._contents), problems, warnings)

    def _take_folder(self, folder: Path) -> None:
        for place, folders, names in os.walk(folder, onerror=self._refuse):
            if ".git" in folders:
                folders.remove(".git")
            here = Path(place)
            if not folders and not names:
                self._contents[self._name(here)] = here
            linked = [name for name in folders if (here / name).is_symlink()]
            for name in (*names, *linked):
                self._take_member(here / name, folder)
            if len(self._contents) > MAX_FILES:
                return

    def _take_member(self, path: Path, folder: Path) -> None:
        if path.is_symlink():
            target = str(path.readlink())
            within = str(path.relative_to(folder))
            if stays_inside(within, target) or path.is_file():
                self._put(path, path)
            else:
                self._problems.append(f"{self._shown(path)} is a link to {target}, outside of what is taken: copy it")
        elif path.is_file():
            self._put(path, path)
        else:
            self._problems.append(f"{self._shown(path)} is neither a file nor a folder: leave it out")

    def _put(self, path: Path, content: Path) -> None:
        self._contents[self._name(path)] = content

    def _describe(self, name: str, path: Path) -> ReleaseFile:
        try:
            found = describe(path)
            if found.link and not (stays_inside(name, found.link) and self._has_target(path)):
                self._contents[name] = path.resolve()
                found = describe(path.resolve())
        except OSError as err:
            self._problems.append(f"{name} can't be read: {(err.strerror or str(err)).lower()}")
            return ReleaseFile()
        return found

    def _has_target(self, link: Path) -> bool:
        """Whether what a link leads to is taken as well; one that leads nowhere does so on a box, too."""
        target, root = link.resolve(), self._root.resolve()
        if not target.exists():
            return True
        name = str(target.relative_to(root)) if target.is_relative_to(root) else ""
        return bool(name) and (name in self._contents or any(each.startswith(f"{name}/") for each in self._contents))

    def _refuse(self, error: OSError) -> None:
        shown = self._shown(Path(error.filename)) if error.filename else "a folder"
        self._problems.append(f"{shown} can't be read: {(error.strerror or str(error)).lower()}")

    def _name(self, path: Path) -> str:
        return str(path.relative_to(self._root))

    def _shown(self, path: Path) -> str:
        directory = self._appliance.directory
        return str(path.relative_to(directory)) if path.is_relative_to(directory) else str(path)


_KEEP = "a release goes to every customer; give each box its own, or insist with --include-secrets"
