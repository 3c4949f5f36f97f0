"""How far the engine is with an image, whatever it says in whatever order."""

from hypothesis import given
from hypothesis import strategies as st

from boxship.bundle.unpacking import Taken
from boxship.state.operation import Unpacking

LAYERS = {f"sha256:{letter * 64}": size for letter, size in (("a", 100), ("b", 3000), ("c", 1))}
SAID = st.tuples(
    st.sampled_from(["a" * 12, "b" * 12, "c" * 12, "d" * 12, ""]), st.integers(-5, 5000), st.floats(0, 1e6)
)


@given(st.lists(SAID))
def test_it_never_goes_back_nor_beyond_the_total_and_the_total_stays(said: list[tuple[str, int, float]]) -> None:
    taken = Taken.of(LAYERS)
    for layer, size_bytes, took_s in said:
        before, taken = taken.unpacking, taken.got(layer, size_bytes).after(took_s)
        now = taken.unpacking
        assert 0 <= before.done_bytes <= now.done_bytes <= now.total_bytes == 3101
        assert 0 <= before.done_layers <= now.done_layers <= now.total_layers == 3
        assert before.took_s <= now.took_s


def test_a_layer_is_done_with_its_last_byte() -> None:
    half = Taken.of(LAYERS).got("a" * 12, 100).got("b" * 12, 2999)
    assert half.unpacking == Unpacking(1, 3, 3099, 3101)
    assert half.got("b" * 12, 3000).unpacking.done_layers == 2


def test_what_the_engine_does_not_say_is_left_out_of_the_text() -> None:
    assert Taken.of(LAYERS).after(12.7).unpacking.text == "unpacking: 0 of 3 layers, for 12s"
    said = Taken.of({"sha256:" + "a" * 64: 4 * 1024**2}).got("a" * 12, 1024**2).after(2)
    assert said.unpacking.text == "unpacking: 0 of 1 layers, 1 MiB of 4 MiB, for 2s"
