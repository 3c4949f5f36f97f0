"""What is read of an appliance before its builds are planned: its Dockerfiles, and which images to ask for."""

from collections.abc import Iterable, Iterator, Mapping

from msgspec.structs import replace

from boxship.build.context import read_dockerfile
from boxship.build.dockerfile import Dockerfile
from boxship.build.graph import image_reference
from boxship.build.known import build_address
from boxship.events import Notice
from boxship.plan.observed import Observed, with_default_tag
from boxship.spec.model import Appliance


def with_args(appliance: Appliance, args: Mapping[str, str]) -> Appliance:
    """The appliance with build arguments over its own: they may decide what an image begins from."""
    if not args:
        return appliance
    services = {
        name: replace(each, build=replace(each.build, args={**each.build.args, **args})) if each.build else each
        for name, each in appliance.services.items()
    }
    return replace(appliance, services=services)


def unused_args(args: Mapping[str, str], dockerfiles: Iterable[Dockerfile]) -> Iterator[Notice]:
    """A warning of each argument of the command line that nothing here declares."""
    found = tuple(dockerfiles)
    for name in args:
        if found and not any(dockerfile.declares(name) for dockerfile in found):
            yield Notice(f"--build-arg {name}: no Dockerfile has an ARG {name}", is_warning=True)


def own_references(appliance: Appliance) -> tuple[str, ...]:
    """Every reference that could be made here."""
    found = [*appliance.bases]
    for service in appliance.services.values():
        if service.build is not None:
            found += [image_reference(appliance, service), *service.build.tags]
    return tuple(dict.fromkeys(with_default_tag(reference) for reference in found))


def all_references(appliance: Appliance, dockerfiles: Mapping[str, Dockerfile]) -> tuple[str, ...]:
    """Those and every other that these Dockerfiles begin from, or bases are pinned to."""
    below = dict.fromkeys(
        with_default_tag(image)
        for name, dockerfile in dockerfiles.items()
        if (build := appliance.services[name].build) is not None
        for image in dockerfile.images(build.args, build.target)
    )
    pinned = (base.digest_reference for base in appliance.bases.values() if base.digest_reference)
    return tuple(dict.fromkeys((*own_references(appliance), *below, *pinned)))


def read_dockerfiles(
    appliance: Appliance, services: Iterable[str], observed: Observed | None = None
) -> dict[str, Dockerfile]:
    """The Dockerfiles of services, and of those whose images they begin from.

    With a snapshot, those are left out whose image is there.
    """
    builders = {
        with_default_tag(image_reference(appliance, service)): name
        for name, service in appliance.services.items()
        if service.build is not None
    }
    found: dict[str, Dockerfile] = {}
    pending = list(services)
    while pending:
        name = pending.pop()
        service = appliance.services[name]
        reference = image_reference(appliance, service)
        is_enough = observed is not None and observed.image(reference) is not None
        if service.build is None or name in found or is_enough:
            continue
        text, _ = read_dockerfile(service.build, build_address(appliance, name))
        found[name] = Dockerfile.parse(text)
        begins_from = found[name].images(service.build.args, service.build.target)
        pending += [builders[tag] for image in begins_from if (tag := with_default_tag(image)) in builders]
        contexts = service.build.additional_contexts.values()
        others = (source.removeprefix("service:") for source in contexts if source.startswith("service:"))
        pending += [other for other in others if other in appliance.services]
    # In the file's order, so that events and errors come out the same each time.
    return {name: found[name] for name in appliance.services if name in found}
