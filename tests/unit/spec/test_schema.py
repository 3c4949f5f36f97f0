"""The schema for editors: a valid one, that takes what is good and refuses nothing that check accepts."""

import json
import re
import tempfile
from pathlib import Path
from typing import Any

import yaml
from hypothesis import example, given, settings
from hypothesis import strategies as st
from jsonschema import Draft202012Validator

from boxship.errors import SpecError
from boxship.spec.appliance_keys import APPLIANCE
from boxship.spec.load import load
from boxship.spec.loaded import LoadOptions
from boxship.spec.rules import EXAMPLE, key_texts, rule_of
from boxship.spec.schema import appliance_schema
from boxship.spec.shape import Shape
from scripts.tracked import ROOT
from tests.unit.spec.conftest import Refuse

VALIDATOR = Draft202012Validator(appliance_schema())
COMPOSE = "services: {web: {build: .}, db: {image: 'db:1'}}\nvolumes: {data: {}}\n"


def test_it_is_a_schema() -> None:
    Draft202012Validator.check_schema(appliance_schema())


def test_it_takes_the_example_and_the_reference_appliance() -> None:
    for file in (EXAMPLE, ROOT / "examples/share/appliance.yaml"):
        VALIDATOR.validate(yaml.safe_load(file.read_text()))


def test_every_text_of_the_example_is_a_description() -> None:
    found = set(re.findall(r'"description": ("(?:[^"\\]|\\.)*")', json.dumps(appliance_schema())))
    assert {json.dumps(text) for text in key_texts().values()} <= found


def test_values_may_be_variables() -> None:
    VALIDATOR.validate({"boot": {"attempts": "${ATTEMPTS:-3}"}, "volumes": {"data": {"on_switch": "$POLICY"}}})


def test_typing_mistakes_are_refused() -> None:
    mistakes: tuple[dict[str, object], ...] = (
        {"boot": {"attemptz": 3}},
        {"boot": {"attempts": "few"}},
        {"targets": {"default": "web"}},
        {"vm": {}},
    )
    assert [mistake for mistake in mistakes if VALIDATOR.is_valid(mistake)] == []


SCALARS = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-(2**70), 2**70),
    st.floats(allow_nan=False, allow_infinity=False),
    st.sampled_from(
        ["web", "db", "data", "5", "yes", "1e3", "copy", "1.5", "$X", "${X:-3}", "5m", "x@sha256:0", "http://web/"]
    ),
    st.text(max_size=5),
)


def values_of(shape: Shape | None, depth: int = 3) -> st.SearchStrategy[Any]:
    """Values that are mostly of the shape, and sometimes of another."""
    if shape is None or depth == 0:
        return SCALARS
    forms: list[st.SearchStrategy[Any]] = [SCALARS]
    if shape.choices:
        forms.append(st.sampled_from(shape.choices))
    if shape.items is not None:
        forms.append(st.lists(values_of(shape.items, depth - 1), max_size=3))
    if shape.keys is not None:
        known = {key: values_of(inner, depth - 1) for key, inner in shape.keys.items()}
        forms.append(st.fixed_dictionaries({}, optional={**known, "x-mine": SCALARS, "vm": SCALARS, "odd": SCALARS}))
    if shape.values is not None:
        names = st.sampled_from(["web", "db", "data", "x-web", "default", "a.b"])
        forms.append(st.dictionaries(names, values_of(shape.values, depth - 1), max_size=3))
    return st.one_of(forms[::-1])


def refused(document: Any) -> bool:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "compose.yaml").write_text(COMPOSE)
        (folder / "appliance.yaml").write_text(json.dumps(document))
        try:
            load(LoadOptions(directory=folder))
        except SpecError:
            return True
    return False


@given(values_of(APPLIANCE))
@settings(max_examples=200)
@example({"boot": {"attempts": 3.0}})
@example({"host": {"needs": {"ram": 5, "cpus": "2"}}})
@example({"checks": {"web": {"http": {"url": "http://web/", "verify_tls": "On"}}}})
@example({"boot": None})
def test_what_the_schema_refuses_check_refuses(document: Any) -> None:
    if not VALIDATOR.is_valid(document):
        assert refused(document), document


def test_a_rule_is_found_for_names_with_dots_and_items_of_lists() -> None:
    assert rule_of("build.bases.share/base:12.packages[1]") == "Debian packages to install"
    assert rule_of("checks.a.b.tcp") == "a port that must accept a connection"
    assert rule_of("boot.attempts") == "how often a failed boot is tried, from 1 to 100; without it: 3"
    assert rule_of("targets.default[0]") == "what can be booted: the services to reach, dependencies follow"
    assert [rule_of(path) for path in ("boot.attemptz", "services.web", "")] == ["", "", ""]


def test_an_error_without_a_hint_of_its_own_tells_the_rule_of_its_key(refuse: Refuse) -> None:
    files = {"compose.yaml": COMPOSE, "appliance.yaml": "boot: {attempts: many, timeout: 0s}\nname: [x]\n"}
    hints = {problem.path: problem.hint for problem in refuse(files)}
    assert hints == {
        "boot.attempts": rule_of("boot.attempts"),
        "boot.timeout": "for example 30s",
        "name": rule_of("name"),
    }
