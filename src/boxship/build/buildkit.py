"""What needs BuildKit, and what only BuildKit is given."""

import os
from collections.abc import Mapping

from msgspec import Struct, field

from boxship.build.dockerfile import Dockerfile
from boxship.spec.model import Build
from boxship.spec.model_files import Grant, SharedFile


class Extras(Struct, frozen=True):
    """What only BuildKit is given: see Compose's ``build``. ``secrets``: id -> what it is."""

    secrets: Mapping[str, SharedFile] = field(default_factory=dict)
    ssh: Mapping[str, str] = field(default_factory=dict)
    contexts: Mapping[str, str] = field(default_factory=dict)
    cache_to: tuple[str, ...] = ()
    entitlements: tuple[str, ...] = ()


def extras_of(build: Build, contexts: Mapping[str, str], secrets: Mapping[str, SharedFile]) -> Extras:
    """What of a build only BuildKit obeys. ``secrets``: the appliance's, by key."""
    granted = {_secret_id(grant): secrets[grant.source] for grant in build.secrets if grant.source in secrets}
    return Extras(granted, build.ssh, contexts, build.cache_to, build.entitlements)


def why_buildkit(dockerfile: Dockerfile, name: str, build: Build) -> tuple[str, str] | None:
    """The place and the thing that need BuildKit, as two halves of a sentence; None when nothing does."""
    if need := dockerfile.buildkit_need(build.args):
        return f"{name}:{need[0]}: ", need[1]
    keys = ("secrets", "ssh", "additional_contexts", "cache_to", "entitlements")
    return next((("", f"build.{key}") for key in keys if getattr(build, key)), None)


def _secret_id(grant: Grant) -> str:
    return os.path.basename(grant.target) if grant.target else grant.source  # noqa: PTH119  # a name, no path
