"""The Loader that is to take over says first whether it would be well here, while the one that runs goes on.

It looks from a container with what a Loader's has, but may write nothing of the box (``boxship loader --check``). Only
when it reports that all is well does this Loader leave; sail counts the starts of the other one all the same, as there
is no knowing everything before.
"""

import asyncio
from contextlib import aclosing
from typing import Protocol

from boxship import names
from boxship.engine.port import Engine
from boxship.errors import EngineError
from boxship.host.places import LOADER_IMAGE_VARIABLE, Places
from boxship.plan.action import ContainerSpec, EngineMount
from boxship.plan.observed import ContainerState, Observed, ObservedContainer, ObservedMount
from boxship.spec.model import Service

SAYS_WITHIN_S = 60.0
_KEPT_LINES = 20
_SOCKET = "/run/docker.sock"
_ERROR = "error: "
# As sail gives them: to see the processes of containers, and to read the firewall.
_RIGHTS = ("NET_ADMIN", "SYS_PTRACE")
_SECURITY = ("no-new-privileges", "apparmor=unconfined")


class Successor(Protocol):
    """The Loader of another image, asked before it takes over."""

    async def objection(self, image_id: str) -> str:
        """Why it would not be well here, a clause; "" when it would. Raises: EngineError."""


class CheckedSuccessor:
    """Implements ``Successor`` beside a Loader that runs in a container."""

    def __init__(
        self, engine: Engine, appliance: str, places: Places, own_image: str, within_s: float = SAYS_WITHIN_S
    ) -> None:
        self._engine = engine
        self._appliance = appliance
        self._places = places
        self._own_image = own_image
        self._within_s = within_s
        self._name = names.loader_check_name(appliance)

    async def objection(self, image_id: str) -> str:
        own = self._find_own(await self._engine.observe(()))
        try:
            # Also one that a Loader before left when it was cut off.
            await self._engine.remove_container(self._name)
            await self._engine.create_container(self._spec(image_id, own))
            await self._engine.start_container(self._name)
            async with asyncio.timeout(self._within_s):
                status = await self._engine.wait_container(self._name)
            return "" if status == 0 else await self._last_words(status)
        except TimeoutError:
            return f"it did not say within {self._within_s:g} s whether all is well"
        finally:
            await self._engine.remove_container(self._name)

    def _find_own(self, observed: Observed) -> ObservedContainer:
        for each in observed.containers:
            is_own = each.labels.get(names.LABEL_LOADER) == self._appliance and each.image_id == self._own_image
            if is_own and each.state is ContainerState.RUNNING:
                return each
        raise EngineError(
            f"no container of the Loader of {self._appliance} runs, though this is one",
            hint="was it started by its sail?",
        )

    def _spec(self, image_id: str, own: ObservedContainer) -> ContainerSpec:
        state = str(self._places.state)
        where = ("--state", state, "--run", str(self._places.run))
        service = Service(
            "loader",
            command=("--project-name", self._appliance, "loader", *where, "--check"),
            environment={LOADER_IMAGE_VARIABLE: image_id},
            read_only=True,
            cap_add=_RIGHTS,
            security_opt=_SECURITY,
        )
        mounts = [_read_only(each) for each in own.mounts if each.kind == "bind"]
        return ContainerSpec(
            self._name,
            service,
            image_id,
            network_mode="host",
            pid="host",
            mounts=(*mounts, *(EngineMount("tmpfs", folder) for folder in ("/tmp", "/run"))),  # noqa: S108  # its own
            labels={names.LABEL_LOADER: self._appliance, names.LABEL_LOADER_STATE: state},
        )

    async def _last_words(self, status: int) -> str:
        lines = self._engine.follow_logs(self._name, follow=False, tail=_KEPT_LINES)
        async with aclosing(lines):
            said = [line.text.strip() async for line in lines if line.text.strip()]
        errors = [each.removeprefix(_ERROR) for each in said if each.startswith(_ERROR)]
        return (errors or said or [f"it ended with status {status}"])[-1]


def _read_only(mount: ObservedMount) -> EngineMount:
    """Nothing is asked of a socket by writing to its file system."""
    return EngineMount("bind", mount.target, mount.source, read_only=mount.target != _SOCKET)
