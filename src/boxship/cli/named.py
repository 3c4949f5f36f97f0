"""Services that were named on the command line, looked up in the files where there are any."""

from collections.abc import Iterable

from boxship.cli.context import Invocation
from boxship.errors import unknown_name
from boxship.plan.containers import LABEL_DEPENDS_ON
from boxship.plan.observed import Observed
from boxship.spec.loaded import Loaded


def known_service(invocation: Invocation, service: str) -> tuple[str, Loaded | None]:
    """The appliance's name and files. Raises: NotFoundError for a service that the files don't have."""
    return known_services(invocation, (service,))


def known_services(invocation: Invocation, services: Iterable[str]) -> tuple[str, Loaded | None]:
    """The appliance's name and files. Raises: NotFoundError for the first service that the files don't have."""
    name, loaded = invocation.appliance_name_or_files()
    for service in services:
        if loaded is not None and service not in loaded.appliance.services:
            raise unknown_name("service", service, name, loaded.appliance.services)
    return name, loaded


def dependencies_of(name: str, loaded: Loaded | None, observed: Observed) -> dict[str, tuple[str, ...]]:
    """Service -> what it depends on: from the files where there are any, else from what the containers remember."""
    if loaded is not None:
        return {service.name: tuple(service.depends_on) for service in loaded.appliance.services.values()}
    return {
        each.service: tuple(each.labels.get(LABEL_DEPENDS_ON, "").split(",")) for each in observed.containers_of(name)
    }
