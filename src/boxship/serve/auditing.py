"""Who asked this box for what, and how that went, is written down by every door in the same way."""

import asyncio
import logging

from boxship.clock import Clock
from boxship.errors import BoxshipError, TooManyTriesError, UnauthenticatedError
from boxship.loader.access import Journal

LONGEST = 256
_LOG = logging.getLogger("boxship.audit")


class Audit:
    """``journal`` is where it is written."""

    def __init__(self, journal: Journal, clock: Clock) -> None:
        self._journal = journal
        self._clock = clock

    async def write(self, who: str, action: str, subject: str, outcome: str) -> None:
        """Who is limited is in it already, by the tries before: a flood must not fill the disk."""
        if outcome.startswith(TooManyTriesError.code):
            return
        now = self._clock.now()
        try:
            await asyncio.to_thread(self._journal.append_audit, now, who, action, subject[:LONGEST], outcome)
        except BoxshipError:
            # A full disk must not keep anybody from gc; the log is what is left.
            _LOG.exception("not audited", extra={"who": who, "action": action, "outcome": outcome})


def outcome_of(error: BoxshipError) -> str:
    """How a refusal is written down."""
    if isinstance(error, UnauthenticatedError):
        return f"{error.code}: refused"
    return f"{error.code}: {error.message}"[:LONGEST]
