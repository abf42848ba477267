"""Orthophoto, DEM and mesh are of one ground."""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
import rasterio
from pyproj import Transformer
from rasterio.windows import from_bounds
from sample_city import raster, terrain
from sample_city.frame import BOUNDS, CENTRE
from sample_city.noise import Window
from sample_city.overhead import picture
from sample_city.scene import Scene
from scipy.ndimage import map_coordinates

Floats = npt.NDArray[np.float64]


def sample(path: Path, x: Floats, y: Floats) -> Floats:
    """The DEM between its posts, bilinear."""
    with rasterio.open(path) as sheet:
        column, row = ~sheet.transform @ (x, y)
        values = sheet.read(1).astype(np.float64)
        return np.asarray(map_coordinates(values, [row - 0.5, column - 0.5], order=1))


def test_the_committed_deliveries_are_small(huating: Path) -> None:
    files = [f for f in huating.parent.rglob("*") if f.is_file() and "__pycache__" not in f.parts]
    size = sum(f.stat().st_size for f in files)
    assert size < 15e6


@pytest.mark.parametrize(
    ("product", "least"),
    [("ortho", (1200.0, 1000.0)), ("satellite", (12e3, 12e3)), ("dem", (12e3, 12e3))],
)
def test_sheets_adjoin_lie_in_the_city_and_state_their_crs(
    huating: Path, product: str, least: tuple[float, float]
) -> None:
    paths = sorted((huating / product).glob("*.tif"))
    assert len(paths) >= 2
    boxes = []
    for path in paths:
        with rasterio.open(path) as sheet:
            assert sheet.crs.to_epsg() == 4545
            boxes.append(sheet.bounds)
    for left, right in pairwise(boxes):
        assert right.left <= left.right
        assert (left.bottom, left.top) == (right.bottom, right.top)
    assert boxes[-1].right - boxes[0].left >= least[0]
    assert boxes[0].top - boxes[0].bottom >= least[1]
    lon, lat = Transformer.from_crs(4545, 4490, always_xy=True).transform(
        [b for box in boxes for b in (box.left, box.right)] * 2,
        [b for box in boxes for b in (box.top, box.top)]
        + [b for box in boxes for b in (box.bottom, box.bottom)],
    )
    assert BOUNDS[0] < min(lon) < max(lon) < BOUNDS[2]
    assert BOUNDS[1] < min(lat) < max(lat) < BOUNDS[3]


def test_dem_sheets_have_no_holes_and_agree_where_they_overlap(huating: Path) -> None:
    first, second = sorted((huating / "dem").glob("*.tif"))
    with rasterio.open(first) as a, rasterio.open(second) as b:
        assert (a.nodata, a.dtypes, a.res) == (-9999.0, ("float32",), (15.0, 15.0))
        shared = (b.bounds.left, a.bounds.bottom, a.bounds.right, a.bounds.top)
        left = a.read(1, window=from_bounds(*shared, a.transform))
        right = b.read(1, window=from_bounds(*shared, b.transform))
        assert left.shape[1] >= 4
        np.testing.assert_array_equal(left, right)
        assert min(a.read(1).min(), b.read(1).min()) > 1300.0


def test_the_dem_stands_for_the_towns_ground_within_three_decimetres(huating: Path) -> None:
    rng = np.random.default_rng(1)
    x = CENTRE[0] - rng.uniform(80.0, 600.0, 4000)  # west of the sheets' join
    y = CENTRE[1] + rng.uniform(-450.0, 450.0, 4000)
    error = sample(huating / "dem" / "DEM_15m_01.tif", x, y) - terrain.height(x, y)
    assert np.abs(error).max() < 0.3


@pytest.mark.oracle
def test_the_meshs_ground_is_the_dems(huating: Path, osgconv: Callable[[Path], Any]) -> None:
    folder = huating / "oblique" / "Data" / "Tile_+001_+002"
    points = np.concatenate(
        [v for f in sorted(folder.glob("*_L18_*.osgb")) for v in osgconv(f).vertices]
    ) + np.array([376768.0, 3899520.0, 1400.0])
    lattice = (np.abs(points[:, :2] / 4.0 - np.round(points[:, :2] / 4.0)) < 1e-4).all(axis=1)
    ground = points[lattice]
    ground = ground[np.abs(ground[:, 2] - terrain.height(ground[:, 0], ground[:, 1])) < 0.01]
    assert len(ground) >= 4 * 17 * 17
    error = sample(huating / "dem" / "DEM_15m_01.tif", ground[:, 0], ground[:, 1]) - ground[:, 2]
    assert np.abs(error).max() < 0.5


def test_the_orthophoto_shows_the_scene(huating: Path) -> None:
    window = Window(CENTRE[0] - 200.0, CENTRE[1] + 128.0, 0.5, 256, 256)
    painted = picture(Scene(), window).astype(np.float64)
    with rasterio.open(huating / "ortho" / "DOM_0.5m_01.tif") as sheet:
        assert sheet.res == (0.5, 0.5)
        kept = sheet.read(window=from_bounds(*window.bounds, sheet.transform))
    assert np.abs(painted - np.moveaxis(kept, 0, 2)).mean() < 5.0


def test_scale_does_not_change_the_core() -> None:
    window = Window(CENTRE[0] - 60.0, CENTRE[1] + 100.0, 0.5, 96, 96)
    first = picture(Scene(1), window)
    np.testing.assert_array_equal(first, picture(Scene(1), window))
    np.testing.assert_array_equal(first, picture(Scene(3), window))
    assert (first != picture(Scene(1, seed=7), window)).any()


def test_the_dem_is_smooth_enough_for_its_posts(huating: Path) -> None:
    with rasterio.open(huating / "dem" / "DEM_15m_01.tif") as sheet:
        ground = sheet.read(1).astype(np.float64)
    for axis in (0, 1):
        bend = np.abs(np.diff(ground, 2, axis=axis))
        assert (bend > 1.5).mean() < 0.01
        assert bend.max() < 6.0
    assert ground.max() - ground.min() > 400.0


def test_the_satellite_picture_covers_the_dem(huating: Path) -> None:
    boxes = {}
    for product in ("satellite", "dem"):
        sheets = [rasterio.open(p).bounds for p in sorted((huating / product).glob("*.tif"))]
        west, south, east, north = zip(*sheets, strict=True)
        boxes[product] = (min(west), min(south), max(east), max(north))
    outer, inner = boxes["satellite"], boxes["dem"]
    assert outer[0] <= inner[0] < inner[2] <= outer[2]
    assert outer[1] <= inner[1] < inner[3] <= outer[3]


def test_satellite_and_orthophoto_have_the_same_colours_inside_and_at_the_rim(
    huating: Path,
) -> None:
    """Means of 64 m squares: JPEG and the coarser painting cost a few grey levels, no more."""
    near, (left, top), _ = _mosaic(huating / "ortho")
    far, (west, north), gsd = _mosaic(huating / "satellite")
    row, column = round((north - top) / gsd), round((left - west) / gsd)
    close = _means(near, 128)
    error = np.abs(close - _means(far[:, row:, column:], 8)[:, : close.shape[1], : close.shape[2]])
    rim = np.concatenate([error[:, 0], error[:, -1], error[:, :, 0], error[:, :, -1]], axis=1)
    assert rim.max() < 4.0
    assert error.mean() < 1.5
    assert error.max() < 8.0


def _mosaic(folder: Path) -> tuple[Floats, tuple[float, float], float]:
    """Pixels (3, rows, columns) of adjoining sheets, their north-west corner and pixel size."""
    pixels = []
    paths = sorted(folder.glob("*.tif"))
    for path in paths:
        with rasterio.open(path) as sheet:
            pixels.append(sheet.read().astype(np.float64))
    with rasterio.open(paths[0]) as first:
        corner = (float(first.bounds.left), float(first.bounds.top))
        return np.concatenate(pixels, axis=2), corner, float(first.res[0])


def _means(pixels: Floats, side: int) -> Floats:
    """Mean colours (3, rows, columns) of squares of ``side`` pixels."""
    rows, columns = pixels.shape[1] // side, pixels.shape[2] // side
    whole = pixels[:, : rows * side, : columns * side]
    return np.asarray(whole.reshape(3, rows, side, columns, side).mean(axis=(2, 4)))


def test_the_satellite_picture_is_painted_the_same_by_one_process_and_by_two(
    tmp_path: Path,
) -> None:
    west, south = CENTRE[0] + 1792.0, CENTRE[1] - 512.0
    box = (west, south, west + 1024.0, south + 1024.0)
    alone = raster.space(Scene(), tmp_path / "alone", box, workers=1)
    shared = raster.space(Scene(), tmp_path / "shared", box, workers=2)
    assert [p.read_bytes() for p in alone] == [p.read_bytes() for p in shared]
