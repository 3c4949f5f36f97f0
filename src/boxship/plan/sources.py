"""What containers that a plan makes take from the host itself, and the engine would not make: it has to be there."""

from collections.abc import Iterable, Iterator

from msgspec import Struct

from boxship.errors import SpecError
from boxship.plan.access import BOX_FOLDER
from boxship.plan.action import CreateContainer, Plan
from boxship.plan.containers import API_SOCKET
from boxship.plan.resolve import Desired
from boxship.spec.model import Service
from boxship.spec.secrets import granted
from boxship.where import Problem, Where


class Source(Struct, frozen=True):
    """A path of the host that a service's ``key`` names; ``what`` it is, for people."""

    service: Service
    key: str
    what: str
    path: str


def host_sources(plan: Plan, desired: Desired) -> tuple[Source, ...]:
    """Each once, in the plan's order."""
    found = {
        (source.service.name, source.path): source
        for step in plan.steps
        if isinstance(step.action, CreateContainer)
        for source in _sources(step.action, desired)
    }
    return tuple(found.values())


def _sources(action: CreateContainer, desired: Desired) -> Iterator[Source]:
    service = action.spec.service
    shared = {
        each.file: (f"{each.kind}s", f"the file of {each.kind} '{each.key}'")
        for _, each in granted(service, desired.secrets, desired.configs)
        if each.file is not None
    }
    for mount in action.spec.mounts:
        is_vendors = mount != API_SOCKET and mount.target != BOX_FOLDER
        if mount.kind == "bind" and not mount.create_host_path and is_vendors:
            key, what = shared.get(mount.source, ("volumes", "the source of a bind mount"))
            yield Source(service, key, what, mount.source)


def absent(sources: Iterable[Source]) -> SpecError:
    """The error for paths that aren't there, all at once."""
    return SpecError([_problem(source) for source in sources])


def _problem(source: Source) -> Problem:
    service = source.service
    where = service.where.get(source.key, service.where.get("", Where("")))
    return Problem(
        where,
        f"services.{service.name}.{source.key}",
        f"{source.what}, {source.path}, does not exist on this host",
        "create it, or correct the path",
        code="unreadable-file",
    )
