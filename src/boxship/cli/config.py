"""The verb config: the files as docker compose's own config prints them."""

import argparse
import json
import sys
from collections.abc import Mapping
from pathlib import Path

from msgspec.structs import replace

from boxship.cli.context import Invocation
from boxship.cli.patterns import patterns_compiled_when_used
from boxship.cli.render.data import indented
from boxship.cli.render.problems import show_problems
from boxship.errors import HostError, UsageError, unknown_name
from boxship.hashing import blake2b
from boxship.plan.containers import image_reference
from boxship.plan.resolve import resolve
from boxship.spec.loaded import Loaded, active_services
from boxship.spec.render import to_compose
from boxship.spec.render_more import Json

_EVERY = "*"


def add_config(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("services", nargs="*", metavar="SERVICE", help="only these, and what they depend on")
    parser.add_argument("--format", choices=["yaml", "json"], default="yaml", help="default: yaml")
    parser.add_argument("-q", "--quiet", action="store_true", help="only check; print nothing")
    parser.add_argument("-o", "--output", metavar="FILE", help="write it there")
    parser.add_argument(
        "--no-interpolate", action="store_true", help="leave variables as they are written; types aren't checked then"
    )
    parts = parser.add_mutually_exclusive_group()
    for name, what in (
        ("services", "the services' names"),
        ("images", "the images' names"),
        ("volumes", "the volumes' keys"),
        ("networks", "the networks' keys"),
        ("profiles", "the profiles' names"),
    ):
        parts.add_argument(f"--{name}", dest="part", action="store_const", const=name, help=f"only {what}")
    parts.add_argument("--hash", metavar="SERVICE", help="only a digest of this service ('*': of each)")
    parser.set_defaults(run=config)


def config(invocation: Invocation, arguments: argparse.Namespace) -> int:
    if arguments.no_interpolate:
        return _as_written(invocation, arguments)
    loaded = _chosen(invocation.load(), arguments.services)
    if arguments.quiet:
        return 0
    document = to_compose(loaded)
    if arguments.part is not None:
        text = "".join(f"{line}\n" for line in _part(arguments.part, loaded, document))
    elif arguments.hash is not None:
        text = "".join(f"{line}\n" for line in _hashes(arguments.hash, loaded, document))
    else:
        show_problems(loaded.warnings, invocation.directory)
        text = _written(_escaped(document), "json" if invocation.is_json else arguments.format)
    _put(text, arguments.output)
    return 0


def _as_written(invocation: Invocation, arguments: argparse.Namespace) -> int:
    if arguments.services or arguments.part in {"images", "profiles"} or arguments.hash is not None:
        raise UsageError(
            "--no-interpolate shows all of the files: what services are made of depends on variables",
            hint="leave out one or the other",
        )
    # Imported here, as in `Invocation.load`.
    with patterns_compiled_when_used():
        from boxship.spec.load import load_as_written  # noqa: PLC0415 (see above)

    document, warnings = load_as_written(invocation.load_options())
    if arguments.quiet:
        return 0
    if arguments.part is not None:
        section = document.get(arguments.part)
        text = "".join(f"{name}\n" for name in (section if isinstance(section, dict) else ()))
    else:
        show_problems(warnings, invocation.directory)
        order = ("name", *(key for key in document if key != "name"))
        text = _written({key: document[key] for key in order}, "json" if invocation.is_json else arguments.format)
    _put(text, arguments.output)
    return 0


def _put(text: str, output: str | None) -> None:
    if output:
        _write(Path(output), text)
    else:
        sys.stdout.write(text)


def _chosen(loaded: Loaded, services: list[str]) -> Loaded:
    if not services:
        return loaded
    names = resolve(loaded.appliance, profiles=loaded.active_profiles, names=services).names()
    kept = {name: service for name, service in loaded.appliance.services.items() if name in names}
    return replace(loaded, appliance=replace(loaded.appliance, services=kept))


def _part(name: str, loaded: Loaded, document: Mapping[str, Json]) -> list[str]:
    services = loaded.appliance.services
    match name:
        case "images":
            active = active_services(loaded.appliance, loaded.active_profiles)
            names = [image_reference(loaded.appliance.name, services[each]) for each in services if each in active]
            return list(dict.fromkeys(names))
        case "profiles":
            return sorted({profile for service in services.values() for profile in service.profiles})
        case _:
            found = document.get(name)
            return list(found) if isinstance(found, dict) else []


def _hashes(service: str, loaded: Loaded, document: Mapping[str, Json]) -> list[str]:
    found = document["services"]
    services = found if isinstance(found, dict) else {}
    if service != _EVERY and service not in services:
        raise unknown_name("service", service, loaded.appliance.name, services)
    names = list(services) if service == _EVERY else [service]
    texts = {name: json.dumps(services[name], sort_keys=True) for name in names}
    return [f"{name} {blake2b(text.encode(), digest_size=16).hexdigest()}" for name, text in texts.items()]


def _escaped(value: Json) -> Json:
    """With ``$$`` for a dollar sign, so that it reads back as it is."""
    if isinstance(value, str):
        return value.replace("$", "$$")
    if isinstance(value, list):
        return [_escaped(each) for each in value]
    if isinstance(value, dict):
        return {key: _escaped(each) for key, each in value.items()}
    return value


def _written(document: Json, form: str) -> str:
    if form == "json":
        return indented(document) + "\n"
    import yaml  # noqa: PLC0415 (the dumper is needed by this one format)

    return str(yaml.safe_dump(document, sort_keys=False, allow_unicode=True))


def _write(path: Path, text: str) -> None:
    if path.is_dir():
        raise UsageError(f"--output {path} is a folder", hint="name a file")
    try:
        path.write_text(text, encoding="utf-8")
    except OSError as error:
        raise HostError(f"can't write {path}: {(error.strerror or str(error)).lower()}") from error
