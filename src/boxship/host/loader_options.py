"""What the options of a Loader say, as far as those who install one must know."""

from itertools import pairwise


def value_of(options: tuple[str, ...], name: str) -> str:
    """The last value of the option, written as one word or two; "" for none."""
    words = [word for option in options for word in option.split("=", 1)]
    return next((after for before, after in reversed([*pairwise(words)]) if before == name), "")
