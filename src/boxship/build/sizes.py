"""How large images are, which of their layers are large, and what they share: values in, values out."""

import re
from collections.abc import Iterable, Mapping, Sequence

from msgspec import Struct

from boxship.engine.port import HistoryItem, ImageHistory
from boxship.errors import BuildError
from boxship.spec.model_build import Budget
from boxship.units import format_size

_NO_FILES = "sha256:5f70bf18a086007016e948b04aed3b82103a36bea41755b6cddfaf10ace3c6ef"
"""The layer of a step that changed nothing: an empty tar."""
_SHELL = re.compile(r"^(?:\|\d+ (?:\S+=\S* )*)?(?:RUN )?(?:/bin/sh -c |\|\d+ .*?/bin/sh -c )")
_NOP = re.compile(r"^/bin/sh -c #\(nop\) +")
_SHOWN_LAYERS = 5


class Layer(Struct, frozen=True):
    """One layer with files. Equal ``key`` means that the engine keeps it once."""

    key: str
    size_bytes: int
    made_by: str


class ImageSize(Struct, frozen=True):
    """One image as its layers, the lowest first. ``name``: the service or base that it is for."""

    name: str
    reference: str
    layers: tuple[Layer, ...]

    @property
    def size_bytes(self) -> int:
        """With all that it begins from."""
        return sum(layer.size_bytes for layer in self.layers)


class SharedLayer(Struct, frozen=True):
    """A layer, and the images that have it."""

    layer: Layer
    names: tuple[str, ...]


def image_size(name: str, reference: str, history: ImageHistory) -> ImageSize:
    """The layers of an image, from how it came about."""
    keys = _keys(history)
    with_files = [item for item in history.items if item.size_bytes]
    layers = (Layer(key, item.size_bytes, _told(item)) for key, item in zip(keys, with_files, strict=True))
    return ImageSize(name, reference, tuple(layers))


def shared_layers(images: Sequence[ImageSize]) -> tuple[SharedLayer, ...]:
    """Every layer once, the largest first."""
    layers = {layer.key: layer for image in images for layer in image.layers}
    owners = {key: tuple(each.name for each in images if key in {one.key for one in each.layers}) for key in layers}
    largest = sorted(layers.values(), key=lambda layer: (-layer.size_bytes, layer.made_by))
    return tuple(SharedLayer(layer, owners[layer.key]) for layer in largest)


def own_bytes(image: ImageSize, images: Iterable[ImageSize]) -> int:
    """What no other of the images has: so much would be gained without it."""
    others = {layer.key for other in images if other.reference != image.reference for layer in other.layers}
    return sum(layer.size_bytes for layer in image.layers if layer.key not in others)


def check_budgets(images: Sequence[ImageSize], budgets: Mapping[str, Budget]) -> None:
    """Raises: BuildError for every image that is larger than it may be, with its largest layers."""
    over = [image for image in images if image.name in budgets and image.size_bytes > budgets[image.name].limit_bytes]
    if not over:
        return
    sentences, output = [], []
    for image in over:
        budget = budgets[image.name]
        place = f"{budget.where}: " if budget.where is not None else ""
        sentences.append(
            f"{place}build.budget.{image.name}: {image.reference} takes {format_size(image.size_bytes)}, "
            f"{format_size(image.size_bytes - budget.limit_bytes)} more than {format_size(budget.limit_bytes)}"
        )
        largest = sorted(image.layers, key=lambda layer: -layer.size_bytes)[:_SHOWN_LAYERS]
        output += [f"{image.name}: {format_size(layer.size_bytes)} by {layer.made_by}" for layer in largest]
    message = sentences[0] if len(over) == 1 else f"{len(over)} images are too large:\n- " + "\n- ".join(sentences)
    hint = "make these layers smaller, or raise the budget; boxship build --sizes shows all of them"
    raise BuildError(message, hint=hint, image=over[0].reference, output=output)


def _keys(history: ImageHistory) -> list[str]:
    """What tells the layers of the items with files apart, lowest first.

    The digests of layers do, with what is below. An item without files may have made a layer all the same (of folders
    only), and then nothing says which digest is whose: the items themselves stand in for them.
    """
    with_files = [item for item in history.items if item.size_bytes]
    digests = [digest for digest in history.diff_ids if digest != _NO_FILES]
    marks = digests if len(digests) == len(with_files) else [repr(item) for item in with_files]
    keys, below = list[str](), ""
    for mark in marks:
        below = f"{below}/{mark}"
        keys.append(below)
    return keys


def _told(item: HistoryItem) -> str:
    """The instruction, as it would stand in a Dockerfile."""
    text = " ".join(item.made_by.removesuffix("# buildkit").split())
    if _NOP.match(text):
        return _NOP.sub("", text)
    if _SHELL.match(text):
        return "RUN " + _SHELL.sub("", text)
    return text or "(an image from elsewhere)"
