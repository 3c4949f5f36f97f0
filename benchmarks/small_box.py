"""A small appliance in two releases that differ in nothing but their version: data, two services at it, and a front."""

import subprocess
from pathlib import Path

import yaml

from benchmarks.faults import BenchError
from benchmarks.scenarios import PORT, READY_PATH, Image
from benchmarks.tools import OUR_PROGRAM

VERSIONS = ("1.0.0", "2.0.0")
LAYERS = (("store", "worker"), ("web",))
"""Those of the second start when those of the first run."""
WRITTEN_BY = "store"
"""Who writes in a contest: the writers live and die with its container."""
SLEEP = ("sleep", "infinity")
SERVE = (
    "sh",
    "-c",
    f"mkdir -p {READY_PATH}; >{READY_PATH}/index.html; exec busybox httpd -f -p {PORT} -h {READY_PATH}",
)
STOP_TIMEOUT_S = 1
_DEADLINE_S = 300


def compose_text(image: Image, port: int) -> str:
    services = {
        name: {
            "image": image.reference,
            "command": list(command_of(name)),
            "init": True,
            "volumes": ["data:/data"],
            "stop_grace_period": f"{STOP_TIMEOUT_S}s",
            **({"depends_on": list(LAYERS[0]), "ports": [f"127.0.0.1:{port}:{PORT}"]} if name in LAYERS[1] else {}),
        }
        for layer in LAYERS
        for name in layer
    }
    return yaml.safe_dump({"services": services, "volumes": {"data": {}}}, sort_keys=False)


def appliance_text(name: str, version: str) -> str:
    return yaml.safe_dump(
        {
            "name": name,
            "version": version,
            "app": "compose.yaml",
            "boot": {"attempts": 2, "timeout": "60s"},
            "checks": {"web": {"http": f"http://web:{PORT}/"}},
        }
    )


def command_of(service: str) -> tuple[str, ...]:
    return SERVE if service in LAYERS[1] else SLEEP


def make_releases(folder: Path, name: str, image: Image, port: int) -> Path:
    """The folder of both. Raises: BenchError when one can't be made."""
    files, output = folder / "files", folder / "releases"
    files.mkdir(parents=True)
    (files / "compose.yaml").write_text(compose_text(image, port))
    for version in VERSIONS:
        (files / "appliance.yaml").write_text(appliance_text(name, version))
        done = subprocess.run(
            (str(OUR_PROGRAM), "-p", name, "release", "create", "--output", str(output)),
            cwd=files,
            capture_output=True,
            text=True,
            timeout=_DEADLINE_S,
            check=False,
        )
        if done.returncode != 0:
            raise BenchError(f"Release {version} can't be made: {done.stderr.strip()}")
    return output
