"""One tile folder: follows links from its root file and writes glb files and a tileset.json."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from functools import reduce
from itertools import pairwise
from pathlib import Path

import numpy as np
import numpy.typing as npt

from cim.errors import FormatError
from cim.ingest.source import Problem
from cim.ingest.sources.osgb import picture
from cim.ingest.sources.osgb.binary import REMEDY
from cim.ingest.sources.osgb.findings import Findings
from cim.ingest.sources.osgb.links import escapes, safe_name
from cim.ingest.sources.osgb.overview import RASTER, Draper
from cim.ingest.sources.osgb.place import Frame, Placement
from cim.ingest.sources.osgb.scene import Branch, Link, Mesh, Scene, branch_meshes, read_scene
from cim.tiles import glb
from cim.tiles.tileset import Box, Tile, settle, write_folder

Floats = npt.NDArray[np.float64]

DEEPEST = 32  # levels of files; real sets have up to 12


@dataclass(slots=True)
class Folder:
    """Converts one tree of files into ``target``.

    Args:
        root: The file the tree begins with.
        data: Folder that no link may leave.
        target: Folder to write to.
        frame: Frame of all vertices.
        encoding: Of the glb files.
        draper: Takes the coarse files to the overview, which then stands for them; None keeps all.
        found: What was found on the way.
    """

    root: Path
    data: Path
    target: Path
    frame: Frame
    encoding: glb.Encoding = glb.PLAIN
    draper: Draper | None = None
    found: Findings = field(default_factory=Findings)
    _visited: set[Path] = field(default_factory=set)
    _names: set[str] = field(default_factory=set)
    _replaced: set[int] = field(default_factory=set)

    def convert(self, scene: Scene) -> list[Tile]:
        """Write everything from the root's scene down.

        Returns:
            The settled roots of the folder's tilesets, which are written too: one, or several
            where an overview stands for what was above them; none where nothing is to be drawn.
        """
        self.target.mkdir(parents=True, exist_ok=True)
        self._visited.add(self.root.resolve())
        tile = self._tile(self.root, scene, 0)
        if tile is None or tile.boundary() is None:
            return []
        heads = [head for head in self._heads(tile) if head.boundary() is not None]
        for index, head in enumerate(heads):
            settle(head)
            write_folder(self.target / head_name(index), head, self.frame.matrix)
        if self.draper is not None:
            self.draper.raster().save(self.target / RASTER)
        self.found.tell(str(self.root.parent))
        return heads

    def _heads(self, tile: Tile) -> list[Tile]:
        """The topmost tiles that the overview does not stand for."""
        if id(tile) not in self._replaced:
            return [tile]
        return [head for child in tile.children for head in self._heads(child)]

    def _tile(self, path: Path, scene: Scene, depth: int) -> Tile | None:
        """The tile of one file with everything below it; None for one without any content."""
        self._note(path, scene)
        images: picture.Cache = {}
        looks: dict[int, glb.Texture | None] = {}
        primitives = {
            id(mesh): self._primitive(mesh, path, images, looks)
            for branch in scene.branches
            for mesh in branch_meshes(branch)
        }
        name = safe_name(path.stem, self._names)
        finer, rest, error = self._finer(scene.branches, path, depth)
        if finer and rest:
            finer.append(self._write(f"{name}.rest", [primitives[id(mesh)] for mesh in rest]))
        replaced = self._lay(scene, primitives, finer, error, depth)
        tile = Tile(None) if replaced else self._write(name, list(primitives.values()))
        tile.children, tile.error = finer, error
        if replaced:
            self._replaced.add(id(tile))
            self.found.counts["replaced_by_overview"] += 1
        triangles = sum(len(p.triangles) for p in primitives.values() if p.triangles is not None)
        self.found.counts["triangles"] += triangles
        self.found.counts["vertices"] += sum(len(p.positions) for p in primitives.values())
        self.found.counts["textures"] += len(images)
        leaf: Iterable[Mesh] = rest
        if not finer:
            leaf = [mesh for branch in scene.branches for mesh in branch_meshes(branch)]
        self.found.counts["leaf_triangles"] += sum(len(mesh.triangles) for mesh in leaf)
        return tile if primitives or finer else None

    def _lay(
        self, scene: Scene, looks: dict[int, glb.Primitive], finer: list[Tile], error: float,
        depth: int,
    ) -> bool:  # fmt: skip
        """Hand a coarse file to the overview; whether the overview stands for it from now on."""
        if self.draper is None:
            return False
        heavy = error >= self.draper.plane.top.replaced
        replaced = bool(finer) and heavy and not self.draper.clipped
        last = replaced and any(id(child) not in self._replaced for child in finer)
        if last or (depth == 0 and not replaced):
            meshes = [mesh for branch in scene.branches for mesh in branch_meshes(branch)]
            self.draper.lay(meshes, [looks[id(m)] for m in meshes], error if replaced else 0.0)
        return replaced

    def _finer(
        self, branches: Sequence[Branch], path: Path, depth: int
    ) -> tuple[list[Tile], list[Mesh], float]:
        """Tiles that replace the branches, meshes they leave uncovered, and the error that calls.

        In 3D Tiles the children of a tile replace all of it. So where only some branches have a
        finer file, what the others hold must be shown again beside those files, or a hole opens.
        """
        tiles: list[Tile] = []
        rest: list[Mesh] = []
        error = 0.0
        for branch in branches:
            finer, whole, called = self._linked(branch, path, depth)
            if finer is None and branch.nested:
                inner = (Branch(branch.meshes), *branch.nested)
                finer, uncovered, called = self._finer(inner, path, depth)
                rest += uncovered
                whole = True
            tiles += finer or []
            if finer:
                error = max(error, called)
            if not whole:
                rest += branch_meshes(branch)
        return tiles, rest, error

    def _linked(
        self, branch: Branch, path: Path, depth: int
    ) -> tuple[list[Tile] | None, bool, float]:
        """Tiles of the finest range of which a file is there: (tiles, all of them, error).

        Coarser ranges of the same PagedLOD lie between: a chain of tiles. One that cannot be a link
        of it is passed over, and the finer one takes its place from where it would have shown.
        """
        errors = sorted({link.error for link in branch.links})
        for index, error in enumerate(errors):
            links = [link for link in branch.links if link.error == error]
            loaded = [self._follow(link, branch, path, depth) for link in links]
            if not any(there for there, _ in loaded):
                continue
            tiles = [tile for _, tile in loaded if tile is not None]
            whole = all(there for there, _ in loaded)
            for shown, coarser in pairwise(errors[index:] if whole and tiles else ()):
                tiles = self._between([k for k in branch.links if k.error == coarser], branch,
                                      path, depth, tiles, shown)  # fmt: skip
            return tiles, whole, errors[-1]
        return None, False, 0.0

    def _between(
        self, links: Sequence[Link], branch: Branch, path: Path, depth: int, finer: list[Tile],
        error: float,
    ) -> list[Tile]:  # fmt: skip
        """The tile of an intermediate range above the finer ones; these where there is none.

        It must be one file without finer ones of its own, since tiles are replaced as a whole.
        """
        child = links[0].find(path.parent, self.data) if len(links) == 1 else None
        if child is None or child.resolve() in self._visited:
            return finer
        with suppress(FormatError):  # which is told when it is followed
            if any(b.links or b.nested for b in read_scene(child, branch.matrix).branches):
                return finer
        leaves = self.found.counts["leaf_triangles"]
        _, tile = self._follow(links[0], branch, path, depth)
        self.found.counts["leaf_triangles"] = leaves
        if tile is None:
            return finer
        tile.children, tile.error = finer, error
        return [tile]

    def _follow(
        self, link: Link, branch: Branch, path: Path, depth: int
    ) -> tuple[bool, Tile | None]:
        """The tile of a linked file: whether the file can be used, and what it shows."""
        child = link.find(path.parent, self.data)
        if child is None:
            if escapes(link.name, path.parent, self.data):
                self._refuse(path, f"links to {link.name!r}, outside of the delivery")
            else:
                self.found.dangling.append(link.name)
            return False, None
        if child.resolve() in self._visited:
            self._refuse(path, f"links to {link.name!r}, which is in the tree already")
            return False, None
        if depth >= DEEPEST:
            self._refuse(child, f"lies more than {DEEPEST} levels deep")
            return False, None
        self._visited.add(child.resolve())
        try:
            scene = read_scene(child, branch.matrix)
        except FormatError as error:
            self.found.refused.append(
                Problem(path=str(child), reason=error.reason, remedy=error.remedy)
            )
            return False, None
        tile = self._tile(child, scene, depth + 1)
        if tile is None:
            self.found.warnings.append(Problem(path=str(child), reason="holds nothing to draw"))
        return True, tile

    def _refuse(self, path: Path, reason: str) -> None:
        self.found.refused.append(
            Problem(path=str(path), reason=reason, remedy="have the delivery exported anew")
        )

    def _primitive(
        self,
        mesh: Mesh,
        path: Path,
        images: picture.Cache,
        looks: dict[int, glb.Texture | None],
    ) -> glb.Primitive:
        self.found.farthest = max(self.found.farthest, float(np.abs(mesh.vertices).max()))
        texture = None
        if mesh.texture is not None:
            if id(mesh.texture) not in looks:
                looks[id(mesh.texture)] = self._texture(mesh, path, images)
            texture = looks[id(mesh.texture)]
        uv = None
        if mesh.uv is not None and texture is not None:
            uv = np.empty((len(mesh.uv), 2), dtype=np.float32)
            uv[:, 0] = mesh.uv[:, 0]
            np.subtract(1.0, mesh.uv[:, 1], out=uv[:, 1], casting="same_kind")
        colours = mesh.colours if texture is None else None
        points = self.frame.local(mesh.vertices)
        return glb.Primitive(points, mesh.triangles, uv, texture, colors=colours)

    def _texture(self, mesh: Mesh, path: Path, images: picture.Cache) -> glb.Texture | None:
        assert mesh.texture is not None  # noqa: S101 - the caller asked
        try:
            return picture.texture(mesh.texture, path, self.data, images)
        except FormatError as error:
            self.found.warnings.append(
                Problem(path=str(path), reason=f"{error.reason}; drawn grey", remedy=error.remedy)
            )
            return None

    def _write(self, name: str, primitives: list[glb.Primitive]) -> Tile:
        if not primitives:
            return Tile(None)
        uri = f"{name}.glb"
        self.found.counts["glb_bytes"] += glb.write(
            self.target / uri, primitives, encoding=self.encoding
        )
        self.found.counts["tiles"] += 1
        boxes = [Box.around(p.positions) for p in primitives]
        box = reduce(Box.union, boxes)
        return Tile(box, uri=uri)

    def _note(self, path: Path, scene: Scene) -> None:
        self.found.counts["files"] += 1
        self.found.counts["bytes"] += path.stat().st_size
        self.found.faults += scene.faults
        for kind in sorted(scene.skipped):
            self.found.faults[f"objects of the class {kind}"] += 1
        if scene.trailing:
            self.found.warnings.append(
                Problem(path=str(path), reason=f"{scene.trailing} bytes follow after the scene")
            )


def head_name(index: int) -> str:
    """File name of the index-th tileset of a folder."""
    return "tileset.json" if index == 0 else f"tileset-{index + 1}.json"


@dataclass(frozen=True, slots=True, eq=False)
class Converted:
    """What came of a folder.

    Args:
        heads: Roots of its tilesets; none where there is nothing to draw.
        box: Around them, in the frame; None without any.
        frame: Their frame.
        found: What is to be told.
        called: Largest error of the files that the overview stands for, m; 0 where it is none.
    """

    heads: list[Tile]
    box: Box | None
    frame: Frame | None
    found: Findings
    called: float = 0.0


DraperOf = Callable[[Box], Draper]


def convert_folder(
    root: Path,
    data: Path,
    target: Path,
    placement: Placement,
    encoding: glb.Encoding = glb.PLAIN,
    draper: DraperOf | None = None,
) -> Converted:
    """Convert the tree of files below ``root``.

    Args:
        root: The file it begins with.
        data: Folder that no link may leave.
        target: Folder to write to.
        placement: Of the delivery.
        encoding: Of the glb files.
        draper: Makes what takes coarse files to the overview, of the root file's box.

    Raises:
        FormatError: the root file cannot be read, or the tree is endless.
        CrsError: its coordinates lie nowhere on Earth.
        OutsideCityError: it lies outside of the city.
    """
    try:
        scene = read_scene(root)
        box = reach(scene)
        if box is None:
            return Converted([], None, None, Findings())
        placement.city.require_inside(placement.bounds(box), root)
        folder = Folder(root, data, target, Frame.over(placement, box), encoding)
        done = _converted(folder, scene, box, draper)
        if done.box is not None and not folder.frame.holds(done.box):
            # the children reach farther than the root let see: once more, vertex by vertex
            exact = Frame.over(placement, box, exact=True)
            done = _converted(Folder(root, data, target, exact, encoding), scene, box, draper)
    except RecursionError as error:
        raise FormatError("nested deeper than can be followed", path=root, remedy=REMEDY) from error
    return done


def _converted(folder: Folder, scene: Scene, box: Box, draper: DraperOf | None) -> Converted:
    folder.draper = None if draper is None else draper(box)
    heads = folder.convert(scene)
    if folder.draper is not None and folder.draper.clipped:
        folder.found.warnings.append(
            Problem(
                path=str(folder.root.parent),
                reason="it is so much wider than most that the overview shows a part of it only; "
                "all its files are kept",
                remedy="ingest it into a layer of its own, or without overview: -o top=false",
            )
        )
    whole: Box | None = None
    for head in heads:
        if head.box is not None:
            whole = head.box if whole is None else whole.union(head.box)
    called = 0.0 if folder.draper is None else folder.draper.called
    return Converted(heads, whole, folder.frame, folder.found, called)


def reach(scene: Scene) -> Box | None:
    """The box of a scene's meshes, or of its producer's spheres where it has only links."""
    meshes = [mesh for branch in scene.branches for mesh in branch_meshes(branch)]
    boxes = [Box.around(mesh.vertices) for mesh in meshes]
    if not boxes:
        for branch in scene.branches:
            if branch.links and branch.sphere is not None:
                centre, radius = np.array(branch.sphere[:3]), max(branch.sphere[3], 1.0)
                boxes.append(Box(centre - radius, centre + radius))
    if not boxes:
        return None
    return reduce(Box.union, boxes)
