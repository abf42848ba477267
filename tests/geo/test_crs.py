"""Places on Earth: the parameters decide, x goes east, and nonsense is refused."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pyproj import CRS, Geod

from cim.errors import CrsError
from cim.geo.crs import CGCS2000, lonlat_bounds, resolve, rows, to_ecef, to_lonlat, transformer

HUATING = (106.65, 35.22)
ZONE = CRS.from_epsg(4545)


def custom(meridian: float, tag: int) -> str:
    """A city's own central meridian under the tag of a standard zone."""
    return (
        'PROJCS["CGCS2000 / 3-degree Gauss-Kruger CM 108E",GEOGCS["China Geodetic Coordinate '
        'System 2000",DATUM["China_2000",SPHEROID["CGCS2000",6378137,298.257222101]],'
        'PRIMEM["Greenwich",0],UNIT["degree",0.0174532925199433]],'
        f'PROJECTION["Transverse_Mercator"],PARAMETER["latitude_of_origin",0],'
        f'PARAMETER["central_meridian",{meridian}],PARAMETER["scale_factor",1],'
        'PARAMETER["false_easting",500000],PARAMETER["false_northing",0],'
        f'UNIT["metre",1],AUTHORITY["EPSG","{tag}"]]'
    )


def test_the_parameters_of_a_wkt_win_over_its_tag() -> None:
    found = resolve(custom(106.5, 4545))
    lon, lat = to_lonlat(found.crs, np.array([[500000.0, 3899000.0]]))[0]
    assert lon == pytest.approx(106.5, abs=1e-9)
    metres = Geod(ellps="GRS80").inv(106.5, lat, 108.0, lat)[2]
    assert len(found.warnings) == 1
    assert "EPSG:4545" in found.warnings[0]
    said = float(found.warnings[0].split(" lie ")[1].split(" km")[0])
    assert said == pytest.approx(metres / 1000, rel=0.01)


def test_a_tag_that_agrees_is_no_matter_for_a_warning() -> None:
    assert resolve(custom(108, 4545)).warnings == ()


def test_an_unknown_tag_is_told() -> None:
    assert "EPSG:99999 is unknown" in resolve(custom(108, 99999)).warnings[0]


def test_a_tag_of_another_kind_is_told() -> None:
    assert "another kind" in resolve(custom(108, 4490)).warnings[0]


def test_the_vertical_part_of_a_compound_crs_is_set_aside_and_told() -> None:
    found = resolve("EPSG:4545+5737")
    assert found.crs == ZONE
    assert "vertical part" in found.warnings[0]


def test_a_bound_crs_is_taken_without_its_shift() -> None:
    found = resolve("+proj=tmerc +lon_0=108 +x_0=500000 +ellps=GRS80 +towgs84=1,2,3 +units=m")
    assert not found.crs.is_bound
    assert found.crs.is_projected


@pytest.mark.parametrize("given_text", ["", "EPSG:0", "西安80", 'LOCAL_CS["x"]', "EPSG:4978"])
def test_what_is_no_horizontal_crs_is_refused_with_the_remedy(given_text: str) -> None:
    with pytest.raises(CrsError, match="--crs"):
        resolve(given_text)


def test_x_goes_east_whatever_the_authority_says() -> None:
    # In the authority's order EPSG:4545 is (north, east), and Huating would lie at 134 E, 5 N.
    x, y = transformer(CGCS2000, ZONE).transform(*HUATING)
    assert (x, y) == pytest.approx((377_000, 3_899_000), abs=1_500)
    assert to_lonlat(ZONE, np.array([[x, y]]))[0] == pytest.approx(HUATING, abs=1e-9)


def test_an_easting_with_the_zone_in_front_is_refused_with_a_hint() -> None:
    with pytest.raises(CrsError, match="zone"):
        to_lonlat(ZONE, np.array([[36_377_000.0, 3_899_000.0]]))


@given(st.floats(73.5, 135.4), st.floats(3.0, 54.0), st.floats(-1.6, 1.6), st.floats(-500, 9000))
def test_every_place_of_a_zone_comes_back_within_a_tenth_of_a_millimetre(
    lon: float, lat: float, off: float, height: float
) -> None:
    code = 4534 + round((min(max(lon, 75.0), 135.0) - 75.0) / 3)
    crs = CRS.from_epsg(code)
    meridian = 75.0 + 3 * (code - 4534)
    x, y = transformer(CGCS2000, crs).transform(meridian + off, lat)
    back = to_lonlat(crs, np.array([[x, y]]))[0]
    assert back == pytest.approx((meridian + off, lat), abs=1e-9)
    ecef = to_ecef(crs, np.array([[x, y, height]]))[0]
    direct = transformer(CRS.from_epsg(4979), CRS.from_epsg(4978)).transform(
        meridian + off, lat, height
    )
    assert np.linalg.norm(ecef - direct) < 1e-4


def test_one_row_and_many_rows_transform_alike() -> None:
    step = transformer(CGCS2000, ZONE)
    many = rows(step, np.array([HUATING, (107.0, 35.0)]))
    assert (rows(step, np.array([HUATING])) == many[:1]).all()


def test_bounds_of_a_box_follow_its_curved_sides() -> None:
    west, south, east, north = lonlat_bounds(ZONE, (200_000, 3_880_000, 400_000, 3_900_000))
    corner = to_lonlat(ZONE, np.array([[200_000.0, 3_880_000.0], [400_000.0, 3_880_000.0]]))
    assert west <= corner[:, 0].min()
    assert east >= corner[:, 0].max()
    assert south == pytest.approx(corner[:, 1].min(), abs=1e-3)
    assert north > south + 0.17


@pytest.mark.parametrize(
    ("crs", "box", "said"),
    [
        ("EPSG:4326", (377000, 3899000, 378000, 3900000), "no degrees"),
        ("EPSG:4326", (179.0, 0.0, 181.0, 1.0), "180° meridian"),
        ("EPSG:32660", (800_000, 0, 1_000_000, 10_000), "180° meridian"),
        ("+proj=longlat +a=1737400 +b=1737400", (0, 0, 1, 1), "another celestial body"),
    ],
)
def test_a_box_that_cannot_be_placed_is_refused(
    crs: str, box: tuple[float, float, float, float], said: str
) -> None:
    with pytest.raises(CrsError, match=said):
        lonlat_bounds(resolve(crs).crs, box)


def test_longitudes_of_0_to_360_are_brought_home() -> None:
    box = lonlat_bounds(resolve("EPSG:4326").crs, (241.0, 34.0, 242.0, 35.0))
    assert box == (-119.0, 34.0, -118.0, 35.0)
