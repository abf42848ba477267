"""Outlines, prisms, faces in any plane, volumes, open edges."""

from __future__ import annotations

import numpy as np
import pytest
import shapely
from hypothesis import given
from hypothesis import strategies as st

from cim.geo.solids import (
    Faces,
    face_triangles,
    open_edges,
    outline,
    plane_axes,
    triangulate,
    unit,
    volumes,
)


def areas(points: np.ndarray, triangles: np.ndarray) -> float:
    a, b, c = (points[triangles[:, i]] for i in range(3))
    return float(np.linalg.norm(np.cross(b - a, c - a), axis=1).sum() / 2)


def test_the_same_polygon_gives_the_same_corners_however_it_is_written() -> None:
    ring = [(0.0, 0.0), (10.0, 0.0), (10.0, 6.0), (4.0, 6.0), (4.0, 9.0), (0.0, 9.0)]
    hole = [(1.0, 1.0), (3.0, 1.0), (3.0, 2.0), (1.0, 2.0)]
    one = shapely.Polygon(ring, [hole])
    other = shapely.MultiPolygon([shapely.Polygon(ring[3:] + ring[:3], [hole[::-1]])])
    turned = shapely.Polygon(ring[::-1], [hole[2:] + hole[:2]])
    first, *others = (outline(np.array([s], object)) for s in (one, other, turned))
    for found in others:
        assert np.array_equal(found.xy, first.xy)
        assert np.array_equal(found.triangles, first.triangles)


def test_corners_on_straight_lines_are_kept_so_that_walls_meet_roofs() -> None:
    shape = shapely.segmentize(shapely.box(0, 0, 10, 10), 2.5)
    found = outline(np.array([shape], object))
    assert len(found.xy) == 16
    assert len(found.triangles) == 14
    assert set(found.triangles.ravel().tolist()) == set(range(16))


def test_a_polygon_without_area_fails_alone() -> None:
    flat = shapely.Polygon([(0, 0), (1, 0), (2, 0), (1, 0)])
    found = outline(np.array([flat, shapely.box(5, 5, 6, 6)], object))
    assert found.failed.tolist() == [0]
    assert set(found.owner.tolist()) == {1}
    assert found.xy[found.triangles].min() >= 5.0


def test_a_cube_without_its_lid_has_four_open_edges() -> None:
    points = np.array([[i & 1, i >> 1 & 1, i >> 2] for i in range(8)], float)
    rings = [[0, 2, 3, 1], [4, 5, 7, 6], [0, 1, 5, 4], [1, 3, 7, 5], [3, 2, 6, 7], [2, 0, 4, 6]]
    for count, expected in ((6, 0), (5, 4)):
        kept = np.array(rings if count == 6 else [rings[0], *rings[2:]]).ravel()
        faces = Faces(kept, np.full(count, 4), np.zeros(count, np.int64))
        triangles, _, _ = triangulate(points, faces)
        owner = np.zeros(len(kept), np.int64)
        assert open_edges(points[kept], triangles, owner) == expected
        if not expected:
            assert volumes(points[kept], triangles, owner, 1) == pytest.approx([1.0])


@given(
    st.tuples(st.floats(-1, 1), st.floats(-1, 1), st.floats(-1, 1)).filter(
        lambda v: sum(x * x for x in v) > 0.01
    ),
    st.floats(1, 30),
    st.booleans(),
)
def test_a_face_with_a_hole_keeps_its_area_and_side_in_any_plane(
    normal: tuple[float, float, float], size: float, turned: bool
) -> None:
    n = unit(np.array([normal]))[0]
    u, v = plane_axes(n)
    outer = size * np.array([[0, 0], [4, 0], [4, 3], [2, 3], [2, 4], [0, 4]], float)
    hole = size * np.array([[1, 1], [1, 2], [1.5, 2], [1.5, 1]], float)
    if turned:
        hole = hole[::-1]
    rings = [ring[:, :1] * u + ring[:, 1:] * v + 100.0 * n for ring in (outer, hole)]
    triangles, found = face_triangles(rings)
    points = np.concatenate(rings)
    assert found @ n > 1 - 1e-9
    assert areas(points, triangles) == pytest.approx(size * size * (14 - 0.5), rel=1e-9)
    a, b, c = (points[triangles[:, i]] for i in range(3))
    assert (np.cross(b - a, c - a) @ n > 0).all()


def test_quads_that_are_not_convex_are_no_simple_faces() -> None:
    dart = np.array([[0, 0, 0], [4, 0, 0], [1, 1, 0], [0, 4, 0]], float)
    triangles, _, _ = triangulate(dart, Faces(np.arange(4), np.array([4]), np.array([0])))
    assert areas(dart, triangles) == pytest.approx(4.0)


def test_faces_without_area_have_no_triangles_and_others_keep_theirs() -> None:
    points = np.array([[0, 0, 0], [1, 0, 0], [2, 0, 0], [0, 1, 0]], float)
    corners = np.array([0, 1, 2, 0, 1, 3, 0])
    faces = Faces(corners, np.array([3, 3, 1]), np.zeros(3, np.int64))
    triangles, normals, of = triangulate(points, faces)
    assert of.tolist() == [1]
    assert normals[1].tolist() == [0.0, 0.0, 1.0]
    assert corners[triangles].tolist() == [[0, 1, 3]]
