"""Pictures whose colours name classes: no colour is ever shown that the legend does not have."""

from __future__ import annotations

import io
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
import rasterio
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from PIL import Image
from pmtiles.reader import MemorySource, Reader
from pmtiles.tile import TileType
from pyproj import CRS
from scipy.ndimage import gaussian_filter

from cim.errors import NotFoundError, ParameterError
from cim.tiles.imagery import export, joining, pack, picture, tile
from cim.tiles.imagery.block import Coding, halve
from cim.tiles.imagery.cog import opened
from cim.tiles.imagery.export import Export, Form

_READER: Any = Reader  # these have no types
_SOURCE: Any = MemorySource
ZOOM = 15
SQUARES = ((1630, 809), (1631, 809))  # near the test city, in two blocks of the coarsest level
CLASSES = Coding(None)
LEGEND = np.array(
    [[46, 125, 50], [156, 204, 101], [255, 238, 88], [255, 167, 38], [239, 83, 80]], np.uint8
)
Pixels = npt.NDArray[np.uint8]


def drawn(seed: int) -> tuple[Pixels, npt.NDArray[np.bool_]]:
    """Patches of every size down to single pixels; the rim lies on no tile's side."""
    random = np.random.default_rng(seed)
    ground = gaussian_filter(random.normal(size=(1500, 1300)), 6)
    speckled = random.random(ground.shape) < 0.02
    index = np.digitize(ground / ground.std(), [-1, -0.2, 0.4, 1.2])
    index[speckled] = random.integers(0, 5, int(speckled.sum()))
    colours = np.zeros((pack.SIDE, pack.SIDE, 3), np.uint8)
    seen = np.zeros((pack.SIDE, pack.SIDE), bool)
    inner = (slice(300, 1800), slice(2100, 3400))
    colours[inner], seen[inner] = LEGEND[index], True
    return colours, seen


@pytest.fixture(scope="module")
def cog(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("classes")
    packs = []
    for seed, place in enumerate(SQUARES):
        path = folder / f"{seed}.pack"
        pack.write(path, *drawn(seed), CLASSES)
        packs.append(pack.read(path, *place))
    joining.join(packs, ZOOM, CLASSES, folder / "a.tif")
    return folder / "a.tif"


def strangers(colours: Pixels) -> int:
    """How many of some pixels (..., 3) have a colour that no class has."""
    flat = colours.reshape(-1, 3)
    return int((~(flat[:, None] == LEGEND[None]).all(axis=2).any(axis=1)).sum())


def decoded(content: bytes) -> Pixels:
    return np.asarray(Image.open(io.BytesIO(content)).convert("RGBA"))


def test_gdal_reads_the_very_pixels_and_legend_colours_on_every_overview(cog: Path) -> None:
    colours, seen = drawn(0)
    with rasterio.open(cog) as image:
        assert image.compression.name == "webp"
        factors = image.overviews(1)
        whole, mask = image.read(), image.dataset_mask() > 0
    assert (mask[: pack.SIDE, : pack.SIDE] == seen).all()
    assert (np.moveaxis(whole[:, : pack.SIDE, : pack.SIDE], 0, -1)[seen] == colours[seen]).all()
    assert len(factors) >= 4
    for level in range(len(factors)):
        with rasterio.open(cog, overview_level=level) as image:
            shown = np.moveaxis(image.read(), 0, -1)[image.dataset_mask() > 0]
        assert len(shown) > 0
        assert strangers(shown) == 0


def test_a_tile_that_is_a_block_is_copied_and_has_the_very_pixels(cog: Path) -> None:
    x, y = SQUARES[0][0] * 16 + 9, SQUARES[0][1] * 16 + 3  # pixels 2304 and 768 of the square
    found = tile(cog, (ZOOM, x, y), "auto")
    level = opened(cog).levels[ZOOM]
    index = (y - level.top) * level.columns + x - level.left
    begin, size = int(level.offsets[index]), int(level.counts[index])
    assert found is not None
    assert found.media_type == "image/webp"
    assert found.content == cog.read_bytes()[begin : begin + size]
    expected = drawn(0)[0][768:1024, 2304:2560]
    assert (decoded(found.content)[..., :3] == expected).all()
    png = tile(cog, (ZOOM, x, y), "png")
    assert png is not None
    assert (decoded(png.content)[..., :3] == expected).all()


@pytest.mark.parametrize("suffix", ["auto", "png"])
def test_tiles_of_every_zoom_show_legend_colours_alone(cog: Path, suffix: str) -> None:
    left, top, _, _ = opened(cog).extent(ZOOM)
    x, y = left + 2300, top + 320  # near the first picture's rim
    for zoom in range(5, ZOOM + 4):
        scale = 2.0 ** (zoom - ZOOM)
        found = tile(cog, (zoom, int(x * scale) // 256, int(y * scale) // 256), suffix)
        assert found is not None, zoom
        assert found.media_type == ("image/png" if suffix == "png" else "image/webp")
        shown = decoded(found.content)
        assert set(np.unique(shown[..., 3])) <= {0, 255}
        assert strangers(shown[shown[..., 3] > 0][:, :3]) == 0


@pytest.mark.parametrize("crs", ["EPSG:3857", "EPSG:4490", "EPSG:4545"])
def test_maps_in_any_crs_show_legend_colours_alone(cog: Path, crs: str) -> None:
    with rasterio.open(cog) as image:
        box = rasterio.warp.transform_bounds(image.crs, crs, *image.bounds)
    for share in (1.0, 0.35):
        near = (box[0], box[3] - share * (box[3] - box[1]), box[0] + share * (box[2] - box[0]),
                box[3])  # fmt: skip
        colours, alpha = picture(cog, CRS.from_user_input(crs), near, (301, 407))
        assert (alpha > 0).any()
        assert set(np.unique(alpha)) <= {0, 255}
        assert strangers(colours[alpha > 0]) == 0


def test_classes_as_jpeg_are_refused(cog: Path, tmp_path: Path) -> None:
    with pytest.raises(NotFoundError, match="name classes"):
        tile(cog, (ZOOM, SQUARES[0][0] * 16 + 9, SQUARES[0][1] * 16 + 3), "jpg")
    with pytest.raises(ParameterError, match="name classes"):
        export.write(asked(cog, Form.JPG), tmp_path / "a.mbtiles")
    assert list(tmp_path.iterdir()) == []


def asked(cog: Path, form: Form = Form.AUTO) -> Export:
    with rasterio.open(cog) as image:
        bounds = rasterio.warp.transform_bounds(image.crs, "EPSG:4490", *image.bounds)
    return Export(cog=cog, title="坡度", bounds=bounds, zooms=(10, 14), form=form, about={})


def test_an_export_names_the_format_of_its_tiles(cog: Path, tmp_path: Path) -> None:
    export.write(asked(cog), tmp_path / "a.mbtiles")
    with closing(sqlite3.connect(tmp_path / "a.mbtiles")) as base:
        told = dict(base.execute("select name, value from metadata"))
        tiles = [row[0] for row in base.execute("select tile_data from tiles")]
    assert told["format"] == "webp"
    assert len(tiles) > 20
    assert {content[:4] + content[8:12] for content in tiles} == {b"RIFFWEBP"}
    shown = np.concatenate([t[t[..., 3] > 0] for t in map(decoded, tiles)])
    assert strangers(shown[:, :3]) == 0
    export.write(asked(cog), tmp_path / "a.pmtiles")
    header = _READER(_SOURCE((tmp_path / "a.pmtiles").read_bytes())).header()
    assert header["tile_type"] == TileType.WEBP
    export.write(asked(cog, Form.PNG), tmp_path / "b.mbtiles")
    with closing(sqlite3.connect(tmp_path / "b.mbtiles")) as base:
        assert dict(base.execute("select name, value from metadata"))["format"] == "png"


@settings(max_examples=60, deadline=None)
@given(
    index=arrays(np.uint8, (6, 8), elements=st.integers(0, 4)), seen=arrays(np.bool_, (6, 8))
)  # fmt: skip
def test_half_the_pixels_have_the_commonest_class_of_the_four_that_are_seen(
    index: npt.NDArray[np.uint8], seen: npt.NDArray[np.bool_]
) -> None:
    small, mask = halve(LEGEND[index], seen, classed=True)
    for row in range(3):
        for column in range(4):
            four = (slice(2 * row, 2 * row + 2), slice(2 * column, 2 * column + 2))
            there = index[four][seen[four]].tolist()
            assert bool(mask[row, column]) == bool(there)
            if there:
                (found,) = np.flatnonzero((small[row, column] == LEGEND).all(axis=1))
                assert there.count(found) == max(map(there.count, there))
