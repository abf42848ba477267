"""What a product shows: values from heights, and a colour for each value."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import rasterio
from rasterio.windows import Window

from cim.geo import terrain
from cim.geo.crs import resolve
from cim.geo.grid import Grid
from cim.ingest.sources import raster

Floats = npt.NDArray[np.float64]
BLOCK = 2048
HALO = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """One colour of a legend: values up to ``limit`` (of a scale) or sectors around it.

    Args:
        limit: Upper end of the class, included; the last has none.
        color: #rrggbb.
        title: Chinese.
        title_en: English.
    """

    limit: float
    color: str
    title: str
    title_en: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Picture:
    """A product that is a picture.

    Args:
        name: As asked for.
        title: Chinese.
        title_en: English.
        unit: Of its values, UCUM; empty for none.
        values: From a ground to values, NaN where unknown.
        legend: Classes in order; none for a grey ramp from 0 to 1.
    """

    name: str
    title: str
    title_en: str
    unit: str
    values: Callable[[Grid], Floats]
    legend: tuple[Step, ...] = ()

    def colours(self, values: Floats) -> npt.NDArray[np.uint8]:
        """(4, rows, columns): red, green, blue, and 255 where the value is known."""
        known = np.isfinite(values)
        alpha = np.where(known, 255, 0).astype(np.uint8)
        if not self.legend:
            grey = np.where(known, np.round(1 + 254 * np.nan_to_num(values)), 0).astype(np.uint8)
            return np.stack([grey, grey, grey, alpha])
        table = np.array([_rgb(step.color) for step in self.legend], np.uint8)
        limits = [step.limit for step in self.legend[:-1]]
        index = np.searchsorted(limits, np.nan_to_num(values), side="left")
        painted = np.where(known[..., None], table[index], 0)
        four = np.concatenate([np.moveaxis(painted, -1, 0), alpha[None]])
        return np.asarray(four, np.uint8)


def _rgb(color: str) -> tuple[int, int, int]:
    return int(color[1:3], 16), int(color[3:5], 16), int(color[5:7], 16)


def _aspect(grid: Grid) -> Floats:
    """From true north: the grid's convergence at its middle is taken off."""
    return np.asarray((terrain.aspect(grid) + grid.convergence(*grid.middle)) % 360.0)


_SECTORS = (
    ("北", "N", "#e53935"), ("东北", "NE", "#fb8c00"), ("东", "E", "#fdd835"),
    ("东南", "SE", "#7cb342"), ("南", "S", "#00acc1"), ("西南", "SW", "#1e88e5"),
    ("西", "W", "#5e35b1"), ("西北", "NW", "#d81b60"),
)  # fmt: skip

PRODUCTS = {
    "hillshade": Picture(
        name="hillshade", title="山体阴影", title_en="Hillshade", unit="",
        values=lambda grid: terrain.hillshade(grid, azimuth=315.0, elevation=45.0),
    ),
    "slope": Picture(
        name="slope", title="坡度", title_en="Slope", unit="deg", values=terrain.slope,
        legend=(
            Step(limit=2, color="#2e7d32", title="≤2°", title_en="up to 2°"),
            Step(limit=6, color="#9ccc65", title="2°–6°", title_en="2° to 6°"),
            Step(limit=15, color="#ffee58", title="6°–15°", title_en="6° to 15°"),
            Step(limit=25, color="#ffa726", title="15°–25°", title_en="15° to 25°"),
            Step(limit=35, color="#ef5350", title="25°–35°", title_en="25° to 35°"),
            Step(limit=90, color="#8e24aa", title=">35°", title_en="over 35°"),
        ),
    ),
    "aspect": Picture(
        name="aspect", title="坡向", title_en="Aspect", unit="deg", values=_aspect,
        legend=(
            *(Step(limit=22.5 + 45 * i, color=color, title=zh, title_en=en)
              for i, (zh, en, color) in enumerate(_SECTORS)),
            Step(limit=360, color=_SECTORS[0][2], title=_SECTORS[0][0], title_en=_SECTORS[0][1]),
        ),
    ),
}  # fmt: skip


def paint(product: Picture, model: Path, values: Path, picture: Path) -> None:
    """Write a product's values (float32, NaN unknown) and its picture (RGBA) for one model.

    Block by block with a halo, so that memory does not grow with the model and no block shows.
    """
    with rasterio.open(model) as image:
        profile = {
            "driver": "GTiff", "width": image.width, "height": image.height, "crs": image.crs,
            "transform": image.transform, "tiled": True, "blockxsize": 512, "blockysize": 512,
            "bigtiff": "if_safer", "compress": "deflate",
        }  # fmt: skip
        crs = resolve(image.crs.to_wkt()).crs
        values.parent.mkdir(parents=True, exist_ok=True)
        with (
            raster.written(values),
            rasterio.open(values, "w", count=1, dtype="float32", nodata=np.nan, predictor=3,
                          **profile) as out,
            rasterio.open(picture, "w", count=4, dtype="uint8", photometric="rgb", alpha="yes",
                          **profile) as painted,
        ):  # fmt: skip
            for row in range(0, image.height, BLOCK):
                for column in range(0, image.width, BLOCK):
                    inner = Window(column, row, min(BLOCK, image.width - column),
                                   min(BLOCK, image.height - row))  # fmt: skip
                    found = product.values(_around(image, inner, crs))
                    found = found[HALO : HALO + inner.height, HALO : HALO + inner.width]
                    out.write(found.astype(np.float32), 1, window=inner)
                    painted.write(product.colours(found), window=inner)


def _around(image: rasterio.DatasetReader, inner: Window, crs: object) -> Grid:
    """Heights of a window and a halo around it, NaN beyond the model."""
    window = Window(
        inner.col_off - HALO, inner.row_off - HALO, inner.width + 2 * HALO, inner.height + 2 * HALO
    )
    heights = image.read(1, window=window, boundless=True, fill_value=np.nan, masked=True)
    west, north = image.transform @ (window.col_off, window.row_off)
    return Grid(
        heights=heights.astype(np.float64).filled(np.nan),
        west=west,
        north=north,
        cell=(image.transform.a, -image.transform.e),
        crs=crs,  # type: ignore[arg-type]
    )
