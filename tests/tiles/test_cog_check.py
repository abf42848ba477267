"""The check of a COG."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import rasterio
from rasterio.shutil import copy
from rasterio.transform import from_origin

from cim.city import Bounds
from cim.errors import FormatError
from cim.tiles.cog_check import check_cog

HERE = Bounds(106.0, 35.0, 107.0, 36.0)


def raster(path: Path, side: int = 1500, **more: Any) -> Path:
    rng = np.random.default_rng(4)
    profile = {
        "driver": "GTiff", "width": side, "height": side, "count": 3, "dtype": "uint8",
        "crs": "EPSG:4326", "transform": from_origin(106.4, 35.5, 1e-5, 1e-5), "nodata": 0,
    } | more  # fmt: skip
    with rasterio.open(path, "w", **profile) as image:
        kind = profile["dtype"]
        image.write(rng.integers(1, 200, (profile["count"], side, side)).astype(kind))
    return path


def cog(tmp_path: Path, **more: Any) -> Path:
    copy(raster(tmp_path / "plain.tif", **more), tmp_path / "cog.tif", driver="COG", blocksize=256)
    return tmp_path / "cog.tif"


def errors(path: Path, bounds: Bounds | None = HERE) -> list[str]:
    return [error for look in check_cog(path, bounds) for error in look.errors]


def test_a_sound_cog_passes(tmp_path: Path) -> None:
    path = cog(tmp_path)
    assert errors(path) == []
    looks = {look.name: look for look in check_cog(path, HERE)}
    assert looks["cog.layout"].figures["overviews"] >= 1
    assert looks["cog.blocks"].looked_at > 9
    assert looks["cog.place"].figures["west"] == pytest.approx(106.4)


def test_a_plain_geotiff_is_none(tmp_path: Path) -> None:
    found = errors(raster(tmp_path / "a.tif"))
    assert any("not laid out as a COG" in error for error in found)
    assert any("strips" in error for error in found)
    assert any("no overviews" in error for error in found)


def test_a_cog_elsewhere_or_nowhere_is_named(tmp_path: Path) -> None:
    assert "outside of" in errors(cog(tmp_path), Bounds(0, 0, 1, 1))[0]
    assert errors(cog(tmp_path), None) == []
    assert any("no CRS" in e for e in errors(cog(tmp_path, crs=None)))


def test_gaps_that_cannot_be_told_are_noted(tmp_path: Path) -> None:
    looks = check_cog(cog(tmp_path, nodata=None), HERE)
    assert "gaps cannot be told" in looks[0].notes[0]


def test_a_block_that_does_not_decode_is_named(tmp_path: Path) -> None:
    path = cog(tmp_path)
    raw = bytearray(path.read_bytes())
    raw[-4000:] = b"\xa5" * 4000
    path.write_bytes(raw)
    assert any("does not decode" in error for error in errors(path))


def test_what_gdal_cannot_read_is_an_error_of_its_own(tmp_path: Path) -> None:
    (tmp_path / "a.tif").write_bytes(b"II*\0" + b"\0" * 40)
    with pytest.raises(FormatError, match="GDAL cannot read it"):
        check_cog(tmp_path / "a.tif")
