"""Walks implicit tiling (3D Tiles 1.1): from subtree files to the tiles that they announce."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from cim.tiles.subtree import BRANCHES, Subtree, nodes, parse

Cell = tuple[int, ...]
_AXES = ("x", "y", "z")


@dataclass(frozen=True, slots=True)
class ImplicitTile:
    """A tile with content.

    Args:
        level: Depth below the tile that holds the tiling.
        cell: (x, y) or (x, y, z) within its level.
        uris: Of its contents.
        boxed: Its volume follows from its cell; otherwise its metadata may give another.
    """

    level: int
    cell: Cell
    uris: tuple[str, ...]
    boxed: bool


class ImplicitTiling:
    """The tiles below one tile.

    Args:
        tile: The tile, with ``implicitTiling`` and templates for content.
        fetch: Gives the bytes of a file by its uri, None where it is not there.
        fail: Takes what is wrong.

    Raises:
        ValueError, KeyError, TypeError: the declaration itself does not fit.
    """

    def __init__(
        self,
        tile: Mapping[str, Any],
        fetch: Callable[[str], bytes | None],
        fail: Callable[[str], None],
    ) -> None:
        tiling = tile["implicitTiling"]
        self.branches = BRANCHES[tiling["subdivisionScheme"]]
        self.axes = int(math.log2(self.branches))
        self.depth = int(tiling["subtreeLevels"])
        given = tiling.get("availableLevels", tiling.get("maximumLevel", 0) + 1)
        self.levels = int(given)
        self.subtrees = str(tiling["subtrees"]["uri"])
        listed = tile.get("contents", [tile["content"]] if "content" in tile else [])
        self.templates = [str(one["uri"]) for one in listed]
        self.fetch, self.fail = fetch, fail
        if not 1 <= self.depth <= 16 or not 1 <= self.levels <= 64:
            raise ValueError(f"{self.levels} levels in subtrees of {self.depth} are not possible")
        wanted = {"level", *_AXES[: self.axes]}
        for template in (self.subtrees, *self.templates):
            missing = [w for w in wanted if f"{{{w}}}" not in template]
            if missing:
                raise ValueError(f"the template {template} lacks {{{missing[0]}}}")

    def tiles(self) -> Iterator[ImplicitTile]:
        """Every tile with content, subtree by subtree."""
        ahead: list[tuple[int, Cell]] = [(0, (0,) * self.axes)]
        while ahead:
            level, root = ahead.pop()
            uri = self._filled(self.subtrees, level, root)
            subtree = self._read(uri)
            if subtree is None:
                continue
            for fault in subtree.errors:
                self.fail(f"{uri}: {fault}")
            yield from self._within(uri, subtree, level, root)
            below = level + self.depth
            for number in np.flatnonzero(subtree.children).tolist():
                if below >= self.levels:
                    self.fail(f"{uri}: a subtree on level {below} of {self.levels} levels")
                    break
                ahead.append((below, self._cell(root, self.depth, number)))

    def _read(self, uri: str) -> Subtree | None:
        raw = self.fetch(uri)
        if raw is None:
            self.fail(f"the subtree {uri} is not there")
            return None
        try:
            return parse(raw, self.branches, self.depth, self.fetch)
        except (ValueError, KeyError, IndexError, TypeError, AttributeError) as error:
            self.fail(f"{uri}: no subtree: {type(error).__name__} {error}")
            return None

    def _within(self, uri: str, subtree: Subtree, level: int, root: Cell) -> Iterator[ImplicitTile]:
        if len(subtree.contents) > len(self.templates):
            self.fail(f"{uri}: {len(subtree.contents)} contents, {len(self.templates)} templates")
        used = subtree.contents[: len(self.templates)]
        first = 0
        for local in range(self.depth):
            last = nodes(self.branches, local + 1)
            there = np.zeros(last - first, dtype=bool)
            for content in used:
                there |= content[first:last]
            if level + local >= self.levels and subtree.tiles[first:last].any():
                self.fail(f"{uri}: tiles on level {level + local} of {self.levels} levels")
                return
            for number in np.flatnonzero(there).tolist():
                cell = self._cell(root, local, number)
                uris = tuple(
                    self._filled(template, level + local, cell)
                    for template, content in zip(self.templates, used, strict=False)
                    if content[first + number]
                )
                yield ImplicitTile(level + local, cell, uris, not subtree.described)
            first = last

    def _cell(self, root: Cell, local: int, morton: int) -> Cell:
        """The cell of a Morton index, ``local`` levels below a subtree's root."""
        return tuple(
            (root[axis] << local)
            + sum((morton >> (bit * self.axes + axis) & 1) << bit for bit in range(local))
            for axis in range(self.axes)
        )

    def _filled(self, template: str, level: int, cell: Cell) -> str:
        filled = template.replace("{level}", str(level))
        for axis, index in zip(_AXES, cell, strict=False):
            filled = filled.replace(f"{{{axis}}}", str(index))
        return filled
