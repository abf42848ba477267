"""A published terrain that is joined to a mesh: its models, its tiles, its steps."""

from __future__ import annotations

import hashlib
import json
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import rasterio

from cim.city import Bounds, City
from cim.geo.crs import resolve
from cim.ingest.marks import PARTS
from cim.ingest.sources.dem.sheet import strips
from cim.tiles.terrain.ground import Ground, Window
from cim.tiles.terrain.levels import Levels
from cim.tiles.terrain.place import Place
from cim.tiles.terrain.reader import decode, water
from cim.tiles.terrain.surface import Lattice, Surface, files

__all__ = ["BareTerrain", "BareWater"]
_MASK = 256


@dataclass(frozen=True, slots=True, kw_only=True)
class BareTerrain:
    """A published version of terrain that is not joined.

    Args:
        folder: Of the version.
        version: Its number.
        key: Its key.
        media: How it is served.
        extent: Where it lies.
        heights: Lowest and highest orthometric height, m.
    """

    folder: Path
    version: int
    key: str
    media: Mapping[str, Any]
    extent: Bounds
    heights: tuple[float, float] | None

    @property
    def documents(self) -> tuple[Path, ...]:
        """What tells this version from any other."""
        return self.folder / PARTS, self.folder / "layer.json", *self.models

    @property
    def models(self) -> tuple[Path, ...]:
        """Files of its elevation models, by priority."""
        names = self.media.get("models", [self.media["dem"]])
        return tuple(self.folder / str(name) for name in names)

    @property
    def cells(self) -> tuple[float, ...]:
        """Cell sizes of the models, m."""
        return tuple(self.media.get("cells", [self.media["resolution"]]))

    def layer(self) -> dict[str, Any]:
        """Its layer.json."""
        found: dict[str, Any] = json.loads((self.folder / "layer.json").read_text("utf-8"))
        return found

    def levels(self, finest: int) -> Levels:
        """Its tiles and the height steps of their levels, down to a level."""
        tiles: list[dict[tuple[int, int], float]] = [
            {
                (x, y): self.cells[0]
                for box in boxes
                for x in range(box["startX"], box["endX"] + 1)
                for y in range(box["startY"], box["endY"] + 1)
            }
            for boxes in self.layer()["available"]
        ]
        steps = [float(level["step"]) for level in self.media["levels"]]
        steps += [steps[-1]] * (finest + 1 - len(steps))
        return Levels(tiles=tuple(tiles), steps=tuple(steps), models=())

    def prepare(self, index: int, folder: Path) -> None:
        """Make a model ready for sampling, as its own tiles were made from it."""
        shutil.rmtree(folder, ignore_errors=True)
        room = files(folder)
        with rasterio.open(self.models[index]) as image:
            known = room("known-0", image.shape)
            for window in strips(*image.shape):
                rows = slice(int(window.row_off), int(window.row_off + window.height))
                known[rows] = image.read(1, window=window, masked=True).filled(np.nan)
            a, _, c, _, e, f = image.transform[:6]
            lattice = Lattice.through(resolve(image.crs.to_wkt()).crs, (a, -e), (c, f))
        Surface.make(known, lattice.corner(c, f), lattice, self.cells[index], room).save(folder)

    def ground(self, folders: list[Path], city: City) -> Ground:
        """The ground of its tiles, from prepared models."""
        surfaces = tuple(Surface.open(folder) for folder in folders)
        return Ground(surfaces=surfaces, geoid=city.geoid, within=city.bounds)

    @property
    def has_water(self) -> bool:
        """Whether its tiles carry masks of water."""
        return "watermask" in self.layer()["extensions"]

    @property
    def tells_children(self) -> bool:
        """Whether its tiles tell of their children."""
        return "metadataAvailability" in self.layer()


@dataclass(frozen=True, slots=True)
class BareWater:
    """The masks of water that bare tiles carry; deeper ones take a part of them.

    Args:
        folder: Of the bare terrain.
    """

    folder: Path

    def mask(self, place: Place) -> npt.NDArray[np.uint8]:
        """(256, 256) of a tile: rows from the north, 255 water, 0 land."""
        up = 0
        while not (path := self._path(place, up)).is_file() and up < place.z:
            up += 1
        found = water(decode(path.read_bytes())) if path.is_file() else None
        if found is None:
            return np.zeros((_MASK, _MASK), np.uint8)
        share = 2**up
        column = (place.x % share) * _MASK // share
        row = (share - 1 - place.y % share) * _MASK // share
        size = max(_MASK // share, 1)
        part = found[row : row + size, column : column + size]
        return np.ascontiguousarray(np.kron(part, np.ones((_MASK // size,) * 2, np.uint8)))

    def digest(self, window: Window) -> str:
        """Tells whether masks of a window's tiles may be others now."""
        found = hashlib.sha256()
        for x in range(window.x, window.x + window.columns):
            for y in range(window.y, window.y + window.rows):
                found.update(self.mask(Place(window.z, x, y)).tobytes())
        return found.hexdigest()[:16]

    def _path(self, place: Place, up: int) -> Path:
        x, y = place.x >> up, place.y >> up
        return self.folder / f"{place.z - up}/{x}/{y}.terrain"
