"""The source: footprints of any vector format in, solid buildings as 3D Tiles 1.1 out."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import ClassVar

from cim.errors import FormatError, ParameterError
from cim.ingest.source import Built, Check, Options, Parcel, Plan, Problem, Product, Request, Source
from cim.ingest.sources.buildings.cityjson_file import is_cityjson
from cim.ingest.sources.buildings.footprint_options import DEM, FootprintOptions
from cim.ingest.sources.buildings.raising import build_part
from cim.ingest.sources.buildings.tiles import join_parts, look_at
from cim.ingest.sources.vector_part import extent_of, files, is_vector, parcels_of
from cim.layers import Kind


class FootprintSource(Source):
    """Footprints with heights or storeys; each layer of each file is one part."""

    name: ClassVar[str] = "footprint"
    kind: ClassVar[Kind] = Kind.MESH
    reads: ClassVar[str] = "building footprints of any vector format (into a mesh layer)"
    options: ClassVar[type[Options]] = FootprintOptions

    def supports(self, path: Path) -> bool:
        """Say yes to vector files by suffix; CityJSON has a reader of its own."""
        return is_vector(path) and not is_cityjson(path)

    def plan(self, request: Request) -> Plan:
        """One part for each layer of each file.

        Raises:
            ParameterError: an option does not fit, or there is no ground to stand on.
        """
        options = FootprintOptions.of(request)
        if options.base == DEM and not request.elevation:
            raise ParameterError(
                "no elevation model is published that the buildings could stand on",
                remedy="ingest the DEM first, or give -o base=zero or -o base=COLUMN",
            )
        parcels: list[Parcel] = []
        refused: list[Problem] = []
        for path in files(request.paths):
            try:
                parcels.extend(parcels_of(path, len(parcels)))
            except FormatError as error:
                refused.append(Problem(path=str(path), reason=error.reason, remedy=error.remedy))
        return Plan(
            parcels=tuple(replace(p, folder=f"tiles/{p.id}") for p in parcels),
            refused=tuple(refused),
            extent=extent_of(parcels, request.crs),
            parameters={
                "elevation": _ground(options, request),
            },
        )

    def build(self, parcel: Parcel, plan: Plan, request: Request, staging: Path) -> Built:
        """Raise the footprints of one part.

        Raises:
            FormatError: unreadable, without heights, or nothing usable in it.
            CrsError: it does not say where it lies.
            OutsideCityError: all of it lies outside the city.
        """
        return build_part(parcel, FootprintOptions.of(request), request, staging)

    def finish(
        self, plan: Plan, built: Sequence[Built], request: Request, staging: Path
    ) -> Product:
        """Write the root tileset.json.

        Raises:
            FormatError: no part holds a building.
        """
        return join_parts(plan, built, request, staging, self.name, colored=False)

    def check(self, product: Product, request: Request, staging: Path) -> tuple[Check, ...]:
        """Look at the tileset as a stranger would, and at the volumes."""
        return look_at(product, request, staging)


def _ground(options: FootprintOptions, request: Request) -> list[str]:
    """Layer, version and file of each model that decides; a version never changes."""
    return ["/".join(path.parts[-3:]) for path in request.elevation if options.base == DEM]
