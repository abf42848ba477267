"""The ground's shape and drainage: exact where a formula tells, and as a referee says elsewhere."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from pyproj import CRS

from cim.errors import CrsError, ParameterError
from cim.geo import terrain
from cim.geo.grid import Grid

Floats = npt.NDArray[np.float64]
WEST, NORTH = 400_000.0, 3_900_000.0
INNER = (slice(1, -1), slice(1, -1))


def grid(heights: Floats, cell: tuple[float, float] = (10.0, 10.0)) -> Grid:
    return Grid(heights=heights, west=WEST, north=NORTH, cell=cell, crs=CRS.from_epsg(4545))


def places(shape: tuple[int, int], cell: tuple[float, float]) -> tuple[Floats, Floats]:
    """X to the east and y to the north of all cells, m."""
    rows, columns = np.mgrid[0 : shape[0], 0 : shape[1]]
    return columns * cell[0], -rows * cell[1]


@settings(deadline=None, max_examples=60)
@given(
    east=st.floats(-3, 3),
    north=st.floats(-3, 3),
    cell=st.tuples(st.floats(1, 50), st.floats(1, 50)),
)
def test_a_plane_has_its_own_slope_and_faces_downhill(
    east: float, north: float, cell: tuple[float, float]
) -> None:
    x, y = places((5, 6), cell)
    ground = grid(1000 + east * x + north * y, cell)
    steep = math.hypot(east, north)
    assert terrain.slope(ground)[INNER] == pytest.approx(math.degrees(math.atan(steep)), abs=1e-6)
    if steep > 1e-3:
        facing = math.degrees(math.atan2(-east, -north)) % 360
        turn = (terrain.aspect(ground)[INNER] - facing + 180) % 360 - 180
        assert np.abs(turn).max() < 1e-5
    lamp = terrain.hillshade(ground, azimuth=315, elevation=45)[INNER]
    toward = np.array([-math.sqrt(0.25), math.sqrt(0.25), math.sqrt(0.5)])
    normal = np.array([-east, -north, 1.0]) / math.sqrt(1 + steep**2)
    assert lamp == pytest.approx(max(0.0, float(toward @ normal)), abs=1e-9)


def test_a_hemisphere_is_curved_by_its_radius_everywhere() -> None:
    radius, cell = 5000.0, (10.0, 10.0)
    x, y = places((41, 41), cell)
    x, y = x - 200, y + 600  # off the top, so that there is a slope
    ground = grid(np.sqrt(radius**2 - x**2 - y**2), cell)
    profile, tangential = terrain.curvature(ground)
    # A sphere's normal curvature is 1/r in every direction; both are taken along normal sections.
    assert profile[INNER] == pytest.approx(1 / radius, rel=1e-3)
    assert tangential[INNER] == pytest.approx(1 / radius, rel=1e-3)


def test_a_cylinder_is_curved_across_and_straight_along() -> None:
    x, y = places((21, 21), (5.0, 5.0))
    valley = grid(0.5 * y + 0.01 * (x - 50) ** 2, (5.0, 5.0))
    profile, tangential = terrain.curvature(valley)
    middle = (slice(1, -1), 10)
    # Along the valley's bottom z = y/2: no curvature down, -2 * 0.01 / sqrt(1 + 1/4) across.
    assert profile[middle] == pytest.approx(0.0, abs=1e-12)
    assert tangential[middle] == pytest.approx(-0.02 / math.sqrt(1.25), rel=1e-9)


def test_level_ground_faces_nowhere_and_has_no_curvature() -> None:
    level = grid(np.full((5, 5), 1200.0))
    assert (terrain.slope(level)[INNER] == 0).all()
    assert np.isnan(terrain.aspect(level)).all()
    assert all(np.isnan(part).all() for part in terrain.curvature(level))


@pytest.mark.parametrize(
    "what",
    [terrain.slope, terrain.aspect, terrain.hillshade, terrain.roughness,
     terrain.position_index, terrain.ruggedness],
)  # fmt: skip
def test_beside_an_unknown_cell_and_on_the_rim_nothing_is_told(
    what: Callable[[Grid], Floats],
) -> None:
    heights = np.random.default_rng(1).normal(1000, 30, (9, 9))
    heights[4, 4] = np.nan
    said = np.isfinite(what(grid(heights)))
    expected = np.zeros((9, 9), bool)
    expected[INNER] = True
    expected[3:6, 3:6] = False
    assert (said == expected).all()


@pytest.mark.parametrize(
    ("crs", "west", "north"),
    [("EPSG:4490", 106.6, 35.2), ("EPSG:3857", 11_870_000.0, 4_190_000.0)],
)
def test_degrees_and_web_mercator_are_refused(crs: str, west: float, north: float) -> None:
    with pytest.raises(CrsError):
        Grid(heights=np.zeros((3, 3)), west=west, north=north, cell=(0.01, 0.01),
             crs=CRS.from_user_input(crs))  # fmt: skip


def test_a_lamp_below_the_horizon_is_refused() -> None:
    with pytest.raises(ParameterError, match="lights nothing"):
        terrain.hillshade(grid(np.zeros((3, 3))), elevation=-5)


def brim(heights: Floats) -> Floats:
    """Filled ground by Planchon & Darboux (2002): water over all, drained until nothing moves."""
    known = np.isfinite(heights)
    padded = np.pad(np.where(known, heights, -np.inf), 1, constant_values=-np.inf)
    water = np.where(np.isfinite(padded), np.inf, -np.inf)
    while True:
        lowest = np.full(padded.shape, np.inf)
        for dr in (-1, 0, 1):
            for dc in (-1, 0, 1):
                lowest = np.minimum(lowest, np.roll(water, (dr, dc), (0, 1)))
        new = np.where(np.isfinite(padded), np.maximum(padded, lowest), -np.inf)
        if (new == water).all():
            return np.where(known, new[1:-1, 1:-1], np.nan)
        water = new


grounds = st.tuples(st.integers(0, 10_000), st.booleans(), st.sampled_from([1.0, 5.0]))


def rough(seed: int, holes: bool, step: float) -> Floats:
    """Rough ground; a coarse step makes flats and ties, holes are unknown."""
    random = np.random.default_rng(seed)
    heights = np.round(random.normal(1000, 8, (14, 17)) / step) * step
    if holes:
        heights[random.random(heights.shape) < 0.06] = np.nan
    return np.asarray(heights)


@settings(deadline=None, max_examples=60)
@given(grounds)
def test_depressions_are_filled_to_their_brim_and_no_higher(case: tuple[int, bool, float]) -> None:
    heights = rough(*case)
    filled = terrain.fill(grid(heights))
    assert np.array_equal(filled, brim(heights), equal_nan=True)


@settings(deadline=None, max_examples=60)
@given(grounds)
def test_every_cell_drains_out_and_no_area_is_lost(case: tuple[int, bool, float]) -> None:
    heights = rough(*case)
    drained = terrain.flow(grid(heights, (10.0, 5.0)))
    known = np.isfinite(heights)
    receiver = drained.receiver.ravel()
    place = np.empty(heights.size, np.int64)
    place[drained.order] = np.arange(len(drained.order))
    assert sorted(drained.order) == np.flatnonzero(known).tolist()
    for cell in drained.order:
        if receiver[cell] >= 0:
            assert place[receiver[cell]] < place[cell]  # so it ends, and nowhere but outside
            assert drained.filled.flat[receiver[cell]] <= drained.filled.flat[cell]
    ends = known.ravel() & (receiver < 0)
    assert drained.upslope.ravel()[ends].sum() == pytest.approx(50.0 * known.sum())


@settings(deadline=None, max_examples=40)
@given(grounds)
def test_each_cell_takes_the_steepest_way_down(case: tuple[int, bool, float]) -> None:
    heights = rough(*case)
    drained = terrain.flow(grid(heights))
    rows, columns = heights.shape
    for row in range(rows):
        for column in range(columns):
            falls = {}
            for dr in (-1, 0, 1):
                for dc in (-1, 0, 1):
                    r, c = row + dr, column + dc
                    if (dr or dc) and 0 <= r < rows and 0 <= c < columns:
                        fall = drained.filled[row, column] - drained.filled[r, c]
                        falls[r * columns + c] = fall / (10 * math.hypot(dr, dc))
            best = max((f for f in falls.values() if not math.isnan(f)), default=0.0)
            if math.isnan(heights[row, column]):
                assert drained.receiver[row, column] == -1
            elif best > 0:
                assert falls[drained.receiver[row, column]] == pytest.approx(best)


def test_a_v_valley_collects_what_its_sides_hold() -> None:
    x, y = places((30, 21), (10.0, 10.0))
    ground = grid(1000 + 0.05 * y + 0.5 * np.abs(x - 100))
    drained = terrain.flow(ground)
    bottom = drained.upslope[:, 10] / 100
    # Every row's 21 cells run into the bottom, and the bottom to the south, row after row.
    assert bottom[1:-1] == pytest.approx(21 * np.arange(2, 30), abs=25)
    assert (np.diff(bottom) > 0).all()
    labels = terrain.watershed(drained, [(29, 10)])
    assert (labels == 1).mean() > 0.95
    assert terrain.streams(drained, 21 * 100 * 5).sum() == pytest.approx(26, abs=2)


def test_of_two_outlets_on_one_river_each_has_its_own_reach() -> None:
    x, y = places((30, 21), (10.0, 10.0))
    drained = terrain.flow(grid(1000 + 0.05 * y + 0.5 * np.abs(x - 100)))
    labels = terrain.watershed(drained, [(29, 10), (12, 10)])
    assert labels[12, 10] == 2
    assert labels[5, 10] == 2
    assert labels[20, 10] == 1
    with pytest.raises(ParameterError, match="outlet 1"):
        terrain.watershed(drained, [(30, 10)])


def test_wetness_is_the_logarithm_of_area_over_slope() -> None:
    x, y = places((30, 21), (10.0, 10.0))
    ground = grid(1000 + 0.05 * y + 0.0 * x)
    drained = terrain.flow(ground)
    index = terrain.wetness(ground, drained.upslope)
    # On a plane each cell drains the column of cells above it.
    assert index[9, 10] == pytest.approx(math.log(10 * 100 / 10 / 0.05))


@settings(deadline=None, max_examples=40)
@given(
    heights=hnp.arrays(np.float64, (6, 7), elements=st.floats(0, 3000)),
    lift=st.floats(-500, 500),
)
def test_lifting_the_ground_changes_no_slope(heights: Floats, lift: float) -> None:
    one, two = terrain.slope(grid(heights)), terrain.slope(grid(heights + lift))
    assert one[INNER] == pytest.approx(two[INNER], abs=1e-6)
