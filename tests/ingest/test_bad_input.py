"""Bad deliveries as a data office meets them: what the command says, and what is served after it.

What each reader makes of each fault is proved beside the reader; a full disk, a database that is
down and a taken port are proved with the pipeline and the store.
"""

from __future__ import annotations

import subprocess
from collections.abc import Callable
from pathlib import Path

import geopandas as gpd
import numpy as np
import pytest
import rasterio
import shapely
from PIL import Image
from shapely.geometry import LineString, Polygon, box

from cim.catalog import registry
from cim.installation import Installation
from cim.layers import Field, Geometry, Kind, Layer
from cim.store.database import ready
from tests.commands import cim
from tests.delivered import NORTH, WEST, deliver, hills, raster
from tests.ingest.osgb import scenes
from tests.ingest.osgb.writer import Geode, Writer

pytestmark = pytest.mark.db
BUILDING = Layer(
    id="test.it", title="建筑", kind=Kind.VECTOR, geometry=Geometry.POLYGON,
    fields=(Field(name="name", title="名称", required=True),),
)  # fmt: skip
X, Y = 377_000.0, 3_899_000.0


def mesh(folder: Path, *, srs: str | None = "EPSG:4545", tiles: int = 2) -> Path:
    scenes.delivery(
        folder,
        {f"Tile_{i}/Tile_{i}.osgb": Geode([scenes.sheet(30.0 * i)]) for i in range(tiles)},
    )
    if srs is None:
        (folder / "metadata.xml").unlink()
    else:
        scenes.metadata(folder, srs)
    return folder


def rewritten(folder: Path, old: str, new: str) -> Path:
    path = mesh(folder) / "metadata.xml"
    path.write_text(path.read_text("utf-8").replace(old, new), "utf-8")
    return folder


def only(folder: Path, data: bytes) -> Path:
    (mesh(folder, tiles=1) / "Data" / "Tile_0" / "Tile_0.osgb").write_bytes(data)
    return folder


def gcps(path: Path) -> Path:
    points = [
        rasterio.control.GroundControlPoint(r, c, WEST + c, NORTH - r)
        for r in (0, 90) for c in (0, 90)
    ]  # fmt: skip
    path.parent.mkdir(parents=True, exist_ok=True)
    with rasterio.open(
        path, "w", driver="GTiff", dtype="uint8", count=3, width=90, height=90, gcps=points,
        crs="EPSG:4545",
    ) as image:  # fmt: skip
        image.write(np.full((3, 90, 90), 90, np.uint8))
    return path


def bare(path: Path) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(np.full((90, 90, 3), 90, np.uint8)).save(path)
    return path


def vector(path: Path, column: str, shapes: list[shapely.Geometry]) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    names = [f"楼{i}" for i in range(len(shapes))]
    gpd.GeoDataFrame({column: names}, geometry=shapes, crs=4545).to_file(path, encoding="UTF-8")
    return path


def unplaced(path: Path) -> Path:
    vector(path, "name", [square()]).with_suffix(".prj").unlink()
    return path


def square(east: float = 0.0) -> Polygon:
    return box(X + east, Y, X + east + 20, Y + 20)


GOOD: dict[Kind, Callable[[Path], Path]] = {
    Kind.MESH: mesh,
    Kind.TERRAIN: lambda at: raster(at / "a.tif", hills(50, 50)),
    Kind.IMAGERY: lambda at: raster(at / "a.tif", np.full((3, 90, 90), 90, np.uint8), cell=0.5),
    Kind.VECTOR: lambda at: vector(at / "a.gpkg", "name", [square()]),
}


def publish(here: Installation, kind: Kind, folder: Path) -> None:
    """Version 1 of the layer, from a good delivery."""
    layer = BUILDING if kind is Kind.VECTOR else Layer(id="test.it", title="它", kind=kind)
    with ready(here.engine) as connection:
        registry.register(connection, [layer], "file")
        connection.commit()
    assert deliver(here, GOOD[kind](folder), "test.it", layer).version == 1


def served(here: Installation) -> int:
    with ready(here.engine) as connection:
        return registry.published(connection, "test.it").version


def ingest(
    environment: dict[str, str], path: Path, *more: object
) -> subprocess.CompletedProcess[str]:
    done = cim(environment, "ingest", path, "--layer", "test.it", "--workers", 1, *more)
    assert "Traceback" not in done.stderr
    return done


CUSTOM = 'LOCAL_CS["矿区独立坐标系",UNIT["metre",1]]'
M, T, I, V = Kind.MESH, Kind.TERRAIN, Kind.IMAGERY, Kind.VECTOR  # noqa: E741
NOTHING: dict[str, tuple[Kind, Callable[[Path], Path], str, str]] = {
    "metadata missing": (M, lambda p: mesh(p, srs=None), "there is no metadata.xml", "--origin"),
    "metadata malformed": (M, lambda p: rewritten(p, "</SRS>", ""), "not well-formed XML", "--crs"),
    "metadata without SRS": (
        M, lambda p: rewritten(p, "<SRS>EPSG:4545</SRS>", ""), "give no SRS", "--crs EPSG:4545",
    ),
    "CRS unknown": (M, lambda p: mesh(p, srs="EPSG:999999"), "EPSG:999999", "--crs"),
    "CRS custom": (M, lambda p: mesh(p, srs=CUSTOM), "矿区独立坐标系", "--crs"),
    "only tile of zero bytes": (M, lambda p: only(p, b""), "zero bytes", "again"),
    "only tile garbage": (M, lambda p: only(p, bytes(range(256))), "not an OSGB file", "again"),
    "DEM without CRS": (
        T, lambda p: raster(p / "a.tif", hills(), crs=None), "does not say its coordinate", "--crs",
    ),
    "picture without CRS": (
        I, lambda p: raster(p / "a.tif", np.full((3, 9, 9), 9, np.uint8), cell=0.5, crs=None),
        "does not say its coordinate", "--crs EPSG:4545",
    ),
    "picture with GCPs only": (
        I, lambda p: gcps(p / "a.tif"), "4 ground control points but no georef", "gdalwarp",
    ),
    "picture without georeference": (
        I, lambda p: bare(p / "a.tif"), "neither origin nor cell size", ".tfw",
    ),
    "picture of nothing": (
        I, lambda p: raster(p / "a.tif", np.zeros((3, 9, 9), np.uint8), cell=0.5, nodata=0),
        "nothing but nodata", "deliver a sheet with a picture",
    ),
    "DEM of nothing": (
        T, lambda p: raster(p / "a.tif", np.full((9, 9), np.nan, np.float32)),
        "no cell of it has a height", "nodata",
    ),
    "field missing": (V, lambda p: vector(p / "a.gpkg", "code", [square()]), "名称", "name"),
    "vector without CRS": (
        V, lambda p: unplaced(p / "a.shp"), "does not say its coordinate", "--crs",
    ),
}  # fmt: skip


@pytest.mark.parametrize("fault", list(NOTHING))
def test_a_delivery_that_cannot_be_used_ends_in_two_lines_and_the_last_version_stays(
    fault: str, installation: Installation, environment: dict[str, str], tmp_path: Path
) -> None:
    kind, make, reason, remedy = NOTHING[fault]
    publish(installation, kind, tmp_path / "good")
    folder = tmp_path / "bad"
    folder.mkdir()
    done = ingest(environment, make(folder))
    assert done.returncode == 2, done.stderr
    error, advice = done.stderr.strip().splitlines()[-2:]
    assert error.startswith(f"error: {folder}")
    assert reason in error
    assert advice.startswith("remedy: ")
    assert remedy in advice
    assert served(installation) == 1


def cut(path: Path) -> None:
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


def cyclic(path: Path) -> None:
    Writer().write(path, scenes.paged([path.name], scenes.sheet()))


def leaving(path: Path) -> None:
    Writer().write(path, scenes.paged(["../../../secret.osgb"], scenes.sheet()))
    Writer().write(path.parents[3] / "secret.osgb", Geode([scenes.sheet()]))


PARTLY: dict[str, tuple[Callable[[Path], object], str]] = {
    "truncated": (cut, "offset"),
    "zero bytes": (lambda p: p.write_bytes(b""), "zero bytes"),
    "garbage": (lambda p: p.write_bytes(b"\x89PNG" * 40), "not an OSGB file"),
    "child outside": (leaving, "secret.osgb"),
    "cycle": (cyclic, "Tile_1.osgb"),
}


@pytest.mark.parametrize("fault", list(PARTLY))
def test_a_bad_mesh_tile_is_refused_by_name_and_the_others_are_published(
    fault: str, installation: Installation, environment: dict[str, str], tmp_path: Path
) -> None:
    publish(installation, Kind.MESH, tmp_path / "good")
    spoil, reason = PARTLY[fault]
    folder = mesh(tmp_path / "bad" / "in", tiles=3)
    bad = folder / "Data" / "Tile_1" / "Tile_1.osgb"
    spoil(bad)
    done = ingest(environment, folder)
    assert done.returncode == 3, done.stderr
    told = [line for line in done.stderr.splitlines() if line.startswith("refused: ")]
    assert len(told) == 1
    assert str(bad) in told[0]
    assert reason in told[0]
    assert " → " in told[0]
    assert served(installation) == 2
    glbs = installation.files.version("test.it", 2).rglob("*.glb")
    others = {p.parent.name for p in glbs} | {p.stem for p in glbs}
    assert len(others) >= 2


def test_a_bad_vector_file_is_refused_by_name_and_the_others_are_published(
    installation: Installation, environment: dict[str, str], tmp_path: Path
) -> None:
    publish(installation, Kind.VECTOR, tmp_path / "good")
    vector(tmp_path / "d" / "a.gpkg", "name", [square(), square(50)])
    (tmp_path / "d" / "b.geojson").write_text('{"type": "FeatureCollection", "features": [')
    done = ingest(environment, tmp_path / "d")
    assert done.returncode == 3, done.stderr
    told = next(line for line in done.stderr.splitlines() if line.startswith("refused: "))
    assert str(tmp_path / "d" / "b.geojson") in told
    assert " → " in told
    assert served(installation) == 2


def test_what_is_mended_or_left_out_is_counted_by_name_and_the_rest_published(
    installation: Installation, environment: dict[str, str], tmp_path: Path
) -> None:
    publish(installation, Kind.VECTOR, tmp_path / "good")
    tie = Polygon([(X, Y), (X + 20, Y + 20), (X + 20, Y), (X, Y + 20)])
    line = LineString([(X, Y), (X + 9, Y)])
    path = vector(tmp_path / "d" / "a.gpkg", "名称", [square(60), tie, line])
    done = ingest(environment, path)
    assert done.returncode == 3, done.stderr  # the line is lost
    told = [s for s in done.stderr.splitlines() if str(path) in s]
    assert any("repaired" in s for s in told), done.stderr
    assert any("1 features: not of the declared geometry Polygon" in s for s in told), done.stderr
    assert served(installation) == 2
    with ready(installation.engine) as connection:
        found = connection.exec_driver_sql('select name from "test".it order by name').scalars()
        assert found.all() == ["楼0", "楼1"]


def test_a_dem_with_gaps_of_every_kind_in_degrees_is_published_and_told(
    installation: Installation, environment: dict[str, str], tmp_path: Path
) -> None:
    publish(installation, Kind.TERRAIN, tmp_path / "good")
    heights = hills(60, 60)
    heights[3:6, 3:6], heights[20:24, 20:24], heights[40:44, 9:12] = np.nan, -9999.0, -32767.0
    path = raster(tmp_path / "d.tif", heights, cell=1.5e-4, west=106.64, north=35.23,
                  crs="EPSG:4490", nodata=-32767.0)  # fmt: skip
    done = ingest(environment, path)
    assert done.returncode == 0, done.stderr
    told = [s for s in done.stderr.splitlines() if s.startswith("warning: ") and str(path) in s]
    assert any("-9999" in s for s in told), done.stderr
    assert any("degrees" in s or "EPSG:4545" in s or "CGCS2000" in s for s in told), done.stderr
    with rasterio.open(installation.files.version("test.it", 2) / "models/0.tif") as image:
        assert np.nanmin(image.read(1)) > 1300
