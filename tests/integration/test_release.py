"""Releases on the real engine, through a real registry with TLS, a private authority and a login."""

import asyncio
import json
import random
import subprocess
import sys
import uuid
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path

import pytest

from boxship.bundle.library import Library
from boxship.bundle.pull import pull_release
from boxship.bundle.read import deployed, read_release
from boxship.bundle.source import ReleaseSource
from boxship.clock import SystemClock
from boxship.engine.docker import connect
from boxship.engine.port import Engine
from boxship.errors import CancelledError
from boxship.logins import Login
from boxship.operate.request import UpRequest
from boxship.operate.up import bring_up
from boxship.registry.address import RegistryAddress
from boxship.registry.client import Registry as RegistryClient
from boxship.registry.layout import Layout
from boxship.registry.session import Session
from boxship.registry.trust import Trust
from boxship.spec.release import Release
from boxship.state.operation import Progress
from tests.contracts.images import chunks_of, layer_of, layered_archive
from tests.contracts.test_repositories import OneLogin
from tests.fakes.engine import FakeEngine
from tests.integration.boxes import Box, run_aside
from tests.integration.registries import PASSWORD, USER, Registry, registry

pytestmark = [pytest.mark.docker, pytest.mark.timeout(120)]

COMPOSE = """
services:
  web: {image: "${IMAGE}", command: [sleep, infinity], env_file: web.env, volumes: ["./pages:/srv:ro"]}
  db: {image: "${IMAGE_OF_DB}", command: [sleep, infinity]}
"""
APPLIANCE = "version: 1.4.2\nrelease: {minimum_version: 1.0.0}\n"
LARGE_BYTES = 6_000_000


@pytest.fixture
async def engine() -> AsyncIterator[Engine]:
    made = connect(None)
    yield made
    await made.close()


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Registry]:
    with registry(tmp_path_factory.mktemp("registry"), has_tls=True) as made:
        yield made


@pytest.fixture(scope="module")
def vendor(store: Registry, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Box]:
    """Files, two images on the engine that share a layer of some size, and a login."""
    box = Box(f"bxtest-{uuid.uuid4().hex[:8]}", tmp_path_factory.mktemp("vendor"))
    box.write(COMPOSE, APPLIANCE)
    (box.directory / "web.env").write_text("GREETING=${HELLO}\n")
    (box.directory / "pages").mkdir()
    (box.directory / "pages/index.html").write_text("<p>hello</p>")
    home = tmp_path_factory.mktemp("docker-config")
    (home / "config.json").write_text(json.dumps(store.login))
    box.environment |= {
        "IMAGE": f"{box.name}-vendor/web:latest",
        "IMAGE_OF_DB": f"{box.name}-vendor/db:latest",
        "HELLO": "hello world",
        "DOCKER_CONFIG": str(home),
    }
    run_aside(lambda: load_images(box.name))
    yield box
    run_aside(lambda: forget(box.name))
    run_aside(lambda: forget(f"{box.name}-vendor"))


async def load_images(name: str) -> None:
    # The same each time: else images that are loaded again take the names of those before, which stay without any.
    lower = layer_of({"large": random.Random(name).randbytes(LARGE_BYTES)})
    engine = connect(None)
    for service in ("web", "db"):
        layers = [lower, layer_of({"own": f"{name} {service}".encode()})]
        reference = f"{name}-vendor/{service}:latest"
        await engine.load_archive(chunks_of(layered_archive(reference, layers)), reference)
    await engine.close()


async def forget(name: str) -> None:
    engine = connect(None)
    for image in (await engine.observe()).images:
        # Of a pull by any tool also those of a registry, of which a digest stays when its tag goes.
        for reference in (*image.tags, *image.digests):
            if f"{name}/" in reference:
                await engine.remove_image(reference)
    await engine.close()


@pytest.fixture(scope="module")
def pushed(vendor: Box, store: Registry) -> str:
    """The version that the registry has, and a folder ``releases``."""
    repository = f"{store.address}/{vendor.name}"
    options = ("--push", "--registry", repository, "--ca", str(store.ca_path), "-o", "releases")
    made = vendor.run("release", "create", *options).must()
    assert PASSWORD not in made.stdout + made.stderr
    return "1.4.2"


@pytest.fixture
async def away(pushed: str, vendor: Box) -> str:
    """That version, while the engine has none of its images, under whatever name."""
    await forget(vendor.name)
    await forget(f"{vendor.name}-vendor")
    return pushed


async def run(box: Box, *arguments: str) -> str:
    ran = (await asyncio.to_thread(box.run, *arguments)).must()
    return ran.stdout + ran.stderr


class Pulling:
    """A box that pulls from the registry, and what it is told meanwhile."""

    def __init__(self, store: Registry, name: str, state: Path, engine: Engine) -> None:
        address = RegistryAddress(store.address, name)
        session = Session(address, OneLogin(Login(USER, PASSWORD)), Trust(ca_file=store.ca_path))
        self.source = ReleaseSource(RegistryClient(session, SystemClock()))
        self.library = Library(state)
        self.engine = engine
        self.cancel = asyncio.Event()
        self.told: list[Progress] = []

    async def pull(self, version: str, heard: Callable[[Progress], None] = lambda _: None) -> Release:
        self.told = []
        clock = SystemClock()

        def hear(progress: Progress) -> None:
            self.told.append(progress)
            heard(progress)

        return await pull_release(self.source, version, self.library, self.engine, hear, clock, cancel=self.cancel)


@pytest.fixture
async def pulling(store: Registry, vendor: Box, engine: Engine, tmp_path: Path) -> AsyncIterator[Pulling]:
    made = Pulling(store, vendor.name, tmp_path / "state", engine)
    yield made
    await made.source.close()


async def test_what_a_vendor_pushed_a_box_has_after_a_pull(away: str, pulling: Pulling, vendor: Box) -> None:
    assert await pulling.source.versions() == (away,)
    release = await pulling.pull("latest")
    assert (release.appliance, release.version, release.rules.minimum_version) == (vendor.name, "1.4.2", "1.0.0")
    for name in ("web", "db"):
        found = await pulling.engine.image_history(f"{vendor.name}/{name}:1.4.2")
        assert (found.id, found.diff_ids) == (release.services[name].id, release.services[name].diff_ids)
    kept = pulling.library.read(release.id)
    appliance = read_release(kept.folder, release)
    assert appliance.services["web"].environment == {"GREETING": "hello world"}
    assert (kept.folder / "pages/index.html").read_text() == "<p>hello</p>"
    done = [each.done_bytes for each in pulling.told]
    assert done == sorted(done)
    unpacked = [each.unpacking for each in pulling.told if each.unpacking is not None]
    assert {(each.item, each.unpacking.total_layers > 0) for each in pulling.told if each.unpacking is not None} == {
        ("db", True),
        ("web", True),
    }
    assert max(each.done_bytes for each in unpacked) <= max(each.total_bytes for each in unpacked)
    assert LARGE_BYTES < done[-1] == pulling.told[-1].total_bytes < 1.5 * LARGE_BYTES


async def test_a_registry_that_dies_in_the_middle_only_delays_the_pull(
    away: str, pulling: Pulling, store: Registry, vendor: Box
) -> None:
    died: list[int] = []

    def kill(progress: Progress) -> None:
        if not died and progress.done_bytes > LARGE_BYTES // 4:
            died.append(progress.done_bytes)
            store.stop()
            store.start()

    await pulling.pull(away, kill)
    assert died
    assert (await pulling.engine.observe([f"{vendor.name}/web:1.4.2"])).images
    done = [each.done_bytes for each in pulling.told]
    assert done == sorted(done)


def kill_a_pull_in_a_layer(folder: Path, state: Path) -> None:
    argv = [sys.executable, "-m", "tests.integration.half_a_pull", str(folder), str(state)]
    process = subprocess.Popen(argv, cwd=Path(__file__).parents[2], stdout=subprocess.PIPE, text=True)
    try:
        assert process.stdout is not None
        assert process.stdout.readline() == "half\n"
    finally:
        process.kill()
        process.communicate()


async def test_a_loader_that_is_killed_in_a_layer_goes_on_in_it(pushed: str, vendor: Box, tmp_path: Path) -> None:
    folder, state = vendor.directory / "releases", tmp_path / "state"
    await asyncio.to_thread(kill_a_pull_in_a_layer, folder, state)
    told: list[Progress] = []
    engine, cancel = FakeEngine(), asyncio.Event()
    await pull_release(
        ReleaseSource(Layout(folder)), pushed, Library(state), engine, told.append, SystemClock(), cancel=cancel
    )
    assert told[0].done_bytes > LARGE_BYTES // 3
    assert (await engine.observe([f"{vendor.name}/web:{pushed}"])).images


async def test_what_a_cancelled_pull_had_the_next_one_has(away: str, pulling: Pulling) -> None:
    # That it ends, whatever it waits for, is tested with a source that hangs: tests/unit/bundle/test_pull.py.
    def cancel(progress: Progress) -> None:
        if progress.done_bytes > LARGE_BYTES // 4:
            pulling.cancel.set()

    with pytest.raises(CancelledError):
        await pulling.pull(away, cancel)
    had = pulling.told[-1].done_bytes
    pulling.cancel.clear()
    await pulling.pull(away)
    assert pulling.told[0].done_bytes >= had


async def test_the_folder_and_the_registry_hold_the_same_release(pushed: str, vendor: Box, store: Registry) -> None:
    ca = ("--ca", str(store.ca_path))
    there = json.loads(await run(vendor, "--json", "release", "show", f"{store.address}/{vendor.name}", pushed, *ca))
    here = json.loads(await run(vendor, "--json", "release", "show", "./releases"))
    assert here == there
    assert await run(vendor, "release", "list", "dir:releases") == "1.4.2\n"


@pytest.fixture
async def at_home(pushed: str, vendor: Box) -> Box:
    """The vendor with images; another test may have taken them away."""
    await load_images(vendor.name)
    return vendor


async def test_a_version_is_not_made_twice(at_home: Box) -> None:
    again = await asyncio.to_thread(at_home.run, "release", "create", "--output", "releases")
    assert (again.status, "a release never changes" in again.stderr) == (9, True)


async def test_a_place_has_the_releases_of_one_appliance(at_home: Box) -> None:
    other = Box(f"{at_home.name}-other", at_home.directory, at_home.environment)
    made = await asyncio.to_thread(other.run, "release", "create", "--output", "releases", "--replace")
    assert (made.status, f"dir:{at_home.directory}" in made.stderr) == (9, True)
    assert f"has releases of {at_home.name}" in made.stderr


async def test_a_registry_that_is_away_ends_in_a_failure_and_no_word_of_success(at_home: Box) -> None:
    options = ("--push", "--registry", "127.0.0.1:9/share")
    made = await asyncio.to_thread(at_home.run, "release", "create", *options)
    assert (made.status, made.stdout) == (11, "")
    assert "127.0.0.1:9 can't be reached" in made.stderr


async def test_every_missing_image_is_told_at_once(vendor: Box) -> None:
    environment = vendor.environment | {"IMAGE": "nowhere/web:1", "IMAGE_OF_DB": "nowhere/db:1"}
    box = Box(vendor.name, vendor.directory, environment)
    made = await asyncio.to_thread(box.run, "release", "create", "--output", "others")
    assert made.status == 9
    for name in ("web", "db"):
        assert f"{name} needs nowhere/{name}:1, which is not on this machine" in made.stderr
    assert not await asyncio.to_thread((vendor.directory / "others/index.json").exists)


async def test_any_tool_can_pull_an_image_of_a_release(at_home: Box, engine: Engine, tmp_path: Path) -> None:
    with registry(tmp_path, has_login=False) as made:
        place = f"{made.address}/{at_home.name}"
        await run(at_home, "release", "create", "--push", "--replace", "--registry", place)
        reference = f"{place}/web:1.4.2"
        pull = ["docker", "pull", "-q", reference]
        await asyncio.to_thread(subprocess.run, pull, check=True, capture_output=True, timeout=60)
        own = await engine.image_history(f"{at_home.name}-vendor/web")
        assert (await engine.image_history(reference)).id == own.id
        await engine.remove_image(reference)


async def test_a_dry_run_says_what_it_would_make_and_makes_nothing(vendor: Box) -> None:
    made = await asyncio.to_thread(vendor.run, "--dry-run", "release", "create", "--output", "elsewhere")
    assert made.must().stdout.splitlines() == [
        f"would make {vendor.name} 1.4.2 of",
        f"db: {vendor.name}-vendor/db:latest",
        f"web: {vendor.name}-vendor/web:latest",
    ]
    assert not await asyncio.to_thread((vendor.directory / "elsewhere").exists)


async def test_a_pulled_release_comes_up_as_it_is_and_stays(
    box: Box, test_image: str, engine: Engine, tmp_path: Path
) -> None:
    (box.directory / "page").write_text("hello")
    box.write(
        "services: {web: {image: '${TEST_IMAGE}', init: true, command: [sleep, '600'], volumes: ['./page:/page']}}"
    )
    await run(box, "release", "create", "--output", "releases")
    library, source = Library(tmp_path / "state"), ReleaseSource(Layout(box.directory / "releases"))
    release = await pull_release(source, "", library, engine, lambda _: None, SystemClock(), cancel=asyncio.Event())
    kept = library.read(release.id)
    appliance = deployed(read_release(kept.folder, release), release, kept.folder)
    plans = [
        (await bring_up(appliance, engine, lambda _: None, SystemClock(), UpRequest(), asyncio.Event())).plan
        for _ in range(2)
    ]
    assert [bool(plan.steps) for plan in plans] == [True, False]
    container = await asyncio.to_thread(box.container, "web")
    assert container.image_id == (await engine.image_history(test_image)).id == release.services["web"].id
    assert [mount.read_only for mount in container.mounts] == [True]
    await asyncio.to_thread(box.remove)
    await forget(box.name)
