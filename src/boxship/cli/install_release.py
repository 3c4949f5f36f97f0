"""``install --release``: a box that begins with a release from a folder or a registry."""

import argparse
import os
from pathlib import Path

from msgspec.structs import replace

from boxship.bundle.source import ReleaseSource, open_source
from boxship.cli.context import Invocation
from boxship.cli.dry_run import IS_DRY_RUN
from boxship.cli.installing import asks_preflight, show_report, socket_of_engine, trust_of
from boxship.cli.render.items import tell_items
from boxship.cli.run import hear_interrupts, run_with_engine
from boxship.clock import SystemClock
from boxship.engine.port import Engine
from boxship.errors import UsageError
from boxship.host.logins import DockerLogins
from boxship.host.machine import ThisMachine
from boxship.host.places import box_places
from boxship.host.units import Systemd
from boxship.host.version import versioned
from boxship.operate.install import Report, install, installation_of
from boxship.operate.install_release import Brought, bring_release, find_release
from boxship.operate.preflight import expect_fit
from boxship.operate.registry_access import access_of
from boxship.registry.address import RegistryAddress, parse_source
from boxship.spec.release import Release
from boxship.units import format_size


def install_release_verb(invocation: Invocation, arguments: argparse.Namespace, root: Path) -> int:
    if len(arguments.release) > 2:
        raise UsageError("--release wants SOURCE and perhaps VERSION", hint="the Loader's options stand after --")
    text, version = (*arguments.release, "")[:2]
    is_dry_run = IS_DRY_RUN.get()
    trust = trust_of(text, arguments)

    async def work(engine: Engine) -> tuple[str, Report]:
        logins = DockerLogins(os.environ)
        source = open_source(text, logins, SystemClock(), trust)
        try:
            release = await find_release(source, version, invocation.appliance_name)
            if is_dry_run:
                brought = Brought(installation_of(release), (_ahead(release),))
            else:
                brought = await _bring(source, release, engine)
            access = await access_of(parse_source(text), logins, trust)
        finally:
            await source.close()
        if brought.appliance is not None and asks_preflight(root, arguments):
            places = box_places(release.appliance)
            await expect_fit(versioned(brought.appliance), places, engine, ThisMachine(), SystemClock())
        what = replace(
            brought.what,
            socket=socket_of_engine(),
            loader_options=(*_source_options(text, arguments), *arguments.loader_options),
            with_command=not arguments.no_command,
            access=access,
        )
        report = await install(what, Systemd(), root, dry_run=is_dry_run)
        return release.appliance, replace(report, notes=(*brought.notes, *report.notes))

    async def _bring(source: ReleaseSource, release: Release, engine: Engine) -> Brought:
        tell = tell_items("fetching", is_quiet=invocation.is_json)
        return await bring_release(source, release, root, engine, tell, SystemClock(), hear_interrupts())

    name, report = run_with_engine(work)
    show_report(report, invocation, name)
    return 0


def _source_options(text: str, arguments: argparse.Namespace) -> tuple[str, ...]:
    """A registry is where later releases come from as well; a folder, such as a stick's, is gone by then."""
    if not isinstance(parse_source(text), RegistryAddress) or "--source" in arguments.loader_options:
        return ()
    insecure = ("--insecure", text.partition("/")[0]) if arguments.insecure else ()
    return ("--source", text, *insecure)


def _ahead(release: Release) -> str:
    images = release.images().values()
    size = format_size(sum(image.size_bytes for image in images))
    return (
        f"would have {release.appliance} {release.version} here, {len(images)} images of {size}, "
        "and set what its host.sysctl says"
    )
