"""Whatever a crane file holds, reading it ends with an appliance or with sentences."""

import json
from pathlib import Path

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from boxship.errors import SpecError
from boxship.spec.crane.keys import DOCUMENT, RUN, SECTIONS
from boxship.spec.load import load
from boxship.spec.loaded import LoadOptions
from boxship.where import Problem

PLAIN = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-5, 70000),
    st.sampled_from(
        ["", "web", "db:x", "container:web", "${X}", "$X/y:/z", "/a:/b:ro", "a=b", "x'", "80:80", "host", ":", "$"]
    ),
)
VALUE = st.recursive(
    PLAIN,
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from(["web", "db", "ip", "A", "$X"]), inner, max_size=3)
    ),
    max_leaves=6,
)
RUNNING = st.dictionaries(st.sampled_from(sorted(RUN)), VALUE, max_size=5)
CONTAINER = st.one_of(
    VALUE,
    RUNNING,
    st.fixed_dictionaries(
        {"image": PLAIN},
        optional={"run": RUNNING | VALUE, "build": VALUE, "dockerfile": VALUE, "name": PLAIN, "requires": VALUE}
        | dict.fromkeys(SECTIONS, VALUE),
    ),
)
CONTAINERS = st.dictionaries(st.sampled_from(["web", "db", "$X", "loader"]), CONTAINER, max_size=3)
FILE = st.fixed_dictionaries(
    {},
    optional={key: VALUE for key in DOCUMENT.keys or () if key not in {"containers", "services"}}
    | {"containers": CONTAINERS | st.lists(CONTAINER, max_size=3) | VALUE, "services": CONTAINERS | VALUE},
)


@settings(
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow], deadline=None, max_examples=60
)
@given(files=st.lists(FILE, min_size=1, max_size=2), lax=st.booleans())
def test_any_crane_file_is_read_or_refused_in_sentences(
    tmp_path: Path, files: list[dict[str, object]], lax: bool
) -> None:
    names = []
    for number, file in enumerate(files):
        names.append(Path(f"{number}.crane.json"))
        (tmp_path / names[-1]).write_text(json.dumps(file))
    problems: tuple[Problem, ...] = ()
    try:
        problems = load(LoadOptions(files=tuple(names), directory=tmp_path, environ={"X": "x"}, lax=lax)).warnings
    except SpecError as error:
        problems = error.problems
    for problem in problems:
        assert problem.reason
        assert problem.where.file
