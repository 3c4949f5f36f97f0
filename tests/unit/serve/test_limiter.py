"""How often a wrong token may be tried."""

from boxship.serve.limiter import Limiter


def test_who_fails_too_often_waits_for_the_window_to_end() -> None:
    limiter = Limiter(most_failures=2, window_s=60)
    limiter.failed("a", 0)
    assert limiter.wait_s("a", 1) == 0
    limiter.failed("a", 10)
    assert (limiter.wait_s("a", 20), limiter.wait_s("b", 20), limiter.wait_s("a", 60)) == (40, 0, 0)


def test_a_new_window_begins_with_the_first_failure_after_the_old_one() -> None:
    limiter = Limiter(most_failures=2, window_s=60)
    for at_s in (0, 1, 61):
        limiter.failed("a", at_s)
    assert limiter.wait_s("a", 62) == 0


def test_a_right_token_forgives() -> None:
    limiter = Limiter(most_failures=2, window_s=60)
    limiter.failed("a", 0)
    limiter.succeeded("a")
    limiter.failed("a", 1)
    assert limiter.wait_s("a", 2) == 0


def test_any_number_of_addresses_takes_bounded_memory() -> None:
    limiter = Limiter()
    for number in range(5000):
        limiter.failed(str(number), 0)
    assert len(limiter._failures) == 1024
