"""Orthophotos → one web-mercator COG whose blocks are the tiles."""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import reduce
from pathlib import Path
from typing import ClassVar

from cim.city import Bounds
from cim.errors import CimError, FormatError
from cim.ingest.source import WORK, Built, Check, Parcel, Plan, Problem, Product, Request, Source
from cim.ingest.sources import raster
from cim.ingest.sources.ortho.cog import check_cog, write_cog
from cim.ingest.sources.ortho.sheet import Stretch, place_sheet, stretch_of
from cim.layers import CimLevel, Kind, Layer, Style
from cim.tiles.imagery import zoom_resolution

COG = "ortho.tif"


class OrthoSource(Source):
    """Orthophotos; each sheet is one part."""

    name: ClassVar[str] = "ortho"
    kind: ClassVar[Kind] = Kind.IMAGERY
    reads: ClassVar[str] = "an orthophoto GeoTIFF or a folder of its sheets"

    def supports(self, path: Path) -> bool:
        """Any raster that is not a height model; a folder counts when it holds one."""
        if path.is_dir():
            return any(map(raster.is_picture, raster.files([path])))
        return path.is_file() and raster.is_picture(path)

    def plan(self, request: Request) -> Plan:
        """One part for each sheet that can be placed; the zoom follows the finest of them."""
        parcels: list[Parcel] = []
        refused: list[Problem] = []
        whole: Bounds | None = None
        crs = None
        finest = math.inf
        for index, path in enumerate(raster.files(request.paths)):
            try:
                with raster.opened(path) as image:
                    found = raster.placed(image, path, request.crs)
                    box = raster.extent(image, found.crs, path)
                    cell = raster.ground_cell(image, found.crs, box)
                    if not request.city.bounds.touches(box):
                        request.city.require_inside(box, path)
                    stretch = stretch_of(image, path)
            except CimError as error:
                refused.append(Problem(path=str(path), reason=error.reason, remedy=error.remedy))
                continue
            crs = crs or found
            whole = box if whole is None else whole.union(box)
            finest = min(finest, cell / math.cos(math.radians((box.south + box.north) / 2)))
            parcels.append(
                Parcel(
                    id=f"{index:04d}",
                    path=path,
                    inputs=_with_mask(path),
                    bytes=path.stat().st_size,
                    payload=stretch,
                )
            )
        zoom = _zoom(finest) if parcels else 0
        return Plan(
            parcels=tuple(parcels), refused=tuple(refused), crs=crs, extent=whole, shared=zoom,
            parameters={"zoom": zoom},
        )  # fmt: skip

    def build(self, parcel: Parcel, plan: Plan, request: Request, staging: Path) -> Built:
        """Bring one sheet onto the tile grid."""
        stretch: Stretch = parcel.payload
        return place_sheet(parcel, plan.shared, stretch, request, staging)

    def finish(
        self, plan: Plan, built: Sequence[Built], request: Request, staging: Path
    ) -> Product:
        """Lay the sheets over each other, the last on top, and write the COG."""
        extent = reduce(Bounds.union, (p.extent for p in built if p.extent is not None))
        figures = write_cog(
            [(staging / part.facts["file"], part.facts["window"]) for part in built],
            plan.shared, staging / COG, staging / WORK,
        )  # fmt: skip
        return Product(
            extent=extent,
            media={
                "cog": COG,
                "minzoom": max(0, plan.shared - figures["levels"] - 6),
                "maxzoom": plan.shared,
                "format": "auto",
                "resolution": zoom_resolution(plan.shared)
                * math.cos(math.radians((extent.south + extent.north) / 2)),
            },
            proposed=_proposed(request),
            counts={"pixels": figures["pixels"], "bytes": figures["bytes"]},
        )

    def check(self, product: Product, request: Request, staging: Path) -> tuple[Check, ...]:
        """Read the COG back: grid, overviews, mask, and blocks that decode as tiles."""
        return (check_cog(staging / COG, int(product.media["maxzoom"])),)


def _with_mask(path: Path) -> tuple[Path, ...]:
    mask = path.with_name(path.name + ".msk")
    return (path, mask) if mask.is_file() else (path,)


def _zoom(metres: float) -> int:
    """The zoom whose pixels (on the mercator plane) are not wider than the sheet's, nearly."""
    zoom = math.ceil(math.log2(zoom_resolution(0) / metres) - 0.25)
    if not 0 <= zoom <= 23:
        raise FormatError(
            f"pixels of {metres:g} m are no orthophoto's", remedy="check the file's cell size"
        )
    return zoom


def _proposed(request: Request) -> Layer:
    return Layer(
        id=request.layer_id,
        title=request.paths[0].stem,
        kind=Kind.IMAGERY,
        cim_level=CimLevel.SURFACE,
        style=Style(visible=True),
    )
