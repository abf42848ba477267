"""The source: a published mesh and footprints in, the same mesh with buildings that can be told."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

import numpy as np
import numpy.typing as npt
from pydantic import Field

from cim.errors import InputError
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
from cim.ingest.sources.buildings.attributes import merged
from cim.ingest.sources.labels.footprints import Footprints, Standing, Stood, stand
from cim.ingest.sources.labels.plane import plane
from cim.ingest.sources.published import (
    Base,
    Content,
    bounds_of,
    by_folder,
    contents,
    encoding_of,
    folder_parcel,
    rewrite,
    take_folder,
    take_rest,
)
from cim.ingest.tileset_look import look_at_tileset
from cim.layers import Kind
from cim.tiles import glb
from cim.tiles.labels import Regions, label

Floats = npt.NDArray[np.float64]


class LabelOptions(Options):
    """What of a mesh is a building's."""

    eaves: float = Field(0.5, ge=0, le=5, description="how far roofs reach over the footprint, m")
    clearance: float = Field(
        1.0, ge=0, le=10, description="height above the ground from which on it is the building, m"
    )


@dataclass(frozen=True, slots=True, eq=False)
class _Task:
    """What one folder is labelled with."""

    contents: tuple[Content, ...]
    standing: Standing


@dataclass(frozen=True, slots=True, kw_only=True)
class LabelSource(Source):
    """Labels the folders of a published mesh; those without a footprint stay as they are."""

    name: ClassVar[str] = "labels"
    kind: ClassVar[Kind] = Kind.MESH
    derived: ClassVar[bool] = True
    reads: ClassVar[str] = "a published mesh and a layer of footprints"
    options: ClassVar[type[Options]] = LabelOptions

    base: Base
    footprints: Footprints

    def supports(self, path: Path) -> bool:
        """Nothing that a user can give: `cim label` names the layers."""
        return False

    def plan(self, request: Request) -> Plan:
        """One parcel per folder of glb files that a footprint reaches into.

        Raises:
            FormatError: the mesh cannot be read.
            InputError: no footprint meets it.
        """
        options = _options(request)
        stood = stand(self.footprints, request.city.compute_crs, request.elevation, options.eaves)
        folders = by_folder(contents(self.base.folder, str(self.base.media["tileset"])))
        parcels = [
            parcel
            for folder, inside in folders.items()
            if (parcel := self._parcel(folder, inside, stood)) is not None
        ]
        if not parcels:
            raise InputError(
                f"no building of {self.footprints.layer} stands in the mesh",
                path=self.base.folder,
                remedy="check that both lie in the same place",
            )
        return Plan(
            parcels=tuple(parcels),
            warnings=_warnings(stood),
            extent=self.base.extent,
            extra_inputs=self.base.documents,
        )

    def _parcel(self, folder: Path, inside: list[Content], stood: Stood) -> Parcel | None:
        index = stood.within(bounds_of(inside))
        if not len(index) or folder == Path():
            return None
        standing = stood.standing.some(index)
        task = _Task(tuple(inside), standing)
        return folder_parcel(self.base, folder, task, standing.digest())

    def build(self, parcel: Parcel, plan: Plan, request: Request, staging: Path) -> Built:
        """Label every glb of one folder."""
        task: _Task = parcel.payload
        take_folder(parcel.path, staging / str(parcel.folder))
        clearance = _options(request).clearance
        cut = plane(task.contents, task.standing, request.city, self.base.folder, clearance)
        regions = Regions(cut.regions)
        table = task.standing.attributes.table(np.arange(len(task.standing)))
        found: set[str] = set()
        counts = {"labelled_files": 0, "labelled_triangles": 0, "triangles": 0}
        for content in task.contents:
            path = self.base.folder / content.path
            model = glb.read(path)
            made = label(model, np.linalg.inv(cut.matrix) @ content.matrix, regions, table)
            counts["triangles"] += _triangles(made or model)
            if made is None:
                continue
            counts["labelled_files"] += 1
            counts["labelled_triangles"] += _labelled(made)
            rewrite(staging / content.path, made, encoding_of(path))
            assert made.table is not None  # noqa: S101 - label() made it
            (keys,) = (c.values for c in made.table.columns if c.name == self.footprints.key)
            found.update(str(key) for key in keys if key is not None)
        return Built(parcel=parcel.id, facts={"found": sorted(found)}, counts=counts)

    def finish(
        self, plan: Plan, built: Sequence[Built], request: Request, staging: Path
    ) -> Product:
        """Take over everything that no footprint touches, the documents among it."""
        take_rest(self.base.folder, staging, [Path(str(p.folder)) for p in plan.parcels])
        found = {key for part in built for key in part.facts["found"]}
        summaries = [p.payload.standing.attributes.summary() for p in plan.parcels]
        options = _options(request)
        told = {
            "layer": self.footprints.layer,
            "version": self.footprints.version,
            "key": self.footprints.key,
            "found": len(found),
            "eaves": options.eaves,
            "clearance": options.clearance,
        }
        media = dict(self.base.media) | {
            "features": told,
            "attributes": merged(summaries),
            "unlabelled": self.base.version,
        }
        return Product(
            extent=self.base.extent,
            media=media,
            heights=self.base.heights,
            counts={"buildings": len(found)},
        )

    def check(self, product: Product, request: Request, staging: Path) -> tuple[Check, ...]:
        """Look at the tileset with a reader of its own."""
        return look_at_tileset(product, request, staging)


def _options(request: Request) -> LabelOptions:
    options = LabelOptions.of(request)
    assert isinstance(options, LabelOptions)  # noqa: S101 - of() makes its own class
    return options


def _warnings(stood: Stood) -> tuple[Problem, ...]:
    told = []
    if stood.overlaps:
        told.append(f"{stood.overlaps} pairs of footprints overlap: the first keeps what is both's")
    if stood.swallowed:
        told.append(f"{stood.swallowed} footprints lie within others and get nothing")
    return tuple(
        Problem(path="", reason=text, remedy="correct the footprints and label again")
        for text in told
    )


def _triangles(model: glb.Model) -> int:
    return sum(len(p.triangles) for p in model.primitives if p.triangles is not None)


def _labelled(model: glb.Model) -> int:
    return sum(
        int((p.features[p.triangles[:, 0]] != glb.NULL_FEATURE).sum())
        for p in model.primitives
        if p.features is not None and p.triangles is not None
    )
