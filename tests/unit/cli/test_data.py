import json

from hypothesis import example, given
from hypothesis import strategies as st

from boxship.cli.render.data import indented

PLAIN = st.none() | st.booleans() | st.integers() | st.floats() | st.text(st.characters())
DATA = st.recursive(PLAIN, lambda inner: st.lists(inner) | st.dictionaries(st.text(st.characters()), inner))


@given(DATA)
@example([[], {}, {"a": []}, [{}]])
@example({"a": '\x00\x1f\x7f\u2028"\\/'})
@example([float("nan"), float("inf")])
@example("\udc80")
@example([10**400, 1e300, 5e-324, -0.0])
def test_indented_data_is_what_json_writes(data: object) -> None:
    assert indented(data) == json.dumps(data, indent=2, ensure_ascii=False)
