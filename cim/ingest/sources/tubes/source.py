"""The source: published layers of pipes in, a tileset of tubes with attributes out."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

import numpy as np
import numpy.typing as npt
from pydantic import Field as Option
from pyproj import Proj

from cim.city import Bounds, City
from cim.errors import FormatError
from cim.geo.crs import to_lonlat
from cim.geo.frames import ecef
from cim.geo.heights import Heights
from cim.geo.solids import unit
from cim.geo.tube import Tube, joined
from cim.ingest.mesh_options import MeshOptions
from cim.ingest.source import Built, Check, Options, Parcel, Plan, Problem, Product, Request, Source
from cim.ingest.sources.buildings.attributes import Attributes
from cim.ingest.sources.buildings.tiles import Stock, Surface, join_parts, look_at, write_tiles
from cim.ingest.sources.tubes.pipes import FIELDS, Lent, Shaped, shaped
from cim.layers import Kind
from cim.walls import Walls

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]

_EARTH = 6.371e6  # m: its mean radius
_SLANT = 1e-3  # m: how far along a normal its direction on Earth is looked at


class TubeOptions(MeshOptions):
    """How pipes are shaped."""

    sides: int = Option(12, ge=3, le=64, description="of a tube")
    walls: Walls = Option(
        "none", description="none: DN is the outer diameter; table: walls by material, unverified"
    )
    tile_features: int = Option(1000, ge=10, le=50_000, description="most pipes in one tile")


@dataclass(frozen=True, slots=True, kw_only=True)
class TubeSource(Source):
    """Sweeps the pipes of published layers; each layer is one part."""

    name: ClassVar[str] = "tubes"
    kind: ClassVar[Kind] = Kind.MESH
    derived: ClassVar[bool] = True
    reads: ClassVar[str] = "published layers of pipe segments and of manholes"
    options: ClassVar[type[Options]] = TubeOptions

    lent: tuple[Lent, ...]

    def supports(self, path: Path) -> bool:
        """Nothing that a user can give: `cim tubes` names the layers."""
        return False

    def plan(self, request: Request) -> Plan:
        """One part for each layer."""
        parcels = tuple(
            Parcel(
                id=lent.layer.replace(".", "-"), path=lent.path,
                inputs=(lent.path, *(p.path for p in self._points() if not lent.points)),
                bytes=lent.path.stat().st_size, payload=lent,
                folder=f"tiles/{lent.layer.replace('.', '-')}",
                decides=[lent.title, lent.color],
            )
            for lent in self.lent
        )  # fmt: skip
        elevation = ["/".join(path.parts[-3:]) for path in request.elevation]
        return Plan(parcels=parcels, parameters={"elevation": elevation})

    def _points(self) -> list[Lent]:
        return [lent for lent in self.lent if lent.points]

    def build(self, parcel: Parcel, plan: Plan, request: Request, staging: Path) -> Built:
        """Sweep the pipes of one layer.

        Raises:
            FormatError: no pipe of it is known well enough to be drawn.
        """
        options = TubeOptions.of(request)
        lent: Lent = parcel.payload
        city = request.city
        made = shaped(lent, self._points(), city.compute_crs, request.elevation, options.sides,
                      options.walls)  # fmt: skip
        if not made.tubes:
            why = "; ".join(f"{count} × {what}" for what, count in made.faults.items())
            raise FormatError(
                f"nothing of {lent.layer} can be drawn: {why or 'it has no rows'}",
                path=lent.layer,
                remedy="complete the records; see `cim run pipelines.survey_check`",
            )
        stock = _stock(made, lent, city)
        facts = write_tiles(stock, staging / str(parcel.folder), options.encoding,
                            options.tile_features)  # fmt: skip
        return Built(
            parcel=parcel.id, facts=facts | {"id": "number"},
            counts={"features": len(made.tubes), "features_read": made.total,
                    "triangles": facts["triangles"], "tiles": facts["tiles"]},
            extent=stock.extent,
            warnings=tuple(
                Problem(path=lent.layer, reason=f"{count} not drawn: {what}",
                        remedy="complete the records")
                for what, count in made.faults.items()
            ),
        )  # fmt: skip

    def finish(
        self, plan: Plan, built: Sequence[Built], request: Request, staging: Path
    ) -> Product:
        """Write the root tileset.json."""
        product = join_parts(plan, built, request, staging, self.name, colored=True)
        of = [{"layer": lent.layer, "version": lent.version} for lent in self.lent]
        return Product(
            extent=product.extent, media=dict(product.media) | {"of": of},
            heights=product.heights, counts=product.counts,
        )  # fmt: skip

    def check(self, product: Product, request: Request, staging: Path) -> tuple[Check, ...]:
        """Look at the tileset as a stranger would, and at the volumes."""
        return look_at(product, request, staging)


def _stock(made: Shaped, lent: Lent, city: City) -> Stock:
    """What the tiles are filled from."""
    low = np.array([t.positions.min(axis=0) for t in made.tubes])
    high = np.array([t.positions.max(axis=0) for t in made.tubes])
    corners = np.concatenate([low, high])[:, :2]
    lonlat = to_lonlat(city.compute_crs, corners)
    west, south = lonlat.min(axis=0).tolist()
    east, north = lonlat.max(axis=0).tolist()
    return Stock(
        centres=((low + high) / 2)[:, :2],
        sizes=np.linalg.norm(high - low, axis=1),
        attributes=Attributes(FIELDS, made.columns, name="pipe"),
        surface=_Placed(made, lent, city).of,
        extent=Bounds(west, south, east, north),
        heights=(float(low[:, 2].min()), float(high[:, 2].max())),
    )


class _Placed:
    """Gives the tubes of some features, placed on Earth."""

    def __init__(self, made: Shaped, lent: Lent, city: City) -> None:
        self.made, self.city = made, city
        self.color = np.array([int(lent.color[i : i + 2], 16) for i in (1, 3, 5)], np.uint8)

    def of(self, members: Ints) -> Surface:
        """The closed surfaces of some features, in their order."""
        tubes = [self.made.tubes[i] for i in members.tolist()]
        whole = joined(tubes)
        owner = np.repeat(np.arange(len(tubes)), [len(t.positions) for t in tubes])
        positions = self._ecef(whole.positions)
        return Surface(
            positions=positions,
            normals=unit(self._ecef(whole.positions + _SLANT * whole.normals) - positions),
            triangles=whole.triangles, owner=owner,
            volume=self.made.volume[members] / self._stretch(whole),
            colors=np.repeat(self.color[None], len(positions), axis=0),
        )  # fmt: skip

    def _ecef(self, places: Floats) -> Floats:
        return ecef(self.city.compute_crs, places, self.city.geoid, Heights.ORTHOMETRIC)

    def _stretch(self, whole: Tube) -> float:
        """By how much areas of the plane are larger than on Earth, at these heights."""
        middle = whole.positions.mean(axis=0)[None]
        crs = self.city.compute_crs
        factors = Proj(crs).get_factors(*to_lonlat(crs, middle[:, :2])[0])
        return float(factors.areal_scale / (1.0 + middle[0, 2] / _EARTH) ** 2)
