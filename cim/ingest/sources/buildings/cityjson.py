"""The source: CityJSON and CityJSONSeq in, solid buildings as 3D Tiles 1.1 out."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import ClassVar

import numpy as np
from pydantic import Field as Option

from cim.city import Bounds
from cim.errors import CrsError, FormatError, InputError
from cim.geo.crs import ResolvedCrs, lonlat_bounds, resolve
from cim.ingest.mesh_options import MeshOptions
from cim.ingest.source import Built, Check, Options, Parcel, Plan, Problem, Product, Request, Source
from cim.ingest.sources.buildings.cityjson_file import SUFFIXES, blocks, is_cityjson
from cim.ingest.sources.buildings.modelling import build_file
from cim.ingest.sources.buildings.tiles import join_parts, look_at
from cim.layers import Kind


class CityJsonOptions(MeshOptions):
    """Which geometry is taken."""

    lod: float = Option(2.9, ge=1, lt=4, description="highest level of detail wanted")
    tile_features: int = Option(500, ge=10, le=50_000, description="most buildings in one tile")


class CityJsonSource(Source):
    """CityJSON files; each is one part."""

    name: ClassVar[str] = "cityjson"
    kind: ClassVar[Kind] = Kind.MESH
    reads: ClassVar[str] = "CityJSON (.city.json, .city.jsonl)"
    options: ClassVar[type[Options]] = CityJsonOptions

    def supports(self, path: Path) -> bool:
        """Say yes where the first or last bytes of a JSON file name CityJSON."""
        return is_cityjson(path)

    def plan(self, request: Request) -> Plan:
        """One part a file; its header and vertices are read.

        Raises:
            ParameterError: an option does not fit.
        """
        CityJsonOptions.of(request)
        parcels: list[Parcel] = []
        refused: list[Problem] = []
        extent: Bounds | None = None
        first: ResolvedCrs | None = None
        for path in _files(request.paths):
            try:
                crs, here = _place(path, request.crs)
            except InputError as error:
                refused.append(Problem(path=str(path), reason=error.reason, remedy=error.remedy))
                continue
            first = first or crs
            if here is not None:
                extent = here if extent is None else extent.union(here)
            parcels.append(
                Parcel(
                    id=f"{len(parcels):04d}",
                    path=path,
                    inputs=(path,),
                    bytes=path.stat().st_size,
                    folder=f"tiles/{len(parcels):04d}",
                )
            )
        return Plan(
            parcels=tuple(parcels),
            refused=tuple(refused),
            crs=first,
            extent=extent,
        )

    def build(self, parcel: Parcel, plan: Plan, request: Request, staging: Path) -> Built:
        """Convert one file.

        Raises:
            FormatError: unreadable, or no object in it can be shown.
            CrsError: it does not say where it lies.
            OutsideCityError: all of it lies outside the city.
        """
        options = CityJsonOptions.of(request)
        return build_file(
            parcel, request, staging / "tiles" / parcel.id,
            most=options.lod, encoding=options.encoding, tile_features=options.tile_features,
        )  # fmt: skip

    def finish(
        self, plan: Plan, built: Sequence[Built], request: Request, staging: Path
    ) -> Product:
        """Write the root tileset.json.

        Raises:
            FormatError: no part holds a building.
        """
        return join_parts(plan, built, request, staging, self.name, colored=True)

    def check(self, product: Product, request: Request, staging: Path) -> tuple[Check, ...]:
        """Look at the tileset as a stranger would, and at the volumes."""
        return look_at(product, request, staging)


def _files(paths: Sequence[Path]) -> Iterator[Path]:
    for path in paths:
        if path.is_dir():
            yield from sorted(
                p for p in path.iterdir() if p.suffix.lower() in SUFFIXES and is_cityjson(p)
            )
        else:
            yield path


def _place(path: Path, given: str | None) -> tuple[ResolvedCrs, Bounds | None]:
    """The CRS of a file and where its vertices lie.

    Raises:
        FormatError: it cannot be read.
        CrsError: it does not say its CRS, or lies nowhere on Earth.
    """
    header, found, _ = blocks(path)
    stated = given or header.crs
    if stated is None:
        raise CrsError(
            "its metadata name no referenceSystem",
            path=path,
            remedy="give the CRS with --crs, such as --crs EPSG:4545",
        )
    crs = resolve(stated)
    low, high = np.full(2, np.inf), np.full(2, -np.inf)
    for block in found:
        known = block.vertices[np.isfinite(block.vertices).all(axis=1), :2]
        if len(known):
            low, high = np.minimum(low, known.min(axis=0)), np.maximum(high, known.max(axis=0))
    if not np.isfinite([*low, *high]).all():
        raise FormatError("it has no vertices", path=path)
    return crs, Bounds(*lonlat_bounds(crs.crs, (low[0], low[1], high[0], high[1])))
