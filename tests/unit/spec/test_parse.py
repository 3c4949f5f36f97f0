import pytest

from boxship.spec.parse import parse_yaml
from boxship.spec.report import Report
from boxship.spec.tree import Items, Node, Scalar, Table, Tag
from boxship.where import Problem, Where
from tests.unit.steps import steps_of


def parse(text: str) -> Table:
    report = Report()
    documents = parse_yaml(text, "f.yaml", report)
    assert report.errors == []
    return documents[0]


def problems_of(text: str) -> list[Problem]:
    report = Report()
    parse_yaml(text, "f.yaml", report)
    return report.errors


def plain(node: Node) -> object:
    match node:
        case Scalar():
            return node.value
        case Items():
            return [plain(item) for item in node.items]
        case Table():
            return {key: plain(value) for key, value in node.entries.items()}


def test_every_value_and_key_knows_its_line_and_column() -> None:
    tree = parse("a:\n  - x\n  - {k: 5}\n")
    assert tree.keys["a"] == Where("f.yaml", 1, 1)
    items = tree.entries["a"]
    assert isinstance(items, Items)
    assert items.items[0].where == Where("f.yaml", 2, 5)
    table = items.items[1]
    assert isinstance(table, Table)
    assert (table.keys["k"], table.entries["k"].where) == (Where("f.yaml", 3, 6), Where("f.yaml", 3, 9))


def test_quotes_and_tags_keep_text_as_text() -> None:
    tree = parse("a: '1'\nb: \"true\"\nc: !!str 7\nd: !!int '8'\ne: |\n  no\n")
    assert plain(tree) == {"a": "1", "b": "true", "c": "7", "d": 8, "e": "no\n"}


def test_a_key_that_is_written_twice_is_refused_with_both_lines() -> None:
    problem = problems_of("services:\n  web:\n    image: a\n    ports: []\n    image: b\n")[0]
    assert problem.where == Where("f.yaml", 5, 5)
    assert "'image' is already defined in line 3" in problem.reason


def test_merge_keys_fill_in_behind_own_keys_and_the_first_of_a_list_wins() -> None:
    tree = parse("x: &x {k: x, only: x}\ny: &y {k: y, more: y}\nz: {k: own, <<: [*x, *y]}\nw: {<<: [*y, *x]}\n")
    entries = plain(tree)
    assert isinstance(entries, dict)
    assert entries["z"] == {"k": "own", "only": "x", "more": "y"}
    assert entries["w"] == {"k": "y", "only": "x", "more": "y"}


def test_a_quoted_merge_key_is_an_ordinary_key() -> None:
    assert plain(parse("a: {'<<': 1}")) == {"a": {"<<": 1}}


def test_tags_of_the_override_file_are_kept() -> None:
    tree = parse("a: !reset null\nb: !override [x]\nc: !reset {}\n")
    assert [node.tag for node in tree.entries.values()] == [Tag.RESET, Tag.OVERRIDE, Tag.RESET]
    assert plain(tree) == {"a": None, "b": ["x"], "c": {}}


def test_several_documents_are_several_trees_and_empty_ones_are_none() -> None:
    assert [plain(tree) for tree in parse_yaml("---\na: 1\n---\n---\nb: 2\n", "f", Report())] == [{"a": 1}, {"b": 2}]


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("a: [1", "not valid YAML"),
        ("a:\n\tb: 1", "not valid YAML"),
        ("- a", "must be a mapping"),
        ("text", "must be a mapping"),
        ("5: x", "the key 5 is not text"),
        ("~: x", "the key ~ is not text"),
        ("? [a]\n: x", "a key must be text"),
        ("a: *ghost", "no anchor &ghost"),
        ("a: &a [*a]", "contains itself"),
        ("a: {<<: 7}", "'<<' takes a mapping"),
        ("a: !wat 1", "unknown YAML tag"),
        ("a: \x07", "not valid YAML"),
    ],
)
def test_what_is_no_tree_is_refused_in_one_sentence(text: str, says: str) -> None:
    (problem,) = problems_of(text)
    assert says in problem.reason


@pytest.mark.parametrize(
    "text",
    [
        "[" * 50_000,
        "{a: " * 50_000,
        "\n".join(" " * depth + "a:" for depth in range(500)),
        "a0: &a0 [x, x, x, x, x, x, x, x, x]\n"
        + "".join(f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 9)}]\n" for n in range(1, 30)),
        "a0: &a0 {k: [x, x]}\n" + "".join(f"a{n}: &a{n} {{l: *a{n - 1}, m: *a{n - 1}}}\n" for n in range(1, 60)),
    ],
    ids=["flow lists", "flow mappings", "block mappings", "billion laughs", "laughing mappings"],
)
def test_bombs_are_refused_at_once(text: str) -> None:
    problems: list[Problem] = []
    steps = steps_of(lambda: problems.extend(problems_of(text)))
    (problem,) = problems
    assert "nested more than" in problem.reason or "once aliases are expanded" in problem.reason
    assert steps < 5000
