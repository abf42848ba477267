"""What a place looks like from above: colours of texels, heights of the posts between them.

Rasters of one level share a lattice, so that they can be put together without resampling. A coarser
raster keeps every second post of its own border as it is: neighbours that agree on their common
border agree on it at every level.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from zipfile import BadZipFile

import numpy as np
import numpy.typing as npt

from cim.errors import FormatError

Bytes = npt.NDArray[np.uint8]
Flags = npt.NDArray[np.bool_]
Heights = npt.NDArray[np.float32]

STEP = 1 / 64  # m; heights are kept as multiples of it: their files are smaller then


@dataclass(frozen=True, slots=True, eq=False)
class Raster:
    """A window of the lattice; row 0 is the southernmost.

    Args:
        texel: Side of a texel, m.
        column: Texels from the origin of the lattice to the window's western border.
        row: To its southern one.
        colour: (rows, columns, 3) sRGB.
        cover: (rows, columns): where there is something.
        height: (rows + 1, columns + 1) at the corners of texels, m; NaN where there is nothing.
        deviation: Root mean square and largest distance of these heights to the source's, m.
    """

    texel: float
    column: int
    row: int
    colour: Bytes
    cover: Flags
    height: Heights
    deviation: tuple[float, float] = (0.0, 0.0)

    def save(self, path: Path) -> None:
        """Write to a file; the same raster gives the same bytes."""
        with path.open("wb") as file:
            np.savez_compressed(
                file,
                place=np.array([self.texel, self.column, self.row, *self.deviation]),
                colour=self.colour,
                cover=np.packbits(self.cover, axis=1),
                height=np.round(self.height / STEP) * np.float32(STEP),
            )

    @classmethod
    def load(cls, path: Path) -> Raster:
        """Read what ``save`` has written.

        Raises:
            FormatError: it is damaged.
        """
        try:
            with path.open("rb") as file, np.load(file) as data:
                texel, column, row, typical, worst = data["place"].tolist()
                colour, height = data["colour"], data["height"]
                cover = np.unpackbits(data["cover"], axis=1, count=colour.shape[1]).astype(bool)
        except (OSError, ValueError, KeyError, TypeError, BadZipFile, EOFError) as error:
            raise FormatError(
                f"a raster of the overview cannot be read: {error}",
                path=path,
                remedy="delete the file; the next run makes it again",
            ) from error
        return cls(texel, int(column), int(row), colour, cover, height, (typical, worst))


def mosaic(parts: Sequence[Raster]) -> Raster:
    """Rasters of one lattice and texel put together; where two cover a place, the higher shows.

    Args:
        parts: At least one.
    """
    west, south = min(p.column for p in parts), min(p.row for p in parts)
    east = max(p.column + p.cover.shape[1] for p in parts)
    north = max(p.row + p.cover.shape[0] for p in parts)
    colour = np.zeros((north - south, east - west, 3), np.uint8)
    cover = np.zeros((north - south, east - west), np.bool_)
    height = np.full((north - south + 1, east - west + 1), np.nan, np.float32)
    for part in parts:
        rows, columns = part.cover.shape
        here = np.s_[part.row - south :, part.column - west :]
        texels = colour[here][:rows, :columns]
        covered = cover[here][:rows, :columns]
        posts = height[here][: rows + 1, : columns + 1]
        above = np.fmax(part.height[:-1, :-1], part.height[1:, 1:])
        below = np.fmax(posts[:-1, :-1], posts[1:, 1:])
        wins = part.cover & ~(covered & (below > above))
        texels[wins] = part.colour[wins]
        covered |= part.cover
        np.fmax(posts, part.height, out=posts)
    typical = float(np.sqrt(np.mean([p.deviation[0] ** 2 for p in parts])))
    worst = max(p.deviation[1] for p in parts)
    return Raster(parts[0].texel, west, south, colour, cover, height, (typical, worst))


def even(raster: Raster, multiple: int) -> Raster:
    """The raster in a window whose borders are multiples of so many texels."""
    rows, columns = raster.cover.shape
    left, below = raster.column % multiple, raster.row % multiple
    right, above = -(left + columns) % multiple, -(below + rows) % multiple
    if not (left or below or right or above):
        return raster
    frame = ((below, above), (left, right))
    return Raster(
        raster.texel,
        raster.column - left,
        raster.row - below,
        np.pad(raster.colour, (*frame, (0, 0))),
        np.pad(raster.cover, frame),
        np.pad(raster.height, frame, constant_values=np.nan),
        raster.deviation,
    )


def coarser(raster: Raster) -> Raster:
    """The raster of texels twice as wide: mean colours, smoothed heights, its border untouched."""
    whole = even(raster, 2)
    rows, columns = (n // 2 for n in whole.cover.shape)
    cells = whole.cover.reshape(rows, 2, columns, 2)
    count = cells.sum(axis=(1, 3))
    weighted = whole.colour.reshape(rows, 2, columns, 2, 3) * cells[..., None]
    total = weighted.sum(axis=(1, 3), dtype=np.uint32)
    share = np.maximum(count, 1)[..., None].astype(np.uint32)
    colour = ((total + share // 2) // share).astype(np.uint8)
    return Raster(
        raster.texel * 2,
        whole.column // 2,
        whole.row // 2,
        colour,
        count > 0,
        fewer(whole.height),
        raster.deviation,
    )


def fewer(height: Heights) -> Heights:
    """Every second post: inner ones smoothed over their neighbours, outer ones as they are.

    Args:
        height: (2 m + 1, 2 n + 1), NaN where there is nothing.

    Returns:
        (m + 1, n + 1).
    """
    kept = height[::2, ::2].copy()
    if min(kept.shape) < 3:
        return kept
    total = np.zeros((kept.shape[0] - 2, kept.shape[1] - 2), np.float32)
    weight = np.zeros_like(total)
    rows, columns = height.shape
    for dy, dx, w in _KERNEL:
        part = height[2 + dy : rows - 2 + dy : 2, 2 + dx : columns - 2 + dx : 2]
        there = np.isfinite(part)
        total += np.where(there, part, 0) * np.float32(w)
        weight += there * np.float32(w)
    inner = kept[1:-1, 1:-1]
    good = np.isfinite(inner)
    inner[good] = (total / np.maximum(weight, 1e-9))[good]
    return kept


_KERNEL = [(dy, dx, (2 - abs(dy)) * (2 - abs(dx))) for dy in (-1, 0, 1) for dx in (-1, 0, 1)]


def filled(values: npt.NDArray[Any], known: Flags, rounds: int) -> tuple[npt.NDArray[Any], Flags]:
    """Spread known values into unknown places beside them, as many times as told.

    Args:
        values: (rows, columns) or (rows, columns, channels).
        known: (rows, columns).
        rounds: Cells by which to spread.
    """
    result: npt.NDArray[Any] = np.where(_like(known, values), values, 0).astype(np.float32)
    there = known.copy()
    for _ in range(rounds):
        if there.all():
            break
        total = np.zeros_like(result)
        count = np.zeros(there.shape, np.float32)
        for dy in (-1, 0, 1):
            for dx in (-1, 0, 1):
                total += _moved(np.where(_like(there, result), result, 0), dy, dx)
                count += _moved(there.astype(np.float32), dy, dx)
        fresh = ~there & (count > 0)
        mean = total / _like(np.maximum(count, 1), total)
        result[fresh] = mean[fresh]
        there |= fresh
    return result, there


def _like(mask: npt.NDArray[Any], values: npt.NDArray[Any]) -> npt.NDArray[Any]:
    return mask if values.ndim == mask.ndim else mask[..., None]


def _moved(values: npt.NDArray[Any], dy: int, dx: int) -> npt.NDArray[Any]:
    """Values shifted by one cell, zeros where they come from outside."""
    result = np.zeros_like(values)
    rows, columns = values.shape[:2]
    to = np.s_[max(dy, 0) : rows + min(dy, 0), max(dx, 0) : columns + min(dx, 0)]
    of = np.s_[max(-dy, 0) : rows + min(-dy, 0), max(-dx, 0) : columns + min(-dx, 0)]
    result[to] = values[of]
    return result
