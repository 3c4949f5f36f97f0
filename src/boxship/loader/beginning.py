"""Where a box gets its releases from before anybody told it: remembered, so later starts need not be told again."""

from boxship.errors import BoxshipError
from boxship.loader.journal import Journal
from boxship.loader.parts import Parts
from boxship.state import transitions


async def remember_source(parts: Parts, journal: Journal) -> str:
    """Write down the source that this Loader was started with, for a box that has none; a sentence, "" for nothing."""
    offered, state = parts.default_source, journal.state
    if not offered:
        return ""
    known = state.pending_source or state.source
    if known:
        return "" if known == offered else _stays(known, offered)
    try:
        parts.vendor.expect_source(offered)
        await journal.change(lambda now: transitions.begin_source(now, offered))
    except BoxshipError as error:
        # A full disk, or no place at all: looking after what runs needs neither.
        return f"the source {offered} isn't remembered: {error.message}"
    return ""


def _stays(known: str, offered: str) -> str:
    return (
        f"releases come from {known}, as this box remembers; {offered}, which its Loader was started with, "
        f"is for a box that has none yet: boxship box source {offered} takes it"
    )
