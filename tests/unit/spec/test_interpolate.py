from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from boxship.spec.interpolate import SubstitutionError, substitute
from tests.unit.spec.conftest import Read, Refuse

VALUES = {"SET": "full", "EMPTY": "", "_1": "under"}


def resolve(template: str) -> str:
    return substitute(template, VALUES.get, lambda name: None)


@pytest.mark.parametrize(
    ("template", "text"),
    [
        ("$SET-${SET}x", "full-fullx"), ("$SETx", ""), ("${_1}", "under"), ("$NONE|", "|"),
        ("${EMPTY:-d}", "d"), ("${EMPTY-d}", ""), ("${NONE-d}", "d"), ("${SET:-d}", "full"), ("${NONE:-}", ""),
        ("${SET:+alt}", "alt"), ("${EMPTY:+alt}", ""), ("${EMPTY+alt}", "alt"), ("${NONE+alt}", ""),
        ("${SET:?why}", "full"), ("${EMPTY?why}", ""),
        ("${NONE:-${EMPTY:-${SET}}}", "full"), ("${NONE:-a${SET}b}", "afullb"), ("${SET:+<${SET}>}", "<full>"),
        ('${NONE:-{"k": {"l": 1}}}', '{"k": {"l": 1}}'), ("${NONE:-a:b-c?d+e}", "a:b-c?d+e"),
        ("$$SET", "$SET"), ("$$$SET", "$full"), ("${NONE:-$$x}", "$x"),
        ("5$", "5$"), ("$ x", "$ x"), ("$1", "$1"), ("$-", "$-"),
    ],
)  # fmt: skip
def test_all_operators(template: str, text: str) -> None:
    assert resolve(template) == text


@pytest.mark.parametrize("template", ["${", "${SET", "${}", "${1A}", "${A B}", "${A:}", "${A:=x}", "${A:-${B}", "${-}"])
def test_a_bad_form_is_refused(template: str) -> None:
    with pytest.raises(SubstitutionError):
        resolve(template)


@pytest.mark.parametrize(
    ("template", "says"),
    [("${NONE:?say so}", "NONE is required but not set: say so"), ("${EMPTY:?}", "EMPTY is required but empty"),
     ("${NONE?ask ${SET}}", "ask full")],
)  # fmt: skip
def test_a_missing_required_variable_says_why(template: str, says: str) -> None:
    with pytest.raises(SubstitutionError, match=says):
        resolve(template)


def test_only_the_branch_that_is_used_is_looked_at() -> None:
    missing: list[str] = []
    assert substitute("${SET:-${NONE}}${NONE:-${OTHER}}", VALUES.get, missing.append) == "full"
    assert missing == ["OTHER"]


def test_nesting_is_bounded() -> None:
    with pytest.raises(SubstitutionError, match="levels deep"):
        resolve("${A:-" * 5000 + "}" * 5000)


def test_values_that_double_are_bounded() -> None:
    values = {"A": "x" * 1000}
    for _ in range(9):
        values = {"A": substitute("$A$A", values.get, print)}
    with pytest.raises(SubstitutionError, match="longer than 1,000,000"):
        substitute("$A$A$A", values.get, print)


def test_a_very_long_value_holds_no_variables() -> None:
    assert substitute("x" * 2_000_000, VALUES.get, print) == "x" * 2_000_000
    with pytest.raises(SubstitutionError, match="more than 1,000,000"):
        substitute("x" * 2_000_000 + "$A", VALUES.get, print)


def test_the_values_of_a_file_are_bounded_together(refuse: Refuse) -> None:
    said = refuse("services: {a: {image: 'a:1', command: [" + "x$A, " * 3000 + "]}}", env={"A": "a" * 10_000})
    assert any("longer than 10,000,000" in str(problem) for problem in said)


@given(st.text("${}:-?+AS_1 ", max_size=40))
def test_any_text_resolves_or_is_refused(template: str) -> None:
    with suppress(SubstitutionError):
        assert isinstance(resolve(template), str)


def test_values_are_substituted_and_keys_are_not(read: Read) -> None:
    loaded = read(
        """
        services:
          a:
            image: "shop/a:${TAG}"
            environment: ["${TAG}_X=$TAG"]
            labels: {"$TAG": "$TAG"}
        """,
        env={"TAG": "9"},
    )
    service = loaded.appliance.services["a"]
    assert (service.image, service.environment, service.labels) == ("shop/a:9", {"9_X": "9"}, {"$TAG": "9"})


def test_variables_are_found_wherever_they_stand(read: Read) -> None:
    loaded = read(
        """
        x-plain: &plain {TAG: "1"}
        x-tag: &tag $TAG
        x-tags: &tags {T: !!str $TAG}
        services:
          a: {image: "shop/a:1", environment: *tags, labels: {<<: *tags}, command: [run, *tag]}
          b: {image: "shop/b:1", environment: *plain, labels: {<<: [*plain, *tags]}, command: [run, $TAG]}
        """,
        env={"TAG": "9"},
    )
    a, b = loaded.appliance.services.values()
    assert (a.environment, a.labels, a.command) == ({"T": "9"}, {"T": "9"}, ("run", "9"))
    assert (b.environment, b.labels, b.command) == ({"TAG": "1"}, {"TAG": "1", "T": "9"}, ("run", "9"))


def test_an_unset_variable_is_warned_about_with_its_name_and_place(read: Read) -> None:
    (warning,) = read("services:\n  a:\n    image: shop/a:1\n    hostname: x$WHO\n").warnings
    assert (str(warning.where), warning.path) == ("compose.yaml:4:15", "services.a.hostname")
    assert "WHO is not set" in warning.reason


def test_a_shared_anchor_is_warned_about_once(read: Read) -> None:
    shared = "x-e: &e {K: $WHO}\nservices:\n"
    services = "".join(f"  s{n}: {{image: 'shop/s:1', environment: *e}}\n" for n in range(5))
    assert len(read(shared + services).warnings) == 1


def test_each_file_is_substituted_by_itself_before_merging(read: Read) -> None:
    loaded = read(
        {
            "compose.yaml": "services: {a: {image: 'shop/a:${T:-base}', hostname: '${T:-base}'}}",
            "over.yaml": "services: {a: {image: 'shop/a:${T:-over}'}}",
        },
        f=("compose.yaml", "over.yaml"),
    )
    service = loaded.appliance.services["a"]
    assert (service.image, service.hostname) == ("shop/a:over", "base")


def test_variables_become_numbers_and_truth_values_where_those_are_wanted(read: Read) -> None:
    text = """
        services:
          a:
            image: shop/a:1
            tty: ${YES}
            init: "${NO}"
            pids_limit: ${N}
            cpus: "${N}.5"
        """
    service = read(text, env={"YES": "on", "NO": "False", "N": "12"}).appliance.services["a"]
    assert (service.tty, service.init, service.pids_limit, service.cpus) == (True, False, 12, 12.5)


def test_a_value_made_from_an_unset_variable_is_refused_with_its_name(refuse: Refuse) -> None:
    (problem,) = refuse("services: {a: {image: 'shop/a:1', cpus: '${CORES}', volumes: []}}")
    assert "must be a number" in problem.reason
    assert problem.hint == "CORES is not set"
    (problem,) = refuse("services: {a: {image: 'shop/a:1', volumes: ['${WHERE}:/data']}}")
    assert "empty source" in problem.reason
    assert problem.hint == "WHERE is not set"


def test_every_bad_template_of_a_file_is_reported(refuse: Refuse) -> None:
    problems = refuse("services:\n  a:\n    image: '${A'\n    hostname: '${B:?b}'\n    user: '${C D}'\n")
    assert [problem.where.line for problem in problems] == [3, 4, 5]
    assert [problem.path for problem in problems] == ["services.a.image", "services.a.hostname", "services.a.user"]
