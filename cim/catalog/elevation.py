"""Heights of the ground, read from the published elevation models: at a place and around it.

A version holds one or more models by priority; the first that knows a place gives its height.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import rasterio
from affine import Affine
from rasterio.enums import Resampling
from rasterio.vrt import WarpedVRT
from rasterio.warp import transform_bounds
from rasterio.windows import Window
from sqlalchemy import Engine

from cim.catalog import registry
from cim.catalog.registry import Entry, Version
from cim.errors import ParameterError
from cim.geo.crs import CGCS2000, resolve, transformer
from cim.geo.grid import Grid
from cim.layers import Kind
from cim.store.database import ready
from cim.store.files import Files

MOST_CELLS = 36_000_000  # of a cut; beyond, a coarser model serves


@dataclass(frozen=True, slots=True, kw_only=True)
class Model:
    """One elevation model of a published version.

    Args:
        version: The version.
        name: Of its file below the version's folder.
        cell: Its cell size on the ground, m; infinite where an old version does not say.
    """

    version: Version
    name: str
    cell: float

    def path(self, files: Files) -> Path:
        """Its file.

        Raises:
            StorageError: it is gone.
        """
        return files.held(self.version.layer.id, self.version.version, self.name)


def terrain(entries: Iterable[Entry]) -> list[Version]:
    """The current versions of all terrain layers."""
    return [e.current for e in entries if e.current is not None and e.layer.kind is Kind.TERRAIN]


def models(versions: Iterable[Version]) -> list[Model]:
    """All models of some versions, the finest first; of one version in its own order."""
    waiting = [_of(version) for version in versions]
    found: list[Model] = []
    while waiting := [rest for rest in waiting if rest]:
        found.append(min(waiting, key=lambda rest: rest[0].cell).pop(0))
    return found


def _of(version: Version) -> list[Model]:
    names = version.media.get("models", [version.media["dem"]])
    cells = version.media.get("cells", [version.media.get("resolution", math.inf)])
    return [
        Model(version=version, name=str(name), cell=float(cell))
        for name, cell in zip(names, cells, strict=True)
    ]


def _surface(version: Version) -> list[Model]:
    """The surface of the mesh that a version was joined to.

    Raises:
        ParameterError: it was joined to none.
    """
    name = version.media.get("surface")
    if name is None:
        raise ParameterError(
            f"{version.layer.id} version {version.version} knows no surface",
            remedy="join it to a mesh: cim join " + version.layer.id + " --mesh base.oblique",
        )
    return [Model(version=version, name=str(name), cell=float(version.media["surface_cell"]))]


def rasters(entries: Iterable[Entry], files: Files) -> tuple[Path, ...]:
    """Files of all published elevation models, the finest first; whoever reads one may miss it."""
    return tuple(
        files.file(m.version.layer.id, m.version.version, m.name) for m in models(terrain(entries))
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Elevation:
    """An orthometric height and where it comes from.

    Args:
        metres: Height, m, bilinear between cell centres.
        layer: Layer of the model.
        version: Its version.
        resolution: Its cell size on the ground, m.
        accuracy: Root mean square error of its heights as stated at ingest, m; None where nobody
            has said.
    """

    metres: float
    layer: str
    version: int
    resolution: float
    accuracy: float | None = None


def at(files: Files, versions: Sequence[Version], lon: float, lat: float) -> Elevation | None:
    """Height at a place, from the finest model that knows it; None where none does."""
    return _first(files, models(versions), lon, lat)


def surface_at(
    files: Files, versions: Iterable[Version], lon: float, lat: float
) -> Elevation | None:
    """Height of the surface at a place, buildings and trees included; None beyond all meshes.

    Known where a terrain has been joined to a mesh.
    """
    known = [m for v in versions if v.media.get("surface") is not None for m in _surface(v)]
    found = _first(files, sorted(known, key=lambda m: m.cell), lon, lat)
    return None if found is None else replace(found, accuracy=None)


def _first(files: Files, models: Iterable[Model], lon: float, lat: float) -> Elevation | None:
    """Height at a place from the first model that knows it."""
    for model in models:
        with rasterio.open(model.path(files)) as image:
            metres = _bilinear(image, lon, lat)
            if metres is not None:
                return Elevation(
                    metres=metres,
                    layer=model.version.layer.id,
                    version=model.version.version,
                    resolution=model.cell,
                    accuracy=model.version.media.get("accuracy"),
                )
    return None


def along(
    files: Files, versions: Sequence[Version], points: Sequence[tuple[float, float]]
) -> list[float | None]:
    """Heights at many places in degrees, each from the finest model that knows it, m.

    Every model is opened once.
    """
    heights: list[float | None] = [None] * len(points)
    for model in models(versions):
        open_ones = [i for i, height in enumerate(heights) if height is None]
        if not open_ones:
            break
        with rasterio.open(model.path(files)) as image:
            for i in open_ones:
                heights[i] = _bilinear(image, *points[i])
    return heights


def _bilinear(model: rasterio.DatasetReader, lon: float, lat: float) -> float | None:
    crs = resolve(model.crs.to_wkt()).crs
    x, y = transformer(CGCS2000, crs).transform(lon, lat)
    if not (math.isfinite(x) and math.isfinite(y)):
        return None
    column, row = ~model.transform @ (x, y)
    column, row = column - 0.5, row - 0.5  # from cell corners to cell centres
    left, top = math.floor(column), math.floor(row)
    if not (-1 <= left < model.width and -1 <= top < model.height):
        return None
    left, top = max(min(left, model.width - 2), 0), max(min(top, model.height - 2), 0)
    around = Window(left, top, min(2, model.width), min(2, model.height))
    cells = model.read(1, window=around, masked=True).astype(np.float64).filled(np.nan)
    if not np.isfinite(cells).all():
        return None
    fx = min(max(column - left, 0.0), 1.0)
    fy = min(max(row - top, 0.0), 1.0)
    (a, b), (c, d) = np.broadcast_to(cells, (2, 2))  # of a single row or column, twice the same
    return float((a * (1 - fx) + b * fx) * (1 - fy) + (c * (1 - fx) + d * fx) * fy)


@dataclass(frozen=True, slots=True, kw_only=True)
class Ground:
    """A cut of the elevation models around a place.

    Args:
        grid: The cut, in the CRS and cells of the first model.
        x: Of the place in the grid's CRS, m.
        y: Of the place, m.
        version: Where the heights come from.
        models: Files of its models that gave heights: the first gave the grid, the others what it
            does not know.
    """

    grid: Grid
    x: float
    y: float
    version: Version
    models: tuple[str, ...]


def around(
    engine: Engine,
    files: Files,
    layer: str,
    place: tuple[float, float],
    reach: float,
    *,
    surface: bool = False,
) -> Ground:
    """Heights within ``reach`` metres of a place (degrees), from a published terrain layer.

    Of the bare ground; or of the ``surface`` of the mesh that the layer was joined to, with
    buildings and trees, unknown beyond the mesh.

    The first model that knows the place and whose cut is not too large gives the grid; what it
    does not know, within and beyond its own rim, comes from the models after it, then from those
    before it.

    Raises:
        NotFoundError: the layer is not published.
        ParameterError: it is no terrain, has no surface, or does not cover the place.
    """
    lon, lat = place
    with ready(engine) as connection:
        version = registry.published(connection, layer)
    if version.layer.kind is not Kind.TERRAIN:
        raise ParameterError(f"{layer} is no terrain layer", remedy="name one, such as base.dem")
    own = _surface(version) if surface else _of(version)
    chosen = _covering(own, files, place, reach)
    if chosen is None:
        raise ParameterError(
            f"{'the surface of ' if surface else ''}{layer} version {version.version} does not "
            f"cover {lon:.5f}, {lat:.5f}",
            remedy=f"it covers {version.extent}; choose a place inside",
        )
    order = [chosen, *own[own.index(chosen) + 1 :], *own[: own.index(chosen)]]
    grid, x, y = _cut(chosen.path(files), own, files, place, reach)
    used = [chosen.name]
    for model in order[1:]:
        if not np.isnan(grid.heights).any():
            break
        filled = _filled(grid, model.path(files))
        if filled is not None:
            grid = filled
            used.append(model.name)
    return Ground(grid=grid, x=x, y=y, version=version, models=tuple(used))


def _covering(
    own: Sequence[Model], files: Files, place: tuple[float, float], reach: float
) -> Model | None:
    """The first model over a place whose cut is small enough; else the coarsest over it."""
    over: list[Model] = []
    for model in own:
        with rasterio.open(model.path(files)) as image:
            crs = resolve(image.crs.to_wkt()).crs
            x, y = transformer(CGCS2000, crs).transform(*place)
            if not (math.isfinite(x) and math.isfinite(y)) or not _within(image, x, y):
                continue
            over.append(model)
            if 4 * reach**2 / abs(image.transform.a * image.transform.e) <= MOST_CELLS:
                return model
    return max(over, key=lambda m: m.cell, default=None)


def _within(image: rasterio.DatasetReader, x: float, y: float) -> bool:
    """Whether a raster knows the height at a place of its CRS."""
    column, row = ~image.transform @ (x, y)
    if not (0 <= column < image.width and 0 <= row < image.height):
        return False
    cell = image.read(1, window=Window(int(column), int(row), 1, 1), masked=True)
    return bool(np.isfinite(cell.filled(np.nan)).all())


def _cut(
    path: Path, own: Sequence[Model], files: Files, place: tuple[float, float], reach: float
) -> tuple[Grid, float, float]:
    """What a model knows around a place, as wide as all models of its version reach; x, y."""
    with rasterio.open(path) as image:
        crs = resolve(image.crs.to_wkt()).crs
        x, y = transformer(CGCS2000, crs).transform(*place)
        window = _window(image, x, y, reach, _span(image, [m.path(files) for m in own]))
        heights = image.read(1, window=window, boundless=True, fill_value=math.nan, masked=True)
        west, north = image.transform @ (window.col_off, window.row_off)
        grid = Grid(
            heights=heights.astype(np.float64).filled(np.nan),
            west=west,
            north=north,
            cell=(image.transform.a, -image.transform.e),
            crs=crs,
        )
    return grid, float(x), float(y)


def _span(image: rasterio.DatasetReader, paths: Sequence[Path]) -> tuple[float, ...]:
    """Left, bottom, right, top of some models in the CRS of one."""
    boxes = []
    for path in paths:
        with rasterio.open(path) as other:
            boxes.append(transform_bounds(other.crs, image.crs, *other.bounds, densify_pts=21))
    low, high = np.min(boxes, axis=0), np.max(boxes, axis=0)
    return float(low[0]), float(low[1]), float(high[2]), float(high[3])


def _window(
    image: rasterio.DatasetReader, x: float, y: float, reach: float, span: Sequence[float]
) -> Window:
    """Whole cells of a raster, and on beyond its rim, around a place but within a span."""
    column, row = ~image.transform @ (x, y)
    first_column, first_row = ~image.transform @ (span[0], span[3])
    last_column, last_row = ~image.transform @ (span[2], span[1])
    wide = reach / image.transform.a + 2
    high = reach / -image.transform.e + 2
    left = max(math.floor(first_column + 1e-6), math.floor(column - wide))
    right = min(math.ceil(last_column - 1e-6), math.ceil(column + wide))
    top = max(math.floor(first_row + 1e-6), math.floor(row - high))
    bottom = min(math.ceil(last_row - 1e-6), math.ceil(row + high))
    return Window(left, top, right - left, bottom - top)


def _filled(grid: Grid, path: Path) -> Grid | None:
    """The grid with what another model knows where it knows nothing; None if that is nothing."""
    rows, columns = grid.heights.shape
    place = Affine(grid.cell[0], 0, grid.west, 0, -grid.cell[1], grid.north)
    with rasterio.open(path) as image, WarpedVRT(
        image, crs=grid.crs.to_wkt(), transform=place, width=columns, height=rows,
        resampling=Resampling.bilinear, src_nodata=math.nan, nodata=math.nan,
    ) as other:  # fmt: skip
        heights = other.read(1).astype(np.float64)
    new = np.isnan(grid.heights) & np.isfinite(heights)
    return replace(grid, heights=np.where(new, heights, grid.heights)) if new.any() else None
