"""What is published of a join: the bare terrain as it was, joined tiles, rasters, a report."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import rasterio
from affine import Affine
from pyproj import CRS
from rasterio.enums import Resampling
from rasterio.windows import Window

from cim.ingest.marks import link
from cim.ingest.source import Built, Problem, Product
from cim.ingest.sources import raster
from cim.ingest.sources.join.border import polygons
from cim.ingest.sources.join.raster import TOP
from cim.ingest.sources.join.relief import COVER, RESIDUAL, Relief
from cim.ingest.sources.join.residual import judge
from cim.ingest.sources.join.stages import FIT, FOLDER, RELIEF, TILES, Stages
from cim.ingest.sources.published import take_rest
from cim.store.files import write_json
from cim.tiles.terrain.pyramid import named

SURFACE, FOOTPRINT, RESIDUALS = "surface.tif", "footprint.geojson", "residual.tif"
LARGEST_OVERVIEW = 512  # cells along the coarsest


def finished(
    stages: Stages, mesh: Mapping[str, Any], built: Sequence[Built], staging: Path
) -> Product:
    """Link what stays as it is, write rasters and layer.json, and sum up."""
    relief = Relief.open(staging / RELIEF)
    crs = stages.city.compute_crs
    names = {f"{FOLDER}/{name}" for name in _bare_tiles(stages)}
    written = {name for b in built if b.parcel.startswith(TILES) for name in b.files}
    _clear(staging / FOLDER, {name.removeprefix(f"{FOLDER}/") for name in written})
    take_rest(stages.terrain.folder, staging, [])
    _link_bare(stages, staging, names - written)
    layer = _layer_json(stages, sorted(names | written))
    write_json(staging / FOLDER / "layer.json", layer)
    _write(staging / SURFACE, relief, TOP, crs)
    _write(staging / RESIDUALS, relief, RESIDUAL, crs)
    cover = np.asarray(relief.array(COVER, np.uint8))
    about = {"mesh": mesh["layer"], "version": mesh["version"]}
    footprint, area = polygons(cover, crs, relief.transform, about)
    write_json(staging / FOOTPRINT, footprint)
    facts = next(b.facts for b in built if b.parcel == FIT)
    offset = judge(facts, stages.options, stages.name)
    media = dict(stages.terrain.media) | {
        "joined": f"{FOLDER}/",
        "joined_maxzoom": layer["maxzoom"],
        "surface": SURFACE,
        "surface_cell": relief.cell,
        "footprint": FOOTPRINT,
        "footprint_m2": round(area, 1),
        "residual": {"map": RESIDUALS, **facts},
        "mesh": dict(mesh),
        "unjoined": stages.terrain.version,
    }
    warned = () if offset is None else (Problem(path=stages.name, reason=offset),)
    return Product(
        extent=stages.terrain.extent,
        media=media,
        heights=stages.terrain.heights,
        counts={"bare_tiles_linked": len(names - written)},
        warnings=warned,
    )


def _bare_tiles(stages: Stages) -> list[str]:
    bare = stages.terrain.levels(stages.finest)
    return [f"{z}/{x}/{y}.terrain" for z, level in enumerate(bare.tiles) for x, y in level]


def _clear(folder: Path, written: set[str]) -> None:
    """Remove tiles that a killed run left."""
    for path in folder.glob("*/*/*.terrain"):
        if path.relative_to(folder).as_posix() not in written:
            path.unlink()


def _link_bare(stages: Stages, staging: Path, names: set[str]) -> None:
    for name in sorted(names):
        target = staging / name
        target.parent.mkdir(parents=True, exist_ok=True)
        link(str(stages.terrain.folder / name.removeprefix(f"{FOLDER}/")), os.fspath(target))


def _layer_json(stages: Stages, names: Sequence[str]) -> dict[str, Any]:
    """The bare terrain's description, with the tiles of the joined one."""
    found = stages.terrain.layer()
    tiles = [named(name.removeprefix(f"{FOLDER}/")) for name in names]
    described = stages.described(tiles)
    return found | {"available": described["available"], "maxzoom": described["maxzoom"]}


def _write(path: Path, relief: Relief, name: str, crs: CRS) -> None:
    """A raster as GeoTIFF with overviews: float32, NaN where nothing is known.

    It is cut to what is known.
    """
    cells = relief.array(name)
    known = [np.flatnonzero(_known(cells, axis)) for axis in (1, 0)]
    (top, bottom), (left, right) = ((int(k[0]), int(k[-1]) + 1) for k in known)
    part = path.with_suffix(".part")
    profile = {
        "driver": "GTiff", "dtype": "float32", "count": 1, "nodata": np.nan, "crs": crs.to_wkt(),
        "width": right - left, "height": bottom - top, "tiled": True, "blockxsize": 256,
        "blockysize": 256, "compress": "deflate", "predictor": 3, "zlevel": 4,
        "bigtiff": "if_safer",
        "transform": relief.transform @ Affine.translation(left, top),
    }  # fmt: skip
    with raster.written(path):
        with rasterio.open(part, "w", **profile) as image:
            for row in range(top, bottom, 256):
                rows = min(256, bottom - row)
                strip = np.asarray(cells[row : row + rows, left:right])
                image.write(strip, 1, window=Window(0, row - top, right - left, rows))
        size = max(bottom - top, right - left)
        factors = [2**n for n in range(1, 16) if size / 2 ** (n - 1) > LARGEST_OVERVIEW]
        if factors:
            with rasterio.open(part, "r+") as image:
                image.build_overviews(factors, Resampling.average)
    part.replace(path)


def _known(cells: npt.NDArray[np.float32], axis: int) -> npt.NDArray[np.bool_]:
    """Rows (axis 1) or columns (axis 0) with something known; strip by strip."""
    strips = [np.isfinite(cells[r : r + 512]) for r in range(0, len(cells), 512)]
    if axis == 1:
        return np.concatenate([s.any(axis=1) for s in strips])
    found: npt.NDArray[np.bool_] = np.any([s.any(axis=0) for s in strips], axis=0)
    return found
