"""The Loader that is to take over says first whether it would be well here, while the one that runs goes on.

It looks from a container with what a Loader's has, but may write nothing of the box (``boxship loader --check``). Only
when it reports that all is well does this Loader leave; sail counts the starts of the other one all the same, as there
is no knowing everything before.
"""

from typing import Protocol

from boxship import names
from boxship.checks.aside import run_to_its_end
from boxship.checks.inside import Ran
from boxship.engine.port import Engine
from boxship.errors import EngineError
from boxship.host.places import LOADER_IMAGE_VARIABLE, Places
from boxship.plan.action import ContainerSpec, EngineMount
from boxship.plan.observed import ObservedContainer, ObservedMount
from boxship.spec.model import Service

SAYS_WITHIN_S = 60.0
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

    def __init__(self, engine: Engine, appliance: str, places: Places, within_s: float = SAYS_WITHIN_S) -> None:
        self._engine = engine
        self._appliance = appliance
        self._places = places
        self._within_s = within_s
        self._name = names.loader_check_name(appliance)

    async def objection(self, image_id: str) -> str:
        own = (await self._engine.observe(())).loader_of(self._appliance)
        if own is None:
            raise EngineError(
                f"no container of the Loader of {self._appliance} runs, though this is one",
                hint="was it started by its sail?",
            )
        # One that a Loader before left when it was cut off.
        await self._engine.remove_container(self._name)
        try:
            ran = await run_to_its_end(self._engine, self._spec(image_id, own), self._within_s)
        except TimeoutError:
            return f"it did not say within {self._within_s:g} s whether all is well"
        return "" if ran.exit_code == 0 else _last_words(ran)

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


def _last_words(ran: Ran) -> str:
    errors = [line.removeprefix(_ERROR) for line in ran.stderr.splitlines() if line.startswith(_ERROR)]
    return errors[-1] if errors else ran.said.strip() or f"it ended with status {ran.exit_code}"


def _read_only(mount: ObservedMount) -> EngineMount:
    """Nothing is asked of a socket by writing to its file system."""
    return EngineMount("bind", mount.target, mount.source, read_only=mount.target != _SOCKET)
