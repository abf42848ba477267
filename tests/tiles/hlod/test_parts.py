"""Nearest places, packed pictures and locked borders, each against the plain way to do it."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pytest
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st

from cim.tiles.hlod.atlas import islands, pack, repacked
from cim.tiles.hlod.nearest import Grid
from cim.tiles.hlod.paint import unwrap
from cim.tiles.hlod.piece import welded
from cim.tiles.hlod.simplify import deviation, simplified, spread
from tests.tiles.hlod.test_cut import surface

Floats = npt.NDArray[np.float64]


@settings(max_examples=30)
@given(st.integers(0, 10_000), st.integers(1, 9))
def test_the_nearest_place_is_the_nearest_of_many(seed: int, steps: int) -> None:
    corners = surface(seed, steps)
    random = np.random.default_rng(seed)
    points = random.uniform([-90, -90, -40], [90, 90, 60], (40, 3))
    found, shares, distances = Grid.over(corners).nearest(points)
    there = (shares[:, :, None] * corners[found]).sum(axis=1)
    assert np.allclose(np.linalg.norm(points - there, axis=1), distances, atol=1e-9)
    assert (shares >= -1e-12).all()
    tried = spread(corners, 4000, seed)
    nearest = np.linalg.norm(points[:, None] - tried, axis=2).min(axis=1)
    assert (distances <= nearest + 1e-9).all()


@settings(max_examples=50)
@given(st.lists(st.tuples(st.integers(1, 90), st.integers(1, 90)), min_size=1, max_size=60))
def test_packed_rectangles_do_not_overlap(sizes: list[tuple[int, int]]) -> None:
    given_sizes = np.array(sizes)
    places, width, height = pack(given_sizes)
    used = np.zeros((height, width), np.int64)
    for (x, y), (wide, high) in zip(places, given_sizes, strict=True):
        used[y : y + high, x : x + wide] += 1
    assert used.max() == 1
    assert used.sum() == given_sizes.prod(axis=1).sum()


@settings(max_examples=30)
@given(st.integers(0, 10_000), st.integers(1, 5))
def test_gathered_parts_hold_the_very_pixels(seed: int, count: int) -> None:
    random = np.random.default_rng(seed)
    pictures = [random.integers(0, 255, (50, 70, 3), np.uint8) for _ in range(2)]
    middle = random.uniform(0.2, 0.8, (count, 1, 2))
    uv = middle + random.uniform(-0.15, 0.15, (count, 3, 2))
    picture = random.integers(0, 2, count)
    sizes = np.array([p.shape[1::-1] for p in pictures])
    atlas = repacked(uv, picture, pictures, islands(uv, picture, sizes), 4096)
    assert atlas.factor == 1
    old = np.floor(uv.mean(axis=1) * sizes[picture]).astype(int)
    height, width = atlas.pixels.shape[:2]
    new = atlas.uv.astype(np.float64).mean(axis=1) * (width, height)
    off = new - uv.mean(axis=1) * sizes[picture]
    assert np.abs(off - off.round()).max() < 1e-3  # moved by whole pixels
    moved = old + off.round().astype(int)
    for i in range(count):
        mine = atlas.pixels[moved[i, 1], moved[i, 0]]
        assert (mine == pictures[picture[i]][old[i, 1], old[i, 0]]).all()


def test_too_much_is_averaged_to_what_may_be() -> None:
    pixels = np.full((400, 400, 3), 90, np.uint8)
    uv = np.array([[[0.0, 0.0], [1.0, 0.0], [1.0, 1.0]]])
    number = np.zeros(1, np.int64)
    found = islands(uv, number, np.array([[400, 400]]))
    atlas = repacked(uv, number, [pixels], found, 64)
    assert atlas.pixels.shape[0] * atlas.pixels.shape[1] <= 64 * 64
    assert set(np.unique(atlas.pixels)) <= {0, 90}  # nothing stands on the rest of the shelf
    assert (atlas.pixels == 90).mean() > 0.8
    assert atlas.factor > 1


def test_borders_stay_and_the_middle_gets_fewer() -> None:
    points, triangles = welded(surface(2, 40))
    fewer = simplified(points, triangles, 800)
    assert len(fewer) < len(triangles) / 2

    def border(faces: npt.NDArray[np.int32]) -> set[tuple[int, int]]:
        ends = np.sort(
            np.concatenate([faces[:, [0, 1]], faces[:, [1, 2]], faces[:, [2, 0]]]), axis=1
        )
        edges, counts = np.unique(ends, axis=0, return_counts=True)
        return {(int(a), int(b)) for a, b in edges[counts == 1]}

    assert border(fewer) == border(triangles)
    assert deviation(points[triangles], points[fewer]) > 0
    assert deviation(points[triangles], points[triangles]) == pytest.approx(0, abs=1e-9)


def test_charts_do_not_overlap() -> None:
    points, triangles = welded(surface(4, 12))
    uv, width, height = unwrap(points, triangles, 256)
    spots = uv * (width, height)
    faces = shapely.polygons(spots)
    total = float(shapely.area(faces).sum())
    assert total > 0.2 * width * height
    assert shapely.union_all(faces).area == pytest.approx(total, rel=1e-3)


def test_thousands_of_specks_keep_their_colours() -> None:
    random = np.random.default_rng(3)
    pixels = np.full((300, 300, 3), 90, np.uint8)
    uv = random.uniform(0.01, 0.99, (3000, 1, 2)) + random.uniform(-0.002, 0.002, (3000, 3, 2))
    number = np.zeros(3000, np.int64)
    found = islands(uv, number, np.array([[300, 300]]))
    atlas = repacked(uv, number, [pixels], found, 128)
    height, width = atlas.pixels.shape[:2]
    at = np.floor(atlas.uv.mean(axis=1) * (width, height)).astype(int)
    assert (atlas.pixels[at[:, 1], at[:, 0]] == 90).all()
    assert width * height < 3000 * 400
