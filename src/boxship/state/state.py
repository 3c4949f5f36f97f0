"""What the Loader knows of its box and must not forget: one record, replaced as a whole, each time under a new number.

Invariants: ``trial`` is there only while a switch is under way; the release and generation of ``current`` change in
one write, by the first deployment, a commit or an operator's rollback; data goes back without a person only while
there is a ``trial``; a generation's number is given once. ``transitions.py`` holds all ways in which it changes.
"""

from collections.abc import Mapping

from msgspec import Struct, field

from boxship.state.deployment import Deployment
from boxship.state.operation import Failure

FORMAT = 1


class Boots(Struct, frozen=True):
    """How the boots of ``current`` went. ``failures`` in a row of its target, since the last good one.

    ``fallen_back_from``: the target that should run while its fallback (``current.target``) does, and ``last`` why;
    "" otherwise. ``next_try_at_s``: unix time before which it isn't tried again.

    Before the first deployment all of it is about the release that the Loader would begin with: ``refused_version``.
    """

    failures: int = 0
    last: Failure | None = None
    fallen_back_from: str = ""
    next_try_at_s: float = 0.0
    refused_version: str = ""


class State(Struct, frozen=True):
    """``revision`` counts writes. ``current`` boots by itself, also after the host's own reboot."""

    revision: int = 0
    current: Deployment | None = None
    trial: Deployment | None = None
    previous: Deployment | None = None
    previous_until_s: float = 0.0
    """Unix time until which ``previous`` was current: its data is from then."""
    operation_id: str = ""
    """The operation that changes the box now; "" for none."""
    source: str = ""
    """Where releases come from: ``registry.example.com/share`` or a folder (``dir:/media/usb``)."""
    pending_source: str = ""
    """The source from the next switch on, "" for the same."""
    pulled: Mapping[str, str] = field(default_factory=dict)
    """Version -> id of the releases that are here as a whole: files and images."""
    next_generation: int = 1
    boots: Boots = Boots()
    bad_releases: Mapping[str, str] = field(default_factory=dict)
    """Release id -> why its trial failed; none of them is ever chosen by the Loader itself."""
    engine_start: str = ""
    """The start of the host and of the engine since which everything was started in order; "" when nobody looked."""
    engine_restart_at_s: float = 0.0
    """Unix time at which the host was asked to restart its engine; 0: not since the last good boot."""
    format: int = FORMAT

    @property
    def wanted_target(self) -> str:
        """The target that should run: in a fallback, the one that it stands in for. "" before the first deployment."""
        return self.boots.fallen_back_from or ("" if self.current is None else self.current.target)
