"""The finest tiles: one cell of the model with its own part of the textures."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from cim.ingest.sources.flat.cells import SPAN, Look, Records, area
from cim.tiles import glb
from cim.tiles.hlod.atlas import encoded, islands, repacked
from cim.tiles.hlod.piece import PLAIN, Piece, face_normals, srgb, welded

Array = npt.NDArray[Any]


def leaf(records: Records, most: int, quality: int) -> tuple[Piece, list[glb.Texture], float]:
    """A finest tile.

    Args:
        records: The faces of its cell.
        most: Pixels along the side of its texture.
        quality: Of its JPEG.

    Returns:
        The tile, its textures, and the area of its faces, m².
    """
    points, triangles = welded(records.corners)
    a, b, c = triangles.T
    real = np.flatnonzero((a != b) & (b != c) & (c != a))
    triangles = triangles[real]
    material = records.material[real]
    looks = records.looks
    pictured = np.array([look.picture is not None for look in looks])
    textured = (material >= 0) & pictured[np.maximum(material, 0)]
    picture = np.full(len(real), PLAIN, np.int32)
    uv = np.zeros((len(real), 3, 2), np.float32)
    textures: list[glb.Texture] = []
    if records.uv is not None and textured.any():
        at = np.flatnonzero(textured)
        textures, uv[at], picture[at] = _textures(
            records.uv[real][at].astype(np.float64), material[at], looks, most, quality
        )
    plain = picture == PLAIN
    colors = np.full((len(real), 3, 3), 255, np.uint8)
    colors[plain] = _tints(material[plain], looks)[:, None]
    if records.colors is not None:
        colors[plain] = records.colors[real][plain]
    normals = None
    if plain.any() and not records.colored:
        normals = _normals(records, real)
    piece = Piece(points, triangles, picture, uv, colors, normals)
    return piece, textures, area(records.corners)


def _tints(material: Array, looks: Sequence[Look]) -> Array:
    """(n, 3) colours; a face whose texture cannot be used is grey."""
    own = np.array([srgb(look.tint) for look in looks])
    grey = np.array([203, 203, 203], np.uint8)
    return np.where(material[:, None] >= 0, own[np.maximum(material, 0)], grey)


def _normals(records: Records, real: Array) -> npt.NDArray[np.float32]:
    """As delivered where they are unit vectors, else those of faces."""
    own = face_normals(records.corners[real])
    if records.normals is None:
        return own
    given = records.normals[real]
    length = np.linalg.norm(given, axis=2, keepdims=True)
    fine = (length > 0.5).all(axis=(1, 2))
    own[fine] = (given / np.where(length > 0, length, 1.0))[fine]
    return own


def _textures(
    uv: Array, material: Array, looks: Sequence[Look], most: int, quality: int
) -> tuple[list[glb.Texture], Array, Array]:
    """One atlas for what shows parts of pictures; pictures that repeat stay whole.

    Returns:
        The textures, (m, 3, 2) texture coordinates, (m,) textures of triangles.
    """
    used, picture = np.unique(material, return_inverse=True)
    sources = [looks[int(m)].picture for m in used]
    pictures = [source.pixels() for source in sources if source is not None]
    sizes = np.array([p.shape[1::-1] for p in pictures])
    found = islands(uv, picture, sizes)
    whole = sizes[found.picture]
    wide = (found.size > SPAN * whole).any(axis=1)
    large = (found.size.prod(axis=1) > whole.prod(axis=1)) & (found.size > whole).any(axis=1)
    repeats = (wide | large)[found.number]
    textures: list[glb.Texture] = []
    moved = uv.astype(np.float32)
    number = np.zeros(len(uv), np.int32)
    once = np.flatnonzero(~repeats)
    if len(once):
        parts = islands(uv[once], picture[once], sizes)
        atlas = repacked(uv[once], picture[once], pictures, parts, most)
        textures.append(encoded(atlas.pixels, quality, glb.CLAMP_TO_EDGE))
        moved[once] = atlas.uv
    for which in np.unique(picture[repeats]):
        number[repeats & (picture == which)] = len(textures)
        textures.append(encoded(_reduced(pictures[which], most), quality, glb.REPEAT))
    return textures, moved, number


def _reduced(pixels: Array, most: int) -> npt.NDArray[np.uint8]:
    """A whole picture, its blocks averaged where it is larger than a tile's texture may be."""
    factor = -(-max(pixels.shape[:2]) // most)
    if factor == 1:
        return np.asarray(pixels)
    rows, columns = (max(n // factor, 1) for n in pixels.shape[:2])
    result = np.empty((rows, columns, 3), np.uint8)
    for row in range(rows):
        band = np.asarray(pixels[row * factor : (row + 1) * factor, : columns * factor])
        blocks = band.reshape(len(band), columns, -1, 3).astype(np.float32)
        result[row] = blocks.mean(axis=(0, 2)).round()
    return result
