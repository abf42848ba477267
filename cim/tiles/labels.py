"""Gives the triangles of a mesh to the buildings they belong to (单体化), crisp at the footprints.

A triangle wholly within a footprint and above its foot is given as it is; one that straddles the
outline or the foot is cut there. Texture coordinates, normals and colours of new vertices are
blended along the cut edge, so that nothing of the picture moves.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import mapbox_earcut  # type: ignore[import-not-found]
import numpy as np
import numpy.typing as npt
import shapely

from cim.geo.frames import moved
from cim.geo.prism import Cut, Prisms, blend, cut
from cim.tiles.glb import NULL_FEATURE, Column, Model, Primitive, Table

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]


SPECK = 0.25  # m²: less of a building in a file is a neighbour's rim, or rounding


@dataclass(frozen=True, slots=True, eq=False)
class Region:
    """Where a building stands.

    Args:
        outline: Polygon or multi-polygon of the plan, m.
        foot: (3,) plane from which on upwards triangles are the building's: a·x + b·y + c, m.
        row: Its row in the table.
    """

    outline: shapely.Geometry
    foot: Floats
    row: int


class Regions:
    """Footprints of one neighbourhood, ready to cut with.

    Args:
        regions: They do not overlap; where they do, the first wins.
    """

    def __init__(self, regions: Sequence[Region]) -> None:
        self.regions = regions
        self.tree = shapely.STRtree([r.outline for r in regions])
        edges, self.edge_region = _edges(regions)
        self.edges = shapely.STRtree(edges)
        self.prisms = _prisms(regions)
        self.prism_tree = shapely.STRtree(shapely.polygons(self.prisms.corners))

    def cut(self, points: Floats, triangles: Ints) -> Cut | None:
        """Cut triangles at the footprints; None where none of them meets one.

        Args:
            points: (n, 3) in the plan's frame, m.
            triangles: (m, 3).
        """
        corners = points[triangles]
        low, high = corners.min(axis=1), corners.max(axis=1)
        boxes = shapely.box(low[:, 0], low[:, 1], high[:, 0], high[:, 1])
        touched, met = self.prism_tree.query(boxes, predicate="intersects")
        above = high[touched, 2] > _lowest(self.prisms.foot[met], low[touched], high[touched])
        touched, met = touched[above], met[above]
        if not len(touched):
            return None
        whole = self._whole(corners, boxes, touched)
        keep = whole[touched] < 0
        pairs = np.stack([touched[keep], met[keep]], axis=1)
        made = cut(points, triangles, pairs[np.lexsort((pairs[:, 1], pairs[:, 0]))], self.prisms)
        owner = np.where(whole[made.source] >= 0, whole[made.source], made.owner)
        return replace(made, owner=owner) if (owner >= 0).any() else None

    def _whole(self, corners: Floats, boxes: Any, touched: Ints) -> Ints:
        """The region that each triangle lies in wholly, in plan and height; -1 for the others."""
        result = np.full(len(corners), -1, np.int64)
        near = np.unique(touched)
        crossed, _ = self.edges.query(boxes[near], predicate="intersects")
        free = np.setdiff1d(near, near[crossed])
        middle = corners[free].mean(axis=1)
        index, region = self.tree.query(shapely.points(middle[:, :2]), predicate="within")
        index, first = np.unique(index, return_index=True)  # overlapping ones: the first
        region = region[first]
        feet = np.array([r.foot for r in self.regions])[region]
        inside = (_above(corners[free[index]], feet) >= 0).all(axis=1)
        result[free[index[inside]]] = region[inside]
        return result


def _above(corners: Floats, foot: Floats) -> Floats:
    """(m, 3) heights of (m, 3, 3) corners above (m, 3) planes."""
    plane = foot[:, None, 0] * corners[..., 0] + foot[:, None, 1] * corners[..., 1]
    above: Floats = corners[..., 2] - plane - foot[:, None, 2]
    return above


def _lowest(foot: Floats, low: Floats, high: Floats) -> Floats:
    """Lowest heights of planes within the plan of boxes."""
    least = np.minimum(foot[:, :2] * low[:, :2], foot[:, :2] * high[:, :2]).sum(axis=1)
    lowest: Floats = least + foot[:, 2]
    return lowest


def _edges(regions: Sequence[Region]) -> tuple[Any, Ints]:
    lines: list[Any] = []
    owners: list[int] = []
    for number, region in enumerate(regions):
        for ring in shapely.get_rings(shapely.get_parts(region.outline)):
            at = shapely.get_coordinates(ring)
            lines.append(np.stack([at[:-1], at[1:]], axis=1))
            owners += [number] * (len(at) - 1)
    return shapely.linestrings(np.concatenate(lines)), np.array(owners, np.int64)


def _prisms(regions: Sequence[Region]) -> Prisms:
    corners: list[Floats] = []
    feet: list[Floats] = []
    owners: list[int] = []
    for number, region in enumerate(regions):
        for polygon in shapely.get_parts(region.outline):
            found = _triangulated(polygon)
            corners.append(found)
            feet += [region.foot] * len(found)
            owners += [number] * len(found)
    return Prisms(
        np.concatenate(corners), np.array(feet).reshape(-1, 3), np.array(owners, np.int64)
    )


def _triangulated(polygon: shapely.Polygon) -> Floats:
    """(k, 3, 2) counter-clockwise triangles of a polygon with holes; slivers are left out."""
    rings = [shapely.get_coordinates(ring)[:-1] for ring in shapely.get_rings(polygon)]
    vertices = np.concatenate(rings)
    ends = np.cumsum([len(ring) for ring in rings]).astype(np.uint32)
    corners = vertices[mapbox_earcut.triangulate_float64(vertices, ends).reshape(-1, 3)]
    a, b, c = corners[:, 0], corners[:, 1], corners[:, 2]
    area = (b[:, 0] - a[:, 0]) * (c[:, 1] - a[:, 1]) - (b[:, 1] - a[:, 1]) * (c[:, 0] - a[:, 0])
    corners[area < 0] = corners[area < 0][:, ::-1]
    kept: Floats = corners[np.abs(area) > 1e-9]
    return kept


def label(model: Model, to_plan: Floats, regions: Regions, table: Table) -> Model | None:
    """The same mesh with the building of each vertex; None where it touches no footprint.

    Args:
        model: Without features, or with ones that are forgotten.
        to_plan: 4 × 4 affine from the model's frame to the plan's (column vectors).
        regions: The footprints.
        table: All rows that regions name; the result's table holds only those that it needs.
    """
    cuts = _without_specks([_cut(p, to_plan, regions) for p in model.primitives], model, regions)
    found = [np.unique(c.owner[c.owner >= 0]) for c in cuts if c is not None]
    if not any(len(owners) for owners in found):
        return None
    used = np.unique(np.concatenate(found))
    rows = np.array([regions.regions[number].row for number in used])
    place = np.full(len(regions.regions), NULL_FEATURE, np.uint32)
    kept, place[used] = np.unique(rows, return_inverse=True)
    made = [
        replace(p, features=np.full(len(p.positions), NULL_FEATURE, np.uint32))
        if c is None
        else _rebuilt(p, c, place)
        for p, c in zip(model.primitives, cuts, strict=True)
    ]
    columns = tuple(
        Column(c.name, c.type, [c.values[row] for row in kept], c.title, c.unit)
        for c in table.columns
    )
    return Model(made, Table(table.name, columns, len(kept)))


def _without_specks(cuts: list[Cut | None], model: Model, regions: Regions) -> list[Cut | None]:
    """The cuts with what is too little of a building given to nobody."""
    total = np.zeros(len(regions.regions))
    for made, primitive in zip(cuts, model.primitives, strict=True):
        if made is not None:
            points = blend(np.asarray(primitive.positions, np.float64), made)
            a, b, c = (points[made.triangles[:, i]] for i in range(3))
            area = np.linalg.norm(np.cross(b - a, c - a), axis=1) / 2
            kept = made.owner >= 0
            np.add.at(total, made.owner[kept], area[kept])
    speck = np.append(total < SPECK, False)  # the last stands for nobody, whose number is -1
    return [
        None if made is None else replace(made, owner=np.where(speck[made.owner], -1, made.owner))
        for made in cuts
    ]


def _cut(primitive: Primitive, to_plan: Floats, regions: Regions) -> Cut | None:
    if primitive.triangles is None:
        return None
    points = moved(primitive.positions, to_plan)
    return regions.cut(points, primitive.triangles.astype(np.int64))


@dataclass(frozen=True, slots=True, eq=False)
class Removed:
    """What is left of a mesh, and what was taken out of it.

    Args:
        model: What is left; without primitives where nothing is.
        volume: Between the taken surface and the feet, m³.
        area: Of the taken surface in plan, m².
    """

    model: Model
    volume: float
    area: float


def remove(model: Model, to_plan: Floats, regions: Regions) -> Removed | None:
    """The same mesh without what stands in the regions; None where it touches none.

    Args:
        model: Without features, or with ones that are forgotten.
        to_plan: 4 × 4 affine from the model's frame to the plan's (column vectors).
        regions: What is taken out.
    """
    cuts = [_cut(p, to_plan, regions) for p in model.primitives]
    if all(c is None for c in cuts):
        return None
    nobody = np.full(len(regions.regions), NULL_FEATURE, np.uint32)
    feet = np.array([r.foot for r in regions.regions])
    left: list[Primitive] = []
    volume = area = 0.0
    for primitive, found in zip(model.primitives, cuts, strict=True):
        if found is None:
            left.append(replace(primitive, features=None))
            continue
        taken = found.owner >= 0
        points = moved(blend(np.asarray(primitive.positions, np.float64), found), to_plan)
        more = heap(points[found.triangles[taken]], feet[found.owner[taken]])
        volume, area = volume + more[0], area + more[1]
        if not taken.all():
            kept = replace(
                found,
                triangles=found.triangles[~taken],
                owner=found.owner[~taken],
                source=found.source[~taken],
            )
            left.append(replace(_rebuilt(primitive, kept, nobody), features=None))
    return Removed(Model(left), volume, area)


def heap(corners: Floats, feet: Floats) -> tuple[float, float]:
    """Volume between triangles and planes below them (m³), and their area in plan (m²).

    Each triangle counts by its area in plan, negative where it faces down, times the mean height
    of its corners above the plane: exact for planes, and closed bodies lose what they overhang.

    Args:
        corners: (m, 3, 3), z up, m.
        feet: (m, 3) planes: heights a·x + b·y + c, m.
    """
    a, b, c = corners[:, 0, :2], corners[:, 1, :2], corners[:, 2, :2]
    area = ((b - a)[:, 0] * (c - a)[:, 1] - (b - a)[:, 1] * (c - a)[:, 0]) / 2
    return float((area * _above(corners, feet).mean(axis=1)).sum()), float(area.sum())


def _rebuilt(primitive: Primitive, made: Cut, place: npt.NDArray[np.uint32]) -> Primitive:
    """A primitive after a cut: vertices that two buildings share are doubled."""
    owner = np.repeat(made.owner, 3)
    vertices = made.triangles.ravel()
    pairs, corners = np.unique(
        vertices * (len(place) + 1) + owner + 1, return_inverse=True
    )  # a number for each vertex and building, in the order of vertices
    vertex, building = pairs // (len(place) + 1), pairs % (len(place) + 1) - 1
    features = np.where(building >= 0, place[building], NULL_FEATURE).astype(np.uint32)
    colors = None
    if primitive.colors is not None:
        colors = np.rint(blend(primitive.colors.astype(np.float64), made)[vertex]).astype(np.uint8)
    return replace(
        primitive,
        positions=blend(np.asarray(primitive.positions, np.float64), made)[vertex],
        triangles=corners.reshape(-1, 3).astype(np.uint32),
        uv=None if primitive.uv is None else blend(primitive.uv, made)[vertex],
        normals=None
        if primitive.normals is None
        else _unit(blend(primitive.normals, made)[vertex]),
        colors=colors,
        features=features,
    )


def _unit(vectors: npt.NDArray[np.floating[Any]]) -> npt.NDArray[np.float32]:
    lengths = np.linalg.norm(vectors, axis=1, keepdims=True)
    unit: npt.NDArray[np.float32] = np.divide(vectors, np.where(lengths > 0, lengths, 1)).astype(
        np.float32
    )
    return unit
