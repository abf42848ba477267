"""What one file holds: meshes in its delivery's local frame, and links to finer files."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from cim.errors import FormatError
from cim.ingest.sources.osgb.binary import REMEDY
from cim.ingest.sources.osgb.classes import read_graph
from cim.ingest.sources.osgb.graph import (
    PIXEL_SIZE,
    Geometry,
    Lod,
    Node,
    PagedLod,
    StateSet,
    Texture,
    Thing,
    Transform,
)
from cim.ingest.sources.osgb.links import resolve
from cim.ingest.sources.osgb.objects import DEEPEST
from cim.ingest.sources.osgb.triangles import sound, triangles

Floats = npt.NDArray[np.float64]
Numbers = npt.NDArray[Any]

MOST_THINGS = 1_000_000
SCREEN_ERROR = 16.0  # Cesium's default maximumScreenSpaceError, pixels
FOCAL_LENGTH = 1663.0  # Cesium's 60° over the longer side of 1920 × 1080, pixels


@dataclass(frozen=True, slots=True, eq=False)
class Mesh:
    """Triangles with one texture.

    Args:
        vertices: (n, 3) in the local frame, m, all finite.
        triangles: (m, 3), at least one.
        uv: (n, 2) counted from the lower left corner, or None.
        texture: The texture, or None.
        colours: (n, 3) uint8 of the vertices where there is no texture, or None.
    """

    vertices: Numbers
    triangles: Numbers
    uv: Numbers | None
    texture: Texture | None
    colours: npt.NDArray[np.uint8] | None = None


@dataclass(frozen=True, slots=True)
class Link:
    """A finer file.

    Args:
        name: Path as stored, relative to the file that names it, or to ``folder``.
        folder: The producer's own folder, often one of another machine; "" where none is stored.
        error: Geometric error of the holder that makes Cesium refine where OSG would, m;
            infinite where the child shows at any distance.
    """

    name: str
    error: float
    folder: str = ""

    def find(self, beside: Path, root: Path) -> Path | None:
        """The file, looked for beside the one that names it; None where it is not there."""
        found = resolve(self.name, beside, root)
        if found is None and self.folder:
            found = resolve(f"{self.folder}/{self.name}", beside, root)
        return found


@dataclass(frozen=True, slots=True, eq=False)
class Branch:
    """Meshes that are replaced together by the linked files.

    Args:
        meshes: What shows until then.
        links: The finer files; none for geometry that is final.
        nested: Branches within the inline children; they only matter where no link can be
            followed.
        sphere: Centre and radius the producer gave, local frame.
        matrix: Transformation of everything below (row vectors).
    """

    meshes: tuple[Mesh, ...]
    links: tuple[Link, ...] = ()
    nested: tuple[Branch, ...] = ()
    sphere: tuple[float, ...] | None = None
    matrix: Floats | None = None


@dataclass(slots=True)
class Scene:
    """One file.

    Args:
        branches: Its content.
        faults: Count of what was dropped or set aside, by kind.
        skipped: Classes that were stepped over.
        trailing: Bytes after the root object.
    """

    branches: tuple[Branch, ...] = ()
    faults: Counter[str] = field(default_factory=Counter)
    skipped: frozenset[str] = frozenset()
    trailing: int = 0


@dataclass(slots=True)
class _Visit:
    """One walk over a graph, which may refer to itself or to one object a thousand times."""

    path: Path
    faults: Counter[str]
    things: int = 0

    def enter(self, depth: int) -> None:
        """Count one more thing.

        Raises:
            FormatError: too many of them, or a circle.
        """
        self.things += 1
        if depth > DEEPEST or self.things > MOST_THINGS:
            raise FormatError(
                "the scene graph refers to itself, or to too much", path=self.path, remedy=REMEDY
            )


@dataclass(frozen=True, slots=True, eq=False)
class _Way:
    """The path from the root to a node: its transformation and inherited state."""

    matrix: Floats | None = None
    state: StateSet | None = None
    depth: int = 0

    def into(self, node: Node) -> _Way:
        matrix = self.matrix
        if isinstance(node, Transform):
            matrix = node.matrix if matrix is None else node.matrix @ matrix
        own = node.state is not None and node.state.texture is not None
        return _Way(matrix, node.state if own else self.state, self.depth + 1)


def read_scene(path: Path, matrix: Floats | None = None) -> Scene:
    """Read one file.

    Args:
        path: The file.
        matrix: Transformation inherited from the file that links here (row vectors).

    Raises:
        FormatError: naming file, offset, class and serializer version.
    """
    root, reader = read_graph(path)
    scene = Scene(
        skipped=frozenset(reader.skipped),
        trailing=reader.stream.end - reader.stream.position,
    )
    loose, branches = _walk(root, _Way(matrix), _Visit(path, scene.faults))
    if loose:
        branches.insert(0, Branch(tuple(loose)))
    scene.branches = tuple(branches)
    return scene


def _walk(thing: Thing | None, way: _Way, visit: _Visit) -> tuple[list[Mesh], list[Branch]]:
    """Meshes and branches below a thing."""
    visit.enter(way.depth)
    if isinstance(thing, PagedLod):
        return [], [_branch(thing, way.into(thing), visit)]
    if isinstance(thing, Geometry):
        mesh = _mesh(thing, way.into(thing), visit.faults)
        return [mesh] if mesh else [], []
    if not isinstance(thing, Node):
        return [], []
    here = way.into(thing)
    meshes: list[Mesh] = []
    branches: list[Branch] = []
    for child in _finest(thing) if isinstance(thing, Lod) else thing.children:
        more, below = _walk(child, here, visit)
        meshes += more
        branches += below
    return meshes, branches


def _finest(lod: Lod) -> Iterable[Thing]:
    """The inline children of the finest range: their file is one level, and it is that one."""
    ranges = [r for r, name in zip(lod.ranges, _names(lod), strict=False) if not name]
    pairs = list(zip(lod.children, ranges, strict=False))
    if not pairs:
        return lod.children
    if lod.range_mode == PIXEL_SIZE:
        best = max(r[0] for _, r in pairs)
    else:
        best = min(r[0] for _, r in pairs)
    return [child for child, r in pairs if r[0] == best]


def _names(lod: Lod) -> list[str]:
    given = lod.files if isinstance(lod, PagedLod) else []
    return given + [""] * (len(lod.ranges) - len(given))


def _branch(lod: PagedLod, way: _Way, visit: _Visit) -> Branch:
    meshes: list[Mesh] = []
    nested: list[Branch] = []
    for child in _finest(lod):
        more, below = _walk(child, way, visit)
        meshes += more
        nested += below
    own = [mesh for branch in (Branch(tuple(meshes)), *nested) for mesh in branch_meshes(branch)]
    sphere = _sphere(lod, way.matrix, own)
    links = tuple(
        Link(name, _error(lod, i, sphere[3], way.matrix), lod.folder)
        for i, name in enumerate(_names(lod))
        if name
    )
    return Branch(tuple(meshes), links, tuple(nested), sphere, way.matrix)


def branch_meshes(branch: Branch) -> Iterator[Mesh]:
    """All meshes of a branch, with those of the nested ones."""
    yield from branch.meshes
    for inner in branch.nested:
        yield from branch_meshes(inner)


def _sphere(lod: PagedLod, matrix: Floats | None, meshes: list[Mesh]) -> tuple[float, ...]:
    """Centre and radius that OSG measures the ranges by, in the local frame."""
    centre, radius = np.array(lod.sphere[:3]), lod.sphere[3]
    if matrix is not None:
        centre = np.append(centre, 1.0) @ matrix[:, :3]
        radius *= _scale(matrix)
    if (lod.centre_mode == 0 or radius <= 0) and meshes:
        low = np.min([m.vertices.min(axis=0) for m in meshes], axis=0).astype(np.float64)
        high = np.max([m.vertices.max(axis=0) for m in meshes], axis=0).astype(np.float64)
        centre = (low + high) / 2
        own = max(float(np.linalg.norm(m.vertices - centre, axis=1).max()) for m in meshes)
        radius = own
    return (*(float(c) for c in centre), float(radius))


def _scale(matrix: Floats) -> float:
    return float(np.cbrt(abs(np.linalg.det(matrix[:3, :3]))))


def _error(lod: PagedLod, index: int, radius: float, matrix: Floats | None) -> float:
    """Geometric error from the range of a named child, m.

    Pixel size: OSG shows the child once 2 f r / depth exceeds the least of its range T; Cesium
    refines once error · f / distance exceeds 16. Equal distances give error = 32 r / T, whatever
    the focal length f. Distance: error = 16 D / f with D the most of its range.
    """
    if index >= len(lod.ranges):
        return float("inf")
    least, most = lod.ranges[index]
    if lod.range_mode == PIXEL_SIZE:
        return 2 * SCREEN_ERROR * radius / least if least > 0 and radius > 0 else float("inf")
    scale = 1.0 if matrix is None else _scale(matrix)
    error = SCREEN_ERROR * most * scale / FOCAL_LENGTH
    return error if error > 0 and most < 1e20 else float("inf")


def _mesh(geometry: Geometry, way: _Way, faults: Counter[str]) -> Mesh | None:
    vertices = geometry.vertices
    if vertices is None or vertices.ndim != 2 or vertices.shape[1] < 3 or not len(vertices):
        return None
    vertices = vertices[:, :3]
    corners = triangles(geometry.sets, len(vertices))
    if not len(corners):
        return None
    if way.matrix is not None:
        vertices = vertices.astype(np.float64) @ way.matrix[:3, :3] + way.matrix[3, :3]
        if np.linalg.det(way.matrix[:3, :3]) < 0:
            corners = corners[:, ::-1]
    elif vertices.dtype.kind != "f":
        vertices = vertices.astype(np.float64)
    every: Numbers = np.isfinite(vertices)
    finite = None if every.all() else np.logical_and.reduce(every, axis=1)
    good = sound(corners, finite, len(vertices))
    faults["degenerate triangles or not finite ones"] += len(corners) - len(good)
    if not len(good):
        return None
    uv, texture = _look(geometry, way, len(vertices), faults)
    colours = None if texture is not None else _colours(geometry, len(vertices))
    if finite is not None:
        place = np.cumsum(finite) - 1
        vertices, good = vertices[finite], place[good].astype(np.uint32)
        uv = None if uv is None else uv[finite]
        colours = None if colours is None else colours[finite]
    return Mesh(vertices, good, uv, texture, colours)


def _colours(geometry: Geometry, count: int) -> npt.NDArray[np.uint8] | None:
    """One colour a vertex; one for all of them says nothing."""
    given = geometry.colours
    if given is None or given.ndim != 2 or given.shape[1] < 3 or len(given) != count or count < 2:
        return None
    if given.dtype == np.uint8:
        return np.ascontiguousarray(given[:, :3])
    if given.dtype.kind != "f":
        return None
    whole = np.nan_to_num(given[:, :3].astype(np.float64), posinf=1.0, neginf=0.0)
    return (np.clip(whole, 0, 1) * 255 + 0.5).astype(np.uint8)


def _look(
    geometry: Geometry, way: _Way, count: int, faults: Counter[str]
) -> tuple[Numbers | None, Texture | None]:
    """Texture and texture coordinates, or neither."""
    texture = way.state.texture if way.state is not None else None
    uv = geometry.uv
    if texture is None or texture.image is None:
        return None, None
    if uv is None or uv.ndim != 2 or uv.shape[1] < 2 or len(uv) < count:
        faults["textured meshes without texture coordinates"] += 1
        return None, None
    uv = uv[:count, :2]
    if not np.isfinite(uv).all():
        faults["texture coordinates that are not finite"] += int((~np.isfinite(uv)).sum())
        uv = np.nan_to_num(uv, nan=0.0, posinf=0.0, neginf=0.0)
    return uv, texture
