"""The stages between cleaned sheets and terrain tiles; each stage's parts wait for the one before.

seams    a sheet held against those below it that it overlaps
model    sheets of one lattice joined (kept while none of them changes)
ground   a model halved and closed, in files that only this run needs
depth    where the finest tiles are not fine enough
terrain  a bundle of tiles (kept while nothing changes that its tiles look at)
"""

from __future__ import annotations

import shutil
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import rasterio

from cim.errors import CheckError
from cim.ingest.source import WORK, Built, Parcel, Problem, Request
from cim.ingest.sources.dem.cleaning import MOUNTAINS
from cim.ingest.sources.dem.holes import holes_of
from cim.ingest.sources.dem.models import ModelPlan, models_of
from cim.ingest.sources.dem.mosaic import write_model
from cim.ingest.sources.dem.options import DemOptions
from cim.ingest.sources.dem.order import ranked
from cim.ingest.sources.dem.seams import Seam, compare, from_json, judge, pairs_of, to_json
from cim.ingest.sources.dem.sheet import strips
from cim.ingest.sources.dem.water import WaterAreas, water_of
from cim.tiles.terrain.bundle import Bundle, Writer, bundles
from cim.tiles.terrain.depth import End, blocks, depth_below
from cim.tiles.terrain.ground import Ground
from cim.tiles.terrain.levels import Levels
from cim.tiles.terrain.surface import Surface, files

SEAMS, MODEL, GROUND, DEPTH, TERRAIN = "seams-", "model-", "ground-", "depth-", "terrain-"


@dataclass(frozen=True, slots=True)
class SeamJob:
    """A sheet and those below it."""

    sheet: Mapping[str, Any]
    below: tuple[Mapping[str, Any], ...]


@dataclass(frozen=True, slots=True)
class ModelJob:
    """A model to be joined."""

    plan: ModelPlan
    file: str


@dataclass(frozen=True, slots=True)
class GroundJob:
    """A model to be made ready for sampling."""

    plan: ModelPlan
    file: str
    folder: str
    lower: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class DepthJob:
    """Finest regular tiles to be looked at."""

    z: int
    ends: tuple[End, ...]
    folders: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class TileJob:
    """A bundle to be written from the models of some folders."""

    bundle: Bundle
    folders: tuple[str, ...]


def sheets_of(built: Sequence[Built], request: Request) -> list[Mapping[str, Any]]:
    """Facts of the cleaned sheets, by priority; without those that ``blank_of`` names."""
    every = _cleaned(built)
    blank = {str(sheet["id"]) for sheet in _blank(every)}
    options = DemOptions.of(request)
    return [s for s in ranked(every, options.priority) if s["id"] not in blank]


def blank_of(built: Sequence[Built]) -> list[Problem]:
    """Sheets that are left out, each with the reason: nothing but 0 m among mountains."""
    return [
        Problem(
            path=str(sheet["name"]),
            reason=f"all its heights are exactly 0 m, those of the other sheets above "
            f"{MOUNTAINS:.0f} m: left out as one that nobody filled",
            remedy="deliver the sheet with its heights",
        )
        for sheet in _blank(_cleaned(built))
    ]


def _cleaned(built: Sequence[Built]) -> list[Mapping[str, Any]]:
    return [b.facts for b in built if "gaps" in b.facts]


def _blank(sheets: Sequence[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    floors = [sheet["floor"] for sheet in sheets if sheet["floor"] is not None]
    if not floors or min(floors) <= MOUNTAINS:
        return []
    return [sheet for sheet in sheets if sheet["floor"] is None]


def seams_of(built: Sequence[Built]) -> list[Seam]:
    """What the comparisons found."""
    return [from_json(s) for b in built if b.parcel.startswith(SEAMS) for s in b.facts["seams"]]


def model_file(index: int) -> str:
    """Name of a model below its version's folder.

    Example:
        >>> model_file(0)
        'models/0.tif'
    """
    return f"models/{index}.tif"


def following(built: Sequence[Built], request: Request, staging: Path) -> tuple[Parcel, ...]:
    """The parts of the next stage; none when all are through.

    Raises:
        CheckError: overlapping sheets do not agree, or a stage lost one of its parts.
    """
    sheets = sheets_of(built, request)
    options = DemOptions.of(request)
    seams = _seam_parcels(sheets)
    if not _through(SEAMS, seams, built):
        return seams
    judge(seams_of(built), options.seam_tolerance, accept=options.accept_seams)
    plans = models_of(sheets)
    for stage, parcels_of in ((MODEL, _model_parcels), (GROUND, _ground_parcels)):
        parcels = parcels_of(plans, request)
        if not _through(stage, parcels, built):
            return parcels
    if any(b.parcel.startswith(TERRAIN) for b in built):
        return ()
    folders = tuple(model_folder(index) for index in range(len(plans)))
    ground = ground_of(staging, folders, request)
    levels = Levels.of(ground)
    looks = _depth_parcels(levels, folders, request)
    if not _through(DEPTH, looks, built):
        return looks
    extra = (t for b in built if b.parcel.startswith(DEPTH) for t in b.facts["tiles"])
    return _tile_parcels(levels.deepened(map(tuple, extra)), ground, folders, request)


def _through(stage: str, parcels: Sequence[Parcel], built: Sequence[Built]) -> bool:
    """Whether a stage lies behind; one that lost a part stops everything."""
    done = {b.parcel for b in built if b.parcel.startswith(stage)}
    lost = [p for p in parcels if p.id not in done]
    if lost and done:
        raise CheckError(
            f"{len(lost)} of {len(parcels)} parts of the stage {stage.rstrip('-')} are lost",
            path=lost[0].path,
            remedy="see the refusals; a second run goes on where this one stopped",
        )
    return not lost


def _seam_parcels(sheets: Sequence[Mapping[str, Any]]) -> tuple[Parcel, ...]:
    by_id = {s["id"]: s for s in sheets}
    return tuple(
        Parcel(
            id=f"{SEAMS}{one}", path=Path(by_id[one]["name"]), inputs=(), bytes=len(below),
            payload=SeamJob(by_id[one], tuple(by_id[other] for other in below)),
            needs=(one, *below),
        )
        for one, below in pairs_of(sheets).items()
    )  # fmt: skip


def _model_parcels(plans: Sequence[ModelPlan], request: Request) -> tuple[Parcel, ...]:
    return tuple(
        Parcel(
            id=f"{MODEL}{index}", path=request.paths[0], inputs=(),
            bytes=plan.shape[0] * plan.shape[1], payload=ModelJob(plan, model_file(index)),
            needs=tuple(p.id for p in plan.parts),
            decides=[plan.first, plan.shape, plan.lattice.phase, [p.id for p in plan.parts]],
        )
        for index, plan in enumerate(plans)
    )  # fmt: skip


def _ground_parcels(plans: Sequence[ModelPlan], request: Request) -> tuple[Parcel, ...]:
    return tuple(
        Parcel(
            id=f"{GROUND}{index}", path=request.paths[0], inputs=(),
            bytes=plan.shape[0] * plan.shape[1],
            payload=GroundJob(plan, model_file(index), model_folder(index),
                              tuple(model_file(i) for i in range(index + 1, len(plans)))),
            needs=tuple(f"{MODEL}{i}" for i in range(index, len(plans))),
        )
        for index, plan in enumerate(plans)
    )  # fmt: skip


def model_folder(index: int) -> str:
    """Where a model lies ready for sampling, below staging."""
    return f"{WORK}/ground/{index}"


def _depth_parcels(
    levels: Levels, folders: tuple[str, ...], request: Request
) -> tuple[Parcel, ...]:
    return tuple(
        Parcel(
            id=f"{DEPTH}{z}-{x}-{y}", path=request.paths[0], inputs=(), bytes=len(ends),
            payload=DepthJob(z, tuple(ends), folders),
        )
        for (z, x, y), ends in blocks(levels).items()
    )  # fmt: skip


def _tile_parcels(
    levels: Levels, ground: Ground, folders: tuple[str, ...], request: Request
) -> tuple[Parcel, ...]:
    """Bundles: what each looks at decides it, whatever sheets and models that comes from."""
    water = water_areas(request)
    metadata = DemOptions.of(request).metadata
    return tuple(
        Parcel(
            id=bundle.name, path=request.paths[0], inputs=(), bytes=len(bundle.tiles),
            payload=TileJob(bundle, folders),
            decides=bundle.decides(ground, water, metadata=metadata),
        )
        for bundle in bundles(levels)
    )  # fmt: skip


def ground_of(staging: Path, folders: Sequence[str], request: Request) -> Ground:
    """The ground of a run, as its stage left it."""
    surfaces = tuple(_surface(f, (f / "surface.json").stat().st_mtime_ns)
                     for f in (staging / name for name in folders))  # fmt: skip
    return Ground(surfaces=surfaces, geoid=request.city.geoid, within=request.city.bounds)


@lru_cache(maxsize=64)
def _surface(folder: Path, _written: int) -> Surface:
    return Surface.open(folder)


def water_areas(request: Request) -> WaterAreas | None:
    """Where water stands, if the user asks for masks."""
    path = water_of(request)
    return None if path is None else _areas(path, path.stat().st_mtime_ns)


@lru_cache(maxsize=2)
def _areas(path: Path, _written: int) -> WaterAreas:
    return WaterAreas.read(path)


def built(parcel: Parcel, request: Request, staging: Path) -> Built:
    """Build a part of any stage."""
    kinds: dict[type, Callable[[Parcel, Request, Path], Built]] = {
        SeamJob: _compared, ModelJob: _joined, GroundJob: _halved,
        DepthJob: _deepened, TileJob: _tiled,
    }  # fmt: skip
    return kinds[type(parcel.payload)](parcel, request, staging)


def _compared(parcel: Parcel, _request: Request, staging: Path) -> Built:
    job: SeamJob = parcel.payload
    found = (compare(job.sheet, other, staging) for other in job.below)
    return Built(parcel=parcel.id, facts={"seams": [to_json(s) for s in found if s is not None]})


def _joined(parcel: Parcel, _request: Request, staging: Path) -> Built:
    job: ModelJob = parcel.payload
    facts = write_model(job.plan, staging, staging / job.file)
    moved = [p.name for p in job.plan.parts if not p.aligned]
    warnings = [
        Problem(path=name, reason=f"{cells} of its cells without height come from other sheets")
        for name, cells in facts["closed"].items()
    ]
    warnings += [
        Problem(
            path=name,
            reason="its cells lie between those of the other sheets: resampled (bilinear)",
            remedy="deliver all sheets on one grid",
        )
        for name in moved
    ]
    return Built(
        parcel=parcel.id,
        facts={**facts, "cell": job.plan.metres},
        files=(job.file,),
        warnings=tuple(warnings),
    )


def _halved(parcel: Parcel, _request: Request, staging: Path) -> Built:
    """A model as tiles sample it, and what becomes of its gaps."""
    job: GroundJob = parcel.payload
    folder = staging / job.folder
    shutil.rmtree(folder, ignore_errors=True)
    room = files(folder)
    with rasterio.open(staging / job.file) as image:
        known = room("known-0", image.shape)
        for window in strips(*image.shape):
            rows = slice(int(window.row_off), int(window.row_off + window.height))
            known[rows] = image.read(1, window=window)
    plan = job.plan
    Surface.make(known, plan.first, plan.lattice, plan.metres, room).save(folder)
    holes = holes_of(plan, staging / job.file, [staging / name for name in job.lower])
    return Built(
        parcel=parcel.id,
        facts={"lower": holes.lower, "filled": holes.filled, "largest": holes.largest},
        warnings=tuple(_told(holes, plan, job.file)),
        counts={"cells_filled_for_display": holes.filled} if holes.filled else {},
    )


def _told(holes: Any, plan: ModelPlan, file: str) -> list[Problem]:
    told = []
    area = holes.largest * plan.lattice.cell[0] * plan.lattice.cell[1]
    if holes.lower:
        reason = f"{holes.lower} cells without height are shown by models of lower priority"
        told.append(Problem(path=file, reason=reason))
    if holes.filled:
        told.append(
            Problem(
                path=file,
                reason=f"{holes.filled} cells without height were filled from their surroundings "
                f"for display, the largest hole has {holes.largest} cells ({area:.0f}"
                " m²); analyses still see them as unknown",
            )
        )
    return told


def _deepened(parcel: Parcel, request: Request, staging: Path) -> Built:
    job: DepthJob = parcel.payload
    depth = depth_below(ground_of(staging, job.folders, request), job.z, job.ends)
    return Built(parcel=parcel.id, facts={"tiles": depth.tiles, "error": depth.error})


def _tiled(parcel: Parcel, request: Request, staging: Path) -> Built:
    job: TileJob = parcel.payload
    ground = ground_of(staging, job.folders, request)
    options = DemOptions.of(request)
    writer = Writer(ground, staging, water_areas(request), metadata=options.metadata)
    made = writer.write(job.bundle)
    return Built(
        parcel=parcel.id,
        facts={"z": job.bundle.z, "step": job.bundle.steps[0]},
        counts={"tiles": len(made.tiles), "tile_bytes": made.bytes},
        files=made.tiles,
    )
