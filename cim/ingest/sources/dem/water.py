"""Water polygons as masks of terrain tiles."""

from __future__ import annotations

import hashlib
import warnings
from functools import cached_property
from pathlib import Path
from typing import Any

import geopandas as gpd
import numpy as np
import numpy.typing as npt
import shapely
from affine import Affine
from rasterio.features import rasterize

from cim.errors import InputError
from cim.geo.crs import CGCS2000
from cim.ingest.source import Request
from cim.ingest.sources.dem.options import DemOptions
from cim.tiles.terrain.ground import Window
from cim.tiles.terrain.place import Place

PIXELS = 256
WATER = 255


class WaterAreas:
    """Where water stands.

    Args:
        shapes: Polygons, degrees.
    """

    def __init__(self, shapes: npt.NDArray[np.object_]) -> None:
        self.shapes = shapes

    @classmethod
    def read(cls, path: Path) -> WaterAreas:
        """All polygons of a file.

        Raises:
            InputError: it cannot be read, says not where it lies, or holds no polygon.
        """
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore", UserWarning)
                parquet = path.suffix == ".parquet"
                frame = gpd.read_parquet(path) if parquet else gpd.read_file(path)
        except Exception as error:
            raise InputError(f"water cannot be read: {error}", path=path) from error
        shapes = frame.geometry[frame.geometry.geom_type.isin(["Polygon", "MultiPolygon"])]
        if shapes.crs is None or not len(shapes):
            raise InputError(
                "it holds no polygon of water, or does not say its CRS",
                path=path,
                remedy="name a layer or file of polygons with -o water=",
            )
        return cls(np.asarray(shapes.to_crs(CGCS2000).force_2d().make_valid().to_numpy()))

    @cached_property
    def _tree(self) -> Any:
        return shapely.STRtree(self.shapes)

    def _within(self, box: tuple[float, float, float, float]) -> npt.NDArray[np.int64]:
        return np.sort(self._tree.query(shapely.box(*box), predicate="intersects"))

    def mask(self, place: Place) -> npt.NDArray[np.uint8]:
        """(256, 256) of a tile: rows from the north, 255 where a pixel's middle lies in water."""
        width = place.width
        west, south = place.x * width - 180.0, place.y * width - 90.0
        found = self._within((west, south, west + width, south + width))
        if not len(found):
            return np.zeros((PIXELS, PIXELS), np.uint8)
        pixel = width / PIXELS
        mask: npt.NDArray[np.uint8] = rasterize(
            [(shape, WATER) for shape in self.shapes[found]], (PIXELS, PIXELS), dtype="uint8",
            transform=Affine(pixel, 0, west, 0, -pixel, south + width),
        )  # fmt: skip
        return mask

    def digest(self, window: Window) -> str:
        """Tells whether masks of a window's tiles may be others now."""
        found = hashlib.sha256()
        for shape in self.shapes[self._within(window.box)]:
            found.update(shapely.to_wkb(shape))
        return found.hexdigest()[:16]


def water_of(request: Request) -> Path | None:
    """The file of polygons that the user named, or the rows of the layer.

    Raises:
        InputError: there is neither.
    """
    name = DemOptions.of(request).water
    if not name:
        return None
    if name in request.borrowed:
        return request.borrowed[name]
    path = Path(name)
    if not path.is_file():
        raise InputError(
            f"{name} is neither a file nor a layer",
            remedy="give -o water= a layer such as base.water, or a vector file",
        )
    return path.resolve()


def is_layer(name: str) -> bool:
    """Whether an option's value is meant as a layer's id rather than as a file."""
    return bool(name) and not Path(name).exists() and "/" not in name and name.count(".") == 1
