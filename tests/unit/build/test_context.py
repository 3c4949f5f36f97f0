import asyncio
import io
import os
import socket
import tarfile
from pathlib import Path

import pytest

from boxship.build.context import HIDDEN_DOCKERFILE, Context, find_context
from boxship.build.stream import CHUNKS_AHEAD, stream_context, write_tar
from boxship.errors import BuildError
from boxship.spec.model import Build
from tests.eventually import DEADLINE_S

AT = "compose.yaml:3:5: services.web.build"


def folder(root: Path, **files: str) -> Path:
    for name, text in files.items():
        path = root / name.replace("__", "/").replace("_DOT_", ".")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return root


def paths(context: Context) -> list[str]:
    return [entry.path for entry in context.entries]


def tar_of(context: Context, *, not_after_s: int | None = None) -> bytes:
    out = io.BytesIO()
    write_tar(context.entries, out, AT, not_after_s=not_after_s)
    return out.getvalue()


def members(data: bytes) -> dict[str, tarfile.TarInfo]:
    with tarfile.open(fileobj=io.BytesIO(data)) as tar:
        return {info.name: info for info in tar}


def text_in(data: bytes, name: str) -> str:
    with tarfile.open(fileobj=io.BytesIO(data)) as tar:
        stream = tar.extractfile(name)
        assert stream is not None
        return stream.read().decode()


def test_equal_folders_give_equal_bytes_whoever_owns_them(tmp_path: Path) -> None:
    archives = []
    for name, order in (("one", ("a", "b")), ("two", ("b", "a"))):
        root = tmp_path / name
        root.mkdir()
        for file in order:
            folder(root, Dockerfile="FROM x\n", **{f"dir__{file}": file})
        if os.geteuid() == 0:
            os.chown(root / "dir" / "a", 1234, 5678)
        for path in [*root.rglob("*"), root]:
            os.utime(path, (1_700_000_000, 1_700_000_000))
        archives.append(tar_of(find_context(Build(root), AT)))
    assert archives[0] == archives[1]
    assert list(members(archives[0])) == ["Dockerfile", "dir", "dir/a", "dir/b"]
    assert {(info.uid, info.gid, info.uname) for info in members(archives[0]).values()} == {(0, 0, "")}


def test_times_are_the_files_own_but_never_after_the_source_date(tmp_path: Path) -> None:
    root = folder(tmp_path, Dockerfile="FROM x\n", old="", new="")
    os.utime(root / "old", (1_000, 1_000))
    os.utime(root / "new", (3_000, 3_000))
    found = members(tar_of(find_context(Build(root), AT), not_after_s=2_000))
    assert (found["old"].mtime, found["new"].mtime) == (1_000, 2_000)


def test_what_is_ignored_stays_at_home_and_exceptions_come_along(tmp_path: Path) -> None:
    root = folder(
        tmp_path,
        Dockerfile="FROM x\n",
        _DOT_dockerignore="node_modules\n*.log\n!node_modules/keep\n",
        app="",
        x_DOT_log="",
        node_modules__keep__me="",
        node_modules__drop="",
    )
    assert paths(find_context(Build(root), AT)) == [
        ".dockerignore",
        "Dockerfile",
        "app",
        "node_modules/keep",
        "node_modules/keep/me",
    ]


def test_a_dockerfiles_own_ignore_file_is_used_instead(tmp_path: Path) -> None:
    root = folder(
        tmp_path, dev_DOT_Dockerfile="FROM x\n", _DOT_dockerignore="a\n", dev_DOT_Dockerfile_DOT_dockerignore="b\n"
    )
    folder(root, a="", b="")
    found = find_context(Build(root, dockerfile="dev.Dockerfile"), AT)
    assert ("a" in paths(found), "b" in paths(found)) == (True, False)


@pytest.mark.parametrize("case", ["ignored", "outside", "inline"])
def test_a_dockerfile_that_the_context_hides_is_seen_by_the_builder_only(tmp_path: Path, case: str) -> None:
    root = folder(tmp_path / "context", app="")
    outside = folder(tmp_path / "elsewhere", Dockerfile="FROM hidden\n")
    build = {
        "ignored": Build(root),
        "outside": Build(root, dockerfile=str(outside / "Dockerfile")),
        "inline": Build(root, dockerfile_inline="FROM hidden\n"),
    }[case]
    if case == "ignored":
        folder(root, Dockerfile="FROM hidden\n", _DOT_dockerignore="Dockerfile\n")
    found = find_context(build, AT)
    data = tar_of(found)
    assert found.dockerfile == HIDDEN_DOCKERFILE
    assert text_in(data, HIDDEN_DOCKERFILE) == "FROM hidden\n"
    # The engine removes both files from the context, because the ignore rules that it reads there say so.
    rules = text_in(data, ".dockerignore").splitlines()
    assert HIDDEN_DOCKERFILE in rules
    assert rules[0] == ("Dockerfile" if case == "ignored" else ".dockerignore")
    assert "Dockerfile" not in paths(found)


def test_links_stay_links_and_modes_stay(tmp_path: Path) -> None:
    root = folder(tmp_path, Dockerfile="FROM x\n", run="#!")
    (root / "run").chmod(0o755)
    (root / "link").symlink_to("nowhere/else")
    (root / "loop").symlink_to(".")
    found = members(tar_of(find_context(Build(root), AT)))
    assert (found["link"].issym(), found["link"].linkname, found["run"].mode) == (True, "nowhere/else", 0o755)
    assert sorted(found) == ["Dockerfile", "link", "loop", "run"]


def test_sockets_and_pipes_are_left_out_with_a_notice(tmp_path: Path) -> None:
    root = folder(tmp_path, Dockerfile="FROM x\n")
    os.mkfifo(root / "pipe")
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(root / "sock"))
    found = find_context(Build(root), AT)
    assert paths(found) == ["Dockerfile"]
    assert [notice.split(" it is a ")[1] for notice in found.notices] == ["named pipe", "socket"]


def test_further_files_appear_where_they_are_wanted(tmp_path: Path) -> None:
    root = folder(tmp_path / "context", Dockerfile="FROM x\n", _DOT_dockerignore="wheels\n", wheels__old="")
    wheel = folder(tmp_path, w_DOT_whl="zip") / "w.whl"
    found = find_context(Build(root), AT, {"wheels/deep/w.whl": wheel})
    assert paths(found)[2:] == ["wheels", "wheels/deep", "wheels/deep/w.whl"]
    assert text_in(tar_of(found), "wheels/deep/w.whl") == "zip"


@pytest.mark.parametrize(
    ("build", "words"),
    [
        (Build(Path("/no/such/folder")), "no build context /no/such/folder"),
        (Build(Path("/usr/share/zoneinfo"), dockerfile="none"), "no Dockerfile /usr/share/zoneinfo/none"),
        (Build(Path("/usr"), dockerfile="share"), "can't read /usr/share: Is a directory"),
    ],
)
def test_what_is_missing_is_named_with_its_address(build: Build, words: str) -> None:
    with pytest.raises(BuildError, match=words) as caught:
        find_context(build, AT)
    assert caught.value.message.startswith(f"{AT}: ")
    assert caught.value.hint


def test_a_wrong_ignore_pattern_is_named(tmp_path: Path) -> None:
    root = folder(tmp_path, Dockerfile="FROM x\n", _DOT_dockerignore="[z-a]\n")
    with pytest.raises(BuildError, match=r"\.dockerignore: wrong pattern '\[z-a\]'"):
        find_context(Build(root), AT)


def test_a_file_that_shrinks_while_it_is_read_is_named(tmp_path: Path) -> None:
    found = find_context(Build(folder(tmp_path, Dockerfile="FROM x\n", data="long text")), AT)
    (tmp_path / "data").write_text("short")
    with pytest.raises(BuildError, match="data: it became shorter while it was read"):
        tar_of(found)


async def test_a_stream_is_the_tar_and_leaves_the_loop_free(tmp_path: Path) -> None:
    root = folder(tmp_path, Dockerfile="FROM x\n")
    (root / "big").write_bytes(os.urandom(5_000_000))
    found = find_context(Build(root), AT)
    turns = 0
    chunks = []

    async def other_work() -> None:
        nonlocal turns
        while True:
            turns += 1
            await asyncio.sleep(0)

    other = asyncio.ensure_future(other_work())
    async for chunk in stream_context(found, AT):
        chunks.append(chunk)  # noqa: PERF401 - the loop is what is tested
    other.cancel()
    assert members(b"".join(chunks)).keys() == {"Dockerfile", "big"}
    # A few chunks may come in one turn of the loop, all of them only if nothing else could run.
    assert len(chunks) > CHUNKS_AHEAD
    assert turns > 1


async def test_a_reader_that_leaves_early_ends_the_thread(tmp_path: Path) -> None:
    root = folder(tmp_path, Dockerfile="FROM x\n")
    (root / "big").write_bytes(bytes(20_000_000))
    stream = stream_context(find_context(Build(root), AT), AT)
    await anext(stream)
    async with asyncio.timeout(DEADLINE_S):
        await stream.aclose()


async def test_a_streams_reader_hears_what_could_not_be_read(tmp_path: Path) -> None:
    found = find_context(Build(folder(tmp_path, Dockerfile="FROM x\n", data="text")), AT)
    (tmp_path / "data").unlink()
    with pytest.raises(BuildError, match=r"can't read .*data: No such file"):
        async for _ in stream_context(found, AT):
            pass
