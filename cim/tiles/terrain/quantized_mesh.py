"""Quantized-mesh-1.0 terrain tiles: written so that neighbours share their border to the bit.

Format: CesiumGS/quantized-mesh. Everything is float64 until it is quantized; heights of a level
are rounded to one power-of-two step before meshing, all posts of the border are kept, normals come
from the elevation model and not from the tile's own triangles. So two neighbours decode to equal
positions and are lit alike.
"""

from __future__ import annotations

import math
import struct

import numpy as np
import numpy.typing as npt
from pydelatin import Delatin

from cim.geo.ellipsoid import RADII, to_ecef
from cim.tiles.terrain.place import STEPS, Place

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]

FULL = 32767
FINEST_STEP = 2.0**-12
NORMALS, METADATA = 1, 4


def level_step(relief: float) -> float:
    """Height step of a level, a power of two: 1/64 m where no tile has more than 512 m relief."""
    step = 1 / 64
    while relief > step * FULL - 2 * step:
        step *= 2
    return step


def encode(place: Place, heights: Floats, step: float, tolerance: float) -> bytes:
    """One tile.

    Args:
        place: Where it lies.
        heights: (67, 67) ellipsoidal heights, m, rows from the south, with one post of halo.
        step: The level's height step, m.
        tolerance: Largest distance of the mesh from the posts, m; twice that in triangles on the
            border, for all of its posts are put in there after meshing.
    """
    rounded = np.round(heights[1:-1, 1:-1] / step) * step
    columns, rows, triangles = _mesh(rounded, tolerance)
    order, triangles = _by_first_use(triangles)
    columns, rows = columns[order], rows[order]
    height = rounded[rows, columns]
    lon, lat = place.longitudes()[columns], place.latitudes()[rows]
    header, low, quantum = _header(lon, lat, height, step)
    u = np.round(columns / STEPS * FULL).astype(np.int64)
    v = np.round(rows / STEPS * FULL).astype(np.int64)
    h = np.round((height - low) / quantum).astype(np.int64)
    count = len(order)
    wide = count > 65536
    body = [header, struct.pack("<I", count)]
    body += [_zigzag(part).tobytes() for part in (u, v, h)]
    index = np.uint32 if wide else np.uint16
    if wide:
        body.append(b"\0" * (-sum(map(len, body)) % 4))
    body.append(struct.pack("<I", len(triangles)))
    body.append(_high_water(triangles.ravel()).astype(index).tobytes())
    for edge in (columns == 0, rows == 0, columns == STEPS, rows == STEPS):
        members = np.flatnonzero(edge)
        body += [struct.pack("<I", len(members)), members.astype(index).tobytes()]
    normals = _normals(place, heights, columns, rows, lon, lat)
    body += [struct.pack("<BI", NORMALS, normals.nbytes), normals.tobytes()]
    return b"".join(body)


def _mesh(heights: Floats, tolerance: float) -> tuple[Ints, Ints, Ints]:
    """Columns, rows and triangles (counter-clockwise from above) of a TIN with a full border."""
    # Delatin's y counts from its last row: rows from the south go in upside down.
    mesh = Delatin(np.ascontiguousarray(heights[::-1], np.float32), max_error=tolerance)
    vertices = np.asarray(mesh.vertices)
    columns = np.round(vertices[:, 0]).astype(np.int64)
    rows = np.round(vertices[:, 1]).astype(np.int64)
    triangles = np.asarray(mesh.triangles).reshape(-1, 3).astype(np.int64)
    backwards = _turn(columns, rows, triangles) < 0
    triangles[backwards] = triangles[backwards][:, ::-1]
    places = np.stack([columns, rows])
    for axis, line in ((0, 0), (1, 0), (0, STEPS), (1, STEPS)):
        places, triangles = _fill_border(places, axis, line, triangles)
    return places[0], places[1], triangles


def _fill_border(places: Ints, axis: int, line: int, triangles: Ints) -> tuple[Ints, Ints]:
    """Put every post of one border into the mesh.

    A triangle with a side on the border that skips posts becomes a fan from its third vertex, so
    that both neighbours hold all posts and decode to the same line.

    Args:
        places: (2, n) columns and rows of the vertices.
        axis: 0 for a border of constant column, 1 for one of constant row.
        line: The constant.
        triangles: (m, 3).
    """
    on = places[axis] == line
    for turn in range(3):
        a, b = triangles[:, turn], triangles[:, (turn + 1) % 3]
        gap = np.abs(places[1 - axis, a] - places[1 - axis, b])
        wide = np.flatnonzero(on[a] & on[b] & (gap > 1))
        if len(wide):
            places, triangles = _fans(places, axis, line, triangles, turn, wide)
            on = places[axis] == line
    return places, triangles


def _fans(
    places: Ints, axis: int, line: int, triangles: Ints, turn: int, wide: Ints
) -> tuple[Ints, Ints]:
    """Replace the triangles ``wide`` by fans over the posts between their corners a and b."""
    along = places[1 - axis]
    a, b, c = (triangles[wide, (turn + k) % 3] for k in range(3))
    gaps = np.abs(along[b] - along[a])
    signs = np.sign(along[b] - along[a])
    inner = gaps - 1
    owner = np.repeat(np.arange(len(wide)), inner)
    nth = np.arange(inner.sum()) - np.repeat(np.cumsum(inner) - inner, inner) + 1
    posts = along[a][owner] + signs[owner] * nth
    new = places.shape[1] + np.arange(len(posts))
    fixed = np.full(len(posts), line)
    grown = np.concatenate(
        [places, np.stack([fixed, posts] if axis == 0 else [posts, fixed])], axis=1
    )
    begins = np.cumsum(inner) - inner
    chain_from = np.concatenate([a, new])
    chain_to = np.concatenate([new[begins], np.empty(0, np.int64)])
    following = np.append(new[1:], -1)
    ends = begins + inner - 1
    following[ends] = b
    chain_to = np.concatenate([chain_to, following])
    apex = np.concatenate([c, c[owner]])
    fan = np.stack([chain_from, chain_to, apex], axis=1)
    kept = np.delete(triangles, wide, axis=0)
    return grown, np.concatenate([kept, fan])


def _turn(x: Ints, y: Ints, triangles: Ints) -> Ints:
    a, b, c = triangles.T
    twice_area: Ints = (x[b] - x[a]) * (y[c] - y[a]) - (x[c] - x[a]) * (y[b] - y[a])
    return twice_area


def _high_water(indices: Ints) -> Ints:
    """Codes of indices that are numbered by first use: the highest so far, minus the index."""
    highest = np.maximum.accumulate(indices) + 1
    codes: Ints = np.append(0, highest[:-1]).astype(np.int64) - indices
    return codes


def _by_first_use(triangles: Ints) -> tuple[Ints, Ints]:
    """Order of vertices by first use, and the triangles in new numbers."""
    used, first, inverse = np.unique(triangles.ravel(), return_index=True, return_inverse=True)
    rank = np.empty(len(used), np.int64)
    by_use = np.argsort(first, kind="stable")
    rank[by_use] = np.arange(len(used))
    return used[by_use], rank[inverse].reshape(-1, 3)


def _zigzag(values: Ints) -> npt.NDArray[np.uint16]:
    delta = np.diff(values, prepend=0)
    return ((delta << 1) ^ (delta >> 63)).astype(np.uint16)


def _header(lon: Floats, lat: Floats, height: Floats, step: float) -> tuple[bytes, float, float]:
    """The 88 bytes of the header, the lowest height, and the height quantum.

    Lowest is a multiple of the level's step and the quantum a power of two not above it: both are
    exact in float32, and every tile decodes equal heights to equal numbers.
    """
    low = math.floor(height.min() / step) * step
    relief = float(height.max()) - low
    quantum = FINEST_STEP
    while quantum < step and quantum * FULL < relief:
        quantum *= 2
    high = low + FULL * quantum
    points = to_ecef(lon, lat, height)
    centre = (points.min(axis=0) + points.max(axis=0)) / 2
    radius = float(np.linalg.norm(points - centre, axis=1).max())
    occlusion = _occlusion_point(points, centre)
    header = struct.pack("<3d2f4d3d", *centre, low, high, *centre, radius, *occlusion)
    return header, low, quantum


def _occlusion_point(points: Floats, centre: Floats) -> Floats:
    """Point on the scaled ellipsoid's ray below which all points are hidden behind the horizon."""
    direction = centre / RADII
    direction = direction / np.linalg.norm(direction)
    scaled = points / RADII
    size = np.maximum(1.0, np.linalg.norm(scaled, axis=1))
    unit = scaled / np.linalg.norm(scaled, axis=1)[:, None]
    cos_a = unit @ direction
    sin_a = np.linalg.norm(np.cross(unit, direction), axis=1)
    cos_b = 1 / size
    sin_b = np.sqrt(size**2 - 1) * cos_b
    reach = cos_a * cos_b - sin_a * sin_b
    if (reach <= 1e-3).any():  # a hemisphere hides nothing of itself
        return np.asarray(direction * 1e3)
    return np.asarray(direction * (1 / reach).max())


def _normals(
    place: Place, heights: Floats, columns: Ints, rows: Ints, lon: Floats, lat: Floats
) -> npt.NDArray[np.uint8]:
    """Oct-encoded ECEF normals from central differences of the elevation model."""
    latitudes = np.radians(place.latitudes())
    spacing = np.radians(place.width / STEPS) * RADII[0]
    east = (heights[1:-1, 2:] - heights[1:-1, :-2]) / (
        2 * spacing * np.maximum(np.cos(latitudes), 1e-6)
    )[:, None]
    north = (heights[2:, 1:-1] - heights[:-2, 1:-1]) / (2 * spacing)
    de, dn = east[rows, columns], north[rows, columns]
    size = np.sqrt(de**2 + dn**2 + 1)
    lam, phi = np.radians(lon), np.radians(lat)
    e, n, u = -de / size, -dn / size, 1 / size
    x = -np.sin(lam) * e - np.sin(phi) * np.cos(lam) * n + np.cos(phi) * np.cos(lam) * u
    y = np.cos(lam) * e - np.sin(phi) * np.sin(lam) * n + np.cos(phi) * np.sin(lam) * u
    z = np.cos(phi) * n + np.sin(phi) * u
    return oct_encode(np.stack([x, y, z], axis=1))


def oct_encode(vectors: Floats) -> npt.NDArray[np.uint8]:
    """Unit vectors, (n, 3), as two bytes each, (n, 2)."""
    scaled = vectors / np.abs(vectors).sum(axis=1, keepdims=True)
    x, y, z = scaled.T
    sign_x, sign_y = np.where(x < 0, -1.0, 1.0), np.where(y < 0, -1.0, 1.0)
    folded_x = np.where(z < 0, (1 - np.abs(y)) * sign_x, x)
    folded_y = np.where(z < 0, (1 - np.abs(x)) * sign_y, y)
    both = np.stack([folded_x, folded_y], axis=1)
    return np.round((both * 0.5 + 0.5) * 255).astype(np.uint8)
