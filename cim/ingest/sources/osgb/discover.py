"""What lies in a delivery folder: metadata.xml and the root files of tile trees."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

from cim.errors import FormatError
from cim.ingest.sources.osgb.metadata import find
from cim.ingest.sources.osgb.scene import Branch, Link, read_scene

SUFFIX = ".osgb"
_GLANCE = 2000  # entries to look at before saying no


@dataclass(frozen=True, slots=True)
class Tree:
    """One tree of files.

    Args:
        root: The file it begins with.
        inputs: Every file it is made from.
        bytes: Their size.
    """

    root: Path
    inputs: tuple[Path, ...]
    bytes: int


@dataclass(frozen=True, slots=True)
class Delivery:
    """One delivery.

    Args:
        folder: Folder that links may not leave.
        metadata: Its metadata.xml, if there is one.
        trees: Its trees, in a stable order.
        unreadable: Loose files that could not be read while roots were looked for.
    """

    folder: Path
    metadata: Path | None
    trees: tuple[Tree, ...]
    unreadable: tuple[FormatError, ...] = ()


def is_delivery(path: Path) -> bool:
    """Whether a path looks like OSGB, by names alone and with a bounded number of looks."""
    if path.is_file():
        if path.suffix.lower() == SUFFIX:
            return True
        return path.name.lower() == "metadata.xml" and _has_scene(path.parent)
    return path.is_dir() and _has_scene(path)


def _has_scene(folder: Path) -> bool:
    names = islice(_glance(folder, 3), _GLANCE)
    return any(name.lower().endswith(SUFFIX) for name in names)


def _glance(folder: Path, depth: int) -> Iterator[str]:
    """Names of files, breadth first, a few per folder."""
    try:
        with os.scandir(folder) as entries:
            some = list(islice(entries, 200))
    except OSError:
        return
    yield from (entry.name for entry in some if entry.is_file())
    if depth > 0:
        for entry in some[:20]:
            if entry.is_dir():
                yield from _glance(Path(entry.path), depth - 1)


def deliveries(path: Path) -> list[Delivery]:
    """The deliveries a path means: one, or one per sub-folder that has its own metadata.xml."""
    if path.is_file() and path.suffix.lower() == SUFFIX:
        return [_single(path)]
    folder = path.parent if path.is_file() else path
    metadata = path if path.is_file() else _metadata_near(folder)
    if metadata is None and _data(folder) == folder:
        parts = [d for d in sorted(folder.iterdir()) if d.is_dir() and find(d) is not None]
        if parts:
            return [_whole(part, find(part)) for part in parts]
    return [_whole(folder, metadata)]


def _metadata_near(folder: Path) -> Path | None:
    """The metadata.xml of a folder, or of those above where it is Data or a tile in it."""
    for place in (folder, folder.parent, folder.parent.parent):
        found = find(place)
        if found is not None:
            return found
    return None


def _data(folder: Path) -> Path:
    """The sub-folder Data, in any case, or the folder itself."""
    inner = sorted(d for d in folder.iterdir() if d.name.lower() == "data" and d.is_dir())
    return inner[0] if inner else folder


def _single(path: Path) -> Delivery:
    metadata = _metadata_near(path.parent)
    return Delivery(path.parent, metadata, (_tree(path, _reachable(path)),))


def _reachable(root: Path) -> list[Path]:
    """Files that a single file leads to; those that cannot be read lead no farther."""
    links: dict[Path, list[Path]] = {}
    ahead = [root]
    while ahead:
        path = ahead.pop()
        if path not in links:
            try:
                links[path] = _children(path, root.parent)
            except FormatError:
                links[path] = []
            ahead += links[path]
    return sorted(links)


def _children(path: Path, data: Path) -> list[Path]:
    links = [link for branch in read_scene(path).branches for link in _links(branch)]
    found = (link.find(path.parent, data) for link in links)
    return [f for f in found if f is not None and f != path]


def _whole(folder: Path, metadata: Path | None) -> Delivery:
    data = _data(folder)
    named: list[Tree] = []
    loose: list[Tree] = []
    unreadable: list[FormatError] = []
    for place in (data, *sorted(d for d in data.iterdir() if d.is_dir())):
        files = sorted(f for f in place.iterdir() if f.suffix.lower() == SUFFIX and f.is_file())
        roots = [f for f in files if f.stem.lower() == place.name.lower()]
        if roots and place != data:
            named.append(_tree(roots[0], _files(place)))
        elif files:
            found, bad = _unlinked(files, data)
            loose += found
            unreadable += bad
    return Delivery(data, metadata, _topmost(named, loose, data), tuple(unreadable))


def _topmost(named: list[Tree], loose: list[Tree], data: Path) -> tuple[Tree, ...]:
    """The trees that no other leads to, such as tile folders below a common top."""
    led_to = {file for tree in loose for file in tree.inputs if file != tree.root}
    if loose:
        for tree in named:
            with suppress(FormatError):  # told when it is built
                led_to.update(_children(tree.root, data))
    return tuple(tree for tree in (*named, *loose) if tree.root not in led_to)


def _files(folder: Path) -> list[Path]:
    return sorted(f for f in folder.rglob("*") if f.is_file())


def _tree(root: Path, files: list[Path]) -> Tree:
    return Tree(root, tuple(files), sum(f.stat().st_size for f in files))


def _unlinked(files: list[Path], data: Path) -> tuple[list[Tree], list[FormatError]]:
    """Trees among files of any name: their roots are those that no other links to."""
    links: dict[Path, list[Path]] = {}
    bad: list[FormatError] = []
    for path in files:
        try:
            links[path] = _children(path, data)
        except FormatError as error:
            bad.append(error)
    linked = {child for children in links.values() for child in children}
    roots = [f for f in links if f not in linked] or list(links)[:1]
    return [_tree(root, _closure(root, links)) for root in roots], bad


def _links(branch: Branch) -> Iterator[Link]:
    yield from branch.links
    for inner in branch.nested:
        yield from _links(inner)


def _closure(root: Path, links: dict[Path, list[Path]]) -> list[Path]:
    seen: set[Path] = set()
    ahead = [root]
    while ahead:
        path = ahead.pop()
        if path not in seen:
            seen.add(path)
            ahead += links.get(path, [])
    return sorted(seen)
