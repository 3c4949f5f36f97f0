"""The appliance and the services that a looking verb is asked for."""

import argparse
from collections.abc import Collection

from msgspec import Struct

from boxship.cli.context import Invocation
from boxship.cli.selection import services_of
from boxship.errors import unknown_name
from boxship.plan.found import require_appliance
from boxship.plan.observed import Observed, ObservedContainer
from boxship.spec.loaded import Loaded


class Chosen(Struct, frozen=True):
    """``names`` empty: all services. Among them may be one container of several: "web.2"."""

    appliance: str
    loaded: Loaded | None
    names: tuple[str, ...]

    def wants(self, container: ObservedContainer) -> bool:
        """Whether it is one of those."""
        return not self.names or container.service in self.names or container.replica in self.names

    def check(self, observed: Observed) -> None:
        """Raises: NotFoundError without files, when the appliance or a service isn't there."""
        if self.loaded is None:
            require_appliance(self.appliance, observed)
            _check(self.names, self.appliance, {each.service for each in observed.containers_of(self.appliance)})


def choose(invocation: Invocation, names: Collection[str], selecting: argparse.Namespace | None = None) -> Chosen:
    """``selecting``: with the options of ``selection``. Raises: NotFoundError for a name that the files don't have."""
    appliance, loaded = invocation.appliance_name_or_files()
    if selecting is not None:
        names = services_of(loaded, selecting)
    if loaded is not None:
        _check(names, appliance, loaded.appliance.services)
    return Chosen(appliance, loaded, tuple(names))


def _check(names: Collection[str], appliance: str, services: Collection[str]) -> None:
    for name in names:
        service, _, number = name.rpartition(".")
        if name not in services and not (service in services and number.isdecimal()):
            raise unknown_name("service", name, appliance, services)
