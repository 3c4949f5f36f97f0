"""A box whose registry wants a login and a certificate, and has an authority of its own, also after its first day."""

import re
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.integration.boxes import BOXSHIP
from tests.integration.handing import APPLIANCE, PORT, make_handing_releases, push_handing_release
from tests.integration.private_engine import STATE
from tests.integration.private_host import PrivateHost, private_host
from tests.integration.registries import PASSWORD, Registry

pytestmark = [
    pytest.mark.docker,
    pytest.mark.slow,
    pytest.mark.timeout(600),
    pytest.mark.skipif(shutil.which("mmdebstrap") is None, reason="mmdebstrap is not installed"),
    pytest.mark.skipif(shutil.which("docker-registry") is None, reason="docker-registry is not installed"),
]
LOADER = f"boxship-loader-{APPLIANCE}"


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Registry]:
    """It holds two releases, each with a Loader of its own."""
    make_handing_releases(STATE)
    folder = tmp_path / "registry"
    folder.mkdir()
    made = Registry(folder, has_login=True, has_tls=True)
    try:
        made.start()
        for version in ("1.0.0", "2.0.0"):
            push_handing_release(tmp_path / "vendor", version, made)
        made.stop()
        yield made
    finally:
        made.stop()


def test_the_registry_that_a_box_was_installed_from_is_reached_over_restarts_and_handover(
    tmp_path: Path, store: Registry
) -> None:
    home = tmp_path / "vendor/docker-config"
    with private_host(tmp_path) as host:
        # The vendor's machine, which pushed, isn't asked for one.
        store.demand_certificates()
        store.start(host.engine.enter)
        place = f"{store.address}/{APPLIANCE}"
        install = (*BOXSHIP, "install", "--release", place, "1.0.0", "--ca", str(store.ca_path))
        refused = host.attempt(*install, environment={"DOCKER_CONFIG": str(home)})
        assert "wants a certificate of who asks" in refused.stderr
        put_client_certificate(host, store)
        said = host.run(*install, environment={"DOCKER_CONFIG": str(home)})
        assert said.count("for root alone") == 2
        key = store.client_paths[1].read_text().splitlines()[1]
        for secret in (PASSWORD, key):
            assert secret not in said + host.run("cat", f"/usr/local/lib/boxship/{APPLIANCE}/sail")
        host.sail(APPLIANCE)
        boots = [ready(host)]
        assert versions(host) == ["1.0.0", "2.0.0"]

        host.run("docker", "container", "kill", LOADER)
        boots.append(ready(host, *boots))
        assert "2.0.0 is here" in host.wrapper("box", "pull", "2.0.0")
        assert "2.0.0 (default) runs" in host.wrapper("box", "switch", "2.0.0")
        boots.append(ready(host, *boots))
        host.eventually(lambda: host.fetch(f"http://127.0.0.1:{PORT}/") == "2.0.0\n", "2.0.0 answers")
        assert versions(host) == ["1.0.0", "2.0.0"], "the Loader of 2.0.0 gets there, too"
        assert place in host.wrapper("box", "source")

        assert key not in host.said + host.run("docker", "container", "logs", LOADER)
        host.end_sail()
        host.wrapper("uninstall")
        assert not [path for path in host.files() if re.search("/docker/config.json|registry-c", path)]
        host.boxship("-p", APPLIANCE, "down")


def put_client_certificate(host: PrivateHost, store: Registry) -> None:
    """Where docker looks for what to show to this registry."""
    folder = f"/etc/docker/certs.d/{store.address}"
    host.run("mkdir", "-p", folder)
    for path, name in zip(store.client_paths, ("client.cert", "client.key"), strict=True):
        host.run("install", "-m", "600", str(path), f"{folder}/{name}")


def versions(host: PrivateHost) -> list[str]:
    return [line.split()[0] for line in host.wrapper("box", "versions").splitlines()]


def ready(host: PrivateHost, *other_than: object) -> str:
    """The id of a boot that isn't one of those, once the appliance is ready."""
    boot = host.eventually(
        lambda: found if (found := host.boot(APPLIANCE)).get("is_ready") and found["id"] not in other_than else {},
        "it is ready",
    )
    return str(boot["id"])
