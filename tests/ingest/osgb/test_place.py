"""Every vertex of the output lies within a millimetre of where PROJ puts that of the input."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from pyproj import Transformer

from cim.city import Bounds
from cim.errors import CrsError, OutsideCityError
from cim.geo.frames import lonlat_height
from cim.geo.heights import GridGeoid, Heights
from cim.ingest.sources.osgb import OsgbSource
from cim.ingest.sources.osgb.metadata import Georeference
from cim.ingest.sources.osgb.place import Placement
from tests.ingest.osgb.scenes import (
    ORIGIN,
    Run,
    city,
    delivery,
    mesh,
    metadata,
    paged,
    request,
    run,
    sheet,
)
from tests.ingest.osgb.writer import Draw, Geode, Shape

T = "Tile_+000_+000"
WIDE = city(Bounds(100, 20, 120, 50))


def cloud(size: float, far: float = 0.0) -> Shape:
    points = np.random.default_rng(3).uniform(-size / 2, size / 2, (300, 3))
    points[:, 2] = points[:, 2] / size * min(size, 200)
    points[:, :2] += far
    return Shape(points.astype(np.float32), [Draw(lengths=[300])])


def placed(result: Run) -> Any:
    """ECEF of the output's vertices, as a viewer computes them, in the order of the input."""
    matrix = np.array(result.tileset()["transform"]).reshape(4, 4).T
    stored = mesh(result.files()[0])[0]["positions"].astype(np.float64)
    z_up = stored[:, [0, 2, 1]] * (1, -1, 1)
    return z_up @ matrix[:3, :3].T + matrix[:3, 3]


def expected(points: Any, crs: str, n: float = -36.0) -> Any:
    """By PROJ alone, nothing of ours: projected to geodetic to geocentric."""
    x, y, h = (points.astype(np.float64) + ORIGIN).T
    to_geodetic = Transformer.from_crs(crs, "EPSG:4490", always_xy=True)
    lon, lat = to_geodetic.transform(x, y)
    to_ecef = Transformer.from_crs("EPSG:4979", "EPSG:4978", always_xy=True)
    return np.stack(to_ecef.transform(lon, lat, h + n), axis=1)


def ran(tmp_path: Path, shape: Shape, **more: Any) -> Run:
    folder = delivery(tmp_path / "in", {f"{T}/{T}.osgb": Geode([shape])})
    result = run(folder, staging=tmp_path / "out", where=WIDE, **more)
    assert result.errors == []
    return result


@pytest.mark.parametrize("crs", ["EPSG:4545", "EPSG:4544", "EPSG:32648"])
@pytest.mark.parametrize(
    ("size", "way"), [(70.0, "affine"), (250.0, "curved"), (1500.0, "curved"), (9000.0, "exact")]
)
def test_vertices_lie_within_a_millimetre(tmp_path: Path, crs: str, size: float, way: str) -> None:
    shape = cloud(size)
    result = ran(tmp_path, shape, crs=crs)
    away = np.linalg.norm(placed(result) - expected(shape.vertices, crs), axis=1)
    assert away.max() < 0.001
    assert result.built[0].facts["placed"] == way


def test_children_that_reach_far_beyond_their_root_are_placed_exactly(tmp_path: Path) -> None:
    far = cloud(4000.0)
    folder = delivery(
        tmp_path / "in",
        {f"{T}/{T}.osgb": paged(["a.osgb"], sheet()), f"{T}/a.osgb": Geode([far])},
    )
    result = run(folder, staging=tmp_path / "out", where=WIDE)
    assert result.errors == []
    assert result.files()[1].name == "a.glb"
    matrix = np.array(result.tileset()["transform"]).reshape(4, 4).T
    stored = mesh(result.files()[1])[0]["positions"].astype(np.float64)
    here = stored[:, [0, 2, 1]] * (1, -1, 1) @ matrix[:3, :3].T + matrix[:3, 3]
    away = np.linalg.norm(here - expected(far.vertices, "EPSG:4545"), axis=1)
    assert away.max() < 0.001


def test_ellipsoidal_heights_are_taken_as_they_are(tmp_path: Path) -> None:
    shape = cloud(50.0)
    result = ran(tmp_path, shape, heights=Heights.ELLIPSOIDAL)
    away = np.linalg.norm(placed(result) - expected(shape.vertices, "EPSG:4545", 0.0), axis=1)
    assert away.max() < 0.001
    assert result.product.heights is not None
    assert result.product.heights[1] == pytest.approx(1425 + 36, abs=0.5)


def test_reported_heights_are_orthometric(tmp_path: Path) -> None:
    result = ran(tmp_path, cloud(50.0))
    assert result.product.heights == pytest.approx((1375, 1425), abs=0.5)


@pytest.mark.parametrize("origin", ["0,0,0", "-958,-993,69"])
def test_an_enu_delivery_stands_on_its_tangent_plane(tmp_path: Path, origin: str) -> None:
    shape = cloud(300.0)
    folder = delivery(tmp_path / "in", {f"{T}/{T}.osgb": Geode([shape])})
    metadata(folder, "ENU:35.22,106.65", origin)
    result = run(folder, staging=tmp_path / "out")
    assert result.errors == []
    pipeline = Transformer.from_pipeline(
        "+proj=pipeline +step +inv +proj=topocentric +ellps=WGS84 +lon_0=106.65 +lat_0=35.22 "
        "+h_0=-36"
    )
    shifted = shape.vertices.astype(np.float64) + [float(v) for v in origin.split(",")]
    truth = np.stack(pipeline.transform(*shifted.T), axis=1)
    assert np.linalg.norm(placed(result) - truth, axis=1).max() < 0.001
    assert result.built[0].facts["placed"] == "affine"


def test_a_coarse_float_step_is_reported(tmp_path: Path) -> None:
    result = ran(tmp_path, cloud(50.0, far=40000.0))
    assert any("their own step is 4 mm" in w.reason for w in result.warnings)
    assert not any("their own step" in w.reason for w in ran(tmp_path / "b", cloud(50)).warnings)


def test_a_delivery_outside_of_the_city_is_refused_with_both_extents(tmp_path: Path) -> None:
    folder = delivery(tmp_path / "in", {f"{T}/{T}.osgb": Geode([sheet()])})
    metadata(folder, "EPSG:4547")
    asked = request(folder)
    plan = OsgbSource().plan(asked)
    with pytest.raises(OutsideCityError, match=r"112\.6.*106\.5"):
        OsgbSource().build(plan.parcels[0], plan, asked, tmp_path / "out")


def test_a_zone_prefixed_easting_in_a_plain_zone_lies_nowhere(tmp_path: Path) -> None:
    folder = delivery(tmp_path / "in", {f"{T}/{T}.osgb": Geode([sheet()])})
    metadata(folder, "EPSG:4545", "36377000,3900000,1400")
    asked = request(folder)
    plan = OsgbSource().plan(asked)
    with pytest.raises((CrsError, OutsideCityError)):
        OsgbSource().build(plan.parcels[0], plan, asked, tmp_path / "out")


def test_a_zone_outside_of_its_area_of_use_is_reported(tmp_path: Path) -> None:
    folder = delivery(tmp_path / "in", {f"{T}/{T}.osgb": Geode([sheet()])})
    metadata(folder, "EPSG:4544", "650000,3900000,1400")  # 106.65E in the zone of 105E
    result = run(folder, staging=tmp_path / "out")
    assert any("outside of the area" in w.reason for w in result.warnings)


def test_an_enu_delivery_follows_the_geoid_away_from_its_tangent_point() -> None:
    """N falls by 1 m per 0.01° to the east; 3 km away the height must tell."""
    geoid = GridGeoid(106.0, 35.0, (1.0, 1.0), np.array([[0.0, -100.0], [0.0, -100.0]]))
    here = replace(city(), geoid=geoid)
    place = Georeference(resolved=None, enu=(35.22, 106.65), origin=(0.0, 0.0, 0.0))
    placement = Placement(place, here, Heights.ORTHOMETRIC)
    points = np.array([[0.0, 0, 10], [3000.0, 500, 10]])
    placed = placement.ecef(points)
    lon, _, height = lonlat_height(placed).T
    fall = (lon[1] - lon[0]) * -100.0
    curved = (3000.0**2 + 500**2) / 2 / 6_371_000
    assert height[0] == pytest.approx(10 - 65.0, abs=1e-6)
    assert height[1] - height[0] == pytest.approx(fall + curved, abs=0.02)
    np.testing.assert_allclose(placement.local(placed), points, atol=1e-3)
    np.testing.assert_allclose(placement.affine(points[1])[:3, 3], placed[1], atol=1e-6)
