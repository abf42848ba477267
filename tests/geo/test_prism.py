"""Cuts at upright prisms: nothing is lost, everything is given to the right footprint."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import numpy as np
import numpy.typing as npt
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st

from cim.geo.prism import Cut, Prisms, blend, cut

Floats = npt.NDArray[np.float64]
SQUARE = np.array([[[2, 2], [8, 2], [8, 8]], [[2, 2], [8, 8], [2, 8]]], float)


def prisms(corners: Any = SQUARE, foot: tuple[float, float, float] = (0, 0, 1)) -> Prisms:
    count = len(corners)
    return Prisms(np.asarray(corners, float), np.array([foot] * count, float), np.full(count, 7))


def every(triangles: int, prism: int) -> npt.NDArray[np.int64]:
    return np.array([[i, j] for i in range(triangles) for j in range(prism)])


def areas(points: npt.NDArray[np.floating[Any]], made: Cut) -> Floats:
    a, b, c = (points[made.triangles[:, i]] for i in range(3))
    found: Floats = np.linalg.norm(np.cross(b - a, c - a), axis=1) / 2
    return found


def test_a_roof_is_cut_at_the_footprint() -> None:
    points = np.array([[0, 0, 5], [10, 0, 5], [10, 10, 5], [0, 10, 5]], float)
    made = cut(points, np.array([[0, 1, 2], [0, 2, 3]]), every(2, 2), prisms())
    area = areas(blend(points, made), made)
    assert area.sum() == 100
    assert area[made.owner == 7].sum() == 36


def test_a_wall_is_cut_at_the_foot() -> None:
    points = np.array([[5, 5, 0], [5, 8, 0], [5, 5, 10]], float)
    made = cut(points, np.array([[0, 1, 2]]), every(1, 2), prisms())
    area = areas(blend(points, made), made)
    np.testing.assert_allclose(area[made.owner == 7].sum(), 15 * 0.9**2)
    np.testing.assert_allclose(area.sum(), 15)


def test_a_foot_may_slope() -> None:
    points = np.array([[2, 2, 0], [8, 2, 0], [8, 2, 4], [2, 2, 4]], float)
    wall = np.array([[0, 1, 2], [0, 2, 3]])
    made = cut(points, wall, every(2, 2), prisms(foot=(0.5, 0.0, -1.0)))  # 0 at x = 2, 3 at x = 8
    area = areas(blend(points, made), made)
    np.testing.assert_allclose(area[made.owner == 7].sum(), 24 - 6 * 3 / 2)


def test_a_triangle_that_no_prism_is_named_for_comes_back_whole() -> None:
    points = np.array([[3, 3, 5], [4, 3, 5], [3, 4, 5]], float)
    made = cut(points, np.array([[0, 1, 2]]), np.empty((0, 2), np.int64), prisms())
    assert made.triangles.tolist() == [[0, 1, 2]]
    assert made.owner.tolist() == [-1]


heights = st.floats(-5, 20, allow_nan=False).map(lambda v: round(v, 3))
places = st.tuples(*[st.floats(-5, 15).map(lambda v: round(v, 3))] * 2)
corner = st.tuples(places, heights).map(lambda p: (*p[0], p[1]))


@settings(max_examples=150)
@given(points=st.lists(corner, min_size=4, max_size=4, unique=True), foot=heights)
def test_pieces_make_up_the_whole_and_neighbours_keep_their_common_edge(
    points: list[tuple[float, float, float]], foot: float
) -> None:
    vertices = np.array(points)
    triangles = np.array([[0, 1, 2], [1, 0, 3]])  # two on both sides of an edge
    made = cut(vertices, triangles, every(2, 2), prisms(foot=(0, 0, foot)))
    whole = Cut(triangles, np.zeros(2, int), np.arange(2), made.ends[:0], made.share[:0])
    all_points = blend(vertices, made)
    before, after = areas(vertices, whole), areas(all_points, made)
    for number in range(2):
        mine = after[made.source == number].sum()
        np.testing.assert_allclose(mine, before[number], rtol=1e-9, atol=1e-9)
    sides = [_on_edge(made, number) for number in range(2)]
    assert sides[0] == sides[1]


def _on_edge(made: Cut, source: int) -> set[int]:
    """Vertices of a triangle's pieces on the common edge, by number."""
    edge = {0, 1}
    for j, (a, b) in enumerate(made.ends.tolist()):
        if a in edge and b in edge:
            edge.add(4 + j)
    used = set(made.triangles[made.source == source].ravel().tolist())
    return edge & used


@settings(max_examples=100)
@given(shift=places, turn=st.floats(0, 3), size=st.floats(0.5, 12), height=st.floats(2, 9))
def test_what_a_footprint_gets_of_a_level_roof_is_their_common_area(
    shift: tuple[float, float], turn: float, size: float, height: float
) -> None:
    angles = turn + np.array([0, 2.1, 4.2])
    plan = np.stack([np.cos(angles), np.sin(angles)], axis=1) * size + shift
    points = np.column_stack([plan, np.full(3, height)])
    made = cut(points, np.array([[0, 1, 2]]), every(1, 2), prisms())
    got = areas(blend(points, made), made)[made.owner == 7].sum()
    meant = shapely.intersection(shapely.polygons(plan), shapely.box(2, 2, 8, 8)).area
    np.testing.assert_allclose(got, meant, rtol=1e-7, atol=1e-6)


def test_every_piece_lies_wholly_within_or_wholly_beyond() -> None:
    random = np.random.default_rng(5)
    points = random.uniform(-2, 12, (90, 3))
    triangles = np.arange(90).reshape(30, 3)
    made = cut(points, triangles, every(30, 2), prisms())
    middle = blend(points, made)[made.triangles].mean(axis=1)
    inside = ((middle[:, :2] > 2) & (middle[:, :2] < 8)).all(axis=1) & (middle[:, 2] > 1)
    assert ((made.owner == 7) == inside).all()
    assert all(a <= b for a, b in pairwise(made.source.tolist()))
