"""The platform image, made for real. What it is made of stays in the user's cache, as bases do."""

import asyncio
import os
import shutil
import subprocess
import sys
import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest

from boxship.build.cache import BaseCache
from boxship.build.image import LABEL_BASE
from boxship.build.own_package import own_files
from boxship.build.places import default_root
from boxship.build.platform import BUDGET_BYTES, MadePlatform, PlatformMaker
from boxship.engine.docker import connect
from boxship.errors import BuildError
from tests.contracts.images import TEST_IMAGE, ensure_test_image

pytestmark = [
    pytest.mark.docker,
    pytest.mark.timeout(900),
    pytest.mark.skipif(shutil.which("mmdebstrap") is None, reason="mmdebstrap is not installed"),
]
REFERENCE = f"boxship-test-platform:{uuid.uuid4().hex[:8]}"
ROOT = default_root(os.environ)


def docker(*arguments: str) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(["docker", *arguments], capture_output=True, text=True, timeout=120, check=False)


def make(own: dict[str, bytes] | None = None, reference: str = REFERENCE) -> MadePlatform:
    async def work() -> MadePlatform:
        engine = connect()
        try:
            await ensure_test_image(engine)
            return await PlatformMaker(engine, ROOT, lambda _: None).ensure(reference, own)
        finally:
            await engine.close()

    return asyncio.run(work())


@pytest.fixture(scope="module")
def made() -> Iterator[MadePlatform]:
    yield make()
    docker("image", "rm", REFERENCE)


def run(image: str, *argv: str) -> "subprocess.CompletedProcess[str]":
    options = ("--rm", "--read-only", "--network", "none", "--cap-drop", "ALL", "--entrypoint", argv[0])
    return docker("container", "run", *options, image, *argv[1:])


def layers(image: str) -> list[str]:
    return docker("image", "inspect", "--format", "{{range .RootFS.Layers}}{{.}} {{end}}", image).stdout.split()


def test_made_again_it_is_the_same_image_and_a_newer_boxship_shares_the_lower_layer(made: MadePlatform) -> None:
    assert make().was_there
    cache = BaseCache(ROOT)
    key = docker("image", "inspect", "--format", f'{{{{index .Config.Labels "{LABEL_BASE}"}}}}', made.image_id)
    entry = cache.find(key.stdout.strip())
    assert entry is not None
    for each in entry.chain:
        cache.discard(each)
    newer = make({**own_files("usr/local/lib/python3.11/dist-packages"), "usr/local/share/new": b"new"})
    assert newer.image_id != made.image_id
    assert [layers(newer.image_id)[0], make().image_id] == [layers(made.image_id)[0], made.image_id]


def test_it_keeps_to_its_budget(made: MadePlatform) -> None:
    size = docker("image", "inspect", "--format", "{{.Size}}", made.image_id)
    assert int(size.stdout) <= made.size_bytes <= BUDGET_BYTES


def test_nothing_that_it_runs_misses_what_was_left_out(made: MadePlatform) -> None:
    imports = """
import importlib, pkgutil, sys, boxship
for each in pkgutil.walk_packages(boxship.__path__, "boxship."):
    if not each.name.endswith("__main__"):
        importlib.import_module(each.name)
for name in ("sqlite3", "ssl", "cryptography.x509", "rich.live", "watchdog.observers", "asyncio", "zoneinfo"):
    importlib.import_module(name)
"""
    assert run(made.image_id, "python3", "-c", imports).stderr == ""
    broken = """
for each in /usr/bin/* /usr/sbin/*; do
    /lib*/ld-linux* --list "$each" 2>&1 | grep -q "not found" && echo "$each"
done
"""
    assert run(made.image_id, "sh", "-c", broken).stdout == ""
    assert run(made.image_id, "iptables", "--version").stdout.startswith("iptables")
    assert run(made.image_id, "boxship", "version", "--short").stdout.strip()


def test_every_module_is_compiled_as_nothing_can_be_written_later(made: MadePlatform) -> None:
    missing = """
import importlib.util, pathlib
for folder in ("/usr/lib/python3.11", "/usr/lib/python3", "/usr/local/lib/python3.11"):
    for path in pathlib.Path(folder).rglob("*.py"):
        if not pathlib.Path(importlib.util.cache_from_source(str(path))).exists():
            print(path)
"""
    assert run(made.image_id, "python3", "-c", missing).stdout == ""


def test_it_has_nothing_that_installs_packages_and_no_secret(made: MadePlatform) -> None:
    looked = "ls /usr/bin/apt /usr/bin/dpkg /usr/bin/perl /etc/machine-id /etc/ssh /root/.ssh 2>/dev/null"
    assert run(made.image_id, "sh", "-c", looked).stdout == ""
    keys = "grep -rlE 'BEGIN ([A-Z]+ )?PRIVATE KEY' /etc /root /usr/local 2>/dev/null"
    assert run(made.image_id, "sh", "-c", keys).stdout == ""


def test_the_tag_of_another_image_is_not_taken(made: MadePlatform) -> None:
    with pytest.raises(BuildError, match="already the tag of another image"):
        make(reference=TEST_IMAGE)


def test_the_verb_prints_the_id(made: MadePlatform) -> None:
    argv = [sys.executable, "-m", "boxship.cli", "platform", "build", "--quiet", "--tag", REFERENCE]
    done = subprocess.run(argv, capture_output=True, text=True, timeout=300, check=False, cwd=Path(__file__).parent)
    assert (done.stdout, done.stderr) == (f"{made.image_id}\n", "")
