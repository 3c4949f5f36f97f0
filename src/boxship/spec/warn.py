"""Habits that are allowed and bite an appliance later. ``x-boxship: {allow: [CODE]}`` silences them."""

from collections.abc import Iterator, Mapping

from boxship.spec.codes import ALLOWABLE
from boxship.spec.fields import Fields
from boxship.spec.model import Appliance, Condition, Mount, Service
from boxship.spec.places import Places
from boxship.spec.report import Report
from boxship.spec.scalars import text_of
from boxship.spec.secrecy import is_secret_name, is_secret_value
from boxship.spec.sockets import ENGINE_SOCKET, has_engine_socket
from boxship.spec.tree import Items, Scalar, Table
from boxship.where import Related, Where

EXTENSION = "x-boxship"
_EVERYWHERE = ("/dev", "/proc", "/sys", "/lib/modules", "/etc/localtime", "/etc/timezone")
"""What every Linux host has, and means the same on each."""


def warn_about(appliance: Appliance, document: Table | None, environment: Mapping[str, str], report: Report) -> None:
    """Report what is doubtful about services and what they share."""
    _obey_allowances(document, report)
    places = Places(document)
    for service in appliance.services.values():
        _warn_of_image(service, places, report)
        _warn_of_mounts(service, appliance, places, report)
        _warn_of_power(service, places, report)
        _warn_of_secrets(service, places, report)
    _warn_of_waiting(appliance, places, report)
    _warn_of_shared_volumes(appliance, places, report)
    _warn_of_unset_secrets(document, environment, report)


def _obey_allowances(document: Table | None, report: Report) -> None:
    root = Fields(document)
    services = root.node("services")
    _allow(root.table(EXTENSION), "", report)
    for name, table in (services.entries if isinstance(services, Table) else {}).items():
        _allow(Fields(table).table(EXTENSION), f"services.{name}", report)


def _allow(extension: Fields, path: str, report: Report) -> None:
    listed = extension.node("allow")
    items = [item for item in listed.items if isinstance(item, Scalar)] if isinstance(listed, Items) else []
    codes = [(text_of(item.value), item.where) for item in items]
    for code, where in codes:
        if code not in ALLOWABLE:
            hint = report.suggest(code, ALLOWABLE) or f"codes: {', '.join(sorted(ALLOWABLE))}"
            inner = f"{path}.{EXTENSION}.allow" if path else f"{EXTENSION}.allow"
            report.warn(where, inner, f"no warning has the code '{code}'", hint, code="unknown-code")
    if codes:
        report.allow(path, [code for code, _ in codes])


def _warn_of_image(service: Service, places: Places, report: Report) -> None:
    if service.build is None and service.image is not None and not _is_pinned(service.image):
        if places.unset(service.name, "image"):
            return  # the variable is warned about, and its value may be the version
        path, where = places.value(service.name, "image")
        hint = "give a tag other than latest, or a digest"
        report.warn(where, path, f"'{service.image}' has no version", hint, code="untagged-image")


def _is_pinned(reference: str) -> bool:
    if "@sha256:" in reference:
        return True
    _, colon, tag = reference.rpartition("/")[2].partition(":")
    return bool(colon) and tag not in {"", "latest"}


def _warn_of_mounts(service: Service, appliance: Appliance, places: Places, report: Report) -> None:
    for mount in service.mounts:
        source = mount.source or ""
        if mount.kind != "bind":
            continue
        if has_engine_socket(source):
            path, where = places.mount(service.name, mount.target)
            reason = f"{source} gives this service the whole machine"
            hint = "is there another way to what it wants? A box refuses it unless x-boxship allows it"
            report.warn(where, path, reason, hint, code=ENGINE_SOCKET)
        elif not _is_at_home(source, str(appliance.directory)):
            path, where = places.mount(service.name, mount.target)
            reason = f"{source} lies outside the appliance, and another machine doesn't have it"
            report.warn(where, path, reason, _host_path_hint(mount), code="host-path")


def _is_at_home(source: str, directory: str) -> bool:
    if source == directory or source.startswith(f"{directory.rstrip('/')}/"):
        return True
    return any(source == known or source.startswith(f"{known}/") for known in _EVERYWHERE)


def _host_path_hint(mount: Mount) -> str:
    return "put the file beside the Compose file" if mount.read_only else "keep data in a volume, files in the image"


def _warn_of_power(service: Service, places: Places, report: Report) -> None:
    if service.privileged:
        path, where = places.key(service.name, "privileged")
        hint = "name what it needs with devices: and cap_add:"
        report.warn(where, path, "a privileged container may do whatever root may", hint, code="privileged")


def _warn_of_secrets(service: Service, places: Places, report: Report) -> None:
    found = sorted((where, name) for name, where in _plain_secrets(service, places, report))
    if not found:
        return
    (where, name), *others = found
    several = f" and {len(others)} more" if others else ""
    verb = "are" if others else "is"
    report.warn(
        where,
        f"services.{service.name}.environment.{name}",
        f"{name}{several} {verb} written in the file for everybody to read",
        f"take it from .env or the shell: ${{{name}:?}}",
        code="plain-secret",
        related=tuple(Related(where, name) for where, name in others),
    )


def _plain_secrets(service: Service, places: Places, report: Report) -> Iterator[tuple[str, Where]]:
    table = places.service(service.name)
    node = table.entries.get("environment") if table is not None else None
    for name, value in (node.entries if isinstance(node, Table) else {}).items():
        if not isinstance(value, Scalar) or not report.is_literal(value.where):
            continue
        if is_secret_name(name) and is_secret_value(text_of(value.value)):
            yield name, value.where


def _warn_of_waiting(appliance: Appliance, places: Places, report: Report) -> None:
    """One warning for each service that nothing is asked of, at the first that waits for it."""
    waiting: dict[str, list[str]] = {}
    for service in appliance.services.values():
        for name, edge in service.depends_on.items():
            if edge.condition is Condition.HEALTHY and _is_never_asked(appliance, name):
                waiting.setdefault(name, []).append(service.name)
    for name, (first, *others) in waiting.items():
        path, where = places.dependency(first, name)
        report.warn(
            where,
            path,
            f"'{name}' must become healthy, and the files don't say how that is found out",
            f"give '{name}' a healthcheck or a check in appliance.yaml, unless its image has one",
            code="no-healthcheck",
            related=tuple(Related(places.dependency(other, name).where, other) for other in others),
        )


def _is_never_asked(appliance: Appliance, name: str) -> bool:
    service = appliance.services.get(name)
    if service is None or name in appliance.checks:
        return False
    return service.healthcheck is None or service.healthcheck.is_disabled


def _warn_of_shared_volumes(appliance: Appliance, places: Places, report: Report) -> None:
    """One warning for each volume, at its second writer."""
    writers: dict[str, list[tuple[Service, Mount]]] = {}
    for service in appliance.services.values():
        for mount in service.mounts:
            if mount.kind == "volume" and mount.source is not None and not mount.read_only:
                writers.setdefault(mount.source, []).append((service, mount))
    for volume, written in writers.items():
        first = written[0][0]
        others = [(service, mount) for service, mount in written if service is not first]
        for service, mount in others[:1]:
            path, where = places.mount(service.name, mount.target)
            report.warn(
                where,
                path,
                f"'{volume}' is also written by the service '{first.name}'",
                "mount it read-only (:ro) where nothing writes",
                code="shared-volume",
                related=tuple(
                    Related(places.mount(each.name, its.target).where, each.name)
                    for each, its in written
                    if each is not service
                ),
            )


def _warn_of_unset_secrets(document: Table | None, environment: Mapping[str, str], report: Report) -> None:
    secrets = Fields(document).node("secrets")
    for name, secret in (secrets.entries if isinstance(secrets, Table) else {}).items():
        node = secret.entries.get("environment") if isinstance(secret, Table) else None
        if isinstance(node, Scalar) and text_of(node.value) not in environment:
            variable = text_of(node.value)
            hint = report.suggest(variable, environment) or "set it in the shell or in .env"
            path = f"secrets.{name}.environment"
            report.warn(node.where, path, f"the variable {variable} is not set", hint, code="unset-secret")
