"""What only preflight can ask."""

from msgspec import Struct


class ContainerProbe(Struct, frozen=True):
    """``argv`` run in a container of a service's image, without any network or data, says how it is as a program."""

    service: str
    argv: tuple[str, ...]
