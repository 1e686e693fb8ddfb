"""Pictures in and out of PNG, and sheets of many."""

from __future__ import annotations

import io
import struct
import zlib

import numpy as np
from numpy.typing import NDArray
from PIL import Image, UnidentifiedImageError

from handfast.errors import InvalidInput

SIDE = 28
"""Width and height of a digit, in pixels."""

MAX_SIDE = 2048
"""Largest width and height that is decoded: a few bytes of PNG can stand for gigabytes."""

Pixels = NDArray[np.uint8]

# What Pillow raises for bytes that are no image, a broken one, or one of absurd size.
_UNREADABLE = (
    UnidentifiedImageError,
    Image.DecompressionBombError,
    OSError,
    SyntaxError,
    ValueError,
    zlib.error,
    struct.error,
)


def encode_png(pixels: Pixels) -> bytes:
    """Write a greyscale picture (height, width) as PNG."""
    stream = io.BytesIO()
    Image.fromarray(pixels).save(stream, format="PNG")
    return stream.getvalue()


def decode_digit(content: bytes) -> Pixels:
    """Read a PNG of any size as a greyscale digit (SIDE, SIDE).

    raises   InvalidInput if it is no PNG, broken, or larger than MAX_SIDE
    """
    try:
        with Image.open(io.BytesIO(content), formats=("PNG",)) as image:
            if max(image.size) > MAX_SIDE:
                raise InvalidInput(f"the image is {image.width}x{image.height}, over {MAX_SIDE}")
            grey = image.convert("L")
    except _UNREADABLE as error:
        raise InvalidInput("not a readable PNG") from error
    if grey.size != (SIDE, SIDE):
        grey = grey.resize((SIDE, SIDE), Image.Resampling.BOX)
    return np.asarray(grey)


def sheet(digits: Pixels, columns: int, zoom: int = 2) -> Pixels:
    """Lay digits (n, SIDE, SIDE) out in rows of `columns`, enlarged, with a seam between them."""
    rows = -(-len(digits) // columns)
    cell = SIDE + 2
    canvas = np.full((rows * cell, columns * cell), 48, dtype=np.uint8)
    for index, digit in enumerate(digits):
        top, left = index // columns * cell + 1, index % columns * cell + 1
        canvas[top : top + SIDE, left : left + SIDE] = digit
    return canvas.repeat(zoom, axis=0).repeat(zoom, axis=1)
