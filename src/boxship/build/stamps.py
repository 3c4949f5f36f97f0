"""Labels that say for which release an image was built, and from what. They don't decide what is in it."""

import hashlib
from collections.abc import Mapping

from msgspec import Struct, field

from boxship.host.version import UNVERSIONED, revision, versioned
from boxship.spec.model import Appliance

LABEL_VERSION = "org.opencontainers.image.version"
LABEL_REVISION = "org.opencontainers.image.revision"
"""The commit that the sources were at; ``-dirty`` when something wasn't committed."""
LABEL_SPEC = "boxship.spec"
"""One digest over the appliance's files."""


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
    version = versioned(appliance).version
    found = {LABEL_VERSION: version, LABEL_REVISION: revision(appliance.directory), LABEL_SPEC: _spec(appliance)}
    is_written = appliance.version != UNVERSIONED
    labels = {name: text for name, text in found.items() if text}
    return Stamps(labels, frozenset({LABEL_VERSION}) if is_written else frozenset())


def _spec(appliance: Appliance) -> str:
    whole = hashlib.sha256()
    for path in appliance.files:
        try:
            content = path.read_bytes()
        except OSError:
            return ""
        whole.update(f"{path.name} {len(content)}\n".encode("utf-8", "surrogateescape") + content)
    return f"sha256:{whole.hexdigest()}" if appliance.files else ""
