"""Footprints as labels need them: wide enough for the eaves, kept apart, and grounded."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import geopandas as gpd
import numpy as np
import numpy.typing as npt
import pandas as pd
import shapely
from pyproj import CRS

from cim.city import Bounds
from cim.errors import InputError
from cim.geo.crs import CGCS2000
from cim.ingest.sources.buildings.attributes import Attributes
from cim.ingest.sources.heights import heights_at
from cim.layers import Field, FieldType

Floats = npt.NDArray[np.float64]

SLIVER = 0.05  # m²: less of a footprint is left over by its neighbours
MOST = 400  # footprints that may reach into the box of one: a block around its courtyards has 100
BATCH = 100  # boxes looked up at once
MITRE = 2.0  # corners of eaves reach at most so many times as far as their sides
SKIN = 0.05  # m beside its line that a facade keeps from its neighbour


@dataclass(frozen=True, slots=True, kw_only=True)
class Footprints:
    """The buildings of a vector layer.

    Args:
        path: GeoParquet with the fields and polygons in degrees (CGCS2000).
        layer: Id of the layer they come from.
        version: Its version.
        fields: What the columns are.
        key: Column whose values tell the buildings apart.
    """

    path: Path
    layer: str
    version: int
    fields: tuple[Field, ...]
    key: str


@dataclass(frozen=True, slots=True, eq=False)
class Standing:
    """Some buildings, ready to be sent to a worker.

    Args:
        outlines: (n,) WKB of polygons in degrees, with the eaves, none over another.
        ground: (n,) arrays (k, 3) of longitude, latitude and orthometric height along the
            outline; the height is NaN where no elevation model knows it.
        attributes: Of each building.
    """

    outlines: tuple[bytes, ...]
    ground: tuple[Floats, ...]
    attributes: Attributes

    def __len__(self) -> int:
        return len(self.outlines)

    def some(self, index: npt.NDArray[np.int64]) -> Standing:
        """The buildings of these numbers."""
        return Standing(
            tuple(self.outlines[i] for i in index),
            tuple(self.ground[i] for i in index),
            Attributes(
                self.attributes.fields,
                {name: column[index] for name, column in self.attributes.columns.items()},
            ),
        )

    def digest(self) -> str:
        """Tells whether anything of them has changed."""
        found = hashlib.sha256()
        for outline, ground in zip(self.outlines, self.ground, strict=True):
            found.update(outline)
            found.update(np.round(ground, 6).tobytes())
        for field in self.attributes.fields:
            found.update(repr((field, self.attributes.columns[field.name].tolist())).encode())
        return found.hexdigest()[:16]


@dataclass(frozen=True, slots=True, eq=False)
class Stood:
    """All buildings, and where they lie."""

    standing: Standing
    tree: Any
    overlaps: int
    swallowed: int

    def within(self, bounds: Bounds) -> npt.NDArray[np.int64]:
        """Numbers of the buildings that may reach into a box of degrees, in their order."""
        return np.sort(self.tree.query(shapely.box(*bounds)))


def stand(footprints: Footprints, crs: CRS, models: Sequence[Path], eaves: float) -> Stood:
    """Widen the footprints by their eaves, keep them apart, look up the ground along them.

    Args:
        footprints: The buildings.
        crs: The city's compute CRS, m.
        models: Elevation rasters, the finest first.
        eaves: How far roofs reach over the walls, m.

    Raises:
        InputError: footprints lie in heaps.
    """
    frame = gpd.read_parquet(footprints.path)
    frame = frame[~(frame.geometry.isna() | frame.geometry.is_empty)].reset_index(drop=True)
    delivered = len(frame)
    frame = frame[~frame.geometry.normalize().to_wkb().duplicated()].reset_index(drop=True)
    plan = np.asarray(frame.geometry.to_crs(crs).force_2d().to_numpy())
    _require_no_heap(plan, eaves, footprints)
    apart, overlaps = _apart(plan, eaves)
    kept = np.flatnonzero(shapely.area(apart) > SLIVER)
    degrees = gpd.GeoSeries(apart[kept], crs=crs).to_crs(CGCS2000)
    attributes = Attributes(
        footprints.fields,
        {f.name: _known(frame[f.name].iloc[kept], f) for f in footprints.fields},
    )
    outlines = np.asarray(degrees.to_numpy())
    ground = _ground(gpd.GeoSeries(plan[kept], crs=crs).to_crs(CGCS2000).to_numpy(), models)
    standing = Standing(tuple(shapely.to_wkb(outlines).tolist()), ground, attributes)
    return Stood(standing, shapely.STRtree(outlines), overlaps, delivered - len(kept))


def _require_no_heap(shapes: Any, eaves: float, footprints: Footprints) -> None:
    """Refuse what would take hours: each of a heap is cut with each other.

    Looked for by the tree's own boxes, and not beyond the first that has too many neighbours.
    """
    tree = shapely.STRtree(shapes)
    corners = shapely.bounds(shapes) + np.array([-eaves, -eaves, eaves, eaves])
    boxes = shapely.box(*corners.T)
    for start in range(0, len(shapes), BATCH):
        whose, _ = tree.query(boxes[start : start + BATCH])
        many = np.bincount(whose, minlength=1)
        if many.max() > MOST:
            raise InputError(
                f"in {footprints.layer} version {footprints.version} {many.max()} footprints lie "
                "upon or beside one of them",
                remedy="check whether the same buildings were delivered many times over",
            )


def _apart(shapes: Any, eaves: float) -> tuple[Any, int]:
    """Shapes widened, less their neighbours; of two that overlap, the first keeps all of it.

    A facade stands in the line of its footprint: between neighbours who are apart the border runs
    beside it, not along it, where rounding would tell whose it is.
    """
    wide = shapely.buffer(shapes, eaves, join_style="mitre", mitre_limit=MITRE)
    skin = shapely.buffer(shapes, min(eaves, SKIN), join_style="mitre", mitre_limit=MITRE)
    left, right = shapely.STRtree(wide).query(wide, predicate="intersects")
    meets = left < right
    left, right = left[meets], right[meets]
    shared = shapely.area(shapely.intersection(shapes[left], shapes[right]))
    before: dict[int, list[int]] = {}
    near: dict[int, list[int]] = {}
    for i, j in zip(left.tolist(), right.tolist(), strict=True):
        before.setdefault(j, []).append(i)
        near.setdefault(i, []).append(j)
        near.setdefault(j, []).append(i)
    own = shapes.copy()
    for i, others in near.items():
        ground = shapely.difference(shapes[i], shapely.union_all(shapes[before.get(i, [])]))
        free = shapely.difference(skin[i], shapely.union_all(skin[others]))
        own[i] = shapely.union(ground, free)
    result = wide.copy()
    for i, others in near.items():
        taken = [*own[others], *wide[before.get(i, [])]]
        left_over = shapely.difference(wide[i], shapely.union_all(taken))
        result[i] = _areas(shapely.union(left_over, own[i]))
    return result, int((shared > SLIVER).sum())


def _areas(shape: Any) -> Any:
    """The polygons of a shape."""
    parts = [p for p in shapely.get_parts(shape) if p.geom_type == "Polygon" and p.area > 1e-6]
    return shapely.multipolygons(parts) if parts else shapely.Polygon()


def _known(column: pd.Series, field: Field) -> npt.NDArray[np.object_]:
    """Plain Python values, None where nothing is known."""
    casts = {FieldType.INTEGER: int, FieldType.REAL: float, FieldType.BOOLEAN: bool}
    cast = casts.get(field.type, str)
    result = np.empty(len(column), dtype=object)
    for i, value in enumerate(column.tolist()):
        result[i] = None if value is None or pd.isna(value) else cast(value)
    return result


def _ground(shapes: Any, models: Sequence[Path]) -> tuple[Floats, ...]:
    """Longitude, latitude, orthometric height along each outline, from the finest that knows."""
    places, whose = shapely.get_coordinates(shapes, return_index=True)
    heights = heights_at(places, CGCS2000, models)
    along = np.column_stack([places, heights])
    return tuple(np.split(along, np.flatnonzero(np.diff(whose)) + 1)) if len(shapes) else ()
