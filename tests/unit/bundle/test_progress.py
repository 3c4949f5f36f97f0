"""How far a pull is, whatever comes in whatever order."""

from hypothesis import given
from hypothesis import strategies as st

from boxship.bundle.progress import Tally
from boxship.registry.port import Blob

BLOBS = {name: Blob("web", name, size) for name, size in (("a", 10), ("b", 200), ("c", 0), ("d", 3000))}
EVENTS = st.one_of(
    st.tuples(st.just("got"), st.sampled_from([*BLOBS, "unknown"]), st.integers(-5, 5000)),
    st.tuples(st.just("have"), st.sampled_from([*BLOBS, "unknown"]), st.just(0)),
    st.tuples(st.just("finished"), st.sampled_from([*BLOBS, "unknown"]), st.just(0)),
    st.tuples(st.just("began"), st.just("an item"), st.just(0)),
)


def after(tally: Tally, event: tuple[str, str, int]) -> Tally:
    match event:
        case ("got", name, size):
            return tally.got(name, size)
        case ("have", name, _):
            return tally.have([name])
        case ("finished", name, _):
            return tally.finished([name])
        case (_, name, _):
            return tally.began(name)


@given(st.lists(EVENTS))
def test_it_never_goes_back_nor_beyond_the_total_and_the_total_stays(events: list[tuple[str, str, int]]) -> None:
    tally = Tally.of(BLOBS.values(), 3)
    for event in events:
        before, tally = tally.progress, after(tally, event)
        now = tally.progress
        assert 0 <= before.done_bytes <= now.done_bytes <= now.total_bytes == 3210
        assert 0 <= before.done_items <= now.done_items <= now.total_items == 3


def test_a_layer_that_two_images_share_is_counted_once() -> None:
    tally = Tally.of([Blob("web", "a", 10), Blob("db", "a", 10), Blob("db", "b", 5)], 2)
    assert tally.progress.total_bytes == 15
    assert tally.got("a", 10).progress.done_bytes == 10


def test_what_the_engine_has_counts_as_done_from_the_start() -> None:
    progress = Tally.of(BLOBS.values(), 1).have(["b", "c"]).progress
    assert (progress.done_bytes, progress.total_bytes) == (200, 3210)


def test_a_layer_that_is_fetched_anew_keeps_its_bytes_until_it_is_further() -> None:
    tally = Tally.of(BLOBS.values(), 1).got("b", 150)
    assert tally.got("b", 20).progress.done_bytes == 150
    assert tally.got("b", 20).got("b", 180).progress.done_bytes == 180


def test_the_item_at_work_is_told() -> None:
    assert Tally.of([], 1).began("web").progress.item == "web"
