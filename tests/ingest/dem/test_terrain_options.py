"""Water masks and metadata in the tiles, where they are asked for."""

from __future__ import annotations

import json
from pathlib import Path

import geopandas as gpd
import numpy as np
import pytest
import shapely

from cim.catalog import registry
from cim.errors import InputError, NotFoundError, ParameterError
from cim.ingest.report import Report
from cim.installation import Installation
from cim.layers import Geometry, Kind, Layer
from cim.store.database import ready
from cim.tiles.check import check
from cim.tiles.terrain.reader import DecodedTile, decode
from tests.delivered import NORTH, WEST, deliver, hills, lonlat, raster

pytestmark = pytest.mark.db
LAKE = shapely.box(WEST + 600, NORTH - 1200, WEST + 1400, NORTH - 500)
WATER = Layer(id="test.lake", title="湖", kind=Kind.VECTOR, geometry=Geometry.POLYGON)


def lake(path: Path, shape: shapely.Geometry = LAKE) -> Path:
    gpd.GeoDataFrame(geometry=[shape], crs=4545).to_file(path)
    return path


def tiles(here: Installation, report: Report) -> dict[tuple[int, int, int], DecodedTile]:
    assert report.version is not None
    root = here.files.version(report.layer, report.version)
    found = {}
    for path in root.glob("*/*/*.terrain"):
        z, x, y = (int(v) for v in path.relative_to(root).with_suffix("").parts)
        found[z, x, y] = decode(path.read_bytes())
    return found


def water_at(found: dict[tuple[int, int, int], DecodedTile], z: int, x: float, y: float) -> int:
    """The mask at a place, of a level's tile: 0 or 255."""
    (lon, _), (lat, _) = lonlat(np.array([x, x]), np.array([y, y]))
    across, up = (lon + 180) / 180 * 2**z, (lat + 90) / 180 * 2**z
    mask = found[z, int(across), int(up)].extensions[2]
    if len(mask) == 1:
        return mask[0]
    column, row = int(across % 1 * 256), 255 - int(up % 1 * 256)
    return mask[row * 256 + column]


@pytest.mark.parametrize("given", ["file", "layer"])
def test_the_water_mask_shows_the_lake_where_it_lies(
    given: str, installation: Installation, tmp_path: Path
) -> None:
    path = lake(tmp_path / "lake.gpkg")
    if given == "layer":
        with ready(installation.engine) as connection:
            registry.register(connection, [WATER], "file")
            connection.commit()
        deliver(installation, path, WATER.id, WATER)
    name = WATER.id if given == "layer" else str(path)
    dem = raster(tmp_path / "dem.tif", hills())
    report = deliver(installation, dem, "test.dem", options={"water": name}, workers=2)
    found = tiles(installation, report)
    assert all(len(tile.extensions[2]) in {1, 65536} for tile in found.values())
    for z in (13, 14, 15):
        for dx, dy in ((100, 100), (700, 100), (100, 600), (700, 600), (400, 350)):
            assert water_at(found, z, WEST + 600 + dx, NORTH - 500 - dy) == 255
        for dx, dy in ((-60, 350), (860, 350), (400, -60), (400, 760)):
            assert water_at(found, z, WEST + 600 + dx, NORTH - 500 - dy) == 0
    folder = installation.files.version("test.dem", 1)
    told = json.loads((folder / "layer.json").read_text())
    assert told["extensions"] == ["octvertexnormals", "watermask"]
    assert fault_free(folder)
    again = deliver(installation, dem, "test.dem", options={"water": name})
    assert again.unchanged


def test_a_lake_that_grows_writes_only_the_tiles_it_touches(
    installation: Installation, tmp_path: Path
) -> None:
    dem = raster(tmp_path / "dem.tif", hills(900, 900))
    path = lake(tmp_path / "lake.gpkg")
    options = {"water": str(path)}
    deliver(installation, dem, "test.dem", options=options)
    lake(path, LAKE.buffer(50))
    second = deliver(installation, dem, "test.dem", options=options)
    assert second.version == 2
    old, new = (installation.files.version("test.dem", n) for n in (1, 2))
    names = [p.relative_to(new) for p in new.glob("15/*/*.terrain")]
    kept = [n for n in names if (old / n).stat().st_ino == (new / n).stat().st_ino]
    assert len(kept) > 0.6 * len(names)
    assert any((old / n).read_bytes() != (new / n).read_bytes() for n in names if n not in kept)


@pytest.mark.parametrize(
    ("name", "error", "said"),
    [
        ("test.nowhere", NotFoundError, "test.nowhere is not published"),
        ("/no/such/file.gpkg", InputError, "neither a file nor a layer"),
        ("test.ground", ParameterError, "test.ground is no vector layer"),
    ],
)
def test_water_that_is_not_there_is_named(
    name: str, error: type[InputError], said: str, installation: Installation, tmp_path: Path
) -> None:
    dem = raster(tmp_path / "dem.tif", hills(60, 60))
    deliver(installation, dem, "test.ground")
    with pytest.raises(error, match=said):
        deliver(installation, dem, "test.dem", options={"water": name})


def test_tiles_tell_of_their_children_only_when_asked(
    installation: Installation, tmp_path: Path
) -> None:
    dem = raster(tmp_path / "dem.tif", hills())
    plain = tiles(installation, deliver(installation, dem, "test.dem"))
    assert all(4 not in tile.extensions for tile in plain.values())
    report = deliver(installation, dem, "test.told", options={"metadata": "true"})
    found = tiles(installation, report)
    folder = installation.files.version("test.told", 1)
    told = json.loads((folder / "layer.json").read_text())
    assert told["metadataAvailability"] == 1
    assert told["extensions"] == ["octvertexnormals", "metadata"]
    assert fault_free(folder)
    parents = 0
    for (z, x, y), tile in found.items():
        children = json.loads(tile.extensions[4][4:])["available"][0]
        announced = {
            (z + 1, cx, cy)
            for box in children
            for cx in range(box["startX"], box["endX"] + 1)
            for cy in range(box["startY"], box["endY"] + 1)
        }
        true = {(z + 1, 2 * x + i, 2 * y + j) for i in (0, 1) for j in (0, 1)} & found.keys()
        assert announced == true
        parents += bool(true)
    assert parents > 5


def fault_free(folder: Path) -> bool:
    """Whether ``cim check`` finds nothing at all, gaps included."""
    return not any(look.errors for look in check(folder, strict=True).looks)
