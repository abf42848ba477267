"""A tile above four: their mesh in one, simplified, with one picture or colours by vertex."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from cim.tiles.glb import CLAMP_TO_EDGE, Texture
from cim.tiles.hlod.atlas import encoded
from cim.tiles.hlod.nearest import Grid
from cim.tiles.hlod.paint import paint
from cim.tiles.hlod.piece import PLAIN, Piece, face_normals, welded
from cim.tiles.hlod.simplify import deviation, simplified

Floats = npt.NDArray[np.float64]

SHARP = 16.0  # a tile is refined where its error covers 16 pixels: a texel then covers one
SAFETY = 1.25  # of a distance that was measured at points only
STEP = 1.01


@dataclass(frozen=True, slots=True, eq=False)
class Child:
    """A finer tile.

    Args:
        piece: Its mesh.
        pictures: Its textures.
        error: Its geometric error, m; 0 for a finest one.
        moved: How far its surface is from the finest one at most, m.
        texel: Side of its texels, m; 0 where it has none.
    """

    piece: Piece
    pictures: Sequence[Texture]
    error: float
    moved: float
    texel: float


@dataclass(frozen=True, slots=True, eq=False)
class Parent:
    """A coarser tile.

    Args:
        piece: Its mesh.
        pictures: Its texture, or none.
        error: Its geometric error, m.
        moved: How far its surface is from the finest one at most, m.
        texel: Side of its texels, m; 0 where it has none.
    """

    piece: Piece
    pictures: Sequence[Texture]
    error: float
    moved: float
    texel: float


def parent(children: Sequence[Child], most: int, side: int, quality: int) -> Parent:
    """Make one tile of its finer ones.

    Args:
        children: One to four.
        most: Triangles wanted.
        side: Pixels along its picture at most.
        quality: Of the picture's JPEG.
    """
    whole, pictures = merged(children)
    corners = whole.points[whole.triangles]
    triangles = simplified(whole.points, whole.triangles, most)
    triangles = triangles if len(triangles) else whole.triangles
    coarse = whole.points[triangles]
    moved = deviation(corners, coarse) * SAFETY + max(c.moved for c in children)
    error = max(moved, STEP * max(c.error for c in children))
    if not pictures:
        piece = _plain(whole, corners, triangles)
        return Parent(piece, [], error, moved, 0.0)
    wanted = 2 * max(c.texel for c in children)
    painted = paint(corners, whole.points, triangles, whole, pictures, wanted, side)
    points, own = welded(coarse)
    count = len(own)
    piece = Piece(
        points, own, np.zeros(count, np.int32), painted.uv, np.full((count, 3, 3), 255, np.uint8)
    )
    texture = encoded(painted.pixels, quality, CLAMP_TO_EDGE)
    return Parent(piece, [texture], max(error, SHARP * painted.texel), moved, painted.texel)


def merged(children: Sequence[Child]) -> tuple[Piece, list[Texture]]:
    """The pieces in one, welded where they meet, and their pictures."""
    pictures: list[Texture] = []
    numbers = []
    for child in children:
        own = child.piece.picture
        numbers.append(np.where(own == PLAIN, PLAIN, own + len(pictures)).astype(np.int32))
        pictures += child.pictures
    pieces = [child.piece for child in children]
    points, triangles = welded(np.concatenate([p.points[p.triangles] for p in pieces]))
    lit = all(p.normals is not None for p in pieces if (p.picture == PLAIN).any())
    lit = lit and any(p.normals is not None for p in pieces)
    piece = Piece(
        points,
        triangles,
        np.concatenate(numbers),
        np.concatenate([p.uv for p in pieces]),
        np.concatenate([p.colors for p in pieces]),
        face_normals(points[triangles]) if lit else None,
    )
    return piece, pictures


def _plain(whole: Piece, corners: Floats, triangles: npt.NDArray[np.int32]) -> Piece:
    """A mesh without pictures: each corner keeps its vertex's colour, by the face it stood on."""
    coarse = whole.points[triangles]
    points, own = welded(coarse)
    inner = coarse + (coarse.mean(axis=1, keepdims=True) - coarse) * 0.01
    source, shares, _ = Grid.over(corners).nearest(inner.reshape(-1, 3))
    colors = (shares[:, :, None] * whole.colors[source]).sum(axis=1).round()
    return Piece(
        points,
        own,
        np.full(len(own), PLAIN, np.int32),
        np.zeros((len(own), 3, 2), np.float32),
        colors.reshape(-1, 3, 3).astype(np.uint8),
        None if whole.normals is None else face_normals(coarse),
    )


def texel_of(piece: Piece, pictures: Sequence[tuple[int, int]]) -> float:
    """Side of a tile's texels, m: by the areas of its mesh and on its (width, height) pictures."""
    own = piece.picture != PLAIN
    if not own.any():
        return 0.0
    corners = piece.points[piece.triangles[own]]
    across = np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])
    sizes = np.array(pictures, np.float64)[piece.picture[own]]
    spots = piece.uv[own] * sizes[:, None]
    one, two = spots[:, 1] - spots[:, 0], spots[:, 2] - spots[:, 0]
    pixels = np.abs(one[:, 0] * two[:, 1] - one[:, 1] * two[:, 0]).sum()
    return float(np.sqrt(np.linalg.norm(across, axis=1).sum() / max(float(pixels), 1e-9)))
