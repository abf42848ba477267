"""What can be seen: exact where a formula tells, and as a brute-force referee says elsewhere."""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pyproj import CRS

from cim.errors import ParameterError
from cim.geo.grid import Grid
from cim.geo.visibility import (
    BEYOND,
    HIDDEN,
    SEEN,
    UNKNOWN,
    Classes,
    Eye,
    classes_at,
    drop,
    line_of_sight,
    radius_of_curvature,
    viewshed,
)

Floats = npt.NDArray[np.float64]
CELL = 10.0
WEST, NORTH = 400_000.0, 3_900_000.0
R = 6_371_000.0


def grid(heights: Floats) -> Grid:
    return Grid(heights=heights, west=WEST, north=NORTH, cell=(CELL, CELL), crs=CRS.from_epsg(4545))


def centre(row: int, column: int) -> tuple[float, float]:
    return WEST + (column + 0.5) * CELL, NORTH - (row + 0.5) * CELL


def look(
    heights: Floats, at: tuple[int, int], height: float, *, reach: float = 1e6,
    target: float = 0.0, bend: float = 0.0, azimuth: float = 0.0, view: float = 360.0,
) -> Classes:  # fmt: skip
    x, y = centre(*at)
    eye = Eye(x=x, y=y, height=height, azimuth=azimuth, field_of_view=view)
    return viewshed(grid(heights), eye, reach=reach, target_height=target, bend=bend)


def away(shape: tuple[int, int], at: tuple[int, int]) -> Floats:
    rows, columns = np.mgrid[0 : shape[0], 0 : shape[1]]
    return np.asarray(CELL * np.hypot(rows - at[0], columns - at[1]))


def fractal(seed: int, size: int = 33, rough: float = 0.6) -> Floats:
    """Random terrain by midpoint displacement."""
    random = np.random.default_rng(seed)
    heights = random.normal(0, 60, (2, 2))
    scale = 40.0
    while len(heights) < size:
        wide = np.zeros((2 * len(heights) - 1, 2 * len(heights) - 1))
        wide[::2, ::2] = heights
        wide[1::2, ::2] = (heights[:-1] + heights[1:]) / 2
        wide[:, 1::2] = (wide[:, :-2:2] + wide[:, 2::2]) / 2
        heights = wide + random.normal(0, scale, wide.shape)
        scale *= rough
    return heights


def referee(
    heights: Floats, at: tuple[int, int], eye: float, target: float, bend: float
) -> Classes:
    """Line of sight to every cell, crossing by crossing, in exact order along the line."""
    rows, columns = heights.shape
    classes = np.full(heights.shape, HIDDEN, np.uint8)
    top = heights[at] + eye
    for row in range(rows):
        for column in range(columns):
            dr, dc = row - at[0], column - at[1]
            length = CELL * math.hypot(dr, dc)
            if length == 0:
                classes[row, column] = SEEN
                continue
            parts = {k / abs(dr) for k in range(1, abs(dr))} | {
                k / abs(dc) for k in range(1, abs(dc))
            }
            slope = (heights[row, column] + target - bend * length**2 - top) / length
            free = True
            for part in sorted(parts):
                r, c = at[0] + part * dr, at[1] + part * dc
                r0, c0 = math.floor(r + 1e-9), math.floor(c + 1e-9)
                fr, fc = r - r0, c - c0
                if abs(fr) < 1e-9 and abs(fc) < 1e-9:
                    ground = heights[r0, c0]
                elif abs(fr) < 1e-9:
                    ground = heights[r0, c0] * (1 - fc) + heights[r0, c0 + 1] * fc
                else:
                    ground = heights[r0, c0] * (1 - fr) + heights[r0 + 1, c0] * fr
                there = part * length
                if ground - bend * there**2 - top > slope * there + 1e-6:
                    free = False
                    break
            classes[row, column] = SEEN if free else HIDDEN
    return classes


@pytest.mark.parametrize("tilt", [(0.0, 0.0), (0.3, -0.2), (-1.0, 0.5)])
def test_on_a_plane_everything_is_seen(tilt: tuple[float, float]) -> None:
    rows, columns = np.mgrid[0:60, 0:80] * CELL
    classes = look(1500 + tilt[0] * rows + tilt[1] * columns, (20, 30), 1.0)
    assert (classes == SEEN).all()


def test_over_a_round_earth_a_flat_sea_is_seen_to_the_horizon() -> None:
    # An eye h above a sphere sees its surface to d = sqrt(2 R h / (1 - k)): drop(d) = h at twice
    # the tangent point; crossings are sampled, so the limit is sharp to a cell.
    bend = (1 - 1 / 7) / (2 * R)
    height = 0.002
    horizon = math.sqrt(height / bend)
    heights = np.zeros((3, 60))
    classes = look(heights, (1, 0), height, bend=bend)[1]
    seen = np.flatnonzero(classes == SEEN).max() * CELL
    assert abs(seen - horizon) <= CELL
    assert (classes[: int(seen / CELL) + 1] == SEEN).all()
    assert horizon < 590


def test_a_target_shows_over_the_horizon_as_far_as_the_formula_says() -> None:
    bend = (1 - 0.13) / (2 * R)
    eye, target = 0.0005, 0.001
    limit = math.sqrt(eye / bend) + math.sqrt(target / bend)
    classes = look(np.zeros((3, 60)), (1, 0), eye, target=target, bend=bend)[1]
    seen = np.flatnonzero(classes == SEEN).max() * CELL
    assert abs(seen - limit) <= 2 * CELL
    assert limit < 590


def test_drop_is_the_textbooks() -> None:
    assert drop(10_000, R, 1 / 7) == pytest.approx(6.727, abs=0.001)
    assert drop(10_000, R, 0) == pytest.approx(7.848, abs=0.001)
    assert radius_of_curvature(45) == pytest.approx(6_378_137 * math.sqrt(1 - 0.00669438) /
                                                    (1 - 0.00669438 / 2), rel=1e-8)  # fmt: skip


@pytest.mark.parametrize("wall", [3.0, 10.0, 30.0])
def test_behind_a_wall_the_shadow_ends_where_similar_triangles_say(wall: float) -> None:
    heights = np.zeros((41, 400))
    heights[:, 50] = wall
    eye = 40.0
    classes = look(heights, (20, 10), eye)[20]
    # The line over the wall (40 cells off) falls by eye - wall in 400 m and reaches the ground at:
    ends = 400.0 * eye / (eye - wall)
    column = np.arange(400)
    distance = (column - 10) * CELL
    hidden = (column > 50) & (distance < ends)
    assert ((classes == HIDDEN) == hidden).all()


def test_behind_a_wall_a_high_target_shows_above_it() -> None:
    heights = np.zeros((41, 120))
    heights[:, 50] = 30.0
    seen = look(heights, (20, 10), 20.0, target=45.0)[20] == SEEN
    # Over the wall's top the line rises 10 m in 400 m: 45 m high up to 1,000 m away.
    assert seen[51:111].all()
    assert not seen[111:].any()


def test_on_a_cones_top_all_is_seen_and_from_its_side_only_this_side() -> None:
    size = 61
    heights = 300.0 - away((size, size), (30, 30))
    assert (look(heights, (30, 30), 2.0) == SEEN).all()
    at = (30, 45)
    classes = look(heights, at, 0.0)
    # From a cone's own surface one sees what does not lie behind the tangent plane.
    rows, columns = np.mgrid[0:size, 0:size]
    assert (classes[30, 46:] == SEEN).all()
    assert (classes[30, :30] == HIDDEN).all()
    assert (classes[(columns - 30) < 0] == HIDDEN).all()
    assert rows.shape == classes.shape


@pytest.mark.parametrize("seed", range(6))
def test_on_random_terrain_the_referee_agrees_on_every_cell(seed: int) -> None:
    heights = fractal(seed)
    at = (7 + seed, 21 - 2 * seed)
    bend = [0.0, 6.7e-8, 1e-4][seed % 3]
    mine = look(heights, at, 5.0 * seed, target=2.0 * (seed % 2), bend=bend)
    theirs = referee(heights, at, 5.0 * seed, 2.0 * (seed % 2), bend)
    assert (mine == theirs).all()
    assert {HIDDEN, SEEN} == set(np.unique(mine).tolist())


places = st.tuples(st.integers(0, 32), st.integers(0, 32))


@settings(deadline=None, max_examples=40)
@given(seed=st.integers(0, 10_000), at=places, eye=st.floats(0, 50), more=st.floats(0, 50))
def test_a_higher_target_is_never_hidden_where_a_lower_was_seen(
    seed: int, at: tuple[int, int], eye: float, more: float
) -> None:
    heights = fractal(seed)
    low = look(heights, at, eye, bend=6.7e-8)
    high = look(heights, at, eye, target=more, bend=6.7e-8)
    assert not ((low == SEEN) & (high == HIDDEN)).any()


@settings(deadline=None, max_examples=40)
@given(seed=st.integers(0, 10_000), at=places, eye=st.floats(0, 50), more=st.floats(0, 50))
def test_a_higher_eye_is_never_blinder(
    seed: int, at: tuple[int, int], eye: float, more: float
) -> None:
    heights = fractal(seed)
    assert not ((look(heights, at, eye) == SEEN) & (look(heights, at, eye + more) == HIDDEN)).any()


@settings(deadline=None, max_examples=25)
@given(seed=st.integers(0, 10_000), a=places, b=places, height=st.floats(0.5, 30))
def test_whom_i_see_sees_me(
    seed: int, a: tuple[int, int], b: tuple[int, int], height: float
) -> None:
    heights = fractal(seed)
    there = look(heights, a, height, target=height)[b]
    back = look(heights, b, height, target=height)[a]
    assert there == back


def test_beyond_reach_and_field_of_view_nothing_is_told() -> None:
    at = (40, 40)
    classes = look(np.zeros((81, 81)), at, 10.0, reach=250.0, azimuth=90.0, view=60.0)
    rows, columns = np.mgrid[0:81, 0:81]
    turn = np.degrees(np.arctan2(columns - 40, 40 - rows))
    inside = (away((81, 81), at) <= 250.0) & (np.abs(turn - 90) <= 30 + 1e-9)
    inside[at] = True
    assert ((classes != BEYOND) == inside).all()


@pytest.mark.parametrize("azimuth", [0.0, 350.0, 180.0, 720.0, -90.0])
def test_a_field_of_view_turns_through_north(azimuth: float) -> None:
    classes = look(np.zeros((81, 81)), (40, 40), 10.0, azimuth=azimuth, view=40.0)
    rows, columns = np.nonzero(classes != BEYOND)
    turn = np.degrees(np.arctan2(columns - 40, 40 - rows))
    off = (turn - azimuth + 180) % 360 - 180
    off[(rows == 40) & (columns == 40)] = 0
    assert np.abs(off).max() <= 20 + 1e-9
    assert len(off) == pytest.approx(81 * 81 * 40 / 360, rel=0.35)


def test_what_lies_behind_an_unknown_cell_is_unknown_unless_hidden_anyway() -> None:
    heights = np.zeros((9, 40))
    heights[4, 10] = np.nan
    heights[4, 20] = 50.0
    classes = look(heights, (4, 0), 10.0)[4]
    assert classes[10] == UNKNOWN
    assert (classes[1:10] == SEEN).all()
    assert (classes[11:21] == UNKNOWN).all()
    assert (classes[21:] == HIDDEN).all()


@pytest.mark.parametrize("place", [(WEST - 5, NORTH - 5), (WEST + 45, NORTH - 45)])
def test_an_observer_without_ground_is_refused(place: tuple[float, float]) -> None:
    heights = np.zeros((9, 9))
    heights[4, 4] = np.nan
    with pytest.raises(ParameterError, match="has no height"):
        viewshed(
            grid(heights), Eye(x=place[0], y=place[1], height=1), reach=100, target_height=0, bend=0
        )


@settings(deadline=None, max_examples=30)
@given(
    seed=st.integers(0, 10_000),
    eye=st.tuples(st.floats(0.01, 31.9), st.floats(0.01, 31.9)),
    height=st.floats(0, 60),
    target=st.sampled_from([0.0, 3.0]),
    cell=st.sampled_from([(10.0, 10.0), (10.0, 7.0), (5.0, 12.0)]),
    bend=st.sampled_from([0.0, 6.7e-8, 1e-4]),
    holes=st.booleans(),
)
def test_the_sweep_says_of_every_cell_what_its_own_line_of_sight_says(
    seed: int, eye: tuple[float, float], height: float, target: float,
    cell: tuple[float, float], bend: float, holes: bool,
) -> None:  # fmt: skip
    heights = fractal(seed)
    if holes:
        heights[np.random.default_rng(seed).random(heights.shape) < 0.01] = np.nan
    ground = Grid(heights=heights, west=WEST, north=NORTH, cell=cell, crs=CRS.from_epsg(4545))
    x, y = WEST + (eye[1] + 0.5) * cell[0], NORTH - (eye[0] + 0.5) * cell[1]
    if not math.isfinite(ground.bilinear(x, y)):
        return
    looker = Eye(x=x, y=y, height=height)
    classes = viewshed(ground, looker, reach=1e6, target_height=target, bend=bend)
    said = {True: SEEN, False: HIDDEN, None: UNKNOWN}
    for row in range(0, 33, 2):
        for column in range(33):
            if math.isnan(heights[row, column]):
                assert classes[row, column] == UNKNOWN
                continue
            goal = (WEST + (column + 0.5) * cell[0], NORTH - (row + 0.5) * cell[1])
            sight = line_of_sight(ground, looker, goal, target_height=target, bend=bend)
            if sight.clearance is not None and abs(sight.clearance) < 1e-6:
                continue  # a tie, decided by rounding
            assert classes[row, column] == said[sight.seen]


@settings(deadline=None, max_examples=30)
@given(seed=st.integers(0, 10_000), height=st.floats(0, 60), reach=st.floats(50, 400))
def test_some_cells_alone_are_told_what_all_of_them_are(
    seed: int, height: float, reach: float
) -> None:
    heights = fractal(seed)
    heights[np.random.default_rng(seed).random(heights.shape) < 0.01] = np.nan
    ground, (x, y) = grid(heights), centre(16, 16)
    if not math.isfinite(ground.bilinear(x, y)):
        return
    looker, cells = Eye(x=x, y=y, height=height), np.argwhere(np.ones(heights.shape, bool))
    every = viewshed(ground, looker, reach=reach, target_height=2.0, bend=6.7e-8)
    some = classes_at(ground, looker, cells, reach=reach, target_height=2.0, bend=6.7e-8)
    assert (some != every.ravel()).mean() < 0.002, "but for ties, which rounding decides"


@pytest.mark.parametrize("rough", [0.0, 0.3])
def test_over_wide_tilted_ground_the_sweep_says_what_lines_of_sight_say(rough: float) -> None:
    # Many sectors, each several cells wide far off, and lines that graze a tilted ground.
    size, random = 400, np.random.default_rng(3)
    rows, columns = np.mgrid[0:size, 0:size] * CELL
    heights = 1500 + 0.02 * columns - 0.03 * rows + random.normal(0, rough + 1e-4, (size, size))
    heights += 40 * np.exp(-((rows - 2500) ** 2 + (columns - 1500) ** 2) / 400_000)
    looker = Eye(x=centre(120, 90)[0], y=centre(120, 90)[1], height=15.0)
    ground = grid(heights)
    classes = viewshed(ground, looker, reach=1e6, target_height=0.5, bend=6.7e-8)
    assert {HIDDEN, SEEN} == set(np.unique(classes).tolist())
    for row, column in random.integers(0, size, (2500, 2)).tolist():
        goal = centre(row, column)
        sight = line_of_sight(ground, looker, goal, target_height=0.5, bend=6.7e-8)
        if sight.clearance is not None and abs(sight.clearance) < 1e-6:
            continue  # a tie, decided by rounding
        assert classes[row, column] == (SEEN if sight.seen else HIDDEN)


def test_a_hole_beside_a_line_through_cell_centres_leaves_it_known() -> None:
    heights = np.zeros((80, 100))
    for row, column in ((10, 14), (15, 21), (45, 63)):  # the line to (70, 98) passes them
        heights[[row - 1, row + 1], column] = np.nan
    classes = look(heights, (0, 0), 5.0)
    assert (classes[np.arange(5, 75, 5), np.arange(7, 105, 7)] == SEEN).all()
    assert classes[32, 42] == UNKNOWN  # through (16, 21), a hole


def test_a_line_of_sight_tells_where_and_by_how_much_a_wall_hides() -> None:
    heights = np.zeros((21, 120))
    heights[:, 50] = 30.0
    ground = grid(heights)
    x, y = centre(10, 10)
    sight = line_of_sight(
        ground, Eye(x=x, y=y, height=20.0), centre(10, 90), target_height=0.0, bend=0.0
    )
    # The line falls 20 m over 800 m: at the wall, 400 m off, it is 10 m high.
    assert sight.seen is False
    assert sight.clearance == pytest.approx(-20.0)
    assert sight.tightest == pytest.approx(400.0)
    assert np.interp(400.0, sight.distances, sight.line) == pytest.approx(10.0)
    over = line_of_sight(
        ground, Eye(x=x, y=y, height=20.0), centre(10, 90), target_height=45.0, bend=0.0
    )
    assert over.seen is True
    assert over.clearance == pytest.approx(20 + 400 * 25 / 800 - 30)


def test_an_unknown_height_on_the_way_leaves_a_line_of_sight_open() -> None:
    heights = np.zeros((21, 60))
    heights[10, 30] = np.nan
    x, y = centre(10, 10)
    sight = line_of_sight(
        grid(heights), Eye(x=x, y=y, height=5.0), centre(10, 50), target_height=5.0, bend=0.0
    )
    assert sight.seen is None


def test_over_a_round_earth_a_line_of_sight_bends_as_the_formula_says() -> None:
    bend = (1 - 1 / 7) / (2 * R)
    x, y = centre(1, 0)
    sight = line_of_sight(
        grid(np.zeros((3, 1001))), Eye(x=x, y=y, height=1.0), centre(1, 1000),
        target_height=1.0, bend=bend,
    )  # fmt: skip
    # 10 km: halfway the line passes 1 m - 5 km x 5 km x bend above the sea.
    assert sight.clearance == pytest.approx(1.0 - 5000.0**2 * bend, abs=1e-6)
    assert sight.tightest == pytest.approx(5000.0, abs=CELL)
