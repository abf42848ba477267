"""Any vector format that GDAL reads → rows of a PostGIS table, typed by the layer's declaration."""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path
from typing import ClassVar

import pyproj

from cim.city import Bounds, City
from cim.errors import CrsError, FormatError, InputError
from cim.geo.crs import CGCS2000, resolve, transformer
from cim.ingest.source import Built, Check, Parcel, Plan, Problem, Product, Request, Source
from cim.ingest.sources.columns import match, propose
from cim.ingest.sources.encoding import text_encoding
from cim.ingest.sources.features import convert, verify
from cim.ingest.sources.vector_file import describe, spatial_layers
from cim.layers import Kind, Layer

SUFFIXES = frozenset(
    {".shp", ".gpkg", ".geojson", ".json", ".fgb", ".gml", ".kml", ".dxf", ".tab", ".mif", ".gdb",
     ".geojsonl", ".parquet"}
)  # fmt: skip


class VectorSource(Source):
    """Vector files; each layer of each file is one part."""

    name: ClassVar[str] = "vector"
    kind: ClassVar[Kind] = Kind.VECTOR
    reads: ClassVar[str] = "a vector file (.shp, .gpkg, .geojson, .fgb, .gml, .kml, .dxf, ...)"

    def supports(self, path: Path) -> bool:
        """By suffix; a folder counts when it directly holds nothing but vector files."""
        if path.is_dir() and path.suffix.lower() != ".gdb":
            return any(self.supports(child) for child in path.iterdir() if child.is_file())
        return path.suffix.lower() in SUFFIXES

    def plan(self, request: Request) -> Plan:
        """One part for each layer of each file."""
        parcels: list[Parcel] = []
        refused: list[Problem] = []
        for path in _files(request.paths):
            try:
                parcels.extend(_parcels(path, len(parcels)))
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
            extent=_extent(parcels, request.crs),
        )  # fmt: skip

    def build(self, parcel: Parcel, plan: Plan, request: Request, staging: Path) -> Built:
        """Read, repair, reproject and type the features of one part."""
        layer: Layer = plan.shared
        path, name, encoding = parcel.payload
        info = describe(path, name, encoding)
        crs = _crs(path, info.get("crs"), request.crs)
        columns = match(layer, [str(f) for f in info["fields"]], parcel.path)
        return convert(parcel, layer, columns, crs, request, staging, storage_srid(request.city))

    def finish(
        self, plan: Plan, built: Sequence[Built], request: Request, staging: Path
    ) -> Product:
        """Agree on one geometry type for all parts."""
        layer: Layer = plan.shared
        extents = [part.extent for part in built if part.extent is not None]
        extent = extents[0]
        for other in extents[1:]:
            extent = extent.union(other)
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


def _files(paths: Sequence[Path]) -> list[Path]:
    found: list[Path] = []
    for path in paths:
        if path.is_dir() and path.suffix.lower() != ".gdb":
            found.extend(sorted(p for p in path.iterdir() if p.suffix.lower() in SUFFIXES))
        else:
            found.append(path)
    return found


def _parcels(path: Path, before: int) -> list[Parcel]:
    """The layers of one file.

    Raises:
        FormatError: GDAL cannot read it.
    """
    siblings = [path]
    if path.suffix.lower() in {".shp", ".mif", ".tab"}:
        siblings = sorted(path.parent.glob(f"{path.stem}.*"))
    spatial = spatial_layers(path)
    encoding = text_encoding(path)
    size = sum(p.stat().st_size for p in siblings if p.is_file())
    return [
        Parcel(
            id=f"{before + index:04d}",
            path=path if len(spatial) == 1 else path / name,
            inputs=tuple(p for p in siblings if p.is_file()),
            bytes=size,
            payload=(path, name, encoding),
        )
        for index, name in enumerate(spatial)
    ]


def _crs(path: Path, stated: str | None, given: str | None) -> pyproj.CRS:
    if given:
        return resolve(given).crs
    if not stated:
        raise CrsError(
            "it does not say its coordinate reference system",
            path=path,
            remedy="add the .prj, or give the CRS with --crs, such as --crs EPSG:4545",
        )
    return resolve(str(stated)).crs


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


def _extent(parcels: Sequence[Parcel], given: str | None) -> Bounds | None:
    """Where the files say that they lie; a file that cannot be placed is told of by ``build``."""
    whole: Bounds | None = None
    for parcel in parcels:
        path, name, encoding = parcel.payload
        try:
            info = describe(path, name, encoding, bounds=True)
            crs = _crs(path, info.get("crs"), given)
        except InputError:
            continue
        box = info.get("total_bounds")
        if box is None:
            continue
        placed = Bounds(*(float(v) for v in transformer(crs, CGCS2000).transform_bounds(*box)))
        if all(math.isfinite(v) for v in placed):
            whole = placed if whole is None else whole.union(placed)
    return whole
