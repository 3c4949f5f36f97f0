"""An error that a box tells is the same error for who asked."""

import json

import pytest

from boxship.errors import BoxshipError, UsageError, _family, revived
from boxship.serve.answers import problem_of


def made(kind: type[BoxshipError]) -> BoxshipError:
    error = kind.__new__(kind)
    BoxshipError.__init__(error, "it is so", hint="do that", fields={"operation_id": "7f3a", "logs": ["a", "b"]})
    error.__dict__.setdefault("problems", ())
    error.__dict__.setdefault("retry_after_s", 3)
    return error


@pytest.mark.parametrize("kind", list(_family(BoxshipError)), ids=lambda kind: str(kind.code))
def test_every_error_survives_the_way_to_the_command_line(kind: type[BoxshipError]) -> None:
    answer = problem_of(made(kind))
    assert answer.status_code == kind.http_status
    said = json.loads(bytes(answer.body))
    got = revived(said["type"], said["detail"], said["hint"], said["fields"])
    assert (type(got), got.exit_status, got.hint) == (kind, kind.exit_status, "do that")
    assert got.fields["logs"] == ["a", "b"]


def test_every_code_belongs_to_one_error() -> None:
    codes = [kind.code for kind in _family(BoxshipError)]
    assert len(set(codes)) == len(codes)


def test_an_error_of_a_newer_box_is_a_plain_one() -> None:
    got = revived("to.come", "it is so")
    assert (type(got), got.exit_status, got.message) == (BoxshipError, 1, "it is so")


def test_a_usage_error_stays_one_below_it() -> None:
    assert isinstance(revived("request.method", "no"), UsageError)
