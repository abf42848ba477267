"""Geoid heights: bilinear, refused off the grid, and equal to a stranger's EGM96."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import rasterio
from hypothesis import given
from hypothesis import strategies as st

from cim.city import EGM96, Bounds, _read_gtx
from cim.errors import OutsideCityError
from cim.geo.heights import ConstantGeoid, GridGeoid
from tests.outside import missing

GRID = GridGeoid(100.0, 30.0, (0.5, 0.25), np.array([[1.0, 3.0, 2.0], [5.0, 9.0, 4.0]]))


def at(geoid: GridGeoid, lon: float, lat: float) -> float:
    return float(geoid.undulation(np.array([lon]), np.array([lat]))[0])


def test_between_posts_heights_are_bilinear_by_hand() -> None:
    # A quarter along the first cell and two thirds up: (1, 3) and (5, 9) at the corners.
    below, above = 1 + 0.25 * 2, 5 + 0.25 * 4
    lat = 30 + 0.25 * 2 / 3
    assert at(GRID, 100.125, lat) == pytest.approx(below + (above - below) * 2 / 3)


@given(st.floats(100, 101), st.floats(30, 30.25))
def test_between_posts_a_height_never_leaves_its_cell_corners(lon: float, lat: float) -> None:
    assert 1.0 - 1e-9 <= at(GRID, lon, lat) <= 9.0 + 1e-9


@pytest.mark.parametrize(("lon", "lat"), [(99.99, 30.1), (101.01, 30.1), (100, 29.9), (100, 30.3)])
def test_a_point_off_the_grid_is_refused(lon: float, lat: float) -> None:
    with pytest.raises(OutsideCityError, match="off the geoid grid"):
        at(GRID, lon, lat)


def test_a_grid_round_the_globe_closes_at_the_180th_meridian() -> None:
    values = np.array([[0.0, 1.0, 2.0, 3.0]] * 2)
    globe = GridGeoid(-180.0, -90.0, (90.0, 180.0), values)
    assert at(globe, 135.0, 0.0) == pytest.approx(1.5)  # halfway from 3 at 90 E to 0 at 180 E
    assert at(globe, 180.0, 0.0) == pytest.approx(at(globe, -180.0, 0.0))


def test_a_constant_takes_any_shape() -> None:
    assert ConstantGeoid(-36.0).undulation(np.zeros((2, 1)), np.zeros((1, 3))).shape == (2, 3)


@pytest.mark.shared
def test_egm96_is_what_another_projects_grid_says(shared_data: Path) -> None:
    if not EGM96.is_file():
        missing("the package proj-data")
    theirs = next(shared_data.glob("dem/mago-terrainer/**/egm96_15.tif"))
    geoid = _read_gtx(EGM96, Bounds(-180, -90, 180, 90))
    with rasterio.open(theirs) as image:
        band = image.read(1).astype(np.float64)
        for lon, lat in [(106.65, 35.22), (-118.2, 34.3), (139.7, 35.6), (10.3, 59.9), (77, -5)]:
            column, row = ~image.transform @ (lon, lat)
            column, row = column - 0.5, row - 0.5
            c, r = int(column), int(row)
            fc, fr = column - c, row - r
            cells = band[r : r + 2, c : c + 2]
            their = np.array([1 - fr, fr]) @ cells @ np.array([1 - fc, fc])
            assert at(geoid, lon, lat) == pytest.approx(float(their), abs=0.01)
