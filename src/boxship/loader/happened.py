"""What happens on a box, beyond what happens in a plan: operations move on, deployments change, time is lost."""

from msgspec import Struct

from boxship.events import Event
from boxship.state.deployment import Deployment
from boxship.state.operation import Operation


class OperationChanged(Struct, frozen=True):
    """The record as it is now."""

    operation: Operation


class DeploymentChanged(Struct, frozen=True):
    """What is current now, on trial, and can be gone back to."""

    current: Deployment | None
    trial: Deployment | None
    previous: Deployment | None


class Decided(Struct, frozen=True):
    """What the Loader does now or waits for, and why: one sentence, told when it changes."""

    sentence: str


class Interrupted(Struct, frozen=True):
    """The appliance was away: from the first stop until its ports were open again."""

    operation_id: str
    downtime_s: float


BoxEvent = Event | OperationChanged | DeploymentChanged | Decided | Interrupted
