"""Finished squares become one COG: directories first, then the blocks as they are, coarsest first.

No block is decoded or encoded again, so joining costs what copying costs. Blocks without picture
take no room. Format: BigTIFF; JPEG blocks in YCbCr with common tables, or lossless WebP in RGB
where colours name classes; a mask of one bit for each level; overviews that lie on the grid because
the frame begins at a multiple of the coarsest block.
"""

from __future__ import annotations

import math
import os
import struct
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import BinaryIO

import numpy as np
import numpy.typing as npt
from PIL import Image

from cim.errors import StorageError
from cim.tiles.imagery import directory, pack
from cim.tiles.imagery.block import (
    Coding,
    Pixels,
    Seen,
    carry_over_rim,
    encode,
    encode_mask,
    halve,
    tables,
)
from cim.tiles.imagery.grid import HALF, SIZE, zoom_resolution
from cim.tiles.imagery.pack import DEPTH, FRAME, Pack, framed

COARSEST = 1024  # pixels: the last overview is no wider
_GHOST = (  # GDAL's words for how a COG is laid out; a reader of ranges relies on them
    b"LAYOUT=IFDS_BEFORE_DATA\nBLOCK_ORDER=ROW_MAJOR\nBLOCK_LEADER=SIZE_AS_UINT4\n"
    b"BLOCK_TRAILER=LAST_4_BYTES_REPEATED\nKNOWN_INCOMPATIBLE_EDITION=NO\n "
    b"MASK_INTERLEAVED_WITH_IMAGERY=YES\n"
)
_HEADER = 16
_SHORT, _LONG, _RATIONAL, _UNDEFINED, _DOUBLE, _LONG8 = 3, 4, 5, 7, 12, 16
_FORMS = {_SHORT: "H", _LONG: "I", _RATIONAL: "I", _UNDEFINED: "B", _DOUBLE: "d", _LONG8: "Q"}
Table = npt.NDArray[np.uint64]


@dataclass(slots=True)
class _Level:
    """Places of a level's blocks, row by row, and what of them is not in a square's file."""

    above: int
    left: int
    top: int
    columns: int
    rows: int
    own: dict[tuple[int, int], tuple[bytes, bytes]] = field(default_factory=dict)
    offsets: Table = field(init=False)
    counts: Table = field(init=False)
    mask_offsets: Table = field(init=False)
    mask_counts: Table = field(init=False)

    def __post_init__(self) -> None:
        blocks = self.columns * self.rows
        self.offsets, self.counts = np.zeros(blocks, np.uint64), np.zeros(blocks, np.uint64)
        self.mask_offsets, self.mask_counts = self.offsets.copy(), self.counts.copy()


def join(packs: Sequence[Pack], zoom: int, coding: Coding, target: Path) -> int:
    """Write the COG, whole or not at all.

    Args:
        packs: Squares at the zoom; at least one with a block.
        zoom: Of full resolution.
        coding: That the squares were encoded with.
        target: The file.

    Returns:
        How many overviews it has.
    """
    wanted = [p for p in packs if len(p.records)]
    levels = _frame(wanted)
    _draw_coarse(wanted, levels, coding)
    heads = _Heads(levels, zoom, tables(coding))
    at = heads.size
    for level in reversed(levels):
        at = _place(level, wanted, at)
    part = target.with_name(f".{target.name}.part")
    with part.open("wb") as file:
        file.write(heads.written())
        for level in reversed(levels):
            _copy(level, wanted, file)
    part.replace(target)
    return len(levels) - 1


def _frame(packs: Sequence[Pack]) -> list[_Level]:
    """All levels, the finest first, empty yet."""
    left, top = min(p.x for p in packs), min(p.y for p in packs)
    right, bottom = max(p.x for p in packs) + 1, max(p.y for p in packs) + 1
    widest = max(right - left, bottom - top) * pack.SIDE
    count = max(DEPTH, math.ceil(math.log2(widest / COARSEST)))
    step = 2 ** (count - DEPTH)  # squares under a block of the coarsest level
    left, top = left // step * step, top // step * step
    columns, rows = -(-(right - left) // step) * step, -(-(bottom - top) // step) * step
    found = []
    for above in range(count + 1):
        scale = 2.0 ** (DEPTH - above)
        wide, high = int(columns * scale), int(rows * scale)
        found.append(_Level(above, int(left * scale), int(top * scale), wide, high))
    return found


def _draw_coarse(packs: Sequence[Pack], levels: Sequence[_Level], coding: Coding) -> None:
    """The levels above the squares' own, each block from four of the level below."""
    below: dict[tuple[int, int], tuple[Pixels, Seen]] = {}
    if len(levels) > DEPTH + 1:
        for square in packs:
            found = pack.top(square, coding)
            if found is not None:
                below[square.x, square.y] = found
    for level in levels[DEPTH + 1 :]:
        here: dict[tuple[int, int], tuple[Pixels, Seen]] = {}
        for x, y in sorted({(x // 2, y // 2) for x, y in below}):
            colours, seen = _quarters(below, x, y, classed=coding.classed)
            here[x, y] = (colours, seen)
            scan = encode(Image.fromarray(colours), coding)
            level.own[y - level.top, x - level.left] = (scan, encode_mask(seen))
        below = here


def _quarters(
    below: dict[tuple[int, int], tuple[Pixels, Seen]], x: int, y: int, *, classed: bool
) -> tuple[Pixels, Seen]:
    colours = np.zeros((2 * SIZE, 2 * SIZE, 3), np.uint8)
    seen = np.zeros((2 * SIZE, 2 * SIZE), bool)
    for dy in (0, 1):
        for dx in (0, 1):
            found = below.get((2 * x + dx, 2 * y + dy))
            if found is not None:
                inner = (slice(dy * SIZE, (dy + 1) * SIZE), slice(dx * SIZE, (dx + 1) * SIZE))
                colours[inner], seen[inner] = found
    carry_over_rim(colours, seen, pack.RIM)
    small, mask = halve(colours, seen, classed=classed)
    small = np.array(small)
    carry_over_rim(small, mask, pack.RIM)
    return small, mask


def _place(level: _Level, packs: Sequence[Pack], at: int) -> int:
    """Give each block of a level its place in the file, row by row from ``at`` on; its end."""
    if level.above > DEPTH:
        rows, columns = (np.array(n, np.int64) for n in zip(*sorted(level.own), strict=True))
        parts = [level.own[place] for place in sorted(level.own)]
        sizes = np.array([len(scan) for scan, _ in parts], np.int64)
        masks = np.array([len(mask) for _, mask in parts], np.int64)
    else:
        scale = 2 ** (DEPTH - level.above)
        found = [(p, p.records[p.records["above"] == level.above]) for p in packs]
        rows = np.concatenate([p.y * scale - level.top + r["row"].astype(np.int64)
                               for p, r in found])  # fmt: skip
        columns = np.concatenate([p.x * scale - level.left + r["column"].astype(np.int64)
                                  for p, r in found])  # fmt: skip
        sizes = np.concatenate([r["size"].astype(np.int64) for _, r in found])
        masks = np.concatenate([r["mask"].astype(np.int64) for _, r in found])
    index = rows * level.columns + columns
    order = np.argsort(index, kind="stable")
    index, sizes, masks = index[order], sizes[order], masks[order]
    ends = at + np.cumsum(sizes + masks + 2 * FRAME)
    begins = ends - sizes - masks - 2 * FRAME
    level.offsets[index], level.counts[index] = begins + 4, sizes
    level.mask_offsets[index], level.mask_counts[index] = begins + sizes + FRAME + 4, masks
    return int(ends[-1])


def _copy(level: _Level, packs: Sequence[Pack], file: BinaryIO) -> None:
    """Append a level's blocks row by row: a square's row lies together in its file."""
    if level.above > DEPTH:
        file.writelines(framed(*level.own[place]) for place in sorted(level.own))
        return
    file.flush()
    for band in sorted({p.y for p in packs}):
        with ExitStack() as stack:
            beside = [
                (p, stack.enter_context(p.path.open("rb")), _runs(p, level.above))
                for p in sorted(packs, key=lambda p: p.x) if p.y == band
            ]  # fmt: skip
            for row in range(2 ** (DEPTH - level.above)):
                for square, source, runs in beside:
                    begin, length = runs[row]
                    _send(file, source, square.first + begin, length)
    file.seek(0, os.SEEK_END)


def _runs(square: Pack, above: int) -> list[tuple[int, int]]:
    """Begin and length of each row of a level among a square's blocks."""
    lengths, records = square.lengths, square.records
    ends = np.cumsum(lengths)
    found = []
    for row in range(2 ** (DEPTH - above)):
        (chosen,) = np.nonzero((records["above"] == above) & (records["row"] == row))
        if len(chosen) == 0:
            found.append((0, 0))
            continue
        begin = int(ends[chosen[0]] - lengths[chosen[0]])
        found.append((begin, int(ends[chosen[-1]]) - begin))
    return found


def _send(file: BinaryIO, source: BinaryIO, begin: int, length: int) -> None:
    while length:
        sent = os.sendfile(file.fileno(), source.fileno(), begin, length)
        if sent == 0:
            raise StorageError(
                "a finished square is shorter than it was", path=source.name,
                remedy="start it again with --force",
            )  # fmt: skip
        begin, length = begin + sent, length - sent


@dataclass(frozen=True, slots=True)
class _Entry:
    tag: int
    kind: int
    values: bytes
    count: int


def _entry(tag: int, kind: int, *values: float) -> _Entry:
    count = len(values) // 2 if kind == _RATIONAL else len(values)
    return _Entry(tag, kind, struct.pack(f"<{len(values)}{_FORMS[kind]}", *values), count)


class _Heads:
    """Header and directories; their size is known before the places of the blocks are.

    Args:
        levels: The finest first.
        zoom: Of the finest.
        shared: JPEG tables; none where blocks are WebP.
    """

    def __init__(self, levels: Sequence[_Level], zoom: int, shared: bytes) -> None:
        self._levels = levels
        self._zoom = zoom
        self._shared = shared
        begins = f"GDAL_STRUCTURAL_METADATA_SIZE={len(_GHOST):06d} bytes\n".encode() + _GHOST
        self._ghost = begins + b"\0" * (-len(begins) % 8)
        self.size = len(self.written())

    def written(self) -> bytes:
        """All of it, with the places of the blocks as they stand in the levels now."""
        first = _HEADER + len(self._ghost)
        out = [b"II+\0" + struct.pack("<HHQ", 8, 0, first), self._ghost]
        at = first
        directories = [d for level in self._levels for d in (self._picture(level), _mask(level))]
        for number, entries in enumerate(directories):
            last = number == len(directories) - 1
            block = _directory(sorted(entries, key=lambda e: e.tag), at, last=last)
            out.append(block)
            at += len(block)
        return b"".join(out)

    def _picture(self, level: _Level) -> list[_Entry]:
        entries = [
            *_common(level, 0, level.offsets, level.counts),
            _entry(258, _SHORT, 8, 8, 8),
            _entry(directory.SAMPLES, _SHORT, 3),
            *(_jpeg(self._shared) if self._shared else _webp()),
        ]
        return entries if level.above else entries + self._georeference(level)

    def _georeference(self, level: _Level) -> list[_Entry]:
        size = zoom_resolution(self._zoom)
        west, north = level.left * SIZE * size - HALF, HALF - level.top * SIZE * size
        keys = (1, 1, 0, 4, 1024, 0, 1, 1, 1025, 0, 1, 1, 3072, 0, 1, 3857, 3076, 0, 1, 9001)
        return [
            _entry(directory.PIXEL_SCALE, _DOUBLE, size, size, 0.0),
            _entry(directory.TIE_POINT, _DOUBLE, 0.0, 0.0, 0.0, west, north, 0.0),
            _entry(34735, _SHORT, *keys),
        ]


def _jpeg(shared: bytes) -> list[_Entry]:
    return [
        _entry(directory.COMPRESSION, _SHORT, directory.JPEG),
        _entry(directory.PHOTOMETRIC, _SHORT, directory.YCBCR),
        _entry(directory.TABLES, _UNDEFINED, *shared),
        _entry(530, _SHORT, 2, 2),
        _entry(532, _RATIONAL, 0, 1, 255, 1, 128, 1, 255, 1, 128, 1, 255, 1),
    ]


def _webp() -> list[_Entry]:
    return [
        _entry(directory.COMPRESSION, _SHORT, directory.WEBP),
        _entry(directory.PHOTOMETRIC, _SHORT, directory.RGB),
    ]


def _mask(level: _Level) -> list[_Entry]:
    return [
        *_common(level, directory.MASK, level.mask_offsets, level.mask_counts),
        _entry(258, _SHORT, 1),
        _entry(directory.COMPRESSION, _SHORT, directory.DEFLATE),
        _entry(directory.PHOTOMETRIC, _SHORT, 4),
        _entry(directory.SAMPLES, _SHORT, 1),
    ]


def _common(level: _Level, kind: int, offsets: Table, counts: Table) -> list[_Entry]:
    reduced = directory.REDUCED if level.above else 0
    return [
        _entry(directory.SUBFILE, _LONG, kind | reduced),
        _entry(directory.WIDTH, _LONG, level.columns * SIZE),
        _entry(directory.HEIGHT, _LONG, level.rows * SIZE),
        _entry(284, _SHORT, 1),
        _entry(directory.TILE_WIDTH, _SHORT, SIZE),
        _entry(directory.TILE_HEIGHT, _SHORT, SIZE),
        _Entry(directory.OFFSETS, _LONG8, offsets.astype("<u8").tobytes(), len(offsets)),
        _Entry(directory.COUNTS, _LONG, counts.astype("<u4").tobytes(), len(counts)),
    ]


def _directory(entries: Sequence[_Entry], at: int, *, last: bool) -> bytes:
    """One directory of a BigTIFF with what its entries are too short for, at its place."""
    free = at + 8 + 20 * len(entries) + 8
    rows, far = [], []
    for entry in entries:
        head = struct.pack("<HHQ", entry.tag, entry.kind, entry.count)
        if len(entry.values) <= 8:
            rows.append(head + entry.values.ljust(8, b"\0"))
            continue
        rows.append(head + free.to_bytes(8, "little"))
        padded = entry.values + b"\0" * (-len(entry.values) % 8)
        far.append(padded)
        free += len(padded)
    link = 0 if last else free
    return b"".join([struct.pack("<Q", len(entries)), *rows, struct.pack("<Q", link), *far])
