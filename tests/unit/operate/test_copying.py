"""cp: what names and slashes mean, on both sides."""

import io
import tarfile
from collections.abc import Iterable
from pathlib import Path

import pytest

from boxship.errors import HostError, NotFoundError, UsageError
from boxship.operate.copying import CopyOptions, archive_of, copy_in, copy_out, unpack_into
from boxship.plan.action import CreateContainer
from boxship.plan.observed import ObservedContainer
from tests.contracts.images import chunks_of
from tests.fakes.engine import FakeEngine
from tests.unit.plan.given import desired, plan_of, service

PLAIN = CopyOptions()


@pytest.fixture
async def web() -> tuple[FakeEngine, ObservedContainer]:
    """A container with /etc/app/a, /etc/app/sub/b and /etc/note."""
    engine = FakeEngine()
    engine.add_image("img:1")
    steps = plan_of(desired(service("web", networks={}))).steps
    (spec,) = [step.action.spec for step in steps if isinstance(step.action, CreateContainer)]
    await engine.create_container(spec)
    (found,) = (await engine.observe(())).containers_of("app")
    files = packed(("app/a", "one"), ("app/sub/b", "two"), ("note", "hello"))
    await engine.write_archive(found.id, "/etc", chunks_of(files))
    return engine, found


def packed(*files: tuple[str, str]) -> bytes:
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w") as archive:
        for name, text in files:
            member = tarfile.TarInfo(name)
            member.size = len(text)
            archive.addfile(member, io.BytesIO(text.encode()))
    return out.getvalue()


def files_below(folder: Path) -> list[str]:
    return sorted(str(each.relative_to(folder)) for each in folder.rglob("*") if each.is_file())


def files_of(engine: FakeEngine, container: ObservedContainer, below: str) -> list[str]:
    names: Iterable[str] = engine.world.containers[container.id].files
    return sorted(name.removeprefix(below) for name in names if name.startswith(below))


@pytest.mark.parametrize(
    ("source", "target", "expected"),
    [
        ("/etc/note", "new", ["new"]),
        ("etc/note", "there", ["there/note"]),
        ("/etc/note", "there/", ["there/note"]),
        ("/etc/app", "new", ["new/a", "new/sub/b"]),
        ("/etc/app", "there", ["there/app/a", "there/app/sub/b"]),
        ("/etc/app/.", "there", ["there/a", "there/sub/b"]),
        ("/etc/app/.", "new", ["new/a", "new/sub/b"]),
    ],
)
async def test_out_of_a_container_names_mean_what_they_mean_to_cp(
    web: tuple[FakeEngine, ObservedContainer], source: str, target: str, expected: list[str], tmp_path: Path
) -> None:
    (tmp_path / "there").mkdir()
    place = f"{tmp_path}/{target}"
    copied = await copy_out(*web, source, place, PLAIN)
    assert files_below(tmp_path) == expected
    assert copied.files == len(expected)


@pytest.mark.parametrize(
    ("source", "target", "expected"),
    [
        ("a", "/tmp/new", ["new"]),
        ("a", "/tmp", ["a"]),
        ("a", "/tmp/", ["a"]),
        ("sub", "/tmp", ["sub/b"]),
        ("sub", "/tmp/new", ["new/b"]),
        ("sub/.", "/tmp", ["b"]),
        ("sub/.", "/tmp/new", ["new/b"]),
        (".", "/tmp", ["a", "sub/b"]),
    ],
)
async def test_into_a_container_names_mean_what_they_mean_to_cp(
    web: tuple[FakeEngine, ObservedContainer], source: str, target: str, expected: list[str], tmp_path: Path
) -> None:
    (tmp_path / "sub").mkdir()
    (tmp_path / "a").write_text("one")
    (tmp_path / "sub" / "b").write_text("two")
    copied = await copy_in(*web, f"{tmp_path}/{source}", target, PLAIN)
    assert files_of(*web, "/tmp/") == expected
    assert copied.files == len(expected)


async def test_what_can_not_be_is_told_before_anything_is_copied(
    web: tuple[FakeEngine, ObservedContainer], tmp_path: Path
) -> None:
    (tmp_path / "file").write_text("old")
    (tmp_path / "folder").mkdir()
    here = str(tmp_path)
    with pytest.raises(NotFoundError, match="there is no '/etc/none' in web"):
        await copy_out(*web, "/etc/none", here, PLAIN)
    with pytest.raises(UsageError, match="is a file, and a folder can't become one"):
        await copy_out(*web, "/etc/app", f"{here}/file", PLAIN)
    with pytest.raises(NotFoundError, match=r"there is no folder .*new/' on this machine"):
        await copy_out(*web, "/etc/note", f"{here}/new/", PLAIN)
    with pytest.raises(HostError, match=r"there is no folder .*no' on this machine"):
        await copy_out(*web, "/etc/note", f"{here}/no/such", PLAIN)
    with pytest.raises(UsageError, match="web:/etc/note/ is no folder"):
        await copy_out(*web, "/etc/note/", here, PLAIN)
    with pytest.raises(NotFoundError, match=r"there is no '.*none' on this machine"):
        await copy_in(*web, f"{here}/none", "/tmp", PLAIN)
    with pytest.raises(UsageError, match="file/' is no folder"):
        await copy_in(*web, f"{here}/file/", "/tmp", PLAIN)
    with pytest.raises(UsageError, match="web:/etc/note is a file, and a folder can't become one"):
        await copy_in(*web, f"{here}/folder", "/etc/note", PLAIN)
    with pytest.raises(NotFoundError, match="there is no folder '/tmp/new/' in web"):
        await copy_in(*web, f"{here}/file", "/tmp/new/", PLAIN)
    with pytest.raises(NotFoundError, match="there is no '/no' in web"):
        await copy_in(*web, f"{here}/file", "/no/such", PLAIN)
    assert (tmp_path / "file").read_text() == "old"


async def test_a_link_of_this_machine_is_followed_only_when_asked(
    web: tuple[FakeEngine, ObservedContainer], tmp_path: Path
) -> None:
    (tmp_path / "a").write_text("one")
    (tmp_path / "link").symlink_to("a")
    await copy_in(*web, f"{tmp_path}/link", "/tmp/kept", PLAIN)
    await copy_in(*web, f"{tmp_path}/link", "/tmp/followed", CopyOptions(follow_link=True))
    assert files_of(*web, "/tmp/") == ["followed"]


async def test_archives_pass_through_as_they_are(web: tuple[FakeEngine, ObservedContainer]) -> None:
    data = b"".join([chunk async for chunk in archive_of(*web, "/etc/app", PLAIN)])
    with tarfile.open(fileobj=io.BytesIO(data)) as archive:
        assert [each.name for each in archive if each.isfile()] == ["app/a", "app/sub/b"]
    await unpack_into(*web, chunks_of(packed(("x", "1"))), "/tmp")
    assert files_of(*web, "/tmp/") == ["x"]
    with pytest.raises(UsageError, match="web:/etc/note is no folder"):
        await unpack_into(*web, chunks_of(b""), "/etc/note")
