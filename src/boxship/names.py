"""Names and labels of what Boxship makes on an engine.

A container is called ``<appliance>.<service>``. Appliance names hold no dot, so the first dot always ends the
appliance's part: ``a-b`` + ``c`` can't meet ``a`` + ``b-c``, and a name can't be mistaken for an id prefix, which
the engine would otherwise accept in its place. Ownership is decided by labels alone, never by names.
"""

import re
from collections.abc import Iterable, Mapping

LABEL_APPLIANCE = "boxship.appliance"
LABEL_SERVICE = "boxship.service"
LABEL_DIGEST = "boxship.digest"
LABEL_PARTS = "boxship.parts"
LABEL_REPLICA = "boxship.replica"
"""Which of a service's containers it is, from 2 on; the first has no such label."""
LABEL_TARGET = "boxship.target"
"""The target that was booted when the container was made."""
LABEL_PRE_STOP = "boxship.pre_stop"
"""The hooks to run before its stop, as JSON: those of its own files, which may be gone or changed by then."""
LABEL_ONE_OFF = "boxship.one_off"
"""On a container that ``run`` made beside the service's own ones: what tells it from other such."""
LABEL_KEY = "boxship.key"
"""The key in the spec of a network or volume; its engine name may differ (``name:``)."""
LABEL_LOADER = "boxship.loader"
"""On the containers of a Loader: the appliance that it looks after. They are no part of that appliance."""
LABEL_LOADER_STATE = "boxship.loader.state"
"""The folder that it keeps its state in: what tells two installations of one appliance apart."""
LABEL_LOADER_IMAGE = "boxship.loader.image"
"""The image id that was recorded when it was made."""

LABEL_GENERATION = "boxship.generation"
"""On what belongs to a generation of a box's volumes; what ``up`` makes has no such label."""

LOADER_HOST = "loader.service"
"""What the Loader of a box is called in the hosts files of its containers."""

APPLIANCE_PATTERN = re.compile(r"[a-z0-9][a-z0-9_-]*")
SERVICE_PATTERN = re.compile(r"[a-zA-Z0-9._-]+")
_NEXT_NAME = re.compile(r"\.next-[0-9a-f]{12}(-[0-9]+)?$")


def container_name(appliance: str, service: str) -> str:
    return f"{appliance}.{service}"


def replica_name(service: str, number: int) -> str:
    """What one of a service's containers is called in plans, logs and tables: ``web``, ``web.2``, ``web.3``..."""
    return service if number == 1 else f"{service}.{number}"


def one_off_name(service: str, token: str) -> str:
    """What a container that ``run`` made is called in plans and tables: ``web.run-4f2a9c01``."""
    return f"{service}.run-{token}"


def replica_number(labels: Mapping[str, str]) -> int:
    """Which of its service's containers the one with these labels is, from 1."""
    text = labels.get(LABEL_REPLICA, "")
    return int(text) if text.isdecimal() else 1


def next_container_name(final: str, digest: str) -> str:
    """The name of a replacement until the container it replaces is gone, or until its start hooks have run."""
    return f"{final}.next-{digest[:12]}"


def is_next_name(name: str) -> bool:
    """Whether something is still to be done for the container with this name."""
    return _NEXT_NAME.search(name) is not None


def of_generation(name: str, generation: int) -> str:
    """The name of what belongs to a generation of a box; what ``up`` makes, generation 0, has plain names."""
    return f"{name}.g{generation}" if generation else name


def generation_of(labels: Mapping[str, str]) -> int:
    """The generation that the labels of a container, network or volume name, 0 for none."""
    text = labels.get(LABEL_GENERATION, "")
    return int(text) if text.isdecimal() else 0


def generation_labels(generation: int) -> dict[str, str]:
    """The label of a generation; none for generation 0."""
    return {LABEL_GENERATION: str(generation)} if generation else {}


def network_name(appliance: str, key: str) -> str:
    return f"{appliance}.{key}"


def volume_name(appliance: str, key: str) -> str:
    return f"{appliance}.{key}"


def held_volume_key(service: str, place: str) -> str:
    """The key of the volume that a service holds for others at a path: ``data-var-lib`` for ``/var/lib`` of data."""
    return f"{service}-{'-'.join(part for part in place.split('/') if part)}"


def image_name(appliance: str, service: str) -> str:
    """The repository of an image that the appliance builds and that has no ``image:`` of its own."""
    return f"{appliance}/{service.lower()}"


def replaced_reference(reference: str, image_id: str) -> str:
    """What a release's image is called as well once its tag went to another image: ``share/web:replaced-0123456789ab``.

    Version tags move when a version is published again, or comes from another registry. An image that a record still
    needs must keep a name then, or the next prune takes it.
    """
    repository, separator, tag = reference.rpartition(":")
    return (
        f"{repository if separator and '/' not in tag else reference}:replaced-{image_id.removeprefix('sha256:')[:12]}"
    )


def loader_name(appliance: str) -> str:
    """The container of an appliance's Loader. No service's container can be called so, as those have a dot."""
    return f"boxship-loader-{appliance}"


def loader_before_name(appliance: str) -> str:
    """That of the Loader before, stopped. Appliances have no upper case, so no other Loader can be called so."""
    return f"{loader_name(appliance)}-Before"


def loader_check_name(appliance: str) -> str:
    """That of a Loader which only says whether it could take over."""
    return f"{loader_name(appliance)}-Check"


def normalize_appliance_name(text: str) -> str:
    """A folder's or a file's name as an appliance name: lower case, other characters dropped, "" if none is left."""
    return re.sub(r"[^a-z0-9_-]", "", text.lower()).lstrip("_-")


def closest(name: str, known: Iterable[str]) -> str:
    """The known name that was probably meant; "" when none is near."""
    # Lazy: difflib costs 4 ms to import, and only a mistake needs it.
    from difflib import get_close_matches  # noqa: PLC0415 (see above)

    return next(iter(get_close_matches(name, list(known), n=1)), "")
