"""The source: a published mesh with some of it replaced by refined models (模型精修).

What is taken out is cut out of every level of detail, from the finest file to the overview; refined
models stand beside the survey as additive children of one root. Files that nothing was cut from
stay the same files.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import reduce
from hashlib import sha256
from pathlib import Path
from typing import ClassVar

import numpy as np
import numpy.typing as npt
import shapely

from cim.city import Bounds
from cim.errors import InputError, ParameterError
from cim.ingest.source import (
    Built,
    Check,
    Parcel,
    Plan,
    Product,
    Request,
    Source,
)
from cim.ingest.sources.buildings.attributes import Attributes
from cim.ingest.sources.labels.footprints import Footprints, Standing, stand
from cim.ingest.sources.labels.plane import plane
from cim.ingest.sources.osgb.nodes import FOLDER as TOP
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
from cim.ingest.sources.revision.documents import REFINED, SURVEY, forget, write_root
from cim.ingest.sources.revision.model import Refined, place, require_model
from cim.ingest.tileset_look import look_at_tileset
from cim.layers import Kind
from cim.tiles import glb
from cim.tiles.labels import Regions, remove

Floats = npt.NDArray[np.float64]

EAVES, CLEARANCE = 0.5, 0.3  # m: what is taken of a replaced building


@dataclass(frozen=True, slots=True, kw_only=True)
class TakenOut:
    """What is cut out of the survey.

    Args:
        footprints: Where the buildings come from, if any are named.
        buildings: Values of the footprints' key.
        area: WKB of polygons in degrees: everything above and below them is taken out.
        blocks: Names of folders of the survey that are taken out whole.
        eaves: How far the roofs of named buildings reach over their footprints, m; as they were
            labelled, or else a rim of them stays.
    """

    footprints: Footprints | None = None
    buildings: tuple[str, ...] = ()
    area: bytes | None = None
    blocks: tuple[str, ...] = ()
    eaves: float = EAVES


@dataclass(frozen=True, slots=True, eq=False)
class _Cut:
    """What one folder is cut with: the buildings over their feet, the areas altogether."""

    contents: tuple[Content, ...]
    buildings: Standing
    areas: Standing
    whole: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class RevisionSource(Source):
    """Revises a published mesh."""

    name: ClassVar[str] = "revision"
    kind: ClassVar[Kind] = Kind.MESH
    derived: ClassVar[bool] = True
    reads: ClassVar[str] = "a published mesh and refined models"

    base: Base
    taken: TakenOut
    models: tuple[Refined, ...]

    def supports(self, path: Path) -> bool:
        """Nothing that a user can give: `cim revise` names the layer."""
        return False

    def plan(self, request: Request) -> Plan:
        """One parcel per folder that is cut, one per model.

        Raises:
            ParameterError: a building or a block is not there.
            FormatError: a model cannot be read, or holds nothing to draw.
            OutsideCityError: a model stands outside of the city.
        """
        folders = by_folder(contents(self.base.folder, str(self.base.media["tileset"])))
        blocks = self._blocks(folders)
        buildings = self._buildings(request)
        areas = _areas(self.taken.area, [folders[path] for path in blocks])
        parcels = [
            parcel
            for folder, inside in folders.items()
            if (parcel := self._parcel(folder, inside, buildings, areas, folder in blocks))
        ]
        for model in self.models:  # a hole without its model shall never be published
            require_model(model, request.city)
        parcels += [self._model(model) for model in self.models]
        if not parcels:
            raise InputError(
                "nothing of it is cut, and no model is added",
                path=self.base.folder,
                remedy="name buildings, blocks or an area inside the mesh, or a model",
            )
        return Plan(
            parcels=tuple(parcels), extent=self.base.extent, extra_inputs=self.base.documents
        )

    def _blocks(self, folders: Mapping[Path, list[Content]]) -> list[Path]:
        names = {path.name: path for path in folders if path.parts[0] not in (TOP, REFINED)}
        missing = [name for name in self.taken.blocks if name not in names]
        if missing:
            raise ParameterError(
                f"the mesh has no block {', '.join(missing)}",
                remedy="blocks are the folders below tiles/, such as "
                + ", ".join(sorted(names)[:3]),
            )
        return [names[name] for name in self.taken.blocks]

    def _buildings(self, request: Request) -> Standing:
        if self.taken.footprints is None or not self.taken.buildings:
            return _nobody()
        city = request.city
        everyone = stand(
            self.taken.footprints, city.compute_crs, request.elevation, self.taken.eaves
        ).standing
        keys = [str(v) for v in everyone.attributes.columns[self.taken.footprints.key].tolist()]
        missing = sorted(set(self.taken.buildings) - set(keys))
        if missing:
            raise ParameterError(
                f"{self.taken.footprints.layer} has no building {', '.join(missing)}",
                remedy=f"name values of its field {self.taken.footprints.key}",
            )
        return everyone.some(np.flatnonzero(np.isin(keys, self.taken.buildings)))

    def _parcel(
        self, folder: Path, inside: list[Content], buildings: Standing, areas: Standing, whole: bool
    ) -> Parcel | None:
        bounds = bounds_of(inside)
        cut = _Cut(tuple(inside), _near(buildings, bounds), _near(areas, bounds), whole)
        if not (whole or len(cut.buildings) or len(cut.areas)) or folder == Path():
            return None
        decides = [cut.buildings.digest(), cut.areas.digest(), whole]
        return folder_parcel(self.base, folder, cut, decides)

    def _model(self, model: Refined) -> Parcel:
        place = [model.lon, model.lat, model.height, model.turn, model.scale]
        name = f"{REFINED}-{sha256(f'{model.path.name}{place}'.encode()).hexdigest()[:12]}"
        return Parcel(
            id=name,
            path=model.path,
            inputs=(model.path,),
            bytes=model.path.stat().st_size,
            payload=model,
            folder=f"{REFINED}/{name}",
            decides=place,
        )

    def build(self, parcel: Parcel, plan: Plan, request: Request, staging: Path) -> Built:
        """Cut one folder, or place one model.

        Raises:
            FormatError: the model cannot be read.
            OutsideCityError: it stands outside of the city.
        """
        if isinstance(parcel.payload, Refined):
            return place(parcel.id, parcel.payload, request.city, staging / str(parcel.folder))
        return self._cut(parcel, request, staging)

    def _cut(self, parcel: Parcel, request: Request, staging: Path) -> Built:
        cut: _Cut = parcel.payload
        take_folder(parcel.path, staging / str(parcel.folder))
        gone: list[tuple[str, str]] = []
        changed = 0
        volume = area = 0.0
        for content in cut.contents:
            left, taken = self._left(content, cut, request)
            if left is None:
                continue
            changed += 1
            if content.error == 0:
                volume, area = volume + taken[0], area + taken[1]
            if left.primitives:
                encoding = encoding_of(self.base.folder / content.path)
                rewrite(staging / content.path, left, encoding)
            else:
                (staging / content.path).unlink()
                gone.append((content.document.as_posix(), content.path.as_posix()))
        facts = {"volume": volume, "area": area, "gone": gone}
        return Built(parcel=parcel.id, facts=facts, counts={"revised_files": changed})

    def _left(
        self, content: Content, cut: _Cut, request: Request
    ) -> tuple[glb.Model | None, tuple[float, float]]:
        """What is left of a file, None where all is; volume and area of what was taken."""
        model = glb.read(self.base.folder / content.path)
        if cut.whole:
            return glb.Model([]), (0.0, 0.0)
        found = False
        volume = area = 0.0
        for standing, clearance in ((cut.areas, None), (cut.buildings, CLEARANCE)):
            if not len(standing) or not model.primitives:
                continue
            spot = plane(cut.contents, standing, request.city, self.base.folder, clearance)
            step = np.linalg.inv(spot.matrix) @ content.matrix
            removed = remove(model, step, Regions(spot.regions))
            if removed is not None:
                found, model = True, removed.model
                if clearance is not None:
                    volume, area = volume + removed.volume, area + removed.area
        return (model if found else None), (volume, area)

    def finish(
        self, plan: Plan, built: Sequence[Built], request: Request, staging: Path
    ) -> Product:
        """Put the survey and the refined models below one root."""
        known = str(self.base.media.get("survey", self.base.media["tileset"]))
        take_rest(self.base.folder, staging, [Path(str(p.folder)) for p in plan.parcels])
        (staging / "tileset.json").unlink(missing_ok=True)
        if not (staging / SURVEY).exists():
            (staging / SURVEY).write_bytes((self.base.folder / known).read_bytes())
        for document, path in (pair for b in built for pair in b.facts.get("gone", ())):
            forget(staging, SURVEY if document == known else document, path)
        models = [b.facts for b in built if "matrix" in b.facts]
        older = sorted(p.parent.name for p in (staging / REFINED).glob("*/tileset.json"))
        write_root(staging, older)
        placed = (Bounds(*facts["extent"]) for facts in models)
        extent = reduce(Bounds.union, placed, self.base.extent)
        revision = {
            "of": self.base.version,
            "taken_out": {
                "buildings": list(self.taken.buildings),
                "blocks": list(self.taken.blocks),
                "volume_m3": round(sum(b.facts.get("volume", 0.0) for b in built), 3),
                "footprint_m2": round(sum(b.facts.get("area", 0.0) for b in built), 3),
            },
            "added": [
                {"model": f["name"], "volume_m3": f["heap"], "footprint_m2": f["plan"]}
                for f in models
            ],
        }
        media = {k: v for k, v in self.base.media.items() if k not in _LABELS}
        return Product(
            extent=extent,
            media=media | {"tileset": "tileset.json", "survey": SURVEY, "revision": revision},
            heights=self.base.heights,
            counts={"refined_models": len(older)},
        )

    def check(self, product: Product, request: Request, staging: Path) -> tuple[Check, ...]:
        """Look at the tileset with a reader of its own; the difference is a check's figures."""
        revision = product.media["revision"]
        figures = {
            "taken_out_volume_m3": revision["taken_out"]["volume_m3"],
            "taken_out_footprint_m2": revision["taken_out"]["footprint_m2"],
            "added_volume_m3": sum(m["volume_m3"] for m in revision["added"]),
            "added_footprint_m2": sum(m["footprint_m2"] for m in revision["added"]),
        }
        return (
            Check(name="revision", looked_at=1, figures=figures),
            *look_at_tileset(product, request, staging),
        )


_LABELS = frozenset({"features", "attributes", "unlabelled", "revision"})


def _nobody() -> Standing:
    return Standing((), (), Attributes((), {}))


def _near(standing: Standing, bounds: Bounds) -> Standing:
    """Those that reach into a box of degrees."""
    if not len(standing):
        return standing
    shapes = shapely.from_wkb(list(standing.outlines))
    return standing.some(np.flatnonzero(shapely.intersects(shapes, shapely.box(*bounds))))


def _areas(area: bytes | None, blocks: Sequence[Sequence[Content]]) -> Standing:
    """Polygons of which all is taken: the area given, and the ground of blocks for the overview."""
    shapes = [] if area is None else [shapely.from_wkb(area)]
    shapes += [shapely.box(*bounds_of(inside)) for inside in blocks]
    nothing = np.full((1, 3), np.nan)
    outlines = tuple(shapely.to_wkb(shape) for shape in shapes)
    return Standing(outlines, tuple(nothing for _ in outlines), Attributes((), {}))
