"""The source: models in one file each in, a tileset with levels of detail out."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import reduce
from pathlib import Path
from typing import ClassVar, Literal

import numpy as np
from pydantic import Field

from cim import __version__
from cim.city import Bounds
from cim.errors import FormatError
from cim.ingest.mesh_options import MeshOptions
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
from cim.ingest.sources.flat.model import QUALITY, part
from cim.ingest.sources.flat.place import inputs, models, place
from cim.ingest.sources.flat.ply import read_header
from cim.ingest.sources.flat.tile import (
    PIECE,
    Above,
    Leaf,
    Making,
    leaf_parcels,
    make_above,
    make_leaf,
    parent_parcels,
    tree,
)
from cim.ingest.sources.osgb.metadata import Georeference
from cim.ingest.tileset_look import look_at_tileset
from cim.layers import CimLevel, DataClass, Kind, Layer
from cim.tiles import glb
from cim.tiles.origin import origin
from cim.tiles.tileset import Box, Entry, join, settle, write, write_folder

KEPT = 1e-6  # share of the area by which tiles may differ from the model


class FlatOptions(MeshOptions):
    """How a model is cut."""

    leaf_triangles: int = Field(20_000, ge=100, description="triangles in a finest tile at most")
    texture_size: int = Field(
        2048, ge=128, le=8192, description="pixels along the texture of a finest tile at most"
    )
    up: Literal["z", "y"] = Field("z", description="which axis of an OBJ or PLY points up")

    @property
    def picture_quality(self) -> int:
        """Of pictures that are put together anew, which all are."""
        return self.quality if self.texture == "jpeg" else QUALITY


@dataclass(frozen=True, slots=True)
class Whole:
    """A model that is to be read."""

    place: Georeference


class FlatSource(Source):
    """Reads OBJ, PLY and glb models, and what OpenDroneMap leaves."""

    name: ClassVar[str] = "flat"
    kind: ClassVar[Kind] = Kind.MESH
    reads: ClassVar[str] = "mesh models (.obj, .ply, .glb; OpenDroneMap projects)"
    options: ClassVar[type[Options]] = FlatOptions

    def supports(self, path: Path) -> bool:
        """By suffix; a folder counts when it directly holds such a file."""
        return next(models(path), None) is not None

    def plan(self, request: Request) -> Plan:
        """One part a model; its tiles follow when it was read.

        Raises:
            FormatError: no model can be read.
            CrsError: nobody says where a model lies.
        """
        FlatOptions.of(request)
        parcels: list[Parcel] = []
        refused: list[Problem] = []
        first: Georeference | None = None
        found = list(dict.fromkeys(m for path in request.paths for m in models(path)))
        for path in found:
            try:
                _look(path)
                where = place(path, request)
                read = inputs(path)
            except FormatError as error:
                refused.append(Problem(path=str(path), reason=error.reason, remedy=error.remedy))
                continue
            first = first or where
            parcels.append(
                Parcel(
                    id=f"{len(parcels):04d}",
                    path=path,
                    inputs=read,
                    bytes=sum(p.stat().st_size for p in read),
                    payload=Whole(where),
                )
            )
        if not parcels:
            reason = refused[0].reason if refused else "there is no model in it"
            remedy = refused[0].remedy if refused else "give an .obj, .ply or .glb file"
            raise FormatError(reason, path=request.paths[0], remedy=remedy)
        return Plan(
            parcels=tuple(parcels),
            refused=tuple(refused),
            crs=None if first is None else first.resolved,
            shared={p.id: (p.path, p.payload.place) for p in parcels},
        )

    def build(self, parcel: Parcel, plan: Plan, request: Request, staging: Path) -> Built:
        """Read a model, or make one tile.

        Raises:
            FormatError: it is damaged, or holds nothing to draw.
            CrsError: it lies nowhere on Earth.
            OutsideCityError: it lies outside of the city.
        """
        making = _making(request)
        if isinstance(parcel.payload, Leaf):
            return make_leaf(parcel, making, staging)
        if isinstance(parcel.payload, Above):
            return make_above(parcel, making, staging)
        return _read(parcel, making, request, staging)

    def further(
        self, plan: Plan, built: Sequence[Built], request: Request, staging: Path
    ) -> tuple[Parcel, ...]:
        """The finest tiles of every model, then the coarser ones, level by level."""
        parcels: list[Parcel] = []
        for whole in (b for b in built if "cells" in b.facts):
            path, where = plan.shared[whole.parcel]
            tiles = _tiles(whole, built)
            if tiles:
                parcels += parent_parcels(whole.facts, where, path, tiles)
            else:
                parcels += leaf_parcels(whole.facts, where, path, whole.parcel)
        return tuple(parcels)

    def finish(
        self, plan: Plan, built: Sequence[Built], request: Request, staging: Path
    ) -> Product:
        """Write the tileset of each model, and the one above them.

        Raises:
            FormatError: no tile could be made.
        """
        wholes = [b for b in built if "cells" in b.facts and _tiles(b, built)]
        if not wholes:
            raise FormatError("no tile could be made", path=request.paths[0])
        entries: list[Entry] = []
        for whole in wholes:
            root = tree(_tiles(whole, built))
            error = settle(root)
            box, matrix = root.box, np.array(whole.facts["matrix"])
            assert box is not None  # noqa: S101 - settle() has set it
            uri = f"tiles/{whole.facts['file']}/tileset.json"
            write_folder(staging / uri, root, matrix)
            entries.append(Entry(uri, box, matrix, error))
        facts = [whole.facts for whole in wholes]
        extent = reduce(Bounds.union, (Bounds(*f["extent"]) for f in facts))
        extras = {"generator": f"cim {__version__}", "source": self.name}
        extras |= origin(request.city, plan.crs, request.heights, extent)
        write(staging / "tileset.json", *join(entries), extras)
        if _complete(wholes, built):
            for piece in (staging / "tiles").rglob(PIECE):
                piece.unlink()
        return Product(
            extent=extent,
            media={
                "tileset": "tileset.json",
                "placement_residual_m": max(f["residual"] for f in facts),
                "area_m2": sum(f["area"] for f in facts),
                "area_kept_m2": sum(b.facts["area"] for b in built if b.facts.get("leaf")),
                "whole": _complete(wholes, built),
            },
            heights=(min(f["heights"][0] for f in facts), max(f["heights"][1] for f in facts)),
            proposed=None if request.layer is not None else _proposed(request.layer_id),
        )

    def check(self, product: Product, request: Request, staging: Path) -> tuple[Check, ...]:
        """Look at the tileset as a stranger would, and hold its area against the models'."""
        return (
            _conserved(product),
            *look_at_tileset(product, request, staging),
        )


def _look(path: Path) -> None:
    """Refuse what a look at the header tells.

    Raises:
        FormatError: an empty file, a damaged header, a cloud of points.
    """
    if path.stat().st_size == 0:
        raise FormatError("the file is empty", path=path, remedy="copy it again")
    if path.suffix.lower() == ".ply" and not read_header(path).faces:
        raise FormatError(
            "it has no faces: a cloud of points, not a mesh",
            path=path,
            remedy="convert it to LAS, which is read as a point cloud",
        )


def _making(request: Request) -> Making:
    options = FlatOptions.of(request)
    encoding = options.encoding
    if options.texture == "jpeg":  # written so from the start, not once more
        encoding = glb.Encoding(options.geometry, "keep", options.quality)
    return Making(
        request.city,
        request.heights,
        options.leaf_triangles,
        options.texture_size,
        options.picture_quality,
        encoding,
    )


def _read(parcel: Parcel, making: Making, request: Request, staging: Path) -> Built:
    """The heavy pass over a model."""
    options = FlatOptions.of(request)
    work = f"{WORK}/flat-{parcel.id}"
    parted = part(
        parcel.path,
        staging / work,
        up=options.up,
        most=options.leaf_triangles,
        texels=options.texture_size**2 / 2,
    )
    facts = {
        "file": parcel.id,
        "work": work,
        "low": list(parted.low),
        "high": list(parted.high),
        "area": parted.area,
        "cells": parted.cells,
    }
    where: Georeference = parcel.payload.place
    frame = making.frame(facts, where)
    box = Box(np.array(parted.low) - frame.centre, np.array(parted.high) - frame.centre)
    extent, heights = frame.extent(box)
    facts |= {
        "matrix": frame.matrix.tolist(),
        "residual": 0.0 if frame.exact else frame.residual(box),
        "extent": list(extent),
        "heights": list(heights),
    }
    request.city.require_inside(extent, parcel.path)
    return Built(
        parcel=parcel.id,
        facts=facts,
        counts={"models": 1, "faces": parted.triangles, **parted.counts},
        extent=extent,
        warnings=parted.warnings,
    )


def _tiles(whole: Built, built: Sequence[Built]) -> list[Built]:
    return [b for b in built if "leaf" in b.facts and b.facts["file"] == whole.facts["file"]]


def _complete(wholes: Sequence[Built], built: Sequence[Built]) -> bool:
    """Whether no tile was lost."""
    for whole in wholes:
        have = {b.facts["cell"] for b in _tiles(whole, built)}
        if not whole.facts["cells"].keys() <= have or "0-0-0" not in have:
            return False
    return True


def _conserved(product: Product) -> Check:
    """The finest tiles have the area of the models: nothing was lost, nothing stands twice."""
    given, kept = float(product.media["area_m2"]), float(product.media["area_kept_m2"])
    off = abs(kept - given) / given
    wrong = off > KEPT and product.media["whole"]
    errors = (f"tiles of {kept:.3f} m² for models of {given:.3f} m²",) if wrong else ()
    return Check(name="area conserved", looked_at=1, errors=errors, figures={"relative_error": off})


def _proposed(layer_id: str) -> Layer:
    return Layer(
        id=layer_id,
        title="实景三维模型",
        title_en="Mesh model",
        kind=Kind.MESH,
        data_class=DataClass.SPATIOTEMPORAL,
        cim_level=CimLevel.STANDARD,
    )
