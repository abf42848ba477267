"""What sheets hold and do not declare: units, nodata, overflow; mended and told, or refused."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
import rasterio
from affine import Affine

from cim.errors import InputError
from cim.ingest.report import Exit, Report
from cim.ingest.sources.dem.cleaning import Cleaning
from cim.installation import Installation
from tests.delivered import NORTH, WEST, deliver, hills, raster, refusals, warnings

pytestmark = pytest.mark.db
Grid = npt.NDArray[Any]


def stored(here: Installation, report: Report) -> Grid:
    assert report.version is not None
    with rasterio.open(here.files.version(report.layer, report.version) / "models/0.tif") as image:
        return np.asarray(image.read(1))


@pytest.mark.parametrize(
    ("unit", "metres"),
    [("m", 1.0), ("米", 1.0), ("unknown", 1.0), ("cm", 0.01), ("分米", 0.1), ("[ft]", 0.3048),
     ("foot_us", 1200 / 3937), ("US_survey_foot", 1200 / 3937)],
)  # fmt: skip
def test_a_unit_counts_however_it_is_spelt(
    unit: str, metres: float, installation: Installation, tmp_path: Path
) -> None:
    path = raster(tmp_path / "a.tif", (hills() / metres).astype(np.float32), unit=unit)
    report = deliver(installation, path, "test.dem")
    assert ("converted to metres" in warnings(report)) == (metres != 1.0)
    assert np.abs(stored(installation, report) - hills()).max() < 0.01


def test_a_unit_that_nobody_knows_is_no_metre(installation: Installation, tmp_path: Path) -> None:
    path = raster(tmp_path / "a.tif", hills(), unit="Klafter")
    with pytest.raises(InputError, match="'Klafter', which is no unit that is known") as caught:
        deliver(installation, path, "test.dem")
    assert str(caught.value.path) == str(path)
    assert "gdal_edit.py -units" in caught.value.remedy


@pytest.mark.parametrize(
    ("value", "told"), [(-1.0, "200 m below"), (-100.0, "200 m below"), (8888.0, "1000 m above")]
)
def test_one_value_far_from_all_others_is_no_ground(
    value: float, told: str, installation: Installation, tmp_path: Path
) -> None:
    ground = hills()
    ground[10:20, 10:20] = value
    report = deliver(installation, raster(tmp_path / "a.tif", ground), "test.dem")
    assert f"100 cells are exactly {value:g} m, more than {told} all others" in warnings(report)
    assert np.isnan(stored(installation, report)[10:20, 10:20]).all()
    assert int(np.isnan(stored(installation, report)).sum()) == 100


@pytest.mark.parametrize(
    "change",
    [
        lambda h: np.where(h == h.min(), h.min() - 150, h),  # a quarry
        lambda h: np.where(h > np.median(h), h, h - 1000),  # a cliff of many heights
        lambda h: np.where(h == h.max(), h.max() + 600, h),  # a tower of a surface model
        lambda h: np.maximum(h - 1500, 0),  # a coast
    ],
)
def test_ground_that_is_only_steep_keeps_its_heights(
    change: Callable[[Grid], Grid], tmp_path: Path
) -> None:
    ground = change(hills()).astype(np.float32)
    with rasterio.open(raster(tmp_path / "a.tif", ground)) as image:
        cleaning = Cleaning(image, None)
        cleaning.clean(image.read(1, masked=True))
    assert cleaning.apart == ()
    assert not cleaning.torn


def test_strips_remember_together_what_a_whole_sheet_shows(tmp_path: Path) -> None:
    ground = hills()
    ground[5], ground[50], ground[100, 3:7] = -7.0, -7.0, 7000.0
    with rasterio.open(raster(tmp_path / "a.tif", ground)) as image:
        whole, strips = Cleaning(image, None), Cleaning(image, None)
        band = image.read(1, masked=True)
    whole.clean(band)
    for row in range(0, len(band), 10):
        strips.clean(band[row : row + 10])
    assert strips.apart == whole.apart == (-7.0, 7000.0)
    assert [p.reason for p in strips.notes("a")] == [p.reason for p in whole.notes("a")]
    assert any(p.reason.startswith("300 cells are exactly -7 m") for p in strips.notes("a"))


@pytest.mark.parametrize("kind", ["int16", "uint16"])
def test_centimetres_that_overflowed_16_bits_are_refused_and_not_guessed(
    kind: str, installation: Installation, tmp_path: Path
) -> None:
    heights = 240 + 0.6 * np.add.outer(np.arange(120), np.arange(150))  # m, up to 400
    whole = np.round(heights * (100 if kind == "int16" else 200)).astype(np.int64)
    bits = (whole & 0xFFFF).astype(np.uint16).view(kind)
    assert (bits.astype(np.int64) != whole).any()
    path = raster(tmp_path / "a.tif", bits)
    with rasterio.open(path, "r+") as image:
        image.scales = (1 / 100 if kind == "int16" else 1 / 200,)
    with pytest.raises(InputError, match="overflowed 16 bits"):
        deliver(installation, path, "test.dem")


def test_nodata_of_scaled_heights_is_none_though_it_could_be_one(
    installation: Installation, tmp_path: Path
) -> None:
    bits = np.round((hills() - 1400) * 50).astype(np.int16)
    bits[:4, :4], bits[8:12, :4] = -9999, -32768
    path = raster(tmp_path / "a.tif", bits)
    with rasterio.open(path, "r+") as image:
        image.scales, image.offsets = (0.02,), (0.0,)
    report = deliver(installation, path, "test.dem")
    assert "32 cells hold heights that do not exist (-32768, -9999)" in warnings(report)
    assert np.isnan(stored(installation, report)).sum() == 32


def test_a_sheet_of_zeros_among_mountains_is_left_out_and_no_pit(
    installation: Installation, tmp_path: Path
) -> None:
    raster(tmp_path / "s" / "a.tif", hills())
    raster(tmp_path / "s" / "b.tif", np.zeros((50, 60), np.float32), west=WEST + 150 * 15)
    report = deliver(installation, tmp_path / "s", "test.dem")
    assert report.exit is Exit.PARTLY
    assert "b.tif: all its heights are exactly 0 m, those of the other sheets" in refusals(report)
    assert (stored(installation, report) == hills()).all()


def test_a_sea_alone_or_by_a_coast_is_published_and_told(
    installation: Installation, tmp_path: Path
) -> None:
    sea = np.zeros((50, 60), np.float32)
    raster(tmp_path / "s" / "b.tif", sea, west=WEST + 150 * 15)
    report = deliver(installation, tmp_path / "s", "test.dem")
    assert report.exit is Exit.PUBLISHED
    assert "all its heights are exactly 0 m" in warnings(report)
    raster(tmp_path / "s" / "a.tif", np.maximum(hills() - 1500, 0).astype(np.float32))
    report = deliver(installation, tmp_path / "s", "test.dem")
    assert report.exit is Exit.PUBLISHED
    assert (stored(installation, report)[:50, 150:] == 0).all()


@pytest.mark.parametrize(
    ("make", "said"),
    [
        (lambda p: raster(p, hills().astype(np.complex64)), "complex64 numbers are no heights"),
        (lambda p: raster(p, hills(), cell=0.001), "cells are 0.001 m wide"),
        (lambda p: raster(p, hills(), transform=Affine(0, 0, WEST, 0, 0, NORTH)), "have no size"),
        (lambda p: raster(p, hills(), transform=Affine(15, 15, WEST, 15, 15, NORTH)), "no size"),
    ],
)  # fmt: skip
def test_what_has_no_cells_or_no_real_numbers_is_refused_by_name(
    make: Callable[[Path], Path], said: str, installation: Installation, tmp_path: Path
) -> None:
    raster(tmp_path / "s" / "a-good.tif", hills())
    make(tmp_path / "s" / "bad.tif")
    report = deliver(installation, tmp_path / "s", "test.dem")
    assert report.exit is Exit.PARTLY
    assert "bad.tif" in refusals(report)
    assert said in refusals(report)


def test_a_read_that_fails_tells_gdals_own_reason(
    installation: Installation, tmp_path: Path
) -> None:
    path = raster(tmp_path / "a.tif", hills(), compress="deflate", tiled=True,
                  blockxsize=64, blockysize=64)  # fmt: skip
    with rasterio.open(path) as image:
        block = int(image.get_tag_item("BLOCK_OFFSET_0_0", "TIFF", bidx=1))
    data = bytearray(path.read_bytes())
    data[block : block + 500] = b"\xff" * 500
    path.write_bytes(bytes(data))
    with pytest.raises(InputError, match="IReadBlock failed at X offset 0"):
        deliver(installation, path, "test.dem")
