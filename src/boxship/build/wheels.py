"""Python packages for build contexts: downloaded on the host by its own pip, checked by hash, kept by content.

A build then needs no network and no index, and gets exactly the files that the requirements file pins.
"""

import asyncio
import hashlib
import json
import os
import re
import shutil
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

from boxship.build.cache import file_digest, write_synced
from boxship.build.locks import held
from boxship.errors import BuildError, HostError
from boxship.host import proc
from boxship.host.filelock import FileLock
from boxship.spec.model_build import Wheels

_FORMAT = 1
_TIMEOUT_S = 1800.0
_GLIBC_MINORS = range(5, 32)
"""Up to glibc 2.31: every Debian since 11 has it, so whatever is downloaded loads in any base."""
_INCLUDE = re.compile(r"\s*(?:-r|--requirement|-c|--constraint)[\s=]+(\S+)")
_RECORD = "wheels.json"


class WheelCache:
    """The folder of downloaded wheels."""

    def __init__(self, root: Path) -> None:
        self._root = root / "wheels"

    async def ensure(self, wheels: Wheels, machine: str, on_progress: Callable[[str], None]) -> dict[str, Path]:
        """The wheels' places in the build context and the files to put there.

        Args:
            wheels: What the service asks for.
            machine: The kernel's name of the architecture (x86_64, aarch64).
            on_progress: Called with what pip says.

        Raises:
            BuildError: The requirements file is missing, pins without hashes, or pip couldn't get a file that matches.
            HostError: This Python has no pip.
        """
        address = f"{wheels.where}: " if wheels.where is not None else ""
        texts = await asyncio.to_thread(_read_requirements, wheels.requirements, address)
        _demand_hashes(texts, address)
        python = wheels.python or f"{sys.version_info.major}.{sys.version_info.minor}"
        key = hashlib.sha256(json.dumps([_FORMAT, list(texts.values()), python, machine]).encode()).hexdigest()[:32]
        folder = self._root / key
        await asyncio.to_thread(os.makedirs, self._root, exist_ok=True)
        async with held(FileLock(self._root / f"{key}.lock"), on_progress):
            names = await asyncio.to_thread(_intact, folder)
            if names is None:
                await self._download(wheels, folder, python, machine, on_progress)
                names = await asyncio.to_thread(_intact, folder) or []
        into = wheels.into.strip("/")
        return {f"{into}/{name}": folder / name for name in names}

    async def _download(
        self, wheels: Wheels, folder: Path, python: str, machine: str, on_progress: Callable[[str], None]
    ) -> None:
        draft = self._root / f".{folder.name}.{os.getpid()}.{time.monotonic_ns()}"
        try:
            await asyncio.to_thread(draft.mkdir)
            on_progress(f"downloading the packages of {wheels.requirements.name}")
            finished = await proc.run(download_command(wheels, draft, python, machine), timeout_s=_TIMEOUT_S)
            if finished.status != 0:
                raise _failure(wheels, finished)
            await asyncio.to_thread(_publish, draft, folder)
        finally:
            await asyncio.to_thread(shutil.rmtree, draft, True)


def download_command(wheels: Wheels, target: Path, python: str, machine: str) -> list[str]:
    """The argv of pip: wheels only, hashes demanded, for the image's Python rather than for this one."""
    platforms = [f"manylinux_2_{minor}_{machine}" for minor in reversed(_GLIBC_MINORS)]
    platforms += [f"manylinux2014_{machine}", f"manylinux2010_{machine}", f"manylinux1_{machine}", f"linux_{machine}"]
    return [
        sys.executable,
        "-m",
        "pip",
        "download",
        "--quiet",
        "--disable-pip-version-check",
        "--no-input",
        "--only-binary=:all:",
        "--require-hashes",
        # The file pins everything; pip would judge conditions like python_version by the Python that runs it.
        "--no-deps",
        "--implementation=cp",
        f"--python-version={python}",
        *(f"--platform={platform}" for platform in platforms),
        f"--dest={target}",
        f"--requirement={wheels.requirements}",
    ]


def unhashed_requirements(text: str) -> Iterator[tuple[int, str]]:
    """(line, requirement) of everything that is pinned without a hash."""
    joined, start = "", 0
    for number, line in enumerate(text.splitlines(), 1):
        start = start if joined else number
        joined += line.removesuffix("\\")
        if line.endswith("\\"):
            continue
        requirement = re.sub(r"(^|\s)#.*$", "", joined).strip()
        joined = ""
        if requirement and not requirement.startswith("-") and "--hash=" not in requirement:
            yield start, requirement


def _read_requirements(path: Path, address: str) -> dict[Path, str]:
    """The file and those that it includes."""
    pending, texts = [path], dict[Path, str]()
    while pending:
        one = pending.pop(0)
        if one in texts:
            continue
        try:
            texts[one] = one.read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError) as err:
            reason = err.strerror if isinstance(err, OSError) else "it is not UTF-8 text"
            raise BuildError(
                f"{address}can't read the requirements {one}: {reason}", hint="create the file, or correct its name"
            ) from err
        pending += [one.parent / match[1] for line in texts[one].splitlines() if (match := _INCLUDE.match(line))]
    return texts


def _demand_hashes(texts: Mapping[Path, str], address: str) -> None:
    missing = [(path, line, what) for path, text in texts.items() for line, what in unhashed_requirements(text)]
    if missing:
        path, line, requirement = missing[0]
        more = f", and {len(missing) - 1} more" if len(missing) > 1 else ""
        raise BuildError(
            f"{address}{path}:{line}: {requirement} has no hash{more}",
            hint="pin and hash everything: pip-compile --generate-hashes, or uv pip compile --generate-hashes",
        )


def _failure(wheels: Wheels, finished: proc.Finished) -> HostError | BuildError:
    lines = [line for line in finished.stderr_tail.splitlines() if line.strip()]
    if "No module named pip" in finished.stderr_tail:
        return HostError(f"{sys.executable} has no pip to download wheels with", hint=f"{sys.executable} -m ensurepip")
    errors = [line.removeprefix("ERROR: ") for line in lines if line.startswith("ERROR: ")]
    told = errors[-1] if errors else f"pip {proc.describe_status(finished.status)}"
    return BuildError(
        f"the packages of {wheels.requirements} can't be downloaded: {told}",
        hint="each must exist as a wheel for the image's Python and platform, with one of its hashes",
        output=lines[-20:],
    )


def _publish(draft: Path, folder: Path) -> None:
    digests = {path.name: file_digest(path) for path in sorted(draft.iterdir())}
    write_synced(draft / _RECORD, json.dumps(digests, sort_keys=True).encode())
    shutil.rmtree(folder, ignore_errors=True)
    draft.rename(folder)


def _intact(folder: Path) -> list[str] | None:
    """The wheels' names, None unless all are as they were downloaded."""
    try:
        digests = json.loads((folder / _RECORD).read_bytes())
    except (OSError, ValueError):
        return None
    return sorted(digests) if all(file_digest(folder / name) == digest for name, digest in digests.items()) else None
