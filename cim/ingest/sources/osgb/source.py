"""The source: deliveries of oblique photography in, a 3D Tiles 1.1 tileset out."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from functools import reduce
from hashlib import sha256
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
from pydantic import Field

from cim import __version__
from cim.city import Bounds
from cim.errors import CrsError, FormatError
from cim.ingest.mesh_options import MeshOptions
from cim.ingest.source import (
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
from cim.ingest.sources.osgb.convert import Converted, convert_folder, head_name, reach
from cim.ingest.sources.osgb.discover import Delivery, deliveries, is_delivery
from cim.ingest.sources.osgb.links import safe_name
from cim.ingest.sources.osgb.metadata import Georeference, georeference
from cim.ingest.sources.osgb.nodes import Bake, bake, next_parcels, write_top
from cim.ingest.sources.osgb.overview import RASTER, Draper, Plane, Top
from cim.ingest.sources.osgb.place import TOLERANCE, Frame, Placement
from cim.ingest.sources.osgb.proposal import proposed
from cim.ingest.sources.osgb.scene import FOCAL_LENGTH, Scene, read_scene
from cim.ingest.tileset_look import look_at_tileset
from cim.layers import Kind
from cim.tiles.origin import origin
from cim.tiles.tileset import Box, Entry, join, write

ROOT_BYTES = 100_000
OVERHANG = 1.0  # m by which finer files may reach beyond their root


@dataclass(frozen=True, slots=True)
class Payload:
    """What one parcel is converted from."""

    root: Path
    data: Path
    georeference: Georeference


class OsgbOptions(MeshOptions):
    """Options of oblique surveys."""

    top: bool = Field(
        default=True,
        description="bake light nodes above the tiles, which then stand for their coarsest files",
    )


class OsgbSource(Source):
    """Reads OSGB tile trees: a delivery folder, its metadata.xml, or a single .osgb file."""

    name: ClassVar[str] = "osgb"
    kind: ClassVar[Kind] = Kind.MESH
    reads: ClassVar[str] = "an OSGB delivery (the folder with metadata.xml and Data)"
    options: ClassVar[type[Options]] = OsgbOptions
    edition: ClassVar[int] = 3

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
        extent, top = _survey(parcels, request)
        if not OsgbOptions.of(request).top:
            top = None
        metadata = tuple(dict.fromkeys(d.metadata for d in found if d.metadata is not None))
        return Plan(
            parcels=parcels,
            refused=refused,
            warnings=_crs_warnings(placed),
            crs=next((g.resolved for _, g in placed if g.resolved is not None), None),
            extent=extent,
            extra_inputs=metadata,
            parameters={
                "georeference": [_described(g) for _, g in placed],
                "top": None if top is None else top.described(),
            },
            shared=top,
        )

    def build(self, parcel: Parcel, plan: Plan, request: Request, staging: Path) -> Built:
        """Convert one tile folder.

        Raises:
            FormatError: its root file cannot be read.
            CrsError: it lies nowhere on Earth.
            OutsideCityError: it lies outside of the city.
        """
        top: Top | None = plan.shared
        if top is not None and isinstance(parcel.payload, Bake):
            facts, counts = bake(parcel, top, request.city, request.heights, staging)
            return Built(parcel=parcel.id, facts=facts, counts=counts)
        job: Payload = parcel.payload
        placement = Placement(job.georeference, request.city, request.heights)

        def draper(box: Box) -> Draper:
            assert top is not None  # noqa: S101 - asked for below
            own = Placement(top.georeference, request.city, request.heights)
            return Draper(Plane(top, own), placement, box)

        done = convert_folder(
            job.root,
            job.data,
            staging / "tiles" / parcel.id,
            placement,
            OsgbOptions.of(request).encoding,
            draper if top is not None else None,
        )
        found = done.found
        if done.box is None or done.frame is None:
            nothing = Problem(path=str(parcel.path), reason="an empty tile: nothing to draw in it")
            return Built(
                parcel=parcel.id,
                counts={"empty_folders": 1},
                refused=tuple(found.refused),
                warnings=(nothing, *found.warnings),
            )
        extent, heights = done.frame.extent(done.box)
        request.city.require_inside(extent, parcel.path)
        facts = _facts(parcel, done, done.box, done.frame)
        facts |= {"heights": list(heights), "extent": list(extent)}
        if top is not None:
            own = Placement(top.georeference, request.city, request.heights)
            middle = (done.box.low + done.box.high) / 2 + done.frame.centre
            facts["middle"] = Plane(top, own).of(placement, middle[None])[0, :2].tolist()
            facts |= {"raster": f"tiles/{parcel.id}/{RASTER}", "called": done.called}
        return Built(
            parcel=parcel.id,
            facts=facts,
            counts=dict(found.counts) | {"folders": 1},
            extent=extent,
            refused=tuple(found.refused),
            warnings=tuple(found.warnings),
        )

    def further(
        self, plan: Plan, built: Sequence[Built], request: Request, staging: Path
    ) -> tuple[Parcel, ...]:
        """The nodes of the overview, level by level."""
        return () if plan.shared is None else next_parcels(plan.shared, built, request.paths[0])

    def finish(
        self, plan: Plan, built: Sequence[Built], request: Request, staging: Path
    ) -> Product:
        """Write the root tileset.json.

        Raises:
            FormatError: no folder holds anything to draw.
        """
        facts = [b.facts for b in built if "heads" in b.facts]
        if not facts:
            raise FormatError(
                "no tile folder holds anything to draw",
                path=request.paths[0],
                remedy="see the report for the reason of each",
            )
        extras: dict[str, Any] = {
            "generator": f"cim {__version__}",
            "source": self.name,
            "distance_focal_length_px": FOCAL_LENGTH,
        }
        extent = reduce(Bounds.union, (Bounds(*f["extent"]) for f in facts))
        extras |= origin(request.city, plan.crs, request.heights, extent)
        media: dict[str, Any] = {"tileset": "tileset.json"}
        top: Top | None = plan.shared
        figures = None
        if top is not None:
            own = Placement(top.georeference, request.city, request.heights)
            figures = write_top(staging, built, top, own, extras)
        if figures is None:
            root, error = join([entry for f in facts for entry in _entries(f)])
            write(staging / "tileset.json", root, error, extras)
        else:
            media["overview"] = figures
        return Product(
            extent=extent,
            media=media | {"placement_residual_m": max(f["residual"] for f in facts)},
            heights=(
                min(f["heights"][0] for f in facts),
                max(f["heights"][1] for f in facts),
            ),
            proposed=None if request.layer is not None else proposed(request.layer_id),
            warnings=_area_warning(plan, extent, request),
        )

    def check(self, product: Product, request: Request, staging: Path) -> tuple[Check, ...]:
        """Look at the tileset with a reader of its own."""
        looks = look_at_tileset(product, request, staging)
        return (_placement(product), *_overview(product), *looks)


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


def _overview(product: Product) -> tuple[Check, ...]:
    """Whether the overview is as light as it is meant to be."""
    figures: dict[str, float] | None = product.media.get("overview")
    if figures is None:
        return ()
    heavy = figures["root_bytes"] > ROOT_BYTES
    errors = (f"the root weighs {figures['root_bytes']:.0f} bytes",) if heavy else ()
    return (
        Check(
            name="overview", looked_at=int(figures["nodes"]), errors=errors, figures=dict(figures)
        ),
    )


def _facts(parcel: Parcel, done: Converted, box: Box, frame: Frame) -> dict[str, Any]:
    """Where a folder's tilesets are, and how well they are placed."""
    heads = [
        {
            "uri": f"tiles/{parcel.id}/{head_name(index)}",
            "low": head.box.low.tolist(),
            "high": head.box.high.tolist(),
            "error": head.error,
        }
        for index, head in enumerate(done.heads)
        if head.box is not None
    ]
    return {
        "heads": heads,
        "matrix": frame.matrix.tolist(),
        "placed": frame.way,
        "residual": 0.0 if frame.exact else frame.residual(box),
    }


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
    parcels = [replace(parcel, folder=f"tiles/{parcel.id}") for parcel in parcels]
    return tuple(parcels)


def _survey(parcels: Sequence[Parcel], request: Request) -> tuple[Bounds | None, Top | None]:
    """Where the root files lie, and the overview that suits them.

    Files that cannot be read or placed are told when they are built.
    """
    whole: Bounds | None = None
    plane: Placement | None = None
    boxes: list[Box] = []
    errors: list[float] = []
    for parcel in parcels:
        job: Payload = parcel.payload
        with suppress(FormatError, CrsError):
            scene = read_scene(job.root)
            box = reach(scene)
            if box is None:
                continue
            wide = Box(box.low - OVERHANG, box.high + OVERHANG)
            place = Placement(job.georeference, request.city, request.heights)
            here = place.bounds(wide)
            whole = here if whole is None else whole.union(here)
            plane = plane or place
            if job.georeference is not plane.georeference and request.city.bounds.contains(here):
                box = Box.around(plane.local(place.ecef(box.corners())))
            boxes.append(box)
            errors.append(_called(scene))
    if plane is None:
        return whole, None
    return whole, Top.over(plane.georeference, boxes, errors)


def _called(scene: Scene) -> float:
    """At which error a root file is replaced by finer ones, m."""
    return max((link.error for branch in scene.branches for link in branch.links), default=0.0)


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


def _entries(facts: Any) -> list[Entry]:
    return [
        Entry(
            head["uri"],
            Box(np.array(head["low"]), np.array(head["high"])),
            np.array(facts["matrix"]),
            head["error"],
        )
        for head in facts["heads"]
    ]


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
