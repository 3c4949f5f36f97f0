"""What to ask an engine for one snapshot, and the snapshot of its answers; who asks is no matter of this module."""

from collections.abc import Collection, Iterable, Sequence

from boxship.engine.calls import Call, path_of
from boxship.engine.decode import decode_container, decode_image, decode_image_detail, decode_network, decode_volume
from boxship.engine.fields import Fields, read_list, read_object
from boxship.engine.port import EngineInfo
from boxship.engine.routes import read_host_subnets
from boxship.plan.observed import Observed, ObservedImage


def questions(images: Collection[str] | None, deadline_s: float) -> tuple[Call, ...]:
    """One call for each of containers, networks and volumes, and one for each of ``images`` (None: for all at once).

    An image that isn't there answers 404: its body for ``snapshot`` is empty.
    """
    return (
        Call("GET", "/containers/json", "list containers", deadline_s, {"all": "1"}),
        Call("GET", "/networks", "list networks", deadline_s),
        Call("GET", "/volumes", "list volumes", deadline_s),
        *image_questions(images, deadline_s),
    )


def image_questions(images: Collection[str] | None, deadline_s: float) -> tuple[Call, ...]:
    """Those of ``questions`` that are about images."""
    if images is None:
        return (Call("GET", "/images/json", "list images", deadline_s),)
    return tuple(
        Call("GET", path_of("images", reference, "json"), _looking_up(reference), deadline_s)
        for reference in dict.fromkeys(images)
    )


def may_be_missing(call: Call) -> bool:
    """Whether "not found" is an answer to this question."""
    return call.what.startswith(_looking_up(""))


def snapshot(images: Collection[str] | None, bodies: Iterable[bytes], *, is_local: bool) -> Observed:
    """The answers to ``questions``, in their order. ``is_local``: the engine's host is this one."""
    containers, networks, volumes, *found = bodies
    volume_items = read_object(volumes, "list volumes").children("Volumes")
    return Observed(
        containers=tuple(decode_container(item) for item in read_list(containers, "list containers")),
        networks=tuple(decode_network(item) for item in read_list(networks, "list networks")),
        volumes=tuple(decode_volume(item) for item in volume_items),
        images=image_answers(images, found),
        host_subnets=read_host_subnets() if is_local else (),
    )


def image_answers(images: Collection[str] | None, bodies: Sequence[bytes]) -> tuple[ObservedImage, ...]:
    """The answers to ``image_questions``, in their order."""
    return _read_list_of_images(bodies[0]) if images is None else _read_images(images, bodies)


def _looking_up(reference: str) -> str:
    return f"look up image {reference}"


def info_of(version: Fields, api_version: tuple[int, int]) -> EngineInfo:
    """The answer to ``GET /version``; ``api_version`` is the negotiated one."""
    return EngineInfo(
        version=version.text("Version"),
        api_version="{}.{}".format(*api_version),
        os=version.text("Os", "linux"),
        arch=version.text("Arch"),
    )


def _read_list_of_images(body: bytes) -> tuple[ObservedImage, ...]:
    return tuple(decode_image(item) for item in read_list(body, "list images"))


def _read_images(references: Collection[str], bodies: Collection[bytes]) -> tuple[ObservedImage, ...]:
    """``bodies``: of each reference, empty where it isn't here."""
    asked = zip(dict.fromkeys(references), bodies, strict=True)
    found = [decode_image_detail(read_object(body, _looking_up(reference))) for reference, body in asked if body]
    return tuple({image.id: image for image in found}.values())
