"""How long a log-in has to wait after failures: a policy over counters that somebody else keeps."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Policy:
    """``free`` failures cost nothing; then the wait doubles from ``first_wait_s`` up to ``longest_wait_s``."""

    free: int
    first_wait_s: int
    longest_wait_s: int

    def wait_s(self, failures: int) -> int:
        """Seconds, 0 <= s <= longest_wait_s, for which log-ins are refused after that many failures in a row."""
        beyond = failures - self.free
        if beyond < 0:
            return 0
        # The exponent is bounded first: a counter of an attacked account may be huge.
        return min(self.longest_wait_s, self.first_wait_s << min(beyond, 30))


PER_ACCOUNT = Policy(free=5, first_wait_s=30, longest_wait_s=15 * 60)
PER_CLIENT = Policy(free=20, first_wait_s=30, longest_wait_s=15 * 60)
"""Per client address; looser, because many people share one behind a gateway."""

FORGET_AFTER_S = 24 * 3600
"""Failures are forgotten this long after the last one."""
