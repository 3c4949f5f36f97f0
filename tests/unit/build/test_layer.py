import hashlib
import io
import tarfile
from pathlib import Path

import pytest

from boxship.build.layer import write_layer
from boxship.build.rootfs import Node, Rootfs, is_dropped, read_rootfs

STARTED_S = 2_000_000_000
PACKAGED_S = 1_700_000_000
NOW_S = STARTED_S + 50
CAPABILITY = b"\x01\x00\x00\x02\x00\x20\x00\x00\xff\x00\x00\x00".decode("utf-8", "surrogateescape")


class Tree:
    """A tar of a root file system, as mmdebstrap writes it."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._raw = path.open("wb")
        self._tar = tarfile.open(fileobj=self._raw, mode="w", format=tarfile.PAX_FORMAT)  # noqa: SIM115
        self.directory(".")

    def directory(self, name: str, mode: int = 0o755, mtime: int = NOW_S) -> "Tree":
        return self._add(name, tarfile.DIRTYPE, mode=mode, mtime=mtime)

    def file(
        self,
        name: str,
        content: bytes = b"",
        *,
        mode: int = 0o644,
        uid: int = 0,
        mtime: int = PACKAGED_S,
        xattr: str = "",
    ) -> "Tree":
        return self._add(name, tarfile.REGTYPE, content, mode=mode, uid=uid, mtime=mtime, xattr=xattr)

    def symlink(self, name: str, target: str) -> "Tree":
        return self._add(name, tarfile.SYMTYPE, link=target)

    def hardlink(self, name: str, target: str) -> "Tree":
        return self._add(name, tarfile.LNKTYPE, link=f"./{target}")

    def _add(
        self,
        name: str,
        kind: bytes,
        content: bytes = b"",
        *,
        mode: int = 0o777,
        uid: int = 0,
        mtime: int = PACKAGED_S,
        link: str = "",
        xattr: str = "",
    ) -> "Tree":
        info = tarfile.TarInfo(name if name == "." else f"./{name}")
        info.type, info.mode, info.uid, info.mtime, info.linkname, info.size = (
            kind,
            mode,
            uid,
            mtime,
            link,
            len(content),
        )
        info.uname = "somebody"
        if xattr:
            info.pax_headers = {"SCHILY.xattr.security.capability": xattr}
        self._tar.addfile(info, io.BytesIO(content))
        return self

    def read(self, not_before_s: int = 0) -> Rootfs:
        self._tar.close()
        self._raw.close()
        return read_rootfs(self.path, started_at_s=STARTED_S, not_before_s=not_before_s)


def layer(tmp_path: Path, upper: Tree, below: dict[str, Node] | None = None) -> dict[str, tarfile.TarInfo]:
    target = tmp_path / "layer.tar"
    root = upper.read()
    written = write_layer(upper.path, root, below or {}, target)
    assert written.digest == hashlib.sha256(target.read_bytes()).hexdigest()
    assert written.size_bytes == target.stat().st_size
    with tarfile.open(target) as tar:
        return {info.name: info for info in tar}


def content(tmp_path: Path, name: str) -> bytes:
    with tarfile.open(tmp_path / "layer.tar") as tar:
        stream = tar.extractfile(name)
        assert stream is not None
        return stream.read()


def below(tmp_path: Path) -> dict[str, Node]:
    tree = Tree(tmp_path / "below.tar").directory("etc").directory("usr").directory("usr/lib")
    tree.file("etc/keep", b"same").file("etc/change", b"old").file("etc/gone", b"x").file("usr/lib/a", b"lib")
    tree.file("usr/lib/dir/one", b"1").file("usr/lib/dir/two", b"2").directory("usr/lib/dir").symlink("bin", "usr/bin")
    return dict(tree.read().nodes)


def test_a_first_layer_is_the_whole_tree_sorted_with_settled_times_and_numeric_owners(tmp_path: Path) -> None:
    tree = Tree(tmp_path / "t.tar").directory("b").file("b/made", b"x", mtime=NOW_S).file("a", b"y", uid=7, mode=0o4755)
    found = layer(tmp_path, tree.symlink("l", "a"))
    assert list(found) == ["a", "b", "b/made", "l"]
    assert {name: info.mtime for name, info in found.items()} == dict.fromkeys(found, PACKAGED_S)
    assert (found["a"].mode, found["a"].uid, found["a"].uname) == (0o4755, 7, "")
    assert found["l"].linkname == "a"


def test_equal_trees_give_equal_layers_whenever_they_were_made(tmp_path: Path) -> None:
    digests = set()
    for number, moment in enumerate((NOW_S, NOW_S + 999)):
        tree = Tree(tmp_path / f"{number}.tar").directory("d", mtime=moment).file("d/f", b"x", mtime=moment)
        root = tree.file("p", b"y").read()
        digests.add(write_layer(tree.path, root, {}, tmp_path / "layer.tar").digest)
    assert len(digests) == 1


def test_a_layer_holds_changes_their_folders_and_whiteouts(tmp_path: Path) -> None:
    tree = Tree(tmp_path / "t.tar").directory("etc").directory("usr").directory("usr/lib").symlink("bin", "usr/bin")
    tree.file("etc/keep", b"same").file("etc/change", b"new").file("usr/lib/a", b"lib").file("etc/more", b"+")
    found = layer(tmp_path, tree, below(tmp_path))
    assert list(found) == ["etc", "etc/.wh.gone", "etc/change", "etc/more", "usr", "usr/lib", "usr/lib/.wh.dir"]
    assert content(tmp_path, "etc/change") == b"new"
    assert found["usr/lib/.wh.dir"].size == 0


def test_what_was_only_written_again_is_no_change(tmp_path: Path) -> None:
    lower = below(tmp_path)
    tree = Tree(tmp_path / "t.tar")
    tree.directory("etc").directory("usr").directory("usr/lib").directory("usr/lib/dir").symlink("bin", "usr/bin")
    tree.file("etc/keep", b"same", mtime=NOW_S).file("etc/change", b"old").file("etc/gone", b"x", mtime=NOW_S)
    tree.file("usr/lib/a", b"lib").file("usr/lib/dir/one", b"1").file("usr/lib/dir/two", b"2")
    assert layer(tmp_path, tree, lower) == {}


@pytest.mark.parametrize(
    "change",
    [{"mode": 0o600}, {"uid": 5}, {"mtime": PACKAGED_S + 1}, {"xattr": CAPABILITY}],
    ids=lambda one: next(iter(one)),
)
def test_mode_owner_time_and_capabilities_are_changes(tmp_path: Path, change: dict[str, object]) -> None:
    lower = dict(Tree(tmp_path / "b.tar").file("tool", b"x").read().nodes)
    tree = Tree(tmp_path / "t.tar").file("tool", b"x", **change)  # type: ignore[arg-type]
    assert list(layer(tmp_path, tree, lower)) == ["tool"]


def test_capabilities_survive_byte_for_byte(tmp_path: Path) -> None:
    found = layer(tmp_path, Tree(tmp_path / "t.tar").file("ping", b"x", xattr=CAPABILITY))
    assert found["ping"].pax_headers["SCHILY.xattr.security.capability"] == CAPABILITY


def test_hard_links_share_their_content_within_a_layer(tmp_path: Path) -> None:
    found = layer(tmp_path, Tree(tmp_path / "t.tar").file("z", b"data").hardlink("a", "z").hardlink("m", "z"))
    assert [(name, info.islnk(), info.linkname) for name, info in found.items()] == [
        ("a", False, ""),
        ("m", True, "a"),
        ("z", True, "a"),
    ]
    assert content(tmp_path, "z") == b"data"


def test_a_new_hard_link_to_a_lower_layers_file_carries_the_content(tmp_path: Path) -> None:
    lower = dict(Tree(tmp_path / "b.tar").file("perl", b"data").read().nodes)
    found = layer(tmp_path, Tree(tmp_path / "t.tar").file("perl", b"data").hardlink("perl5", "perl"), lower)
    assert list(found) == ["perl5"]
    assert content(tmp_path, "perl5") == b"data"


def test_a_folder_that_became_a_file_and_the_reverse_need_no_whiteouts(tmp_path: Path) -> None:
    lower = dict(Tree(tmp_path / "b.tar").directory("d").file("d/x", b"1").file("f", b"2").read().nodes)
    tree = Tree(tmp_path / "t.tar").file("d", b"now a file").directory("f").file("f/y", b"3")
    assert list(layer(tmp_path, tree, lower)) == ["d", "f", "f/y"]


def test_the_epoch_never_goes_back_below_the_lower_layers(tmp_path: Path) -> None:
    root = Tree(tmp_path / "t.tar").file("f", mtime=10).read(not_before_s=PACKAGED_S)
    assert root.epoch_s == PACKAGED_S


def test_days_of_password_changes_are_settled(tmp_path: Path) -> None:
    today, then = NOW_S // 86400, PACKAGED_S // 86400
    text = f"root:*:{then - 9}:0:99999:7:::\nnginx:!:{today}::::::\n".encode()
    tree = Tree(tmp_path / "t.tar").directory("etc").file("etc/shadow", text, mode=0o640, mtime=NOW_S).file("p")
    layer(tmp_path, tree)
    assert content(tmp_path, "etc/shadow") == f"root:*:{then - 9}:0:99999:7:::\nnginx:!:{then}::::::\n".encode()


def test_random_names_of_temporary_files_are_taken_out_of_debconfs_answers(tmp_path: Path) -> None:
    text = b"Name: ucf/changeprompt\nVariables:\n NEW = /tmp/postgresql-common.wyDASf\n BASENAME = x.conf.abcdef\n"
    tree = Tree(tmp_path / "t.tar").directory("var/cache/debconf").file("var/cache/debconf/config.dat", text)
    layer(tmp_path, tree)
    assert content(tmp_path, "var/cache/debconf/config.dat") == text.replace(b".wyDASf", b"")


@pytest.mark.parametrize(
    ("path", "is_directory", "expected"),
    [
        ("etc/machine-id", False, True),
        ("etc/ssh/ssh_host_rsa_key", False, True),
        ("etc/ssl/private/ssl-cert-snakeoil.key", False, True),
        ("etc/resolv.conf", False, True),
        ("var/lib/apt/lists/x", False, True),
        ("var/lib/apt/lists", True, False),
        ("usr/share/doc/bash/README", False, True),
        ("usr/share/doc/bash/copyright", False, False),
        ("usr/share/man/man1/ls.1.gz", False, True),
        ("usr/share/locale/de/LC_MESSAGES/x.mo", False, True),
        ("usr/share/locale/locale.alias", False, False),
        ("var/log/dpkg.log", False, True),
        ("var/log/nginx", True, False),
        ("dev/null", False, True),
        ("run/lock", True, False),
        ("usr/bin/ls", False, False),
        ("etc/passwd", False, False),
    ],
)
def test_an_image_goes_without_documents_caches_and_what_is_one_machines_own(
    path: str, is_directory: bool, expected: bool
) -> None:
    assert is_dropped(path, is_directory) is expected


def test_folders_of_dropped_documents_go_with_them(tmp_path: Path) -> None:
    tree = Tree(tmp_path / "t.tar").directory("usr/share/doc").directory("usr/share/doc/a").directory("usr/share/doc/b")
    tree.file("usr/share/doc/a/README", b"x").file("usr/share/doc/b/copyright", b"x").directory("srv")
    nodes = tree.symlink("etc/ssl/certs/1a2b.0", "ssl-cert-snakeoil.pem").read().nodes
    assert list(nodes) == ["srv", "usr/share/doc", "usr/share/doc/b", "usr/share/doc/b/copyright"]
