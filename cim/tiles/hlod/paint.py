"""Paints a coarser mesh with what the finer one looks like at the same place."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numba
import numpy as np
import numpy.typing as npt
import xatlas
from scipy import ndimage

from cim.tiles.glb import REPEAT, Texture
from cim.tiles.hlod.atlas import decoded
from cim.tiles.hlod.nearest import Grid
from cim.tiles.hlod.piece import PLAIN, Piece

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int32]
Pixels = npt.NDArray[np.uint8]

PAD = 4  # pixels between charts
FILL = 0.6  # share of a picture that charts fill
LEAST = 64  # pixels along a picture
TAPS = 6  # along each side of a texel at most: finer detail is left to JPEG


@dataclass(frozen=True, slots=True, eq=False)
class Painted:
    """A coarser mesh with its picture.

    Args:
        uv: (m, 3, 2) from the upper left corner.
        pixels: (height, width, 3).
        texel: Side of a texel on the mesh, m.
    """

    uv: npt.NDArray[np.float32]
    pixels: Pixels
    texel: float


def paint(
    corners: Floats,
    points: Floats,
    triangles: Ints,
    fine: Piece,
    pictures: Sequence[Texture],
    texel: float,
    most: int,
) -> Painted:
    """Unwrap a mesh and fill its picture from a finer one.

    Each texel's place on the coarser mesh is brought to the nearest place on the finer one, and the
    colours around that are averaged over as much as the texel covers.

    Args:
        corners: (k, 3, 3) triangles of the finer mesh.
        points: (n, 3) m.
        triangles: (m, 3) of the coarser mesh.
        fine: How the finer mesh looks.
        pictures: Its textures.
        texel: Side of a texel that is wanted, m.
        most: Pixels along the side of the picture.
    """
    coarse = points[triangles]
    across = np.cross(coarse[:, 1] - coarse[:, 0], coarse[:, 2] - coarse[:, 0])
    area = float(np.linalg.norm(across, axis=1).sum() / 2)
    wanted = int(np.ceil(np.sqrt(area / FILL) / texel))
    uv, width, height = unwrap(points, triangles, min(max(wanted, LEAST), most))
    owner, shares = _rasterised(uv * (width, height), width, height)
    rows, columns = np.nonzero(owner >= 0)
    which = owner[rows, columns]
    at = shares[rows, columns]
    places = (at[:, :, None] * coarse[which]).sum(axis=1)
    source, inside, _ = Grid.over(corners).nearest(places)
    side = _texel(coarse, uv * (width, height))
    pixels = np.zeros((height, width, 3), np.uint8)
    pixels[rows, columns] = _colours(source, inside, corners, fine, pictures, side)
    covered = np.zeros((height, width), np.bool_)
    covered[rows, columns] = True
    return Painted(uv.astype(np.float32), _spread_out(pixels, covered), side)


def unwrap(points: Floats, triangles: Ints, side: int) -> tuple[Floats, int, int]:
    """Charts of a mesh on one picture of about ``side`` pixels.

    Returns:
        (m, 3, 2) texture coordinates, width and height.
    """
    used, corners = np.unique(triangles, return_inverse=True)
    local = (points[used] - points[used].mean(axis=0)).astype(np.float32)
    atlas = xatlas.Atlas()
    atlas.add_mesh(local, corners.reshape(-1, 3).astype(np.uint32))
    charts, packing = xatlas.ChartOptions(), xatlas.PackOptions()
    packing.padding = PAD
    packing.resolution = side
    packing.bilinear = True
    charts.max_iterations = 1
    atlas.generate(charts, packing)
    mapping, faces, uv = atlas.get_mesh(0)
    width, height = max(int(atlas.width), 1), max(int(atlas.height), 1)
    assert (used[mapping[faces]] == triangles).all()  # noqa: S101 - faces keep their order
    return np.asarray(uv, np.float64)[faces], width, height


def _texel(coarse: Floats, spots: Floats) -> float:
    """Side of a texel, m: by the areas on the mesh and on the picture."""
    across = np.cross(coarse[:, 1] - coarse[:, 0], coarse[:, 2] - coarse[:, 0])
    one, two = spots[:, 1] - spots[:, 0], spots[:, 2] - spots[:, 0]
    on_picture = np.abs(one[:, 0] * two[:, 1] - one[:, 1] * two[:, 0]).sum()
    return float(np.sqrt(np.linalg.norm(across, axis=1).sum() / max(float(on_picture), 1e-9)))


def _rasterised(spots: Floats, width: int, height: int) -> tuple[Ints, Floats]:
    """The triangle of each texel, -1 for none, and shares of its corners in the texel's middle.

    A texel whose middle no triangle covers goes to one that comes within half a texel of it.
    """
    owner = np.full((height, width), -1, np.int32)
    shares = np.zeros((height, width, 3))
    best = np.full((height, width), np.inf)
    _raster(spots, owner, shares, best)
    return owner, shares


@numba.njit(cache=True)
def _edge(a, b, x, y):  # type: ignore[no-untyped-def]  # noqa: ANN001, ANN202
    return (b[0] - a[0]) * (y - a[1]) - (b[1] - a[1]) * (x - a[0])


@numba.njit(cache=True)
def _outside(triangle, x, y, area, share):  # type: ignore[no-untyped-def]  # noqa: ANN001, ANN202
    """How far outside of its edges a place lies, texels; shares of the corners in it, in bounds."""
    worst, total = 0.0, 0.0
    for k in range(3):
        a, b = triangle[(k + 1) % 3], triangle[(k + 2) % 3]
        value = _edge(a, b, x, y) / area
        length = np.hypot(b[0] - a[0], b[1] - a[1])
        if value < 0:
            worst = max(worst, -value * abs(area) / max(length, 1e-12))
        share[k] = max(value, 0.0)
        total += share[k]
    for k in range(3):
        share[k] /= total
    return worst


@numba.njit(cache=True)
def _raster(spots, owner, shares, best):  # type: ignore[no-untyped-def]  # noqa: ANN001, ANN202
    height, width = owner.shape
    share = np.empty(3)
    for i in range(len(spots)):
        t = spots[i]
        area = _edge(t[0], t[1], t[2, 0], t[2, 1])
        if abs(area) < 1e-12:
            continue
        left = max(int(np.floor(min(t[0, 0], t[1, 0], t[2, 0]) - 1)), 0)
        right = min(int(np.ceil(max(t[0, 0], t[1, 0], t[2, 0]) + 1)), width)
        top = max(int(np.floor(min(t[0, 1], t[1, 1], t[2, 1]) - 1)), 0)
        bottom = min(int(np.ceil(max(t[0, 1], t[1, 1], t[2, 1]) + 1)), height)
        for row in range(top, bottom):
            for column in range(left, right):
                out = _outside(t, column + 0.5, row + 0.5, area, share)
                if out <= 0.75 and out < best[row, column]:
                    best[row, column] = out
                    owner[row, column] = i
                    shares[row, column] = share


def _colours(
    source: Ints,
    inside: Floats,
    corners: Floats,
    fine: Piece,
    pictures: Sequence[Texture],
    side: float,
) -> Pixels:
    """(n, 3) colours at places on the finer mesh, averaged over ``side`` metres."""
    result = np.zeros((len(source), 3), np.uint8)
    picture = fine.picture[source]
    plain = picture == PLAIN
    between = inside[plain][:, :, None] * fine.colors[source[plain]]
    result[plain] = between.sum(axis=1).round()
    for number, texture in enumerate(pictures):
        own = np.flatnonzero(picture == number)
        if not len(own):
            continue
        pixels = decoded(texture)
        size = np.array(pixels.shape[1::-1], np.float64)
        spots = fine.uv[source[own]].astype(np.float64) * size
        middle = (inside[own][:, :, None] * spots).sum(axis=1)
        steep = _across(corners[source[own]], spots) * side
        found = np.empty((len(own), 3), np.uint8)
        _sample(pixels, middle, steep, texture.wrap[0] == REPEAT, found)
        result[own] = found
    return result


def _across(corners: Floats, spots: Floats) -> Floats:
    """Pixels of the picture along a metre of each triangle."""
    across = np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])
    one, two = spots[:, 1] - spots[:, 0], spots[:, 2] - spots[:, 0]
    pixels = np.abs(one[:, 0] * two[:, 1] - one[:, 1] * two[:, 0])
    metres = np.maximum(np.linalg.norm(across, axis=1), 1e-12)
    along: Floats = np.sqrt(pixels / metres)
    return along


@numba.njit(cache=True)
def _at(line, total, repeat):  # type: ignore[no-untyped-def]  # noqa: ANN001, ANN202
    return line % total if repeat else min(max(line, 0), total - 1)


@numba.njit(cache=True)
def _bilinear(pixels, x, y, repeat, out):  # type: ignore[no-untyped-def]  # noqa: ANN001, ANN202
    """Add the colour between four pixels."""
    height, width = pixels.shape[:2]
    left, top = int(np.floor(x - 0.5)), int(np.floor(y - 0.5))
    u, v = x - 0.5 - left, y - 0.5 - top
    for i in range(2):
        for j in range(2):
            share = (u if i else 1 - u) * (v if j else 1 - v)
            row, column = _at(top + j, height, repeat), _at(left + i, width, repeat)
            for k in range(3):
                out[k] += share * pixels[row, column, k]


@numba.njit(cache=True)
def _sample(pixels, middle, width, repeat, found):  # type: ignore[no-untyped-def]  # noqa: ANN001, ANN202
    total = np.empty(3)
    for i in range(len(middle)):
        n = min(max(int(np.ceil(width[i])), 1), TAPS)
        # beyond the pixels that stand around a chart, colours are another chart's
        reach = min(width[i], 2.0 * TAPS)
        total[:] = 0.0
        for a in range(n):
            for b in range(n):
                x = middle[i, 0] + ((a + 0.5) / n - 0.5) * reach
                y = middle[i, 1] + ((b + 0.5) / n - 0.5) * reach
                _bilinear(pixels, x, y, repeat, total)
        for k in range(3):
            found[i, k] = int(total[k] / (n * n) + 0.5)


def _spread_out(pixels: Pixels, covered: npt.NDArray[np.bool_]) -> Pixels:
    """What is covered by nothing takes the colour of the nearest texel that is."""
    if covered.all() or not covered.any():
        return pixels
    rows, columns = ndimage.distance_transform_edt(
        ~covered, return_distances=False, return_indices=True
    )
    return np.asarray(pixels[rows, columns])
