"""The one image that tests on a real engine use: a static busybox from a Debian package, made without any registry."""

import gzip
import hashlib
import io
import json
import os
import shutil
import subprocess
import tarfile
from collections.abc import AsyncIterator, Mapping, Sequence
from pathlib import Path

import pytest

from boxship.engine.port import BuildRequest, Engine

TEST_IMAGE = "boxship-test:busybox"
CACHE = Path(__file__).parents[2] / ".state" / "test-image"
_DEADLINE_S = 120


async def ensure_test_image(engine: Engine) -> str:
    """The reference of an image with busybox's applets in /bin. Made on first use, found ever after."""
    if (await engine.observe()).image(TEST_IMAGE) is None:
        busybox = static_busybox()
        context = tar_of(
            {"Dockerfile": b'FROM scratch\nCOPY root/ /\nENV PATH=/bin\nCMD ["sh"]\n', "root/bin/busybox": busybox},
            links={f"root/bin/{name}": "busybox" for name in applets(busybox)},
            directories=("root/tmp",),
        )
        async for _ in engine.build_image(BuildRequest(tags=(TEST_IMAGE,)), chunks_of(context)):
            pass
    return TEST_IMAGE


def applets(busybox: Path) -> list[str]:
    listed = subprocess.run([busybox, "--list"], check=True, capture_output=True, text=True, timeout=_DEADLINE_S)
    return [name for name in listed.stdout.split() if name != "busybox"]


def static_busybox() -> Path:
    """A busybox that needs no libraries: from Debian's busybox-static, fetched by apt once."""
    found = CACHE / "bin" / "busybox"
    if found.exists():
        return found
    if shutil.which("apt-get") is None:
        pytest.skip(f"the tests' image needs a static busybox: put one at {found}")
    downloads = CACHE / "download"
    downloads.mkdir(parents=True, exist_ok=True)
    # apt drops its privileges to the user _apt, who may not be let into this directory; that is only a warning.
    fetched = subprocess.run(
        ["apt-get", "--quiet", "download", "busybox-static"],
        cwd=downloads,
        env={**os.environ, "LC_ALL": "C"},
        capture_output=True,
        text=True,
        timeout=_DEADLINE_S,
        check=False,
    )
    packages = sorted(downloads.glob("busybox-static_*.deb"))
    if not packages:
        pytest.skip(f"the tests' image needs busybox-static from apt (try apt-get update): {fetched.stderr[-300:]}")
    unpacked = CACHE / "unpacked"
    subprocess.run(["dpkg-deb", "--extract", packages[-1], unpacked], check=True, timeout=_DEADLINE_S)
    found.parent.mkdir(exist_ok=True)
    half = found.with_suffix(".half")
    shutil.copy(next(unpacked.glob("**/bin/busybox")), half)
    half.rename(found)
    shutil.rmtree(unpacked)
    return found


def tar_of(
    files: Mapping[str, bytes | Path], *, links: Mapping[str, str] | None = None, directories: tuple[str, ...] = ()
) -> bytes:
    """A tar of executable files (content, or where it is), symbolic links and directories; the same every time."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as tar:
        for name in directories:
            directory = tarfile.TarInfo(name)
            directory.type, directory.mode = tarfile.DIRTYPE, 0o1777
            tar.addfile(directory)
        for name, content in files.items():
            data = content.read_bytes() if isinstance(content, Path) else content
            file = tarfile.TarInfo(name)
            file.size, file.mode = len(data), 0o755
            tar.addfile(file, io.BytesIO(data))
        for name, target in (links or {}).items():
            link = tarfile.TarInfo(name)
            link.type, link.linkname = tarfile.SYMTYPE, target
            tar.addfile(link)
    return buffer.getvalue()


async def chunks_of(data: bytes, size: int = 65536) -> AsyncIterator[bytes]:
    """``data`` in pieces, as a stream."""
    for start in range(0, len(data), size):
        yield data[start : start + size]


def docker_archive(tag: str, files: Mapping[str, bytes]) -> bytes:
    """What ``docker save`` would write for an image of one layer."""
    return layered_archive(tag, [tar_of(files)])


def layer_of(files: Mapping[str, bytes]) -> bytes:
    """A layer as it travels: compressed, the same every time."""
    return gzip.compress(tar_of(files), mtime=0)


def diff_id_of(layer: bytes) -> str:
    plain = gzip.decompress(layer) if layer.startswith(b"\x1f\x8b") else layer
    return f"sha256:{hashlib.sha256(plain).hexdigest()}"


def image_config(layers: Sequence[bytes]) -> bytes:
    rootfs = {"type": "layers", "diff_ids": [diff_id_of(each) for each in layers]}
    return json.dumps({"architecture": "amd64", "os": "linux", "config": {}, "rootfs": rootfs}).encode()


def layered_archive(
    tag: str, layers: Sequence[bytes], *, without: Sequence[bytes] = (), instead: Mapping[bytes, bytes] | None = None
) -> bytes:
    """A docker-archive of an image with these layers; those of ``without`` are named and missing."""
    config = image_config(layers)
    config_name = f"{hashlib.sha256(config).hexdigest()}.json"
    names = [f"{diff_id_of(each)[7:]}/layer.tar" for each in layers]
    manifest = json.dumps([{"Config": config_name, "RepoTags": [tag], "Layers": names}]).encode()
    contents = {
        name: (instead or {}).get(each, each) for name, each in zip(names, layers, strict=True) if each not in without
    }
    return tar_of({config_name: config, "manifest.json": manifest, **contents})
