"""Where signed packages come from: this host's own mirrors, or mmdebstrap's, always held against the archive's keyring.

An image is told no address at all: its packages are chosen when it is built, and so it comes out the same everywhere.
"""

import os
import re
import shlex
from collections.abc import Iterable, Iterator
from pathlib import Path

from msgspec import Struct

from boxship.errors import HostError

KEYRING = Path("/usr/share/keyrings/debian-archive-keyring.gpg")
_ROLLING = frozenset({"sid", "unstable", "testing", "experimental", "rc-buggy"})
_KEYRING_NAME = "debian-archive-keyring"


class AptSource(Struct, frozen=True):
    """One archive and one suite of it."""

    uri: str
    suite: str
    components: tuple[str, ...] = ("main",)
    signed_by: str = ""

    def line(self) -> str:
        """As one line of sources.list, always bound to the archive's keyring."""
        return f"deb [signed-by={KEYRING}] {self.uri} {self.suite} {' '.join(self.components)}"


def build_sources(suite: str, host: Iterable[AptSource]) -> tuple[AptSource, ...]:
    """The host's mirrors for a suite, its updates and its security fixes, as far as it has them.

    Nothing when the host has no mirror of the suite itself: then mmdebstrap knows where the archive is.
    """
    known = tuple(host)
    suites = (suite,) if suite in _ROLLING else (suite, f"{suite}-updates", f"{suite}-security")
    found = [source for each in suites if (source := _mirror_of(each, known))]
    return tuple(found) if found and found[0].suite == suite else ()


def host_sources(etc_apt: Path = Path("/etc/apt"), os_release: Path = Path("/etc/os-release")) -> tuple[AptSource, ...]:
    """What this host's apt reads from Debian; nothing on a host that isn't Debian."""
    if not re.search(r"^ID=\"?debian\"?$", _text(os_release), re.MULTILINE):
        return ()
    one_line = [etc_apt / "sources.list", *sorted(etc_apt.glob("sources.list.d/*.list"))]
    found = [source for path in one_line for source in parse_list(_text(path))]
    for path in sorted(etc_apt.glob("sources.list.d/*.sources")):
        found += parse_deb822(_text(path))
    return tuple(source for source in found if not source.signed_by or _KEYRING_NAME in source.signed_by)


def parse_list(text: str) -> Iterator[AptSource]:
    """The ``deb`` lines of a sources.list."""
    for line in text.splitlines():
        match = re.match(r"\s*deb\s+(?:\[([^\]]*)\]\s*)?(\S+)\s+(\S+)\s*([^#]*)", line)
        if match:
            options = dict(option.partition("=")[::2] for option in (match[1] or "").split())
            yield AptSource(match[2].rstrip("/"), match[3], tuple(match[4].split()), options.get("signed-by", ""))


def parse_deb822(text: str) -> Iterator[AptSource]:
    """The enabled binary stanzas of a ``.sources`` file."""
    for stanza in re.split(r"\n\s*\n", text):
        fields = _stanza(stanza)
        if "deb" not in fields.get("types", "").split() or fields.get("enabled", "yes").lower() in ("no", "false"):
            continue
        for uri in fields.get("uris", "").split():
            for suite in fields.get("suites", "").split():
                components = tuple(fields.get("components", "").split())
                yield AptSource(uri.rstrip("/"), suite, components, fields.get("signed-by", ""))


def demand_keyring(keyring: Path = KEYRING) -> None:
    """Raises: HostError when the keys that packages are checked with are missing."""
    if not os.access(keyring, os.R_OK):
        raise HostError(
            f"the keys of the Debian archive are missing: no {keyring}",
            hint="apt-get install debian-archive-keyring; without it no package could be verified",
        )


def proxy_settings(dump: str) -> str:
    """The lines of ``apt-config dump`` that say how this host reaches archives, as an apt.conf."""
    kept = [line for line in dump.splitlines() if re.match(r"Acquire::(http|https)::Proxy\b", line)]
    return "".join(f"{line}\n" for line in kept)


def write_command(path: str, content: str) -> str:
    """A shell command for a hook that writes a file below the root file system ``$1``."""
    return f'mkdir -p "$1/{path.rpartition("/")[0]}" && printf %s {shlex.quote(content)} > "$1/{path}"'


def _mirror_of(suite: str, host: Iterable[AptSource]) -> AptSource | None:
    for source in host:
        if source.suite == suite and "main" in source.components and source.uri.startswith(("http:", "https:")):
            return AptSource(source.uri, suite)
    return None


def _stanza(text: str) -> dict[str, str]:
    fields: dict[str, str] = {}
    name = ""
    for line in text.splitlines():
        if line.startswith("#"):
            continue
        if line[:1] in (" ", "\t") and name:
            fields[name] += f" {line.strip()}"
        elif ":" in line:
            name, _, value = line.partition(":")
            name = name.strip().lower()
            fields[name] = value.strip()
    return fields


def _text(path: Path) -> str:
    try:
        return path.read_text(errors="replace")
    except OSError:
        return ""
