"""Blocks of the serving COG: JPEG without its tables or lossless WebP, and masks of bits.

Where colours name classes, as those of slope do, a colour between two of them would name a class
that is not there or none at all. Such pictures are kept without loss, and never averaged.
"""

from __future__ import annotations

import io
import math
import zlib
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import numpy.typing as npt
from PIL import Image
from scipy.ndimage import distance_transform_edt

from cim.errors import FormatError
from cim.tiles.imagery.grid import SIZE

Pixels = npt.NDArray[np.uint8]
Seen = npt.NDArray[np.bool_]
_TABLES_ONLY, _SCAN_ONLY = 1, 2  # Pillow's ``streamtype``
_START, _END, _JFIF = b"\xff\xd8", b"\xff\xd9", b"\xff\xe0"


@dataclass(frozen=True, slots=True)
class Coding:
    """How the colours of a picture are kept.

    Args:
        quality: Of JPEG; None for a picture of classes, kept lossless as WebP.
    """

    quality: int | None

    @property
    def classed(self) -> bool:
        """Whether colours name classes, so that there is nothing between two of them."""
        return self.quality is None


@lru_cache
def tables(coding: Coding) -> bytes:
    """What all blocks share: the tables of JPEG, tag JPEGTables; nothing where they are WebP."""
    if coding.classed:
        return b""
    out = io.BytesIO()
    blank = Image.new("RGB", (SIZE, SIZE))
    blank.save(out, "JPEG", quality=coding.quality, streamtype=_TABLES_ONLY)
    return _bare(out.getvalue())


def encode(picture: Image.Image, coding: Coding) -> bytes:
    """A block of 256 × 256 as an abbreviated JPEG stream (YCbCr, 4:2:0), or a WebP."""
    out = io.BytesIO()
    if coding.classed:
        picture.save(out, "WEBP", lossless=True)
        return out.getvalue()
    picture.save(out, "JPEG", quality=coding.quality, streamtype=_SCAN_ONLY)
    return _bare(out.getvalue())


def _bare(stream: bytes) -> bytes:
    """Without the JFIF marker, which blocks of a TIFF do not carry."""
    if stream[2:4] != _JFIF:
        return stream
    return _START + stream[4 + int.from_bytes(stream[4:6], "big") :]


def whole(shared: bytes, scan: bytes) -> bytes:
    """Tables and block together: a JPEG that stands alone; a WebP does so by itself."""
    if not shared:
        return scan
    return shared.removesuffix(_END) + scan[2:]


def decode(shared: bytes, scan: bytes) -> Pixels:
    """Red, green, blue of a block, (256, 256, 3).

    Raises:
        FormatError: it is no such picture.
    """
    try:
        with Image.open(io.BytesIO(whole(shared, scan))) as picture:
            return np.asarray(picture.convert("RGB"))
    except (OSError, SyntaxError) as error:
        raise FormatError(f"a block of the COG does not decode: {error}") from error


def encode_mask(seen: Seen) -> bytes:
    """A mask as TIFF keeps it: rows of bits, deflated."""
    return zlib.compress(np.packbits(seen, axis=1).tobytes(), 6)


def decode_mask(stored: bytes) -> Seen:
    """The mask of a block, (256, 256).

    Raises:
        FormatError: it does not inflate to a block's bits.
    """
    try:
        bits = zlib.decompress(stored)
        return np.unpackbits(np.frombuffer(bits, np.uint8)).reshape(SIZE, SIZE).astype(bool)
    except (zlib.error, ValueError) as error:
        raise FormatError(f"a mask of the COG does not decode: {error}") from error


def halve(colours: Pixels, seen: Seen, *, classed: bool = False) -> tuple[Pixels, Seen]:
    """Half as many pixels each way, each the mean of four; seen where any of them is.

    Args:
        colours: (rows, columns, 3), even sides, carried over beyond their rim.
        seen: (rows, columns).
        classed: Take the commonest colour of those seen, the first of equals, instead of the mean.
    """
    small = _commonest(colours, seen) if classed else np.asarray(Image.fromarray(colours).reduce(2))
    pairs = seen[0::2] | seen[1::2]
    return small, pairs[:, 0::2] | pairs[:, 1::2]


def _commonest(colours: Pixels, seen: Seen) -> Pixels:
    four = np.stack([colours[r::2, c::2] for r in (0, 1) for c in (0, 1)])
    there = np.stack([seen[r::2, c::2] for r in (0, 1) for c in (0, 1)])
    same = (four[:, None] == four[None]).all(axis=-1)
    votes = np.where(there, (same & there[None]).sum(axis=1), -1)
    best = votes.argmax(axis=0)
    return np.asarray(np.take_along_axis(four, best[None, ..., None], axis=0)[0])


def carry_over_rim(colours: Pixels, seen: Seen, reach: float) -> None:
    """Let colours go on beyond the rim of a picture, unseen behind its mask; in place.

    Else compression and every later resampling, the last of them in the viewer's own texture, mix
    the black out there into the last pixels, and a dark line runs around the picture.

    Args:
        colours: (rows, columns, 3).
        seen: (rows, columns), where there is picture; somewhere there must be.
        reach: How far, pixels.
    """
    if seen.all():
        return
    rows, columns = seen.shape
    halo = math.ceil(reach)
    for top in range(0, rows, SIZE):
        for left in range(0, columns, SIZE):
            # Only what lies within reach of a rim is worth the distances.
            y0, x0 = max(0, top - halo), max(0, left - halo)
            around = seen[y0 : top + SIZE + halo, x0 : left + SIZE + halo]
            if seen[top : top + SIZE, left : left + SIZE].all() or not around.any():
                continue
            away, (row, column) = distance_transform_edt(~around, return_indices=True)
            inner = (slice(top - y0, top - y0 + SIZE), slice(left - x0, left - x0 + SIZE))
            near = (~around & (away <= reach))[inner]
            source = colours[y0 + row[inner][near], x0 + column[inner][near]]
            colours[top : top + SIZE, left : left + SIZE][near] = source
