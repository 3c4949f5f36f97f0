import os
import time
from itertools import pairwise
from pathlib import Path

from boxship.build.contents import ContentMemory, context_digest
from boxship.build.context import find_context, open_source
from boxship.build.look import Look, take_look
from boxship.build.records import BuildRecord, BuiltImages, fingerprint
from boxship.spec.model import Build

LATER_NS = 10**10


def digest(root: Path, memory: ContentMemory, inputs: dict[str, object] | None = None, *, after_ns: int = 0) -> str:
    found = find_context(Build(root), "at")
    return fingerprint(context_digest(found, memory, "at", now_ns=time.time_ns() + after_ns), inputs or {})


def look(root: Path, *, after_ns: int = LATER_NS) -> Look:
    found = take_look(open_source(Build(root), "at"), time.time_ns() + after_ns)
    assert found is not None
    return found


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
    BuiltImages(root / "app").remember(("a",), BuildRecord("digest", "sha256:1"))
    assert sorted(path.name for path in tmp_path.iterdir()) == ["c", "m"]


def test_an_image_is_remembered_for_all_of_its_names(tmp_path: Path) -> None:
    built = BuiltImages(tmp_path / "builds")
    record = BuildRecord("digest", "sha256:1", "context", "look", {"version": "1"}, ("a warning",))
    assert built.record(("a", "b")) == BuildRecord()
    built.remember(("a", "b"), record)
    assert (built.record(("b", "a")), built.record(("a",))) == (record, BuildRecord())


def test_a_damaged_record_is_an_empty_one(tmp_path: Path) -> None:
    built = BuiltImages(tmp_path)
    for text in ("{", "[]", '{"image_id": 5}'):
        built.remember(("a",), BuildRecord("digest"))
        (path,) = tmp_path.glob("*.json")
        path.write_text(text)
        assert built.record(("a",)) == BuildRecord()


def test_a_look_sees_every_change_without_reading_a_file(tmp_path: Path) -> None:
    root = context(tmp_path / "c")
    (root / "src").mkdir()
    seen = [look(root)]
    (root / "app").write_text("three")
    seen.append(look(root))
    (root / "src" / "new").write_text("")
    seen.append(look(root))
    (root / "src" / "new").chmod(0o755)
    seen.append(look(root))
    (root / "src" / "new").rename(root / "src" / "newer")
    seen.append(look(root))
    (root / "src" / "newer").unlink()
    seen.append(look(root))
    (root / "src").chmod(0o700)
    seen.append(look(root))
    (root / ".dockerignore").write_text("src\n")
    seen.append(look(root))
    assert [one for one, other in pairwise(seen) if one == other] == []


def test_a_look_does_not_see_what_is_ignored_and_what_comes_and_goes(tmp_path: Path) -> None:
    root = context(tmp_path / "c")
    (root / ".dockerignore").write_text("*.log\nnode_modules\n!node_modules/kept\n")
    (root / "node_modules").mkdir()
    first = look(root)
    (root / "new.log").write_text("")
    (root / "node_modules" / "other").write_text("")
    (root / "swap").write_text("")
    (root / "swap").unlink()
    assert look(root) == first
    (root / "node_modules" / "kept").write_text("")
    assert look(root) != first


def test_a_look_as_young_as_a_file_vouches_for_nothing(tmp_path: Path) -> None:
    root = context(tmp_path / "c")
    young, old = look(root, after_ns=0), look(root)
    assert (young.digest, young.is_sure, old.is_sure) == (old.digest, False, True)
    record = BuildRecord(context="found", look="")
    assert record.vouched(old) == ""
    assert BuildRecord(context="found", look=old.digest).vouched(old) == "found"


def test_a_time_in_the_future_does_not_make_a_file_young_for_ever(tmp_path: Path) -> None:
    root = context(tmp_path / "c")
    os.utime(root / "app", (4_000_000_000, 4_000_000_000))
    assert look(root).is_sure


def test_a_clock_of_whole_seconds_needs_more_than_a_second(tmp_path: Path) -> None:
    root = context(tmp_path / "c")
    # Times to come don't count, so this one stands for a file system that keeps no fractions.
    whole_s = int(time.time()) + 5
    for path in (root / "app", root / "Dockerfile"):
        os.utime(path, (whole_s, whole_s))
    source = open_source(Build(root), "at")
    looks = [take_look(source, whole_s * 10**9 + after_ns) for after_ns in (10**9, 3 * 10**9)]
    assert [each.is_sure for each in looks if each] == [False, True]


def test_what_cannot_be_looked_at_is_left_to_whoever_reads_it(tmp_path: Path) -> None:
    source = open_source(Build(context(tmp_path / "c")), "at")
    (tmp_path / "c").rename(tmp_path / "d")
    assert take_look(source, time.time_ns()) is None
