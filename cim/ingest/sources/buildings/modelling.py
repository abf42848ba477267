"""One file of CityJSON: objects placed on Earth, faces triangulated, attributes typed, tiles."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from cim.city import Bounds, City
from cim.errors import FormatError, InputError, OutsideCityError
from cim.geo.crs import CGCS2000, resolve, transformer
from cim.geo.frames import ecef, lonlat_height
from cim.geo.solids import Faces, open_edges, triangulate, volumes
from cim.geo.vertical import height_unit
from cim.ingest.source import Built, Parcel, Problem, Request
from cim.ingest.sources.buildings.attributes import Attributes
from cim.ingest.sources.buildings.city_objects import (
    GROUND,
    MEANINGS,
    ROOF,
    WALL,
    Shape,
    shapes,
)
from cim.ingest.sources.buildings.cityjson_file import blocks
from cim.ingest.sources.buildings.tiles import Stock, Surface, spans, write_tiles
from cim.ingest.sources.columns import column_name
from cim.layers import Field, FieldType
from cim.tiles.glb import Encoding

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]

COLORS = np.array([[178, 92, 72], [226, 218, 202], [128, 124, 112], [200, 200, 196]], np.uint8)
NAMED = 20  # objects named one by one in the report
OWN = (
    Field(name="object_id", title="对象标识", title_en="Object id"),
    Field(name="object_type", title="对象类型", title_en="Object type"),
    Field(name="parent_id", title="上级对象", title_en="Parent object"),
    Field(name="lod", title="细节层次", title_en="Level of detail", type=FieldType.REAL),
    Field(name="roof_area", title="屋面面积", title_en="Roof area", type=FieldType.REAL,
          unit="m2"),
    Field(name="wall_area", title="墙面面积", title_en="Wall area", type=FieldType.REAL,
          unit="m2"),
    Field(name="ground_area", title="基底面积", title_en="Ground area", type=FieldType.REAL,
          unit="m2"),
    Field(name="volume", title="体积", title_en="Volume", type=FieldType.REAL, unit="m3"),
)  # fmt: skip


def build_file(
    parcel: Parcel, request: Request, folder: Path, *, most: float, encoding: Encoding,
    tile_features: int,
) -> Built:  # fmt: skip
    """Convert one file; see ``CityJsonSource.build``."""
    header, found, broken = blocks(parcel.path)
    lost: dict[str, str] = {}
    left: Counter[str] = Counter()
    all_shapes = [s for block in found for s in shapes(block, most, lost, left)]
    stated = request.crs or header.crs
    if stated is None:
        raise FormatError("its metadata name no referenceSystem", path=parcel.path)
    kept, places = _placed(all_shapes, stated, request, lost)
    if not kept:
        raise _refusal(parcel, all_shapes, lost, places, request.city)
    model = _Model(kept, places, left)
    kept = [s for s, fine in zip(kept, model.shown, strict=True) if fine]
    lost |= {s.id: "none of its faces has an area" for s in model.empty}
    if not kept:
        raise _refusal(parcel, all_shapes, lost, places, request.city)
    stock = model.stock(kept, request.city)
    facts = write_tiles(stock, folder, encoding, tile_features)
    return Built(
        parcel=parcel.id,
        facts=facts | {"id": OWN[0].name},
        counts={
            "features": len(kept),
            "features_read": len(kept) + len(lost),
            "triangles": facts["triangles"],
            "tiles": facts["tiles"],
            "closed_solids": int(np.isfinite(model.volume).sum()),
        },
        extent=stock.extent,
        refused=_refused(parcel, lost, broken),
        warnings=tuple(
            Problem(path=str(parcel.path), reason=f"{many} {what}") for what, many in left.items()
        ),
    )


def _refused(parcel: Parcel, lost: dict[str, str], broken: Sequence[str]) -> tuple[Problem, ...]:
    lines = [(f"object {name}", reason) for name, reason in lost.items()]
    lines += [(line.split(":", 1)[0], line.split(":", 1)[1].strip()) for line in broken]
    result = [
        Problem(path=f"{parcel.path}#{where}", reason=reason) for where, reason in lines[:NAMED]
    ]
    if len(lines) > NAMED:
        result.append(
            Problem(path=str(parcel.path), reason=f"{len(lines) - NAMED} more objects are lost")
        )
    return tuple(result)


def _refusal(
    parcel: Parcel, given: Sequence[Shape], lost: dict[str, str], places: Sequence[Floats],
    city: City,
) -> InputError:  # fmt: skip
    if given and not places and any("outside" in reason for reason in lost.values()):
        return OutsideCityError(
            f"all {len(given)} objects lie outside {city.name} at {city.bounds}",
            path=parcel.path,
            remedy="check --crs, or widen `bounds` in city.toml",
        )
    why = "; ".join(f"{name}: {reason}" for name, reason in list(lost.items())[:3])
    return FormatError(
        f"no building in it can be shown{': ' + why if why else ''}",
        path=parcel.path,
        remedy="check it with a validator of CityJSON, such as cjval",
    )


def _placed(
    given: Sequence[Shape], stated: str, request: Request, lost: dict[str, str]
) -> tuple[list[Shape], list[Floats]]:
    """Shapes inside the city and their vertices in ECEF, m."""
    crs, unit, city = resolve(stated).crs, height_unit(stated), request.city
    step = transformer(crs, CGCS2000)
    kept, places = [], []
    for shape in given:
        points = shape.vertices * (1.0, 1.0, unit)
        lon, lat = step.transform(points[:, 0], points[:, 1])
        fine = np.isfinite(lon).all() and np.isfinite(lat).all()
        if not fine or not city.bounds.contains(
            Bounds(float(lon.min()), float(lat.min()), float(lon.max()), float(lat.max()))
        ):
            lost[shape.id] = "it lies outside the city's bounds"
            continue
        kept.append(shape)
        places.append(ecef(crs, points, city.geoid, request.heights))
    return kept, places


class _Model:
    """All faces of all kept shapes, triangulated."""

    def __init__(self, kept: Sequence[Shape], places: Sequence[Floats], left: Counter[str]) -> None:
        self.origin = places[0][0]
        points = np.concatenate(places) - self.origin
        sizes = np.array([len(p) for p in places])
        begins = np.cumsum(sizes) - sizes
        faces, meaning, whose = _faces(kept, begins)
        self.corners = points[faces.corners]
        triangles, normals, of = triangulate(points, faces)
        _, first = faces.begins()
        self.face_of = np.repeat(np.arange(len(normals)), np.diff(first))
        self.owner = whose[self.face_of]
        self.normals = normals[self.face_of]
        self.meaning = meaning[self.face_of]
        has_area = np.bincount(of, minlength=len(normals)) > 0
        if not has_area.all():
            left["faces without area left out"] += int((~has_area).sum())
        order = np.argsort(whose[of], kind="stable")
        self.triangles = triangles[order]
        owners = whose[of][order]
        count = len(kept)
        self.faces = np.searchsorted(owners, np.arange(count + 1))
        self.begins = np.searchsorted(self.owner, np.arange(count + 1))
        full = np.bincount(owners, minlength=count) > 0
        self.empty = [s for s, fine in zip(kept, full, strict=True) if not fine]
        self.shown = full
        self.rows = np.flatnonzero(full)
        self.areas = _areas(self.corners, self.triangles, owners, self.meaning, count)
        self.volume = self._volumes(count, left)

    def _volumes(self, count: int, left: Counter[str]) -> Floats:
        """Of closed solids; NaN for the others. Those turned inside out are turned back."""
        found = volumes(self.corners, self.triangles, self.owner, count)
        for row in range(count):
            mine = slice(self.faces[row], self.faces[row + 1])
            low, high = self.begins[row], self.begins[row + 1]
            inner = self.triangles[mine] - low
            if open_edges(self.corners[low:high], inner, np.zeros(high - low, np.int64)):
                found[row] = np.nan
            elif found[row] < 0:
                self.triangles[mine] = self.triangles[mine][:, ::-1]
                self.normals[low:high] *= -1
                found[row] = -found[row]
                left["solids were inside out and were turned"] += 1
        return found

    def surface(self, members: Ints) -> Surface:
        """The faces of some of the shown shapes."""
        which = self.rows[members]
        corners, owner = spans(self.begins[which], self.begins[which + 1])
        faces, _ = spans(self.faces[which], self.faces[which + 1])
        place = np.empty(len(self.corners), np.int64)
        place[corners] = np.arange(len(corners))
        return Surface(
            positions=self.corners[corners] + self.origin,
            normals=self.normals[corners],
            triangles=place[self.triangles[faces]],
            owner=owner,
            volume=self.volume[which],
            colors=COLORS[self.meaning[corners]],
        )

    def stock(self, kept: Sequence[Shape], city: City) -> Stock:
        """What the tiles are filled from."""
        places = lonlat_height(self.corners + self.origin)
        lon, lat, height = places.T
        step = transformer(CGCS2000, city.compute_crs)
        x, y = step.transform(lon, lat)
        begins = self.begins[:-1][self.rows]
        columns = np.stack([np.asarray(x), np.asarray(y), height])
        low = np.minimum.reduceat(columns, self.begins[:-1], axis=1)[:, self.rows]
        high = np.maximum.reduceat(columns, self.begins[:-1], axis=1)[:, self.rows]
        assert len(begins) == len(kept)  # noqa: S101 - both are the shapes that are shown
        level = height - city.geoid.undulation(lon, lat)
        return Stock(
            centres=((low + high) / 2)[:2].T.copy(),
            sizes=np.linalg.norm(high - low, axis=0),
            attributes=self._attributes(kept),
            surface=self.surface,
            extent=Bounds(float(lon.min()), float(lat.min()), float(lon.max()), float(lat.max())),
            heights=(float(level.min()), float(level.max())),
        )

    def _attributes(self, kept: Sequence[Shape]) -> Attributes:
        own: dict[str, list[Any]] = {
            "object_id": [s.id for s in kept],
            "object_type": [s.kind for s in kept],
            "parent_id": [s.parent for s in kept],
            "lod": [s.lod for s in kept],
            "roof_area": self.areas[MEANINGS.index(ROOF), self.rows].round(3).tolist(),
            "wall_area": self.areas[MEANINGS.index(WALL), self.rows].round(3).tolist(),
            "ground_area": self.areas[MEANINGS.index(GROUND), self.rows].round(3).tolist(),
            "volume": [None if np.isnan(v) else round(float(v), 3)
                       for v in self.volume[self.rows]],
        }  # fmt: skip
        fields = list(OWN)
        taken = {f.name for f in OWN} | {"fid", "geom"}
        for name in dict.fromkeys(key for s in kept for key in s.attributes):
            values, kind = _typed([s.attributes.get(name) for s in kept])
            column = column_name(name, taken)
            taken.add(column)
            fields.append(Field(name=column, title=name, type=kind, aliases=(name,)))
            own[column] = values
        columns = {}
        for key, values in own.items():
            columns[key] = np.empty(len(kept), object)
            columns[key][:] = values
        return Attributes(tuple(fields), columns)


def _faces(kept: Sequence[Shape], begins: Ints) -> tuple[Faces, Ints, Ints]:
    """The faces of all shapes in a row, the meaning of each, and the shape it belongs to."""
    corners: list[int] = []
    rings: list[int] = []
    holes: list[int] = []
    meaning: list[int] = []
    whose: list[int] = []
    for row, (shape, before) in enumerate(zip(kept, begins.tolist(), strict=True)):
        for given, code in shape.faces:
            usable = [_opened(ring) for ring in given]
            usable = [ring for i, ring in enumerate(usable) if i == 0 or len(ring) > 2]
            if len(usable[0]) < 3:
                usable = [usable[0]]
            for ring in usable:
                corners.extend(v + before for v in ring)
                rings.append(len(ring))
            holes.append(len(usable) - 1)
            meaning.append(code)
            whose.append(row)
    faces = Faces(np.array(corners, np.int64), np.array(rings, np.int64), np.array(holes, np.int64))
    return faces, np.array(meaning, np.int64), np.array(whose, np.int64)


def _opened(ring: list[int]) -> list[int]:
    """A ring without corners that repeat the one before, the last and first among them."""
    return [v for i, v in enumerate(ring) if v != ring[i - 1]]


def _areas(corners: Floats, triangles: Ints, owners: Ints, meaning: Ints, count: int) -> Floats:
    """(meanings, count) areas on Earth, m²."""
    a, b, c = (corners[triangles[:, i]] for i in range(3))
    half = np.linalg.norm(np.cross(b - a, c - a), axis=1) / 2
    kind = meaning[triangles[:, 0]]
    flat = np.bincount(kind * count + owners, weights=half, minlength=len(MEANINGS) * count)
    return flat.reshape(len(MEANINGS), count).astype(np.float64)


def _typed(values: list[Any]) -> tuple[list[Any], FieldType]:
    """Values of one attribute with the narrowest type that holds them all."""
    known = [v for v in values if v is not None]
    if known and all(isinstance(v, bool) for v in known):
        return values, FieldType.BOOLEAN
    if known and all(isinstance(v, int) and not isinstance(v, bool) for v in known):
        return values, FieldType.INTEGER
    if known and all(isinstance(v, int | float) and not isinstance(v, bool) for v in known):
        return [None if v is None else float(v) for v in values], FieldType.REAL
    return [None if v is None or v == "" else str(v) for v in values], FieldType.TEXT
