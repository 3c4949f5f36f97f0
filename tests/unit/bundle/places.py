"""A release in a folder, made by hand or by the program, for tests that have no engine."""

from collections.abc import AsyncIterator, Mapping
from pathlib import Path

from boxship.bundle.create import Order, create_release
from boxship.bundle.prepare import Prepared, prepare
from boxship.bundle.source import ReleaseSource
from boxship.registry.layout import Layout
from boxship.spec.load import load
from boxship.spec.loaded import LoadOptions
from boxship.spec.model_release import Rules
from boxship.spec.release import Release
from tests.contracts.images import layer_of, layered_archive
from tests.fakes.clock import BEGIN
from tests.fakes.engine import FakeEngine

BASE = layer_of({"base": b"of all" * 1000})
COMPOSE = """
services:
  db: {image: "elsewhere/db:16", command: [run]}
  web: {image: "share/web:latest", depends_on: [db], env_file: web.env, volumes: ["./pages:/pages:ro"]}
"""
FILES = {"compose.yaml": COMPOSE, "web.env": "GREETING=${HELLO:-hello}\n", "pages/index.html": "<p>one</p>"}


async def chunks(data: bytes) -> AsyncIterator[bytes]:
    for start in range(0, len(data), 10_000):
        yield data[start : start + 10_000]


async def vendor_engine(version: str = "1") -> FakeEngine:
    """With an image for each service, which share their lowest layer; web's upper one is another in each version."""
    engine = FakeEngine()
    images = {"elsewhere/db:16": b"the database", "share/web:latest": f"web {version}".encode()}
    for reference, content in images.items():
        archive = layered_archive(reference, [BASE, layer_of({"own": content * 1000})])
        await engine.load_archive(chunks(archive), reference)
    return engine


def write(folder: Path, files: Mapping[str, str]) -> Path:
    for name, text in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text)
    return folder


def prepared(
    folder: Path,
    *,
    environ: Mapping[str, str] | None = None,
    with_secrets: bool = False,
    files: tuple[Path, ...] = (),
    env_files: tuple[Path, ...] = (),
) -> tuple[Prepared, LoadOptions]:
    asked = LoadOptions(
        directory=folder, appliance_name="share", environ=environ or {}, files=files, env_files=env_files
    )
    loaded = load(asked)
    made = prepare(loaded, asked, tuple(loaded.appliance.services), "1.0.0", with_secrets=with_secrets)
    return made, asked


async def make_release(
    folder: Path, layout: Layout, version: str = "1.0.0", engine: FakeEngine | None = None, platform: str = ""
) -> Release:
    """Of the files in ``folder``."""
    made, asked = prepared(folder)
    appliance = load(asked).appliance
    services = tuple(appliance.services.values())
    order = Order(appliance, version, services, made, Rules(), BEGIN, platform=platform)
    return await create_release(order, engine or await vendor_engine(version), layout)


def source_of(layout: Layout) -> ReleaseSource:
    return ReleaseSource(layout)
