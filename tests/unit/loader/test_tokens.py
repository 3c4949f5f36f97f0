"""Tokens of a box, over its store."""

from pathlib import Path

import pytest

from boxship.errors import HostError, NotFoundError
from boxship.loader.tokens import StoreTokens, make_monitoring_password
from tests.fakes.clock import FakeClock
from tests.fakes.store import MemoryStore


@pytest.fixture
def tokens() -> StoreTokens:
    return StoreTokens(MemoryStore(), FakeClock())


def test_a_token_is_known_by_its_secret_until_it_is_revoked(tokens: StoreTokens) -> None:
    issued = tokens.issue("anna", ["read"])
    found = tokens.recognise(issued.secret)
    assert found is not None
    assert (found.name, found.scopes) == ("anna", ("read",))
    assert tokens.recognise("something else") is None
    assert tokens.revoke(issued.token.id).revoked_at is not None
    assert tokens.revoke(issued.token.id).revoked_at is not None
    assert tokens.recognise(issued.secret) is None
    with pytest.raises(NotFoundError):
        tokens.revoke("nobody's")


def test_a_box_has_a_password_for_monitors_from_its_first_start(tokens: StoreTokens, tmp_path: Path) -> None:
    file = tmp_path / "monitoring.password"
    make_monitoring_password(tokens, file)
    assert file.stat().st_mode & 0o777 == 0o600
    secret = file.read_text().strip()
    found = tokens.recognise(secret)
    assert found is not None
    assert found.scopes == ("status",)
    make_monitoring_password(tokens, file)
    assert file.read_text().strip() == secret
    tokens.revoke(found.id)
    make_monitoring_password(tokens, file)
    assert tokens.recognise(file.read_text().strip()) is None


def test_a_password_that_nobody_could_read_is_none(tokens: StoreTokens, tmp_path: Path) -> None:
    with pytest.raises(HostError, match="cannot write"):
        make_monitoring_password(tokens, tmp_path / "nowhere" / "file")
    assert all(each.revoked_at is not None for each in tokens.tokens())
