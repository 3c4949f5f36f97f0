"""Keeps the gate closed while it should be: whoever loads a firewall anew takes our rules out, and tells nobody."""

from boxship.errors import HostError
from boxship.events import Notice
from boxship.loader.parts import Parts

LOOK_S = 1.0
"""A trial takes seconds at least, and a look at a closed gate some milliseconds; an open one isn't looked at."""


async def keep_gate(parts: Parts) -> None:
    """For ever. What was found and mended is said; so is, once, why it can't be."""
    said = ""
    while True:
        await parts.clock.sleep(LOOK_S)
        try:
            damage = await parts.gate.mend()
        except HostError as error:
            problem = f"trials may be reached from outside: {error.message}"
            if problem != said:
                parts.feed.publish(Notice(problem, is_warning=True))
            said = problem
            continue
        said = ""
        if damage:
            more = f" (and {len(damage) - 1} more)" if len(damage) > 1 else ""
            parts.feed.publish(Notice(f"the gate is closed again, as somebody changed it: {damage[0]}{more}"))
