"""Orthophotos that look whole and are not: damaged JPEG, undeclared nodata, inks, wrong days."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import rasterio
from affine import Affine
from rasterio.enums import ColorInterp

from cim.catalog import registry
from cim.errors import InputError
from cim.ingest.report import Exit
from cim.installation import Installation
from tests.delivered import NORTH, WEST, deliver, photo, raster, refusals

pytestmark = pytest.mark.db
CELL = 0.5


def test_a_damaged_jpeg_that_draws_nonsense_is_told_and_in_no_archive(
    installation: Installation, tmp_path: Path
) -> None:
    whole = raster(tmp_path / "s/a.tif", photo(), cell=CELL, compress="jpeg", tiled=True,
                   photometric="ycbcr", blockxsize=256, blockysize=256)  # fmt: skip
    report = deliver(installation, whole, "test.ortho")
    assert report.exit is Exit.PUBLISHED
    path = raster(tmp_path / "s/b.tif", photo(), cell=CELL, compress="jpeg", tiled=True,
                  photometric="ycbcr", blockxsize=256, blockysize=256, west=WEST + 350)  # fmt: skip
    with rasterio.open(path) as image:
        block = int(image.get_tag_item("BLOCK_OFFSET_1_1", "TIFF", bidx=1))
        size = int(image.get_tag_item("BLOCK_SIZE_1_1", "TIFF", bidx=1))
    data = bytearray(path.read_bytes())
    data[block + size // 2 : block + size // 2 + 300] = bytes(range(256)) + bytes(44)
    path.write_bytes(bytes(data))
    report = deliver(installation, tmp_path / "s", "test.ortho")
    assert report.exit is Exit.PARTLY
    told = [p for p in report.refused if p.path == str(path)]
    assert len(told) == len(report.refused) == 2
    assert any("its JPEG is damaged (" in p.reason for p in told)
    assert any("it is damaged and in no archive" in p.reason for p in told)


def test_damage_is_told_with_gdals_reason_and_once(
    installation: Installation, tmp_path: Path
) -> None:
    path = raster(tmp_path / "a.tif", photo(), cell=CELL, compress="lzw", tiled=True,
                  blockxsize=256, blockysize=256)  # fmt: skip
    data = bytearray(path.read_bytes())
    middle = len(data) * 2 // 3
    data[middle : middle + 300] = b"\xff" * 300
    path.write_bytes(bytes(data))
    report = deliver(installation, path, "test.ortho")
    assert "See previous exception" not in refusals(report)
    assert "IReadBlock failed" in refusals(report)
    reasons = [p.reason for p in report.refused]
    assert len(reasons) == len(set(reasons)) == 2


def test_undeclared_nodata_that_would_spoil_the_stretch_is_named(
    installation: Installation, tmp_path: Path
) -> None:
    values = photo().astype(np.float32)
    values[:, :100] = -9999
    path = raster(tmp_path / "a.tif", values, cell=CELL)
    with pytest.raises(InputError, match=r"14.\d% of its pixels are -9999 in all bands") as caught:
        deliver(installation, path, "test.ortho")
    assert "gdal_edit.py -a_nodata -9999" in caught.value.remedy
    declared = raster(tmp_path / "b.tif", values, cell=CELL, nodata=-9999)
    assert deliver(installation, declared, "test.ortho").exit is Exit.PUBLISHED


def test_inks_are_no_light(installation: Installation, tmp_path: Path) -> None:
    path = raster(tmp_path / "a.tif", np.concatenate([photo(), photo()[:1]]), cell=CELL)
    with rasterio.open(path, "r+") as image:
        image.colorinterp = [
            ColorInterp.cyan, ColorInterp.magenta, ColorInterp.yellow, ColorInterp.black,
        ]  # fmt: skip
    with pytest.raises(InputError, match="its bands are inks"):
        deliver(installation, path, "test.ortho")


@pytest.mark.parametrize(("stamp", "known"), [("2150:01:01 00:00:00", False),
                                              ("2021:05:01 10:00:00", True)])  # fmt: skip
def test_a_day_that_has_not_been_is_no_day_of_a_survey(
    stamp: str, known: bool, installation: Installation, tmp_path: Path
) -> None:
    path = raster(tmp_path / "a.tif", photo(100, 100), cell=CELL)
    with rasterio.open(path, "r+") as image:
        image.update_tags(TIFFTAG_DATETIME=stamp)
    report = deliver(installation, path, "test.ortho")
    with installation.engine.connect() as connection:
        media = registry.published(connection, "test.ortho", report.version).media
    assert (media.get("date") == "2021-05-01") == known
    assert ("date" in media) == known


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"transform": Affine(CELL, 0, NORTH, 0, -CELL, WEST)}, "axes look swapped"),
        ({"transform": Affine(0, 0, WEST, 0, 0, NORTH)}, "cells have no size"),
    ],
)
def test_a_picture_in_the_wrong_place_is_refused_with_the_hint(
    change: dict[str, Any], said: str, installation: Installation, tmp_path: Path
) -> None:
    path = raster(tmp_path / "a.tif", photo(100, 100), **change)
    with pytest.raises(InputError) as caught:
        deliver(installation, path, "test.ortho")
    assert said in caught.value.reason + caught.value.remedy


def test_an_empty_folder_is_told_to_be_empty(installation: Installation, tmp_path: Path) -> None:
    (tmp_path / "s").mkdir()
    with pytest.raises(InputError, match="the folder is empty"):
        deliver(installation, tmp_path / "s", "test.ortho")
