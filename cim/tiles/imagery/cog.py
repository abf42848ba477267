"""A web-mercator COG, open: where each block lies, found without asking GDAL for every tile.

One read of the file's directories gives the places of all blocks, 24 bytes for each; a tile is then
one ``pread``. The object may be used by many threads: it holds a file handle that nobody moves.
"""

from __future__ import annotations

import math
import os
import zlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from itertools import pairwise
from pathlib import Path
from threading import Lock

import numpy as np
import numpy.typing as npt

from cim.errors import FormatError
from cim.tiles.imagery import directory
from cim.tiles.imagery.block import Pixels, Seen, carry_over_rim, decode, decode_mask, halve, whole
from cim.tiles.imagery.directory import Directory
from cim.tiles.imagery.grid import HALF, SIZE, zoom_resolution

MOST_OPEN = 32  # files; a new version of a layer is another file
_UNKNOWN, _PARTLY, _FULL = 0, 1, 2
_WHOLLY_SEEN = b"\xff" * (SIZE * SIZE // 8)


@dataclass(frozen=True, slots=True, kw_only=True)
class Level:
    """One resolution, its blocks on the grid of tiles.

    Args:
        zoom: Its zoom.
        left: x of the tile that block column 0 is.
        top: y of the tile that block row 0 is.
        columns: Blocks along.
        rows: Blocks down.
        tables: Common JPEG tables; none where blocks are WebP.
        offsets: Where each block begins, row by row; 0 where there is none.
        counts: Bytes of each block.
        mask_offsets: The same of the mask; None for a file without one.
        mask_counts: Bytes of each block's mask.
        fullness: What is known of each block: whether it is full of picture.
    """

    zoom: int
    left: int
    top: int
    columns: int
    rows: int
    tables: bytes
    offsets: npt.NDArray[np.integer]
    counts: npt.NDArray[np.integer]
    mask_offsets: npt.NDArray[np.integer] | None
    mask_counts: npt.NDArray[np.integer] | None
    fullness: npt.NDArray[np.uint8]


@dataclass(frozen=True, slots=True)
class Coarse:
    """A resolution below the file's own, kept decoded: it is small.

    Args:
        left: Of the picture's first column, in pixels of its zoom's whole grid.
        top: Of its first row.
        colours: (rows, columns, 3).
        seen: (rows, columns).
    """

    left: int
    top: int
    colours: Pixels
    seen: Seen


@dataclass(slots=True)
class Cog:
    """What serving a COG needs to know of it, and its handle.

    Args:
        path: The file.
        handle: Open for reading for as long as the object lives.
        levels: By zoom.
    """

    path: Path
    handle: int
    levels: dict[int, Level]
    _coarse: dict[int, Coarse] = field(default_factory=dict)
    _lock: Lock = field(default_factory=Lock)

    def __del__(self) -> None:
        os.close(self.handle)

    @property
    def maxzoom(self) -> int:
        """The zoom of full resolution."""
        return max(self.levels)

    @property
    def minzoom(self) -> int:
        """The coarsest zoom in the file."""
        return min(self.levels)

    @property
    def classed(self) -> bool:
        """Whether its blocks are kept lossless, for colours name classes: nothing is mixed."""
        return not self.levels[self.maxzoom].tables

    def copied(self, level: Level, x: int, y: int) -> bytes | None:
        """A tile as it stands in the file; None where it is absent or not full of picture."""
        index = _index(level, x, y)
        if index is None or not self._is_full(level, index):
            return None
        return whole(level.tables, self._read(level.offsets, level.counts, index))

    def block(self, level: Level, x: int, y: int) -> tuple[Pixels, Seen] | None:
        """A tile decoded; None where there is no picture."""
        index = _index(level, x, y)
        if index is None or not level.counts[index]:
            return None
        seen = self._mask(level, index)
        if not seen.any():
            return None
        return decode(level.tables, self._read(level.offsets, level.counts, index)), seen

    def window(self, zoom: int, left: int, top: int, width: int, height: int
               ) -> tuple[Pixels, Seen]:  # fmt: skip
        """Pixels of a zoom, clear where there is no picture.

        Args:
            zoom: At most the finest of the file.
            left: Of the window, in pixels of the zoom's whole grid; may lie beyond the picture.
            top: As left.
            width: Pixels.
            height: Pixels.

        Returns:
            (height, width, 3) and (height, width).
        """
        colours = np.zeros((height, width, 3), np.uint8)
        seen = np.zeros((height, width), bool)
        for x, y, picture, mask in self._pieces(zoom, left, top, width, height):
            _lay(colours, picture, x - left, y - top)
            _lay(seen, mask, x - left, y - top)
        return colours, seen

    def _pieces(self, zoom: int, left: int, top: int, width: int, height: int
                ) -> Iterator[tuple[int, int, Pixels, Seen]]:  # fmt: skip
        """What lies in a window, each piece with its first column and row."""
        level = self.levels.get(zoom)
        if level is None:
            coarse = self._below(zoom)
            yield coarse.left, coarse.top, coarse.colours, coarse.seen
            return
        first_x, first_y = max(left // SIZE, level.left), max(top // SIZE, level.top)
        last_x = min((left + width - 1) // SIZE, level.left + level.columns - 1)
        last_y = min((top + height - 1) // SIZE, level.top + level.rows - 1)
        for y in range(first_y, last_y + 1):
            for x in range(first_x, last_x + 1):
                found = self.block(level, x, y)
                if found is not None:
                    yield x * SIZE, y * SIZE, *found

    def extent(self, zoom: int) -> tuple[int, int, int, int]:
        """Left, top, right, bottom of the file's frame in pixels of a zoom's whole grid."""
        level = self.levels[self.maxzoom]
        box = (level.left, level.top, level.left + level.columns, level.top + level.rows)
        scale = SIZE * 2.0 ** (zoom - level.zoom)
        left, top, right, bottom = (side * scale for side in box)
        return math.floor(left), math.floor(top), math.ceil(right), math.ceil(bottom)

    def _below(self, zoom: int) -> Coarse:
        """A resolution below the file's own, halved from the one above it and kept."""
        with self._lock:
            if zoom not in self._coarse:
                start = min(self._coarse, default=self.minzoom)
                for below in range(start - 1, zoom - 1, -1):
                    self._coarse[below] = self._halved(below + 1)
            return self._coarse[zoom]

    def _halved(self, zoom: int) -> Coarse:
        if zoom in self._coarse:
            above = self._coarse[zoom]
            left, top = above.left // 2 * 2, above.top // 2 * 2
            bottom, right = above.seen.shape
            width = -(-(above.left + right - left) // 2) * 2
            height = -(-(above.top + bottom - top) // 2) * 2
            colours = np.zeros((height, width, 3), np.uint8)
            seen = np.zeros((height, width), bool)
            _lay(colours, above.colours, above.left - left, above.top - top)
            _lay(seen, above.seen, above.left - left, above.top - top)
        else:
            left, top, end_x, end_y = self.extent(zoom)
            colours, seen = self.window(zoom, left, top, end_x - left, end_y - top)
        if seen.any():
            carry_over_rim(colours, seen, 2)
        return Coarse(left // 2, top // 2, *halve(colours, seen, classed=self.classed))

    def _read(
        self, offsets: npt.NDArray[np.integer], counts: npt.NDArray[np.integer], index: int
    ) -> bytes:
        size = int(counts[index])
        found = os.pread(self.handle, size, int(offsets[index]))
        if len(found) != size:
            raise FormatError("it is cut short: a block lies beyond its end", path=self.path)
        return found

    def _is_full(self, level: Level, index: int) -> bool:
        """Whether a block is full of picture; looked at once, remembered for ever.

        Threads may look at once and write the same answer.
        """
        known = level.fullness[index]
        if known == _UNKNOWN:
            known = _FULL if self._looks_full(level, index) else _PARTLY
            level.fullness[index] = known
        return bool(known == _FULL)

    def _looks_full(self, level: Level, index: int) -> bool:
        if not level.counts[index]:
            return False
        if level.mask_offsets is None or level.mask_counts is None:
            return True
        if not level.mask_counts[index]:
            return False
        stored = self._read(level.mask_offsets, level.mask_counts, index)
        try:
            return zlib.decompress(stored) == _WHOLLY_SEEN
        except zlib.error:
            return False

    def _mask(self, level: Level, index: int) -> Seen:
        if level.mask_offsets is None or level.mask_counts is None:
            return np.ones((SIZE, SIZE), bool)
        if not level.mask_counts[index]:
            return np.zeros((SIZE, SIZE), bool)
        return decode_mask(self._read(level.mask_offsets, level.mask_counts, index))


def _index(level: Level, x: int, y: int) -> int | None:
    column, row = x - level.left, y - level.top
    if 0 <= column < level.columns and 0 <= row < level.rows:
        return row * level.columns + column
    return None


def _lay(canvas: npt.NDArray[np.generic], piece: npt.NDArray[np.generic], x: int, y: int) -> None:
    """Lay a piece onto a canvas where they meet; its first pixel at x, y of the canvas."""
    height, width = canvas.shape[:2]
    rows, columns = piece.shape[:2]
    top, bottom = max(0, y), min(height, y + rows)
    left, right = max(0, x), min(width, x + columns)
    if top < bottom and left < right:
        canvas[top:bottom, left:right] = piece[top - y : bottom - y, left - x : right - x]


def opened(path: Path) -> Cog:
    """A COG, kept open; a file that was replaced under its name is opened anew.

    Raises:
        FormatError: it is no COG whose blocks are tiles.
        FileNotFoundError: there is none.
    """
    told = path.stat()
    return _opened(path, (told.st_ino, told.st_mtime_ns, told.st_size))


@lru_cache(maxsize=MOST_OPEN)
def _opened(path: Path, state: tuple[int, int, int]) -> Cog:
    del state  # it only tells one file under a name from the next
    handle = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        levels = _levels(directory.read(handle))
    except FormatError as error:
        os.close(handle)
        raise FormatError(error.reason, path=path) from error
    except BaseException:
        os.close(handle)
        raise
    return Cog(path, handle, levels)


def _levels(directories: Sequence[Directory]) -> dict[int, Level]:
    pictures = [d for d in directories if not d.one(directory.SUBFILE) & directory.MASK]
    masks = {
        (d.one(directory.WIDTH), d.one(directory.HEIGHT)): d
        for d in directories
        if d.one(directory.SUBFILE) & directory.MASK
    }
    if not pictures:
        raise FormatError("it holds no picture")
    first = pictures[0]
    scale, tie = first.values.get(directory.PIXEL_SCALE), first.values.get(directory.TIE_POINT)
    if scale is None or tie is None or len(tie) < 6:
        raise FormatError("it does not say where it lies")
    x, y, resolution = float(tie[3]), float(tie[4]), float(scale[0])
    maxzoom = round(math.log2(zoom_resolution(0) / resolution))
    found: dict[int, Level] = {}
    for index, picture in enumerate(pictures):
        mask = masks.get((picture.one(directory.WIDTH), picture.one(directory.HEIGHT)))
        level = _level(picture, mask, maxzoom - index, (x, y))
        if level is None:
            break  # coarser ones are halved from what there is
        found[level.zoom] = level
    if maxzoom not in found or any(a - b != 1 for a, b in pairwise(sorted(found)[::-1])):
        raise FormatError("its blocks are not the tiles of the web-mercator grid")
    return found


def _level(
    picture: Directory, mask: Directory | None, zoom: int, origin: tuple[float, float]
) -> Level | None:
    side = zoom_resolution(zoom) * SIZE
    left, top = (origin[0] + HALF) / side, (HALF - origin[1]) / side
    width, height = picture.one(directory.WIDTH), picture.one(directory.HEIGHT)
    stored = picture.values.get(directory.TABLES)
    if picture.one(directory.COMPRESSION) == directory.WEBP:
        stored = np.zeros(0, np.uint8)
    plain = (
        picture.one(directory.TILE_WIDTH) == picture.one(directory.TILE_HEIGHT) == SIZE
        and picture.one(directory.COMPRESSION) in {directory.JPEG, directory.WEBP}
        and picture.one(directory.SAMPLES) == 3
    )
    aligned = abs(left - round(left)) < 1e-6 and abs(top - round(top)) < 1e-6
    if not plain or not aligned or stored is None:
        return None
    columns, rows = -(-width // SIZE), -(-height // SIZE)
    places = _places(picture, columns * rows)
    mask_places = None if mask is None else _places(mask, columns * rows)
    return Level(
        zoom=zoom, left=round(left), top=round(top), columns=columns, rows=rows,
        tables=stored.tobytes(), offsets=places[0], counts=places[1],
        mask_offsets=None if mask_places is None else mask_places[0],
        mask_counts=None if mask_places is None else mask_places[1],
        fullness=np.full(columns * rows, _UNKNOWN, np.uint8),
    )  # fmt: skip


def _places(
    picture: Directory, blocks: int
) -> tuple[npt.NDArray[np.integer], npt.NDArray[np.integer]]:
    offsets = picture.values.get(directory.OFFSETS)
    counts = picture.values.get(directory.COUNTS)
    if offsets is None or counts is None or len(offsets) != blocks or len(counts) != blocks:
        raise FormatError("it does not say where its blocks lie")
    return offsets, counts
