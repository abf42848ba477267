"""Solids: footprints raised to closed prisms, faces in any plane triangulated, volumes measured."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import mapbox_earcut as earcut  # type: ignore[import-not-found]
import numpy as np
import numpy.typing as npt
import shapely

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
Shapes = npt.NDArray[np.object_]

AREA_SLACK = 1e-6  # share of a polygon's area by which its triangles may miss it


@dataclass(frozen=True, slots=True, eq=False)
class Outline:
    """The rings of many footprints, one after the other, no ring closed, interior on the left.

    Args:
        xy: (n, 2) corners.
        following: (n,) the next corner on the same ring.
        owner: (n,) index of the footprint a corner belongs to, ascending.
        triangles: (m, 3) corners, counter-clockwise; every corner is used.
        failed: Footprints (ascending) that could not be triangulated; they own no corner.
    """

    xy: Floats
    following: Ints
    owner: Ints
    triangles: Ints
    failed: Ints


def outline(shapes: Shapes) -> Outline:
    """Take valid polygons and multipolygons apart and triangulate them.

    The same polygon gives the same corners in the same order however its rings were written.

    Args:
        shapes: (k,) polygons or multipolygons.
    """
    oriented = shapely.orient_polygons(shapely.normalize(shapely.force_2d(shapes)))
    parts, owner = shapely.get_parts(oriented, return_index=True)
    rings, polygon = shapely.get_rings(parts, return_index=True)
    corners, ring = shapely.get_coordinates(rings, return_index=True)
    last = np.append(ring[1:] != ring[:-1], True) if len(ring) else np.empty(0, bool)
    corners, ring = corners[~last], ring[~last]  # a ring repeats its first corner at its end
    sizes = np.bincount(ring, minlength=len(rings))
    begins = np.cumsum(sizes) - sizes
    following = np.arange(1, len(corners) + 1)
    following[begins + sizes - 1] = begins
    triangles, failed = _triangulate(parts, corners, begins, sizes, polygon)
    lost = np.isin(owner, owner[failed])
    whose = owner[polygon[ring]]
    if lost.any():
        keep = ~np.isin(whose, owner[failed])
        place = np.cumsum(keep) - 1
        triangles = place[triangles[keep[triangles[:, 0]]]]
        following = place[following[keep]]
        corners, whose = corners[keep], whose[keep]
    return Outline(corners, following, whose, triangles, np.unique(owner[failed]))


def _triangulate(
    parts: Shapes, corners: Floats, begins: Ints, sizes: Ints, polygon: Ints
) -> tuple[Ints, Ints]:
    """Triangles of all polygons, and the polygons that cannot be triangulated."""
    found: list[npt.NDArray[Any]] = []
    failed: list[int] = []
    ends = begins + sizes
    rings = np.bincount(polygon, minlength=len(parts))
    first = np.cumsum(rings) - rings
    for index in range(len(parts)):
        one, after = first[index], first[index] + rings[index]
        low, high = int(begins[one]), int(ends[after - 1])
        points = corners[low:high]
        count = high - low + 2 * (int(rings[index]) - 1) - 2
        if count == 2 and _is_convex(points):
            mine = _QUAD
        else:
            stops = (ends[one:after] - low).astype(np.uint32)
            mine = earcut.triangulate_float64(points, stops).reshape(-1, 3).astype(np.int64)
            if len(mine) != count:  # it drops corners on a straight line: cracks beside the walls
                mine = delaunay(parts[index], points)
        if len(mine) == count:
            found.append(mine + low)
        else:
            failed.append(index)
    triangles = np.concatenate(found) if found else np.empty((0, 3), np.int64)
    a, b, c = (corners[triangles[:, i]] for i in range(3))
    turned = _cross(b - a, c - a) < 0
    triangles[turned] = triangles[turned][:, ::-1]
    return triangles, np.array(failed, np.int64)


_QUAD = np.array([[0, 1, 2], [0, 2, 3]], np.int64)


def _is_convex(points: Floats) -> bool:
    """Whether four corners turn left four times."""
    (ax, ay), (bx, by), (cx, cy), (dx, dy) = points.tolist()
    return bool(
        (bx - ax) * (cy - by) > (by - ay) * (cx - bx)
        and (cx - bx) * (dy - cy) > (cy - by) * (dx - cx)
        and (dx - cx) * (ay - dy) > (dy - cy) * (ax - dx)
        and (ax - dx) * (by - ay) > (ay - dy) * (bx - ax)
    )


def delaunay(polygon: Any, points: Floats) -> Ints:
    """Constrained Delaunay triangles of a polygon over its own corners: slower, drops none.

    Args:
        polygon: A valid polygon.
        points: (n, 2) its corners.

    Returns:
        (m, 3) indices into ``points``; empty where a corner of a triangle is none of them.
    """
    faces = shapely.get_parts(shapely.constrained_delaunay_triangles(polygon))
    place = {point: index for index, point in enumerate(map(tuple, points.tolist()))}
    flat = shapely.get_coordinates(faces).reshape(-1, 4, 2)[:, :3].reshape(-1, 2).tolist()
    found = [place.get((x, y), -1) for x, y in flat]
    if -1 in found:
        return np.empty((0, 3), np.int64)
    return np.array(found, np.int64).reshape(-1, 3)


def _cross(a: Floats, b: Floats) -> Floats:
    result: Floats = a[:, 0] * b[:, 1] - a[:, 1] * b[:, 0]
    return result


@dataclass(frozen=True, slots=True, eq=False)
class Solid:
    """Closed surfaces with flat shading: corners are not shared between faces.

    Args:
        positions: (n, 3) m.
        normals: (n, 3) unit vectors, outward.
        triangles: (m, 3) corners, counter-clockwise seen from outside.
        owner: (n,) whose corner it is.
    """

    positions: Floats
    normals: Floats
    triangles: Ints
    owner: Ints


def prisms(low: Floats, high: Floats, following: Ints, owner: Ints, triangles: Ints) -> Solid:
    """Roof, floor and walls over outlines whose corners have been placed at both heights.

    Args:
        low: (n, 3) corners of the floors, placed in a right-handed, z-up frame, m.
        high: (n, 3) corners of the roofs.
        following: (n,) next corner on the ring, interior on the left.
        owner: (n,) whose corner it is.
        triangles: (m, 3) of the plan, counter-clockwise from above.
    """
    n = len(low)
    up = unit(high - low)
    wall = np.stack([low, low[following], high[following], high], axis=1)  # seen from outside
    outward = unit(np.cross(wall[:, 1] - wall[:, 0], up))
    at = 2 * n + 4 * np.arange(n)[:, None]
    sides = np.concatenate([at + np.array([0, 1, 2]), at + np.array([0, 2, 3])])
    return Solid(
        positions=np.concatenate([high, low, wall.reshape(-1, 3)]),
        normals=np.concatenate([up, -up, np.repeat(outward, 4, axis=0)]),
        triangles=np.concatenate([triangles, triangles[:, ::-1] + n, sides]),
        owner=np.concatenate([owner, owner, np.repeat(owner, 4)]),
    )


def unit(vectors: Floats) -> Floats:
    """(n, 3) vectors of length one; one without length points up."""
    length = np.linalg.norm(vectors, axis=1, keepdims=True)
    known = length > 0
    result: Floats = np.where(known, vectors / np.where(known, length, 1.0), (0.0, 0.0, 1.0))
    return result


def volumes(positions: Floats, triangles: Ints, owner: Ints, count: int) -> Floats:
    """Volume within each owner's surface, m³, by the divergence theorem.

    V = Σ a · (b × c) / 6 over the triangles, about a corner of the owner's own so that no
    digits are lost far from the origin. Right only for closed surfaces; outward is positive.

    Args:
        positions: (n, 3) m.
        triangles: (m, 3).
        owner: (n,) 0..count - 1.
        count: Number of owners.
    """
    about = np.zeros((count, 3))
    about[owner[::-1]] = positions[::-1]
    whose = owner[triangles[:, 0]]
    a, b, c = (positions[triangles[:, i]] - about[whose] for i in range(3))
    six = np.einsum("ij,ij->i", a, np.cross(b, c))
    return np.bincount(whose, weights=six, minlength=count) / 6.0


def open_edges(positions: npt.NDArray[Any], triangles: Ints, owner: Ints) -> int:
    """How many edges have no counterpart the other way round: 0 for closed surfaces.

    Corners of one owner that stand at exactly the same place are one.
    """
    keyed = np.column_stack([owner, np.asarray(positions, np.float64)])
    _, same = np.unique(keyed, axis=0, return_inverse=True)
    corner = same.reshape(-1)[triangles]
    a = np.concatenate([corner[:, 0], corner[:, 1], corner[:, 2]])
    b = np.concatenate([corner[:, 1], corner[:, 2], corner[:, 0]])
    real = a != b
    a, b = a[real], b[real]
    n = int(same.max()) + 1 if len(keyed) else 1
    edges, which = np.unique(np.minimum(a, b) * n + np.maximum(a, b), return_inverse=True)
    balance = np.bincount(which.reshape(-1), weights=np.where(a < b, 1, -1), minlength=len(edges))
    return int(np.count_nonzero(balance))


def plane_normal(ring: Floats) -> Floats:
    """Newell's normal of a ring of (n, 3) corners; its length is twice the area, m²."""
    after = np.roll(ring, -1, axis=0)
    return np.array(
        [
            ((ring[:, 1] - after[:, 1]) * (ring[:, 2] + after[:, 2])).sum(),
            ((ring[:, 2] - after[:, 2]) * (ring[:, 0] + after[:, 0])).sum(),
            ((ring[:, 0] - after[:, 0]) * (ring[:, 1] + after[:, 1])).sum(),
        ]
    )


def face_triangles(rings: list[Floats]) -> tuple[Ints, Floats]:
    """Triangulate a face with holes in its own plane.

    Args:
        rings: (n, 3) corners of the outer ring, then of the holes, none closed; any winding of
            the holes, the outer ring counter-clockwise seen from outside.

    Returns:
        (m, 3) indices into the corners of all rings in their order, counter-clockwise seen from
        where the normal points; and the unit normal. No triangles where the face has no area.
    """
    if len(rings[0]) < 3:
        return np.empty((0, 3), np.int64), np.array([0.0, 0.0, 1.0])
    points = np.concatenate(rings)
    centred = points - points[0]
    normal = plane_normal(rings[0] - points[0])
    length = float(np.linalg.norm(normal))
    if not np.isfinite(length) or length <= 1e-9 * max(1.0, float(np.abs(centred).max()) ** 2):
        return np.empty((0, 3), np.int64), np.array([0.0, 0.0, 1.0])
    normal /= length
    if len(points) == 3:
        return np.array([[0, 1, 2]]), normal
    u, v = plane_axes(normal)
    flat = np.ascontiguousarray(np.stack([centred @ u, centred @ v], axis=1))
    stops = np.cumsum([len(r) for r in rings]).astype(np.uint32)
    found = earcut.triangulate_float64(flat, stops).reshape(-1, 3).astype(np.int64)
    if len(found) != len(points) + 2 * (len(rings) - 1) - 2:
        found = _all_corners(flat, stops, found)
    a, b, c = (flat[found[:, i]] for i in range(3))
    turned = _cross(b - a, c - a) < 0
    found[turned] = found[turned][:, ::-1]
    return found, normal


def _all_corners(flat: Floats, stops: npt.NDArray[np.uint32], found: Ints) -> Ints:
    """Triangles that leave out no corner, where the face is a valid polygon; else those found."""
    begins = [0, *stops[:-1].tolist()]
    rings = [flat[a:b] for a, b in zip(begins, stops.tolist(), strict=True)]
    polygon = shapely.Polygon(rings[0], rings[1:])
    if not polygon.is_valid:
        return found
    finer = delaunay(polygon, flat)
    return finer if len(finer) else found


def plane_axes(normal: Floats) -> tuple[Floats, Floats]:
    """Two unit vectors that span the plane of a unit normal, right-handed with it."""
    aside = np.eye(3)[int(np.argmin(np.abs(normal)))]
    u = np.cross(aside, normal).astype(np.float64)
    u /= np.linalg.norm(u)
    return u, np.cross(normal, u).astype(np.float64)


@dataclass(frozen=True, slots=True, eq=False)
class Faces:
    """Many planar faces with holes.

    Args:
        corners: (n,) rows of the positions, ring after ring, no ring closed.
        rings: (r,) number of corners of each ring.
        holes: (f,) number of rings of each face, less one.
    """

    corners: Ints
    rings: Ints
    holes: Ints

    def begins(self) -> tuple[Ints, Ints]:
        """First ring and first corner of each face, and one beyond the last."""
        ring = np.concatenate([[0], np.cumsum(self.holes + 1)])
        corner = np.concatenate([[0], np.cumsum(self.rings)])
        return ring, corner[ring]


def triangulate(positions: Floats, faces: Faces) -> tuple[Ints, Floats, Ints]:
    """Triangulate faces, each in its own plane.

    Args:
        positions: (k, 3) m, not far from the origin.
        faces: Of them.

    Returns:
        (m, 3) indices into ``faces.corners``, (f, 3) unit normals, and (m,) the face of each
        triangle; faces without area have no triangles.
    """
    points = positions[faces.corners]
    ring, corner = faces.begins()
    sizes = np.diff(corner)
    normals = np.zeros((len(sizes), 3))
    normals[:, 2] = 1.0
    found: list[Ints] = []
    whose: list[Ints] = []
    simple = (faces.holes == 0) & ((sizes == 3) | (sizes == 4))
    for count in (3, 4):
        which = np.flatnonzero(simple & (sizes == count))
        flat, normal, fine = _simple(points, corner[which], count)
        normals[which[fine]] = normal[fine]
        found.append(flat)
        whose.append(np.repeat(which[fine], count - 2))
        simple[which[~fine]] = False
    for face in np.flatnonzero(~simple):
        low = int(corner[face])
        stops = np.cumsum(faces.rings[ring[face] : ring[face + 1]]) + low
        parts = [points[a:b] for a, b in zip([low, *stops[:-1]], stops, strict=True)]
        mine, normals[face] = face_triangles(parts)
        found.append(mine + low)
        whose.append(np.full(len(mine), face))
    return np.concatenate(found), normals, np.concatenate(whose).astype(np.int64)


def _simple(points: Floats, begins: Ints, count: int) -> tuple[Ints, Floats, npt.NDArray[np.bool_]]:
    """Triangles and convex quads at once; which of them are such, and have an area."""
    ring = points[begins[:, None] + np.arange(count)]
    normal = np.cross(ring[:, 1] - ring[:, 0], ring[:, 2] - ring[:, 0]).astype(np.float64)
    if count == 4:
        normal = normal + np.cross(ring[:, 2] - ring[:, 0], ring[:, 3] - ring[:, 0])
    length = np.linalg.norm(normal, axis=1)
    fine = length > 1e-9
    normal = unit(normal)
    if count == 4:
        side = np.roll(ring, -1, axis=1) - ring
        turn = np.cross(side, np.roll(side, -1, axis=1))
        fine &= (np.einsum("nij,nj->ni", turn, normal) > 0).all(axis=1)
    corners = begins[fine][:, None] + np.arange(count)
    flat = corners if count == 3 else corners[:, [0, 1, 2, 0, 2, 3]].reshape(-1, 3)
    return flat, normal, fine
