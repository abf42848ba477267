"""Writes tileset.json of 3D Tiles 1.1: boxes, tiles, and a quadtree above many roots."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import orjson

from cim.geo.frames import enu_matrix, lonlat_height, moved

Floats = npt.NDArray[np.float64]

THINNEST = 0.01  # half thickness of a flat box, m: Cesium culls by planes, not by surfaces
STEP = 1.01  # a parent's error over its children's where the producer's own do not fall
FANOUT = 4


@dataclass(frozen=True, slots=True, eq=False)
class Box:
    """An axis-aligned box: lowest and highest (3,) corner, m."""

    low: Floats
    high: Floats

    @classmethod
    def around(cls, points: npt.NDArray[Any]) -> Box:
        """The smallest box around (n, 3) points."""
        return cls(points.min(axis=0).astype(np.float64), points.max(axis=0).astype(np.float64))

    def union(self, other: Box) -> Box:
        """The smallest box around both."""
        return Box(np.minimum(self.low, other.low), np.maximum(self.high, other.high))

    def corners(self) -> Floats:
        """(8, 3) corners."""
        choice = np.array([[i & 1, i >> 1 & 1, i >> 2] for i in range(8)], dtype=bool)
        return np.where(choice, self.high, self.low)

    def volume(self, axes: Floats | None = None) -> dict[str, list[float]]:
        """The ``boundingVolume``: as it is, or moved by a 4 × 4 affine (column vectors)."""
        centre = (self.low + self.high) / 2
        half = np.diag(np.maximum((self.high - self.low) / 2, THINNEST))
        if axes is not None:
            centre = axes[:3, :3] @ centre + axes[:3, 3]
            half = axes[:3, :3] @ half
        return {"box": [*centre.tolist(), *half.T.ravel().tolist()]}


@dataclass(slots=True)
class Tile:
    """One tile while its tree grows.

    Args:
        box: Around its own content; None without content. ``boundary`` adds the children's.
        error: Geometric error that the content has, m; a leaf is written with 0.
        uri: Content, relative to the tileset.
        children: Finer tiles.
    """

    box: Box | None
    error: float = 0.0
    uri: str | None = None
    children: list[Tile] = field(default_factory=list)

    def boundary(self) -> Box | None:
        """The box around own content and all below."""
        boxes = [b for b in (self.box, *(c.boundary() for c in self.children)) if b is not None]
        result = boxes[0] if boxes else None
        for box in boxes[1:]:
            result = box if result is None else result.union(box)
        return result


def settle(tile: Tile) -> float:
    """Make errors fall strictly from parent to child and boxes hold what is below.

    An infinite error (a producer's child that shows at any distance) becomes the diagonal of the
    box: refined at once wherever the tile is in sight.

    Returns:
        The tile's error, m.
    """
    box = tile.boundary()
    if box is None:
        raise ValueError("a tile without content and children has no place")
    tile.box = box
    if not tile.children:
        tile.error = 0.0
        return 0.0
    below = max(settle(child) for child in tile.children)
    if not math.isfinite(tile.error):
        tile.error = float(np.linalg.norm(box.high - box.low))
    if tile.error <= below:
        tile.error = below * STEP
    return tile.error


def tile_json(tile: Tile) -> dict[str, Any]:
    """A settled tile as JSON values."""
    assert tile.box is not None  # noqa: S101 - settle() has set it
    result: dict[str, Any] = {
        "boundingVolume": tile.box.volume(),
        "geometricError": tile.error,
        "refine": "REPLACE",
    }
    if tile.uri is not None:
        result["content"] = {"uri": tile.uri}
    if tile.children:
        result["children"] = [tile_json(child) for child in tile.children]
    return result


def write_folder(path: Path, root: Tile, matrix: Floats) -> None:
    """Write the tileset of one folder: the whole matrix to ECEF stands on its root.

    Args:
        path: The tileset.json to write.
        root: A settled tree, boxes and content in the folder's own frame.
        matrix: 4 × 4 affine from that frame to ECEF (column vectors).
    """
    head = tile_json(root) | {"transform": matrix.T.ravel().tolist()}
    write(path, head, root.error)


def write(path: Path, root: dict[str, Any], error: float, extras: Any = None) -> None:
    """Write a tileset document."""
    asset: dict[str, Any] = {"version": "1.1"}
    if extras is not None:
        asset["extras"] = extras
    document = {"asset": asset, "geometricError": error, "root": root}
    path.write_bytes(orjson.dumps(document))


@dataclass(frozen=True, slots=True, eq=False)
class Entry:
    """One external tileset to join.

    Args:
        uri: Its tileset.json, relative to the joining one.
        box: Box of its root in its own frame, m.
        matrix: 4 × 4 affine of its root to ECEF.
        error: Geometric error of its root, m.
    """

    uri: str
    box: Box
    matrix: Floats
    error: float

    def corners(self) -> Floats:
        """(8, 3) corners in ECEF."""
        return moved(self.box.corners(), self.matrix)


def join(entries: Sequence[Entry]) -> tuple[dict[str, Any], float]:
    """A quadtree of empty tiles above external tilesets, so that a viewer culls what is not seen.

    Boxes stand in the axes of the middle (east, north, up) but are given in ECEF, since a
    transform above would multiply with those of the external roots. A group's error is its
    diagonal: it opens as soon as it is larger than 16 pixels on the screen.

    Args:
        entries: At least one.

    Returns:
        The root tile as JSON values, and its geometric error.
    """
    everything = np.concatenate([entry.corners() for entry in entries])
    lon, lat, _ = lonlat_height(everything.mean(axis=0, keepdims=True))[0]
    axes = enu_matrix(float(lon), float(lat))
    local = [(e, (e.corners() - axes[:3, 3]) @ axes[:3, :3]) for e in entries]
    return _group(local, axes)


def _group(members: list[tuple[Entry, Floats]], axes: Floats) -> tuple[dict[str, Any], float]:
    if len(members) <= FANOUT:
        children = [_leaf(entry) for entry, _ in members]
        below = max(entry.error for entry, _ in members)
    else:
        parts = [_group(part, axes) for part in _quarters(members)]
        children = [tile for tile, _ in parts]
        below = max(error for _, error in parts)
    box = Box.around(np.concatenate([corners for _, corners in members]))
    error = max(float(np.linalg.norm(box.high - box.low)), below * 2)
    tile = {
        "boundingVolume": box.volume(axes),
        "geometricError": error,
        "refine": "REPLACE",
        "children": children,
    }
    return tile, error


def _leaf(entry: Entry) -> dict[str, Any]:
    return {
        "boundingVolume": entry.box.volume(entry.matrix),
        "geometricError": entry.error,
        "refine": "REPLACE",
        "content": {"uri": entry.uri},
    }


def _quarters(members: list[tuple[Entry, Floats]]) -> list[list[tuple[Entry, Floats]]]:
    """Split by the middle of the centres in east and north; by rank where all centres coincide."""
    centres = np.array([corners.mean(axis=0)[:2] for _, corners in members])
    middle = (centres.min(axis=0) + centres.max(axis=0)) / 2
    which = (centres[:, 0] > middle[0]) + 2 * (centres[:, 1] > middle[1])
    if (which == which[0]).all():
        which = np.arange(len(members)) % FANOUT
    found = [[m for m, w in zip(members, which, strict=True) if w == q] for q in range(FANOUT)]
    return [part for part in found if part]
