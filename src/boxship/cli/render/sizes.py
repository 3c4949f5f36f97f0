"""How large images are, for people and as data."""

import json
from collections.abc import Mapping, Sequence

from boxship.build.sizes import ImageSize, own_bytes, shared_layers
from boxship.cli.render.color import sanitized
from boxship.spec.model_build import Budget
from boxship.units import format_size

_MOST_LAYERS = 10
_MOST_TEXT = 70


def print_sizes(images: Sequence[ImageSize], budgets: Mapping[str, Budget], *, is_json: bool) -> None:
    """One line per image, and the largest layers with who has them."""
    if is_json:
        print(json.dumps(_as_data(images, budgets)), flush=True)
        return
    rows = [("IMAGE", "SIZE", "ITS OWN", "BUDGET")]
    for image in images:
        budget = budgets.get(image.name)
        rows.append(
            (
                image.reference,
                format_size(image.size_bytes),
                format_size(own_bytes(image, images)),
                format_size(budget.limit_bytes) if budget is not None else "-",
            )
        )
    _print_table(rows)
    layers = shared_layers(images)
    together = sum(each.layer.size_bytes for each in layers)
    alone = sum(image.size_bytes for image in images)
    print(f"all of them: {format_size(together)}" + (f"; {format_size(alone)} without sharing" * (alone > together)))
    print()
    largest = [
        (format_size(each.layer.size_bytes), ", ".join(each.names), _cut(each.layer.made_by))
        for each in layers[:_MOST_LAYERS]
    ]
    _print_table([("LAYER", "IN", "MADE BY"), *largest])
    if len(layers) > _MOST_LAYERS:
        rest = sum(each.layer.size_bytes for each in layers[_MOST_LAYERS:])
        print(f"and {len(layers) - _MOST_LAYERS} smaller ones, {format_size(rest)} together")


def _cut(text: str) -> str:
    text = sanitized(text)
    return text if len(text) <= _MOST_TEXT else f"{text[: _MOST_TEXT - 3]}..."


def _print_table(rows: Sequence[tuple[str, ...]]) -> None:
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    for row in rows:
        print("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip())


def _as_data(images: Sequence[ImageSize], budgets: Mapping[str, Budget]) -> dict[str, object]:
    layers = shared_layers(images)
    return {
        "event": "ImageSizes",
        "images": [
            {
                "name": image.name,
                "image": image.reference,
                "size_bytes": image.size_bytes,
                "own_bytes": own_bytes(image, images),
                "budget_bytes": budgets[image.name].limit_bytes if image.name in budgets else None,
            }
            for image in images
        ],
        "layers": [
            {"size_bytes": each.layer.size_bytes, "made_by": each.layer.made_by, "images": list(each.names)}
            for each in layers
        ],
        "size_bytes": sum(each.layer.size_bytes for each in layers),
    }
