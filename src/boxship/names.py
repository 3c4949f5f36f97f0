"""Names and labels of what Boxship makes on an engine.

A container is called ``<appliance>.<service>``. Appliance names hold no dot, so the first dot always ends the
appliance's part: ``a-b`` + ``c`` can't meet ``a`` + ``b-c``, and a name can't be mistaken for an id prefix, which
the engine would otherwise accept in its place. Ownership is decided by labels alone, never by names.
"""

import re
from collections.abc import Iterable

LABEL_APPLIANCE = "boxship.appliance"
LABEL_SERVICE = "boxship.service"
LABEL_DIGEST = "boxship.digest"
LABEL_PARTS = "boxship.parts"
LABEL_KEY = "boxship.key"
"""The key in the spec of a network or volume; its engine name may differ (``name:``)."""

APPLIANCE_PATTERN = re.compile(r"[a-z0-9][a-z0-9_-]*")
SERVICE_PATTERN = re.compile(r"[a-zA-Z0-9._-]+")


def container_name(appliance: str, service: str) -> str:
    return f"{appliance}.{service}"


def next_container_name(appliance: str, service: str, digest: str) -> str:
    """The name of a replacement until the container it replaces is gone."""
    return f"{appliance}.{service}.next-{digest[:12]}"


def network_name(appliance: str, key: str) -> str:
    return f"{appliance}.{key}"


def volume_name(appliance: str, key: str) -> str:
    return f"{appliance}.{key}"


def image_name(appliance: str, service: str) -> str:
    """The repository of an image that the appliance builds and that has no ``image:`` of its own."""
    return f"{appliance}/{service.lower()}"


def normalize_appliance_name(text: str) -> str:
    """A folder's or a file's name as an appliance name: lower case, other characters dropped, "" if none is left."""
    return re.sub(r"[^a-z0-9_-]", "", text.lower()).lstrip("_-")


def closest(name: str, known: Iterable[str]) -> str:
    """The known name that was probably meant; "" when none is near."""
    # Lazy: difflib costs 4 ms to import, and only a mistake needs it.
    from difflib import get_close_matches  # noqa: PLC0415 (see above)

    return next(iter(get_close_matches(name, list(known), n=1)), "")
