"""What crane files were read as: the value that goes from reading to whoever builds on it."""

from collections.abc import Mapping

from msgspec import Struct, field

from boxship.spec.model import HostHooks, Target
from boxship.spec.tree import Table


class Translation(Struct, frozen=True):
    """``document``: a Compose file's tree. The rest is what an appliance.yaml would say.

    ``commands``: crane's shortcuts, as text; nobody obeys them. ``replaced``: the containers that Boxship is itself.
    """

    document: Table
    targets: Mapping[str, Target] = field(default_factory=dict)
    hooks: Mapping[str, HostHooks] = field(default_factory=dict)
    commands: Mapping[str, str] = field(default_factory=dict)
    replaced: tuple[str, ...] = ()
