"""The stages of a join, each of parts that wait for the one before.

mesh     rasters of a folder of the mesh (kept while nothing in it changes)
model    an elevation model made ready for sampling, for this run
fit      the mesh's ground against the model: footprint, residuals, what is added to the terrain
tiles    a bundle of joined tiles (kept while nothing changes that they look at)
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from cim.city import City
from cim.errors import CheckError
from cim.ingest.marks import link
from cim.ingest.source import WORK, Built, Parcel, Request
from cim.ingest.sources.join.joined import Joined, tolerance
from cim.ingest.sources.join.options import JoinOptions
from cim.ingest.sources.join.pyramid import deepened, raised, touched
from cim.ingest.sources.join.raster import Rasteriser
from cim.ingest.sources.join.relief import Relief
from cim.ingest.sources.join.residual import judge, told
from cim.ingest.sources.join.terrain import BareTerrain, BareWater
from cim.ingest.sources.published import Base, Content
from cim.tiles.terrain.bundle import Bundle, Writer, bundles
from cim.tiles.terrain.description import layer_json
from cim.tiles.terrain.place import Place

MESH, MODEL, FIT, TILES = "mesh-", "model-", "fit", "tiles-"
FOLDER = "joined"  # of the joined tiles, below the version's
RASTERS = "mesh"  # of the mesh's rasters, below the version's
RELIEF = f"{WORK}/relief"
EDGE = f"{RELIEF}/edge.npy"
Floats = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True, eq=False)
class MeshJob:
    """Files of a mesh's folder."""

    contents: tuple[Content, ...]
    file: str


@dataclass(frozen=True, slots=True)
class ModelJob:
    """An elevation model, by its number."""

    index: int


@dataclass(frozen=True, slots=True)
class FitJob:
    """Rasters of all folders."""

    rasters: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class TileJob:
    """A bundle of joined tiles."""

    bundle: Bundle
    steps: tuple[float, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Stages:
    """What all stages look at.

    Args:
        terrain: The version that is joined.
        mesh: The version of the mesh.
        name: Layer of the mesh.
        options: Of the user's.
        city: For the compute CRS and the geoid.
    """

    terrain: BareTerrain
    mesh: Base
    name: str
    options: JoinOptions
    city: City

    @property
    def finest(self) -> int:
        """The deepest level of the joined terrain."""
        return max(self.options.level, int(self.terrain.media["maxzoom"]))

    def following(
        self, mesh_parts: Sequence[Parcel], built: Sequence[Built], request: Request, staging: Path
    ) -> tuple[Parcel, ...]:
        """The parts of the next stage; none when all are through.

        Raises:
            CheckError: a part is lost, or mesh and model lie too far apart.
        """
        done = {b.parcel: b for b in built}
        _require_all(mesh_parts, done)
        models = self._models(request)
        if not all(p.id in done for p in models):
            _require_all(models, done, begun=any(p.id in done for p in models))
            return models
        if FIT not in done:
            return (self._fit(request, built),)
        judge(done[FIT].facts, self.options, self.name)
        if any(b.parcel.startswith(TILES) for b in built):
            return ()
        return self._tiles(request, staging)

    def _models(self, request: Request) -> tuple[Parcel, ...]:
        return tuple(
            Parcel(
                id=f"{MODEL}{index}", path=path, inputs=(), bytes=path.stat().st_size,
                payload=ModelJob(index),
            )
            for index, path in enumerate(self.terrain.models)
        )  # fmt: skip

    def _fit(self, request: Request, built: Sequence[Built]) -> Parcel:
        parts = [b for b in built if b.parcel.startswith(MESH)]
        rasters = tuple(name for b in parts for name in b.files)
        return Parcel(
            id=FIT, path=self.mesh.folder, inputs=(), bytes=len(rasters), payload=FitJob(rasters),
            needs=tuple(b.parcel for b in parts),
        )  # fmt: skip

    def _tiles(self, request: Request, staging: Path) -> tuple[Parcel, ...]:
        relief = Relief.open(staging / RELIEF)
        bare = self.terrain.levels(self.finest)
        levels = deepened(bare, relief, self.city.compute_crs, self.options.level)
        wanted = touched(bare, levels, relief, self.city.compute_crs)
        levels, wanted = raised(levels, self.ground(staging, levels.steps), wanted)
        joined = self.ground(staging, levels.steps)
        metadata = self.terrain.tells_children
        found = []
        for bundle in bundles(levels):
            tiles = tuple(t for t in bundle.tiles if (bundle.z, *t[:2]) in wanted)
            if not tiles:
                continue
            some = replace(bundle, tiles=tiles)
            decides = some.decides(joined, self.water(), metadata=metadata)
            found.append(
                Parcel(
                    id=TILES + bundle.name,
                    path=request.paths[0],
                    inputs=(),
                    bytes=len(tiles),
                    payload=TileJob(some, levels.steps),
                    decides=decides,
                )
            )
        return tuple(found)

    def ground(self, staging: Path, steps: tuple[float, ...]) -> Joined:
        """The ground that joined tiles show."""
        relief = Relief.open(staging / RELIEF)
        folders = [_folder(staging, index) for index in range(len(self.terrain.models))]
        return Joined(
            bare=self.terrain.ground(folders, self.city),
            added=relief.added(),
            ceilings=relief.ceilings(),
            steps=steps,
            crs=self.city.compute_crs,
        )

    def described(self, tiles: Sequence[Place]) -> dict[str, Any]:
        """layer.json of some tiles."""
        return layer_json(self.terrain.extent, tiles, "1")

    def water(self) -> BareWater | None:
        """Where water stands, if the bare tiles tell."""
        return BareWater(self.terrain.folder) if self.terrain.has_water else None

    def build(self, parcel: Parcel, staging: Path) -> Built:
        """Build a part of any stage."""
        job = parcel.payload
        if isinstance(job, MeshJob):
            return self._rasters(parcel, job, staging)
        if isinstance(job, ModelJob):
            self.terrain.prepare(job.index, _folder(staging, job.index))
            return Built(parcel=parcel.id)
        if isinstance(job, FitJob):
            return self._fitted(parcel, job, staging)
        assert isinstance(job, TileJob)  # noqa: S101 - there are no others
        return self._written(parcel, job, staging)

    def _rasters(self, parcel: Parcel, job: MeshJob, staging: Path) -> Built:
        rasteriser = Rasteriser(
            self.mesh.folder, self.city.compute_crs, self.city.geoid, self.options.cell, self.finest
        )
        sheets, triangles = rasteriser.rasters(job.contents)
        sheets.save(staging / job.file)
        return Built(parcel=parcel.id, counts={"triangles": triangles}, files=(job.file,))

    def _fitted(self, parcel: Parcel, job: FitJob, staging: Path) -> Built:
        folder = staging / RELIEF
        for path in folder.glob("*.npy"):
            path.unlink()
        relief = Relief.assemble(
            [staging / name for name in job.rasters], folder, self.options, self.finest
        )
        folders = [_folder(staging, index) for index in range(len(self.terrain.models))]
        ground = self.terrain.ground(folders, self.city)
        found = relief.fit(ground, self.city.compute_crs, self.options)
        relief.finish(self.city.compute_crs)
        np.save(staging / EDGE, found["edge"])
        return Built(parcel=parcel.id, facts=told(found["residual"]))

    def _written(self, parcel: Parcel, job: TileJob, staging: Path) -> Built:
        joined = self.ground(staging, job.steps)
        folder = staging / FOLDER
        writer = Writer(
            joined, folder, self.water(),
            metadata=self.terrain.tells_children, tolerance=lambda z, _metres: tolerance(z),
        )  # fmt: skip
        made = writer.write(job.bundle)
        same = sum(_same(self.terrain.folder / name, folder / name) for name in made.tiles)
        return Built(
            parcel=parcel.id,
            facts={"z": job.bundle.z, "step": job.bundle.steps[0]},
            counts={"joined_tiles": len(made.tiles) - same, "joined_bytes": made.bytes},
            files=tuple(f"{FOLDER}/{name}" for name in made.tiles),
        )


def mesh_parcels(mesh: Base, folders: dict[Path, list[Content]]) -> tuple[Parcel, ...]:
    """One part for each folder of a mesh."""
    found = []
    for folder, inside in folders.items():
        files = tuple(mesh.folder / content.path for content in inside)
        name = folder.as_posix().replace("/", "-") if folder != Path() else "root"
        decides = [[c.path.name, c.matrix.ravel().tolist(), c.error] for c in inside]
        found.append(
            Parcel(
                id=MESH + name,
                path=mesh.folder / folder if folder != Path() else files[0],
                inputs=files,
                bytes=sum(f.stat().st_size for f in files),
                payload=MeshJob(tuple(inside), f"{RASTERS}/{name}.npz"),
                decides=decides,
            )
        )
    return tuple(found)


def _folder(staging: Path, index: int) -> Path:
    return staging / WORK / "models" / str(index)


def _same(bare: Path, joined: Path) -> bool:
    """Put the bare tile in place of one that has become the same."""
    if not bare.is_file() or bare.read_bytes() != joined.read_bytes():
        return False
    part = joined.with_suffix(".part")
    part.unlink(missing_ok=True)
    link(str(bare), str(part))
    part.replace(joined)
    return True


def _require_all(parts: Sequence[Parcel], done: dict[str, Built], *, begun: bool = True) -> None:
    """A join with a hole where a part is lost would be none.

    Raises:
        CheckError: a part is lost.
    """
    lost = [p for p in parts if p.id not in done]
    if lost and begun:
        raise CheckError(
            f"{len(lost)} of {len(parts)} parts are lost",
            path=lost[0].path,
            remedy="see the refusals; a second run goes on where this one stopped",
        )
