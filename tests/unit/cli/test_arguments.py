"""The command line's grammar."""

from importlib import import_module
from pathlib import Path

import pytest

from boxship.cli.arguments import VERBS, parse_arguments
from boxship.cli.context import Invocation


@pytest.mark.parametrize(
    "argv",
    [
        ["--json", "--debug", "--target", "t", "--profile", "a", "--env-file", "e", "ps"],
        ["ps", "--json", "--debug", "--target", "t", "--profile", "a", "--env-file", "e"],
        ["--json", "--target=t", "ps", "--debug", "--profile=a", "--env-file=e"],
    ],
    ids=["before", "after", "both"],
)
def test_global_options_may_stand_before_and_after_the_verb(argv: list[str]) -> None:
    invocation = Invocation.from_arguments(parse_arguments(argv))
    assert invocation == Invocation(
        files=(),
        appliance_name=None,
        profiles=("a",),
        env_files=(Path("e"),),
        directory=None,
        target="t",
        is_json=True,
        is_debug=True,
        is_lax=False,
    )


def test_without_global_options_nothing_is_set() -> None:
    invocation = Invocation.from_arguments(parse_arguments(["ps"]))
    assert invocation == Invocation((), None, (), (), None, None, is_json=False, is_debug=False, is_lax=False)


def test_repeated_options_add_up_wherever_they_stand() -> None:
    argv = ["-f", "a.yaml", "--profile", "a", "-f", "b.yaml", "up", "--profile", "b", "--profile", "c"]
    invocation = Invocation.from_arguments(parse_arguments(argv))
    assert invocation.files == (Path("a.yaml"), Path("b.yaml"))
    assert invocation.profiles == ("a", "b", "c")


def test_of_a_single_option_the_one_after_the_verb_counts() -> None:
    assert parse_arguments(["--target", "a", "up", "--target", "b"]).target == "b"


def test_f_is_the_file_before_the_verb_and_the_verbs_own_after_it() -> None:
    arguments = parse_arguments(["-f", "x.yaml", "logs", "-f", "--tail", "20", "web"])
    assert (arguments.file, arguments.follow, arguments.tail, arguments.services) == (["x.yaml"], True, "20", ["web"])


def test_what_follows_the_service_of_exec_is_the_command_whatever_it_looks_like() -> None:
    arguments = parse_arguments(["exec", "-T", "-e", "A=1", "web", "ls", "--json", "-f", "--", "x"])
    assert (arguments.no_tty, arguments.env, arguments.service) == (True, ["A=1"], "web")
    assert arguments.command == ["ls", "--json", "-f", "--", "x"]
    assert arguments.json is False


@pytest.mark.parametrize(("flag", "build"), [([], None), (["--build"], True), (["--no-build"], False)])
def test_up_builds_what_is_missing_unless_told_otherwise(flag: list[str], build: bool | None) -> None:
    assert parse_arguments(["up", *flag]).build is build


@pytest.mark.parametrize(
    ("argv", "error", "hint"),
    [
        (["upp"], "there is no verb 'upp'", "did you mean boxship up?"),
        (["frobnicate"], "there is no verb 'frobnicate'", "see boxship --help"),
        (["up", "--nope"], "--nope: not an option or argument of this verb", "see boxship up --help"),
        (
            ["up", "--nope", "--json", "-q"],
            "--nope -q: not an option or argument of this verb",
            "see boxship up --help",
        ),
        (["--nope", "up"], "--nope: not an option or argument of this verb", "see boxship up --help"),
        (["check", "extra"], "extra: not an option or argument of this verb", "see boxship check --help"),
        (["stop", "-t", "soon"], "argument -t/--timeout: invalid float value: 'soon'", "see boxship stop --help"),
        (["up", "--target"], "argument --target: expected one argument", "see boxship up --help"),
        (["exec"], "the following arguments are required: SERVICE, COMMAND", "see boxship exec --help"),
        (
            ["up", "--build", "--no-build"],
            "argument --no-build: not allowed with argument --build",
            "see boxship up --help",
        ),
        (
            ["up", "--pull", "often"],
            "argument --pull: invalid choice: 'often' (choose from 'always', 'missing', 'never')",
            "see boxship up --help",
        ),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_what_is_typed_wrong_is_told_with_a_hint_and_status_2(
    argv: list[str], error: str, hint: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as caught:
        parse_arguments(argv)
    assert caught.value.code == 2
    assert capsys.readouterr() == ("", f"error: {error}\nhint: {hint}\n")


def test_no_verb_at_all_shows_the_help_and_is_wrong(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as caught:
        parse_arguments([])
    assert caught.value.code == 2
    assert "show every service: what it should be and what it is" in capsys.readouterr().out


@pytest.mark.parametrize("verb", [verb for verb, *_ in VERBS])
def test_every_verb_has_help_with_its_example_and_without_the_global_options(
    verb: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as caught:
        parse_arguments([verb, "--help"])
    text = capsys.readouterr().out
    assert caught.value.code == 0
    assert f"example:\n  boxship {verb}" in text
    assert "--project-directory" not in text
    assert "SUPPRESS" not in text


@pytest.mark.parametrize("verb", [verb for verb, *_ in VERBS])
def test_the_example_of_every_verb_is_accepted(verb: str) -> None:
    example = next(text for name, _, _, text in VERBS if name == verb)
    assert callable(parse_arguments(example.split()[1:]).run)


def test_every_verb_has_the_function_that_adds_its_arguments() -> None:
    for _, _, adder, _ in VERBS:
        module, _, function = adder.partition(":")
        assert callable(getattr(import_module(f"boxship.cli.{module}"), function))
