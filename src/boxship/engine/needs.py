"""Which keys need a newer engine than 1.41 speaks: each is refused or told by name, never left out in silence.

Source: the Docker Engine API's version history, https://docs.docker.com/reference/api/engine/version-history/.
"""

from collections.abc import Callable, Iterator

from msgspec import Struct

from boxship.plan.action import ContainerSpec, EngineMount, NetworkSpec

Api = tuple[int, int]

MANY_ENDPOINTS: Api = (1, 44)
"""From here on a create call takes several networks, and the hardware address per network."""
ANNOTATIONS: Api = (1, 43)
SUBPATH: Api = (1, 45)
NETWORK_FAMILIES: Api = (1, 48)
IMAGE_MOUNTS: Api = (1, 48)
INTERFACE_NAME: Api = (1, 49)

_RELEASES = {
    ANNOTATIONS: "24.0",
    MANY_ENDPOINTS: "25.0",
    SUBPATH: "26.0",
    NETWORK_FAMILIES: "28.0",
    INTERFACE_NAME: "28.1",
}


class Need(Struct, frozen=True):
    """A key path of the Compose file and the oldest API that obeys it. ``is_vital``: without it, it isn't made."""

    key: str
    api: Api
    is_used: Callable[[ContainerSpec], bool]
    is_vital: bool = True

    @property
    def sentence(self) -> str:
        return f"'{self.key}' needs {_shown(self.api)}"


def _shown(api: Api) -> str:
    return f"API {api[0]}.{api[1]} (Docker {_RELEASES[api]})"


def _any_mount(test: Callable[[EngineMount], bool]) -> Callable[[ContainerSpec], bool]:
    return lambda spec: any(test(mount) for mount in spec.mounts)


NEEDS: tuple[Need, ...] = (
    Need("annotations", ANNOTATIONS, lambda spec: bool(spec.service.annotations), is_vital=False),
    Need(
        "healthcheck.start_interval",
        MANY_ENDPOINTS,
        lambda spec: spec.service.healthcheck is not None and spec.service.healthcheck.start_interval_s is not None,
        is_vital=False,
    ),
    Need("networks.NAME.mac_address", MANY_ENDPOINTS, lambda spec: any(end.mac_address for end in spec.endpoints[1:])),
    Need(
        "volumes[].bind.recursive",
        MANY_ENDPOINTS,
        _any_mount(lambda mount: mount.recursive in {"readonly", "writable"}),
    ),
    Need("volumes[].volume.subpath", SUBPATH, _any_mount(lambda mount: mount.kind == "volume" and bool(mount.subpath))),
    Need("volumes[].type: image", IMAGE_MOUNTS, _any_mount(lambda mount: mount.kind == "image")),
    Need("networks.NAME.gw_priority", NETWORK_FAMILIES, lambda spec: any(end.gw_priority for end in spec.endpoints)),
    Need(
        "networks.NAME.interface_name", INTERFACE_NAME, lambda spec: any(end.interface_name for end in spec.endpoints)
    ),
)
ENABLE_IPV4 = Need("networks.NAME.enable_ipv4", NETWORK_FAMILIES, lambda spec: False)


def unmet_needs(spec: ContainerSpec, api: Api) -> Iterator[Need]:
    """What the container asks for and an engine of this API would ignore."""
    return (need for need in NEEDS if api < need.api and need.is_used(spec))


def unmet_network_needs(spec: NetworkSpec, api: Api) -> Iterator[Need]:
    return iter((ENABLE_IPV4,) if spec.network.enable_ipv4 is False and api < ENABLE_IPV4.api else ())


def refusal_of(needs: list[Need], api: Api) -> str:
    """The sentence that tells what is missing, "" when nothing vital is."""
    vital = [need.sentence for need in needs if need.is_vital]
    return f"{' and '.join(vital)}; this engine speaks {api[0]}.{api[1]}" if vital else ""
