"""Reads what a test writes."""

from collections.abc import Callable, Mapping
from pathlib import Path
from textwrap import dedent

import pytest

from boxship.errors import SpecError
from boxship.spec.load import load
from boxship.spec.loaded import Loaded, LoadOptions
from boxship.where import Problem

Write = Callable[[Mapping[str, str]], Path]
Read = Callable[..., Loaded]
Refuse = Callable[..., tuple[Problem, ...]]


@pytest.fixture
def write(tmp_path: Path) -> Write:
    """Write files below a fresh directory called ``shop``."""

    def write_files(files: Mapping[str, str]) -> Path:
        directory = tmp_path / "shop"
        directory.mkdir(exist_ok=True)
        for name, text in files.items():
            path = directory / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(dedent(text), encoding="utf-8")
        return directory

    return write_files


@pytest.fixture
def read(write: Write) -> Read:
    """Load a compose.yaml, or several files by name."""

    def read_files(
        files: str | Mapping[str, str],
        *,
        f: tuple[str, ...] = (),
        env: Mapping[str, str] | None = None,
        **options: object,
    ) -> Loaded:
        directory = write({"compose.yaml": files} if isinstance(files, str) else files)
        named = tuple(Path(name) for name in f)
        return load(LoadOptions(files=named, directory=directory, environ=env or {}, **options))  # type: ignore[arg-type]

    return read_files


@pytest.fixture
def refuse(read: Read) -> Refuse:
    """The problems of files that must be refused."""

    def refuse_files(files: str | Mapping[str, str], **options: object) -> tuple[Problem, ...]:
        with pytest.raises(SpecError) as caught:
            read(files, **options)
        assert not any(problem.is_warning for problem in caught.value.problems)
        return caught.value.problems

    return refuse_files


@pytest.fixture
def service(read: Read) -> Callable[..., object]:
    """The one service ``a`` that some YAML lines describe."""

    def read_service(lines: str, **options: object) -> object:
        body = "\n".join(f"    {line}" for line in dedent(lines).strip("\n").splitlines())
        image = "" if lines.lstrip().startswith(("image", "build")) else "    image: shop/a:1\n"
        text = f"services:\n  a:\n{image}{body}\nvolumes:\n  data: {{}}\nnetworks:\n  back: {{}}\n"
        return read(text, **options).appliance.services["a"]

    return read_service
