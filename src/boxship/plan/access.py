"""What a container gets that may ask its box for something: where the box is, and a folder with its token.

The folder is the host's, and mounted: a token that is made anew is seen at once, and a root file system that is read
only, or a tmpfs at /run, doesn't keep it out. No plan holds the token itself.
"""

from collections.abc import Iterable, Mapping

from msgspec import Struct
from msgspec.structs import replace

from boxship.plan.action import EngineMount, HandOver
from boxship.plan.graph import PlanBuilder
from boxship.spec.model import Service

BOX_FOLDER = "/run/boxship"
FILE_NAME = "token"
URL_VARIABLE = "BOXSHIP_URL"


class Access(Struct, frozen=True):
    """``url`` of the box's API as containers reach it; ``folder`` of the host with the service's token."""

    url: str
    folder: str


def token_mounts(access: Access | None) -> tuple[EngineMount, ...]:
    """None of them makes its source: an empty folder would be no token, and nobody would say so."""
    if access is None:
        return ()
    return (EngineMount("bind", BOX_FOLDER, access.folder, read_only=True, create_host_path=False),)


def with_url(service: Service, access: Access | None) -> Service:
    """What the files themselves say of the variable counts more."""
    if access is None:
        return service
    environment: Mapping[str, str] = {URL_VARIABLE: access.url, **service.environment}
    return replace(service, environment=environment)


def add_hand_over(
    builder: PlanBuilder, name: str, container: str, access: Access | None, *, cause: str, after: Iterable[str]
) -> str:
    """Add the step ``hand over NAME`` for a service that has a token; its key. ``cause``: of its start."""
    key = f"hand over {name}"
    if access is not None:
        builder.add(
            key,
            HandOver(container, access.folder),
            subject=f"service:{name}",
            cause=cause,
            after=after,
        )
    return key
