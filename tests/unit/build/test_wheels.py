import json
import os
import sys
import zipfile
from collections.abc import Iterator
from hashlib import sha256
from pathlib import Path

import pytest

from boxship.build.wheels import WheelCache, download_command, unhashed_requirements
from boxship.errors import BuildError
from boxship.spec.model_build import Wheels
from boxship.where import Where

MACHINE = os.uname().machine
AT = Where("appliance.yaml", 7, 3)


def make_wheel(folder: Path, name: str = "tiny") -> tuple[Path, str]:
    """A real wheel, as small as one can be."""
    path = folder / f"{name}-1.0-py3-none-any.whl"
    info = f"{name}-1.0.dist-info"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr(f"{name}.py", "VALUE = 1\n")
        archive.writestr(f"{info}/METADATA", f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n")
        archive.writestr(f"{info}/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n")
        archive.writestr(f"{info}/RECORD", "")
    return path, sha256(path.read_bytes()).hexdigest()


@pytest.fixture
def index(tmp_path: Path) -> Iterator[Path]:
    """A folder of wheels that pip looks into, and nowhere else."""
    folder = tmp_path / "index"
    folder.mkdir()
    saved = {name: os.environ.get(name) for name in ("PIP_NO_INDEX", "PIP_FIND_LINKS")}
    os.environ.update({"PIP_NO_INDEX": "1", "PIP_FIND_LINKS": str(folder)})
    yield folder
    for name, value in saved.items():
        if value is None:
            del os.environ[name]
        else:
            os.environ[name] = value


def requirements(tmp_path: Path, text: str) -> Wheels:
    path = tmp_path / "requirements.txt"
    path.write_text(text)
    return Wheels("web", path, python="3.11", where=AT)


async def test_wheels_are_downloaded_once_and_placed_in_the_context(tmp_path: Path, index: Path) -> None:
    wheel, digest = make_wheel(index)
    wanted = requirements(tmp_path, f"tiny==1.0 --hash=sha256:{digest}\n")
    cache = WheelCache(tmp_path / "cache")
    first = await cache.ensure(wanted, MACHINE, lambda _: None)
    assert {path: file.name for path, file in first.items()} == {f"wheels/{wheel.name}": wheel.name}
    wheel.unlink()
    assert await cache.ensure(wanted, MACHINE, lambda _: None) == first


async def test_a_damaged_wheel_is_downloaded_again(tmp_path: Path, index: Path) -> None:
    _, digest = make_wheel(index)
    wanted = requirements(tmp_path, f"tiny==1.0 --hash=sha256:{digest}\n")
    cache = WheelCache(tmp_path / "cache")
    (file,) = (await cache.ensure(wanted, MACHINE, lambda _: None)).values()
    file.write_bytes(b"damaged")
    (again,) = (await cache.ensure(wanted, MACHINE, lambda _: None)).values()
    assert sha256(again.read_bytes()).hexdigest() == digest


async def test_a_file_with_another_hash_is_refused_and_nothing_is_kept(tmp_path: Path, index: Path) -> None:
    make_wheel(index)
    wanted = requirements(tmp_path, f"tiny==1.0 --hash=sha256:{'0' * 64}\n")
    with pytest.raises(BuildError, match="can't be downloaded") as caught:
        await WheelCache(tmp_path / "cache").ensure(wanted, MACHINE, lambda _: None)
    assert caught.value.output
    assert [path for path in (tmp_path / "cache" / "wheels").iterdir() if path.is_dir()] == []


async def test_requirements_without_hashes_are_refused_with_the_way_to_make_them(tmp_path: Path) -> None:
    wanted = requirements(tmp_path, "# all\na==1 --hash=sha256:00\nb==2\nc==3\n")
    words = r"appliance.yaml:7:3: .*requirements.txt:3: b==2 has no hash, and 1 more"
    with pytest.raises(BuildError, match=words) as caught:
        await WheelCache(tmp_path / "cache").ensure(wanted, MACHINE, lambda _: None)
    assert "--generate-hashes" in caught.value.hint


async def test_a_missing_requirements_file_is_named(tmp_path: Path) -> None:
    wanted = Wheels("web", tmp_path / "absent.txt", where=AT)
    with pytest.raises(BuildError, match=r"appliance.yaml:7:3: can't read the requirements .*absent.txt"):
        await WheelCache(tmp_path / "cache").ensure(wanted, MACHINE, lambda _: None)


def test_hashes_on_following_lines_and_options_and_comments_are_understood() -> None:
    text = "--index-url https://x\na==1 \\\n    --hash=sha256:0 \\\n    --hash=sha256:1\n    # via -r o.in\n\nb # why\n"
    assert list(unhashed_requirements(text)) == [(7, "b")]


def test_pip_is_asked_for_wheels_of_the_images_python_only() -> None:
    argv = download_command(Wheels("web", Path("/r.txt")), Path("/d"), "3.13", "aarch64")
    assert argv[:4] == [sys.executable, "-m", "pip", "download"]
    assert {"--only-binary=:all:", "--require-hashes", "--python-version=3.13"} <= set(argv)
    assert "--platform=manylinux_2_17_aarch64" in argv
    assert "--platform=manylinux_2_36_aarch64" not in argv
    assert json.dumps(argv).count("index-url") == 0
