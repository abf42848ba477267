"""Pits: frustums and prisms whose volume is known, brute force, and what never changes."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import numpy.typing as npt
import pytest
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st
from shapely import Polygon

from cim.errors import ParameterError
from cim.geo.grid import Grid
from cim.geo.pit import Pit, dig, lowest_ground
from tests.delivered import ZONE

Floats = npt.NDArray[np.float64]
WEST, SOUTH = 377_000.0, 3_899_000.0


def ground(height: Callable[[Floats, Floats], Floats], cell: float = 5.0, count: int = 80) -> Grid:
    """Heights by x and y from the grid's lower left corner, m."""
    steps = (np.arange(count) + 0.5) * cell
    x, y = np.meshgrid(steps, steps[::-1])
    return Grid(heights=height(x, y), west=WEST, north=SOUTH + count * cell, cell=(cell, cell),
                crs=ZONE)  # fmt: skip


def outline(*corners: tuple[float, float], holes: tuple[list[tuple[float, float]], ...] = ()
            ) -> Polygon:  # fmt: skip
    return shapely.transform(Polygon(corners, holes), lambda at: at + (WEST, SOUTH))  # noqa: RUF005


FLAT = ground(lambda x, _: 100.0 + 0 * x)
SLOPE = ground(lambda x, y: 100.0 + 0.1 * x + 0.05 * y)
BOX = outline((101, 100), (141.3, 100), (141.3, 130.7), (101, 130.7))


@pytest.mark.parametrize("grade", [0.0, 0.5, 1.0, 1.75])
def test_on_level_ground_a_pit_is_the_frustum_with_rounded_corners(grade: float) -> None:
    dug = dig(FLAT, Pit(floor=BOX, level=94.5, grade=grade))
    area, around, h = BOX.area, BOX.length, 5.5
    assert dug.core == pytest.approx(area * h, rel=1e-12)
    side = around * grade * h**2 / 2 + np.pi * grade**2 * h**3 / 3
    assert dug.sides == pytest.approx(side, rel=1e-9)
    assert dug.top.area == pytest.approx(area + around * grade * h + np.pi * (grade * h) ** 2,
                                         rel=1e-3)  # fmt: skip
    assert (dug.lowest, dug.highest, dug.frayed) == (100, 100, False)
    assert dug.unknown == pytest.approx(0)


def test_a_prism_under_a_tilted_plane_has_its_middle_height() -> None:
    dug = dig(SLOPE, Pit(floor=BOX, level=90.0, grade=0.0))
    at = BOX.centroid
    middle = 100 + 0.1 * (at.x - WEST) + 0.05 * (at.y - SOUTH)
    assert dug.volume == pytest.approx(BOX.area * (middle - 90), rel=1e-12)
    assert dug.lowest == pytest.approx(100 + 0.1 * 101 + 0.05 * 100)
    assert dug.highest == pytest.approx(100 + 0.1 * 141.3 + 0.05 * 130.7)
    assert lowest_ground(SLOPE, BOX) == dug.lowest


def test_a_floor_that_leaves_the_ground_cuts_a_wedge() -> None:
    tilted = ground(lambda x, _: 100.0 + 0.1 * x)
    dug = dig(tilted, Pit(floor=BOX, level=112.0, grade=0.0))  # above ground west of x = 120
    assert dug.core == pytest.approx(30.7 * 0.1 * (141.3 - 120) ** 2 / 2, rel=1e-9)


@pytest.mark.parametrize(("grid", "level"), [(FLAT, 95.0), (SLOPE, 112.0)])
def test_sides_round_an_inner_corner_are_what_cells_add_up_to(grid: Grid, level: float) -> None:
    bent = outline((100, 100), (140, 100), (140, 110), (115, 110), (115, 140), (100, 140))
    pit = Pit(floor=bent, level=level, grade=1.2)
    step = 0.2
    steps = np.arange(70, 180, step) + step / 2
    x, y = (v.ravel() for v in np.meshgrid(steps + WEST, steps + SOUTH))
    over = np.maximum(grid.bilinear_at(x, y) - pit.surface(np.column_stack([x, y])), 0)
    dug = dig(grid, pit)
    assert dug.volume == pytest.approx(float(over.sum()) * step**2, rel=1e-4)
    assert dug.top.area == pytest.approx(float((over > 0).sum()) * step**2, rel=1e-3)
    assert dug.top.is_valid


sides = st.floats(1, 30).map(lambda v: round(v, 2))


@settings(max_examples=8)
@given(sides, sides, st.floats(0, 2), st.floats(0.5, 8), st.floats(0.1, 0.9))
def test_parts_of_a_floor_add_up_and_deeper_is_more(
    wide: float, high: float, grade: float, depth: float, share: float
) -> None:
    hilly = ground(lambda x, y: 100 + 5 * np.sin(x / 30) + 3 * np.cos(y / 20))
    whole = outline((110, 110), (110 + wide, 110), (110 + wide, 110 + high), (110, 110 + high))
    cut = WEST + 110 + share * wide
    left, right = (shapely.intersection(whole, shapely.box(*box)) for box in (
        (WEST, SOUTH, cut, SOUTH + 400), (cut, SOUTH, WEST + 400, SOUTH + 400)))  # fmt: skip
    level = lowest_ground(hilly, whole) - depth
    cores = [dig(hilly, Pit(floor=f, level=level, grade=0.0)).core for f in (whole, left, right)]
    assert cores[0] == pytest.approx(cores[1] + cores[2], rel=1e-9)
    assert cores[0] >= whole.area * depth * (1 - 1e-9)
    steep, deep = (dig(hilly, Pit(floor=whole, level=z, grade=grade)) for z in (level, level - 1))
    assert deep.volume >= steep.volume + whole.area * (1 - 1e-9)
    assert steep.volume >= steep.core
    assert steep.top.buffer(1e-6).contains(whole)


def test_a_yard_left_standing_is_not_dug_and_its_inner_sides_slope_inwards() -> None:
    yard = [(110.0, 110.0), (110.0, 130.0), (130.0, 130.0), (130.0, 110.0)]
    ring = outline((100, 100), (140, 100), (140, 140), (100, 140), holes=(yard,))
    dug = dig(FLAT, Pit(floor=ring, level=98.0, grade=1.0))
    outer = 160 * 2 + np.pi * 8 / 3
    inner = 80 * 2 - 4 * 8 / 3  # mitred strips: the corners' overlap is counted once
    assert dug.core == pytest.approx(1200 * 2)
    assert dug.sides == pytest.approx(outer + inner, rel=2e-3)


def test_ground_that_is_not_known_is_told_and_lengths_follow_the_planes_scale() -> None:
    torn = ground(lambda x, _: np.where(x > 130, np.nan, 100.0))
    dug = dig(torn, Pit(floor=BOX, level=95.0, grade=0.0))
    assert dug.unknown == pytest.approx((141.3 - 127.5) * 30.7, rel=1e-9)  # beyond the last post
    assert dug.core == pytest.approx((127.5 - 101) * 30.7 * 5, rel=1e-9)
    near = outline((101, 100), (125, 100), (125, 120), (101, 120))
    assert dig(torn, Pit(floor=near, level=95.0, grade=1.0)).frayed
    wide = dig(FLAT, Pit(floor=BOX, level=95.0, grade=1.0, scale=1.01))
    plain = shapely.affinity.scale(BOX, 1 / 1.01, 1 / 1.01)
    there = dig(FLAT, Pit(floor=plain, level=95.0, grade=1.0))
    assert wide.volume == pytest.approx(there.volume, rel=1e-9)


def test_sides_that_never_meet_the_ground_are_refused() -> None:
    rising = ground(lambda x, _: 100 + 0.9 * x, count=400)
    with pytest.raises(ParameterError, match="do not meet the ground within 300 m → make them ste"):
        dig(rising, Pit(floor=BOX, level=150.0, grade=2.0))
