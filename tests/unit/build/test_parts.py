"""Contexts that are composed of several folders and files."""

import time
from pathlib import Path

import pytest

from boxship.build.context import HIDDEN_DOCKERFILE, Context, find_context, open_source
from boxship.build.look import take_look
from boxship.errors import BuildError
from boxship.spec.model import Build
from boxship.spec.model_build import ContextPart
from boxship.where import Where

WHERE = Where("appliance.yaml", 7, 9)


def write(root: Path, *paths: str) -> None:
    for path in paths:
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).write_text(path)


@pytest.fixture
def root(tmp_path: Path) -> Path:
    write(tmp_path, "web/Dockerfile", "web/app.py", "web/etc/site.ini")
    write(tmp_path, "lib/one.py", "lib/deep/two.py", "lib/deep/old.css", "lib/site.css", "settings.ini")
    return tmp_path


def compose(root: Path, *parts: ContextPart) -> Context:
    return find_context(Build(root / "web"), "at", parts=parts)


def part(
    root: Path, source: str, into: str = "", only: tuple[str, ...] = (), without: tuple[str, ...] = ()
) -> ContextPart:
    return ContextPart(root / source, into, only, without, WHERE)


def files(context: Context) -> dict[str, str]:
    """Path -> what the file's source says."""
    return {entry.path: entry.source.read_text() for entry in context.entries if entry.is_file and entry.source}


def test_a_folder_is_laid_where_it_belongs_and_a_file_replaces_what_is_there(root: Path) -> None:
    found = compose(root, part(root, "lib", "vendor/lib"), part(root, "settings.ini", "etc/site.ini"))
    assert files(found) == {
        "Dockerfile": "web/Dockerfile",
        "app.py": "web/app.py",
        "etc/site.ini": "settings.ini",
        "vendor/lib/deep/old.css": "lib/deep/old.css",
        "vendor/lib/deep/two.py": "lib/deep/two.py",
        "vendor/lib/one.py": "lib/one.py",
        "vendor/lib/site.css": "lib/site.css",
    }
    folders = [entry.path for entry in found.entries if not entry.is_file]
    assert folders == ["etc", "vendor", "vendor/lib", "vendor/lib/deep"]


@pytest.mark.parametrize(("into", "path"), [("", "settings.ini"), ("etc/", "etc/settings.ini"), ("x", "x")])
def test_a_file_goes_into_a_folder_or_takes_another_name(root: Path, into: str, path: str) -> None:
    assert files(compose(root, part(root, "settings.ini", into)))[path] == "settings.ini"


def test_patterns_choose_and_exceptions_of_them_stay_at_home(root: Path) -> None:
    found = compose(root, part(root, "lib", "static", only=("**/*.css",), without=("deep/old*",)))
    assert [path for path in files(found) if path.startswith("static")] == ["static/site.css"]


def test_the_rules_of_the_context_hold_for_what_is_laid_over_it(root: Path) -> None:
    (root / "web" / ".dockerignore").write_text("vendor/deep\n**/*.css\n")
    found = compose(root, part(root, "lib", "vendor"))
    assert [path for path in files(found) if path.startswith("vendor")] == ["vendor/one.py"]


def test_what_is_deleted_at_its_source_is_gone_from_the_context(root: Path) -> None:
    parts = (part(root, "lib", "vendor"),)
    assert "vendor/one.py" in files(compose(root, *parts))
    (root / "lib" / "one.py").unlink()
    assert "vendor/one.py" not in files(compose(root, *parts))


def test_a_part_of_which_nothing_arrives_is_told(root: Path) -> None:
    found = compose(root, part(root, "lib", "static", only=("*.png",)))
    assert found.notices == (
        f"appliance.yaml:7:9: build.contexts: no file of {root / 'lib'} gets into the build context",
    )


def test_a_dockerfile_that_is_laid_over_is_not_the_one_that_builds(root: Path) -> None:
    found = compose(root, part(root, "settings.ini", "Dockerfile"))
    assert found.dockerfile == HIDDEN_DOCKERFILE
    assert found.dockerfile_text == "web/Dockerfile"
    assert files(found)["Dockerfile"] == "settings.ini"


@pytest.mark.parametrize(
    ("source", "into", "reason"),
    [
        ("nowhere", "x", "can't lay .*/nowhere into the build context: No such file"),
        ("lib", "app.py", "app.py/deep can't be laid below app.py, which is a file"),
        ("lib/deep", "etc/site.ini", "etc/site.ini/old.css can't be laid below etc/site.ini, which is a file"),
        ("settings.ini", "etc", "etc of the build context would be a file of .*, and already is a folder"),
        ("settings.ini", "app.py/x", "app.py/x can't be laid below app.py, which is a file"),
    ],
)
def test_what_cannot_be_laid_there_is_refused_with_its_place(root: Path, source: str, into: str, reason: str) -> None:
    with pytest.raises(BuildError, match=rf"^appliance\.yaml:7:9: build\.contexts: (?:{reason})"):
        compose(root, part(root, source, into))


def test_a_pattern_that_means_nothing_is_refused(root: Path) -> None:
    with pytest.raises(BuildError, match=r"wrong pattern '\[z-a\]'"):
        compose(root, part(root, "lib", "x", without=("[z-a]",)))


def test_a_look_sees_what_changes_in_a_part_and_what_its_patterns_are(root: Path) -> None:
    def look(only: tuple[str, ...] = ()) -> str:
        source = open_source(Build(root / "web"), "at", (part(root, "lib", "v", only), part(root, "settings.ini", "s")))
        found = take_look(source, time.time_ns())
        assert found is not None
        return found.digest

    seen = [look(), look(("*.css",))]
    write(root, "lib/deep/new")
    seen.append(look())
    (root / "settings.ini").write_text("longer than before")
    seen.append(look())
    assert len(set(seen)) == 4
    assert look() == seen[-1]
