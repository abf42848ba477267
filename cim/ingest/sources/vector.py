"""Any vector format that GDAL reads → rows of a PostGIS table, typed by the layer's declaration."""

from __future__ import annotations

from collections.abc import Sequence
from functools import reduce
from pathlib import Path
from typing import ClassVar

from cim.city import Bounds, City
from cim.errors import FormatError
from cim.ingest.source import Built, Check, Parcel, Plan, Problem, Product, Request, Source
from cim.ingest.sources.columns import match, propose
from cim.ingest.sources.features import convert, verify
from cim.ingest.sources.vector_file import describe
from cim.ingest.sources.vector_part import crs_of, extent_of, files, is_vector, parcels_of
from cim.layers import Kind, Layer


class VectorSource(Source):
    """Vector files; each layer of each file is one part."""

    name: ClassVar[str] = "vector"
    kind: ClassVar[Kind] = Kind.VECTOR
    reads: ClassVar[str] = "a vector file (.shp, .gpkg, .geojson, .fgb, .gml, .kml, .dxf, ...)"

    def supports(self, path: Path) -> bool:
        """By suffix; a folder counts when it directly holds nothing but vector files."""
        return is_vector(path)

    def plan(self, request: Request) -> Plan:
        """One part for each layer of each file."""
        parcels: list[Parcel] = []
        refused: list[Problem] = []
        for path in files(request.paths):
            try:
                parcels.extend(parcels_of(path, len(parcels)))
            except FormatError as error:
                refused.append(Problem(path=str(path), reason=error.reason, remedy=error.remedy))
        layer = request.layer
        warnings: tuple[Problem, ...] = ()
        if layer is None and parcels:
            layer, crs_problem = _proposal(request, parcels)
            warnings = (crs_problem,)
        return Plan(
            parcels=tuple(parcels), refused=tuple(refused), warnings=warnings, shared=layer,
            parameters={"storage": storage_srid(request.city)},
            extent=extent_of(parcels, request.crs),
        )  # fmt: skip

    def build(self, parcel: Parcel, plan: Plan, request: Request, staging: Path) -> Built:
        """Read, repair, reproject and type the features of one part."""
        layer: Layer = plan.shared
        path, name, encoding = parcel.payload
        info = describe(path, name, encoding)
        crs = crs_of(path, info.get("crs"), request.crs)
        columns = match(layer, [str(f) for f in info["fields"]], parcel.path)
        return convert(parcel, layer, columns, crs, request, staging, storage_srid(request.city))

    def finish(
        self, plan: Plan, built: Sequence[Built], request: Request, staging: Path
    ) -> Product:
        """Agree on one geometry type for all parts."""
        layer: Layer = plan.shared
        extent = reduce(Bounds.union, (p.extent for p in built if p.extent is not None))
        has_z = all(part.facts["z"] for part in built)
        warnings = []
        if not has_z and any(part.facts["z"] for part in built):
            warnings.append(
                Problem(path=request.layer_id, reason="some parts have no heights: all are stored "
                        "without", remedy="deliver every part with heights, or none")
            )  # fmt: skip
        kind = {"Point": "Point", "Geometry": "Geometry"}.get(
            str(layer.geometry), f"Multi{layer.geometry}"
        )
        geometry = f"{kind}{'Z' if has_z else ''}, {storage_srid(request.city)}"
        return Product(
            extent=extent,
            media={"geometry": geometry, "z": has_z},
            features=tuple(Path(f) for part in built for f in part.facts["files"]),
            proposed=layer,
            warnings=tuple(warnings),
        )

    def check(self, product: Product, request: Request, staging: Path) -> tuple[Check, ...]:
        """Every row lies inside the city and has a geometry of the declared kind."""
        return (verify(product, staging),)


def storage_srid(city: City) -> int:
    """SRID of stored geometry: the city's compute CRS, CGCS2000 degrees if that has no code."""
    return int(city.compute_crs.to_epsg() or 4490)


def _proposal(request: Request, parcels: Sequence[Parcel]) -> tuple[Layer, Problem]:
    """Declare the layer from its first part and say so."""
    path, name, encoding = parcels[0].payload
    layer = propose(request.layer_id, path, describe(path, name, encoding))
    return layer, Problem(
        path=str(path),
        reason=f"the layer {request.layer_id} was not declared; its {len(layer.fields)} fields "
        "were taken from the file",
        remedy="declare it with `cim layers register FILE` for titles, units and a style",
    )
