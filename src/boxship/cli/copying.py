"""The verb cp: files between this machine and a service's container."""

import argparse
import json
import sys
from contextlib import aclosing

from msgspec import Struct

from boxship.cli.context import Invocation
from boxship.cli.dry_run import DryRunEnded
from boxship.cli.named import known_service
from boxship.cli.run import run_with_engine
from boxship.cli.terminal import read_input
from boxship.engine.port import Engine
from boxship.errors import UsageError
from boxship.host.tree import Copied
from boxship.operate.copying import CopyOptions, archive_of, copy_in, copy_out, unpack_into
from boxship.plan.found import require_appliance
from boxship.plan.observed import ObservedContainer
from boxship.plan.present import present_container
from boxship.units import format_size

_STREAM = "-"
_EXAMPLE = "for example boxship cp web:/etc/hosts . or boxship cp page.html web:/srv/"


class _Side(Struct, frozen=True):
    """One side of a copy; ``service`` "" is this machine."""

    service: str
    path: str


def add_cp(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("source", metavar="SOURCE", help="a path, SERVICE:PATH, or - for a tar archive from stdin")
    parser.add_argument("target", metavar="TARGET", help="a path, SERVICE:PATH, or - for a tar archive on stdout")
    parser.add_argument("-a", "--archive", action="store_true", help="keep the owners' numbers and all of the modes")
    parser.add_argument("-L", "--follow-link", action="store_true", help="if SOURCE is a link, copy what it leads to")
    parser.add_argument("--index", type=int, metavar="NUMBER", help="which of its containers (default: the first)")
    parser.set_defaults(run=cp)


def cp(invocation: Invocation, arguments: argparse.Namespace) -> int:
    source, target = _side(arguments.source), _side(arguments.target)
    if bool(source.service) == bool(target.service):
        both = "both are in containers" if source.service else "neither is in a container"
        raise UsageError(f"cp copies between this machine and a service, and {both}", hint=_EXAMPLE)
    if target.path == _STREAM and sys.stdout.isatty():
        raise UsageError("an archive would garble the terminal", hint="redirect it: boxship cp web:/etc - > etc.tar")
    if source.path == _STREAM and sys.stdin.isatty():
        raise UsageError("cp - reads an archive, and here is only a keyboard", hint="tar c . | boxship cp - web:/srv")
    service = source.service or target.service
    name, _ = known_service(invocation, service)
    options = CopyOptions(follow_link=arguments.follow_link, keep_owner=arguments.archive)

    async def work(engine: Engine) -> Copied | None:
        observed = await engine.observe(())
        if invocation.appliance_name is not None:
            require_appliance(name, observed)
        container = present_container(observed, name, service, arguments.index)
        if invocation.is_dry_run and source.service and target.path != _STREAM:
            # The engine is only asked, so nothing else would keep this from being done.
            raise DryRunEnded(
                f"would copy {arguments.source} to {target.path}", {"copy": [arguments.source, target.path]}
            )
        return await _copy(engine, container, source, target, options)

    copied = run_with_engine(work)
    if copied is not None:
        _tell(copied, arguments.target, is_json=invocation.is_json)
    return 0


def _side(text: str) -> _Side:
    """``SERVICE:PATH``, or a path of this machine, which a slash or dot before the colon makes it as well."""
    service, colon, path = text.partition(":")
    if not colon or service.startswith((".", "/")) or "/" in service:
        return _Side("", text)
    if not service or not path:
        raise UsageError(f"'{text}' is neither a path nor SERVICE:PATH", hint=_EXAMPLE)
    return _Side(service, path)


async def _copy(
    engine: Engine, container: ObservedContainer, source: _Side, target: _Side, options: CopyOptions
) -> Copied | None:
    """None where an archive passes through: nobody looks into it."""
    if target.path == _STREAM:
        async with aclosing(archive_of(engine, container, source.path, options)) as chunks:
            async for chunk in chunks:
                sys.stdout.buffer.write(chunk)
        return None
    if source.path == _STREAM:
        async with aclosing(read_input()) as chunks:
            await unpack_into(engine, container, chunks, target.path)
        return None
    if source.service:
        return await copy_out(engine, container, source.path, target.path, options)
    return await copy_in(engine, container, source.path, target.path, options)


def _tell(copied: Copied, target: str, *, is_json: bool) -> None:
    if is_json:
        told = {"files": copied.files, "size_bytes": copied.size_bytes, "left_out": list(copied.left_out)}
        print(json.dumps(told))
        return
    for sentence in copied.left_out:
        print(f"warning: left out: {sentence}", file=sys.stderr)
    files = f"{copied.files} file{'s' * (copied.files != 1)}"
    print(f"copied {files} ({format_size(copied.size_bytes)}) to {target}", file=sys.stderr)
