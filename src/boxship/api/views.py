"""What the API takes and gives, as values; the description is made from them. Names here are promised."""

from datetime import datetime
from typing import Annotated

from msgspec import Meta, Struct

from boxship.loader.box import BootView
from boxship.loader.heartbeats import LONGEST_S
from boxship.state.deployment import Deployment
from boxship.state.operation import Operation
from boxship.state.verify import Verify
from boxship.store.port import AuditChain, AuditEntry, Token


class BootAnswer(Struct, frozen=True):
    """Who runs. ``id`` changes exactly once per start of the Loader, so a client can wait for another one.

    ``registry``: where its release came from. ``tag``: the release's version, "" before the first deployment.
    """

    id: str
    registry: str
    tag: str
    target: str
    appliance: str
    is_ready: bool
    began_at_s: float


def boot_answer(boot: BootView) -> BootAnswer:
    return BootAnswer(
        id=boot.id,
        registry=boot.source,
        tag=boot.version,
        target=boot.target,
        appliance=boot.appliance,
        is_ready=boot.is_ready,
        began_at_s=boot.began_at_s,
    )


class BootBody(Struct, frozen=True, forbid_unknown_fields=True):
    """``target``: a target's name, ``current`` or ``default``."""

    target: str = "current"


class HeartbeatBody(Struct, frozen=True, forbid_unknown_fields=True):
    """``within_s``: until then the service is heard of again, or is ready. ``note``: what it does, for people."""

    within_s: Annotated[float, Meta(ge=1, le=LONGEST_S)] = 60.0
    note: Annotated[str, Meta(max_length=300)] = ""


class HeartbeatAnswer(Struct, frozen=True):
    """``limit_s``: how long it may take altogether, however often it is heard of."""

    limit_s: float


class RegistryAnswer(Struct, frozen=True):
    """``pending`` is the registry from the next switch on, "" for the same."""

    registry: str
    pending: str


class RegistryBody(Struct, frozen=True, forbid_unknown_fields=True):
    """``registry``: its host and path, or ``dir:`` and a folder."""

    registry: str


class TagsAnswer(Struct, frozen=True):
    """``tag`` is the newest, a pre-release only where there is nothing else; ``tags`` all of them, the oldest first."""

    registry: str
    tag: str
    tags: tuple[str, ...]


class PullBody(Struct, frozen=True, forbid_unknown_fields=True):
    """``version`` "" or ``latest``: the newest."""

    version: str = ""


class SwitchBody(Struct, frozen=True, forbid_unknown_fields=True):
    """``target`` "": the one that runs, or that a fallback stands in for. ``allow_downgrade``: also to an older one.

    ``verify``: ``full`` compares all of the copied data with its source by content, as downtime.
    """

    version: str
    target: str = ""
    allow_downgrade: bool = False
    verify: Verify = Verify.TOUCHED


class RollbackBody(Struct, frozen=True, forbid_unknown_fields=True):
    """``verify``: as for a switch."""

    verify: Verify = Verify.TOUCHED


class RollbackAnswer(Struct, frozen=True):
    """``data_from_s``: when the data of the deployment to go back to was last written, unix time.

    ``data_age_s``: how long ago that is, by the box's own clock.
    """

    to: Deployment
    data_from_s: float
    data_age_s: float
    loses: str


class GcBody(Struct, frozen=True, forbid_unknown_fields=True):
    """``dry_run``: only say what would go."""

    dry_run: bool = False


class NothingBody(Struct, frozen=True, forbid_unknown_fields=True):
    """Nothing can be chosen."""


class OperationsAnswer(Struct, frozen=True):
    """The newest first."""

    operations: tuple[Operation, ...]


class WhyAnswer(Struct, frozen=True):
    """``why``: what the box is doing, or what it waits for, in one sentence."""

    why: str
    phase: str
    is_ready: bool
    operation: Operation | None


class MaintenanceBody(Struct, frozen=True, forbid_unknown_fields=True):
    """``on``: boot the target ``maintenance``; off: the appliance's default one."""

    on: bool


class MaintenanceAnswer(Struct, frozen=True):
    on: bool
    target: str


class PowerAnswer(Struct, frozen=True):
    """``accepted``: reboot, shutdown or update; it is on its way."""

    accepted: str


class TokenView(Struct, frozen=True):
    """A token without anything that helps to guess it."""

    id: str
    name: str
    scopes: tuple[str, ...]
    created_at: datetime
    expires_at: datetime | None
    revoked_at: datetime | None
    service: str


def token_view(token: Token) -> TokenView:
    return TokenView(
        id=token.id,
        name=token.name,
        scopes=token.scopes,
        created_at=token.created_at,
        expires_at=token.expires_at,
        revoked_at=token.revoked_at,
        service=token.service,
    )


class TokensAnswer(Struct, frozen=True):
    tokens: tuple[TokenView, ...]


class TokenBody(Struct, frozen=True, forbid_unknown_fields=True):
    """``expires_in_s`` 0: never. ``replace``: revoke others of this name, once the new one is there."""

    name: str
    scopes: tuple[str, ...]
    expires_in_s: int = 0
    service: str = ""
    replace: bool = False


class IssuedAnswer(Struct, frozen=True):
    """``secret`` is told this once, and kept nowhere."""

    token: TokenView
    secret: str


class AuditAnswer(Struct, frozen=True):
    """The oldest first; ``next`` is the ``after`` to go on with, the same as before when there is no more."""

    entries: tuple[AuditEntry, ...]
    next: int
    chain: AuditChain
