"""Passwords, log-in waits and tokens."""

import pytest
from share_web.lockout import PER_ACCOUNT, PER_CLIENT, Policy
from share_web.passwords import MAX_LENGTH, MIN_LENGTH, Cost, seal, verify, weakness
from share_web.tokens import derive, equal, fingerprint, new_token

CHEAP = Cost(log_n=4, r=8, p=1)


def test_a_password_fits_its_own_seal_only() -> None:
    sealed = seal("violet barge seven", CHEAP)
    assert verify("violet barge seven", sealed)
    assert not verify("violet barge sevem", sealed)
    assert not verify("", sealed)


def test_a_seal_tells_nothing_and_differs_each_time() -> None:
    one, other = seal("violet barge seven", CHEAP), seal("violet barge seven", CHEAP)
    assert one != other
    assert "violet" not in one


def test_a_seal_of_another_cost_still_fits() -> None:
    assert verify("violet barge seven", seal("violet barge seven", Cost(log_n=5, r=4, p=2)))


@pytest.mark.parametrize("sealed", ["", "plain", "scrypt$1$2", "md5$15$8$3$AA==$AA=="])
def test_no_password_fits_a_foreign_text(sealed: str) -> None:
    assert not verify("plain", sealed)


@pytest.mark.parametrize(
    "password",
    ["x" * (MIN_LENGTH - 1), "abcdefghijk" * 40, "aaaaaaaaaaaa", "Password123", "Somebody@Example.com", "somebody--"],
)
def test_a_weak_password_is_refused_with_a_reason(password: str) -> None:
    email = "somebody@example.com" if "@" in password else "somebody--@example.com"
    assert weakness(password, email)


def test_a_few_words_and_the_longest_password_are_accepted() -> None:
    assert weakness("violet barge seven", "x+y@z") is None
    assert weakness(("abcd" * MAX_LENGTH)[:MAX_LENGTH], "x+y@z") is None


def test_a_longer_text_than_allowed_is_not_worked_on() -> None:
    assert not verify("x" * (MAX_LENGTH + 1), seal("x" * (MAX_LENGTH + 1), CHEAP))


def test_waits_begin_after_the_free_failures_then_double_up_to_the_longest() -> None:
    policy = Policy(free=3, first_wait_s=10, longest_wait_s=60)
    assert [policy.wait_s(failures) for failures in range(8)] == [0, 0, 0, 10, 20, 40, 60, 60]


@pytest.mark.parametrize("policy", [PER_ACCOUNT, PER_CLIENT])
def test_an_attacked_account_waits_no_longer_than_the_limit(policy: Policy) -> None:
    assert policy.wait_s(10**9) == policy.longest_wait_s
    waits = [policy.wait_s(failures) for failures in range(100)]
    assert waits == sorted(waits)


def test_tokens_are_unlike_and_need_no_encoding() -> None:
    tokens = {new_token() for _ in range(100)}
    assert len(tokens) == 100
    assert all(len(token) == 43 and token.replace("-", "").replace("_", "").isalnum() for token in tokens)


def test_what_is_stored_of_a_token_is_not_the_token() -> None:
    token = new_token()
    assert token not in fingerprint(token)
    assert fingerprint(token) == fingerprint(token)


def test_a_derived_token_depends_on_secret_purpose_and_subject() -> None:
    one = derive(b"a", "share", "1")
    others = {
        derive(b"b", "share", "1"),
        derive(b"a", "form", "1"),
        derive(b"a", "share", "2"),
        derive(b"a", "shar", "e1"),
    }
    assert one == derive(b"a", "share", "1")
    assert one not in others
    assert len(others) == 4


def test_comparing_takes_any_text() -> None:
    assert equal("ä", "ä")
    assert not equal("ä", "a")
