"""Elevation models as they come: gaps, units, CRS, sheets that do not agree."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
import rasterio
from affine import Affine
from rasterio.warp import Resampling, reproject

from cim.catalog import elevation, registry
from cim.city import Bounds, City
from cim.errors import CrsError, FormatError, InputError, OutsideCityError
from cim.geo.crs import CGCS2000, resolve, transformer
from cim.geo.heights import Heights
from cim.ingest.report import Exit, Report
from cim.installation import Installation
from cim.store.database import ready
from cim.tiles.terrain.reader import FULL, decode, faults, gap
from tests.delivered import NORTH, WEST, deliver, hills, lonlat, raster, refusals, warnings

pytestmark = pytest.mark.db
Grid = npt.NDArray[Any]


def folder(here: Installation, report: Report) -> Path:
    assert report.version is not None
    return here.files.version(report.layer, report.version)


def stored(here: Installation, report: Report) -> Grid:
    with rasterio.open(folder(here, report) / "models/0.tif") as image:
        return np.asarray(image.read(1))


def test_heights_arrive_as_they_were_delivered(installation: Installation, tmp_path: Path) -> None:
    ground = hills()
    report = deliver(installation, raster(tmp_path / "a.tif", ground), "test.dem")
    assert report.exit is Exit.PUBLISHED
    assert (stored(installation, report) == ground).all()
    assert [c.name for c in report.checks if c.errors] == []
    figures = {c.name: c.figures for c in report.checks}
    assert figures.keys() >= {"sheet seams", "terrain tiles", "terrain pits"}
    assert figures["terrain seams"] == {"worst_gap_m": 0.0}
    assert figures["terrain heights"]["worst_m"] <= figures["terrain heights"]["bound_m"] == 0.5
    assert sorted(p.name for p in folder(installation, report).iterdir())[-2:] == [
        "layer.json", "models",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("value", "declared", "said"),
    [
        (-9999.0, -9999.0, "36 cells are nodata or NaN"),
        (np.nan, None, "36 cells are nodata or NaN"),
        (np.nan, np.nan, "36 cells are nodata or NaN"),
        (-9999.0, None, "36 cells hold heights that do not exist (-9999)"),
        (-32768.0, None, "36 cells hold heights that do not exist (-32768)"),
        (3.4e38, None, "36 cells hold heights that do not exist (3.4e+38)"),
        (1e38, -9999.0, "36 cells hold heights that do not exist (1e+38)"),
        (0.0, None, "36 cells are exactly 0 m among heights above"),
    ],
)
def test_every_way_to_say_unknown_is_told_and_never_becomes_a_pit(
    value: float, declared: float | None, said: str, installation: Installation, tmp_path: Path
) -> None:
    ground = hills()
    low = float(ground.min())
    ground[40:46, 60:66] = value
    path = raster(tmp_path / "a.tif", ground, nodata=declared)
    report = deliver(installation, path, "test.dem")
    assert said in warnings(report)
    assert "36 cells without height were filled" in warnings(report)
    assert report.counts["cells_without_height"] == 36
    assert np.isnan(stored(installation, report)[40:46, 60:66]).all()
    assert np.isfinite(stored(installation, report)).sum() == ground.size - 36
    for tile in folder(installation, report).glob("*/*/*.terrain"):
        assert decode(tile.read_bytes()).heights.min() > low - 36.0 - 1.0


def test_zero_is_a_height_near_the_sea(installation: Installation, tmp_path: Path) -> None:
    ground = hills() - 1490.0
    ground[0, 0] = 0.0
    report = deliver(installation, raster(tmp_path / "a.tif", ground), "test.dem")
    assert stored(installation, report)[0, 0] == 0.0


def test_a_sheet_that_knows_no_height_is_refused(
    installation: Installation, tmp_path: Path
) -> None:
    path = raster(tmp_path / "a.tif", np.full((50, 50), np.nan, np.float32))
    with pytest.raises(InputError, match="no cell of it has a height"):
        deliver(installation, path, "test.dem")


@pytest.mark.parametrize(("unit", "metres"), [("ft", 0.3048), ("US survey foot", 1200 / 3937)])
def test_feet_become_metres_and_it_is_told(
    unit: str, metres: float, installation: Installation, tmp_path: Path
) -> None:
    ground = hills()
    path = raster(tmp_path / "a.tif", (ground / metres).astype(np.float32), unit=unit)
    report = deliver(installation, path, "test.dem")
    assert "converted to metres" in warnings(report)
    assert np.abs(stored(installation, report) - ground).max() < 0.001


def test_whole_centimetres_with_scale_and_offset_are_heights(
    installation: Installation, tmp_path: Path
) -> None:
    ground = hills()
    path = raster(tmp_path / "a.tif", ((ground - 1000) * 100).round().astype(np.int32))
    with rasterio.open(path, "r+") as image:
        image.scales, image.offsets = (0.01,), (1000.0,)
    report = deliver(installation, path, "test.dem")
    assert np.abs(stored(installation, report) - ground).max() < 0.006


def test_degrees_are_brought_into_the_citys_zone(
    installation: Installation, tmp_path: Path
) -> None:
    ground = hills()
    step = 15 / 111_000
    path = raster(
        tmp_path / "a.tif", ground, crs="EPSG:4326",
        transform=Affine(step, 0, 106.65, 0, -step, 35.22),
    )  # fmt: skip
    report = deliver(installation, path, "test.dem")
    assert "in which slopes and distances can be taken" in warnings(report)
    with rasterio.open(folder(installation, report) / "models/0.tif") as image:
        assert resolve(image.crs.to_wkt()).crs.to_epsg() == 4545
        for row, column in [(20, 30), (60, 75), (100, 140)]:
            lon, lat = 106.65 + (column + 0.5) * step, 35.22 - (row + 0.5) * step
            x, y = transformer(CGCS2000, resolve("EPSG:4545").crs).transform(lon, lat)
            (found,) = next(image.sample([(x, y)]))
            assert found == pytest.approx(ground[row, column], abs=4.0)


def test_a_sheet_from_the_south_up_is_turned(installation: Installation, tmp_path: Path) -> None:
    ground = hills()
    path = raster(
        tmp_path / "a.tif", ground[::-1].copy(),
        transform=Affine(15, 0, WEST, 0, 15, NORTH - 15 * len(ground)),
    )  # fmt: skip
    report = deliver(installation, path, "test.dem")
    with rasterio.open(folder(installation, report) / "models/0.tif") as image:
        for row, column in [(10, 20), (60, 75), (100, 130)]:
            place = (WEST + 15 * (column + 0.5), NORTH - 15 * (row + 0.5))
            assert next(image.sample([place]))[0] == pytest.approx(ground[row, column], abs=0.05)


def test_ellipsoidal_heights_become_orthometric(installation: Installation, tmp_path: Path) -> None:
    ground = hills()
    path = raster(tmp_path / "a.tif", ground)
    report = deliver(installation, path, "test.dem", heights=Heights.ELLIPSOIDAL)
    assert np.abs(stored(installation, report) - (ground + 36.0)).max() < 0.001
    for tile in folder(installation, report).glob("15/*/*.terrain"):
        heights = decode(tile.read_bytes()).heights
        assert heights.min() > ground.min() - 1  # back at the ellipsoid for the globe
        break


def sheets(tmp_path: Path, lift: float = 0.0, overlap: int = 10) -> list[Path]:
    ground = hills(120, 200)
    west = ground[:, :100]
    east = ground[:, 100 - overlap :] + np.float32(lift)
    return [
        raster(tmp_path / "s" / "1.tif", west),
        raster(tmp_path / "s" / "2.tif", east, west=WEST + 15 * (100 - overlap)),
    ]


def test_sheets_that_agree_join_without_a_word(installation: Installation, tmp_path: Path) -> None:
    sheets(tmp_path)
    report = deliver(installation, tmp_path / "s", "test.dem")
    assert (stored(installation, report) == hills(120, 200)).all()
    assert "overlaps" not in warnings(report)
    assert report.published == 2


def test_sheets_that_differ_by_3_m_are_told_of(installation: Installation, tmp_path: Path) -> None:
    sheets(tmp_path, lift=3.0)
    report = deliver(installation, tmp_path / "s", "test.dem")
    assert "(1200 cells) it differs by +3.000 m in the mean, 3.000 m RMS" in warnings(report)


def test_a_gap_in_one_sheet_is_closed_by_another(
    installation: Installation, tmp_path: Path
) -> None:
    ground = hills(120, 200)
    holed = ground[:, :100].copy()
    holed[50:60, 92:98] = np.nan
    raster(tmp_path / "s" / "1.tif", holed)
    raster(tmp_path / "s" / "2.tif", ground[:, 90:], west=WEST + 15 * 90)
    report = deliver(installation, tmp_path / "s", "test.dem")
    assert (stored(installation, report) == ground).all()


def height_at(here: Installation, x: float, y: float) -> float | None:
    """As all readers of the published models see it."""
    lon, lat = lonlat(np.array([x, x]), np.array([y, y]))
    with ready(here.engine) as connection:
        grounds = elevation.terrain(registry.entries(connection))
    found = elevation.at(here.files, grounds, float(lon[0]), float(lat[0]))
    return None if found is None else found.metres


def test_the_finest_sheet_wins_and_neither_is_resampled(
    installation: Installation, tmp_path: Path
) -> None:
    raster(tmp_path / "s" / "a.tif", np.full((60, 60), 1500, np.float32), cell=30.0)
    raster(
        tmp_path / "s" / "b.tif", np.full((60, 60), 1502, np.float32), cell=10.0,
        west=WEST + 300, north=NORTH - 300,
    )  # fmt: skip
    report = deliver(installation, tmp_path / "s", "test.dem")
    for number, cell in ((0, 10.0), (1, 30.0)):
        with rasterio.open(folder(installation, report) / f"models/{number}.tif") as image:
            assert image.res == (cell, cell)
            assert image.shape == (60, 60)
    assert height_at(installation, WEST + 600, NORTH - 600) == 1502
    assert height_at(installation, WEST + 1500, NORTH - 1500) == 1500


def test_sheets_of_two_crs_become_models_of_their_own_that_agree(
    installation: Installation, tmp_path: Path
) -> None:
    ground = hills(120, 200)
    path = raster(tmp_path / "s" / "1.tif", ground[:, :110])
    other = tmp_path / "s" / "2.tif"
    with rasterio.open(raster(tmp_path / "whole.tif", ground)) as image:
        to = "EPSG:4544"
        x, y = transformer(resolve("EPSG:4545").crs, resolve(to).crs).transform(
            WEST + 1400, NORTH - 100
        )
        cut = np.full((90, 95), np.nan, np.float32)
        place = Affine(16, 0, x, 0, -16, y)
        reproject(
            image.read(1), cut, src_transform=image.transform, src_crs=image.crs,
            dst_transform=place, dst_crs=to, dst_nodata=np.nan, resampling=Resampling.bilinear,
        )  # fmt: skip
        raster(other, cut, crs=to, transform=place)
    report = deliver(installation, [path, other], "test.dem")
    with rasterio.open(folder(installation, report) / "models/0.tif") as image:
        assert resolve(image.crs.to_wkt()).crs.to_epsg() == 4545
    with rasterio.open(folder(installation, report) / "models/1.tif") as image:
        assert resolve(image.crs.to_wkt()).crs.to_epsg() == 4544
    found = height_at(installation, WEST + 15 * 150.5, NORTH - 15 * 60.5)
    assert found == pytest.approx(ground[60, 150], abs=1.0)


@pytest.mark.parametrize("name", ["none", "text", "cut", "empty", "gcps", "far"])
def test_a_bad_sheet_is_refused_and_the_good_one_published(
    name: str, installation: Installation, tmp_path: Path
) -> None:
    raster(tmp_path / "s" / "a-good.tif", hills())
    bad = tmp_path / "s" / "bad.tif"
    said = {
        "none": "does not say its coordinate reference system",
        "text": "GDAL cannot read it",
        "cut": "GDAL cannot read it",
        "empty": "GDAL cannot read it",
        "gcps": "4 ground control points but no georeference",
        "far": "outside 试验城",
    }[name]
    if name == "none":
        raster(bad, hills(), crs=None)
    elif name == "text":
        bad.write_text("Sheet 34707051: ask the archive\n")
    elif name == "cut":
        whole = raster(tmp_path / "whole.tif", hills(300, 300)).read_bytes()
        bad.write_bytes(whole[: len(whole) // 2])
    elif name == "empty":
        bad.write_bytes(b"")
    elif name == "gcps":
        points = [
            rasterio.control.GroundControlPoint(r, c, WEST + 15 * c, NORTH - 15 * r)
            for r in (0, 120) for c in (0, 150)
        ]  # fmt: skip
        ground = hills()
        with rasterio.open(
            bad, "w", driver="GTiff", dtype="float32", count=1, width=150, height=120,
            gcps=points, crs="EPSG:4545",
        ) as image:  # fmt: skip
            image.write(ground, 1)
    else:
        raster(bad, hills(), west=WEST + 400_000)
    report = deliver(installation, tmp_path / "s", "test.dem")
    assert report.exit is Exit.PARTLY
    assert said in refusals(report)
    assert "bad.tif" in refusals(report)
    assert (stored(installation, report) == hills()).all()


@pytest.mark.parametrize(
    ("profile", "error", "said"),
    [
        ({"crs": None}, InputError, "--crs EPSG:4545"),
        ({"west": WEST + 400_000}, OutsideCityError, "outside 试验城"),
        ({"west": WEST + 36_000_000}, InputError, "nowhere on Earth"),
    ],
)
def test_a_sheet_alone_that_cannot_be_used_publishes_nothing(
    profile: dict[str, Any], error: type[InputError], said: str, installation: Installation,
    tmp_path: Path,
) -> None:  # fmt: skip
    path = raster(tmp_path / "a.tif", hills(), **profile)
    with pytest.raises(error, match=said):
        deliver(installation, path, "test.dem")
    assert not (installation.files.root / "layers" / "test.dem").exists()


def test_the_crs_given_by_hand_wins(installation: Installation, tmp_path: Path) -> None:
    path = raster(tmp_path / "a.tif", hills(), crs=None)
    report = deliver(installation, path, "test.dem", crs="EPSG:4545")
    assert report.exit is Exit.PUBLISHED


def test_a_text_file_named_tif_is_nobodys_elevation(
    installation: Installation, tmp_path: Path
) -> None:
    (tmp_path / "a.tif").write_text("no raster")
    with pytest.raises((FormatError, CrsError, InputError), match="GDAL cannot read it"):
        deliver(installation, tmp_path / "a.tif", "test.dem")


def test_layer_json_and_tiles_on_disk_agree(installation: Installation, tmp_path: Path) -> None:
    report = deliver(installation, raster(tmp_path / "a.tif", hills()), "test.dem")
    told = json.loads((folder(installation, report) / "layer.json").read_text())
    count = sum(
        (r["endX"] - r["startX"] + 1) * (r["endY"] - r["startY"] + 1)
        for ranges in told["available"] for r in ranges
    )  # fmt: skip
    assert count == report.counts["tiles"]
    assert count == len(list(folder(installation, report).glob("*/*/*.terrain")))
    assert Bounds(*told["bounds"]).contains(installation.city.bounds) is False


@pytest.mark.shared
def test_mountains_of_california_are_true_to_the_delivered_dem(
    installation: Installation, shared_data: Path, city_at: Callable[..., City]
) -> None:
    path = shared_data / "dem/topotoolbox/bigtujunga.tif"
    city = city_at((-118.6, 34.0, -117.8, 34.6), "EPSG:32611", -33.0)
    report = deliver(installation, path, "test.dem", city=city)
    assert report.exit is Exit.PUBLISHED
    figures = {c.name: c.figures for c in report.checks}
    assert figures["terrain seams"] == {"worst_gap_m": 0.0}
    out = folder(installation, report)
    z = json.loads((out / "layer.json").read_text())["maxzoom"]
    random = np.random.default_rng(11)
    wrong = []
    with rasterio.open(path) as image:
        heights = image.read(1, masked=True).astype(np.float64).filled(np.nan)
        crs = resolve(image.crs.to_wkt()).crs
        row = random.uniform(2, image.height - 3, 1500)
        column = random.uniform(2, image.width - 3, 1500)
        x, y = image.transform @ (column + 0.5, row + 0.5)
    r, c = row.astype(int), column.astype(int)
    fr, fc = row - r, column - c
    upper = heights[r, c] * (1 - fc) + heights[r, c + 1] * fc
    lower = heights[r + 1, c] * (1 - fc) + heights[r + 1, c + 1] * fc
    wanted = upper * (1 - fr) + lower * fr - 33.0
    lon, lat = transformer(crs, CGCS2000).transform(x, y)
    known = np.isfinite(wanted)
    assert known.sum() >= 1000
    for i in np.flatnonzero(known):
        tile, u, v = _deepest(out, z, lon[i], lat[i])
        wrong.append(abs(_height(tile, u, v) - wanted[i]))
    assert np.median(wrong) < 0.25
    assert np.percentile(wrong, 95) < 1.0
    assert max(wrong) < 2.0  # crags of 45 degrees in cells of 30 m


def _deepest(out: Path, maxzoom: int, lon: float, lat: float) -> tuple[Any, float, float]:
    for z in range(maxzoom, -1, -1):
        width = 180 / 2**z
        x, y = int((lon + 180) // width), int((lat + 90) // width)
        path = out / f"{z}/{x}/{y}.terrain"
        if path.is_file():
            tile = decode(path.read_bytes())
            return tile, ((lon + 180) / width - x) * FULL, ((lat + 90) / width - y) * FULL
    raise AssertionError("no tile at all")


def _height(tile: Any, u: float, v: float) -> float:
    a, b, c = tile.triangles.T
    area = (tile.u[b] - tile.u[a]) * (tile.v[c] - tile.v[a]) - (tile.u[c] - tile.u[a]) * (
        tile.v[b] - tile.v[a]
    )
    wa = ((tile.u[b] - u) * (tile.v[c] - v) - (tile.u[c] - u) * (tile.v[b] - v)) / area
    wb = ((tile.u[c] - u) * (tile.v[a] - v) - (tile.u[a] - u) * (tile.v[c] - v)) / area
    inside = np.flatnonzero((wa >= -1e-9) & (wb >= -1e-9) & (wa + wb <= 1 + 1e-9))[0]
    weights = np.array([wa[inside], wb[inside], 1 - wa[inside] - wb[inside]])
    return float(weights @ tile.heights[tile.triangles[inside]])


@pytest.mark.shared
def test_three_japanese_sheets_join_without_a_seam(
    installation: Installation, shared_data: Path, city_at: Callable[..., City]
) -> None:
    source = next(shared_data.glob("dem/mago-terrainer/**/multi-sample/input"))
    with rasterio.open(min(source.glob("*.tif"))) as image:
        crs = image.crs.to_wkt()
        box = image.bounds
    lon, lat = transformer(resolve(crs).crs, CGCS2000).transform(box.left, box.bottom)
    bounds = (lon - 0.5, lat - 0.5, lon + 0.5, lat + 0.5)
    city = city_at(bounds, f"EPSG:{32600 + int((lon + 180) / 6) + 1}")
    report = deliver(installation, source, "test.dem", city=city)
    assert (report.read, report.published, report.exit) == (3, 3, Exit.PUBLISHED)
    out = folder(installation, report)
    z = json.loads((out / "layer.json").read_text())["maxzoom"]
    tiles = {
        (int(p.parent.name), int(p.stem)): decode(p.read_bytes())
        for p in out.glob(f"{z}/*/*.terrain")
    }
    assert all(faults(t) == [] for t in tiles.values())
    gaps = [
        gap(t, tiles[x + 1, y], "east") for (x, y), t in tiles.items() if (x + 1, y) in tiles
    ]  # fmt: skip
    assert len(gaps) > 10
    assert max(gaps) == 0.0
