"""The named volumes of an appliance: those that are not there yet are made, none is ever changed."""

from boxship import names
from boxship.errors import ConflictError, NotFoundError
from boxship.plan.action import CreateVolume, VolumeSpec
from boxship.plan.containers import engine_volume_name, volume_generation
from boxship.plan.digest import volume_digest
from boxship.plan.graph import PlanBuilder
from boxship.plan.observed import Observed
from boxship.plan.resolve import Desired
from boxship.spec.model import Volume


def add_volumes(builder: PlanBuilder, desired: Desired, observed: Observed) -> None:
    """Add the steps ``volume KEY``. Raises: as ``reconcile`` does for volumes."""
    for key, volume in desired.volumes.items():
        name = engine_volume_name(desired.appliance, volume, desired.generation)
        found = next((each for each in observed.volumes if each.name == name), None)
        if volume.external and found is None:
            raise NotFoundError(
                f"volume '{name}' is declared external and doesn't exist",
                hint=f"create it first: docker volume create {name}",
            )
        if not volume.external and found is not None and found.appliance != desired.appliance:
            raise ConflictError(
                f"volume '{name}' exists and wasn't made by {desired.appliance}",
                hint="declare it external: true to use it, or give yours another name",
            )
        if found is None:
            _add_volume(builder, key, name, volume, volume_generation(volume, desired.generation))


def _add_volume(builder: PlanBuilder, key: str, name: str, volume: Volume, generation: int) -> None:
    labels = {
        **volume.labels,
        names.LABEL_APPLIANCE: builder.appliance,
        names.LABEL_KEY: key,
        names.LABEL_DIGEST: volume_digest(volume),
        **names.generation_labels(generation),
    }
    builder.add(
        f"volume {key}",
        CreateVolume(VolumeSpec(name, volume, labels)),
        subject=f"volume:{key}",
        cause="not there yet",
    )
