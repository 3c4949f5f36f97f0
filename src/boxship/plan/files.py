"""Secrets and configs of a container: files of the host are mounted, everything else is copied in before the start.

Source: docker compose 2.40.3 does the same on an engine without swarm.
"""

from collections.abc import Iterator

from boxship.errors import SpecError
from boxship.plan.action import CopiedFile, CopyFiles, EngineMount
from boxship.plan.graph import PlanBuilder
from boxship.plan.resolve import Desired, Replica
from boxship.spec.model import Service
from boxship.spec.model_files import Grant, SharedFile
from boxship.spec.secrets import grant_target, granted
from boxship.where import Problem, Where

_READABLE = 0o444
_NO_LINUX = {"npipe": "only Windows has named pipes", "cluster": "only a swarm has cluster volumes"}


def file_mounts(service: Service, desired: Desired) -> tuple[EngineMount, ...]:
    """The secrets and configs that are files of the host, as read-only binds."""
    return tuple(
        EngineMount("bind", grant_target(grant, shared), shared.file, read_only=True, create_host_path=False)
        for grant, shared in granted(service, desired.secrets, desired.configs)
        if shared.file is not None and not shared.external
    )


def copied_files(service: Service, desired: Desired) -> tuple[CopiedFile, ...]:
    """The others, with their content."""
    return tuple(
        CopiedFile(
            target=grant_target(grant, shared),
            content=shared.value,
            uid=_number(grant.uid) or 0,
            gid=_number(grant.gid) or 0,
            mode=int(grant.mode, 8) if grant.mode else _READABLE,
        )
        for grant, shared in granted(service, desired.secrets, desired.configs)
        if shared.is_copied and shared.value is not None
    )


def file_parts(service: Service, desired: Desired) -> dict[str, object]:
    """What makes a container another one: where its secrets and configs are, whose, and their fingerprints."""
    parts: dict[str, list[object]] = {}
    for grant, shared in granted(service, desired.secrets, desired.configs):
        owner = (grant.uid, grant.gid, grant.mode) if shared.is_copied else ()
        parts.setdefault(f"{shared.kind}s", []).append([grant_target(grant, shared), *owner, shared.fingerprint])
    return {**parts}


def add_copy(builder: PlanBuilder, replica: Replica, container: str, files: tuple[CopiedFile, ...]) -> str:
    """Add the step ``copy NAME`` where there is something to copy; its key."""
    key = f"copy {replica.name}"
    if files:
        builder.add(
            key,
            CopyFiles(container, files),
            subject=f"service:{replica.name}",
            cause="its secrets and configs that are no files of the host",
            after=[f"create {replica.name}", f"mark {replica.name}"],
        )
    return key


def refuse_impossible(desired: Desired) -> None:
    """Raises: SpecError with everything that no engine without swarm can give the services."""
    problems = [
        problem for service in desired.services if service.scale > 0 for problem in _impossible(service, desired)
    ]
    if problems:
        raise SpecError(problems)


def _impossible(service: Service, desired: Desired) -> Iterator[Problem]:
    for grant, shared in granted(service, desired.secrets, desired.configs):
        key = f"{shared.kind}s"
        if shared.external:
            reason = (
                f"the {shared.kind} '{shared.name or shared.key}' is external, and an engine without swarm keeps none"
            )
            yield _problem(service, key, reason, "give it a file, or a variable of the environment")
        elif shared.is_copied and shared.value is None:
            reason = f"the {shared.kind} '{shared.key}' needs the variable {shared.environment}, which is not set"
            yield _problem(service, key, reason, "set it in the shell or in .env")
        elif shared.is_copied:
            yield from _wrong_owners(service, key, grant, shared)
    for mount in service.mounts:
        if mount.kind in _NO_LINUX:
            reason = f"{mount.target} is of type {mount.kind}, and {_NO_LINUX[mount.kind]}"
            yield _problem(service, "volumes", reason, "use a volume or a bind")


def _wrong_owners(service: Service, key: str, grant: Grant, shared: SharedFile) -> Iterator[Problem]:
    for what, text in (("uid", grant.uid), ("gid", grant.gid)):
        if text is not None and _number(text) is None:
            reason = f"the {what} '{text}' of '{shared.key}' is no number"
            yield _problem(service, key, reason, "names of users are known inside the image only")


def _number(text: str | None) -> int | None:
    return int(text) if text is not None and text.isascii() and text.isdecimal() and len(text) < 11 else None


def _problem(service: Service, key: str, reason: str, hint: str) -> Problem:
    where = service.where.get(key, service.where.get("", Where("")))
    return Problem(where, f"services.{service.name}.{key}", reason, hint, code="invalid-value")
