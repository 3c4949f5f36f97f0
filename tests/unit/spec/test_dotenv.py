import pytest
from hypothesis import given
from hypothesis import strategies as st

from boxship.spec.dotenv import parse_dotenv, parse_raw
from boxship.spec.report import Report
from tests.unit.spec.conftest import Read, Refuse


def parse(text: str, shell: dict[str, str] | None = None) -> dict[str, str | None]:
    report = Report()
    found = parse_dotenv(text, ".env", shell or {}, {}, report)
    assert report.errors == []
    return found


@pytest.mark.parametrize(
    ("line", "value"),
    [
        ("K=plain", "plain"), ("K = spaced  ", "spaced"), ("export K=v", "v"), ("K: v", "v"), ("K=", ""),
        ("K=a#b", "a#b"), ("K=a # comment", "a"), ("K=a=b", "a=b"), ("K=it's", "it's"), ("K=a\\nb", "a\\nb"),
        ('K="a # b"', "a # b"), ('K="a\\nb\\t\\"c\\""', 'a\nb\t"c"'), ('K="x" # comment', "x"), ('K="\\$S"', "$S"),
        ("K='raw ${S} # \\n'", "raw ${S} # \\n"), ("K='it\\'s'", "it's"),
        ("K=$S-${S}-${NONE:-d}", "shell-shell-d"), ('K="<$S>"', "<shell>"), ("K=$$S", "$S"),
        ("  K=v", "v"), ("\n# note\n\nK=v\n", "v"), ("K=v\r\n", "v"), ("a.b-c[0]=1\nK=v", "v"),
        ('K="one\ntwo"', "one\ntwo"), ("K='one\n\ntwo'\nL=1", "one\n\ntwo"),
    ],
)  # fmt: skip
def test_every_form_of_a_line(line: str, value: str) -> None:
    assert parse(line, {"S": "shell"})["K"] == value


def test_a_bare_key_asks_the_shell() -> None:
    assert parse("A\nB\nexport C\n", {"A": "1", "C": "3"}) == {"A": "1", "B": None, "C": "3"}


def test_a_reference_takes_the_shell_before_the_lines_above() -> None:
    assert parse("A=file\nB=${A}", {"A": "shell"}) == {"A": "file", "B": "shell"}
    assert parse("A=file\nB=${A}") == {"A": "file", "B": "file"}


@pytest.mark.parametrize(
    ("text", "line"),
    [("A=1\nNO GOOD\n", 2), ("A=1\nB='open\nC=2", 2), ("A*=1", 1), ("\n\nA=${B", 3), ("A=${B:?give b}", 1)],
)
def test_a_bad_line_is_reported_with_its_number(text: str, line: int) -> None:
    report = Report()
    parse_dotenv(text, ".env", {}, {}, report)
    (problem,) = report.errors
    assert (problem.where.file, problem.where.line) == (".env", line)


def test_raw_keeps_quotes_and_dollars() -> None:
    assert parse_raw('A="q"\nB=$X # y\n# C=1\nnothing\n') == {"A": '"q"', "B": "$X # y"}


@given(st.text(alphabet="AB=:#'\"\\$ {}\n\t\rexport", max_size=60))
def test_any_text_parses_or_is_reported(text: str) -> None:
    report = Report()
    found = parse_dotenv(text, ".env", {}, {}, report)
    assert all("=" not in key for key in found)


FILES = {
    "compose.yaml": """
        services:
          a:
            image: "shop/a:${TAG:-none}"
            env_file: [one.env, {path: two.env, required: true}, {path: gone.env, required: false}]
            environment: {OWN: own, C: "${C:-unseen}", FROM_SHELL: , NOWHERE: }
        """,
    "one.env": "A=1\nB=1\nOWN=file\nTAG=file\n",
    "two.env": "B=2\nC=${A}${B}x\n",
}


def test_env_files_feed_the_container_in_order_and_never_the_file_itself(read: Read) -> None:
    service = read(FILES, env={"FROM_SHELL": "s", "B": "shell"}).appliance.services["a"]
    assert service.image == "shop/a:none"
    assert service.environment == {
        "A": "1", "B": "2", "OWN": "own", "TAG": "file", "C": "unseen", "FROM_SHELL": "s",
    }  # fmt: skip
    assert service.unset_environment == ("NOWHERE",)


def test_a_later_env_file_may_refer_to_an_earlier_one(read: Read) -> None:
    files = {**FILES, "compose.yaml": "services: {a: {image: 'a:1', env_file: [one.env, two.env]}}"}
    assert read(files).appliance.services["a"].environment["C"] == "12x"


def test_dot_env_feeds_the_file_below_the_shell(read: Read) -> None:
    files = {"compose.yaml": "services: {a: {image: 'a:$A-$B', environment: [B]}}", ".env": "A=file\nB=file\n"}
    service = read(files, env={"A": "shell"}).appliance.services["a"]
    assert (service.image, service.environment) == ("a:shell-file", {"B": "file"})


def test_named_env_files_replace_dot_env_and_the_later_wins(read: Read) -> None:
    files = {
        "compose.yaml": "services: {a: {image: 'a:${A:-none}-${B:-none}-${C:-none}'}}",
        ".env": "A=dot\nB=dot\nC=dot\n",
        "one.env": "A=1\nB=1\n",
        "two.env": "B=${A}2\n",
    }
    read_with = read(files, env={"COMPOSE_ENV_FILES": "one.env,two.env"})
    assert read_with.appliance.services["a"].image == "a:1-12-none"


def test_a_missing_env_file_is_refused_where_it_is_named(refuse: Refuse) -> None:
    (problem,) = refuse("services:\n  a:\n    image: a:1\n    env_file:\n      - gone.env\n")
    assert (str(problem.where), problem.path) == ("compose.yaml:5:9", "services.a.env_file[0]")
    assert "'gone.env' does not exist" in problem.reason
    assert "required: false" in problem.hint


def test_a_bad_line_of_an_env_file_is_reported_once_however_many_services_use_it(refuse: Refuse) -> None:
    services = "".join(f"  s{n}: {{image: 's:1', env_file: bad.env}}\n" for n in range(3))
    (problem,) = refuse({"compose.yaml": "services:\n" + services, "bad.env": "OK=1\nNOT OK\n"})
    assert str(problem.where) == "bad.env:2:1"
