"""The rules about the source as a whole that no linter knows. Layers: see [tool.importlinter] in pyproject.toml."""

import ast
import json
import re
import shutil
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parents[2]
SOURCE = ROOT / "src" / "boxship"
MODULES = sorted(SOURCE.rglob("*.py"))

# Reading and deciding happens in every command, and all of a command's start may cost 120 ms of CPU.
SLOW_TO_IMPORT = {"asyncio", "http", "logging", "rich", "ssl", "subprocess", "tempfile", "urllib.request"}
LINT_DEADLINE_S = 60


def module_name(path: Path) -> str:
    parts = path.relative_to(SOURCE.parent).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def trees() -> Iterator[tuple[str, ast.Module]]:
    for path in MODULES:
        yield str(path.relative_to(ROOT)), ast.parse(path.read_text(encoding="utf-8"))


def pyproject() -> dict[str, Any]:
    return tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))


def normal(requirement: str) -> str:
    name = re.match(r"[A-Za-z0-9._-]+", requirement)
    assert name is not None, requirement
    return re.sub(r"[._-]+", "-", name[0]).lower()


def requirements_of(group: str) -> set[str]:
    entries = pyproject()["dependency-groups"][group]
    included = [requirements_of(entry["include-group"]) for entry in entries if isinstance(entry, dict)]
    return {normal(entry) for entry in entries if isinstance(entry, str)}.union(*included)


def locked(lock: str) -> set[str]:
    text = (ROOT / "requirements" / lock).read_text(encoding="utf-8")
    return {normal(line) for line in text.splitlines() if re.match(r"[a-z0-9]", line, re.IGNORECASE)}


def modules_loaded_by(names: list[str]) -> set[str]:
    code = f"import sys\nfor name in {names!r}: __import__(name)\nimport json; print(json.dumps(sorted(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, check=True, text=True, timeout=30)
    return set(json.loads(done.stdout))


@pytest.mark.parametrize("layer", ["spec", "plan"])
def test_reading_and_deciding_load_nothing_that_is_slow_to_import(layer: str) -> None:
    names = [module_name(path) for path in MODULES if path.is_relative_to(SOURCE / layer)]
    assert modules_loaded_by(names) & SLOW_TO_IMPORT == set()


@pytest.mark.parametrize("verb", ["build", "ps", "up", "version"])
def test_a_verb_that_may_only_look_loads_nothing_that_waits_or_encrypts(verb: str) -> None:
    assert modules_loaded_by([f"boxship.cli.{verb}"]) & {"asyncio", "hashlib", "ssl", "h11", "shutil"} == set()


START_UP = {
    # What a command that is typed often may not import: each costs more CPU than the command itself does.
    "--help": {"boxship.spec", "boxship.plan", "boxship.cli.main", "msgspec", "yaml", "json", "asyncio", "traceback"},
    "version": {*SLOW_TO_IMPORT, "boxship.spec.load", "yaml", "hashlib", "shutil", "h11", "traceback"},
    "-f FILE check": {*SLOW_TO_IMPORT, "boxship.plan", "boxship.engine", "boxship.execute", "h11", "traceback"},
    "-f FILE show --format json": {*SLOW_TO_IMPORT, "boxship.plan", "boxship.engine", "boxship.execute", "h11"},
}


@pytest.mark.parametrize("line", START_UP)
def test_a_command_imports_nothing_that_it_can_do_without(line: str, tmp_path: Path) -> None:
    file = tmp_path / "compose.yaml"
    file.write_text("services: {web: {image: 'a:1'}}", encoding="utf-8")
    # The entry ends by one of two ways: at once, or as any program does.
    tell = "import os, sys; end = os._exit; os._exit = lambda status: (print(*sys.modules, flush=True), end(status))"
    code = f"{tell}; from boxship.cli.entry import entry\ntry: entry()\nfinally: print(*sys.modules, flush=True)"
    argv = [str(file) if word == "FILE" else word for word in line.split()]
    done = subprocess.run([sys.executable, "-c", code, *argv], capture_output=True, check=True, text=True, timeout=30)
    assert set(done.stdout.splitlines()[-1].split()) & START_UP[line] == set()


def test_the_values_that_flow_are_frozen_structs() -> None:
    loose = [
        f"{path}:{node.lineno}: {node.name}"
        for path, tree in trees()
        if Path(path).parts[2] in {"spec", "plan", "state", "events.py", "where.py"}
        for node in ast.walk(tree)
        if isinstance(node, ast.ClassDef) and is_loose(node)
    ]
    assert loose == []


def is_loose(node: ast.ClassDef) -> bool:
    if node.name.startswith("_") or node.name.endswith("Builder"):
        return False  # grows within one function's run and never leaves it
    is_dataclass = any("dataclass" in ast.unparse(decorator) for decorator in node.decorator_list)
    is_struct = any(ast.unparse(base) in {"Struct", "Placed"} for base in node.bases)
    return is_dataclass or (is_struct and "frozen=True" not in [ast.unparse(each) for each in node.keywords])


def test_every_module_is_shorter_than_five_hundred_lines() -> None:
    lengths = {module_name(path): len(path.read_text(encoding="utf-8").splitlines()) for path in MODULES}
    assert {name: lines for name, lines in lengths.items() if lines >= 500} == {}


def test_an_import_that_points_up_is_found_with_its_place(tmp_path: Path) -> None:
    shutil.copytree(SOURCE, tmp_path / "boxship", ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(ROOT / "pyproject.toml", tmp_path)
    with (tmp_path / "boxship" / "where.py").open("a", encoding="utf-8") as where:
        where.write("\nimport boxship.plan\n")
    done = subprocess.run(
        [str(Path(sys.executable).parent / "lint-imports"), "--no-cache"],
        cwd=tmp_path,
        capture_output=True,
        check=False,
        text=True,
        timeout=LINT_DEADLINE_S,
    )
    assert done.returncode == 1
    assert re.search(r"boxship\.where is not allowed to import boxship\.plan", done.stdout)


def test_a_new_room_must_be_given_its_layer(tmp_path: Path) -> None:
    shutil.copytree(SOURCE, tmp_path / "boxship", ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(ROOT / "pyproject.toml", tmp_path)
    (tmp_path / "boxship" / "attic.py").write_text('"""Things nobody placed."""\n', encoding="utf-8")
    done = subprocess.run(
        [str(Path(sys.executable).parent / "lint-imports"), "--no-cache"],
        cwd=tmp_path,
        capture_output=True,
        check=False,
        text=True,
        timeout=LINT_DEADLINE_S,
    )
    assert done.returncode == 1
    assert "attic" in done.stdout


def test_the_lock_pins_everything_that_pyproject_asks_for() -> None:
    dependencies = {normal(requirement) for requirement in pyproject()["project"]["dependencies"]}
    assert dependencies <= locked("run.txt")
    assert requirements_of("build") <= locked("build.txt")
    assert dependencies | requirements_of("dev") <= locked("dev.txt")
    assert requirements_of("fuzz") <= locked("fuzz.txt")


def test_the_locks_hash_every_package_and_agree_about_its_version() -> None:
    pins: dict[str, str] = {}
    for lock in ("run.txt", "build.txt", "dev.txt", "fuzz.txt"):
        text = (ROOT / "requirements" / lock).read_text(encoding="utf-8")
        for name, version, digest in re.findall(r"^([\w.-]+)==(\S+)[^\n]*\n(\s+--hash=sha256:)?", text, re.MULTILINE):
            assert digest, f"{lock}: {name} has no hash"
            assert pins.setdefault(name, version) == version, f"{lock}: {name}"
    assert pins
