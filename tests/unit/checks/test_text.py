"""Foreign text: harmless, short, and without what the appliance keeps secret."""

import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from boxship.checks.codes import CODES, suggestion_for
from boxship.checks.text import SHOWN_CHARS, Redactor, one_line, redactor_for
from boxship.spec.model_files import Hidden, SharedFile
from scripts.tracked import ROOT
from tests.unit.plan.given import desired, service


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("plain", "plain"),
        ("two\n lines\t", "two lines"),
        ("\x1b[31mred\x1b[0m\x07", "red"),
        ("\x1b]0;title\x07x", "0;title x"),
        ("right\u202eleft\u200b", "right left"),
        ("x" * 1000, "x" * 297 + "..."),
    ],
)
def test_foreign_text_becomes_one_harmless_line(text: str, shown: str) -> None:
    assert one_line(text) == shown


@given(st.text())
def test_whatever_is_said_fits_and_is_printable(text: str) -> None:
    shown = one_line(text)
    assert len(shown) <= SHOWN_CHARS
    assert "\x1b" not in shown
    assert "\n" not in shown


def test_a_longer_secret_is_hidden_as_a_whole() -> None:
    assert Redactor(["pass", "password", "abc"]).clean("my password, abc") == "my ****, abc"


def test_a_secret_is_hidden_before_the_text_is_cut() -> None:
    assert "seasam" not in Redactor(["seasame-open"]).shown("x" * 295 + "seasame-open")


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("it answered open-ses", "it answered ****"),
        ("it answered open-sesam..., which isn't HTTP", "it answered ****..., which isn't HTTP"),
        ("e-now is wrong", "e-now is wrong"),
        ("sesame-now is wrong", "**** is wrong"),
        ("open", "open"),
    ],
)
def test_half_a_secret_is_hidden_where_a_text_was_cut(text: str, shown: str) -> None:
    assert Redactor(["open-sesame-now"]).clean(text) == shown


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("postgres://share:hunter2@db/x", "postgres://share:****@db/x"),
        (
            "postgres://share:a/b:c@db:5432/x and redis://:p@cache",
            "postgres://share:****@db:5432/x and redis://:****@cache",
        ),
        ("http://web:8000/a@b is no login", "http://web:8000/a@b is no login"),
        ("see https://example.com/x", "see https://example.com/x"),
    ],
)
def test_the_password_of_any_url_is_hidden(text: str, shown: str) -> None:
    assert Redactor().clean(text) == shown


def test_secrets_are_found_in_the_midst_of_a_value_and_known_in_every_form() -> None:
    environment = {"DATABASE_URL": "postgres://share:s3cr%2Fet@db", "DSN": "host=db password='in-a-dsn' user=x"}
    wanted = desired(service("web", environment=environment, command=("serve", "--dsn=amqp://u:of-a-command@mq")))
    redactor = redactor_for(wanted)
    assert redactor.clean("s3cr/et s3cr%2Fet in-a-dsn of-a-command host=db") == "**** **** **** **** host=db"


def test_secrets_of_services_that_do_not_run_are_known() -> None:
    aside = service("tool", environment={"API_TOKEN": "of-the-tool"})
    wanted = desired(service("web"))
    assert redactor_for(replace(wanted, everything={**wanted.everything, "tool": aside})).clean("of-the-tool") == "****"


def test_secrets_in_files_are_known_line_by_line(tmp_path: Path) -> None:
    file, fifo = tmp_path / "key", tmp_path / "fifo"
    file.write_text("first-line\nsecond-line\n")
    os.mkfifo(fifo)
    secrets = {
        "a": SharedFile("a", "secret", file=str(file)),
        "b": SharedFile("b", "secret", file=str(tmp_path / "gone")),
        "c": SharedFile("c", "secret", file=str(fifo)),
        "d": SharedFile("d", "secret", value=Hidden("from-a-variable\n")),
        "e": SharedFile("e", "secret", external=True),
    }
    redactor = redactor_for(replace(desired(service("web")), secrets=secrets))
    assert redactor.clean("second-line from-a-variable") == "**** ****"


def test_every_code_of_an_issue_is_documented() -> None:
    page = (ROOT / "docs/reference/issues.md").read_text()
    rows = [f"| `{code}` | {known.meaning} |" for code, known in CODES.items()]
    assert [row for row in rows if row not in page] == []


def test_a_suggestion_names_whom_it_is_about() -> None:
    assert suggestion_for("service.unhealthy", {"service": "db"}).endswith("boxship logs --tail 50 db")
    assert suggestion_for("no.such", {}) == ""
