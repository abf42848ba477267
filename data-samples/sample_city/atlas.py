"""Packs pictures into one texture."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

Bytes = npt.NDArray[np.uint8]
Floats = npt.NDArray[np.float64]

GUTTER = 2  # pixels that repeat a picture's rim, so that filtering never shows its neighbour


@dataclass
class Atlas:
    """Pictures on shelves.

    Args:
        width: Of the texture, pixels; more where a picture is wider.
    """

    width: int
    pictures: list[Bytes] = field(default_factory=list)

    def add(self, picture: Bytes) -> int:
        """Add a picture (rows, columns, 3); its number."""
        self.pictures.append(picture)
        return len(self.pictures) - 1

    def pack(self) -> tuple[Bytes, Floats]:
        """Place all pictures.

        Returns:
            The texture, and for each picture its left, upper, width and height in pixels.
        """
        order = sorted(range(len(self.pictures)), key=lambda n: (-self.pictures[n].shape[0], n))
        self.width = max([self.width, *(p.shape[1] + 2 * GUTTER for p in self.pictures)])
        spots = np.zeros((len(self.pictures), 4))
        skyline = np.zeros(self.width, dtype=np.int64)
        for number in order:
            rows, columns = (n + 2 * GUTTER for n in self.pictures[number].shape[:2])
            x, y = _lowest(skyline, columns)
            skyline[x : x + columns] = y + rows
            spots[number] = (x + GUTTER, y + GUTTER, columns - 2 * GUTTER, rows - 2 * GUTTER)
        rows = -(-int(skyline.max()) // 8) * 8
        sheet = np.full((rows, -(-self.width // 8) * 8, 3), 128, dtype=np.uint8)
        for number, picture in enumerate(self.pictures):
            x, y = int(spots[number, 0]) - GUTTER, int(spots[number, 1]) - GUTTER
            framed = np.pad(picture, ((GUTTER, GUTTER), (GUTTER, GUTTER), (0, 0)), mode="edge")
            sheet[y : y + framed.shape[0], x : x + framed.shape[1]] = framed
        return sheet, spots


def _lowest(skyline: npt.NDArray[np.int64], columns: int) -> tuple[int, int]:
    """Where a picture so wide lies lowest: its left edge and its upper one."""
    spans = np.lib.stride_tricks.sliding_window_view(skyline, columns).max(axis=1)
    x = int(spans.argmin())
    return x, int(spans[x])
