"""A stranger's look at joined terrain: decoded tiles drawn on the mesh's raster.

Shares nothing with what wrote the tiles but the lattice of the mesh's rasters.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from cim.geo.crs import CGCS2000, rows, transformer
from cim.ingest.source import Check
from cim.ingest.sources.join.raster import BOTTOM, burn
from cim.ingest.sources.join.relief import ADDED, Relief
from cim.ingest.sources.join.stages import EDGE, FOLDER, RELIEF, Stages
from cim.tiles.terrain.place import Place
from cim.tiles.terrain.reader import DecodedTile, decode, faults, gap

Floats = npt.NDArray[np.float64]
Cells = npt.NDArray[np.float32]

COARSEST = 10  # level from which on the terrain is drawn
ABOVE = 0.002  # m by which terrain must rise above the mesh to count: float32 at 1,500 m
STEP = 0.5  # m: what 95 % of the border's steps must stay below
UNTOUCHED = 0.75  # m that two meshes of one level and tolerance may differ by, where all is equal
SAME = 1e-6  # m
CORNER = np.array([180.0, 90.0])  # from Greenwich and the equator to where tiles are counted


@dataclass(slots=True)
class _Found:
    """Figures that grow block by block."""

    above: dict[int, int] = field(default_factory=dict)
    cells: int = 0
    finest: int = 0
    highest: float = 0.0
    before: list[Floats] = field(default_factory=list)
    after: list[Floats] = field(default_factory=list)
    beyond: float = 0.0


def check_join(stages: Stages, staging: Path) -> tuple[Check, ...]:
    """Tiles are sound, the terrain lies below the mesh, the border has no step."""
    joined = _Pyramid.of(stages, staging / FOLDER)
    bare = _Pyramid.of(stages, stages.terrain.folder)
    return _tiles(joined, bare), *_surfaces(joined, bare, staging)


@dataclass(frozen=True, eq=False)
class _Pyramid:
    """Tiles in a folder, and how they lie on the mesh's lattice."""

    folder: Path
    stages: Stages

    @classmethod
    def of(cls, stages: Stages, folder: Path) -> _Pyramid:
        return cls(folder, stages)

    def path(self, z: int, x: int, y: int) -> Path:
        return self.folder / f"{z}/{x}/{y}.terrain"

    def tile(self, z: int, x: int, y: int) -> DecodedTile | None:
        path = self.path(z, x, y)
        return _decoded(path, path.stat().st_mtime_ns) if path.is_file() else None

    def drawn(self, z: int, relief: Relief, block: Any) -> Cells:
        """Heights of a level at the cells of a block, orthometric, m; NaN where there is none."""
        shape = block[0].stop - block[0].start, block[1].stop - block[1].start
        top, low = (np.full(shape, np.nan, np.float32) for _ in range(2))
        for x, y in _places(relief, block, z, self.stages):
            tile = self.tile(z, x, y)
            if tile is not None:
                burn(self._grid(Place(z, x, y), tile, relief, block), tile.triangles,
                     relief.cell, False, low, top)  # fmt: skip
        return top

    def _grid(self, place: Place, tile: DecodedTile, relief: Relief, block: Any) -> Floats:
        lon = (place.x + tile.u / 32767) * place.width - 180.0
        lat = (place.y + tile.v / 32767) * place.width - 90.0
        city = self.stages.city
        xy = rows(transformer(CGCS2000, city.compute_crs), np.column_stack([lon, lat]))
        west, south, east, north = city.bounds
        lift = city.geoid.undulation(np.clip(lon, west, east), np.clip(lat, south, north))
        first = np.array([relief.first[0] + block[0].start, relief.first[1] + block[1].start])
        column, row = xy[:, 0] / relief.cell - first[1], -xy[:, 1] / relief.cell - first[0]
        return np.column_stack([column, row, tile.heights - lift])


@lru_cache(maxsize=256)
def _decoded(path: Path, _written: int) -> DecodedTile:
    return decode(path.read_bytes())


def _places(relief: Relief, block: Any, z: int, stages: Stages) -> Iterator[tuple[int, int]]:
    """Tiles of a level over a block."""
    edge = np.linspace(0, 1, 5)
    row = relief.first[0] + block[0].start + edge * (block[0].stop - block[0].start)
    column = relief.first[1] + block[1].start + edge * (block[1].stop - block[1].start)
    x, y = np.meshgrid(column * relief.cell, -row * relief.cell)
    step = transformer(stages.city.compute_crs, CGCS2000)
    lonlat = rows(step, np.column_stack([x.ravel(), y.ravel()]))
    width = 180.0 / 2**z
    low = np.floor((lonlat.min(axis=0) + CORNER) / width).astype(int)
    high = np.floor((lonlat.max(axis=0) + CORNER) / width).astype(int)
    for tile_x in range(low[0], high[0] + 1):
        for tile_y in range(low[1], high[1] + 1):
            yield tile_x, tile_y


def _tiles(joined: _Pyramid, bare: _Pyramid) -> Check:
    """Tiles that differ from the bare ones are sound, and meet their neighbours."""
    errors: list[str] = []
    looked, worst = 0, 0.0
    for path in sorted(joined.folder.glob("*/*/*.terrain")):
        z, x, y = int(path.parts[-3]), int(path.parts[-2]), int(path.stem)
        old = bare.path(z, x, y)
        if old.is_file() and (old.samefile(path) or old.read_bytes() == path.read_bytes()):
            continue
        tile = joined.tile(z, x, y)
        assert tile is not None  # noqa: S101 - it was found
        looked += 1
        errors += [f"{z}/{x}/{y}: {fault}" for fault in faults(tile)]
        for dx, dy, side in ((1, 0, "east"), (0, 1, "north"), (-1, 0, "east"), (0, -1, "north")):
            other = joined.tile(z, x + dx, y + dy)
            if other is None:
                continue
            step = gap(tile, other, side) if dx + dy > 0 else gap(other, tile, side)
            worst = max(worst, step)
            if step > SAME:
                errors.append(f"{z}/{x}/{y}: {step:.4f} m to a neighbour ({dx}, {dy})")
    return Check(
        name="joined tiles", looked_at=looked, errors=tuple(errors), figures={"worst_gap_m": worst}
    )


def _surfaces(joined: _Pyramid, bare: _Pyramid, staging: Path) -> tuple[Check, Check]:
    relief = Relief.open(staging / RELIEF)
    edge = np.load(staging / EDGE)
    found = _Found()
    for block in relief.blocks():
        bottom = np.asarray(relief.array(BOTTOM)[block])
        here = _within(edge, block)
        if not (np.isfinite(bottom).any() or len(here)):
            continue
        deepest = _drawn(joined, relief, block, bottom, found)
        before = _drawn(bare, relief, block, None, found)
        rises = deepest - bottom
        found.cells += int(np.isfinite(rises).sum())
        found.finest += int((rises > ABOVE).sum())
        found.highest = max(found.highest, float(np.nanmax(rises, initial=-np.inf)))
        place = (here[:, 0] - block[0].start).astype(int), (here[:, 1] - block[1].start).astype(int)
        found.before.append(before[place] - here[:, 2])
        found.after.append(deepest[place] - here[:, 2])
        still = (np.asarray(relief.array(ADDED)[block]) == 0) & np.isnan(bottom)
        moved = np.abs(deepest - before)[still]
        found.beyond = max(found.beyond, float(np.nanmax(moved, initial=0.0)))
    return _below(found), _border(found)


def _within(edge: Floats, block: Any) -> Floats:
    inside = (edge[:, 0] >= block[0].start) & (edge[:, 0] < block[0].stop)
    inside &= (edge[:, 1] >= block[1].start) & (edge[:, 1] < block[1].stop)
    found: Floats = edge[inside]
    return found


def _drawn(
    pyramid: _Pyramid, relief: Relief, block: Any, bottom: Cells | None, found: _Found
) -> Cells:
    """The deepest tiles over a block; on the way, each level is held against the mesh."""
    shape = block[0].stop - block[0].start, block[1].stop - block[1].start
    deepest = np.full(shape, np.nan, np.float32)
    for z in range(COARSEST, relief.finest + 1):
        level = pyramid.drawn(z, relief, block)
        if bottom is not None:
            found.above[z] = found.above.get(z, 0) + int((level - bottom > ABOVE).sum())
        np.copyto(deepest, level, where=np.isfinite(level))
    return deepest


def _below(found: _Found) -> Check:
    errors = []
    if found.finest:
        errors.append(
            f"in {found.finest} of {found.cells} cells the terrain rises above the mesh, "
            f"by up to {found.highest:.2f} m"
        )
    if found.beyond > UNTOUCHED:
        errors.append(f"beyond the band the terrain has moved by {found.beyond:.2f} m")
    figures = {f"cells_above_mesh_z{z}": float(n) for z, n in sorted(found.above.items())}
    figures |= {
        "cells_above_mesh": float(found.finest),
        "highest_above_mesh_m": round(found.highest, 3),
        "beyond_band_m": round(found.beyond, 3),
    }
    return Check(
        name="below the mesh", looked_at=found.cells, errors=tuple(errors), figures=figures
    )


def _border(found: _Found) -> Check:
    figures: dict[str, float] = {}
    errors = []
    count = 0
    for name, parts in (("before", found.before), ("after", found.after)):
        steps = np.abs(np.concatenate(parts)) if parts else np.zeros(0)
        steps = steps[np.isfinite(steps)]
        count = len(steps)
        if not count:
            errors.append("the border of the mesh lies on no terrain")
            break
        p50, p95, most = (float(np.percentile(steps, p)) for p in (50, 95, 100))
        figures |= {f"step_{name}_p50_m": round(p50, 3), f"step_{name}_p95_m": round(p95, 3),
                    f"step_{name}_max_m": round(most, 3)}  # fmt: skip
    if figures.get("step_after_p95_m", 0.0) > STEP:
        errors.append(
            f"95 % of the border's steps stay below {figures['step_after_p95_m']:.2f} m only"
        )
    return Check(name="border", looked_at=count, errors=tuple(errors), figures=figures)
