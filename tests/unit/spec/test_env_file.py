"""Variables that a service takes from files."""

import pytest

from tests.unit.spec.conftest import Read, Refuse


def test_an_env_file_may_refer_to_the_services_environment_which_stands_below_the_shell(read: Read) -> None:
    files = {
        "compose.yaml": "services: {a: {image: 'a:1', environment: {K: own, S: own, N: }, env_file: [x.env]}}",
        "x.env": "K=file\nA=${K}-${S}-${N:-none}\nB=${A}\n",
    }
    service = read(files, env={"S": "shell"}).appliance.services["a"]
    assert service.environment == {"K": "own", "S": "own", "A": "own-shell-none", "B": "own-shell-none"}


@pytest.mark.parametrize("entry", ["gone.env", "{path: gone.env}", "{path: gone.env, required: true}"])
def test_a_missing_env_file_is_an_error_and_only_a_warning_when_lax(refuse: Refuse, read: Read, entry: str) -> None:
    files = {
        "compose.yaml": f"services: {{a: {{image: 'a:1', env_file: [here.env, {entry}]}}}}",
        "here.env": "K=v\n",
    }
    (problem,) = refuse(files)
    assert problem.reason == "'gone.env' does not exist"
    loaded = read(files, lax=True)
    (warning,) = loaded.warnings
    assert warning.reason == "'gone.env' does not exist, so its variables are missing here"
    assert (warning.path, warning.where.file) == ("services.a.env_file[1]", "compose.yaml")
    assert loaded.appliance.services["a"].environment == {"K": "v"}


def test_the_variable_that_made_the_name_wrong_is_named(refuse: Refuse, read: Read) -> None:
    text = "services: {a: {image: 'a:1', env_file: '${DIR}/gone.env'}}"
    (problem,) = refuse(text)
    assert problem.hint == "DIR is not set"
    assert "DIR is not set" in {warning.hint for warning in read(text, lax=True).warnings}


@pytest.mark.parametrize(
    ("mount", "variable"),
    [("'${DATA}:/data'", "DATA"), ("{type: bind, source: '${DATA}', target: /data}", "DATA"), ("'${ALL}'", "ALL")],
)
def test_a_mount_that_a_variable_left_without_a_source_names_it(refuse: Refuse, mount: str, variable: str) -> None:
    (problem,) = refuse(f"services: {{a: {{image: 'a:1', volumes: [{mount}]}}}}")
    assert problem.hint == f"{variable} is not set"


def test_what_is_no_file_is_refused_even_when_lax(refuse: Refuse) -> None:
    files = {"compose.yaml": "services: {a: {image: 'a:1', env_file: folder}}", "folder/x": ""}
    assert "is a directory" in refuse(files, lax=True)[0].reason
