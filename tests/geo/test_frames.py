"""One affine per tile is as good as placing every vertex."""

from __future__ import annotations

import numpy as np
import pytest
from pyproj import CRS, Transformer

from cim.geo.frames import ecef, enu_matrix, lonlat_height, tile_affine
from cim.geo.heights import ConstantGeoid, GridGeoid, Heights

ZONE = CRS.from_epsg(4545)
GEOID = ConstantGeoid(-36.0)


def pyproj_ecef(xyz: np.ndarray, lift: float) -> np.ndarray:
    step = Transformer.from_crs("EPSG:4545", "EPSG:4978", always_xy=True)
    lon, lat = Transformer.from_crs("EPSG:4545", "EPSG:4326", always_xy=True).transform(
        xyz[:, 0], xyz[:, 1]
    )
    del step
    to = Transformer.from_crs("EPSG:4979", "EPSG:4978", always_xy=True)
    return np.stack(to.transform(lon, lat, xyz[:, 2] + lift), axis=1)


@pytest.mark.parametrize("heights", list(Heights))
def test_an_affine_is_within_a_millimetre_over_a_tile_of_100_m(heights: Heights) -> None:
    centre = np.array([377_000.0, 3_899_000.0, 1450.0])
    matrix = tile_affine(ZONE, centre, GEOID, heights)
    local = np.random.default_rng(1).uniform(-50, 50, (500, 3))
    placed = local @ matrix[:3, :3].T + matrix[:3, 3]
    lift = -36.0 if heights is Heights.ORTHOMETRIC else 0.0
    wrong = np.linalg.norm(placed - pyproj_ecef(local + centre, lift), axis=1)
    assert wrong.max() < 1e-3


def test_an_affine_does_not_mirror() -> None:
    matrix = tile_affine(ZONE, np.array([377_000.0, 3_899_000.0, 0.0]), GEOID, Heights.ELLIPSOIDAL)
    assert np.linalg.det(matrix[:3, :3]) == pytest.approx(1.0, abs=1e-3)


def test_exact_places_agree_with_pyproj() -> None:
    points = np.random.default_rng(2).uniform(
        [370_000, 3_890_000, 1300], [390_000, 3_910_000, 2000], (100, 3)
    )
    wrong = ecef(ZONE, points, GEOID, Heights.ORTHOMETRIC) - pyproj_ecef(points, -36.0)
    assert np.abs(wrong).max() < 1e-5


def test_a_geoid_that_tilts_tilts_the_affine() -> None:
    tilted = GridGeoid(106.0, 35.0, (1.0, 1.0), np.array([[-36.0, -35.0], [-36.0, -35.0]]))
    centre = np.array([377_000.0, 3_899_000.0, 0.0])
    matrix = tile_affine(ZONE, centre, tilted, Heights.ORTHOMETRIC)
    point = np.array([[40.0, 30.0, 5.0]])
    placed = point @ matrix[:3, :3].T + matrix[:3, 3]
    exact = ecef(ZONE, point + centre, tilted, Heights.ORTHOMETRIC)
    assert np.linalg.norm(placed - exact) < 1e-3


def test_east_north_up_is_rigid_and_points_up() -> None:
    matrix = enu_matrix(106.65, 35.22, 1400.0)
    assert matrix[:3, :3] @ matrix[:3, :3].T == pytest.approx(np.eye(3), abs=1e-12)
    above = matrix @ np.array([0.0, 0.0, 100.0, 1.0])
    assert lonlat_height(above[None, :3])[0] == pytest.approx((106.65, 35.22, 1500.0), abs=1e-6)
