"""Files as an archive and back; the archive of a stranger writes nowhere but below its target."""

import io
import os
import socket
import stat
import tarfile
from pathlib import Path

import pytest

from boxship.errors import HostError
from boxship.host.tree import Copied, pack_tree, unpack_tree


def packed(source: Path, name: str, *, keep_owner: bool = False) -> tuple[io.BytesIO, Copied]:
    out = io.BytesIO()
    copied = pack_tree(out, source, name, keep_owner=keep_owner)
    out.seek(0)
    return out, copied


def archive(*members: tuple[str, dict[str, object]]) -> io.BytesIO:
    """Of members by name; ``content`` is a file's."""
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w") as tar:
        for name, fields in members:
            member = tarfile.TarInfo(name)
            content = str(fields.pop("content", "")).encode()
            for key, value in fields.items():
                setattr(member, key, value)
            member.size = len(content)
            tar.addfile(member, io.BytesIO(content))
    out.seek(0)
    return out


def link_to(target: str) -> dict[str, object]:
    return {"type": tarfile.SYMTYPE, "linkname": target}


@pytest.fixture
def target(tmp_path: Path) -> Path:
    (tmp_path / "out").mkdir()
    return tmp_path / "out"


@pytest.fixture
def outside(tmp_path: Path) -> Path:
    made = tmp_path / "outside"
    made.mkdir()
    (made / "precious").write_text("mine")
    return made


def test_a_tree_comes_back_as_it_went_under_its_new_name(tmp_path: Path, target: Path) -> None:
    source = tmp_path / "src"
    (source / "sub").mkdir(parents=True)
    (source / "a").write_text("one")
    (source / "a").chmod(0o755)
    os.link(source / "a", source / "twin")
    (source / "link").symlink_to("../nowhere")
    (source / "sub" / "b").write_bytes(b"x" * 300_000)
    os.utime(source / "sub", (1_000_000_000, 1_000_000_000))
    (source / "sub").chmod(0o500)
    stream, sent = packed(source, "first")
    received = unpack_tree(stream, target, "second")
    there = target / "second"
    assert (there / "a").read_text() == (there / "twin").read_text() == "one"
    assert stat.S_IMODE((there / "a").stat().st_mode) == 0o755
    assert (there / "a").stat().st_ino == (there / "twin").stat().st_ino
    assert (there / "link").readlink() == Path("../nowhere")
    assert (there / "sub" / "b").stat().st_size == 300_000
    assert (stat.S_IMODE((there / "sub").stat().st_mode), (there / "sub").stat().st_mtime) == (0o500, 1_000_000_000)
    assert (sent.files, received.files) == (4, 4)


def test_the_contents_alone_have_no_name_of_their_own(tmp_path: Path) -> None:
    (tmp_path / "sub").mkdir()
    (tmp_path / "a").write_text("one")
    stream, _ = packed(tmp_path, ".")
    with tarfile.open(fileobj=stream) as tar:
        assert tar.getnames() == ["a", "sub"]


def test_without_being_asked_nobody_owns_what_is_packed_but_root(tmp_path: Path) -> None:
    (tmp_path / "a").write_text("one")
    os.chown(tmp_path / "a", os.getuid(), os.getgid())
    with tarfile.open(fileobj=packed(tmp_path / "a", "a")[0]) as tar:
        member = tar.getmember("a")
        assert (member.uid, member.gid, member.uname, member.gname) == (0, 0, "", "")
    with tarfile.open(fileobj=packed(tmp_path / "a", "a", keep_owner=True)[0]) as tar:
        assert tar.getmember("a").uid == os.getuid()


def test_a_socket_is_left_out_and_told(tmp_path: Path) -> None:
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(str(tmp_path / "s"))
        _, copied = packed(tmp_path, "x")
    assert copied.left_out == (f"{tmp_path / 's'} is a socket",)


@pytest.mark.parametrize(
    "name", ["../precious", "x/../../outside/precious", "x/sub/../../../etc/passwd", "/x/../precious"]
)
def test_a_name_that_leads_out_is_refused(name: str, target: Path, outside: Path) -> None:
    with pytest.raises(HostError, match="leads out of its folder"):
        unpack_tree(archive((name, {"content": "theirs"})), target, "x")
    assert (outside / "precious").read_text() == "mine"


def test_what_lies_beside_what_was_asked_for_is_refused(target: Path) -> None:
    hostile = archive(("x/a", {"content": "1"}), ("y/a", {"content": "2"}))
    with pytest.raises(HostError, match="'y/a' lies beside 'x', which was asked for"):
        unpack_tree(hostile, target, "x")
    assert sorted(each.name for each in target.rglob("*")) == ["a", "x"]


def test_nothing_is_written_through_a_link_of_the_archive(target: Path, outside: Path) -> None:
    hostile = archive(("x/way", link_to(str(outside))), ("x/way/precious", {"content": "theirs"}))
    with pytest.raises(HostError, match="'way' is no folder but a file or a link"):
        unpack_tree(hostile, target, "x")
    assert (outside / "precious").read_text() == "mine"


def test_nothing_is_written_through_a_link_that_is_there(target: Path, outside: Path) -> None:
    (target / "x").mkdir()
    (target / "x" / "way").symlink_to(outside)
    (target / "x" / "file").symlink_to(outside / "precious")
    with pytest.raises(HostError, match="is no folder but a file or a link"):
        unpack_tree(archive(("x/way/precious", {"content": "theirs"})), target, "x")
    unpack_tree(archive(("x/file", {"content": "theirs"})), target, "x")
    assert (outside / "precious").read_text() == "mine"
    assert not (target / "x" / "file").is_symlink()


def test_a_top_that_is_a_link_leads_nowhere(target: Path, outside: Path) -> None:
    hostile = archive(("x", link_to(str(outside))), ("x/precious", {"content": "theirs"}))
    with pytest.raises(HostError, match="'x' is no folder but a file or a link"):
        unpack_tree(hostile, target, "x")
    assert (outside / "precious").read_text() == "mine"


@pytest.mark.parametrize("linkname", ["../../outside/precious", "/etc/passwd", "x/way/precious"])
def test_a_hard_link_to_something_else_is_refused(linkname: str, target: Path, outside: Path) -> None:
    hostile = archive(
        ("x/way", link_to(str(outside))),
        ("x/hard", {"type": tarfile.LNKTYPE, "linkname": linkname}),
        ("x/hard", {"content": "theirs"}),
    )
    with pytest.raises(HostError):
        unpack_tree(hostile, target, "x")
    assert (outside / "precious").read_text() == "mine"


def test_devices_and_pipes_are_left_out_and_told(target: Path) -> None:
    copied = unpack_tree(
        archive(
            ("x/null", {"type": tarfile.CHRTYPE, "devmajor": 1, "devminor": 3}),
            ("x/pipe", {"type": tarfile.FIFOTYPE}),
            ("x/a", {"content": "1"}),
        ),
        target,
        "x",
    )
    assert copied == Copied(1, 1, ("x/null is a device", "x/pipe is a pipe"))
    assert [each.name for each in (target / "x").iterdir()] == ["a"]


def test_nothing_gets_the_right_to_run_as_somebody_else(target: Path) -> None:
    unpack_tree(archive(("x", {"content": "#!", "mode": 0o4755})), target, "x")
    assert stat.S_IMODE((target / "x").stat().st_mode) == 0o755


def test_a_pipe_or_folder_that_is_there_is_not_replaced_by_a_file(target: Path) -> None:
    os.mkfifo(target / "pipe")
    (target / "folder").mkdir()
    with pytest.raises(HostError, match="is a device, a pipe or a socket, and a file would take its place"):
        unpack_tree(archive(("x", {"content": "1"})), target, "pipe")
    with pytest.raises(HostError, match="is a folder, and a file would take its place"):
        unpack_tree(archive(("x", {"content": "1"})), target, "folder")
    (target / "file").write_text("old")
    with pytest.raises(HostError, match="is a folder there, and no folder here"):
        unpack_tree(archive(("x", {"type": tarfile.DIRTYPE})), target, "file")


def test_a_file_is_replaced_and_others_who_have_it_keep_theirs(target: Path) -> None:
    (target / "a").write_text("old")
    os.link(target / "a", target / "kept")
    unpack_tree(archive(("x", {"content": "new"})), target, "a")
    assert ((target / "a").read_text(), (target / "kept").read_text()) == ("new", "old")


def test_what_is_no_archive_says_so(target: Path) -> None:
    with pytest.raises(HostError, match="is no archive"):
        unpack_tree(io.BytesIO(b"no archive at all" * 100), target, "x")
