"""Verbs that set up a box: install and uninstall."""

import argparse
import os
from pathlib import Path

from boxship.build.platform import REFERENCE
from boxship.cli.context import Invocation
from boxship.cli.dry_run import IS_DRY_RUN
from boxship.cli.install_release import install_release_verb
from boxship.cli.installing import asks_preflight, loader_image, show_report, socket_of_engine, trust_of
from boxship.cli.run import run_with_engine
from boxship.clock import SystemClock
from boxship.engine.port import Engine
from boxship.errors import UsageError
from boxship.host.loader_options import value_of
from boxship.host.logins import DockerLogins
from boxship.host.machine import ThisMachine
from boxship.host.own_rules import OwnRules
from boxship.host.places import MOUNTED_ROOT_VARIABLE, THIS_HOST, box_places
from boxship.host.units import Systemd
from boxship.host.version import versioned
from boxship.operate.install import Installation, Report, demand_root, install, uninstall
from boxship.operate.preflight import expect_fit
from boxship.operate.registry_access import RegistryAccess, access_of
from boxship.registry.address import parse_source
from boxship.registry.trust import Trust


def add_install(parser: argparse.ArgumentParser) -> None:
    begin = parser.add_mutually_exclusive_group()
    begin.add_argument(
        "--release",
        nargs="+",
        metavar=("SOURCE", "VERSION"),
        help="a release to begin with, of a registry's repository or a folder (default: its newest)",
    )
    begin.add_argument(
        "--image", metavar="REF", help=f"the Loader's image (default: {REFERENCE}, which is made if it isn't here)"
    )
    parser.add_argument("--ca", metavar="FILE", help="an authority to believe for the registry's certificate")
    parser.add_argument("--insecure", action="store_true", help="let the registry do without TLS")
    parser.add_argument("--root", metavar="DIR", default="/", help="install into this tree of files instead")
    parser.add_argument("--no-preflight", action="store_true", help="don't ask whether this host is fit for it")
    parser.add_argument("--no-command", action="store_true", help="leave out the command boxship for people")
    add_loader_options(parser)
    parser.set_defaults(run=install_verb)


def add_loader_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "loader_options", nargs="*", metavar="OPTION", help="for the Loader, after --: -- --page-port 8080"
    )


def install_verb(invocation: Invocation, arguments: argparse.Namespace) -> int:
    root = Path(arguments.root).absolute()
    is_dry_run = IS_DRY_RUN.get()
    if not is_dry_run:
        demand_root(root, os.geteuid())
    if arguments.release:
        return install_release_verb(invocation, arguments, root)
    name, loaded = invocation.appliance_name_or_files()
    source = value_of(tuple(arguments.loader_options), "--source")
    if (arguments.ca or arguments.insecure) and not source:
        raise UsageError(
            "--ca and --insecure are for a registry", hint="name it: --release SOURCE, or -- --source SOURCE"
        )

    async def work(engine: Engine) -> Report:
        trust = trust_of(source, arguments)
        if loaded is not None and asks_preflight(root, arguments):
            await expect_fit(versioned(loaded.appliance), box_places(name), engine, ThisMachine(), SystemClock())
        what = Installation(
            name,
            await loader_image(engine, arguments.image, is_json=invocation.is_json),
            loaded.appliance.host.sysctl if loaded else None,
            socket_of_engine(),
            (*arguments.loader_options, *(word for host in trust.insecure for word in ("--insecure", host))),
            with_command=not arguments.no_command,
            access=await _access(source, trust),
        )
        is_named = arguments.image is not None
        return await install(what, Systemd(), root, replace_loader=is_named, dry_run=is_dry_run)

    show_report(run_with_engine(work), invocation, name)
    return 0


async def _access(source: str, trust: Trust) -> RegistryAccess:
    return await access_of(parse_source(source), DockerLogins(os.environ), trust) if source else RegistryAccess()


def add_uninstall(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--root", metavar="DIR", default="/", help="the tree of files that it was installed into")
    parser.set_defaults(run=uninstall_verb)


def uninstall_verb(invocation: Invocation, arguments: argparse.Namespace) -> int:
    root = Path(arguments.root).absolute()
    is_dry_run = IS_DRY_RUN.get()
    if not is_dry_run:
        demand_root(root, os.geteuid())
    name, _ = invocation.appliance_name_or_files()
    is_this_host = str(root) in (str(THIS_HOST), os.environ.get(MOUNTED_ROOT_VARIABLE))

    async def work(engine: Engine) -> Report:
        its_engine = engine if is_this_host else None
        its_rules = OwnRules(name) if is_this_host else None
        return await uninstall(name, its_engine, Systemd(), root, rules=its_rules, dry_run=is_dry_run)

    show_report(run_with_engine(work), invocation, name)
    return 0
