"""Profiles and areas of grounds whose figures are known."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pyproj import Geod
from shapely import Polygon

from cim.errors import ParameterError
from cim.geo.area import distances_along, ellipsoidal_area, polygon
from cim.geo.crs import to_lonlat
from cim.geo.grid import Grid
from cim.geo.terrain.sample import sampled
from cim.topics.terrain.analysis import area_of, course, heights_at, stations
from tests.delivered import NORTH, WEST, ZONE

Floats = npt.NDArray[np.float64]
CELL = 10.0


def grid(heights: Floats) -> Grid:
    return Grid(heights=heights, west=WEST, north=NORTH, cell=(CELL, CELL), crs=ZONE)


def plane(east: float, north: float, level: float = 1500.0) -> Grid:
    rows, columns = np.mgrid[0:200, 0:200]
    return grid(level + east * columns * CELL - north * rows * CELL)


def lonlat(*places: tuple[float, float]) -> Floats:
    """Degrees of places given in metres east and south of the grid's corner."""
    return to_lonlat(ZONE, np.array([(WEST + x, NORTH - y) for x, y in places]))


def test_a_line_is_walked_in_equal_steps_through_all_of_its_corners() -> None:
    line = lonlat((100, 100), (1100, 100), (1100, 600))
    places, distance = stations(line, 30.0)
    geod = Geod(ellps="GRS80")
    assert distance[-1] == pytest.approx(
        sum(geod.line_length(*line[i : i + 2].T) for i in range(2)), rel=1e-8
    )
    assert (np.diff(distance) <= 30.0 + 1e-6).all()
    assert any(np.allclose(place, line[1], atol=1e-12) for place in places)


def test_a_very_long_line_gets_longer_steps_instead_of_endless_places() -> None:
    places, _ = stations(np.array([[100.0, 30.0], [110.0, 40.0]]), 1.0)
    assert 2000 < len(places) <= 4002


def test_a_line_without_length_is_refused() -> None:
    with pytest.raises(ParameterError, match="no length"):
        stations(np.array([[106.0, 35.0], [106.0, 35.0]]), 1.0)


def test_over_a_plane_a_profile_climbs_as_the_plane_does() -> None:
    ground = plane(0.1, 0.0)
    places, distance = stations(lonlat((100, 500), (1100, 500)), 7.0)
    found = course(distance, heights_at(ground, places))
    assert found.climb == pytest.approx(100.0, abs=0.01)
    assert found.descent == 0.0
    # On the ellipsoid the way is a little shorter or longer than in the plane.
    assert found.steepest == pytest.approx(10.0, rel=2e-3)
    assert found.length == pytest.approx(1000.0, rel=1e-3)
    assert found.unknown == 0.0


def test_an_unknown_stretch_is_told_and_not_bridged() -> None:
    ground = plane(0.0, 0.0)
    ground.heights[:, 40:60] = np.nan
    places, distance = stations(lonlat((100, 500), (1100, 500)), 5.0)
    found = course(distance, heights_at(ground, places))
    assert found.unknown == pytest.approx(210.0, abs=15.0)  # 20 cells and the cells beside
    assert found.climb + found.descent == pytest.approx(0.0, abs=1e-6)


def test_a_profile_over_nothing_known_has_no_heights() -> None:
    places, distance = stations(lonlat((-5000, 500), (-4000, 500)), 50.0)
    found = course(distance, heights_at(plane(0, 0), places))
    assert found.lowest is None
    assert found.highest is None
    assert found.unknown == pytest.approx(found.length)


@settings(deadline=None, max_examples=30)
@given(
    east=st.floats(-0.5, 0.5), north=st.floats(-0.5, 0.5),
    x=st.floats(200, 900), y=st.floats(200, 900), wide=st.floats(3, 700), high=st.floats(3, 700),
    level=st.floats(1200, 1800),
)  # fmt: skip
def test_over_a_plane_mean_and_volume_are_those_of_a_prism(
    east: float, north: float, x: float, y: float, wide: float, high: float, level: float
) -> None:
    ground = plane(east, north)
    ring = lonlat((x, y), (x + wide, y), (x + wide, y + high), (x, y + high))
    sample = sampled(ground, ring)
    # The first cell's centre lies half a cell from the corner.
    middle = 1500 + east * (x + wide / 2 - 5) - north * (y + high / 2 - 5)
    relief = abs(east) * wide + abs(north) * high
    assert sample.area == pytest.approx(wide * high, rel=2e-3)
    assert sample.known.mean() == pytest.approx(middle, abs=0.02 * relief + 1e-6)
    above, below = sample.volume(level)
    assert above - below == pytest.approx(
        sample.area * (float(sample.known.mean()) - level), rel=1e-9, abs=1e-3
    )
    if relief < abs(middle - level):
        assert min(above, below) == 0.0


def test_a_small_yard_is_sampled_as_densely_as_a_valley() -> None:
    sample = sampled(plane(0, 0), lonlat((500, 500), (512, 500), (512, 508), (500, 508)))
    assert len(sample.heights) == pytest.approx(10_000, rel=0.05)
    assert sample.step < 0.2


def test_ground_without_heights_is_left_out_and_told() -> None:
    ground = plane(0, 0)
    ground.heights[:, 100:] = np.nan
    sample = sampled(ground, lonlat((500, 500), (1500, 500), (1500, 1000), (500, 1000)))
    assert sample.known.size / len(sample.heights) == pytest.approx(0.5, abs=0.02)
    assert sample.known.mean() == pytest.approx(1500.0)


@pytest.mark.parametrize(
    "ring", [[(0, 0), (10, 0)], [(0, 0), (10, 10), (10, 0), (0, 10)], [(0, 0), (5, 0), (10, 0)]]
)
def test_what_is_no_polygon_is_refused(ring: list[tuple[float, float]]) -> None:
    with pytest.raises(ParameterError):
        polygon(np.array(ring) / 1e4 + [106.0, 35.0])


def test_an_area_on_the_ellipsoid_is_what_postgis_says() -> None:
    box = Polygon([(106.5, 35.1), (106.8, 35.1), (106.8, 35.3), (106.5, 35.3)])
    # select ST_Area(ST_Segmentize(ST_SetSRID(ST_MakeEnvelope(106.5,35.1,106.8,35.3),4490),
    #   0.001)::geography)/1e6 gave 606.191206
    assert ellipsoidal_area(box) / 1e6 == pytest.approx(606.191206, abs=2e-6)
    assert distances_along(np.array([[106.5, 35.1]])).tolist() == [0.0]


@settings(deadline=None, max_examples=30)
@given(st.integers(0, 10_000))
def test_the_area_of_a_mask_is_that_of_its_cells(seed: int) -> None:
    mask = np.random.default_rng(seed).random((12, 15)) < 0.5
    shape = area_of(grid(np.zeros(mask.shape)), mask)
    parts = getattr(shape, "geoms", [shape])
    total = sum(ellipsoidal_area(part) for part in parts if not part.is_empty)
    assert total == pytest.approx(100.0 * mask.sum(), rel=2e-3)
