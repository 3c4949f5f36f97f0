import zipfile
from pathlib import Path

import pytest

from boxship.build.own_package import PACKAGE, own_files, run_requirements, unpacked_wheels
from boxship.errors import BuildError

AT = "usr/lib/packages"


def package(folder: Path) -> Path:
    (folder / "build" / "__pycache__").mkdir(parents=True)
    (folder / "spec").mkdir()
    for path in ("__init__.py", "build/made.py", "spec/example.yaml"):
        (folder / path).write_text(path)
    (folder / "build" / "__pycache__" / "made.cpython-311.pyc").write_bytes(b"compiled")
    return folder


def wheel(folder: Path, name: str, files: dict[str, str]) -> Path:
    path = folder / f"{name}-1-py3-none-any.whl"
    with zipfile.ZipFile(path, "w") as archive:
        for each, content in files.items():
            archive.writestr(each, content)
    return path


def test_an_installed_package_gives_the_same_files_as_a_checkout(tmp_path: Path) -> None:
    checkout, installed = package(tmp_path / "src"), package(tmp_path / "site")
    # The wheel carries the pins, which are for making images and not for running in one.
    (installed / "build" / "requirements.txt").write_text("h11==1 --hash=sha256:0")
    assert own_files(AT, installed) == own_files(AT, checkout)


def test_only_what_runs_gets_into_the_image(tmp_path: Path) -> None:
    names = set(own_files(AT, package(tmp_path / "boxship")))
    assert {name for name in names if "dist-info" not in name} == {
        f"{AT}/boxship/{path}" for path in ("__init__.py", "build/made.py", "spec/example.yaml")
    }


def test_sails_templates_are_among_the_files() -> None:
    assert f"{AT}/boxship/host/sail/sail.sh" in own_files(AT, PACKAGE)


def test_there_are_pinned_requirements() -> None:
    assert "--hash=" in run_requirements().read_text()


def test_a_wheels_packages_are_unpacked_and_its_commands_are_not(tmp_path: Path) -> None:
    made = wheel(
        tmp_path,
        "a",
        {
            "a/__init__.py": "a",
            "a-1.data/purelib/b.py": "b",
            "a-1.data/platlib/c.so": "c",
            "a-1.data/scripts/a": "#!python",
            "a-1.data/data/share/x": "x",
            "../evil": "e",
        },
    )
    assert unpacked_wheels([made], AT) == {f"{AT}/a/__init__.py": b"a", f"{AT}/b.py": b"b", f"{AT}/c.so": b"c"}


def test_two_wheels_with_the_same_file_must_agree(tmp_path: Path) -> None:
    one, same = (wheel(tmp_path, name, {"ns/__init__.py": ""}) for name in ("a", "b"))
    other = wheel(tmp_path, "c", {"ns/__init__.py": "differs"})
    assert list(unpacked_wheels([one, same], AT)) == [f"{AT}/ns/__init__.py"]
    with pytest.raises(BuildError, match=r"c-1-py3-none-any\.whl has another ns/__init__\.py"):
        unpacked_wheels([one, other], AT)
