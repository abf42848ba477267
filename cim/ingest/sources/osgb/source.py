"""The source: deliveries of oblique photography in, a 3D Tiles 1.1 tileset out."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Any, ClassVar

import numpy as np

from cim import __version__
from cim.city import Bounds
from cim.errors import CrsError, FormatError
from cim.ingest.source import Built, Check, Parcel, Plan, Problem, Product, Request, Source
from cim.ingest.sources.osgb.convert import convert_folder, reach, safe_name
from cim.ingest.sources.osgb.discover import Delivery, deliveries, is_delivery
from cim.ingest.sources.osgb.metadata import Georeference, georeference
from cim.ingest.sources.osgb.place import TOLERANCE, Placement
from cim.ingest.sources.osgb.scene import FOCAL_LENGTH, read_scene
from cim.layers import CimLevel, DataClass, Kind, Layer
from cim.tiles.mesh_check import check_tileset
from cim.tiles.tileset import Box, Entry, join, write

OVERHANG = 1.0  # m by which finer files may reach beyond their root
EDITION = 1  # raise it when the same input shall be converted anew


@dataclass(frozen=True, slots=True)
class Payload:
    """What one parcel is converted from."""

    root: Path
    data: Path
    georeference: Georeference


class OsgbSource(Source):
    """Reads OSGB tile trees: a delivery folder, its metadata.xml, or a single .osgb file."""

    name: ClassVar[str] = "osgb"
    kind: ClassVar[Kind] = Kind.MESH
    reads: ClassVar[str] = "an OSGB delivery (the folder with metadata.xml and Data)"

    def supports(self, path: Path) -> bool:
        """Say yes to .osgb files and to folders that hold some, by names alone."""
        return is_delivery(path)

    def plan(self, request: Request) -> Plan:
        """One parcel per tile folder.

        Raises:
            FormatError: no OSGB file, or a malformed metadata.xml.
            CrsError: the delivery cannot be placed on Earth.
        """
        found = [d for path in request.paths for d in deliveries(path)]
        placed = [
            (d, georeference(d.metadata, d.folder, request.crs, request.origin)) for d in found
        ]
        parcels = _parcels(placed)
        refused = tuple(
            Problem(path=e.path or "", reason=e.reason, remedy=e.remedy)
            for d in found
            for e in d.unreadable
        )
        if not parcels:
            first = refused[0].reason if refused else "there is no .osgb file in it"
            raise FormatError(
                f"nothing to read: {first}",
                path=request.paths[0],
                remedy="give the folder that holds metadata.xml and Data",
            )
        metadata = tuple(dict.fromkeys(d.metadata for d in found if d.metadata is not None))
        return Plan(
            parcels=parcels,
            refused=refused,
            warnings=_crs_warnings(placed),
            crs=next((g.resolved for _, g in placed if g.resolved is not None), None),
            extent=_extent(parcels, request),
            extra_inputs=metadata,
            parameters={
                "edition": EDITION,
                "heights": str(request.heights),
                "geoid": request.city.geoid_source,
                "georeference": [_described(g) for _, g in placed],
            },
        )

    def build(self, parcel: Parcel, plan: Plan, request: Request, staging: Path) -> Built:
        """Convert one tile folder.

        Raises:
            FormatError: its root file cannot be read.
            CrsError: it lies nowhere on Earth.
            OutsideCityError: it lies outside of the city.
        """
        job: Payload = parcel.payload
        placement = Placement(job.georeference, request.city, request.heights)
        target = staging / "tiles" / parcel.id
        tile, frame, found = convert_folder(job.root, job.data, target, placement)
        if tile is None or tile.box is None or frame is None:
            nothing = Problem(path=str(parcel.path), reason="an empty tile: nothing to draw in it")
            return Built(
                parcel=parcel.id,
                counts={"empty_folders": 1},
                refused=tuple(found.refused),
                warnings=(nothing, *found.warnings),
            )
        extent, heights = frame.extent(tile.box)
        request.city.require_inside(extent, parcel.path)
        facts = {
            "uri": f"tiles/{parcel.id}/tileset.json",
            "matrix": frame.matrix.tolist(),
            "low": tile.box.low.tolist(),
            "high": tile.box.high.tolist(),
            "error": tile.error,
            "heights": list(heights),
            "extent": list(extent),
            "placed": frame.way,
            "residual": 0.0 if frame.exact else frame.residual(tile.box),
        }
        return Built(
            parcel=parcel.id,
            facts=facts,
            counts=dict(found.counts) | {"folders": 1},
            extent=extent,
            refused=tuple(found.refused),
            warnings=tuple(found.warnings),
        )

    def finish(
        self, plan: Plan, built: Sequence[Built], request: Request, staging: Path
    ) -> Product:
        """Write the root tileset.json.

        Raises:
            FormatError: no folder holds anything to draw.
        """
        facts = [b.facts for b in built if b.facts]
        if not facts:
            raise FormatError(
                "no tile folder holds anything to draw",
                path=request.paths[0],
                remedy="see the report for the reason of each",
            )
        root, error = join([_entry(f) for f in facts])
        extras = {
            "generator": f"cim {__version__}",
            "source": self.name,
            "distance_focal_length_px": FOCAL_LENGTH,
        }
        write(staging / "tileset.json", root, error, extras)
        extent = Bounds(*facts[0]["extent"])
        for more in facts[1:]:
            extent = extent.union(Bounds(*more["extent"]))
        return Product(
            extent=extent,
            media={
                "tileset": "tileset.json",
                "placement_residual_m": max(f["residual"] for f in facts),
            },
            heights=(
                min(f["heights"][0] for f in facts),
                max(f["heights"][1] for f in facts),
            ),
            proposed=None if request.layer is not None else _proposed(request.layer_id),
            warnings=_area_warning(plan, extent, request),
        )

    def check(self, product: Product, request: Request, staging: Path) -> tuple[Check, ...]:
        """Look at the tileset with a reader of its own."""
        tileset = staging / str(product.media["tileset"])
        looks = tuple(
            Check(
                name=look.name,
                looked_at=look.looked_at,
                errors=tuple(look.errors),
                figures=dict(look.figures),
            )
            for look in check_tileset(tileset, request.city.bounds)
        )
        return (_placement(product), *looks)


def _placement(product: Product) -> Check:
    """How far from where PROJ puts them the worst points are."""
    residual = float(product.media["placement_residual_m"])
    errors = () if residual <= TOLERANCE else (f"a tile lies {residual * 1000:.1f} mm off",)
    return Check(
        name="placement against PROJ",
        looked_at=1,
        errors=errors,
        figures={"worst_residual_m": residual},
    )


def _parcels(placed: list[tuple[Delivery, Georeference]]) -> tuple[Parcel, ...]:
    jobs = {tree.root.resolve(): (d, g, tree) for d, g in placed for tree in d.trees}
    names = Counter(safe_name(tree.root.stem, set()).lower() for _, _, tree in jobs.values())
    parcels = []
    taken: set[str] = set()
    for delivery, place, tree in jobs.values():
        name = safe_name(tree.root.stem, set())
        if names[name.lower()] > 1:  # of several deliveries, or alike once made safe
            inside = tree.root.relative_to(delivery.folder).as_posix()
            where = f"{delivery.folder.parent.name}/{delivery.folder.name}/{inside}"
            name = f"{name}-{sha256(where.encode('utf-8', 'surrogateescape')).hexdigest()[:10]}"
        loose = tree.root.stem.lower() != tree.root.parent.name.lower()
        parcels.append(
            Parcel(
                id=safe_name(name, taken),
                path=tree.root if loose else tree.root.parent,
                inputs=tree.inputs,
                bytes=tree.bytes,
                payload=Payload(tree.root, delivery.folder, place),
            )
        )
    return tuple(parcels)


def _extent(parcels: Sequence[Parcel], request: Request) -> Bounds | None:
    """Where the root files lie; those that cannot be read or placed are told when built."""
    whole: Bounds | None = None
    for parcel in parcels:
        job: Payload = parcel.payload
        with suppress(FormatError, CrsError):
            box = reach(read_scene(job.root))
            if box is not None:
                wide = Box(box.low - OVERHANG, box.high + OVERHANG)
                place = Placement(job.georeference, request.city, request.heights)
                here = place.bounds(wide)
                whole = here if whole is None else whole.union(here)
    return whole


def _crs_warnings(placed: list[tuple[Delivery, Georeference]]) -> tuple[Problem, ...]:
    """Warnings of every further CRS; the pipeline tells those of the plan's own, the first."""
    distinct = {
        id(place.resolved): (delivery, place.resolved)
        for delivery, place in placed
        if place.resolved is not None
    }
    return tuple(
        Problem(
            path=str(delivery.metadata or delivery.folder),
            reason=warning,
            remedy="give --crs if the parameters are the wrong ones",
        )
        for delivery, resolved in list(distinct.values())[1:]
        for warning in resolved.warnings
    )


def _described(place: Georeference) -> dict[str, Any]:
    crs = place.resolved.crs.to_wkt() if place.resolved is not None else None
    return {"crs": crs, "enu": place.enu, "origin": place.origin}


def _entry(facts: Any) -> Entry:
    box = Box(np.array(facts["low"]), np.array(facts["high"]))
    return Entry(facts["uri"], box, np.array(facts["matrix"]), facts["error"])


def _proposed(layer_id: str) -> Layer:
    return Layer(
        id=layer_id,
        title="倾斜摄影三维模型",
        title_en="Oblique photography mesh",
        kind=Kind.MESH,
        data_class=DataClass.SPATIOTEMPORAL,
        cim_level=CimLevel.STANDARD,
    )


def _area_warning(plan: Plan, extent: Bounds, request: Request) -> tuple[Problem, ...]:
    """A CRS used outside of the area it is made for is suspicious, but may be meant."""
    if plan.crs is None or plan.crs.crs.area_of_use is None:
        return ()
    area = Bounds(*plan.crs.crs.area_of_use.bounds)
    if area.contains(extent):
        return ()
    return (
        Problem(
            path=str(request.paths[0]),
            reason=f"the data lie at {extent}, outside of the area of {plan.crs.crs.name}, {area}",
            remedy="check that the zone is the right one",
        ),
    )
