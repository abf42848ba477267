"""A COG, open: what an earlier program wrote, what GDAL decodes, many threads, and damage."""

from __future__ import annotations

import io
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
import rasterio
import rasterio.shutil
from affine import Affine
from PIL import Image
from rasterio.windows import Window

from cim.errors import FormatError
from cim.tiles.imagery import HALF, joining, pack, tile, zoom_resolution
from cim.tiles.imagery.block import Coding, decode_mask, encode_mask
from cim.tiles.imagery.cog import opened
from tests.delivered import photo

ZOOM = 18
X, Y = 13045 * 16, 6476 * 16  # tile of the north-west corner


def picture() -> tuple[np.ndarray[tuple[int, ...], np.dtype[np.uint8]], np.ndarray[
    tuple[int, ...], np.dtype[np.bool_]]]:  # fmt: skip
    colours = np.zeros((pack.SIDE, pack.SIDE, 3), np.uint8)
    seen = np.zeros((pack.SIDE, pack.SIDE), bool)
    inner = (slice(300, 1700), slice(200, 2100))
    colours[inner] = np.moveaxis(photo(1400, 1900, fields=0), 0, -1)
    seen[inner] = True
    return colours, seen


@pytest.fixture(scope="module")
def ours(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("ours")
    colours, seen = picture()
    pack.write(folder / "a.pack", colours, seen, Coding(85))
    joining.join(
        [pack.read(folder / "a.pack", X // 16, Y // 16)], ZOOM, Coding(85), folder / "a.tif"
    )
    return folder / "a.tif"


@pytest.fixture(scope="module")
def earlier(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """As GDAL's own driver writes it, which earlier versions of a layer were built with."""
    folder = tmp_path_factory.mktemp("earlier")
    colours, seen = picture()
    size = zoom_resolution(ZOOM)
    with (
        rasterio.Env(GDAL_TIFF_INTERNAL_MASK=True),
        rasterio.open(
            folder / "plain.tif", "w", driver="GTiff", dtype="uint8", count=3, width=pack.SIDE,
            height=pack.SIDE, crs="EPSG:3857", photometric="rgb", tiled=True, sparse_ok=True,
            transform=Affine(size, 0, X * 256 * size - HALF, 0, -size, HALF - Y * 256 * size),
        ) as image,
    ):  # fmt: skip
        image.write(np.moveaxis(colours, -1, 0))
        image.write_mask(seen)
    rasterio.shutil.copy(
        folder / "plain.tif", folder / "a.tif", driver="COG", compress="JPEG", quality=85,
        blocksize=256, overview_count=4, overview_compress="JPEG", sparse_ok="YES",
    )  # fmt: skip
    return folder / "a.tif"


@pytest.fixture(params=["ours", "earlier"])
def cog(request: pytest.FixtureRequest) -> Path:
    found: Path = request.getfixturevalue(request.param)
    return found


def test_every_block_is_what_gdal_decodes_and_is_copied_only_where_it_is_full(cog: Path) -> None:
    found = opened(cog)
    assert sorted(found.levels) == [14, 15, 16, 17, 18]
    copied = drawn = 0
    for level in found.levels.values():
        options = {} if level.zoom == ZOOM else {"OVERVIEW_LEVEL": ZOOM - level.zoom - 1}
        with rasterio.open(cog, **options) as image:
            for row in range(level.rows):
                for column in range(level.columns):
                    window = Window(column * 256, row * 256, 256, 256)
                    mask = image.dataset_mask(window=window) > 0
                    x, y = level.left + column, level.top + row
                    whole = found.copied(level, x, y)
                    assert (whole is not None) == bool(mask.all())
                    block = found.block(level, x, y)
                    assert (block is None) == (not mask.any())
                    if block is None:
                        continue
                    colours, seen = block
                    assert (seen == mask).all()
                    theirs = np.moveaxis(image.read(window=window), 0, -1).astype(int)
                    # two decoders spread the halved colours differently
                    difference = np.abs(colours - theirs)[mask]
                    assert len(difference) < 10_000 or difference.mean() < 1.5
                    assert difference.max() <= 24
                    drawn += 1
                    if whole is not None:
                        copied += 1
                        alone = np.asarray(Image.open(io.BytesIO(whole)).convert("RGB"))
                        assert (alone == colours).all()
    assert copied > 20
    assert drawn > copied


def test_many_threads_get_the_same_tiles_as_one(cog: Path) -> None:
    places = [(ZOOM, X + c, Y + r) for c in range(10) for r in range(8)] * 4
    one = [tile(cog, place, "auto") for place in places]
    with ThreadPoolExecutor(8) as crew:
        many = list(crew.map(lambda place: tile(cog, place, "auto"), places))
    assert one == many


def test_levels_above_the_file_are_halved_down_to_the_whole_world(cog: Path) -> None:
    for z in range(14):
        found = tile(cog, (z, X >> (ZOOM - z), Y >> (ZOOM - z)), "png")
        assert found is not None
        alpha = np.asarray(Image.open(io.BytesIO(found.content)))[..., 3] > 0
        side = 1400 * 1900 / 4.0 ** (ZOOM - z)
        assert alpha.sum() >= max(1, 0.8 * side)


def test_a_file_that_took_the_place_of_another_is_seen(ours: Path, tmp_path: Path) -> None:
    path = tmp_path / "a.tif"
    path.write_bytes(ours.read_bytes())
    first = opened(path)
    other = tmp_path / "b.tif"
    other.write_bytes(ours.read_bytes())
    other.replace(path)
    assert opened(path) is not first
    assert opened(path) is opened(path)


def test_a_truncated_file_and_one_that_is_none_are_told(ours: Path, tmp_path: Path) -> None:
    data = ours.read_bytes()
    for name, content, said in (
        ("none", b"no TIFF at all", "no little-endian TIFF"),
        ("head", data[:400], "cut short|longer than the file"),
        ("block", data[: len(data) // 2], "beyond its end"),
    ):
        path = tmp_path / f"{name}.tif"
        path.write_bytes(content)
        with pytest.raises(FormatError, match=said):
            [tile(path, (ZOOM, X + c, Y + r), "auto") for c in range(10) for r in range(8)]


def test_a_cog_off_the_grid_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "a.tif"
    with rasterio.open(
        path, "w", driver="COG", dtype="uint8", count=3, width=600, height=600, crs="EPSG:3857",
        transform=Affine(0.6, 0, 11870000, 0, -0.6, 4197000), compress="JPEG", blocksize=256,
    ) as image:  # fmt: skip
        image.write(photo(600, 600))
    with pytest.raises(FormatError, match="not the tiles of the web-mercator grid"):
        opened(path)


def test_a_mask_comes_back_as_it_was() -> None:
    random = np.random.default_rng(1).random((256, 256)) > 0.5
    assert (decode_mask(encode_mask(random)) == random).all()
    with pytest.raises(FormatError):
        decode_mask(b"nothing")
