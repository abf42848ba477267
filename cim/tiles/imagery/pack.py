"""A square of the grid, finished: its blocks and the blocks of the next coarser levels.

One file for each square, so that squares are built apart, by many workers, and one that has not
changed serves the next version as it is. Layout: ``CIMPACK1``, the number of blocks (u4), their
records, then the blocks in the same order, each followed by its mask, both as a COG wants them: the
length before (u4), the last four bytes once more behind.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
from PIL import Image

from cim.errors import FormatError
from cim.store.files import write_atomic
from cim.tiles.imagery.block import (
    Coding,
    Pixels,
    Seen,
    carry_over_rim,
    decode,
    decode_mask,
    encode,
    encode_mask,
    halve,
    tables,
)
from cim.tiles.imagery.grid import SIZE

DEPTH = 4  # levels below the finest; the coarsest is one block
SIDE = SIZE << DEPTH  # pixels along a square at the finest level
RIM = 64  # pixels that colours are carried beyond the rim
RECORD = np.dtype(
    [("above", "u1"), ("row", "u1"), ("column", "u1"), ("size", "<u4"), ("mask", "<u4")]
)  # fmt: skip
_MAGIC = b"CIMPACK1"
FRAME = 8  # bytes around a block, and around a mask
Records = npt.NDArray[np.void]


@dataclass(frozen=True, slots=True)
class Pack:
    """The records of a square's blocks.

    Args:
        path: The file.
        x: Column of the square among squares of its zoom.
        y: Row.
        records: ``above``: how many levels above the finest; ``row``, ``column`` within the square
            at that level; bytes of block and mask. Finest level first, row by row.
        first: Where the first block begins.
    """

    path: Path
    x: int
    y: int
    records: Records
    first: int

    @property
    def lengths(self) -> npt.NDArray[np.int64]:
        """Bytes of each block with its mask, framed."""
        both = self.records["size"].astype(np.int64) + self.records["mask"]
        return np.asarray(both + 2 * FRAME)


def framed(scan: bytes, mask: bytes) -> bytes:
    """A block and its mask as they stand in the COG."""
    return b"".join(
        len(part).to_bytes(4, "little") + part + part[-4:] for part in (scan, mask)
    )  # fmt: skip


def write(path: Path, colours: Pixels, seen: Seen, coding: Coding) -> None:
    """Cut a square into blocks, halve it, and so on.

    Args:
        path: The file.
        colours: (4096, 4096, 3); it is changed beyond the rim.
        seen: (4096, 4096).
        coding: Of the blocks.
    """
    records: list[tuple[int, int, int, int, int]] = []
    chunks: list[bytes] = []
    for above in range(DEPTH + 1):
        if not seen.any():
            break
        if above:
            colours, seen = halve(colours, seen, classed=coding.classed)
            colours = np.array(colours)
        carry_over_rim(colours, seen, RIM)
        sheet = Image.fromarray(colours)
        count = len(seen) // SIZE
        for row in range(count):
            for column in range(count):
                top, left = row * SIZE, column * SIZE
                mask = seen[top : top + SIZE, left : left + SIZE]
                if not mask.any():
                    continue
                scan = encode(sheet.crop((left, top, left + SIZE, top + SIZE)), coding)
                stored = encode_mask(mask)
                chunks.append(framed(scan, stored))
                records.append((above, row, column, len(scan), len(stored)))
    head = _MAGIC + len(records).to_bytes(4, "little") + np.array(records, RECORD).tobytes()
    write_atomic(path, head + b"".join(chunks))


def read(path: Path, x: int, y: int) -> Pack:
    """The records of a square.

    Raises:
        FormatError: it is no such file, or cut short.
    """
    with path.open("rb") as file:
        head = file.read(len(_MAGIC) + 4)
        count = int.from_bytes(head[len(_MAGIC) :], "little")
        stored = file.read(count * RECORD.itemsize)
    first = len(head) + len(stored)
    records = np.frombuffer(stored, RECORD) if len(stored) == count * RECORD.itemsize else None
    if head[: len(_MAGIC)] != _MAGIC or records is None:
        raise FormatError("it is no finished square", path=path)
    found = Pack(path, x, y, records, first)
    if first + int(found.lengths.sum()) != path.stat().st_size:
        raise FormatError("it is cut short", path=path)
    return found


def top(pack: Pack, coding: Coding) -> tuple[Pixels, Seen] | None:
    """The one block of a square's coarsest level, decoded; None where it has none."""
    found = pack.records[pack.records["above"] == DEPTH]
    if len(found) == 0:
        return None
    record = found[0]
    size, mask = int(record["size"]), int(record["mask"])
    with pack.path.open("rb") as file:
        file.seek(pack.first + int(pack.lengths[:-1].sum()))
        stored = file.read(size + mask + 2 * FRAME)
    scan, bits = stored[4 : 4 + size], stored[4 + size + FRAME :][:mask]
    return decode(tables(coding), scan), decode_mask(bits)
