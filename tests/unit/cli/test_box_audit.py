"""How an audit ends for people: how far back it reaches, and whether it is what was written."""

from datetime import UTC, datetime

import pytest

from boxship.cli.render.box import print_audit
from boxship.store.port import AuditChain

SINCE = datetime(2026, 11, 29, 9, tzinfo=UTC)
DIGEST = "ab" * 32
ENTRY = {
    "number": 8,
    "at": "2026-11-29T09:00:00Z",
    "who": "anna",
    "action": "gc",
    "subject": "",
    "outcome": "done",
    "digest": DIGEST,
}


@pytest.mark.parametrize(
    ("chain", "last"),
    [
        (
            AuditChain(7, "cd" * 32, 10007, DIGEST, SINCE),
            ["entries 8 to 10007 are kept, since 2026-11-29T09:00:00Z, and are what was written", DIGEST],
        ),
        (
            AuditChain(7, "cd" * 32, 10007, DIGEST, SINCE, 9),
            ["entry 9 was changed or is missing: nothing from there on is proved", DIGEST],
        ),
    ],
)
def test_it_ends_with_how_far_back_it_reaches(
    capsys: pytest.CaptureFixture[str], chain: AuditChain, last: list[str]
) -> None:
    print_audit([ENTRY], chain)
    *_, line, digest = capsys.readouterr().out.splitlines()
    assert [line, digest.removeprefix("digest of entry 10007: ")] == last


@pytest.mark.parametrize("chain", [None, AuditChain(0, "", 0, "")])
def test_where_nothing_is_known_of_it_nothing_is_said(
    capsys: pytest.CaptureFixture[str], chain: AuditChain | None
) -> None:
    print_audit([], chain)
    assert capsys.readouterr().out == ""
