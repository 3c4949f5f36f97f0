"""The verb release: make one, list what there is, show one."""

import argparse
import asyncio
import contextlib
import json
import os
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import msgspec

from boxship.bundle.source import ReleaseSource, open_place
from boxship.cli.context import Invocation
from boxship.cli.dry_run import DryRunEnded
from boxship.cli.render.columns import columns
from boxship.cli.render.items import tell_items
from boxship.cli.run import hear_interrupts, run_with_engine
from boxship.clock import SystemClock
from boxship.engine.port import Engine
from boxship.errors import CancelledError, UsageError
from boxship.host.logins import DockerLogins
from boxship.host.version import revision, versioned
from boxship.operate.interrupt import unless_interrupted
from boxship.operate.release import Made, ReleaseRequest, make_release, released_services
from boxship.plan.containers import image_reference
from boxship.registry.port import Repositories
from boxship.registry.trust import Trust
from boxship.spec.loaded import Loaded
from boxship.spec.model_release import DataCompat, Rules
from boxship.spec.release import Release
from boxship.spec.versions import parse_version
from boxship.units import format_size

_ATTEMPTS = 4
"""A person waits: together with the pauses between them about four seconds."""
_SHORT = 19
"""Characters of a digest, its ``sha256:`` included."""


def add_release(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("action", choices=["create", "list", "show"], help="what to do")
    parser.add_argument(
        "words",
        nargs="*",
        metavar="SOURCE",
        help="list: a registry's repository or a folder; show: that, and a version or 'latest'",
    )
    parser.add_argument("-o", "--output", metavar="FOLDER", help="create: keep it there, beside earlier ones")
    parser.add_argument("--push", action="store_true", help="create: send it to the registry")
    parser.add_argument("--registry", metavar="REPOSITORY", help="create: instead of registry: in appliance.yaml")
    parser.add_argument("--platform", metavar="IMAGE", default="", help="create: the image of Loader, Config and CA")
    parser.add_argument("--minimum-version", metavar="VERSION", help="create: the oldest version to come from")
    parser.add_argument(
        "--data-compat",
        choices=[each.value for each in DataCompat],
        help="create: whether the version before can read what this one writes",
    )
    parser.add_argument("--include-secrets", action="store_true", help="create: also what looks like a secret")
    parser.add_argument("--replace", action="store_true", help="create: in place of the same version")
    parser.add_argument("--ca", metavar="FILE", help="an authority to believe for the registry's certificate")
    parser.add_argument("--insecure", action="store_true", help="let the registry do without TLS")
    parser.set_defaults(run=release)


def release(invocation: Invocation, arguments: argparse.Namespace) -> int:
    words = len(arguments.words)
    match arguments.action:
        case "create" if words == 0:
            return _create(invocation, arguments)
        case "list" if words == 1:
            return _list(invocation, arguments)
        case "show" if words in (1, 2):
            return _show(invocation, arguments)
        case "create":
            raise UsageError("release create takes no words", hint="boxship release create --output releases")
        case action:
            wanted = "SOURCE" if action == "list" else "SOURCE VERSION"
            raise UsageError(f"release {action} wants {wanted}", hint=f"boxship release {action} ./releases")


def _create(invocation: Invocation, arguments: argparse.Namespace) -> int:
    loaded = invocation.load_with_warnings()
    appliance = versioned(loaded.appliance)
    registry = arguments.registry or appliance.registry
    if not arguments.output and not arguments.push:
        raise UsageError("nothing says where the release goes", hint="--output FOLDER, --push, or both")
    if arguments.push and not registry:
        raise UsageError("no registry is named", hint="--registry registry.example.com/share, or appliance.yaml's own")
    if invocation.is_dry_run:
        raise _ahead(loaded, appliance.version)
    oldest = arguments.minimum_version or appliance.rules.minimum_version
    if oldest and parse_version(oldest) is None:
        raise UsageError(f"--minimum-version {oldest} is no semantic version", hint="three numbers, such as 1.4.0")
    request = ReleaseRequest(
        loaded,
        invocation.load_options(),
        appliance.version,
        Rules(oldest, DataCompat(arguments.data_compat or appliance.rules.data_compat)),
        revision=revision(appliance.directory),
        platform=arguments.platform,
        output=Path(arguments.output).absolute() if arguments.output else None,
        with_secrets=arguments.include_secrets,
        replaces=arguments.replace,
    )

    async def work(engine: Engine) -> Made:
        cut_off = CancelledError("making the release was interrupted", hint="run it again: no tag leads to half of it")
        tell = tell_items("sending", is_quiet=invocation.is_json)
        async with contextlib.AsyncExitStack() as stack:
            place = await stack.enter_async_context(_place(registry, arguments)) if arguments.push else None
            making = make_release(request, engine, place, SystemClock(), tell)
            return await unless_interrupted(making, hear_interrupts(), cut_off)

    made = run_with_engine(work)
    for warning in made.warnings:
        print(f"warning: {warning}", file=sys.stderr)
    if invocation.is_json:
        print(json.dumps({"id": made.release.id, "version": made.release.version, "places": list(made.places)}))
    else:
        for place_name in made.places:
            print(f"{made.release.appliance} {made.release.version} is in {place_name}")
    return 0


def _ahead(loaded: Loaded, version: str) -> DryRunEnded:
    images = {each.name: image_reference(loaded.appliance.name, each) for each in released_services(loaded)}
    lines = [f"{name}: {reference}" for name, reference in images.items()]
    text = "\n".join([f"would make {loaded.appliance.name} {version} of", *lines])
    return DryRunEnded(text, {"version": version, "images": images})


def _list(invocation: Invocation, arguments: argparse.Namespace) -> int:
    async def work() -> tuple[str, ...]:
        async with _source(arguments) as source:
            return await source.versions()

    versions = asyncio.run(work())
    if invocation.is_json:
        print(json.dumps(list(versions)))
    elif versions:
        print("\n".join(versions))
    else:
        print("no releases", file=sys.stderr)
    return 0


def _show(invocation: Invocation, arguments: argparse.Namespace) -> int:
    async def work() -> Release:
        async with _source(arguments) as source:
            version = await source.resolve(arguments.words[1] if len(arguments.words) == 2 else "")
            return (await source.offer(version)).release

    found = asyncio.run(work())
    if invocation.is_json:
        print(json.dumps({"id": found.id, **msgspec.to_builtins(found)}))
    else:
        print("\n".join(_described(found)))
    return 0


def _described(found: Release) -> list[str]:
    rules = found.rules
    facts = [
        ["release", f"{found.appliance} {found.version}"],
        ["id", found.id],
        ["made", found.created_at],
        ["from", found.revision or "-"],
        ["needs before it", rules.minimum_version or "any version"],
        ["its data", rules.data_compat.value],
        ["files", f"{len(found.files)}, {format_size(sum(each.size_bytes for each in found.files.values()))}"],
    ]
    lines = [f"{key + ':':17}{value}" for key, value in facts]
    images = found.images().items()
    rows = [[name, each.reference, each.id[:_SHORT], format_size(each.size_bytes)] for name, each in images]
    return [*lines, "", *columns(["IMAGE", "REFERENCE", "ID", "SIZE"], rows)]


@contextlib.asynccontextmanager
async def _source(arguments: argparse.Namespace) -> AsyncIterator[ReleaseSource]:
    async with _place(arguments.words[0], arguments) as place:
        yield ReleaseSource(place)


@contextlib.asynccontextmanager
async def _place(text: str, arguments: argparse.Namespace) -> AsyncIterator[Repositories]:
    """The named place, with what the options say about its certificate."""
    insecure = frozenset({text.partition("/")[0]}) if arguments.insecure else frozenset()
    trust = Trust(ca_file=Path(arguments.ca) if arguments.ca else None, insecure=insecure)
    place = open_place(text, DockerLogins(os.environ), SystemClock(), trust, attempts=_ATTEMPTS)
    try:
        yield place
    finally:
        await place.close()
