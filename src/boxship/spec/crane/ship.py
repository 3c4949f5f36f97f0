"""ship.yml: the few things that the original's release tool took beside a crane file.

Source: the documents and templates of that tool (2015 to 2016); sizes are MB there.
"""

from collections.abc import Mapping

from msgspec import Struct, field

from boxship.spec.parse import parse_yaml
from boxship.spec.report import Report
from boxship.spec.scalars import text_of
from boxship.spec.tree import Plain, Scalar

_SIZES = {"vm-ram-size": "ram", "vm-disk-size": "disk"}
_TARGETS = frozenset({"target"})
_LOADERS = ("loader", "loader-image")
_ADVICE: Mapping[str, str] = {
    "repo": "registry",
    "vm-image-name": "the vm image's name",
    "vm-host-name": "vm: hostname",
    "hostname": "vm: hostname",
    "swap-size": "vm: swap, in MB",
}


class Ship(Struct, frozen=True):
    """What a ship.yml says, as text; ``loader`` is the image of the original's loader."""

    values: Mapping[str, str] = field(default_factory=dict)

    @property
    def target(self) -> str:
        return self.values.get("target", "")

    @property
    def loader(self) -> str:
        return next((self.values[key] for key in _LOADERS if key in self.values), "")

    def needs(self) -> dict[str, Plain]:
        """The smallest machine, as ``host.needs`` says it."""
        found: dict[str, Plain] = {
            name: f"{self.values[key]}MiB" for key, name in _SIZES.items() if self.values.get(key, "").isdecimal()
        }
        cpus = self.values.get("vm-cpus", "")
        return {**found, "cpus": int(cpus)} if cpus.isdecimal() else found

    def comments(self) -> list[str]:
        """What no key of an appliance.yaml says yet."""
        said = {*_SIZES, *_TARGETS, *_LOADERS, "vm-cpus"}
        rest = {key: text for key, text in self.values.items() if key not in said}
        return [f"{key}: {text}" + (f"  ({_ADVICE[key]})" if key in _ADVICE else "") for key, text in rest.items()]


def parse_ship(text: str, shown: str, report: Report) -> Ship:
    """The file's plain values; others are left out."""
    documents = parse_yaml(text, shown, report)
    return Ship(
        {
            key: text_of(node.value)
            for document in documents
            for key, node in document.entries.items()
            if isinstance(node, Scalar) and node.value is not None
        }
    )
