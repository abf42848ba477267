"""Elevation models (GeoTIFF and whatever else GDAL reads) → models by priority and terrain tiles.

Sheets are cleaned, those that overlap compared, those of one lattice joined into models, the models
halved and closed for display, and bundles of tiles written from them all: each a part, so that of
a delivery in which one sheet changed only the tiles that look at it are made anew.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import ClassVar

import rasterio

from cim.city import Bounds
from cim.errors import CimError, FormatError
from cim.ingest.source import (
    WORK,
    Built,
    Check,
    Options,
    Parcel,
    Plan,
    Problem,
    Product,
    Request,
    Source,
)
from cim.ingest.sources import raster
from cim.ingest.sources.dem import stages
from cim.ingest.sources.dem.check import check_terrain
from cim.ingest.sources.dem.options import DemOptions
from cim.ingest.sources.dem.order import date_of, given_dates
from cim.ingest.sources.dem.product import finished
from cim.ingest.sources.dem.sheet import read_sheet, require_cell, require_size
from cim.ingest.sources.dem.water import is_layer, water_of
from cim.layers import Kind


class DemSource(Source):
    """Elevation models; each sheet is one part."""

    name: ClassVar[str] = "dem"
    kind: ClassVar[Kind] = Kind.TERRAIN
    reads: ClassVar[str] = "a DEM GeoTIFF (one band of heights) or a folder of its sheets"
    options: ClassVar[type[Options]] = DemOptions
    edition: ClassVar[int] = 3

    def supports(self, path: Path) -> bool:
        """One band that is no byte; a folder counts when it holds one such."""
        if path.is_dir():
            return any(map(raster.is_elevation, raster.files([path])))
        return path.is_file() and raster.is_elevation(path)

    def borrows(self, request: Request) -> tuple[str, ...]:
        """The layer of water, if one is named."""
        name = DemOptions.of(request).water
        return (name,) if is_layer(name) else ()

    def plan(self, request: Request) -> Plan:
        """One part for each sheet that can be placed."""
        given_dates(DemOptions.of(request).dates)
        parcels: list[Parcel] = []
        refused: list[Problem] = []
        whole: Bounds | None = None
        crs = None
        for index, path in enumerate(raster.files(request.paths)):
            try:
                with raster.opened(path) as image:
                    _require_heights(image, path)
                    require_size(image, path)
                    found = raster.placed(image, path, request.crs)
                    box = raster.within_city(image, found.crs, path, request.city)
                    require_cell(raster.ground_cell(image, found.crs, box), path)
            except CimError as error:
                refused.append(Problem(path=str(path), reason=error.reason, remedy=error.remedy))
                continue
            crs = crs or found
            whole = box if whole is None else whole.union(box)
            parcels.append(
                Parcel(id=f"{index:04d}", path=path, inputs=(path,), bytes=path.stat().st_size)
            )
        water = water_of(request)
        return Plan(
            parcels=tuple(parcels), refused=tuple(refused), crs=crs, extent=whole,
            extra_inputs=() if water is None else (water,),
        )  # fmt: skip

    def build(self, parcel: Parcel, plan: Plan, request: Request, staging: Path) -> Built:
        """Read one sheet and clean it, or whatever a later stage asks for."""
        if parcel.payload is not None:
            return stages.built(parcel, request, staging)
        name = f"{WORK}/{parcel.id}.tif"
        sheet = read_sheet(parcel.path, request, staging / name)
        given = given_dates(DemOptions.of(request).dates)
        with raster.opened(parcel.path) as image:
            date = date_of(image, parcel.path, given)
        cells = sheet.shape[0] * sheet.shape[1]
        return Built(
            parcel=parcel.id,
            facts={
                "id": parcel.id, "file": name, "name": str(parcel.path), "date": date,
                "crs": sheet.crs.to_wkt(), "transform": list(sheet.transform)[:6],
                "shape": list(sheet.shape), "cell": sheet.ground_cell, "gaps": sheet.gaps,
                "extent": list(sheet.extent), "floor": sheet.floor,
            },
            counts={"cells": cells, "cells_without_height": sheet.gaps},
            extent=sheet.extent,
            warnings=sheet.warnings,
        )  # fmt: skip

    def further(
        self, plan: Plan, built: Sequence[Built], request: Request, staging: Path
    ) -> tuple[Parcel, ...]:
        """Comparisons of sheets, models, their grounds, bundles of tiles, each in its turn.

        Raises:
            CheckError: overlapping sheets do not agree, or a stage lost one of its parts.
        """
        return stages.following(built, request, staging)

    def finish(
        self, plan: Plan, built: Sequence[Built], request: Request, staging: Path
    ) -> Product:
        """Write layer.json, and tell what was found."""
        return finished(built, request, staging)

    def check(self, product: Product, request: Request, staging: Path) -> tuple[Check, ...]:
        """Decode tiles with a decoder that shares no code with the encoder."""
        return check_terrain(product, request, staging)


def _require_heights(image: rasterio.DatasetReader, path: Path) -> None:
    """Refuse a picture among the sheets.

    Raises:
        FormatError: it has several bands, or bytes, or complex numbers.
    """
    if image.dtypes[0].startswith("complex"):
        raise FormatError(
            f"{image.dtypes[0]} numbers are no heights",
            path=path,
            remedy="export it as 32-bit floating point",
        )
    if image.count > 1 or image.dtypes[0] in raster.BYTES:
        raise FormatError(
            f"{image.count} bands of {image.dtypes[0]} are a picture, not heights",
            path=path,
            remedy="ingest it into an imagery layer",
        )
