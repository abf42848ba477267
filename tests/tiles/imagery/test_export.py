"""Tiles in one file: read back by GDAL and by the format's own reader, tile by tile."""

from __future__ import annotations

import io
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import rasterio
from PIL import Image
from pmtiles.reader import MemorySource, Reader

from cim.errors import ParameterError
from cim.tiles.imagery import block, export, grid, joining, pack, tile
from cim.tiles.imagery.block import Coding
from cim.tiles.imagery.export import Export, Form
from tests.delivered import photo
from tests.outside import program, run

_READER: Any = Reader  # these have no types
_SOURCE: Any = MemorySource
ZOOM = 18
SQUARE = (13045, 6476)  # near the test city


@pytest.fixture(scope="module")
def cog(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A picture of 900 × 1300 pixels in a square, its corner not on a tile's."""
    folder = tmp_path_factory.mktemp("cog")
    colours = np.zeros((pack.SIDE, pack.SIDE, 3), np.uint8)
    seen = np.zeros((pack.SIDE, pack.SIDE), bool)
    inner = (slice(100, 1000), slice(200, 1500))
    colours[inner] = np.moveaxis(photo(900, 1300, fields=0), 0, -1)
    seen[inner] = True
    pack.write(folder / "a.pack", colours, seen, Coding(85))
    joining.join([pack.read(folder / "a.pack", *SQUARE)], ZOOM, Coding(85), folder / "a.tif")
    return folder / "a.tif"


def bounds(cog: Path) -> tuple[float, float, float, float]:
    with rasterio.open(cog) as image:
        found = rasterio.warp.transform_bounds(image.crs, "EPSG:4326", *image.bounds)
    return found[0], found[1], found[2], found[3]


def asked(cog: Path, zooms: tuple[int, int] = (10, ZOOM), form: Form = Form.AUTO) -> Export:
    return Export(
        cog=cog, title="影像", bounds=bounds(cog), zooms=zooms, form=form,
        about={"date": "2024-05-01"},
    )  # fmt: skip


def expected(cog: Path, zooms: tuple[int, int]) -> dict[tuple[int, int, int], bytes]:
    """All tiles that there are, by looking at every place."""
    found = {}
    for z in range(zooms[0], zooms[1] + 1):
        count = max(1, 16 >> (ZOOM - z))
        left, top = (v * 16 >> (ZOOM - z) for v in SQUARE)
        for x in range(left, left + count):
            for y in range(top, top + count):
                picture = tile(cog, (z, x, y), "auto")
                if picture is not None:
                    found[z, x, y] = picture.content
    return found


def test_mbtiles_hold_every_tile_with_rows_from_the_south(cog: Path, tmp_path: Path) -> None:
    target = tmp_path / "a.mbtiles"
    count = export.write(asked(cog), target)
    wanted = expected(cog, (10, ZOOM))
    with closing(sqlite3.connect(target)) as base:
        rows = base.execute("select zoom_level, tile_column, tile_row, tile_data from tiles")
        found = {(z, x, 2**z - 1 - y): data for z, x, y, data in rows}
        metadata = dict(base.execute("select name, value from metadata"))
        (marked,) = base.execute("pragma application_id").fetchone()
    assert found == wanted
    assert count == len(wanted) > 30
    assert (metadata["name"], metadata["format"], metadata["date"]) == (
        "影像", "jpg", "2024-05-01",
    )  # fmt: skip
    assert (metadata["minzoom"], metadata["maxzoom"]) == ("10", "18")
    assert marked == 0x4D504258


@pytest.mark.oracle
def test_gdals_mbtiles_driver_finds_the_picture_where_it_is(cog: Path, tmp_path: Path) -> None:
    program("gdal_translate")
    export.write(asked(cog), tmp_path / "a.mbtiles")
    run("gdal_translate", "-q", tmp_path / "a.mbtiles", tmp_path / "a.tif")
    with rasterio.open(tmp_path / "a.tif") as theirs, rasterio.open(cog) as mine:
        assert theirs.crs.to_epsg() == 3857
        assert theirs.res == pytest.approx(mine.res)
        window = mine.window(*theirs.bounds)
        ours = mine.read(window=window, boundless=True)
        mask = mine.read_masks(1, window=window, boundless=True) > 0
        read = theirs.read()
    ours, mask = ours[:, : read.shape[1], : read.shape[2]], mask[: read.shape[1], : read.shape[2]]
    assert mask.sum() > 900 * 1300 * 0.98
    assert np.abs(ours.astype(int) - read[:3])[:, mask].max() <= 16
    assert np.abs(ours.astype(int) - read[:3])[:, mask].mean() < 1


def test_pmtiles_hold_every_tile_for_the_formats_own_reader(cog: Path, tmp_path: Path) -> None:
    target = tmp_path / "a.pmtiles"
    export.write(asked(cog), target)
    reader: Any = _READER(_SOURCE(target.read_bytes()))
    header = reader.header()
    wanted = expected(cog, (10, ZOOM))
    assert (header["min_zoom"], header["max_zoom"]) == (10, ZOOM)
    assert header["clustered"]
    assert header["addressed_tiles_count"] == len(wanted)
    assert reader.metadata()["name"] == "影像"
    for place, content in wanted.items():
        assert reader.get(*place) == content
    assert reader.get(ZOOM, 0, 0) is None


def test_a_box_and_zooms_leave_the_rest_out(cog: Path, tmp_path: Path) -> None:
    target = tmp_path / "a.mbtiles"
    west, south, east, north = bounds(cog)
    x, y = SQUARE[0] * 16 + 2, SQUARE[1] * 16 + 2
    part = Export(
        cog=cog, title="", zooms=(ZOOM, ZOOM), form=Form.PNG, about={},
        bounds=(
            west + (east - west) * 2.1 / 16, north - (north - south) * 2.9 / 16,
            west + (east - west) * 2.9 / 16, north - (north - south) * 2.1 / 16,
        ),
    )  # fmt: skip
    assert export.write(part, target) == 1
    with closing(sqlite3.connect(target)) as base:
        ((column, row, data),) = base.execute("select tile_column, tile_row, tile_data from tiles")
    assert (column, 2**ZOOM - 1 - row) == (x, y)
    assert Image.open(io.BytesIO(data)).format == "PNG"


@pytest.mark.parametrize("suffix", [".mbtiles", ".pmtiles"])
def test_an_interrupted_export_leaves_no_file_and_the_old_one_as_it_was(
    suffix: str, cog: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    target = tmp_path / f"a{suffix}"
    target.write_bytes(b"old")
    real: Callable[..., object] = tile
    calls = []

    def stop(*values: object) -> object:
        calls.append(values)
        if len(calls) > 5:
            raise KeyboardInterrupt
        return real(*values)

    monkeypatch.setattr(export, "tile", stop)
    with pytest.raises(KeyboardInterrupt):
        export.write(asked(cog), target)
    assert [p.name for p in tmp_path.iterdir()] == [target.name]
    assert target.read_bytes() == b"old"


def test_a_name_of_no_format_and_a_box_beside_are_refused(cog: Path, tmp_path: Path) -> None:
    with pytest.raises(ParameterError, match=r"neither \.mbtiles nor \.pmtiles"):
        export.write(asked(cog), tmp_path / "a.zip")
    beside = Export(cog=cog, title="", bounds=(0, 0, 1, 1), zooms=(10, ZOOM), form=Form.AUTO,
                    about={})  # fmt: skip
    with pytest.raises(ParameterError, match="no tile in this box"):
        export.write(beside, tmp_path / "a.pmtiles")
    assert list(tmp_path.iterdir()) == []


def test_a_block_of_ours_is_a_jpeg_with_the_tables_of_its_quality() -> None:
    pixels = np.moveaxis(photo(grid.SIZE, grid.SIZE, fields=0), 0, -1)
    for quality in (60, 85, 95):
        scan = block.encode(Image.fromarray(pixels), Coding(quality))
        whole = io.BytesIO()
        Image.fromarray(pixels).save(whole, "JPEG", quality=quality)
        theirs = np.asarray(Image.open(whole).convert("RGB"))
        assert (block.decode(block.tables(Coding(quality)), scan) == theirs).all()
