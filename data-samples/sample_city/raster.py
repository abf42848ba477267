"""Orthophotos of two years, the satellite picture and the DEM as sheets of GeoTIFF."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from itertools import pairwise
from pathlib import Path

import numpy as np
import numpy.typing as npt
import rasterio
from affine import Affine
from rasterio.windows import Window as Part

from sample_city import crew, satellite, terrain
from sample_city.frame import CENTRE, CRS, EAST, NORTH, SOUTH, WEST, WHOLE
from sample_city.noise import Window
from sample_city.overhead import picture
from sample_city.scene import Scene

ORTHO_GSD = 0.5  # m
ORTHO_SIZE = (1984.0, 1536.0)  # m across and down at scale 1
ORTHO_SHEETS = 2  # across, at scale 1
EARLIER_GSD = 1.6  # m
EARLIER_YEAR, EARLIER_DAY = 2021, "2021:04:25 11:20:00"
SATELLITE_GSD = 8.0  # m
DEM_STEP = 15.0  # m
DEM_SIZE = (12600.0, 12600.0)  # m at scale 1
DEM_OVERLAP = 8  # posts that neighbouring sheets share
NODATA = -9999.0
STRIP = 128.0  # m painted and written at once

Box = tuple[float, float, float, float]
Bytes = npt.NDArray[np.uint8]


def area(size: tuple[float, float], scale: float, step: float) -> Box:
    """West, south, east, north (m) of a product: ``scale`` times as wide, inside the county."""
    half = [side * scale / 2 for side in size]
    least = (WEST, SOUTH) if scale == 1 else (CENTRE[0] - WHOLE, CENTRE[1] - WHOLE)
    most = (EAST, NORTH) if scale == 1 else (CENTRE[0] + WHOLE, CENTRE[1] + WHOLE)
    west, south = (max(CENTRE[i] - half[i], least[i] + step) for i in (0, 1))
    east, north = (min(CENTRE[i] + half[i], most[i] - step) for i in (0, 1))
    west, south = (float(np.ceil(v / step) * step) for v in (west, south))
    east, north = (float(np.floor(v / step) * step) for v in (east, north))
    return west, south, east, north


def ortho(scene: Scene, folder: Path, box: Box | None = None, workers: int = 1) -> list[Path]:
    """Write the orthophoto in adjoining sheets, strip by strip: memory stays bounded."""
    box = box or ortho_area(scene.scale)
    count = ORTHO_SHEETS * scene.scale
    edges = np.round(np.linspace(box[0], box[2], count + 1) / 8.0) * 8.0
    paths = []
    for number, (west, east) in enumerate(pairwise(edges)):
        path = folder / f"DOM_0.5m_{number + 1:02d}.tif"
        sheet = (float(west), box[1], float(east), box[3])
        strips = _strips(sheet, ORTHO_GSD, round(STRIP / ORTHO_GSD))
        painted = crew.spread(partial(picture, scene), strips, workers)
        _image(path, sheet, ORTHO_GSD, painted, quality=84)
        paths.append(path)
    return paths


def earlier(scene: Scene, folder: Path, box: Box | None = None, workers: int = 1) -> Path:
    """Write the orthophoto of some years ago, coarser and in one sheet that knows its day."""
    past = Scene(scene.scale, scene.seed, EARLIER_YEAR)
    box = box or ortho_area(scene.scale)
    path = folder / "DOM_1.6m_2021.tif"
    strips = _strips(box, EARLIER_GSD, round(STRIP / EARLIER_GSD))
    painted = crew.spread(partial(picture, past, sharper=2), strips, workers)
    _image(path, box, EARLIER_GSD, painted, quality=80, day=EARLIER_DAY)
    return path


def ortho_area(scale: int) -> Box:
    """West, south, east, north (m) of the orthophoto."""
    return area(ORTHO_SIZE, scale, 16 * ORTHO_GSD)


def satellite_area(scale: int) -> Box:
    """West, south, east, north (m) of the satellite picture: whole pixels around the DEM."""
    west, south, east, north = (v / SATELLITE_GSD for v in area(DEM_SIZE, scale, DEM_STEP))
    whole = (np.floor(west), np.floor(south), np.ceil(east), np.ceil(north))
    return (
        float(whole[0]) * SATELLITE_GSD, float(whole[1]) * SATELLITE_GSD,
        float(whole[2]) * SATELLITE_GSD, float(whole[3]) * SATELLITE_GSD,
    )  # fmt: skip


def space(scene: Scene, folder: Path, box: Box | None = None, workers: int = 1) -> list[Path]:
    """Write the satellite picture in two adjoining sheets."""
    box = box or satellite_area(scene.scale)
    middle = round((box[0] + box[2]) / 2 / SATELLITE_GSD) * SATELLITE_GSD
    paint = partial(satellite.picture, scene, ortho_area(scene.scale))
    paths = []
    for number, (west, east) in enumerate(((box[0], middle), (middle, box[2]))):
        path = folder / f"SAT_8m_{number + 1:02d}.tif"
        sheet = (west, box[1], east, box[3])
        strips = _strips(sheet, SATELLITE_GSD, satellite.SIDE)
        painted = crew.spread(paint, strips, workers)
        _image(path, sheet, SATELLITE_GSD, painted, quality=88)
        paths.append(path)
    return paths


def _strips(box: Box, gsd: float, rows: int) -> list[Window]:
    columns, total = round((box[2] - box[0]) / gsd), round((box[3] - box[1]) / gsd)
    return [
        Window(box[0], box[3] - row * gsd, gsd, columns, min(rows, total - row))
        for row in range(0, total, rows)
    ]


def _image(
    path: Path, box: Box, gsd: float, strips: Iterator[Bytes], *, quality: int, day: str = ""
) -> None:
    """Write a sheet of RGB from strips, the northernmost first; ``day`` is TIFF's DateTime."""
    path.parent.mkdir(parents=True, exist_ok=True)
    profile = {
        "driver": "GTiff", "width": round((box[2] - box[0]) / gsd),
        "height": round((box[3] - box[1]) / gsd), "count": 3, "dtype": "uint8",
        "crs": CRS, "transform": Affine(gsd, 0.0, box[0], 0.0, -gsd, box[3]),
        "tiled": True, "blockxsize": 256, "blockysize": 256, "compress": "jpeg",
        "photometric": "ycbcr", "jpeg_quality": quality, "bigtiff": "if_safer",
        "interleave": "pixel",
    }  # fmt: skip
    row = 0
    with rasterio.open(path, "w", **profile) as sheet:
        if day:
            sheet.update_tags(TIFFTAG_DATETIME=day)
        for painted in strips:
            count, columns = painted.shape[:2]
            sheet.write(np.moveaxis(painted, 2, 0), window=Part(0, row, columns, count))
            row += count


def dem(folder: Path, scale: int, box: Box | None = None) -> list[Path]:
    """Write the bare ground in sheets that share some posts with equal values."""
    folder.mkdir(parents=True, exist_ok=True)
    box = box or area(DEM_SIZE, scale, DEM_STEP)
    middle = round((box[0] + box[2]) / 2 / DEM_STEP) * DEM_STEP
    lap = DEM_OVERLAP / 2 * DEM_STEP
    sheets = ((box[0], middle + lap), (middle - lap, box[2]))
    paths = []
    for number, (west, east) in enumerate(sheets):
        path = folder / f"DEM_15m_{number + 1:02d}.tif"
        _dem_sheet(path, (west, box[1], east, box[3]))
        paths.append(path)
    return paths


def _dem_sheet(path: Path, box: Box) -> None:
    columns, rows = round((box[2] - box[0]) / DEM_STEP), round((box[3] - box[1]) / DEM_STEP)
    window = Window(box[0], box[3], DEM_STEP, columns, rows)
    profile = {
        "driver": "GTiff", "width": columns, "height": rows, "count": 1, "dtype": "float32",
        "crs": CRS, "transform": Affine(DEM_STEP, 0.0, box[0], 0.0, -DEM_STEP, box[3]),
        "nodata": NODATA, "tiled": True, "blockxsize": 256, "blockysize": 256,
        "compress": "deflate", "predictor": 3, "zlevel": 9,
    }  # fmt: skip
    with rasterio.open(path, "w", **profile) as sheet:
        for row in range(0, rows, 256):
            count = min(256, rows - row)
            x, y = np.meshgrid(window.x, window.y[row : row + count])
            # A decimetre is what a 15 m survey knows; a power of two compresses best.
            ground = np.round(terrain.height(x, y) * 16.0) / 16.0
            sheet.write(ground.astype(np.float32), 1, window=Part(0, row, columns, count))
