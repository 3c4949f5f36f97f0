import os
import time
from pathlib import Path

from boxship.build.context import find_context
from boxship.build.fingerprint import BuiltImages, ContentMemory, fingerprint
from boxship.spec.model import Build

LATER_NS = 10**9


def digest(root: Path, memory: ContentMemory, inputs: dict[str, object] | None = None, *, after_ns: int = 0) -> str:
    context = find_context(Build(root), "at")
    return fingerprint(context, inputs or {}, memory, "at", now_ns=time.time_ns() + after_ns)


def context(root: Path) -> Path:
    root.mkdir()
    (root / "Dockerfile").write_text("FROM x\n")
    (root / "app").write_text("one")
    return root


def test_times_do_not_count_but_content_mode_names_links_and_inputs_do(tmp_path: Path) -> None:
    root = context(tmp_path / "c")
    seen = [digest(root, ContentMemory(tmp_path / "m"))]
    os.utime(root / "app", (1, 1))
    assert digest(root, ContentMemory(tmp_path / "m2")) == seen[0]
    (root / "app").write_text("two")
    seen.append(digest(root, ContentMemory(tmp_path / "m3")))
    (root / "app").chmod(0o755)
    seen.append(digest(root, ContentMemory(tmp_path / "m4")))
    (root / "app").rename(root / "app2")
    seen.append(digest(root, ContentMemory(tmp_path / "m5")))
    (root / "link").symlink_to("app2")
    seen.append(digest(root, ContentMemory(tmp_path / "m6")))
    (root / "link").unlink()
    (root / "link").symlink_to("app3")
    seen.append(digest(root, ContentMemory(tmp_path / "m7")))
    seen.append(digest(root, ContentMemory(tmp_path / "m8"), {"args": {"A": "1"}}))
    assert len(set(seen)) == len(seen)


def test_an_unchanged_file_is_not_read_again(tmp_path: Path) -> None:
    root = context(tmp_path / "c")
    first = digest(root, ContentMemory(tmp_path / "m"), after_ns=LATER_NS)
    memory = ContentMemory.load(tmp_path / "m")
    # What is remembered decides, so a wrong memory shows that the file was not read.
    memory.known["app"][-1] = "0" * 64
    assert digest(root, memory, after_ns=LATER_NS) != first
    assert digest(root, ContentMemory.load(tmp_path / "m"), after_ns=LATER_NS) == first


def test_a_change_within_one_tick_of_the_clock_is_seen(tmp_path: Path) -> None:
    root = context(tmp_path / "c")
    first = digest(root, ContentMemory(tmp_path / "m"))
    before = (root / "app").stat()
    memory = ContentMemory.load(tmp_path / "m")
    (root / "app").write_text("two")
    after = (root / "app").stat()
    # As if the clock had not moved on between the two writes.
    memory.known["app"][1:3] = [after.st_mtime_ns, after.st_ctime_ns]
    memory.seen_at_ns = after.st_ctime_ns
    assert before.st_size == after.st_size
    assert digest(root, memory) != first


def test_a_damaged_memory_is_an_empty_one(tmp_path: Path) -> None:
    (tmp_path / "m").write_text("{not json")
    assert ContentMemory.load(tmp_path / "m").known == {}


def test_what_can_not_be_remembered_leaves_nothing_behind(tmp_path: Path) -> None:
    root = context(tmp_path / "c")
    (tmp_path / "m").mkdir()
    assert digest(root, ContentMemory(tmp_path / "m")) == digest(root, ContentMemory(root / "app" / "m"))
    BuiltImages(root / "app").remember(("a",), "digest", "sha256:1")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["c", "m"]


def test_an_image_is_remembered_for_its_inputs_only(tmp_path: Path) -> None:
    built = BuiltImages(tmp_path / "builds")
    assert built.image_id(("a", "b"), "digest") == ""
    built.remember(("a", "b"), "digest", "sha256:1")
    assert built.image_id(("b", "a"), "digest") == "sha256:1"
    assert built.image_id(("a", "b"), "other") == ""
    assert built.image_id(("a",), "digest") == ""
