"""Going back to the previous deployment, as it is offered to a person where what is current doesn't boot. Pure."""

from datetime import UTC, datetime

from msgspec import Struct

from boxship.state.deployment import Deployment
from boxship.state.state import State

COMMAND = "boxship box rollback"
_AGES = ((86_400.0, "days"), (3_600.0, "hours"), (60.0, "minutes"))


class WayBack(Struct, frozen=True):
    """``to`` comes back with its data, which nobody has written since ``data_from_s`` (unix time)."""

    to: Deployment
    away_from: Deployment
    data_from_s: float

    @property
    def at(self) -> str:
        return datetime.fromtimestamp(self.data_from_s, UTC).strftime("%Y-%m-%d %H:%M UTC")

    def age(self, now_s: float) -> str:
        """``3 hours``: as exact as anybody has to know who thinks about losing it."""
        age_s = max(0.0, now_s - self.data_from_s)
        for unit_s, name in _AGES:
            if age_s >= 2 * unit_s:
                return f"{age_s // unit_s:.0f} {name}"
        return "a minute" if age_s >= 60 else "less than a minute"


def way_back_of(state: State) -> WayBack | None:
    """None where there is nothing to go back to, or no need: what is current boots, or was not tried yet."""
    current, previous, boots = state.current, state.previous, state.boots
    if current is None or previous is None or not (boots.failures or boots.fallen_back_from):
        return None
    return WayBack(previous, current, state.previous_until_s)


def offer_of(state: State) -> str:
    """``; boxship box rollback goes back to...``, for the end of a sentence that is told until it changes; or ""."""
    way = way_back_of(state)
    if way is None:
        return ""
    return f"; {COMMAND} goes back to {way.to}, with its data of {way.at} and without what was written since"


def advice_of(state: State, now_s: float) -> str:
    """``; or go back to...``, for the end of a suggestion; or ""."""
    way = way_back_of(state)
    if way is None:
        return ""
    return (
        f"; or go back to {way.to}, whose data is {way.age(now_s)} old, of {way.at}: {COMMAND} "
        f"(it loses what was written since; that stays here as the previous deployment)"
    )
