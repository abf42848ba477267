"""Elevation models (GeoTIFF and whatever else GDAL reads) → one DEM and a pyramid of terrain."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import ClassVar

import numpy as np
import rasterio
from rasterio.fill import fillnodata

from cim.city import Bounds
from cim.errors import CimError, FormatError
from cim.geo.crs import resolve
from cim.ingest.source import WORK, Built, Check, Parcel, Plan, Problem, Product, Request, Source
from cim.ingest.sources import raster
from cim.ingest.sources.dem.check import check_terrain
from cim.ingest.sources.dem.mosaic import mosaic
from cim.ingest.sources.dem.sheet import read_sheet
from cim.layers import CimLevel, Kind, Layer, Style
from cim.tiles.terrain.pyramid import Model, write_pyramid

DEM = "dem.tif"


class DemSource(Source):
    """Elevation models; each sheet is one part."""

    name: ClassVar[str] = "dem"
    kind: ClassVar[Kind] = Kind.TERRAIN
    reads: ClassVar[str] = "a DEM GeoTIFF (one band of heights) or a folder of its sheets"

    def supports(self, path: Path) -> bool:
        """One band that is no byte; a folder counts when it holds one such."""
        if path.is_dir():
            return any(map(raster.is_elevation, raster.files([path])))
        return path.is_file() and raster.is_elevation(path)

    def plan(self, request: Request) -> Plan:
        """One part for each sheet that can be placed."""
        parcels: list[Parcel] = []
        refused: list[Problem] = []
        whole: Bounds | None = None
        crs = None
        for index, path in enumerate(raster.files(request.paths)):
            try:
                with raster.opened(path) as image:
                    _require_heights(image, path)
                    found = raster.placed(image, path, request.crs)
                    box = raster.extent(image, found.crs, path)
            except CimError as error:
                refused.append(Problem(path=str(path), reason=error.reason, remedy=error.remedy))
                continue
            crs = crs or found
            whole = box if whole is None else whole.union(box)
            parcels.append(
                Parcel(id=f"{index:04d}", path=path, inputs=(path,), bytes=path.stat().st_size)
            )
        return Plan(parcels=tuple(parcels), refused=tuple(refused), crs=crs, extent=whole)

    def build(self, parcel: Parcel, plan: Plan, request: Request, staging: Path) -> Built:
        """Read one sheet and clean it: gaps marked, heights orthometric, in metres."""
        sheet = read_sheet(parcel.path, request)
        name = f"{WORK}/{parcel.id}.tif"
        sheet.write(staging / name)
        return Built(
            parcel=parcel.id,
            facts={
                "file": name,
                "name": str(parcel.path),
                "cell": sheet.ground_cell,
                "cells": int(sheet.heights.size),
                "gaps": sheet.gaps,
            },
            counts={"cells": int(sheet.heights.size), "cells_without_height": sheet.gaps},
            extent=sheet.extent,
            warnings=sheet.warnings,
        )

    def finish(
        self, plan: Plan, built: Sequence[Built], request: Request, staging: Path
    ) -> Product:
        """Join the sheets into one model, fill its gaps for display, tile it."""
        parts = sorted(built, key=lambda b: (b.facts["cell"], b.parcel))  # the finest wins
        joined, seams = mosaic(
            [staging / p.facts["file"] for p in parts],
            [p.facts["name"] for p in parts],
            staging / DEM,
        )
        low, high = joined.range
        model, filled = _displayed(staging / DEM, joined.extent, joined.ground_cell)
        figures = write_pyramid(model, request.city.geoid, staging, "1", lambda _: None)
        warnings = [*seams]
        if filled:
            warnings.append(
                Problem(
                    path=request.layer_id,
                    reason=f"{filled} cells without height were filled from their neighbours for "
                    "display; analyses still see them as unknown",
                )
            )
        return Product(
            extent=joined.extent,
            media={
                "dem": DEM,
                "minzoom": 0,
                "maxzoom": figures["maxzoom"],
                "resolution": joined.ground_cell,
                "height_bound": figures["bound"],
            },
            heights=(low, high),
            proposed=_proposed(request),
            counts={"tiles": figures["tiles"], "tile_bytes": figures["tile_bytes"]},
            warnings=tuple(warnings),
        )

    def check(self, product: Product, request: Request, staging: Path) -> tuple[Check, ...]:
        """Decode tiles with a decoder that shares no code with the encoder."""
        return check_terrain(product, request, staging)


def _require_heights(image: rasterio.DatasetReader, path: Path) -> None:
    """Refuse a picture among the sheets.

    Raises:
        FormatError: it has several bands, or bytes.
    """
    if image.count > 1 or image.dtypes[0] in raster.BYTES:
        raise FormatError(
            f"{image.count} bands of {image.dtypes[0]} are a picture, not heights",
            path=path,
            remedy="ingest it into an imagery layer",
        )


def _proposed(request: Request) -> Layer:
    return Layer(
        id=request.layer_id,
        title=request.paths[0].stem,
        kind=Kind.TERRAIN,
        cim_level=CimLevel.SURFACE,
        style=Style(visible=True),
    )


def _displayed(path: Path, extent: Bounds, ground_cell: float) -> tuple[Model, int]:
    """The model for display: no gaps, so that no pit of thousands of metres shows."""
    with rasterio.open(path) as image:
        heights = image.read(1)
        known = np.isfinite(heights)
        gaps = int((~known).sum())
        if gaps:
            heights = fillnodata(
                np.where(known, heights, 0.0).astype(np.float32), mask=known,
                max_search_distance=float(max(heights.shape)),
            )  # fmt: skip
            heights = np.where(np.isfinite(heights), heights, np.nanmean(heights[known]))
        return (
            Model(
                heights=heights.astype(np.float32),
                crs=resolve(image.crs.to_wkt()).crs,
                west=image.transform.c,
                north=image.transform.f,
                cell=(image.transform.a, -image.transform.e),
                extent=extent,
                metres=ground_cell,
            ),
            gaps,
        )
