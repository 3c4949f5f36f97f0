"""The documents agree with the program: generated pages are current, links lead somewhere, commands are accepted."""

import re
import shlex
from collections.abc import Iterator
from pathlib import Path

import pytest

from boxship import errors, names
from boxship.build import builder, image
from boxship.checks.codes import CODES
from boxship.cli.arguments import VERBS
from boxship.plan import containers
from boxship.spec.load import load
from boxship.spec.loaded import LoadOptions
from scripts import docs
from scripts.tracked import ROOT

pytestmark = pytest.mark.docs

PAGES = tuple(sorted([*(ROOT / "docs").rglob("*.md"), *ROOT.glob("*.md")]))
TUTORIAL = ROOT / "docs/tutorial"
LINK = re.compile(r"(?<!`)(!?)\[[^\]\n]*\]\(([^)\s]+)\)")
EXTERNAL = re.compile(r"https?://(?!localhost|127\.0\.0\.1|[a-z-]+\.service)")
COMMAND = re.compile(r"\$ (?:[A-Z_]+=\S+ )*boxship\b(.*)")


def page_id(page: Path) -> str:
    return str(page.relative_to(ROOT))


def fenced(page: Path, language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```$", page.read_text(), re.DOTALL | re.MULTILINE)


def prose(page: Path) -> str:
    return re.sub(r"^```.*?^```$", "", page.read_text(), flags=re.DOTALL | re.MULTILINE)


def commands() -> Iterator[tuple[str, str]]:
    for page in PAGES:
        for block in fenced(page, "console"):
            for line in block.splitlines():
                if found := COMMAND.fullmatch(line):
                    yield page_id(page), found[1].strip()


def test_generated_pages_are_current() -> None:
    assert docs.stale(docs.pages()) == (), "run: make docs"


@pytest.mark.parametrize("verb", [verb for verb, *_ in VERBS])
def test_every_verb_is_documented(verb: str) -> None:
    assert f"\n## {verb}\n" in (ROOT / "docs/reference/cli.md").read_text()


@pytest.mark.parametrize("verb", [verb for verb, *_ in VERBS])
def test_every_verb_is_compared_and_its_test_is_there(verb: str) -> None:
    page = (ROOT / "docs/reference/verbs.md").read_text()
    (row,) = (line for line in page.splitlines() if line.startswith(f"| `{verb}` |"))
    tested_by = row.split("`")[-2]
    assert re.search(rf"\b{verb}\b", (ROOT / tested_by).read_text())


def test_every_error_code_is_documented() -> None:
    page = (ROOT / "docs/reference/errors.md").read_text()
    codes = {each.code for each in vars(errors).values() if hasattr(each, "exit_status")}
    assert {code for code in codes if f"| `{code}` |" not in page} == set()


def test_every_code_of_an_issue_is_documented_with_its_meaning() -> None:
    page = (ROOT / "docs/reference/issues.md").read_text()
    rows = [f"| `{code}` | {each.meaning} |" for code, each in CODES.items()]
    assert [row for row in rows if row not in page] == []


def test_every_label_is_documented() -> None:
    page = (ROOT / "docs/reference/labels-and-names.md").read_text()
    found = {
        value
        for module in (names, containers, builder, image)
        for name, value in vars(module).items()
        if name.startswith("LABEL_")
    }
    assert {label for label in found if f"`{label}`" not in page} == set()


@pytest.mark.parametrize("page", PAGES, ids=page_id)
def test_every_relative_link_leads_somewhere(page: Path) -> None:
    targets = [target for _, target in LINK.findall(prose(page)) if not re.match(r"[a-z]+:|#", target)]
    missing = [target for target in targets if not (page.parent / target.partition("#")[0]).exists()]
    assert missing == []


@pytest.mark.parametrize("page", PAGES, ids=page_id)
def test_no_page_loads_anything_from_elsewhere(page: Path) -> None:
    loaded = [target for is_image, target in LINK.findall(prose(page)) if is_image and re.match(r"[a-z]+:", target)]
    loaded += re.findall(r"<(?:img|script|link|iframe)\b[^>]*>", prose(page))
    assert loaded == []
    assert EXTERNAL.findall(prose(page)) == []


@pytest.mark.parametrize(("page", "command"), sorted(set(commands())))
def test_a_command_that_is_shown_is_accepted(page: str, command: str) -> None:
    before, verb, after = _split(shlex.split(command, comments=True))
    assert verb in {name for name, *_ in VERBS}
    known = {flag for action in docs.global_actions() for flag in action.option_strings}
    assert {word for word in before if word.startswith("-")} <= known
    # With -- options being global after the verb, too; parsing is strict, so an unknown word ends the program.
    rest = [word for word in after if word not in {"--json", "--debug"}]
    docs.verb_parser(verb).parse_args(rest)


def test_the_check_of_shown_commands_finds_a_wrong_one(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        test_a_command_that_is_shown_is_accepted("x.md", "up --no-such-flag")
    assert "unrecognized arguments: --no-such-flag" in capsys.readouterr().err


def _split(words: list[str]) -> tuple[list[str], str, list[str]]:
    """The words before the verb, the verb, the words after it."""
    takes_value = {flag for action in docs.global_actions() if action.nargs != 0 for flag in action.option_strings}
    position = 0
    while position < len(words) and words[position].startswith("-"):
        position += 2 if words[position] in takes_value else 1
    assert position < len(words), f"no verb in {words}"
    return words[:position], words[position], words[position + 1 :]


def test_the_tutorial_shows_the_files_that_lie_beside_it() -> None:
    text = (ROOT / "docs/tutorial.md").read_text()
    files = [file for file in TUTORIAL.rglob("*") if file.is_file()]
    assert len(files) >= 5
    assert [page_id(file) for file in files if f"\n{file.read_text().rstrip()}\n```\n" not in text] == []


def test_the_tutorial_ends_with_an_appliance_without_mistakes() -> None:
    loaded = load(LoadOptions(directory=TUTORIAL))
    assert loaded.warnings == ()
    assert (loaded.appliance.name, loaded.appliance.version) == ("visits", "0.1.0")
