"""A piece of a mesh, as one tile shows it, before it is written as glb."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from zipfile import BadZipFile

import numpy as np
import numpy.typing as npt

from cim.errors import FormatError
from cim.tiles import glb

Floats = npt.NDArray[np.float64]
Array = npt.NDArray[Any]
PLAIN = -1  # the picture of a triangle without any


@dataclass(frozen=True, slots=True, eq=False)
class Piece:
    """Triangles whose vertices are places only: what belongs to corners is kept by corner.

    Args:
        points: (n, 3) m, no two alike.
        triangles: (m, 3).
        picture: (m,) which of the tile's pictures, or ``PLAIN``.
        uv: (m, 3, 2) float32 from the upper left corner of the picture.
        colors: (m, 3, 3) uint8 sRGB, of plain triangles.
        normals: (m, 3, 3) float32 where plain triangles are lit, or None.
    """

    points: Floats
    triangles: npt.NDArray[np.int32]
    picture: npt.NDArray[np.int32]
    uv: npt.NDArray[np.float32]
    colors: npt.NDArray[np.uint8]
    normals: npt.NDArray[np.float32] | None = None

    def save(self, path: Path) -> None:
        """Write to a file; the same piece gives the same bytes."""
        columns = {
            "points": self.points,
            "triangles": self.triangles,
            "picture": self.picture,
            "uv": self.uv,
            "colors": self.colors,
        }
        if self.normals is not None:
            columns["normals"] = self.normals
        with path.open("wb") as file:
            np.savez(file, **columns)  # type: ignore[arg-type]

    @classmethod
    def load(cls, path: Path) -> Piece:
        """Read what ``save`` has written.

        Raises:
            FormatError: it is damaged.
        """
        try:
            with path.open("rb") as file, np.load(file) as data:
                own = {name: data[name] for name in data.files}
            return cls(**own)
        except (OSError, ValueError, KeyError, TypeError, BadZipFile, EOFError) as error:
            raise FormatError(
                f"a piece of the mesh cannot be read: {error}",
                path=path,
                remedy="delete the folder; the next run makes it again",
            ) from error


def welded(corners: Floats) -> tuple[Floats, npt.NDArray[np.int32]]:
    """Points that differ, and (m, 3) triangles of them, from (m, 3, 3) corners.

    Only what is equal to the last bit becomes one: cuts are made so.
    """
    flat = np.ascontiguousarray(corners.reshape(-1, 3)) + 0.0  # no negative zero
    keys = flat.view(np.dtype((np.void, 24))).ravel()
    _, first, inverse = np.unique(keys, return_index=True, return_inverse=True)
    return flat[first], inverse.reshape(-1, 3).astype(np.int32)


def face_normals(corners: Floats) -> npt.NDArray[np.float32]:
    """(m, 3, 3) unit normals of (m, 3, 3) corners, the same at all three."""
    across = np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])
    length = np.linalg.norm(across, axis=1, keepdims=True)
    unit = np.where(length > 0, across / np.where(length > 0, length, 1.0), [0.0, 0.0, 1.0])
    return np.repeat(unit[:, None], 3, axis=1).astype(np.float32)


def primitives(
    piece: Piece,
    pictures: Sequence[glb.Texture],
    place: Callable[[Floats], npt.NDArray[np.float32]],
) -> list[glb.Primitive]:
    """The primitives of a piece, in the order of its pictures, the plain one last.

    Args:
        piece: The piece.
        pictures: Its textures.
        place: From the piece's coordinates to the tile's frame; a function of each point alone.
    """
    points = place(piece.points)
    found = []
    for number, texture in enumerate(pictures):
        own = piece.picture == number
        at, columns = _vertices(piece.triangles[own], piece.uv[own])
        found.append(
            glb.Primitive(
                points[at[:, 0]], columns, piece.uv[own].reshape(-1, 2)[at[:, 1]], texture
            )
        )
    plain = piece.picture == PLAIN
    if plain.any():
        found.append(_plain(piece, plain, points))
    return found


def _plain(piece: Piece, own: npt.NDArray[np.bool_], points: Array) -> glb.Primitive:
    colors = piece.colors[own]
    normals = None if piece.normals is None else piece.normals[own]
    beside = colors.astype(np.float32)
    if normals is not None:
        beside = np.concatenate([beside, normals], axis=2)
    at, triangles = _vertices(piece.triangles[own], beside)
    one = (colors == colors[0, 0]).all()
    return glb.Primitive(
        points[at[:, 0]],
        triangles,
        normals=None if normals is None else normals.reshape(-1, 3)[at[:, 1]],
        colors=None if one else colors.reshape(-1, 3)[at[:, 1]],
        base_color=linear(colors[0, 0]) if one else None,
    )


def linear(color: Array) -> tuple[float, float, float, float]:
    """Three sRGB bytes as a linear colour, 0..1."""
    share = color.astype(np.float64) / 255
    bright = np.where(share <= 0.04045, share / 12.92, ((share + 0.055) / 1.055) ** 2.4)
    red, green, blue = bright.tolist()
    return red, green, blue, 1.0


def srgb(color: Sequence[float]) -> npt.NDArray[np.uint8]:
    """A linear colour, 0..1, as three sRGB bytes."""
    share = np.clip(np.array(color[:3], np.float64), 0, 1)
    dark = np.where(share <= 0.0031308, share * 12.92, 1.055 * share ** (1 / 2.4) - 0.055)
    return np.asarray((dark * 255).round(), np.uint8)


def _vertices(triangles: Array, beside: Array) -> tuple[Array, npt.NDArray[np.uint32]]:
    """Vertices that differ in place or in what stands beside it.

    Returns:
        (n, 2) point and corner of each vertex, and the triangles of them.
    """
    corners = triangles.reshape(-1)
    key = np.empty((len(corners), 1 + beside.shape[-1]), np.int32)
    key[:, 0] = corners
    flat = np.ascontiguousarray(beside.reshape(len(corners), -1), np.float32) + np.float32(0)
    key[:, 1:] = flat.view(np.int32)
    packed = key.view(np.dtype((np.void, 4 * key.shape[1]))).ravel()
    _, first, inverse = np.unique(packed, return_index=True, return_inverse=True)
    order = np.argsort(first)  # in the order of use: kinder to caches, and to compression
    rank = np.empty(len(order), np.uint32)
    rank[order] = np.arange(len(order), dtype=np.uint32)
    first = first[order]
    return np.column_stack([corners[first], first]), rank[inverse].reshape(-1, 3)
