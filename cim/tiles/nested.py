"""Additive tilesets: every tile stands in a frame of its own and adds to what lies above it.

Features or points are shared out so that each stands in exactly one tile: the largest at the top,
the small ones below, where they are asked for only once they would be seen.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from cim.geo.frames import enu_matrix, lonlat_height, moved
from cim.tiles.tileset import STEP, THINNEST, Box, write

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]

FANOUT = 4
DEEPEST = 40


@dataclass(slots=True, eq=False)
class Branch:
    """Which features one tile holds, and what lies below it.

    Args:
        members: Their indices.
        error: Size of the largest feature below, m; 0 for a leaf.
        children: Of the quarters.
    """

    members: Ints
    error: float
    children: list[Branch] = field(default_factory=list)

    def walk(self) -> Iterator[Branch]:
        """This one and all below."""
        yield self
        for child in self.children:
            yield from child.walk()


def share_out(centres: Floats, sizes: Floats, most: int, widest: float) -> Branch:
    """Share features out over a quadtree, the largest first.

    Args:
        centres: (n, 2) m.
        sizes: (n,) m.
        most: Features in one tile.
        widest: Side of the widest tile that may hold any, m: beyond it float32 grows too coarse.
    """
    order = np.argsort(-sizes, kind="stable")
    return _branch(order, centres, sizes, most, widest, 0)


def _branch(
    order: Ints, centres: Floats, sizes: Floats, most: int, widest: float, depth: int
) -> Branch:
    here = centres[order]
    low, high = here.min(axis=0), here.max(axis=0)
    narrow = float((high - low).max()) <= widest
    if narrow and len(order) <= most + most // 4:
        return Branch(order, 0.0)
    mine = order[:most] if narrow else order[:0]
    rest = order[len(mine) :]
    middle = (low + high) / 2
    which = (centres[rest] > middle) @ (1, 2)
    if depth > DEEPEST or (which == which[0]).all():
        which = np.arange(len(rest)) % FANOUT
    children = [
        _branch(rest[which == quarter], centres, sizes, most, widest, depth + 1)
        for quarter in range(FANOUT)
        if (which == quarter).any()
    ]
    return Branch(mine, float(sizes[rest[0]]), children)


@dataclass(slots=True, eq=False)
class Node:
    """One tile of an additive tileset.

    Args:
        matrix: 4 × 4 from its frame to ECEF (column vectors).
        box: Around its own content in its frame, m; None without content.
        error: Geometric error while only this and what is above are shown, m.
        uri: Content, relative to the tileset.
        children: What adds to it.
    """

    matrix: Floats
    box: Box | None = None
    error: float = 0.0
    uri: str | None = None
    children: list[Node] = field(default_factory=list)

    def whole(self) -> Box:
        """The box, in this frame, around own content and all below; errors are settled."""
        boxes = [] if self.box is None else [_thick(self.box)]
        below = 0.0
        for child in self.children:
            inner = child.whole()
            away = np.linalg.inv(self.matrix) @ child.matrix
            boxes.append(Box.around(moved(inner.corners(), away)))
            below = max(below, child.error)
        if not boxes:
            raise ValueError("a tile without content and children has no place")
        if self.children and self.error <= below:
            self.error = below * STEP
        result = boxes[0]
        for box in boxes[1:]:
            result = result.union(box)
        self.box = result
        return result


def _thick(box: Box) -> Box:
    """The box as it is written: flat ones are given some thickness, which parents must hold."""
    middle, half = (box.low + box.high) / 2, (box.high - box.low) / 2
    half = np.maximum(half, THINNEST)
    return Box(middle - half, middle + half)


def frame_at(places: Floats) -> Floats:
    """East-north-up at the middle of (n, 3) ECEF points: a rigid 4 × 4 matrix to ECEF."""
    middle = (places.min(axis=0) + places.max(axis=0)) / 2
    lon, lat, height = lonlat_height(middle[None])[0]
    return enu_matrix(float(lon), float(lat), float(height))


def into(matrix: Floats, places: Floats) -> Floats:
    """(n, 3) ECEF points in a rigid frame, m."""
    local: Floats = (places - matrix[:3, 3]) @ matrix[:3, :3]
    return local


def write_nested(path: Path, root: Node, error: float, extras: Any = None) -> Box:
    """Write the tileset.json of an additive tree.

    Args:
        path: To write.
        root: Its boxes and errors are settled here.
        extras: JSON values for ``asset.extras``.
        error: Of the tileset: size of the largest thing that is missing while nothing is shown, m.

    Returns:
        The root's box in its frame.
    """
    box = root.whole()
    write(path, _json(root, None), max(error, root.error), extras)
    return box


def _json(node: Node, above: Floats | None) -> dict[str, Any]:
    assert node.box is not None  # noqa: S101 - whole() has set it
    relative = node.matrix if above is None else np.linalg.inv(above) @ node.matrix
    tile: dict[str, Any] = {
        "boundingVolume": node.box.volume(),
        "geometricError": node.error if node.children else 0.0,
        "refine": "ADD",
        "transform": relative.T.ravel().tolist(),
    }
    if node.uri is not None:
        tile["content"] = {"uri": node.uri}
    if node.children:
        tile["children"] = [_json(child, node.matrix) for child in node.children]
    return tile
