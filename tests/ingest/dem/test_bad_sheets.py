"""Sheets as no office should deliver them: refused by name, or mended and told; the rest lands."""

from __future__ import annotations

import resource
import struct
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
import rasterio
from affine import Affine
from pyproj import CRS

from cim.errors import InputError
from cim.ingest.report import Exit, Report
from cim.installation import Installation
from cim.tiles.terrain.reader import decode
from tests.delivered import NORTH, WEST, deliver, hills, raster, refusals, warnings

pytestmark = pytest.mark.db
Grid = npt.NDArray[Any]
LEAST = 1300.0  # m, below all ground of the tests


def stored(here: Installation, report: Report) -> Grid:
    assert report.version is not None
    with rasterio.open(here.files.version(report.layer, report.version) / "models/0.tif") as image:
        return np.asarray(image.read(1))


def lowest(here: Installation, report: Report) -> float:
    """Of all terrain, orthometric."""
    assert report.version is not None
    folder = here.files.version(report.layer, report.version)
    tiles = [decode(p.read_bytes()) for p in folder.glob("*/*/*.terrain")]
    assert len(tiles) > 10
    return min(float(tile.heights.min()) for tile in tiles) + 36.0


def test_several_undeclared_nodata_values_in_one_sheet_are_all_unknown(
    installation: Installation, tmp_path: Path
) -> None:
    ground = hills()
    ground[10:14, 10:14], ground[30:34, 30:34], ground[60:64, 60:64] = -9999.0, 1e20, np.nan
    ground[80:84, 80:84], ground[100:104, 100:104] = 0.0, -32768.0
    path = raster(tmp_path / "a.tif", ground, nodata=-32768.0)
    report = deliver(installation, path, "test.dem")
    told = warnings(report)
    assert "32 cells are nodata or NaN" in told
    assert "32 cells hold heights that do not exist (-9999, 1e+20)" in told
    assert "16 cells are exactly 0 m" in told
    assert "80 cells without height were filled from their surroundings" in told
    assert "the largest hole has 16 cells (3600 m²)" in told
    assert int(np.isnan(stored(installation, report)).sum()) == 80
    assert lowest(installation, report) > LEAST


@pytest.mark.parametrize(
    ("kind", "change", "said"),
    [
        ("int16", lambda h: h * 21.8, "heights that overflowed 16 bits"),
        ("uint16", lambda h: h - 1530, "negative heights without their sign"),
    ],
)
def test_heights_that_overflowed_16_bits_are_told_as_such(
    kind: str, change: Callable[[Grid], Grid], said: str, installation: Installation, tmp_path: Path
) -> None:
    whole = change(hills().astype(np.float64)).round().astype(np.int64)
    path = raster(tmp_path / "a.tif", (whole & 0xFFFF).astype(np.uint16).view(kind))
    with rasterio.open(path, "r+") as image:
        wrong = np.count_nonzero(image.read(1) != whole)
        if kind == "int16":
            image.scales = (1 / 21.8,)
    assert 0 < wrong < whole.size
    report = deliver(installation, path, "test.dem")
    assert said in warnings(report)
    assert f"{wrong} cells hold heights that do not exist" in warnings(report)
    assert np.isnan(stored(installation, report)).sum() == wrong


def test_whole_metres_with_the_smallest_integer_as_nodata_are_heights(
    installation: Installation, tmp_path: Path
) -> None:
    ground = hills().round().astype(np.int16)
    ground[5:9, 5:9] = -32768
    report = deliver(installation, raster(tmp_path / "a.tif", ground), "test.dem")
    assert "16 cells hold heights that do not exist (-32768): taken" in warnings(report)
    assert "overflow" not in warnings(report)


@pytest.mark.parametrize("degrees", [False, True])
def test_a_sheet_with_its_axes_swapped_is_refused_with_that_hint(
    degrees: bool, installation: Installation, tmp_path: Path
) -> None:
    step = 15 / 111_000
    place = (
        Affine(step, 0, 35.2, 0, -step, 106.66) if degrees
        else Affine(15, 0, NORTH - 1800, 0, -15, WEST + 2250)
    )  # fmt: skip
    crs = "EPSG:4490" if degrees else "EPSG:4545"
    raster(tmp_path / "s" / "b.tif", hills(), crs=crs, transform=place)
    with pytest.raises(InputError, match="axes look swapped"):
        deliver(installation, tmp_path / "s", "test.dem")
    raster(tmp_path / "s" / "a.tif", hills())
    report = deliver(installation, tmp_path / "s", "test.dem")
    assert report.exit is Exit.PARTLY
    assert "axes look swapped" in refusals(report)


@pytest.mark.parametrize(
    ("vertical", "metres"), [("EPSG:5701", 1.0), ("EPSG:6360", 1200 / 3937), ("EPSG:8228", 0.3048)]
)
def test_the_unit_of_a_vertical_crs_counts(
    vertical: str, metres: float, installation: Installation, tmp_path: Path
) -> None:
    crs = f"EPSG:4545+{vertical.removeprefix('EPSG:')}"
    ground = hills()
    path = raster(tmp_path / "a.tif", (ground / metres).astype(np.float32), crs=None)
    report = deliver(installation, path, "test.dem", crs=crs)
    assert ("converted to metres" in warnings(report)) == (metres != 1.0)
    assert np.abs(stored(installation, report) - ground).max() < 0.001


def test_neighbouring_sheets_in_degrees_come_onto_one_grid(
    installation: Installation, tmp_path: Path
) -> None:
    step = 15 / 111_000
    ground = hills(100, 300)
    for name, first in (("w", 0), ("e", 140)):
        raster(
            tmp_path / "s" / f"{name}.tif", ground[:, first : first + 160], crs="EPSG:4490",
            transform=Affine(step, 0, 106.65 + first * step, 0, -step, 35.22),
        )  # fmt: skip
    report = deliver(installation, tmp_path / "s", "test.dem")
    folder = installation.files.version("test.dem", 1)
    assert [p.name for p in (folder / "models").iterdir()] == ["0.tif"]
    found = next(c for c in report.checks if c.name == "sheet seams").figures
    assert found["pairs"] == 1
    assert found["worst_offset_m"] < 0.01


def test_a_rotated_sheet_is_resampled_and_its_corners_stay_unknown(
    installation: Installation, tmp_path: Path
) -> None:
    turned = Affine.translation(WEST + 2000, NORTH) @ Affine.rotation(30) @ Affine.scale(15, -15)
    report = deliver(
        installation, raster(tmp_path / "a.tif", hills(), transform=turned), "test.dem"
    )
    assert "resampled (bilinear)" in warnings(report)
    assert 0.2 < np.isnan(stored(installation, report)).mean() < 0.7
    assert "filled from their surroundings" not in warnings(report)  # what lies beyond is no hole
    assert lowest(installation, report) > LEAST


@pytest.mark.parametrize(
    ("make", "said"),
    [
        (lambda p: raster(p, hills().astype(np.uint8)), "1 bands of uint8 are a picture"),
        (lambda p: raster(p, np.zeros((3, 50, 50), np.float32)), "3 bands of float32"),
        (lambda p: raster(p, np.full((50, 50), -9999, np.float32), nodata=-9999),
         "no cell of it has a height"),
        (lambda p: raster(p, hills(), crs=CRS.from_proj4("+proj=longlat +R=3396190").to_wkt(),
                          cell=0.01, west=10, north=10), "another celestial body"),
        (lambda p: raster(p, hills(), crs="EPSG:4490", cell=1.0), "are no degrees"),
    ],
)  # fmt: skip
def test_what_is_no_elevation_of_this_city_is_refused_and_the_good_sheet_lands(
    make: Callable[[Path], Path], said: str, installation: Installation, tmp_path: Path
) -> None:
    raster(tmp_path / "s" / "a-good.tif", hills())
    make(tmp_path / "s" / "bad.tif")
    report = deliver(installation, tmp_path / "s", "test.dem")
    assert report.exit is Exit.PARTLY
    assert said in refusals(report)
    assert (stored(installation, report) == hills()).all()


def test_a_sheet_of_one_cell_is_ground_all_the_same(
    installation: Installation, tmp_path: Path
) -> None:
    report = deliver(
        installation, raster(tmp_path / "a.tif", np.full((1, 1), 1500.0, np.float32)), "test.dem"
    )
    assert stored(installation, report).tolist() == [[1500.0]]
    assert lowest(installation, report) == pytest.approx(1500.0, abs=0.1)


def test_a_huge_file_that_holds_nothing_is_refused_without_being_read(
    installation: Installation, tmp_path: Path
) -> None:
    path = tmp_path / "s" / "huge.tif"
    path.parent.mkdir()
    path.write_bytes(sparse(1_000_000))
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    start = time.monotonic()
    with pytest.raises(InputError, match="1000000 × 1000000 cells, its 350"):
        deliver(installation, tmp_path / "s", "test.dem")
    assert time.monotonic() - start < 5
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 200_000  # kB
    raster(tmp_path / "s" / "a.tif", hills())
    assert deliver(installation, tmp_path / "s", "test.dem").exit is Exit.PARTLY


def sparse(side: int) -> bytes:
    """A GeoTIFF in EPSG:4545 of side × side floats, none of which is there."""
    keys = (1, 1, 0, 3, 1024, 0, 1, 1, 1025, 0, 1, 1, 3072, 0, 1, 4545)
    doubles = struct.pack("<3d", 0.01, 0.01, 0) + struct.pack("<6d", 0, 0, 0, WEST, NORTH, 0)
    tags = [
        (256, 4, 1, side), (257, 4, 1, side), (258, 3, 1, 32), (259, 3, 1, 1), (262, 3, 1, 1),
        (277, 3, 1, 1), (322, 4, 1, 1 << 20), (323, 4, 1, 1 << 20), (324, 4, 1, 0),
        (325, 4, 1, 0), (339, 3, 1, 3), (33550, 12, 3, 0), (33922, 12, 6, 24), (34735, 3, 16, 72),
    ]  # fmt: skip
    data = 8 + 2 + 12 * len(tags) + 4
    entries = b"".join(
        struct.pack("<HHII", tag, kind, count, value + data if tag >= 33550 else value)
        for tag, kind, count, value in tags
    )
    head = struct.pack("<2sHIH", b"II", 42, 8, len(tags))
    return head + entries + b"\0\0\0\0" + doubles + struct.pack("<16H", *keys) + b"\0" * 64


def test_a_virtual_raster_without_end_is_refused_by_its_size(
    installation: Installation, tmp_path: Path
) -> None:
    vrt = (
        '<VRTDataset rasterXSize="200000" rasterYSize="200000"><SRS>EPSG:4545</SRS>'
        f"<GeoTransform>{WEST},0.02,0,{NORTH},0,-0.02</GeoTransform>"
        '<VRTRasterBand dataType="Float32" band="1"/></VRTDataset>'
    )
    (tmp_path / "a.vrt").write_text(vrt)
    with pytest.raises(InputError, match=r"200000 × 200000 cells, \d+ are the most"):
        deliver(installation, tmp_path / "a.vrt", "test.dem")
