"""Small pictures of images: decoded, turned upright, drawn anew; no bytes or metadata of the original are kept."""

import io
import warnings
from typing import BinaryIO

from PIL import Image, ImageOps

FORMATS = ("PNG", "JPEG", "GIF", "WEBP", "BMP", "TIFF")
EDGE_PIXELS = 480
MAX_FILE_BYTES = 60_000_000
"""Larger images get no picture: the copy is held in memory."""
_MAX_PIXELS = 60_000_000
"""180 MB when decoded, which fits the container's memory."""


def draw(file: BinaryIO) -> bytes | None:
    """A WebP of at most 480 x 480 pixels, or None when this isn't an image that can be read safely."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            with Image.open(file, formats=FORMATS) as image:
                if image.width * image.height > _MAX_PIXELS:
                    return None
                image.draft("RGB", (EDGE_PIXELS * 2, EDGE_PIXELS * 2))
                upright = ImageOps.exif_transpose(image)
                upright.thumbnail((EDGE_PIXELS, EDGE_PIXELS), Image.Resampling.LANCZOS)
                drawn = upright.convert(
                    "RGBA" if "A" in upright.getbands() or "transparency" in upright.info else "RGB"
                )
    except Exception:  # noqa: BLE001 - whatever hostile bytes make Pillow raise: there is no picture of them
        return None
    out = io.BytesIO()
    drawn.save(out, "WEBP", quality=82, method=4)
    return out.getvalue()
