"""``appliance.yaml`` as values, before anything is known about the services it speaks of."""

import re
import shlex
from collections.abc import Mapping
from pathlib import Path

from msgspec import Struct, field

from boxship.names import APPLIANCE_PATTERN
from boxship.spec.appliance_checks import build_checks, build_host_checks, build_limits, positive
from boxship.spec.appliance_preflight import build_preflight, version_of
from boxship.spec.fields import Fields
from boxship.spec.model import Check, Host, HostHooks, PreflightCheck, StatusCheck, Target
from boxship.spec.model_boot import API_SCOPES, Boot
from boxship.spec.model_build import Base, Budget, ContextPart, Wheels
from boxship.spec.model_checks import DISK_LIMITS, Limits
from boxship.spec.model_release import DataCompat, Keep, Rules
from boxship.spec.model_switch import OnSwitch
from boxship.spec.parts import build_budgets, build_contexts
from boxship.spec.report import Report
from boxship.spec.tree import Items, Node, Table
from boxship.spec.versions import parse_version
from boxship.where import Where

MAX_TARGETS = 100
MAX_KEPT_RELEASES = 100
"""Each is followed to all that it needs."""
_DIGEST_REFERENCE = re.compile(r"[^@\s]+@sha256:[0-9a-f]{64}")
NO_VERSION = "dev"


class ApplianceFile(Struct, frozen=True):
    """What one ``appliance.yaml`` says; ``places`` tells where each key path was written."""

    name: str | None = None
    version: str = NO_VERSION
    app: tuple[str, ...] = ()
    targets: Mapping[str, Target] = field(default_factory=dict)
    boot: Boot = field(default_factory=Boot)
    api: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    checks: Mapping[str, Check] = field(default_factory=dict)
    status_checks: Mapping[str, StatusCheck] = field(default_factory=dict)
    preflight: Mapping[str, PreflightCheck] = field(default_factory=dict)
    host: Host = field(default_factory=Host)
    on_switch: Mapping[str, OnSwitch] = field(default_factory=dict)
    disk_limits: Mapping[str, Limits] = field(default_factory=dict)
    bases: Mapping[str, Base] = field(default_factory=dict)
    wheels: Mapping[str, Wheels] = field(default_factory=dict)
    contexts: Mapping[str, tuple[ContextPart, ...]] = field(default_factory=dict)
    budgets: Mapping[str, Budget] = field(default_factory=dict)
    hooks: Mapping[str, HostHooks] = field(default_factory=dict)
    registry: str = ""
    rules: Rules = Rules()
    keep: Keep = Keep()
    waits_for_ready: bool | None = None
    """What a dependent waits for where depends_on says no more than "started"; None when nothing is said."""
    places: Mapping[str, Where] = field(default_factory=dict)
    wrong: frozenset[str] = frozenset()
    """Key paths whose value was wrong and left out: what they would have said isn't known."""


def build_appliance_file(document: Table, directory: Path, report: Report) -> ApplianceFile:
    """The checked document as values; problems go to the report."""
    fields = Fields(document, "", report)
    name = fields.filled("name")
    if name is not None and not APPLIANCE_PATTERN.fullmatch(name):
        fields.complain("name", f"'{name}' can't be an appliance's name", "lower-case letters, digits, '-' and '_'")
        name = None
    asked = build_checks(fields.table("checks"), _entries(fields, "checks"), directory, report)
    return ApplianceFile(
        name=name,
        version=fields.filled("version") or NO_VERSION,
        app=_app(fields),
        targets=_targets(fields),
        boot=_boot(fields.table("boot")),
        api=_api(fields),
        checks={check.name: gate for check, gate in asked if gate is not None},
        status_checks={check.name: check for check, _ in asked},
        preflight=build_preflight(fields.table("preflight"), _entries(fields, "preflight"), directory, report),
        host=_host(fields.table("host")),
        on_switch=_on_switch(fields),
        disk_limits=_disk_limits(fields),
        bases=_bases(fields, report),
        wheels=_wheels(fields, directory),
        contexts=build_contexts(fields.table("build"), directory),
        budgets=build_budgets(fields.table("build")),
        hooks=_hooks(fields),
        registry=_registry(fields),
        rules=_rules(fields.table("release")),
        keep=_keep(fields.table("keep")),
        waits_for_ready=_waits_for_ready(fields.table("boot")),
        places=dict(_places(document, "")),
        wrong=frozenset(_wrong(document, "")),
    )


def _places(table: Table, path: str) -> list[tuple[str, Where]]:
    found: list[tuple[str, Where]] = []
    for key, value in table.entries.items():
        inner = f"{path}.{key}" if path else key
        found.append((inner, value.where))
        if isinstance(value, Table):
            found += _places(value, inner)
        elif isinstance(value, Items):
            found += [(f"{inner}[{index}]", item.where) for index, item in enumerate(value.items)]
    return found


def _wrong(table: Table, path: str) -> list[str]:
    found: list[str] = []
    for key in table.keys:
        inner, value = f"{path}.{key}" if path else key, table.entries.get(key)
        if value is None:
            found.append(inner)
        elif isinstance(value, Table):
            found += _wrong(value, inner)
    return found


def _app(fields: Fields) -> tuple[str, ...]:
    single = fields.filled("app")
    return (single,) if single else fields.texts("app")


def _entries(fields: Fields, key: str) -> Mapping[str, Node]:
    node = fields.node(key)
    return node.entries if isinstance(node, Table) else {}


def _targets(fields: Fields) -> dict[str, Target]:
    section = fields.table("targets")
    targets: dict[str, Target] = {}
    entries = _entries(fields, "targets")
    if len(entries) > MAX_TARGETS:
        fields.complain("targets", f"more than {MAX_TARGETS:,} targets", "a target is one way to start the appliance")
        return {}
    for name, node in entries.items():
        roots = section.texts(name)
        if not roots:
            section.complain(name, f"the target '{name}' reaches no service", "list at least one")
        targets[name] = Target(name, roots, node.where)
    return targets


def _boot(section: Fields) -> Boot:
    attempts = section.integer("attempts")
    if attempts is not None and not 1 <= attempts <= 100:
        section.complain("attempts", f"{attempts} is not between 1 and 100")
    default = Boot()
    timeout_s = positive(section, "timeout")
    limit_s = positive(section, "heartbeat_limit")
    return Boot(
        target=section.filled("target") or default.target,
        attempts=default.attempts if attempts is None else attempts,
        timeout_s=default.timeout_s if timeout_s is None else timeout_s,
        heartbeat_limit_s=default.heartbeat_limit_s if limit_s is None else limit_s,
        fallback=section.filled("fallback"),
    )


def _api(fields: Fields) -> dict[str, tuple[str, ...]]:
    section = fields.table("api")
    found = {name: section.texts(name) for name in _entries(fields, "api")}
    for name, allowed in found.items():
        for each in allowed:
            if each not in API_SCOPES:
                hint = f"a service may have: {', '.join(API_SCOPES)}; what changes the box is a person's to ask for"
                section.complain(name, f"'{each}' is nothing that a service may be allowed", hint)
    return {name: tuple(each for each in allowed if each in API_SCOPES) for name, allowed in found.items()}


def _host(section: Fields) -> Host:
    needs = section.table("needs")
    return Host(
        sysctl=section.text_map("sysctl"),
        ram_bytes=needs.size("ram"),
        disk_bytes=needs.size("disk"),
        cpus=needs.integer("cpus"),
        kernel=version_of(needs, "kernel"),
        engine=version_of(needs, "engine"),
        modules=needs.texts("modules"),
        checks=build_host_checks(section.table("checks")),
    )


def _on_switch(fields: Fields) -> dict[str, OnSwitch]:
    section = fields.table("volumes")
    return {key: OnSwitch(section.table(key).text("on_switch") or OnSwitch.COPY) for key in _entries(fields, "volumes")}


def _disk_limits(fields: Fields) -> dict[str, Limits]:
    section = fields.table("volumes")
    names = [key for key in _entries(fields, "volumes") if section.table(key).has("disk")]
    return {key: build_limits(section.table(key).table("disk"), DISK_LIMITS) for key in names}


def _bases(fields: Fields, report: Report) -> dict[str, Base]:
    section = fields.table("build").table("bases")
    entries = _entries(fields.table("build"), "bases")
    return {key: _base(key, section.table(key), node, section.path(key), report) for key, node in entries.items()}


def _base(reference: str, section: Fields, node: Node, path: str, report: Report) -> Base:
    begins = [key for key in ("suite", "from", "image") if section.has(key)]
    if len(begins) != 1:
        begun = " and ".join(begins) if begins else "nothing"
        report.error(node.where, path, f"the base begins from {begun}", "give exactly one of suite, from, image")
    image = section.filled("image")
    if image is not None and not _DIGEST_REFERENCE.fullmatch(image):
        section.complain("image", f"'{image}' is not pinned", "name it by digest: name@sha256:...")
    if image is not None and section.has("packages"):
        section.complain("packages", "an image at a registry can't be given packages", "make a second base with 'from'")
    return Base(
        reference=reference,
        suite=section.filled("suite"),
        packages=section.texts("packages"),
        parent=section.filled("from"),
        digest_reference=image,
        where=node.where,
    )


def _wheels(fields: Fields, directory: Path) -> dict[str, Wheels]:
    build = fields.table("build")
    section = build.table("wheels")
    return {
        key: Wheels(
            service=key,
            requirements=directory / (section.table(key).text("requirements") or ""),
            into=section.table(key).filled("into") or "wheels",
            python=section.table(key).filled("python"),
            where=node.where,
        )
        for key, node in _entries(build, "wheels").items()
    }


def _hooks(fields: Fields) -> dict[str, HostHooks]:
    section = fields.table("hooks")
    return {name: _host_hooks(section.table(name)) for name in _entries(fields, "hooks")}


def _host_hooks(section: Fields) -> HostHooks:
    events = {event: _argv(section, event.replace("_", "-")) for event in HostHooks.__struct_fields__}
    return HostHooks(**events)


def _argv(section: Fields, key: str) -> tuple[str, ...]:
    """A command of this machine: a list, or text that is split at blanks and quotes; no shell reads it."""
    text = section.text(key)
    if text is None:
        return section.texts(key)
    try:
        return tuple(shlex.split(text))
    except ValueError as err:
        section.complain(key, f"the command can't be split: {str(err).lower()}", "write it as a list of arguments")
        return ()


def _registry(fields: Fields) -> str:
    text = fields.filled("registry") or ""
    host, slash, path = text.partition("/")
    if text and ("://" in text or not slash or not path or not ("." in host or ":" in host or host == "localhost")):
        fields.complain("registry", f"'{text}' is no repository of a registry", "such as registry.example.com/share")
        return ""
    return text


def _rules(section: Fields) -> Rules:
    oldest = section.filled("minimum_version") or ""
    if oldest and parse_version(oldest) is None:
        section.complain("minimum_version", f"'{oldest}' is no semantic version", "three numbers, for example 1.4.0")
        oldest = ""
    return Rules(oldest, DataCompat(section.text("data_compat") or DataCompat.COMPATIBLE))


def _keep(section: Fields) -> Keep:
    releases = section.integer("releases")
    if releases is not None and not 0 <= releases <= MAX_KEPT_RELEASES:
        section.complain("releases", f"{releases} is not between 0 and {MAX_KEPT_RELEASES}")
        return Keep()
    return Keep(releases or 0)


def _waits_for_ready(section: Fields) -> bool | None:
    words = {"ready": True, "started": False}
    return words.get(section.text("wait_for") or "")
