"""Secrets, configs, models and limits of services: names that nothing answers to, and what can't be had together."""

from pathlib import PurePosixPath

from boxship.spec.check_file import Names, list_known
from boxship.spec.check_scale import scale_problems
from boxship.spec.model import Appliance, Service
from boxship.spec.model_files import Grant, SharedFile
from boxship.spec.places import Place, Places
from boxship.spec.report import Report
from boxship.spec.secrets import grant_target, granted
from boxship.spec.tree import Items, Scalar, Table

_SHOWN_BY_HOST = ("uid", "gid", "mode")


def check_keys(service: Service, appliance: Appliance, names: Names, places: Places, report: Report) -> None:
    """Report what is wrong or without effect in one service's rarer keys."""
    _check_names(service, names, places, report)
    _check_copies(service, appliance, places, report)
    _check_build(service, names, places, report)
    for grant, shared in granted(service, appliance.secrets, appliance.configs):
        _check_grant(service, grant, shared, places, report)
    _warn_of_mount_labels(service, places, report)
    _warn_of_socket(service, places, report)


def _check_names(service: Service, names: Names, places: Places, report: Report) -> None:
    for key, kind, used, known in (
        ("secrets", "secret", tuple(grant.source for grant in service.secrets), names.secrets),
        ("configs", "config", tuple(grant.source for grant in service.configs), names.configs),
        ("models", "model", tuple(service.models), names.models),
        ("build", "secret", tuple(grant.source for grant in _build_secrets(service)), names.secrets),
    ):
        for name in used:
            if name not in known:
                path, where = _granted_at(places, service.name, key, name)
                top = f"{kind}s"
                hint = report.suggest(name, known) or list_known(known) or f"declare it under the top-level {top}"
                report.error(where, path, f"unknown {kind} '{name}'", hint, code="unknown-name")


def _build_secrets(service: Service) -> tuple[Grant, ...]:
    return service.build.secrets if service.build else ()


def _granted_at(places: Places, service: str, key: str, source: str) -> Place:
    """The entry of ``secrets`` or ``configs`` that says ``source``."""
    table = places.service(service)
    node = table.entries.get(key) if table is not None else None
    for index, item in enumerate(node.items if isinstance(node, Items) else ()):
        named = item.entries.get("source") if isinstance(item, Table) else None
        if isinstance(named, Scalar) and named.value == source:
            return Place(f"services.{service}.{key}[{index}]", named.where)
    return places.entry(service, key, source)


def _check_copies(service: Service, appliance: Appliance, places: Places, report: Report) -> None:
    """A name can't be had twice. The rest is for ``up`` to refuse, which may be told another scale."""
    if service.container_name is not None and service.scale > 1:
        path, where = places.key(service.name, "container_name")
        reason = f"'{service.container_name}' can be the name of one container, and there are to be {service.scale}"
        report.error(where, path, reason, "leave it out", code="conflicting-keys")
    for problem in scale_problems(service, appliance):
        if not problem.path.endswith(".container_name"):
            report.warn(problem.where, problem.path, f"up will refuse this: {problem.reason}", problem.hint)


def _check_build(service: Service, names: Names, places: Places, report: Report) -> None:
    build = service.build
    if build is None:
        return
    path, where = places.key(service.name, "build")
    if service.platform and build.platforms and service.platform not in build.platforms:
        reason = f"the service's platform {service.platform} is none of {', '.join(build.platforms)}"
        report.error(where, f"{path}.platforms", reason, "add it", code="conflicting-keys")
    for key, source in build.additional_contexts.items():
        other = source.removeprefix("service:")
        if other != source and other not in names.services:
            hint = report.suggest(other, names.services) or list_known(names.services)
            inner = f"{path}.additional_contexts.{key}"
            report.error(where, inner, f"unknown service '{other}'", hint, code="unknown-name")


def _check_grant(service: Service, grant: Grant, shared: SharedFile, places: Places, report: Report) -> None:
    path, where = _granted_at(places, service.name, f"{shared.kind}s", grant.source)
    given = [key for key in _SHOWN_BY_HOST if getattr(grant, key) is not None]
    target = grant_target(grant, shared)
    if shared.external:
        reason = f"the {shared.kind} '{shared.key}' is external, and this engine keeps none: `up` refuses it"
        report.warn(where, path, reason, "give it a file, or a variable of the environment")
    elif given and not shared.is_copied:
        reason = (
            f"{' and '.join(given)} cannot be honoured by a single-host engine because it shows the host's own file"
        )
        hint = "change the file's owner and mode, or take the content from an environment variable"
        report.warn(where, path, reason, hint, code="unhonoured-key")
    elif shared.is_copied and service.read_only:
        reason = f"'{shared.key}' is copied into the container, and read_only refuses that: `up` will fail"
        report.warn(where, path, reason, f"put it into a file, which is mounted: {shared.kind}s.{shared.key}.file")
    elif shared.is_copied and (hidden := _hidden_by(service, target)):
        reason = f"{target} is copied into the container, and the tmpfs at {hidden} hides it"
        report.warn(where, path, reason, "choose another target, or put it into a file, which is mounted")


def _hidden_by(service: Service, target: str) -> str:
    above = {str(parent) for parent in PurePosixPath(target).parents} - {"/"}
    hiding = (mount.target for mount in service.mounts if mount.kind == "tmpfs")
    return next((place for place in hiding if place.rstrip("/") in above), "")


def _warn_of_mount_labels(service: Service, places: Places, report: Report) -> None:
    for mount in service.mounts:
        if mount.kind == "volume" and mount.source is not None and mount.labels:
            path, where = places.mount(service.name, mount.target)
            reason = "labels cannot be honoured here because a mount of a named volume doesn't make the volume"
            hint = f"write them under volumes.{mount.source}.labels"
            report.warn(where, f"{path}.volume.labels", reason, hint, code="unhonoured-key")


def _warn_of_socket(service: Service, places: Places, report: Report) -> None:
    if service.use_api_socket:
        path, where = places.key(service.name, "use_api_socket")
        reason = "the engine's socket gives this service the whole machine"
        hint = "is there another way to what it wants? A box refuses it unless x-boxship allows it"
        report.warn(where, path, reason, hint, code="engine-socket")
