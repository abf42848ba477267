"""Buildings and clouds through the pipeline: on the published ground, known again, rolled on."""

from __future__ import annotations

from pathlib import Path

import geopandas as gpd
import numpy as np
import pytest
from shapely.geometry import box

from cim.errors import ParameterError
from cim.ingest.report import Exit
from cim.installation import Installation
from cim.layers import Kind, Layer
from tests.delivered import NORTH, WEST, deliver, hills, raster
from tests.ingest.points.las import surface
from tests.ingest.points.las import write as write_las

pytestmark = pytest.mark.db

MODEL = Layer(id="test.model", title="白模", kind=Kind.MESH)
CLOUD = Layer(id="test.cloud", title="点云", kind=Kind.POINTS)
GROUND = Layer(id="test.dem", title="高程", kind=Kind.TERRAIN)


def town(path: Path, height: float) -> Path:
    shapes = [box(WEST + 300 + 50 * i, NORTH - 900, WEST + 330 + 50 * i, NORTH - 880)
              for i in range(6)]  # fmt: skip
    columns = {"编号": [f"B{i}" for i in range(6)], "高度": [height + i for i in range(6)]}
    gpd.GeoDataFrame(columns, geometry=shapes, crs=4545).to_file(path)
    return path


def test_buildings_stand_on_the_published_ground_and_a_new_ground_moves_them(
    installation: Installation, tmp_path: Path
) -> None:
    path = town(tmp_path / "a.gpkg", 12.0)
    with pytest.raises(ParameterError, match="no elevation model is published"):
        deliver(installation, path, MODEL.id, MODEL)
    deliver(installation, raster(tmp_path / "dem.tif", hills()), GROUND.id, GROUND)
    first = deliver(installation, path, MODEL.id, MODEL)
    assert first.exit is Exit.PUBLISHED
    assert [c.errors for c in first.checks if c.errors] == []
    again = deliver(installation, path, MODEL.id, MODEL)
    assert (again.version, again.unchanged) == (1, True)
    higher = raster(tmp_path / "dem2.tif", hills() + np.float32(40))
    deliver(installation, higher, GROUND.id, GROUND)
    moved = deliver(installation, path, MODEL.id, MODEL)
    assert moved.version == 2


def test_an_undeclared_cloud_is_declared_and_known_again(
    installation: Installation, tmp_path: Path
) -> None:
    path = write_las(tmp_path / "a.laz", surface(2_000))
    first = deliver(installation, path, CLOUD.id)
    assert first.exit is Exit.PUBLISHED
    assert first.counts["points"] == 2_000
    assert deliver(installation, path, CLOUD.id).unchanged


def test_one_bad_cloud_among_good_ones_leaves_exit_code_three(
    installation: Installation, tmp_path: Path
) -> None:
    good = write_las(tmp_path / "a.las", surface(500))
    bad = tmp_path / "b.las"
    bad.write_bytes(good.read_bytes()[:2_000])
    report = deliver(installation, [good, bad], CLOUD.id, CLOUD, workers=2)
    assert report.exit is Exit.PARTLY
    assert [Path(p.path).name for p in report.refused] == ["b.las"]
