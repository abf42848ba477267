"""Run-out on slopes whose end is known, and on a slide that was mapped."""

from __future__ import annotations

import math
from pathlib import Path

import networkx as nx
import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cim.errors import ParameterError
from cim.geo.grid import Grid
from cim.topics.geohazards.analysis.runout import _shares, run_out
from tests.delivered import NORTH, WEST, ZONE

Floats = npt.NDArray[np.float64]
CELL = 10.0


def ground(heights: Floats, cell: float = CELL) -> Grid:
    return Grid(heights=heights, west=WEST, north=NORTH, cell=(cell, cell), crs=ZONE)


def ramp(steep: float, foot: int = 50, columns: int = 200) -> Floats:
    """A slope down to the east that ends on a plain."""
    down = np.maximum(0, foot - np.arange(columns)) * CELL * math.tan(math.radians(steep))
    return np.tile(down, (61, 1))


def one(heights: Floats, row: int, column: int) -> npt.NDArray[np.bool_]:
    mask = np.zeros(heights.shape, bool)
    mask[row, column] = True
    return mask


@pytest.mark.parametrize("angle", [20.0, 22.0, 25.0])
def test_on_a_plain_below_a_ramp_it_stops_where_the_travel_angle_says(angle: float) -> None:
    heights = ramp(30.0)
    found = run_out(ground(heights), one(heights, 30, 5), angle=angle)
    far = (np.flatnonzero(np.isfinite(found.energy).any(axis=0)).max() - 5) * CELL
    exact = heights[30, 5] / math.tan(math.radians(angle))
    assert exact - CELL < far <= exact
    assert not found.left


def test_a_slope_flatter_than_the_travel_angle_moves_nothing() -> None:
    heights = ramp(15.0)
    found = run_out(ground(heights), one(heights, 30, 5), angle=20.0)
    assert np.isfinite(found.energy).sum() == 1


def test_the_spread_is_the_same_to_both_sides() -> None:
    heights = ramp(30.0)
    found = run_out(ground(heights), one(heights, 30, 5), angle=22.0)
    assert found.flux == pytest.approx(found.flux[::-1], abs=1e-9)


def test_what_leaves_the_model_is_told() -> None:
    heights = np.tile(np.arange(60, 0, -1) * 6.0, (21, 1))
    assert run_out(ground(heights), one(heights, 10, 5), angle=15.0).left


def test_a_wall_higher_than_the_energy_line_is_not_climbed() -> None:
    heights = ramp(30.0)
    heights[:, 60] += 400.0
    found = run_out(ground(heights), one(heights, 30, 5), angle=15.0)
    assert not np.isfinite(found.energy[:, 61:]).any()


def test_unknown_ground_is_not_entered() -> None:
    heights = ramp(30.0)
    heights[:, 60] = np.nan
    found = run_out(ground(heights), one(heights, 30, 5), angle=15.0)
    assert not np.isfinite(found.energy[:, 60:]).any()


def test_a_release_on_unknown_ground_is_refused() -> None:
    heights = ramp(30.0)
    heights[30, 5] = np.nan
    with pytest.raises(ParameterError, match="nothing to release"):
        run_out(ground(heights), one(heights, 30, 5), angle=15.0)


@settings(max_examples=25, deadline=None)
@given(seed=st.integers(0, 10_000), angle=st.floats(5, 30))
def test_the_energy_line_is_never_above_that_of_the_straightest_way(
    seed: int, angle: float
) -> None:
    rng = np.random.default_rng(seed)
    heights = rng.uniform(0, 15, (15, 15)) + 8.0 * np.arange(15, 0, -1)[:, None]
    release = one(heights, 2, 7)
    found = run_out(ground(heights), release, angle=angle, exponent=1.0, least_flux=1e-12)
    tangent = math.tan(math.radians(angle))
    graph = nx.DiGraph()
    for r in range(15):
        for c in range(15):
            for dr, dc in ((0, 1), (1, 0), (1, 1), (1, -1)):
                if 0 <= r + dr < 15 and 0 <= c + dc < 15:
                    step = math.hypot(dr, dc) * CELL * tangent
                    graph.add_edge((r, c), (r + dr, c + dc), weight=step)
                    graph.add_edge((r + dr, c + dc), (r, c), weight=step)
    lost = nx.single_source_dijkstra_path_length(graph, (2, 7))
    for (r, c), loss in lost.items():
        if np.isfinite(found.energy[r, c]):
            assert found.energy[r, c] <= heights[2, 7] - loss - heights[r, c] + 1e-9
            assert found.energy[r, c] >= 0


@settings(max_examples=20, deadline=None)
@given(seed=st.integers(0, 10_000))
def test_a_steeper_travel_angle_never_carries_farther(seed: int) -> None:
    rng = np.random.default_rng(seed)
    heights = ramp(28.0) + rng.uniform(0, 2, (61, 200))
    release = one(heights, 30, 8)
    near = run_out(ground(heights), release, angle=24.0, least_flux=1e-9)
    far = run_out(ground(heights), release, angle=18.0, least_flux=1e-9)
    assert np.nanmax(near.travelled) <= np.nanmax(far.travelled)


def _ascii(path: Path) -> tuple[float, Floats]:
    """An ESRI ASCII grid: cell size and values, NaN where there are none."""
    lines = path.read_text().splitlines()
    head = dict(line.split() for line in lines[:6])
    values = np.array([line.split() for line in lines[6:] if line.strip()], dtype=np.float64)
    nothing = float(head.get("nodata_value", head.get("NODATA_value", "-9999")))
    return float(head["cellsize"]), np.where(values == nothing, np.nan, values)


@pytest.mark.shared
def test_the_mapped_slide_of_washington_reaches_its_deposit(shared_data: Path) -> None:
    folder = next((shared_data / "dem" / "landlab").rglob("mass_wasting_runout"))
    cell, heights = _ascii(folder / "pre_runout_DEM.asc")
    _, slid = _ascii(folder / "landslide_polygon.asc")
    _, change = _ascii(folder / "DEM_of_Difference.asc")
    release = np.nan_to_num(slid) > 0
    deposit = np.nan_to_num(change) > 0.3
    found = run_out(ground(heights, cell), release, angle=15.0, exponent=8.0)
    reached = np.isfinite(found.energy)
    assert deposit.sum() > 100
    assert (reached & deposit).sum() / deposit.sum() > 0.95
    lowest = np.nanmin(heights[deposit])  # the end of the deposit, not of the valley
    assert np.nanmin(heights[reached]) < lowest + 10


@pytest.mark.parametrize("exponent", [1.0, 4.0, 8.0, 25.0])
def test_on_a_plane_the_flux_is_shared_as_in_flow_py(exponent: float) -> None:
    """Equation 2 of D'Amboise et al. (2022): tan((slope + 90) / 2) to the exponent, normalised."""
    heights = -math.tan(math.radians(30)) * 10.0 * np.arange(3)[:, None] * np.ones((3, 3))
    far = np.array([math.hypot((k % 3 - 1) * 10, (k // 3 - 1) * 10) for k in range(9)])
    line = np.full((3, 3), -np.inf)
    line[1, 1] = heights[1, 1]
    found = _shares(heights, line, np.zeros(9), (1, 1), far, math.tan(math.radians(1)), exponent,
                    float(heights[1, 1]))  # fmt: skip
    slopes = [math.atan(math.tan(math.radians(30)) / math.sqrt(2)), math.radians(30)]
    aside, down = (math.tan((s + math.pi / 2) / 2) ** exponent for s in slopes)
    expected = np.zeros(9)
    expected[[6, 7, 8]] = np.array([aside, down, aside]) / (2 * aside + down)
    np.testing.assert_allclose(found, expected, atol=1e-12)
