"""Four releases of a small appliance, each with a Loader of its own.

That of 3.0.0 says that it would be well, and never is; that of 4.0.0 says itself that it would not.
"""

import asyncio
import hashlib
import json
import os
import shutil
import subprocess
from pathlib import Path

from msgspec import Struct

from boxship.build.places import default_root
from boxship.build.platform import PlatformMaker
from boxship.engine.docker import connect
from tests.contracts.images import TEST_IMAGE, ensure_test_image
from tests.integration.boxes import BOXSHIP
from tests.integration.registries import Registry

APPLIANCE = "bxtest-handing"
PORT = 18077
"""In the private host's own network."""
TAG = "boxship-test-handing"
_COMPOSE = """\
services:
  web:
    image: IMAGE
    init: true
    command: [sh, -c, "mkdir -p /www; echo VERSION >/www/index.html; exec httpd -f -p 80 -h /www"]
    volumes: [data:/data]
    ports: ["127.0.0.1:PORT:80"]
volumes: {data: {}}
"""
_CODE = "/usr/local/lib/python3.11/dist-packages/boxship/cli"


def _breaking(module: str, text: str) -> str:
    """Compiled without a look at the source, as the image's files never change: so that goes as well."""
    compiled = f"import glob, os; [os.remove(f) for f in glob.glob('{_CODE}/__pycache__/{module}.*')]"
    return f"RUN python3 -c \"{compiled}\"\nRUN echo '{text}' >>{_CODE}/{module}.py\n"


_DOCKERFILES = {
    "1.0.0": "FROM {platform}\nLABEL release=1\n",
    "2.0.0": "FROM {platform}\nLABEL release=2\n",
    "3.0.0": "FROM {platform}\n" + _breaking("box_process", "run_box = None"),
    "4.0.0": "FROM {platform}\n" + _breaking("loader_check", "raise SystemExit(9)"),
}


class Releases(Struct, frozen=True):
    """In ``folder``. ``loaders``: version -> image id of the Loader that its release brings."""

    folder: Path
    loaders: dict[str, str]


def make_handing_releases(root: Path) -> Releases:
    """Below ``root``, where they stay as a cache: to compress a platform image takes ten seconds."""
    platform = asyncio.run(_platform())
    loaders = {
        version: _loader(version, text.replace("{platform}", platform)) for version, text in _DOCKERFILES.items()
    }
    key = hashlib.sha256(json.dumps([loaders, _COMPOSE]).encode()).hexdigest()[:12]
    made = root / f"handing-{key}"
    if not made.exists():
        for old in root.glob("handing-*"):
            shutil.rmtree(old)
        half = root / f"handing-half-{os.getpid()}"
        for version in loaders:
            _make_release(half, version)
        (half / "releases").rename(made)
        shutil.rmtree(half)
    return Releases(made, loaders)


def _loader(version: str, dockerfile: str) -> str:
    _docker("build", "--quiet", "--tag", f"{TAG}:{version}", "-", input_text=dockerfile)
    return _docker("image", "inspect", "--format", "{{.Id}}", f"{TAG}:{version}")


def push_handing_release(folder: Path, version: str, registry: Registry) -> None:
    """One of them, once ``make_handing_releases`` has made its Loader, to ``APPLIANCE`` at a registry with TLS."""
    home = folder / "docker-config"
    home.mkdir(parents=True, exist_ok=True)
    (home / "config.json").write_text(json.dumps(registry.login))
    options = ("--push", "--registry", f"{registry.address}/{APPLIANCE}", "--ca", str(registry.ca_path))
    _create_release(folder, version, options, {**os.environ, "DOCKER_CONFIG": str(home)})


def _make_release(folder: Path, version: str) -> None:
    _create_release(folder, version, ("--output", str(folder / "releases")), dict(os.environ))


def _create_release(folder: Path, version: str, options: tuple[str, ...], environment: dict[str, str]) -> None:
    work = folder / version
    work.mkdir(parents=True)
    compose = _COMPOSE.replace("IMAGE", TEST_IMAGE).replace("VERSION", version).replace("PORT", str(PORT))
    (work / "compose.yaml").write_text(compose)
    (work / "appliance.yaml").write_text(f"name: {APPLIANCE}\nversion: {version}\n")
    subprocess.run(
        [*BOXSHIP, "release", "create", "--platform", f"{TAG}:{version}", *options],
        cwd=work,
        env=environment,
        check=True,
        capture_output=True,
        timeout=300,
    )


async def _platform() -> str:
    engine = connect()
    try:
        await ensure_test_image(engine)
        made = await PlatformMaker(engine, default_root(os.environ), lambda _: None).ensure(f"{TAG}:platform")
        return made.reference
    finally:
        await engine.close()


def _docker(*arguments: str, input_text: str = "") -> str:
    environment = {**os.environ, "DOCKER_BUILDKIT": "0"}
    done = subprocess.run(
        ["docker", *arguments],
        input=input_text,
        env=environment,
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert done.returncode == 0, (arguments, done.stdout, done.stderr)
    return done.stdout.strip()
