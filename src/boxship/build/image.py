"""An image as its configuration and layers, and the ``docker load`` archive that carries it.

The configuration is written here byte for byte, so an image's id is known before any engine has seen it.
Source: the Docker image specification v1.2 ("Combined Image JSON + Filesystem Changeset Format").
"""

import hashlib
import io
import json
import tarfile
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path

from msgspec import Struct

LABEL_BASE = "boxship.base"
"""The key of a base image that Boxship made; its presence is what allows to move the tag."""
LABEL_BASE_LAYERS = "boxship.base.layers"
"""One digest over all its layers: tells a base apart on engines that give images ids of their own."""

_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
_ARCHITECTURES = {"armhf": ("arm", "v7"), "armel": ("arm", "v5"), "i386": ("386", ""), "ppc64el": ("ppc64le", "")}


class HistoryStep(Struct, frozen=True):
    """How one layer came about."""

    created_by: str
    created_at_s: int


class ImageConfig(Struct, frozen=True):
    """An image's configuration. ``diff_ids``: the layers' digests in hex, lowest first."""

    architecture: str
    """Debian's name for it."""
    diff_ids: tuple[str, ...]
    history: tuple[HistoryStep, ...]
    labels: Mapping[str, str]
    entrypoint: tuple[str, ...] = ()
    """Empty: a shell is what it runs."""
    environment: tuple[str, ...] = ()
    """``NAME=value`` beside the PATH."""

    def to_json(self) -> bytes:
        """The bytes whose SHA-256 is the image's id: equal configurations give equal bytes."""
        architecture, variant = _ARCHITECTURES.get(self.architecture, (self.architecture, ""))
        document = {
            "architecture": architecture,
            **({"variant": variant} if variant else {}),
            "os": "linux",
            "created": _rfc3339(self.history[-1].created_at_s),
            "config": {
                "Env": [f"PATH={_PATH}", *self.environment],
                **({"Entrypoint": list(self.entrypoint)} if self.entrypoint else {"Cmd": ["/bin/bash"]}),
                "Labels": dict(self.labels),
            },
            "history": [
                {"created": _rfc3339(step.created_at_s), "created_by": step.created_by} for step in self.history
            ],
            "rootfs": {"type": "layers", "diff_ids": [f"sha256:{digest}" for digest in self.diff_ids]},
        }
        return json.dumps(document, sort_keys=True, separators=(",", ":")).encode()


def image_id(config: bytes) -> str:
    """The id of the image with this configuration on an engine that keeps Docker's image format."""
    return f"sha256:{hashlib.sha256(config).hexdigest()}"


def layers_digest(diff_ids: Sequence[str]) -> str:
    """One digest over layers in order."""
    return hashlib.sha256("\n".join(diff_ids).encode()).hexdigest()


def write_docker_archive(
    target: Path, config: bytes, layers: Sequence[tuple[str, Path]], references: Sequence[str]
) -> None:
    """Write an archive for the engine's load call.

    Args:
        target: The file to write.
        config: The image's configuration.
        layers: (digest in hex, plain tar) of each layer, lowest first.
        references: The tags that the image gets, with their part after the colon.
    """
    config_name = f"{hashlib.sha256(config).hexdigest()}.json"
    names = [f"{digest}/layer.tar" for digest, _ in layers]
    manifest = [{"Config": config_name, "RepoTags": list(references), "Layers": names}]
    with target.open("wb") as raw, tarfile.open(fileobj=raw, mode="w", format=tarfile.PAX_FORMAT) as tar:
        _add(tar, "manifest.json", json.dumps(manifest, sort_keys=True).encode())
        _add(tar, config_name, config)
        for (_, path), name in dict.fromkeys(zip(layers, names, strict=True)):
            info = tarfile.TarInfo(name)
            info.size = path.stat().st_size
            with path.open("rb") as stream:
                tar.addfile(info, stream)


def _add(tar: tarfile.TarFile, name: str, data: bytes) -> None:
    info = tarfile.TarInfo(name)
    info.size = len(data)
    tar.addfile(info, io.BytesIO(data))


def _rfc3339(at_s: int) -> str:
    return datetime.fromtimestamp(at_s, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
