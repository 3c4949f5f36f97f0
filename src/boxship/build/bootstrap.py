"""A root file system from signed packages, made by mmdebstrap: a new one, or a given one with more packages.

mmdebstrap verifies every package against the archive's keyring, keeps daemons from starting while maintainer scripts
run, and works for root as well as in a user's own namespaces.
"""

import os
import re
import shlex
from collections.abc import Callable, Sequence
from pathlib import Path

from msgspec import Struct

from boxship.build.apt import (
    AptSource,
    build_sources,
    demand_keyring,
    host_sources,
    proxy_settings,
    write_command,
)
from boxship.build.scratch import scratch_folder
from boxship.errors import BuildError
from boxship.host import proc

_TIMEOUT_S = 1800.0
_MERGED_USR_HOOKS = Path("/usr/share/mmdebstrap/hooks/maybe-merged-usr")
_ARCHIVES = "/var/cache/apt/archives"
_LISTS = "/var/lib/apt/lists"
BUILD_ONLY_FILES = ("etc/apt/apt.conf.d/00boxship-build", "etc/dpkg/dpkg.cfg.d/00boxship-build")
"""Settings of the build itself; the caller leaves them out of the image."""

_IMAGE_DPKG = """\
# Documents and translations stay out of this image, licences stay in.
path-exclude=/usr/share/doc/*
path-include=/usr/share/doc/*/copyright
path-exclude=/usr/share/man/*
path-exclude=/usr/share/info/*
path-exclude=/usr/share/groff/*
path-exclude=/usr/share/lintian/*
path-exclude=/usr/share/locale/*
path-include=/usr/share/locale/locale.alias
# A container's layers are thrown away after a crash, not repaired.
force-unsafe-io
"""
_IMAGE_APT = """\
// Lists stay small and downloads go away, so a build step that installs packages leaves nothing else behind.
Acquire::Languages "none";
Acquire::GzipIndexes "true";
APT::Keep-Downloaded-Packages "false";
"""
_BUILD_DPKG = "force-confold\n"
_BUILD_APT = 'APT::Keep-Downloaded-Packages "true";\nBinary::apt-get::APT::Keep-Downloaded-Packages "true";\n'
_SETTLED = {
    "LC_ALL": "C.UTF-8",
    # Maintainer scripts look for their tools in sbin, which a user's PATH may lack.
    "PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
    # Perl and Python shuffle their hash tables from run to run; debconf writes its answers in that order.
    "PERL_HASH_SEED": "0",
    "PERL_PERTURB_KEYS": "0",
    "PYTHONHASHSEED": "0",
}
_DEBIAN_NAMES = {
    "x86_64": "amd64",
    "aarch64": "arm64",
    "armv7l": "armhf",
    "i686": "i386",
    "ppc64le": "ppc64el",
}
_SOURCES_ASIDE = "boxship-sources.list"
_NO_SOURCES = "# The packages of an image are chosen when it is built.\n"
_ANSWERS = {
    # postgresql-common would make a database, with an identity of its own, inside the image.
    "postgresql": ("etc/postgresql-common/createcluster.conf", "create_main_cluster = false\n"),
}


class BelowLayer(Struct, frozen=True):
    """One layer of the tree to extend: its tar, and the paths of lower layers that it removes."""

    archive: Path
    removed: tuple[str, ...] = ()


class Bootstrap(Struct, frozen=True):
    """What to make. ``below``: the layers to extend, lowest first; empty makes a minimal system."""

    suite: str
    packages: tuple[str, ...]
    architecture: str
    below: tuple[BelowLayer, ...] = ()


class Exchange(Struct, frozen=True):
    """Folders through which a build gets and gives what it would otherwise download again.

    ``debs`` are packages to offer to apt; all that were used come out in ``fresh_debs``. ``lists`` holds what apt knows
    about the archive: filled by the first build, used by those after it, so all see the archive at one moment.
    """

    debs: Path
    fresh_debs: Path
    lists: Path


def host_architecture() -> str:
    """The Debian name of this machine's architecture."""
    machine = os.uname().machine
    return _DEBIAN_NAMES.get(machine, machine)


async def bootstrap(what: Bootstrap, target: Path, exchange: Exchange, on_line: Callable[[str], None]) -> None:
    """Write a tar of the whole tree to ``target``.

    Args:
        what: The suite, packages and layers.
        target: The tar to write; its folder exists.
        exchange: Folders that exist.
        on_line: Called with what mmdebstrap, apt and dpkg say.

    Raises:
        HostError: The keyring or mmdebstrap is missing.
        BuildError: Packages couldn't be found, verified or installed.
    """
    hint = "base images are made on Debian or a relative of it: apt-get install mmdebstrap"
    await proc.run_checked(["mmdebstrap", "--version"], timeout_s=30, hint=hint)
    demand_keyring()
    sources = build_sources(what.suite, host_sources())
    proxy = await proc.run_checked(["apt-config", "dump"], timeout_s=30, hint=hint)
    argv = command_line(what, target, exchange, sources, proxy_settings(proxy.stdout_tail), is_root=os.geteuid() == 0)
    # mmdebstrap removes its tree when it is ended, but not in the moments before it has prepared for that (1.3.5), and
    # not when it takes so long that it is killed.
    async with scratch_folder() as folder:
        environment = {**_environment(), "TMPDIR": str(folder)}
        finished = await proc.run(argv, timeout_s=_TIMEOUT_S, env=environment, on_line=on_line)
    if finished.status != 0:
        raise _failure(what, finished)


def command_line(
    what: Bootstrap, target: Path, exchange: Exchange, sources: Sequence[AptSource], proxy: str, *, is_root: bool
) -> list[str]:
    """The argv of mmdebstrap. Unless root, files pass through its own channel: its namespaces can't read ours."""
    has_lists = is_root and bool(what.below) and any(exchange.lists.iterdir())
    setup = [
        # Without mirrors of the host's, mmdebstrap has written its own, which unpacking must not replace.
        *([] if sources else [f'cp "$1/etc/apt/sources.list" "$1/{_SOURCES_ASIDE}"']),
        *_unpack_hooks(what.below, is_root),
        *([] if sources else [f'mv "$1/{_SOURCES_ASIDE}" "$1/etc/apt/sources.list"']),
        *_configure_hooks(what, sources, proxy),
        *_offer_debs(exchange.debs, is_root),
        *([_copy_hook(shlex.quote(str(exchange.lists)), f'"$1{_LISTS}"')] if has_lists else []),
    ]
    customize = [
        *([_install_hook(what.packages)] if what.below else []),
        *_collect_debs(exchange.fresh_debs, is_root),
        # That channel takes seconds for lists of this size, as long as the archive itself.
        *([_copy_hook(f'"$1{_LISTS}"', shlex.quote(str(exchange.lists)))] if is_root and not has_lists else []),
        'rm -f "$1"/etc/apt/sources.list.d/*',
        write_command("etc/apt/sources.list", _NO_SOURCES),
    ]
    return [
        "mmdebstrap",
        "--mode=auto",
        "--format=tar",
        "--verbose",
        f"--skip=essential/unlink{',update' if has_lists else ''}",
        f"--architectures={what.architecture}",
        *_variant(what),
        *(f"--setup-hook={hook}" for hook in setup),
        *(f"--customize-hook={hook}" for hook in customize),
        what.suite,
        str(target),
        *(source.line() for source in sources),
    ]


def _variant(what: Bootstrap) -> list[str]:
    if what.below:
        return ["--variant=custom"]
    # Without it apt picks "usrmerge", which brings all of Perl (50 MB) to do once what is the case from the start.
    merged = [f"--hook-directory={_MERGED_USR_HOOKS}"] if _MERGED_USR_HOOKS.is_dir() else []
    include = [f"--include={','.join(sorted(what.packages))}"] if what.packages else []
    return ["--variant=minbase", *merged, *include]


def _unpack_hooks(below: Sequence[BelowLayer], is_root: bool) -> list[str]:
    hooks = []
    for layer in below:
        if layer.removed:
            paths = " ".join(f'"$1"/{shlex.quote(path)}' for path in layer.removed)
            hooks.append(f"rm -rf -- {paths}")
        if is_root:
            options = "--numeric-owner --xattrs --xattrs-include='*'"
            hooks.append(f'tar {options} -C "$1" --exclude=".wh.*" -xf {shlex.quote(str(layer.archive))}')
        else:
            hooks += [f"tar-in {shlex.quote(str(layer.archive))} /", 'find "$1" -xdev -name ".wh.*" -delete']
    return hooks


def _configure_hooks(what: Bootstrap, sources: Sequence[AptSource], proxy: str) -> list[str]:
    files = {
        **({"etc/apt/sources.list": _lines(sources)} if sources else {}),
        "etc/apt/apt.conf.d/90boxship": _IMAGE_APT,
        "etc/dpkg/dpkg.cfg.d/90boxship": _IMAGE_DPKG,
        BUILD_ONLY_FILES[0]: _BUILD_APT + proxy,
        BUILD_ONLY_FILES[1]: _BUILD_DPKG,
    }
    for prefix, (path, content) in _ANSWERS.items():
        if any(package.startswith(prefix) for package in what.packages):
            files[path] = content
    return [write_command(path, content) for path, content in files.items()]


def _install_hook(packages: Sequence[str]) -> str:
    """As mmdebstrap itself installs: apt from outside, dpkg inside."""
    return (
        "DEBIAN_FRONTEND=noninteractive DEBCONF_NONINTERACTIVE_SEEN=true LC_ALL=C.UTF-8 "
        'APT_CONFIG="$MMDEBSTRAP_APT_CONFIG" apt-get --yes -oDpkg::Use-Pty=false -oAPT::Install-Recommends=false '
        "-oAPT::Keep-Downloaded-Packages=true -oDir::Bin::dpkg=env -oDPkg::Options::=--unset=TMPDIR "
        f'-oDPkg::Options::=dpkg "-oDPkg::Chroot-Directory=$1" install -- {shlex.join(sorted(packages))}'
    )


def _offer_debs(debs: Path, is_root: bool) -> list[str]:
    quoted = shlex.quote(str(debs))
    make = f'mkdir -p "$1{_ARCHIVES}"'
    return [make, _copy_hook(quoted, f'"$1{_ARCHIVES}"') if is_root else f"sync-in {quoted} {_ARCHIVES}"]


def _collect_debs(fresh_debs: Path, is_root: bool) -> list[str]:
    quoted = shlex.quote(str(fresh_debs))
    return [_copy_hook(f'"$1{_ARCHIVES}"', quoted) if is_root else f"sync-out {_ARCHIVES} {quoted}"]


def _copy_hook(source: str, target: str) -> str:
    """The plain files of one folder into another. A hard link costs nothing; across file systems it becomes a copy."""
    find = f"find {source} -maxdepth 1 -type f ! -name lock"
    link, copy = (f"{find} -exec cp {how} -t {target} {{}} +" for how in ("-lf", "-f"))
    return f"mkdir -p {target} && {{ {link} 2>/dev/null || {copy}; }}"


def _environment() -> dict[str, str]:
    """The caller's, without what would change the result: language, dates and apt's or debconf's own settings."""
    mine = {key: value for key, value in os.environ.items() if not key.startswith(("LC_", "DEB", "APT_", "DPKG_"))}
    for name in ("LANG", "LANGUAGE", "SOURCE_DATE_EPOCH", "PERL5LIB", "PYTHONPATH", "LD_PRELOAD"):
        mine.pop(name, None)
    return mine | _SETTLED


def _failure(what: Bootstrap, finished: proc.Finished) -> BuildError:
    lines = [line.strip() for line in finished.stderr_tail.replace("\r", "\n").splitlines() if line.strip()]
    reasons = list(dict.fromkeys(line for line in lines if line.startswith(("E: ", "dpkg: error"))))
    told = "; ".join(line.removeprefix("E: ") for line in reasons[:3]) or proc.describe_status(finished.status)
    return BuildError(
        f"the packages of {what.suite} could not be installed: {told}", hint=_hint(lines), output=lines[-20:]
    )


def _hint(lines: Sequence[str]) -> str:
    said = "\n".join(lines)
    if re.search(r"is not signed|NO_PUBKEY|EXPKEYSIG|BADSIG|invalid signature", said):
        return "nothing unverified is installed: update debian-archive-keyring, or look at the mirror in /etc/apt"
    if re.search(r"Failed to fetch|Could not (resolve|connect)|Connection (failed|timed out)", said):
        return "check the network, the mirrors in /etc/apt and apt's proxy"
    if "Unable to locate package" in said or "has no installation candidate" in said:
        return "correct the names in packages (apt-cache search finds them)"
    return "the output above says which package failed"


def _lines(sources: Sequence[AptSource]) -> str:
    return "".join(f"{source.line()}\n" for source in sources)
