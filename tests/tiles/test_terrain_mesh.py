"""Terrain tiles: true at every post, with whole borders, water and children, and few triangles."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cim.tiles.terrain.mesh import triangulate
from cim.tiles.terrain.place import POSTS, STEPS, Place
from cim.tiles.terrain.quantized_mesh import encode, level_step
from cim.tiles.terrain.reader import FULL, DecodedTile, children, decode, faults, gap, water
from tests.tiles.terrain_posts import at_posts, rough

Floats = npt.NDArray[np.float64]
HERE = Place(12, 6500, 2850)
BORDER = 4 * STEPS - 2  # triangles of a mesh of its border's posts alone
DOUBT = 1e-6  # m: of planes in floating point


def tile_of(heights: Floats, tolerance: float, step: float = 1 / 64) -> DecodedTile:
    """A tile of (67, 67) heights, written and read again."""
    tile = decode(encode(HERE, heights, step, tolerance))
    assert faults(tile) == []
    return tile


def worst(tile: DecodedTile, heights: Floats) -> float:
    return float(np.abs(at_posts(tile) - heights[1:-1, 1:-1]).max())


def grid() -> tuple[Floats, Floats]:
    y, x = np.mgrid[-1 : POSTS + 1, -1 : POSTS + 1].astype(np.float64)
    return x, y


def test_a_plane_is_exact_and_has_no_vertex_but_those_of_its_border() -> None:
    x, y = grid()
    tile = tile_of(1500 + 0.25 * x - 0.125 * y, 0.1)
    assert (len(tile.u), len(tile.triangles)) == (4 * STEPS, BORDER)
    assert worst(tile, 1500 + 0.25 * x - 0.125 * y) == 0.0


@pytest.mark.parametrize("tolerance", [0.05, 0.5, 5.0])
def test_a_cone_is_met_at_every_post(tolerance: float) -> None:
    x, y = grid()
    heights = 2000 - 5 * np.hypot(x - 20.3, y - 41.7)
    tile = tile_of(heights, tolerance)
    assert worst(tile, heights) <= tolerance + DOUBT
    assert BORDER < len(tile.triangles) < 2 * STEPS**2


def test_a_wall_stands_between_its_two_posts() -> None:
    x, _ = grid()
    heights = np.where(x < 30, 1500.0, 1600.0)
    tile = tile_of(heights, 0.5)
    assert worst(tile, heights) == 0.0
    posts = at_posts(tile)
    assert (posts[:, 29] == 1500.0).all()
    assert (posts[:, 30] == 1600.0).all()
    assert len(tile.triangles) <= BORDER + 2 * 2 * POSTS  # both lines of its foot and head, no more


def test_more_tolerance_means_fewer_triangles() -> None:
    heights = rough(3, 67, tall=200, grain=0.5)
    counts = [len(tile_of(heights, t).triangles) for t in (0.1, 0.5, 1.0, 5.0, 50.0)]
    assert counts == sorted(counts, reverse=True)
    assert counts[0] > 5 * counts[-1]


def test_no_tolerance_takes_every_post() -> None:
    heights = rough(4, 67, tall=10, grain=30)
    tile = tile_of(heights, 0.0)
    assert (len(tile.u), len(tile.triangles)) == (POSTS**2, 2 * STEPS**2)
    assert worst(tile, heights) <= 1 / 128


@settings(deadline=None, max_examples=60)
@given(
    seed=st.integers(0, 2**31), grain=st.sampled_from([0.0, 0.01, 0.3, 20.0]),
    tall=st.sampled_from([0.0, 5.0, 300.0, 2500.0]),
    tolerance=st.sampled_from([0.0, 0.01, 0.125, 1.0, 9.4]), whole=st.booleans(),
)  # fmt: skip
def test_any_surface_is_met_at_every_post_and_at_its_neighbours(
    seed: int, grain: float, tall: float, tolerance: float, whole: bool
) -> None:
    posts = rough(seed, 2 * STEPS + 3, tall=tall, grain=grain)
    if whole:
        posts = posts.round()  # whole metres and ties are where greedy meshes gape
    step = level_step(float(np.ptp(posts)))
    tiles = {}
    for x, y in ((0, 0), (1, 0), (0, 1)):
        cut = posts[64 * y : 64 * y + 67, 64 * x : 64 * x + 67]
        tile = decode(encode(Place(12, 6500 + x, 2850 + y), cut, step, tolerance))
        assert faults(tile) == []
        assert [len(edge) for edge in tile.edges] == [POSTS] * 4
        assert worst(tile, cut) <= max(tolerance, step / 2) + DOUBT
        tiles[x, y] = tile
    assert gap(tiles[0, 0], tiles[1, 0], "east") == 0.0
    assert gap(tiles[0, 0], tiles[0, 1], "north") == 0.0
    assert tiles[0, 0].extensions[1] != b""
    assert edge_normals(tiles[0, 0], 2) == edge_normals(tiles[1, 0], 0)


def edge_normals(tile: DecodedTile, side: int) -> list[bytes]:
    """Coded normals along the west (0) or east (2) border, from the south."""
    edge = sorted(tile.edges[side], key=lambda i: int(tile.v[i]))
    return [tile.extensions[1][2 * i : 2 * i + 2] for i in edge]


@settings(deadline=None, max_examples=20)
@given(seed=st.integers(0, 2**31), tolerance=st.sampled_from([0.1, 1.0, 10.0]))
def test_triangles_follow_their_neighbours_so_that_a_tile_packs_well(
    seed: int, tolerance: float
) -> None:
    triangles = triangulate(rough(seed, POSTS, tall=100, grain=1.0), tolerance)
    known = {frozenset(triangles[0].tolist())}
    sides = {frozenset(p) for p in sides_of(triangles[0])}
    for triangle in triangles[1:]:
        mine = {frozenset(p) for p in sides_of(triangle)}
        assert mine & sides, "a triangle that touches none before it"
        sides |= mine
        known.add(frozenset(triangle.tolist()))
    assert len(known) == len(triangles)


@settings(deadline=None, max_examples=20)
@given(seed=st.integers(0, 2**31), tolerance=st.sampled_from([0.1, 1.0, 1000.0]))
def test_the_lines_of_border_and_cross_are_sides_of_triangles(seed: int, tolerance: float) -> None:
    triangles = triangulate(rough(seed, POSTS, tall=100, grain=1.0), tolerance, cross=True)
    sides = {frozenset(p) for triangle in triangles for p in sides_of(triangle)}
    for k in range(STEPS):
        for line in (0, STEPS // 2, STEPS):
            assert frozenset((line * POSTS + k, line * POSTS + k + 1)) in sides
            assert frozenset((k * POSTS + line, (k + 1) * POSTS + line)) in sides


def sides_of(triangle: npt.NDArray[np.int64]) -> list[tuple[int, int]]:
    a, b, c = (int(v) for v in triangle)
    return [(a, b), (b, c), (c, a)]


def test_positions_are_those_of_the_grid_to_half_a_quantum() -> None:
    tile = tile_of(rough(5, 67, tall=100, grain=5), 0.1)
    for part in (tile.u, tile.v):
        exact = np.round(part * STEPS / FULL) / STEPS * FULL
        assert np.abs(part - exact).max() <= 0.5


def test_water_all_over_is_one_byte_and_else_a_picture_from_the_north() -> None:
    heights = rough(6, 67, tall=10, grain=0)
    mask = np.zeros((256, 256), np.uint8)
    for value in (0, 255):
        tile = decode(encode(HERE, heights, 1 / 64, 1.0, water=mask + np.uint8(value)))
        assert tile.extensions[2] == bytes([value])
        assert (np.asarray(water(tile)) == value).all()
    mask[:100, 7] = 255
    tile = decode(encode(HERE, heights, 1 / 64, 1.0, water=mask))
    assert faults(tile) == []
    assert np.array_equal(np.asarray(water(tile)), mask)
    assert water(tile_of(heights, 1.0)) is None


@pytest.mark.parametrize("mask", [np.zeros((65, 65), np.uint8), np.zeros((256, 256), np.float64)])
def test_a_mask_of_another_shape_is_refused(mask: npt.NDArray[np.uint8]) -> None:
    with pytest.raises(ValueError, match="256 bytes square"):
        encode(HERE, rough(6, 67, tall=10, grain=0), 1 / 64, 1.0, water=mask)


def test_a_tile_tells_which_tiles_lie_below_it() -> None:
    below = [[{"startX": 13000, "startY": 5700, "endX": 13001, "endY": 5700}], []]
    tile = decode(encode(HERE, rough(7, 67, tall=10, grain=0), 1 / 64, 1.0, children=below))
    assert faults(tile) == []
    assert children(tile) == below
    assert sorted(tile.extensions) == [1, 4]
    assert children(tile_of(rough(7, 67, tall=10, grain=0), 1.0)) is None
