"""The power of a whole box fails: all that ran comes back in order, each when what it needs is ready.

"A host" is an engine of the tests' own, its containers and the Loader beside it, in namespaces of their own.
"""

import os
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from boxship.engine.docker import connect
from boxship.engine.streams import unix_time
from tests.contracts.images import TEST_IMAGE
from tests.integration.boxes import BOXSHIP, run_aside
from tests.integration.loaders import LoaderBox
from tests.integration.private_engine import PrivateEngine, private_engine

pytestmark = [pytest.mark.docker, pytest.mark.slow, pytest.mark.timeout(180)]

APPLIANCE = "bxtest-reboot"
READY_S = 2.0
COMPOSE = """
services:
  db:
    image: ${TEST_IMAGE}
    init: true
    command: [sh, -c, "rm -f /tmp/ready; sleep 2; touch /tmp/ready; exec sleep 3600"]
    healthcheck: {test: [CMD, test, -e, /tmp/ready], interval: 1s, timeout: 5s, retries: 60}
    volumes: [data:/data]
  cache: {image: "${TEST_IMAGE}", init: true, command: [sleep, "3600"]}
  app:
    image: ${TEST_IMAGE}
    init: true
    command: [sleep, "3600"]
    depends_on: {db: {condition: service_healthy}, cache: {condition: service_started}}
  web: {image: "${TEST_IMAGE}", init: true, command: [sleep, "3600"], depends_on: [app]}
volumes: {data: {}}
"""
APPLIANCE_YAML = """
version: 1.0.0
app: compose.yaml
targets: {default: [web]}
boot: {timeout: 30s}
"""


@pytest.fixture(scope="module", params=["", "--live-restore"], ids=["", "live-restore"])
def engine(request: pytest.FixtureRequest) -> Iterator[PrivateEngine]:
    more = (request.param,) if request.param else ()
    with private_engine(more=more) as made:
        yield made


@pytest.fixture
def box(engine: PrivateEngine, tmp_path: Path) -> Iterator[LoaderBox]:
    source, output = tmp_path / "source", tmp_path / "releases"
    source.mkdir()
    (source / "compose.yaml").write_text(COMPOSE)
    (source / "appliance.yaml").write_text(APPLIANCE_YAML)
    said = {**os.environ, "DOCKER_HOST": engine.address, "TEST_IMAGE": TEST_IMAGE}
    command = [*BOXSHIP, "-p", APPLIANCE, "release", "create", "--output", str(output)]
    subprocess.run(command, cwd=source, env=said, check=True, capture_output=True, timeout=60)
    made = LoaderBox(APPLIANCE, tmp_path, {"DOCKER_HOST": engine.address}, enter=engine.enter)
    try:
        made.start("--source", f"dir:{output}")
        made.to("1.0.0")
        yield made
    finally:
        engine.start()
        made.remove()


def started(engine: PrivateEngine) -> dict[str, tuple[float, str]]:
    """Service -> when it was started last, and its restart policy."""

    async def ask() -> dict[str, tuple[float, str]]:
        connected = connect(engine.address)
        try:
            mine = (await connected.observe(())).containers_of(APPLIANCE)
            details = {each.service: await connected.inspect_container(each.id) for each in mine}
        finally:
            await connected.close()
        return {name: (float(unix_time(each.started_at)), policy(engine, each.id)) for name, each in details.items()}

    return run_aside(ask)


def policy(engine: PrivateEngine, container_id: str) -> str:
    command = ["docker", "--host", engine.address, "inspect", "--format", "{{.HostConfig.RestartPolicy.Name}}"]
    return subprocess.run(
        [*command, container_id], check=True, capture_output=True, text=True, timeout=30
    ).stdout.strip()


def assert_in_order(engine: PrivateEngine) -> None:
    found = started(engine)
    at = {name: when for name, (when, _) in found.items()}
    assert at["app"] - at["db"] >= READY_S, at
    assert at["cache"] < at["app"] < at["web"], at
    assert {kind for _, kind in found.values()} == {"on-failure"}


def test_after_a_power_cut_each_starts_when_what_it_needs_is_ready(box: LoaderBox, engine: PrivateEngine) -> None:
    assert_in_order(engine)
    before = started(engine)
    engine.cut_power()
    box.end()
    engine.start()
    box.start()
    boot = box.booted()
    assert (boot["tag"], boot["target"]) == ("1.0.0", "default")
    assert is_all_new(engine, before)
    assert_in_order(engine)


def test_a_loader_that_starts_again_beside_all_that_leaves_it_alone(box: LoaderBox, engine: PrivateEngine) -> None:
    before = started(engine)
    box.end(signal.SIGKILL)
    box.start()
    box.booted()
    assert started(engine) == before


def test_a_daemon_that_dies_alone_takes_the_order_along_only_where_containers_die_with_it(
    box: LoaderBox, engine: PrivateEngine, request: pytest.FixtureRequest
) -> None:
    before = started(engine)
    engine.kill()
    engine.start()
    outlives = "live-restore" in request.node.name
    box.eventually(lambda: is_at_rest(box) and (outlives or is_all_new(engine, before)), "it comes to rest")
    assert_in_order(engine)
    assert not outlives or started(engine) == before


def is_at_rest(box: LoaderBox) -> bool:
    return bool(box.boot()["is_ready"] and box.get("/v1/why")["why"].endswith("nothing is to be done"))


def is_all_new(engine: PrivateEngine, before: dict[str, tuple[float, str]]) -> bool:
    return all(when > before[name][0] for name, (when, _) in started(engine).items())
