"""Secrets that programs show: made once, recognised for ever or until they end."""

from datetime import UTC, datetime, timedelta

import pytest
from msgspec.structs import replace

from boxship.errors import UsageError
from boxship.store.tokens import allows, hash_of, make_token, recognise

NOW = datetime(2026, 11, 29, tzinfo=UTC)


def test_a_secret_is_long_random_and_kept_nowhere() -> None:
    first, second = make_token("ci", ["read"], NOW), make_token("ci", ["read"], NOW)
    assert first.secret != second.secret
    assert first.token.id != second.token.id
    assert first.secret.startswith("bxs_")
    assert len(first.secret) == 4 + 43
    assert first.secret not in repr(first)
    assert first.token.secret_hash == hash_of(first.secret)


def test_a_token_is_recognised_by_its_secret_alone() -> None:
    made = [make_token(name, ["read"], NOW) for name in ("ci", "anna", "web")]
    tokens = [new.token for new in made]
    for new in made:
        assert recognise(tokens, new.secret, NOW) == new.token
    for wrong in ("", "bxs_", made[0].secret[:-1], made[0].secret + "x", made[0].token.secret_hash, "\udcff"):
        assert recognise(tokens, wrong, NOW) is None
    assert recognise([], made[0].secret, NOW) is None


def test_a_token_ends_when_it_expires_or_is_revoked() -> None:
    new = make_token("ci", ["read"], NOW, expires_at=NOW + timedelta(hours=1))
    assert recognise([new.token], new.secret, NOW + timedelta(minutes=59)) == new.token
    assert recognise([new.token], new.secret, NOW + timedelta(hours=1)) is None
    assert recognise([replace(new.token, revoked_at=NOW)], new.secret, NOW) is None


def test_a_token_allows_its_scopes_and_admin_allows_all() -> None:
    web = make_token("web", ["logs:web", "read"], NOW, service="web").token
    assert web.service == "web"
    assert allows(web, "read")
    assert allows(web, "logs:web")
    assert not allows(web, "logs:db")
    assert not allows(web, "logs")
    assert allows(make_token("logs", ["logs"], NOW).token, "logs:db")
    assert not allows(make_token("logs", ["logs"], NOW).token, "admin")
    assert allows(make_token("anna", ["admin"], NOW).token, "logs:db")


@pytest.mark.parametrize("scope", ["", "Read", "read write", "logs:", "logs:a/b", "a" * 40, "logs:web\n"])
def test_what_is_no_scope_is_refused(scope: str) -> None:
    with pytest.raises(UsageError, match="is not a scope"):
        make_token("ci", [scope], NOW)


def test_a_token_that_could_never_do_anything_is_refused() -> None:
    with pytest.raises(UsageError, match="has no scopes"):
        make_token("ci", [], NOW)
    with pytest.raises(UsageError, match="would have expired"):
        make_token("ci", ["read"], NOW, expires_at=NOW)
