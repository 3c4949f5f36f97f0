"""Which images an appliance makes, and which of them begin from which: pure.

An image is a base (made from packages or pulled by digest) or a Dockerfile build of one or more services. Edges are
what Dockerfiles and bases say about images of the same appliance; images from elsewhere are the builder's to fetch.
"""

from collections.abc import Iterable, Mapping
from typing import assert_never

from msgspec import Struct, field
from msgspec.structs import replace

from boxship.build.dockerfile import Dockerfile
from boxship.errors import BuildError
from boxship.plan.containers import image_reference as created_from
from boxship.plan.observed import Observed, with_default_tag
from boxship.spec.model import Appliance, Build, Service
from boxship.spec.model_build import Base, ContextPart, Wheels

_IMAGE = "docker-image://"


class ImageBuild(Struct, frozen=True):
    """One image to make. ``references``: all its tags, the first names it. ``needs``: other images' names.

    ``begins_from``: every image that its Dockerfile names, also those from elsewhere. ``services`` is empty for a base.
    """

    references: tuple[str, ...]
    made_from: Base | Build
    services: tuple[str, ...] = ()
    needs: tuple[str, ...] = ()
    begins_from: tuple[str, ...] = ()
    is_present: bool = False
    platform: str | None = None
    wheels: Wheels | None = None
    parts: tuple[ContextPart, ...] = ()
    """What is laid over its context."""
    contexts: Mapping[str, str] = field(default_factory=dict)
    """Compose's further contexts by name, with images of services by their reference; only BuildKit reads them."""
    is_begun_from: bool = False
    """Another image of the appliance begins from it."""

    @property
    def name(self) -> str:
        """The reference that it is called by, with its tag."""
        return self.references[0]

    @property
    def subject(self) -> str:
        """What events call it."""
        return subject_of(self.name)


def subject_of(reference: str) -> str:
    """What events call an image."""
    return f"image:{reference.removesuffix(':latest')}"


def image_reference(appliance: Appliance, service: Service) -> str:
    """The reference that a service's containers are created from, "" when it has neither image nor build."""
    has_any = service.image is not None or service.build is not None
    return created_from(appliance.name, service) if has_any else ""


def plan_builds(
    appliance: Appliance, services: Iterable[str], dockerfiles: Mapping[str, Dockerfile], observed: Observed
) -> tuple[ImageBuild, ...]:
    """The images that services need made, each after those that it begins from.

    Args:
        appliance: The whole appliance.
        services: Whose images are wanted; what those begin from comes along.
        dockerfiles: Of every service with a build that may come along.
        observed: What the engine has.

    Raises:
        BuildError: Images begin from each other, or one tag would name two different images.
    """
    builds = {build.name: build for build in _all_builds(appliance, dockerfiles, observed)}
    by_reference = {with_default_tag(tag): build.name for build in builds.values() for tag in build.references}
    needs = {name: _needs(build, by_reference) for name, build in builds.items()}
    wanted = [with_default_tag(image_reference(appliance, appliance.services[name])) for name in services]
    ordered = _in_order([by_reference[tag] for tag in wanted if tag in by_reference], needs)
    begun_from = {need for name in ordered for need in needs[name]}
    return tuple(replace(builds[name], needs=needs[name], is_begun_from=name in begun_from) for name in ordered)


def _all_builds(
    appliance: Appliance, dockerfiles: Mapping[str, Dockerfile], observed: Observed
) -> Iterable[ImageBuild]:
    builds: list[ImageBuild] = [
        ImageBuild((with_default_tag(reference),), base) for reference, base in appliance.bases.items()
    ]
    for name, dockerfile in dockerfiles.items():
        build = _service_build(appliance, appliance.services[name], dockerfile)
        same = next((at for at, other in enumerate(builds) if _gives_the_same(build, other)), None)
        if same is None:
            builds.append(build)
        else:
            builds[same] = _merged(builds[same], build)
    _demand_distinct_tags(builds)
    return [replace(build, is_present=_is_present(build, observed)) for build in builds]


def _service_build(appliance: Appliance, service: Service, dockerfile: Dockerfile) -> ImageBuild:
    build = service.build or Build(appliance.directory)
    reference = with_default_tag(image_reference(appliance, service))
    contexts = {name: _context(appliance, source) for name, source in build.additional_contexts.items()}
    images = (image for image in dockerfile.images(build.args, build.target) if image not in contexts)
    in_contexts = (source.removeprefix(_IMAGE) for source in contexts.values() if source.startswith(_IMAGE))
    return ImageBuild(
        references=tuple(dict.fromkeys((reference, *(with_default_tag(tag) for tag in build.tags)))),
        made_from=build,
        services=(service.name,),
        begins_from=tuple(dict.fromkeys(with_default_tag(image) for image in (*images, *in_contexts))),
        platform=service.platform,
        wheels=appliance.wheels.get(service.name),
        parts=appliance.contexts.get(service.name, ()),
        contexts=contexts,
    )


def _context(appliance: Appliance, source: str) -> str:
    """A further context as the docker CLI takes it: the image of a service by its reference."""
    other = appliance.services.get(source.removeprefix("service:")) if source.startswith("service:") else None
    return source if other is None else f"{_IMAGE}{with_default_tag(image_reference(appliance, other))}"


def _gives_the_same(one: ImageBuild, other: ImageBuild) -> bool:
    """Services that build the same folder in the same way share one image under several tags."""
    is_alike = one.made_from == other.made_from and one.platform == other.platform and one.parts == other.parts
    return is_alike and _same(one.wheels, other.wheels)


def _same(one: Wheels | None, other: Wheels | None) -> bool:
    if one is None or other is None:
        return one is other
    return (one.requirements, one.into, one.python) == (other.requirements, other.into, other.python)


def _merged(one: ImageBuild, other: ImageBuild) -> ImageBuild:
    references = tuple(dict.fromkeys((*one.references, *other.references)))
    return replace(one, references=references, services=(*one.services, *other.services))


def _is_present(build: ImageBuild, observed: Observed) -> bool:
    return all(observed.image(reference) is not None for reference in build.references)


def _demand_distinct_tags(builds: Iterable[ImageBuild]) -> None:
    owners: dict[str, ImageBuild] = {}
    for build in builds:
        for reference in build.references:
            other = owners.setdefault(reference, build)
            if other is not build:
                raise BuildError(
                    f"{reference} would be the image of both {_owner(other)} and {_owner(build)}",
                    hint="give each an image name of its own",
                    image=reference,
                )


def _owner(build: ImageBuild) -> str:
    return f"service {build.services[0]}" if build.services else "a base"


def _needs(build: ImageBuild, by_reference: Mapping[str, str]) -> tuple[str, ...]:
    match build.made_from:
        case Base(parent=parent):
            named = [with_default_tag(parent)] if parent else []
        case Build():
            named = list(build.begins_from)
        case _:
            assert_never(build.made_from)
    return tuple(dict.fromkeys(by_reference[reference] for reference in named if reference in by_reference))


def _in_order(wanted: Iterable[str], needs: Mapping[str, tuple[str, ...]]) -> list[str]:
    """Depth first, what is needed before what needs it. Raises: BuildError with the circle."""
    done: dict[str, None] = {}

    def visit(name: str, path: tuple[str, ...]) -> None:
        if name in path:
            circle = " -> ".join((*path[path.index(name) :], name))
            raise BuildError(f"images begin from each other: {circle}", hint="break the circle", image=name)
        if name in done:
            return
        for other in needs[name]:
            visit(other, (*path, name))
        done[name] = None

    for name in wanted:
        visit(name, ())
    return list(done)
