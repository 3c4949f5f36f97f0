"""Seccomp profiles that a service names as files: the engine wants their content."""

from pathlib import Path

from msgspec.structs import replace

from boxship.errors import HostError
from boxship.plan.action import ContainerSpec

_BUILT_IN = frozenset({"unconfined", "builtin"})


def with_inline_profiles(spec: ContainerSpec) -> ContainerSpec:
    """``spec`` with the text of each profile in place of its path. Raises: HostError when one can't be read."""
    options = spec.service.security_opt
    if not any(option.startswith("seccomp") for option in options):
        return spec
    inlined = tuple(_inline(option) for option in options)
    return replace(spec, service=replace(spec.service, security_opt=inlined))


def _inline(option: str) -> str:
    prefix, value = option[: len("seccomp=")], option[len("seccomp=") :]
    if prefix not in {"seccomp=", "seccomp:"} or value in _BUILT_IN or value.startswith("{"):
        return option
    try:
        return f"seccomp={Path(value).read_text(encoding='utf-8')}"
    except OSError as err:
        raise HostError(
            f"cannot read the seccomp profile {value}: {err.strerror}", hint="correct security_opt"
        ) from err
