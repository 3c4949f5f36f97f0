"""What makes a container what it is, as one digest: equal digests mean "nothing to do", different ones "recreate".

Only what is set goes in, so a key that a later Boxship learns changes no digest of files that don't use it. Names,
versions, dependencies and profiles are left out: they don't change the container. The image is compared by id, not
here. Beside the digest of the whole, a short one per part lets a plan say *what* changed.
"""

import json
from collections.abc import Mapping
from pathlib import PurePath

from msgspec import Struct

from boxship.hashing import blake2b
from boxship.plan.action import ContainerSpec
from boxship.spec.model import Network, Service, Volume

_LEFT_OUT = frozenset(
    {
        *("name", "image", "build", "depends_on", "profiles", "pull_policy", "container_name", "where"),
        # What no engine obeys, or what isn't of the container: how others watch and show it.
        *("pre_start", "provider", "models", "credential_spec", "cpu_count", "cpu_percent", "pull_refresh_after"),
        *("attach", "develop"),
        # Obeyed through other fields: limits, mounts, and files with fingerprints.
        *("deploy", "use_api_socket", "secrets", "configs"),
        # Not of one container: how many there are.
        "scale",
        # Not of the container: variables that nothing sets, and links, which become dependencies and hosts entries.
        *("unset_environment", "links"),
        # Replaced by the resolved fields of ContainerSpec.
        *("networks", "network_mode", "ipc", "pid", "mounts", "extra_hosts", "labels"),
    }
)
# How something was written, or what only an orchestrator of several hosts reads.
_LEFT_OUT_INSIDE = frozenset({"is_single", "mode", "app_protocol", "name", "links"})
_SERVICE_FIELDS = tuple(name for name in Service.__struct_fields__ if name not in _LEFT_OUT)
_SPEC_FIELDS = ("endpoints", "network_mode", "ipc", "pid", "mounts", "extra_hosts")
_PART_LENGTH = 8


def container_parts(spec: ContainerSpec, user_labels: Mapping[str, str]) -> dict[str, str]:
    """Part name -> short digest, for every part that is set."""
    values = {name: getattr(spec.service, name) for name in _SERVICE_FIELDS}
    values |= {name: getattr(spec, name) for name in _SPEC_FIELDS}
    values["labels"] = user_labels
    return short_parts(values)


def short_parts(values: Mapping[str, object]) -> dict[str, str]:
    """Name -> short digest, for every value that is set."""
    plain = {name: _plain(value) for name, value in values.items()}
    return {name: _digest(value)[:_PART_LENGTH] for name, value in plain.items() if not _is_unset(value)}


def digest_of_parts(parts: Mapping[str, str]) -> str:
    return _digest(parts)


def format_parts(parts: Mapping[str, str]) -> str:
    return ",".join(f"{name}={digest}" for name, digest in sorted(parts.items()))


def changed_parts(before: str, after: str) -> tuple[str, ...]:
    """The names of parts that differ between two ``format_parts`` texts, sorted."""
    old, new = (dict(item.partition("=")[::2] for item in text.split(",") if item) for text in (before, after))
    return tuple(sorted(name for name in {*old, *new} if old.get(name) != new.get(name)))


def network_digest(network: Network) -> str:
    plain = _plain(network, leave_out=frozenset({"where", "key", "name", "enable_ipv4"}))
    # The one flag whose false is not the default.
    return _digest(plain if network.enable_ipv4 is not False else [plain, "without IPv4"])


def volume_digest(volume: Volume) -> str:
    return _digest(_plain(volume, leave_out=frozenset({"where", "key", "name", "on_switch"})))


def _plain(value: object, leave_out: frozenset[str] = frozenset()) -> object:
    """Values as dicts of what is set, everything else as JSON has it."""
    if isinstance(value, Struct):
        leave_out |= _LEFT_OUT_INSIDE
        items = ((name, getattr(value, name)) for name in value.__struct_fields__ if name not in leave_out)
        return {name: plain for name, item in items if not _is_unset(plain := _plain(item))}
    if isinstance(value, Mapping):
        return {str(key): _plain(item) for key, item in value.items()}
    if isinstance(value, tuple | list):
        return [_plain(item) for item in value]
    if isinstance(value, PurePath):
        return str(value)
    return value


def _is_unset(value: object) -> bool:
    return value is None or value is False or value in ("", [], {})


def _digest(value: object) -> str:
    text = json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return blake2b(text.encode("utf-8", "surrogatepass"), digest_size=16).hexdigest()
