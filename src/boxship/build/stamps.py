"""Labels that say for which release an image was built, and from what. They don't decide what is in it."""

from collections.abc import Mapping

from msgspec import Struct, field

from boxship.hashing import sha256_hex
from boxship.host.version import UNVERSIONED, revision, versioned
from boxship.spec.model import Appliance

LABEL_VERSION = "org.opencontainers.image.version"
LABEL_REVISION = "org.opencontainers.image.revision"
"""The commit that the sources were at; ``-dirty`` when something wasn't committed."""
LABEL_SPEC = "boxship.spec"
"""One digest over the appliance's files."""
STAMPS = frozenset({LABEL_VERSION, LABEL_REVISION, LABEL_SPEC})


class Stamps(Struct, frozen=True):
    """``labels`` for what is built now. An image that is as it should be is kept if those in ``demanded`` are right."""

    labels: Mapping[str, str] = field(default_factory=dict)
    demanded: frozenset[str] = frozenset()

    def are_right(self, stamps: Mapping[str, str]) -> bool:
        """Whether an image that was stamped so may stay."""
        return all(stamps.get(name) == self.labels.get(name) for name in self.demanded)


def stamps_of(appliance: Appliance) -> Stamps:
    """The stamps of a release. A version that the vendor wrote is demanded; what git says changes with every commit.

    Images that others begin from get none: these would change with them.
    """
    found = {
        LABEL_VERSION: versioned(appliance).version,
        LABEL_REVISION: revision(appliance.directory),
        LABEL_SPEC: _spec(appliance),
    }
    return Stamps({name: text for name, text in found.items() if text}, demanded_of(appliance).demanded)


def demanded_of(appliance: Appliance) -> Stamps:
    """Those of ``stamps_of`` that decide whether an image may stay; git is not asked for them."""
    if appliance.version == UNVERSIONED:
        return Stamps()
    return Stamps({LABEL_VERSION: appliance.version}, frozenset({LABEL_VERSION}))


def _spec(appliance: Appliance) -> str:
    whole = b""
    for path in appliance.files:
        try:
            content = path.read_bytes()
        except OSError:
            return ""
        whole += f"{path.name} {len(content)}\n".encode("utf-8", "surrogateescape") + content
    return f"sha256:{sha256_hex(whole)}" if appliance.files else ""
