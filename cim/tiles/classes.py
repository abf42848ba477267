"""Tiles of a classified raster: each class in its legend's colour, clear where none is known."""

from __future__ import annotations

import io
import json
from pathlib import Path

import numpy as np
from PIL import Image
from rio_tiler.errors import TileOutsideBounds
from rio_tiler.io import Reader

from cim.errors import NotFoundError

SIZE = 256
MAX_ZOOM = 22


def tile(folder: Path, place: tuple[int, int, int]) -> bytes | None:
    """One PNG tile of the coverage described in ``folder/result.json``; None where it has none.

    Args:
        folder: Of an answer.
        place: z, x, y of the Web Mercator grid.

    Raises:
        NotFoundError: the answer has no coverage, or the grid no such tile.
    """
    z, x, y = place
    if not (0 <= z <= MAX_ZOOM and 0 <= x < 2**z and 0 <= y < 2**z):
        raise NotFoundError(f"there is no tile {z}/{x}/{y}")
    coverage = json.loads((folder / "result.json").read_text())["coverage"]
    if coverage is None:
        raise NotFoundError("this result has no coverage")
    colors = np.zeros((256, 4), np.uint8)
    for entry in coverage["legend"]:
        code = entry["color"].removeprefix("#").ljust(8, "f")
        colors[entry["value"]] = [int(code[i : i + 2], 16) for i in (0, 2, 4, 6)]
    with Reader(str(folder / coverage["file"])) as reader:
        try:
            image = reader.tile(
                x, y, z, tilesize=SIZE,
                resampling_method="nearest", reproject_method="nearest",
            )  # fmt: skip
        except TileOutsideBounds:
            return None
    values = image.array[0].filled(255).astype(np.uint8)
    painted = colors[values]
    if not painted[..., 3].any():
        return None
    out = io.BytesIO()
    Image.fromarray(painted, "RGBA").save(out, "PNG", compress_level=3)
    return out.getvalue()
