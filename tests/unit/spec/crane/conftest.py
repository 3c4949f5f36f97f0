"""Reads crane files that a test writes, and says what would be done with them."""

from collections.abc import Callable, Mapping
from pathlib import Path
from textwrap import dedent

import pytest
from msgspec.structs import replace

from boxship.errors import SpecError
from boxship.plan.observed import Observed, ObservedImage, ObservedNetwork
from boxship.plan.reconcile import reconcile
from boxship.plan.resolve import resolve
from boxship.spec.load import load
from boxship.spec.loaded import Loaded, LoadOptions
from boxship.where import Problem

Read = Callable[..., Loaded]
Refuse = Callable[..., tuple[Problem, ...]]


@pytest.fixture
def read(tmp_path: Path) -> Read:
    """Load a crane.yml of a folder called ``shop``, or several files by name."""

    def read_files(
        files: str | Mapping[str, str],
        *,
        f: tuple[str, ...] = (),
        env: Mapping[str, str] | None = None,
        lax: bool = False,
        target_name: str | None = None,
    ) -> Loaded:
        directory = tmp_path / "shop"
        directory.mkdir(exist_ok=True)
        for name, text in ({"crane.yml": files} if isinstance(files, str) else files).items():
            path = directory / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(dedent(text), encoding="utf-8")
        named = tuple(Path(name) for name in f)
        options = LoadOptions(files=named, directory=directory, environ=env or {}, lax=lax)
        return load(replace(options, appliance_name=target_name))

    return read_files


@pytest.fixture
def refuse(read: Read) -> Refuse:
    """The problems of files that must be refused."""

    def refuse_files(files: str | Mapping[str, str], **options: object) -> tuple[Problem, ...]:
        with pytest.raises(SpecError) as caught:
            read(files, **options)
        return caught.value.problems

    return refuse_files


def plan_text(loaded: Loaded, *images: ObservedImage, target: str | None = None) -> str:
    """The plan for an engine that has nothing but these images and the networks that others made."""
    desired = resolve(loaded.appliance, target=target, profiles=loaded.active_profiles)
    external = tuple(
        ObservedNetwork(f"id-{key}", network.name or key, "bridge", ("10.9.0.0/16",))
        for key, network in desired.networks.items()
        if network.external
    )
    return str(reconcile(desired, Observed(networks=external, images=images)))


def sentences(problems: tuple[Problem, ...]) -> list[str]:
    """Line, path and reason of each."""
    return [f"{problem.where.line}: {problem.path}: {problem.reason}" for problem in problems]
