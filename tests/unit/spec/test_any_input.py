"""Whatever the files hold, reading ends with an appliance or with problems that have a place and a sentence."""

import json
import tempfile
from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st

from boxship.errors import SpecError
from boxship.spec.compose_keys import COMPOSE
from boxship.spec.load import load
from boxship.spec.loaded import Loaded, LoadOptions
from boxship.spec.render import to_compose, to_json
from boxship.spec.shape import Shape

VALID = """\
x-env: &env {A: "${A:-1}", B: }
services:
  web:
    image: "shop/web:${TAG:-1}"
    build: {context: ., args: [X=1]}
    ports: ["80:80", {target: 81, published: "81"}]
    volumes: [data:/d, ./x:/x:ro, {type: tmpfs, target: /t}]
    environment: {<<: *env}
    depends_on: {db: {condition: service_healthy}}
    healthcheck: {test: x, interval: 5s}
    networks: {back: {aliases: [w]}}
    deploy: {replicas: 2}
  db: {image: "db:1", command: serve 'a b', ulimits: {nofile: 5}, profiles: [p]}
networks: {back: {ipam: {config: [{subnet: 10.0.0.0/24}]}}}
volumes: {data: }
"""
APPLIANCE = """\
name: shop
targets: {default: [web]}
checks: {web: {http: "http://web/"}, db: {exec: [x]}}
boot: {timeout: 5m, fallback: default}
volumes: {data: {on_switch: copy}}
build: {bases: {"b:1": {suite: s}}, wheels: {web: {requirements: r}}}
"""
PIECES = [
    "!reset ",
    "!override ",
    "${",
    "}",
    "$X",
    "*env",
    "&env ",
    "<<: ",
    "null",
    "[",
    "]",
    "{",
    "}",
    ": ",
    "- ",
    "'",
    '"',
    "\n",
    "  ",
    "\t",
    "~",
    "-1",
    ".inf",
    ".nan",
    "1e999",
    "0x",
    "true",
    "services",
    "web",
    "9" * 30,
    "\0",
    "é",
    "---\n",
    "|",
    "extends: x",
    "extends: db",
    "include: [compose.yaml]\n",
    "http://",
    "%",
    "@",
    "\\",
]


def attempt(files: dict[str, bytes], *, lax: bool) -> Loaded | None:
    with tempfile.TemporaryDirectory() as directory:
        for name, content in files.items():
            (Path(directory) / name).write_bytes(content)
        try:
            loaded = load(LoadOptions(directory=Path(directory), environ={"X": "x"}, lax=lax))
        except SpecError as err:
            check_problems(err)
            return None
        to_compose(loaded)
        to_json(loaded.appliance)
        return loaded


def check_problems(err: SpecError) -> None:
    assert err.problems
    assert all(problem.reason and problem.where.file for problem in err.problems)


@st.composite
def mutated(draw: st.DrawFn, text: str) -> bytes:
    """The text with a few pieces cut out or put in."""
    for _ in range(draw(st.integers(1, 4))):
        start = draw(st.integers(0, len(text)))
        end = min(len(text), start + draw(st.integers(0, 12)))
        text = text[:start] + draw(st.sampled_from(["", *PIECES])) + text[end:]
    return text.encode()


class _Some:
    """Mappings with some chosen keys of a shape."""

    def __init__(self, shape: Shape, depth: int) -> None:
        self.keys = dict(shape.keys or {})
        self.depth = depth

    def __call__(self, chosen: list[str]) -> st.SearchStrategy[object]:
        return st.fixed_dictionaries({key: value_for(self.keys[key], self.depth + 1) for key in chosen})


def value_for(shape: Shape, depth: int = 0) -> st.SearchStrategy[object]:
    """Values of a shape's forms, with wrong ones among them."""
    scalars = st.sampled_from(
        [None, True, -1, 0, 80, 1.5, "", "a", "a:b", "80:80", "5s", "1g", "x=y", "/a:/b", "service:a", "${X}"]
    )
    options: list[st.SearchStrategy[object]] = [scalars]
    if depth < 5 and shape.items is not None:
        options.append(st.lists(value_for(shape.items, depth + 1), max_size=2))
    if depth < 5 and shape.values is not None:
        options.append(
            st.dictionaries(st.sampled_from(["a", "b", "default"]), value_for(shape.values, depth + 1), max_size=2)
        )
    if depth < 5 and shape.keys is not None:
        options.append(
            st.lists(st.sampled_from(sorted(shape.keys)), max_size=4, unique=True).flatmap(_Some(shape, depth))
        )
    return st.one_of(options)


@settings(max_examples=60)
@given(st.binary(max_size=200) | st.text(max_size=200).map(lambda text: text.encode("utf-8", "replace")), st.booleans())
def test_arbitrary_bytes(content: bytes, lax: bool) -> None:
    attempt({"compose.yaml": content, ".env": content}, lax=lax)


@settings(max_examples=150)
@given(mutated(VALID), st.booleans())
def test_damaged_compose_files(content: bytes, lax: bool) -> None:
    attempt({"compose.yaml": content}, lax=lax)


@settings(max_examples=80)
@given(mutated(APPLIANCE))
def test_damaged_appliance_files(content: bytes) -> None:
    attempt({"compose.yaml": VALID.encode(), "appliance.yaml": content}, lax=True)


@settings(max_examples=100)
@given(value_for(COMPOSE), value_for(COMPOSE))
def test_any_values_at_any_key_of_two_files(base: object, over: object) -> None:
    attempt({"compose.yaml": repr_yaml(base), "compose.override.yaml": repr_yaml(over)}, lax=False)


def repr_yaml(value: object) -> bytes:
    return json.dumps(value).encode()


def test_the_undamaged_files_are_read() -> None:
    assert attempt({"compose.yaml": VALID.encode(), "appliance.yaml": APPLIANCE.encode()}, lax=True) is not None
