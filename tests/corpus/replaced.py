"""The second Compose file that lets a real project start on any machine: other images, names and ports, nothing else.

What is replaced, for each service: the image (with its entry point and pull policy), the host's side of its ports,
``container_name``, and the source of mounts that lie outside the project's folder; names of networks and volumes that
the whole machine shares, and subnets that the engine may have given to somebody else. The rest is the project's own.
"""

import json
import re
import resource
from collections.abc import Iterable, Iterator, Mapping
from ipaddress import IPv4Address, IPv4Network
from pathlib import Path
from typing import Any

from tests.corpus.projects import PROJECT, Project
from tests.corpus.stand_in import ENDS, PORTS, RUN

OVERRIDE = "stand-in.yaml"
_ONE_SHOT = "service_completed_successfully"
_HEALTHY = "service_healthy"
_ANY_PORT = 4000
"""For a service that says nothing of its ports: its health check must have something to wait for."""
_POOLS = tuple(map(IPv4Network, ("172.16.0.0/12", "192.168.0.0/16")))
"""Where an engine takes the subnets from that it chooses itself."""
_ASIDE = IPv4Network("10.233.0.0/16")
_URL_PORT = re.compile(r"(?:localhost|127\.0\.0\.1):(\d+)")


def write_override(project: Project, directory: Path, name: str, image: str) -> None:
    """Write it beside the copy of the project in ``directory``; ``name`` is the appliance's."""
    needed: dict[str, set[str]] = {}
    for each in project.dependencies():
        needed.setdefault(each.on, set()).add(each.condition)
    lines = ["services:"]
    for service, keys in project.services.items():
        lines.append(f"  {json.dumps(service)}:")
        lines += (f"    {line}" for line in _service(keys, name, image, needed.get(service, set())))
        for mount in _binds(keys):
            _provide(directory / _place(mount["source"]))
    for kind in ("secrets", "configs"):
        for thing in (project.model.get(kind) or {}).values():
            if thing.get("file"):
                _provide(directory / _place(thing["file"]))
    for kind in ("networks", "volumes"):
        lines += _changed(kind, project.model.get(kind) or {}, name)
    (directory / OVERRIDE).write_text("\n".join((*lines, "")))


def _service(keys: Mapping[str, Any], name: str, image: str, needed: set[str]) -> Iterator[str]:
    yield f"image: {json.dumps(image)}"
    yield "pull_policy: never"
    if keys.get("entrypoint") is not None:
        yield f"entrypoint: {json.dumps([RUN, *keys['entrypoint']])}"
    ports = keys.get("ports") or ()
    if ports:
        moved = [f"127.0.0.1::{port['target']}/{port['protocol']}" for port in ports]
        yield f"ports: !override {json.dumps(list(dict.fromkeys(moved)))}"
    if keys.get("container_name"):
        unique = f"{name}.{keys['container_name']}"
        yield f"container_name: {json.dumps(unique)}"
    yield f"environment: {json.dumps(_environment(keys, ends=_ONE_SHOT in needed))}"
    if _HEALTHY in needed and not keys.get("healthcheck"):
        # Its own image brings one.
        yield "healthcheck: {test: [CMD, stand-in-listens]}"
    if keys.get("privileged"):
        # An engine inside a container may not give what it hasn't got.
        yield "privileged: false"
    outside = [
        {**mount, "source": f"./{_place(mount['source'])}"} for mount in _binds(keys) if _is_outside(mount["source"])
    ]
    if outside:
        yield f"volumes: {json.dumps(outside)}"
    fixed = {
        network: {"ipv4_address": _aside(own["ipv4_address"])}
        for network, own in (keys.get("networks") or {}).items()
        if own and own.get("ipv4_address")
    }
    if fixed:
        yield f"networks: {json.dumps(fixed)}"
    if keys.get("dns"):
        yield f"dns: !override {json.dumps(list(map(_aside, keys['dns'])))}"
    if keys.get("ulimits"):
        yield f"ulimits: {json.dumps(_allowed(keys['ulimits']))}"


def _environment(keys: Mapping[str, Any], *, ends: bool) -> dict[str, str]:
    if ends:
        return {ENDS: "yes"}
    # On the host's network a port that the stand-in opens would be the host's.
    ports = set() if keys.get("network_mode") == "host" else _listened(keys) or {_ANY_PORT}
    return {PORTS: " ".join(map(str, sorted(ports)))}


def _allowed(limits: Mapping[str, Any]) -> dict[str, Any]:
    """No more than this machine's own hard limits, which an engine inside a container may not exceed."""
    return {
        name: {key: _at_most(value, name) for key, value in limit.items()}
        if isinstance(limit, Mapping)
        else _at_most(limit, name)
        for name, limit in limits.items()
    }


def _at_most(value: int, name: str) -> int:
    _, hard = resource.getrlimit(getattr(resource, f"RLIMIT_{name.upper()}"))
    if hard == resource.RLIM_INFINITY:
        return value
    return hard if value < 0 else min(value, hard)


def _listened(keys: Mapping[str, Any]) -> set[int]:
    """The TCP ports that a service says it listens on: published, exposed, or asked for by its health check."""
    published = {int(port["target"]) for port in keys.get("ports") or () if port["protocol"] == "tcp"}
    exposed = {int(text) for text in map(str, keys.get("expose") or ()) if text.isdecimal()}
    test = " ".join((keys.get("healthcheck") or {}).get("test") or ())
    return published | exposed | set(map(int, _URL_PORT.findall(test)))


def _binds(keys: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    return [mount for mount in keys.get("volumes") or () if mount["type"] == "bind"]


def _is_outside(source: str) -> bool:
    return not f"{source}/".startswith(f"{PROJECT}/")


def _place(source: str) -> str:
    """Where a mount's source lies in the copy of the project."""
    return f"outside/{source.strip('/')}".rstrip("/") if _is_outside(source) else source[len(PROJECT) :].strip("/")


def _provide(path: Path) -> None:
    """What the project's own repository has there and the corpus doesn't: nothing reads it, so it is empty."""
    if path.exists():
        return
    if path.suffix:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch(mode=0o755)
    else:
        path.mkdir(parents=True)


def _changed(kind: str, things: Mapping[str, Any], name: str) -> Iterator[str]:
    """Whatever doesn't take the appliance's name by itself, and subnets that may be taken."""
    lines = []
    for key, thing in things.items():
        if _is_shared(key, thing):
            lines.append((key, "name: " + json.dumps(f"{name}.{thing['name']}")))
        ranges = _ranges(thing)
        if ranges:
            lines.append((key, f"ipam: {{config: !override {json.dumps(list(_ranges_aside(ranges)))}}}"))
    if lines:
        yield f"{kind}:"
    for key in dict.fromkeys(key for key, _ in lines):
        yield f"  {json.dumps(key)}:"
        yield from (f"    {line}" for owner, line in lines if owner == key)


def _is_shared(key: str, thing: Mapping[str, Any]) -> bool:
    """The recorded models' appliance is called ``proj``."""
    return bool(thing.get("external")) or thing.get("name", f"proj_{key}") != f"proj_{key}"


def _ranges(thing: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    return (thing.get("ipam") or {}).get("config") or []


def _ranges_aside(ranges: Iterable[Mapping[str, Any]]) -> Iterator[Mapping[str, Any]]:
    for each in ranges:
        moved = {key: _aside(each[key]) for key in ("subnet", "gateway", "ip_range") if each.get(key)}
        yield {**each, **moved}


def _aside(address: str) -> str:
    """An address or range, or its like where no engine gives networks by itself: whose it is there must not matter."""
    text, slash, length = address.partition("/")
    try:
        number = IPv4Address(text)
    except ValueError:
        return address
    if not any(number in pool for pool in _POOLS):
        return address
    moved = IPv4Address(int(_ASIDE.network_address) | int(number) & int(_ASIDE.hostmask))
    return f"{moved}{slash}{length}"


def external_names(project: Project, kind: str, name: str) -> tuple[str, ...]:
    """What somebody else must have made before: ``networks`` or ``volumes``, under the names of the override."""
    things = project.model.get(kind) or {}
    return tuple(f"{name}.{thing['name']}" for thing in things.values() if thing.get("external"))


def replaced(project: Project) -> tuple[str, ...]:
    """What the override replaces, in words, beside the images."""
    services = project.services.values()
    healthy = {each.on for each in project.dependencies() if each.condition == _HEALTHY}
    things = [item for kind in ("networks", "volumes") for item in (project.model.get(kind) or {}).items()]
    found = {
        "builds": any(keys.get("build") for keys in services),
        "entry points": any(keys.get("entrypoint") is not None for keys in services),
        "ports of the host": any(keys.get("ports") for keys in services),
        "container names": any(keys.get("container_name") for keys in services),
        "mounts from outside its folder": any(
            _is_outside(mount["source"]) for keys in services for mount in _binds(keys)
        ),
        "a health check that an image would bring": any(
            name in healthy and not keys.get("healthcheck") for name, keys in project.services.items()
        ),
        "privileged": any(keys.get("privileged") for keys in services),
        "ulimits above this machine's": any(keys.get("ulimits") for keys in services),
        "names of shared networks and volumes": any(_is_shared(*item) for item in things),
        "subnets": any(_ranges(thing) for _, thing in things),
    }
    return tuple(words for words, is_so in found.items() if is_so)
