"""The source: a published mesh and footprints in, the same mesh with buildings that can be told."""

from __future__ import annotations

import json
import struct
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import isnan
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt
import shapely
from pydantic import Field

from cim.city import Bounds, City
from cim.errors import InputError
from cim.geo.crs import GEOCENTRIC, GEODETIC_3D, rows, transformer
from cim.geo.frames import enu_matrix
from cim.ingest.marks import PARTS
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
from cim.ingest.sources.published import (
    Content,
    by_folder,
    contents,
    take_folder,
    take_rest,
)
from cim.layers import Kind
from cim.tiles import glb
from cim.tiles.glb import Encoding
from cim.tiles.labels import Region, Regions, label
from cim.tiles.mesh_check import check_tileset

Floats = npt.NDArray[np.float64]

NEARBY = 3.0  # m around a building where the mesh tells the ground that no model knows
LOW = 2.0  # percentile of the heights there that is taken for the ground


class LabelOptions(Options):
    """What of a mesh is a building's."""

    eaves: float = Field(0.5, ge=0, le=5, description="how far roofs reach over the footprint, m")
    clearance: float = Field(
        1.0, ge=0, le=10, description="height above the ground from which on it is the building, m"
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Base:
    """The published mesh that is labelled; one without labels of its own.

    Args:
        folder: Of its version.
        version: Its number.
        media: How it is served.
        extent: Where it lies.
        heights: Lowest and highest orthometric height, m.
    """

    folder: Path
    version: int
    media: Mapping[str, Any]
    extent: Bounds
    heights: tuple[float, float] | None


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
        documents = (self.base.folder / PARTS, self.base.folder / str(self.base.media["tileset"]))
        return Plan(
            parcels=tuple(parcels),
            warnings=_warnings(stood),
            extent=self.base.extent,
            extra_inputs=documents,  # another base is another version, whatever it shares
        )

    def _parcel(self, folder: Path, inside: list[Content], stood: Stood) -> Parcel | None:
        bounds = inside[0].bounds
        for more in inside[1:]:
            bounds = bounds.union(more.bounds)
        index = stood.within(bounds)
        if not len(index) or folder == Path():
            return None
        files = sorted(p for p in (self.base.folder / folder).iterdir() if p.is_file())
        standing = stood.standing.some(index)
        return Parcel(
            id=folder.as_posix().replace("/", "-"),
            path=self.base.folder / folder,
            inputs=tuple(files),
            bytes=sum(f.stat().st_size for f in files),
            payload=_Task(tuple(inside), standing),
            folder=folder.as_posix(),
            decides=standing.digest(),
        )

    def build(self, parcel: Parcel, plan: Plan, request: Request, staging: Path) -> Built:
        """Label every glb of one folder."""
        task: _Task = parcel.payload
        take_folder(parcel.path, staging / str(parcel.folder))
        plane = _plane(task, request.city, self.base.folder, _options(request))
        regions = Regions(plane.regions)
        table = task.standing.attributes.table(np.arange(len(task.standing)))
        found: set[str] = set()
        counts = {"labelled_files": 0, "labelled_triangles": 0, "triangles": 0}
        for content in task.contents:
            path = self.base.folder / content.path
            model = glb.read(path)
            made = label(model, np.linalg.inv(plane.matrix) @ content.matrix, regions, table)
            counts["triangles"] += _triangles(made or model)
            if made is None:
                continue
            counts["labelled_files"] += 1
            counts["labelled_triangles"] += _labelled(made)
            _write(staging / content.path, made, _encoding(path))
            assert made.table is not None  # noqa: S101 - label() made it
            (keys,) = (c.values for c in made.table.columns if c.name == self.footprints.key)
            found.update(str(key) for key in keys if key is not None)
        return Built(parcel=parcel.id, facts={"found": sorted(found)}, counts=counts)

    def finish(
        self, plan: Plan, built: Sequence[Built], request: Request, staging: Path
    ) -> Product:
        """Take over everything that no footprint touches, the documents among it."""
        take_rest(self.base.folder, staging)
        found = {key for part in built for key in part.facts["found"]}
        summaries = [p.payload.standing.attributes.summary() for p in plan.parcels]
        told = {
            "layer": self.footprints.layer,
            "version": self.footprints.version,
            "key": self.footprints.key,
            "found": len(found),
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
        looks = check_tileset(staging / str(product.media["tileset"]), request.city.bounds)
        return tuple(
            Check(
                name=look.name,
                looked_at=look.looked_at,
                errors=tuple(look.errors),
                figures=dict(look.figures),
            )
            for look in looks
        )


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


@dataclass(frozen=True, slots=True, eq=False)
class _Plane:
    """The tangent plane that one folder is cut in.

    Args:
        matrix: 4 × 4 from the plane (east, north, up, m) to ECEF.
        regions: The footprints in it.
    """

    matrix: Floats
    regions: list[Region]


def _plane(task: _Task, city: City, folder: Path, options: LabelOptions) -> _Plane:
    """Footprints in the plane at the folder's middle, each over a sloping foot."""
    bounds = task.contents[0].bounds
    lon, lat = (bounds.west + bounds.east) / 2, (bounds.south + bounds.north) / 2
    low = min(content.heights[0] for content in task.contents)
    matrix = enu_matrix(lon, lat, low)
    inverse: Floats = np.linalg.inv(matrix).astype(np.float64)
    mesh: Floats | None = None
    regions = []
    for row, (outline, ground) in enumerate(
        zip(task.standing.outlines, task.standing.ground, strict=True)
    ):
        known = ground[~np.isnan(ground[:, 2])]
        height = city.undulation(*known[0, :2]) + known[:, 2].mean() if len(known) else low

        def move(places: Floats, height: float = height) -> Floats:
            tall = np.column_stack([places, np.full(len(places), height)])
            return _inward(tall, inverse)[:, :2]

        shape = shapely.transform(shapely.from_wkb(outline), move)
        if len(known):
            above = known.copy()
            above[:, 2] += city.geoid.undulation(known[:, 0], known[:, 1])
            foot = _fitted(_inward(above, inverse))
        else:
            mesh = _mesh(task, folder, inverse) if mesh is None else mesh
            foot = np.array([0.0, 0.0, _lowest(mesh, shape)])
        regions.append(Region(shape, foot + np.array([0.0, 0.0, options.clearance]), row))
    return _Plane(matrix, regions)


def _inward(places: Floats, inverse: Floats) -> Floats:
    """(n, 3) of a plane from longitude, latitude and ellipsoidal height."""
    away = rows(transformer(GEODETIC_3D, GEOCENTRIC), places)
    return _moved(away, inverse)


def _fitted(points: Floats) -> Floats:
    """The plane a·x + b·y + c through points, least squares; level through fewer than three."""
    middle = points.mean(axis=0)
    away = points - middle
    slope, _, rank, _ = np.linalg.lstsq(away[:, :2], away[:, 2], rcond=None)
    if rank < 2 or isnan(slope[0]) or np.abs(slope).max() > 1:
        slope = np.zeros(2)
    return np.array([slope[0], slope[1], middle[2] - slope @ middle[:2]])


def _mesh(task: _Task, folder: Path, inverse: Floats) -> Floats:
    """Vertices of the finest files in the plane, to tell the ground where no model knows it."""
    finest = min(content.error for content in task.contents)
    finest_ones = [content for content in task.contents if content.error == finest]
    found = [
        _moved(primitive.positions, inverse @ content.matrix)
        for content in finest_ones
        for primitive in glb.read(folder / content.path).primitives
    ]
    return np.concatenate(found)


def _moved(points: npt.NDArray[Any], matrix: Floats) -> Floats:
    moved: Floats = points @ matrix[:3, :3].T + matrix[:3, 3]
    return moved


def _lowest(mesh: Floats, shape: Any) -> float:
    near = shapely.contains_xy(shapely.buffer(shape, NEARBY), mesh[:, 0], mesh[:, 1])
    return float(np.percentile(mesh[near, 2], LOW)) if near.any() else float(mesh[:, 2].min())


def _triangles(model: glb.Model) -> int:
    return sum(len(p.triangles) for p in model.primitives if p.triangles is not None)


def _labelled(model: glb.Model) -> int:
    return sum(
        int((p.features[p.triangles[:, 0]] != glb.NULL_FEATURE).sum())
        for p in model.primitives
        if p.features is not None and p.triangles is not None
    )


def _encoding(path: Path) -> Encoding:
    """How a file was written, so that it is written so again; its images are kept."""
    with path.open("rb") as file:
        (length,) = struct.unpack_from("<I", file.read(20), 12)
        used = json.loads(file.read(length)).get("extensionsUsed", [])
    if "EXT_meshopt_compression" in used:
        return Encoding("meshopt")
    return Encoding("quantized" if "KHR_mesh_quantization" in used else "float32")


def _write(path: Path, model: glb.Model, encoding: Encoding) -> None:
    """Write in place of a linked file, whose other name must keep what it has."""
    part = path.with_suffix(".part")
    glb.write(part, model.primitives, table=model.table, encoding=encoding)
    part.replace(path)
