"""From a deployment, as it is remembered, to what should run: the release's files, its images, its target."""

import contextlib
from collections.abc import Collection

from msgspec import Struct
from msgspec.structs import replace

from boxship.checks.text import secrets_of
from boxship.errors import BoxshipError, NotFoundError
from boxship.loader.parts import Parts
from boxship.plan.containers import image_reference
from boxship.plan.deployed import desired_of
from boxship.plan.gated import Gated, gated_of
from boxship.plan.observed import Observed
from boxship.plan.resolve import Desired, resolve
from boxship.plan.sharing import with_shared_volumes
from boxship.spec.model import Appliance
from boxship.spec.release import Release
from boxship.state.deployment import Deployment
from boxship.state.state import State


class Wanted(Struct, frozen=True):
    """A deployment, read: what its release is, what its files say, and what should run of it.

    ``desired`` has every volume spelled out, those that only the images declare as well.
    """

    deployment: Deployment
    release: Release
    appliance: Appliance
    desired: Desired

    @property
    def gated(self) -> Gated:
        """The ports of the host that it publishes."""
        return gated_of(self.desired.services)


async def read_wanted(parts: Parts, deployment: Deployment) -> tuple[Wanted, Observed]:
    """The deployment, and the engine as it was seen for it: without the containers of other generations.

    From now on nothing is told with a secret of it in it.

    Raises: NotFoundError when the release isn't here or has no such target; RegistryError, SpecError when it can't be
    read; EngineError.
    """
    release = parts.releases.release(deployment.release_id)
    appliance = parts.releases.appliance(deployment.release_id)
    access = parts.service_tokens.access(appliance, deployment.generation)
    desired = replace(desired_of(appliance, deployment.target, deployment.generation), access=access)
    parts.feed.masks.learn(secrets_of(desired))
    references = tuple(image_reference(desired.appliance, service) for service in desired.everything.values())
    observed = (await parts.engine.observe(references)).of_generation(desired.appliance, deployment.generation)
    return Wanted(deployment, release, appliance, with_shared_volumes(desired, observed)), observed


def learn_secrets(parts: Parts, state: State) -> None:
    """Those of all that may run when a Loader starts, so that nothing that it says of that gives them away.

    The last release that failed may have been on trial when the Loader before ended: its containers are still there.
    """
    deployed = (state.current, state.trial, state.previous)
    release_ids = (*(each.release_id for each in deployed if each is not None), *list(state.bad_releases)[-1:])
    for release_id in dict.fromkeys(release_ids):
        # One that can't be read can't be started either.
        with contextlib.suppress(BoxshipError):
            parts.feed.masks.learn(secrets_of(resolve(parts.releases.appliance(release_id))))


def expect_target(appliance: Appliance, target: str) -> str:
    """The target's own name for ``default`` and ``""``. Raises: NotFoundError for one that the release doesn't have."""
    if target in ("", "default") and target not in appliance.targets:
        target = appliance.boot.target
    if appliance.targets and target not in appliance.targets:
        raise NotFoundError(
            f"no target '{target}' in {appliance.name} {appliance.version}",
            hint=f"its targets: {', '.join(appliance.targets)}",
        )
    if not appliance.targets and target != "default":
        raise NotFoundError(f"no target '{target}' in {appliance.name} {appliance.version}: it has only 'default'")
    return target


def other_generations(observed: Observed, appliance: str, kept: Collection[int]) -> tuple[int, ...]:
    """The generations of which a container is there, besides those."""
    found = {container.generation for container in observed.containers_of(appliance)}
    return tuple(sorted(found - set(kept)))
