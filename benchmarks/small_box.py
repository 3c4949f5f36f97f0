"""A small appliance: data, two services at it, and a front."""

from collections.abc import Mapping

import yaml

from benchmarks.releases import Texts
from benchmarks.scenarios import PORT, READY_PATH, Image

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


def small_texts(name: str, image: Image, port: int) -> Texts:
    """Its files."""

    def texts(version: str) -> Mapping[str, str]:
        return {"compose.yaml": compose_text(image, port), "appliance.yaml": appliance_text(name, version)}

    return texts


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
