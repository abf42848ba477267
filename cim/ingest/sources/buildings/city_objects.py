"""Objects of CityJSON: which geometry of which, its faces, their meaning, inherited attributes."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

from cim.ingest.sources.buildings.cityjson_file import Block

Floats = npt.NDArray[np.float64]
Ring = list[int]

ROOF, WALL, GROUND, OTHER = "RoofSurface", "WallSurface", "GroundSurface", "other"
MEANINGS = (ROOF, WALL, GROUND, OTHER)
BUILT = ("Building", "Bridge", "Tunnel", "OtherConstruction")  # these and their parts
_DEPTH = {"MultiSurface": 1, "CompositeSurface": 1, "Solid": 2, "MultiSolid": 3,
          "CompositeSolid": 3}  # lists around a surface  # fmt: skip
_DEEPEST = 20  # parents above parents


class Unusable(Exception):  # noqa: N818 - it names a finding, and never leaves this module's callers
    """An object cannot be shown; the message says why."""


@dataclass(slots=True)
class Shape:
    """The faces of one object.

    Args:
        id: Of the object.
        kind: Its type.
        parent: Id of what it is a part of, or None.
        lod: Of the geometry.
        attributes: Its own over its parents'.
        faces: Rings of rows of ``vertices``, with the row of ``MEANINGS`` of each face.
        vertices: (n, 3) that the rings name.
    """

    id: str
    kind: str
    parent: str | None
    lod: float
    attributes: Mapping[str, Any]
    faces: list[tuple[list[Ring], int]] = field(default_factory=list)
    vertices: Floats = field(default_factory=lambda: np.empty((0, 3)))


def shapes(block: Block, most: float, lost: dict[str, str], left: Counter[str]) -> Iterator[Shape]:
    """The objects of a block that have faces.

    Of a building and its parts the finest level up to ``most`` is taken; a building whose parts
    are finer than itself is shown by its parts.

    Args:
        block: To read.
        most: Highest level of detail wanted.
        lost: Takes the ids of objects that cannot be shown, and why.
        left: Counts what was left aside.
    """
    chosen = {}
    for name, given in block.objects.items():
        if not isinstance(given, Mapping):
            lost[name] = "it is no object"
        elif not str(given.get("type", "")).startswith(BUILT):
            left[f"objects of type {given.get('type')} left out"] += 1
        else:
            chosen[name] = given
    levels = {name: _best(given, most) for name, given in chosen.items()}
    for name, given in chosen.items():
        level, geometries = levels[name]
        children = [levels[c][0] for c in _names(given, "children") if c in levels]
        if not geometries:
            if not children:
                left[f"objects without faces up to LoD {most:g} left out"] += 1
            continue
        if any(child > level for child in children):
            continue
        try:
            yield _shape(name, block, level, geometries)
        except Unusable as error:
            lost[name] = str(error)
        except (KeyError, IndexError, TypeError, ValueError, AttributeError) as error:
            lost[name] = f"its geometry does not fit: {type(error).__name__} {error}"


def _names(given: Mapping[str, Any], key: str) -> list[str]:
    names = given.get(key)
    return [str(n) for n in names] if isinstance(names, list) else []


def _best(given: Mapping[str, Any], most: float) -> tuple[float, list[Mapping[str, Any]]]:
    """Highest level of detail with faces, 1 to ``most``, and the geometries that have it."""
    found: dict[float, list[Mapping[str, Any]]] = {}
    for geometry in given.get("geometry") or ():
        if not isinstance(geometry, Mapping):
            continue
        kind = geometry.get("type")
        if kind not in _DEPTH and kind != "GeometryInstance":
            continue
        level = _level(geometry.get("lod", most))  # an instance's level stands in its template
        if 1 <= level <= most:
            found.setdefault(level, []).append(geometry)
    return max(found.items(), default=(0.0, []), key=lambda item: item[0])


def _level(given: Any) -> float:
    try:
        return float(given)
    except (TypeError, ValueError):
        return -1.0


def _shape(name: str, block: Block, level: float, geometries: list[Mapping[str, Any]]) -> Shape:
    given = block.objects[name]
    parents = _names(given, "parents")
    shape = Shape(
        id=name,
        kind=str(given["type"]),
        parent=parents[0] if parents else None,
        lod=level,
        attributes=_inherited(block, name),
    )
    pieces = []
    before = 0
    for stated in geometries:
        geometry, vertices = _placed(block, stated)
        known = len(shape.faces)
        used = _collect(geometry, shape.faces)
        if used and (max(used) >= len(vertices) or min(used) < 0):
            raise Unusable(
                f"a face names vertex {max(used) if min(used) >= 0 else min(used)}, "
                f"the file has {len(vertices)}"
            )
        rows = np.array(sorted(used), np.int64)
        if not np.isfinite(vertices[rows]).all():
            raise Unusable("a face names a vertex that is no coordinate")
        place = dict(zip(rows.tolist(), range(before, before + len(rows)), strict=True))
        for rings, _ in shape.faces[known:]:
            for ring in rings:
                ring[:] = [place[v] for v in ring]
        pieces.append(vertices[rows])
        before += len(rows)
    if not shape.faces:
        raise Unusable("it has no faces")
    shape.vertices = np.concatenate(pieces)
    return shape


def _inherited(block: Block, name: str) -> dict[str, Any]:
    """Attributes of an object over those of its parents."""
    result: dict[str, Any] = {}
    chain = [name]
    while len(chain) < _DEEPEST:
        above = _names(block.objects.get(chain[-1], {}), "parents")
        if not above or above[0] in chain or above[0] not in block.objects:
            break
        chain.append(above[0])
    for one in reversed(chain):
        given = block.objects[one].get("attributes")
        if isinstance(given, Mapping):
            result |= given
    return result


def _placed(block: Block, geometry: Mapping[str, Any]) -> tuple[Mapping[str, Any], Floats]:
    """A geometry and its vertices; a template's are moved to where its instance stands."""
    if geometry["type"] != "GeometryInstance":
        return geometry, block.vertices
    template = block.templates[int(geometry["template"])]
    matrix = np.array(geometry["transformationMatrix"], np.float64).reshape(4, 4)
    anchor = block.vertices[int(geometry["boundaries"][0])]
    if not np.isfinite(matrix).all() or template["type"] not in _DEPTH:
        raise Unusable("its template cannot be placed")
    moved = block.template_vertices @ matrix[:3, :3].T + matrix[:3, 3] + anchor
    return template, moved


def _surfaces(geometry: Mapping[str, Any]) -> Iterator[tuple[Any, int | None]]:
    """Each surface, and the index of its meaning."""
    values = (geometry.get("semantics") or {}).get("values")

    def walk(part: Any, meaning: Any, depth: int) -> Iterator[tuple[Any, int | None]]:
        for index, inner in enumerate(part):
            own = meaning[index] if isinstance(meaning, list) and index < len(meaning) else None
            if depth == 1:
                yield inner, own if isinstance(own, int) else None
            else:
                yield from walk(inner, own, depth - 1)

    yield from walk(geometry["boundaries"], values, _DEPTH[geometry["type"]])


def _collect(geometry: Mapping[str, Any], faces: list[tuple[list[Ring], int]]) -> set[int]:
    """Add a geometry's faces; the vertices that they name."""
    meanings = (geometry.get("semantics") or {}).get("surfaces") or []
    used: set[int] = set()
    for surface, index in _surfaces(geometry):
        known = index is not None and 0 <= index < len(meanings)
        name = meanings[index].get("type") if known and index is not None else OTHER
        row = MEANINGS.index(name) if name in MEANINGS else MEANINGS.index(OTHER)
        rings = [[_whole(v) for v in ring] for ring in surface]
        faces.append((rings, row))
        used.update(v for ring in rings for v in ring)
    return used


def _whole(value: Any) -> int:
    if not isinstance(value, int) or isinstance(value, bool):
        raise Unusable(f"a face names the vertex {value!r}")
    return value
