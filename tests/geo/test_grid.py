"""Grids to measure in, and those that only look so."""

from __future__ import annotations

import numpy as np
import pytest
from pyproj import CRS, Geod

from cim.errors import CrsError
from cim.geo.crs import CGCS2000, to_lonlat, transformer
from cim.geo.grid import Grid

ZONE = CRS.from_epsg(4545)


def plane(crs: CRS, west: float, north: float, cell: float) -> Grid:
    """A plane that rises 30° to the east, where a metre is a metre."""
    x = (np.arange(64) + 0.5) * cell
    heights = np.tile(np.tan(np.radians(30)) * x, (64, 1))
    return Grid(heights=heights, west=west, north=north, cell=(cell, cell), crs=crs)


def test_a_plane_of_30_degrees_is_one_in_the_citys_zone() -> None:
    grid = plane(ZONE, 377_000, 3_900_000, 15.0)
    rise = np.diff(grid.heights[0]) / grid.cell[0]
    assert np.degrees(np.arctan(rise)) == pytest.approx(30.0)


@pytest.mark.parametrize(
    ("code", "west", "north", "cell", "said"),
    [
        (4490, 106.65, 35.22, 15 / 111_320, "not projected in metres"),
        (3857, 11_872_000, 4_190_000, 15.0, "stretches lengths"),
        (32650, -200_000, 3_920_000, 15.0, "stretches lengths"),
        (2227, 6_000_000, 2_000_000, 50.0, "not projected in metres"),
    ],
)
def test_a_plane_in_degrees_mercator_feet_or_a_far_zone_is_refused(
    code: int, west: float, north: float, cell: float, said: str
) -> None:
    with pytest.raises(CrsError, match=said):
        plane(CRS.from_epsg(code), west, north, cell)


def test_scale_and_convergence_agree_with_the_geodesic() -> None:
    grid = plane(ZONE, 377_000, 3_900_000, 15.0)
    x, y = grid.middle
    places = to_lonlat(ZONE, np.array([[x, y], [x, y + 100.0]]))
    azimuth, _, metres = Geod(ellps="GRS80").inv(*places[0], *places[1])
    assert 100.0 / metres == pytest.approx(grid.scale[0], abs=1e-6)
    assert azimuth == pytest.approx(grid.convergence(x, y), abs=1e-4)


def test_bilinear_heights_are_exact_on_a_slope_and_unknown_beyond() -> None:
    grid = plane(ZONE, 377_000, 3_900_000, 15.0)
    slope = np.tan(np.radians(30))
    assert grid.bilinear(377_123.4, 3_899_800) == pytest.approx(slope * 123.4)
    assert np.isnan(grid.bilinear(376_999, 3_899_800))
    assert np.isnan(grid.bilinear(377_123, 3_900_001))


def test_a_place_beside_an_unknown_cell_is_unknown() -> None:
    grid = plane(ZONE, 377_000, 3_900_000, 15.0)
    grid.heights[10, 10] = np.nan
    assert np.isnan(grid.bilinear(377_000 + 10.6 * 15, 3_900_000 - 10.6 * 15))
    assert np.isfinite(grid.bilinear(377_000 + 12.6 * 15, 3_900_000 - 10.6 * 15))


def test_a_place_and_its_index_fit() -> None:
    grid = plane(ZONE, 377_000, 3_900_000, 15.0)
    assert grid.index(377_007.5, 3_899_992.5) == (0.0, 0.0)
    x, y = transformer(CGCS2000, ZONE).transform(106.65, 35.22)
    row, column = grid.index(x, y)
    assert (grid.west + (column + 0.5) * 15, grid.north - (row + 0.5) * 15) == pytest.approx((x, y))
