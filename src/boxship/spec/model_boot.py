"""How an appliance starts, and which of its services may ask the box that runs them for something."""

from msgspec import Struct


class Boot(Struct, frozen=True):
    """How the appliance starts. ``timeout_s`` bounds the wait for one service from its start.

    ``heartbeat_limit_s``: the same for one that says by heartbeats that it is still at work, as in a migration.
    """

    target: str = "default"
    attempts: int = 3
    timeout_s: float = 300.0
    heartbeat_limit_s: float = 7200.0
    fallback: str | None = None


API_SCOPES = ("heartbeat", "logs", "read", "status")
"""What a service may be allowed at the box's API. The first two are of the service itself and of no other."""


def scopes_of(service: str, allowed: tuple[str, ...]) -> tuple[str, ...]:
    """The token's scopes of a service: ``heartbeat`` of web is ``heartbeat:web``."""
    return tuple(f"{each}:{service}" if each in ("heartbeat", "logs") else each for each in allowed)
