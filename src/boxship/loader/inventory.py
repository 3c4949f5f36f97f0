"""Every container of a deployment's files: those that are there, and those that could be. Pure."""

from collections.abc import Mapping

from boxship.loader.box import MISSING, ContainerView
from boxship.loader.deployments import Wanted
from boxship.plan.containers import final_name, image_reference
from boxship.plan.observed import Observed, ObservedContainer
from boxship.plan.resolve import replicas_of
from boxship.spec.model import Service


def inventory(wanted: Wanted, observed: Observed) -> Mapping[str, ContainerView]:
    """Real name -> what is known of it, by service and number. ``observed``: of the deployment's own generation.

    One that isn't there stands under the name that it would get.
    """
    desired = wanted.desired
    # Containers are made from ids; people know references.
    references = {image.id: image.reference for image in wanted.release.images().values()}
    there: dict[tuple[str, int], list[ObservedContainer]] = {}
    for container in observed.containers_of(desired.appliance):
        there.setdefault((container.service, container.number), []).append(container)
    found: dict[str, ContainerView] = {}

    def add(name: str, service: str, image: str, state: str) -> None:
        found[name] = ContainerView(service, image, state, service in desired.names())

    for service in _of_files(desired.everything):
        for replica in replicas_of(service):
            mine = there.pop((service.name, replica.number), [])
            for each in mine:
                add(each.name, service.name, references.get(each.image_id, each.image), each.state)
            if not mine:
                image = image_reference(desired.appliance, service)
                name = final_name(desired.appliance, replica, desired.generation)
                add(name, service.name, references.get(image, image), MISSING)
    for others in there.values():
        # The files don't have them any more, or not so many.
        for each in others:
            add(each.name, each.service, references.get(each.image_id, each.image), each.state)
    return found


def _of_files(services: Mapping[str, Service]) -> list[Service]:
    """What another program provides is no container."""
    return [services[name] for name in sorted(services) if services[name].provider is None]
