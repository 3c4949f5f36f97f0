import asyncio
import gzip
import hashlib
import io
import json
import os
import tarfile
from pathlib import Path

import pytest

from boxship.build.bases import base_key
from boxship.build.cache import BaseCache, CorruptEntryError, DebCache, Entry, pack_tree
from boxship.build.image import HistoryStep, ImageConfig, image_id, write_docker_archive
from boxship.build.locks import held
from boxship.build.places import default_root
from boxship.build.rootfs import Node
from boxship.host.filelock import FileLock
from boxship.spec.model_build import Base

NODES = {
    "bin": Node("2", 0o777, 0, 0, 5, link="usr/bin"),
    "b\udcff": Node("0", 0o644, 1, 2, 3, 4, "ab", "", (0, 0), {"security.capability": "\x01\udc80"}),
}


def put(cache: BaseCache, key: str, content: bytes = b"layer", below: Entry | None = None) -> Entry:
    draft = cache.draft(key)
    (draft / "layer.tar").write_bytes(content)
    tree = pack_tree(NODES)
    (draft / "tree.json.gz").write_bytes(tree)
    digest = hashlib.sha256(content).hexdigest()
    entry = Entry(
        key=key,
        suite="bookworm",
        epoch_s=5,
        chain=(*(below.chain if below else ()), key),
        diff_ids=(*(below.diff_ids if below else ()), digest),
        history=(HistoryStep("made", 5),),
        removed=("etc/x",),
        config="{}",
        layer_bytes=len(content),
        tree_digest=hashlib.sha256(tree).hexdigest(),
    )
    cache.publish(draft, entry)
    return entry


@pytest.fixture
def cache(tmp_path: Path) -> BaseCache:
    return BaseCache(tmp_path)


def test_what_was_put_is_found_whole(cache: BaseCache) -> None:
    lower = put(cache, "aa", b"one")
    entry = put(cache, "bb", b"two", lower)
    assert cache.find("bb") == entry
    assert [path.read_bytes() for _, path in cache.layers(entry)] == [b"one", b"two"]
    assert cache.tree(entry) == NODES


def test_what_is_absent_is_not_found(cache: BaseCache) -> None:
    assert cache.find("aa") is None


@pytest.mark.parametrize("damage", ["", "{}", '{"entry": "{}", "sha256": "0"}', '{"entry": 1}', "[]", "\x00"])
def test_a_damaged_record_is_not_found_and_its_place_is_free_again(cache: BaseCache, damage: str) -> None:
    put(cache, "aa")
    (cache.bases / "aa" / "entry.json").write_text(damage)
    assert cache.find("aa") is None
    put(cache, "aa")
    assert cache.find("aa") is not None


@pytest.mark.parametrize("name", ["layer.tar", "tree.json.gz"])
def test_an_entry_without_its_files_is_not_found(cache: BaseCache, name: str) -> None:
    put(cache, "aa")
    (cache.bases / "aa" / name).unlink()
    assert cache.find("aa") is None


def test_a_layer_with_one_wrong_bit_is_never_used(cache: BaseCache) -> None:
    lower = put(cache, "aa", b"one")
    entry = put(cache, "bb", b"two", lower)
    (cache.bases / "aa" / "layer.tar").write_bytes(b"onf")
    with pytest.raises(CorruptEntryError, match="aa"):
        cache.layers(entry)
    assert cache.find("aa") is None
    assert cache.find("bb") is not None


def test_a_layer_made_anew_with_another_content_does_not_pass_for_the_old_one(cache: BaseCache) -> None:
    lower = put(cache, "aa", b"one")
    entry = put(cache, "bb", b"two", lower)
    cache.discard("aa")
    put(cache, "aa", b"newer")
    with pytest.raises(CorruptEntryError):
        cache.layers(entry)


def test_a_damaged_tree_is_never_used(cache: BaseCache) -> None:
    entry = put(cache, "aa")
    (cache.bases / "aa" / "tree.json.gz").write_bytes(gzip.compress(b"{}"))
    with pytest.raises(CorruptEntryError):
        cache.tree(entry)
    assert cache.find("aa") is None


def test_a_half_made_draft_is_no_entry_and_goes_in_time(cache: BaseCache) -> None:
    draft = cache.draft("aa")
    (draft / "layer.tar").write_bytes(b"half")
    assert cache.find("aa") is None
    now_s = draft.stat().st_mtime
    cache.prune(now_s + 60)
    assert draft.exists()
    cache.prune(now_s + 3 * 86400)
    assert not draft.exists()


def test_entries_that_nobody_uses_go_and_used_ones_stay(cache: BaseCache) -> None:
    put(cache, "aa")
    put(cache, "bb")
    for key in ("aa", "bb"):
        os.utime(cache.bases / key / "entry.json", (1000, 1000))
    cache.find("bb")
    cache.prune((cache.bases / "bb" / "entry.json").stat().st_mtime + 60)
    assert (cache.find("aa") is None, cache.find("bb") is None) == (True, False)


def test_the_second_maker_of_the_same_entry_changes_nothing(cache: BaseCache) -> None:
    first = put(cache, "aa", b"one")
    put(cache, "aa", b"other")
    assert cache.find("aa") == first


async def test_one_at_a_time_gets_a_lock_and_the_others_hear_why_they_wait(tmp_path: Path) -> None:
    told: list[str] = []
    inside = 0
    most = 0

    async def work() -> None:
        nonlocal inside, most
        async with held(FileLock(tmp_path / "lock"), told.append):
            inside += 1
            most = max(most, inside)
            await asyncio.sleep(0)
            inside -= 1

    await asyncio.gather(*(work() for _ in range(3)))
    assert most == 1
    assert told == ["another build is making this; waiting for it"] * 2


def test_a_lock_is_free_again_when_its_holder_is_gone(tmp_path: Path) -> None:
    first, second = FileLock(tmp_path / "lock"), FileLock(tmp_path / "lock")
    assert first.try_acquire()
    assert not second.try_acquire()
    first.release()
    assert second.try_acquire()
    second.release()


def test_packages_are_offered_again_unless_they_were_damaged(tmp_path: Path) -> None:
    debs, fresh, offered = DebCache(tmp_path / "apt"), tmp_path / "fresh", tmp_path / "offered"
    fresh.mkdir()
    offered.mkdir()
    for name in ("a.deb", "b.deb"):
        (fresh / name).write_text(name)
    (fresh / "lock").write_text("")
    debs.add(fresh)
    (tmp_path / "apt" / "b.deb").write_text("damaged")
    (tmp_path / "apt" / "stranger.deb").write_text("never verified")
    debs.offer(offered)
    assert sorted(path.name for path in offered.iterdir()) == ["a.deb"]
    assert not (tmp_path / "apt" / "b.deb").exists()


def test_the_cache_is_where_the_user_keeps_caches() -> None:
    assert default_root({"XDG_CACHE_HOME": "/c", "HOME": "/h"}) == Path("/c/boxship")
    assert default_root({"XDG_CACHE_HOME": "relative", "HOME": "/h"}) == Path("/h/.cache/boxship")


def test_a_key_follows_from_what_is_declared_and_what_is_below(cache: BaseCache) -> None:
    lower, other = put(cache, "aa", b"one"), put(cache, "bb", b"two")
    base = Base("x", suite="bookworm", packages=("b", "a"))
    keys = [
        base_key(base, None, "amd64"),
        base_key(base, None, "arm64"),
        base_key(Base("x", suite="trixie", packages=("b", "a")), None, "amd64"),
        base_key(Base("x", suite="bookworm", packages=("a",)), None, "amd64"),
        base_key(Base("x", parent="p", packages=("a",)), lower, "amd64"),
        base_key(Base("x", parent="p", packages=("a",)), other, "amd64"),
    ]
    assert len(set(keys)) == len(keys)
    assert base_key(Base("y", suite="bookworm", packages=("a", "b", "a")), None, "amd64") == keys[0]


def test_an_image_is_known_before_any_engine_has_it(tmp_path: Path) -> None:
    config = ImageConfig(
        "armhf", ("d1", "d2"), (HistoryStep("one", 0), HistoryStep("two", 86400)), {"a": "b"}
    ).to_json()
    said = json.loads(config)
    assert (said["architecture"], said["variant"], said["created"]) == ("arm", "v7", "1970-01-02T00:00:00Z")
    assert said["rootfs"]["diff_ids"] == ["sha256:d1", "sha256:d2"]
    for name in ("one", "two"):
        (tmp_path / name).write_text(name)
    target = tmp_path / "image.tar"
    write_docker_archive(target, config, [("d1", tmp_path / "one"), ("d2", tmp_path / "two")], ["x/y:latest"])
    with tarfile.open(target) as tar:
        files = {info.name: (tar.extractfile(info) or io.BytesIO()).read() for info in tar}
    (manifest,) = json.loads(files["manifest.json"])
    assert manifest["RepoTags"] == ["x/y:latest"]
    assert [files[name] for name in manifest["Layers"]] == [b"one", b"two"]
    assert image_id(files[manifest["Config"]]) == f"sha256:{manifest['Config'].removesuffix('.json')}"
