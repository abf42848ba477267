"""Halves elevation models by means of what is known, and closes their gaps from the surroundings.

Cells are counted on a lattice that does not depend on where a model begins: a cell of the halved
lattice is always the same four of the finer one, so that a model that grows at one end stays what
it was at the other.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from numba import njit

Cells = npt.NDArray[np.float32]
Floats = npt.NDArray[np.float64]
Flags = npt.NDArray[np.bool_]


@njit(cache=True, nogil=True)  # type: ignore[untyped-decorator]
def halve(fine: Cells, row0: int, column0: int, coarse: Cells) -> None:
    """Means of the known ones of four cells; NaN where none is known.

    Args:
        fine: (rows, columns), NaN where unknown.
        row0: Lattice row of its first one.
        column0: Lattice column of its first one.
        coarse: Is filled; its first cell is (row0 // 2, column0 // 2).
    """
    rows, columns = fine.shape
    for i in range(coarse.shape[0]):
        for j in range(coarse.shape[1]):
            total, count = 0.0, 0
            for k in range(2):
                r = 2 * (row0 // 2 + i) + k - row0
                if 0 <= r < rows:
                    for m in range(2):
                        c = 2 * (column0 // 2 + j) + m - column0
                        if 0 <= c < columns and not np.isnan(fine[r, c]):
                            total += fine[r, c]
                            count += 1
            coarse[i, j] = total / count if count else np.nan


@njit(cache=True, nogil=True)  # type: ignore[untyped-decorator]
def close(
    known: Cells,
    row0: int,
    column0: int,
    coarse: Cells,
    coarse_row0: int,
    coarse_column0: int,
    filled: Cells,
) -> None:
    """Copy what is known, and take the rest, bilinear, from the halved model without gaps.

    Args:
        known: (rows, columns), NaN where unknown.
        row0: Lattice row of its first one.
        column0: Lattice column of its first one.
        coarse: The halved model, without gaps.
        coarse_row0: Lattice row of its first one.
        coarse_column0: Lattice column of its first one.
        filled: Is filled; may be ``known`` itself.
    """
    last_row, last_column = coarse.shape[0] - 1, coarse.shape[1] - 1
    for i in range(known.shape[0]):
        r = (row0 + i + 0.5) / 2 - 0.5 - coarse_row0
        r = min(max(r, 0.0), float(last_row))
        top = int(r)
        below, fr = min(top + 1, last_row), r - top
        for j in range(known.shape[1]):
            if not np.isnan(known[i, j]):
                filled[i, j] = known[i, j]
                continue
            c = (column0 + j + 0.5) / 2 - 0.5 - coarse_column0
            c = min(max(c, 0.0), float(last_column))
            left = int(c)
            right, fc = min(left + 1, last_column), c - left
            upper = coarse[top, left] * (1 - fc) + coarse[top, right] * fc
            lower = coarse[below, left] * (1 - fc) + coarse[below, right] * fc
            filled[i, j] = upper * (1 - fr) + lower * fr


@njit(cache=True, nogil=True)  # type: ignore[untyped-decorator]
def survey(
    known: Cells,
    filled: Cells,
    row0: int,
    column0: int,
    side: int,
    digests: npt.NDArray[np.uint64],
    counts: npt.NDArray[np.int32],
    lows: Cells,
    highs: Cells,
) -> None:
    """Sum up blocks of ``side`` by ``side`` cells of the lattice.

    A block's digest (FNV-1a over 32-bit words) does not depend on where the model begins: cells
    beyond it count as unknown ones.

    Args:
        known: (rows, columns), NaN where unknown.
        filled: The same without gaps.
        row0: Lattice row of the first cell.
        column0: Lattice column of the first cell.
        side: Cells along a block.
        digests: (block rows, block columns) 64 bits each; block 0 is that of the first cell.
        counts: Known cells.
        lows: Lowest height without gaps.
        highs: Highest height without gaps.
    """
    rows, columns = known.shape
    words, more = known.view(np.uint32), filled.view(np.uint32)
    prime = np.uint64(1099511628211)
    for block_row in range(digests.shape[0]):
        top = (row0 // side + block_row) * side - row0
        for block_column in range(digests.shape[1]):
            left = (column0 // side + block_column) * side - column0
            digest, count = np.uint64(14695981039346656037), 0
            low, high = np.float32(np.inf), np.float32(-np.inf)
            for r in range(top, top + side):
                for c in range(left, left + side):
                    word = np.uint64(0x7FC00000)
                    if 0 <= r < rows and 0 <= c < columns:
                        height = filled[r, c]
                        low, high = min(low, height), max(high, height)
                        if np.isnan(known[r, c]):
                            digest = (digest ^ np.uint64(more[r, c])) * prime
                        else:
                            count += 1
                            word = np.uint64(words[r, c])
                    digest = (digest ^ word) * prime
            digests[block_row, block_column] = digest
            counts[block_row, block_column] = count
            lows[block_row, block_column] = low
            highs[block_row, block_column] = high


@njit(cache=True, nogil=True)  # type: ignore[untyped-decorator]
def lay(
    known: Cells, row0: int, column0: int, row: Floats, column: Floats, heights: Floats
) -> None:
    """Give posts without height that of a model, bilinear between cell centres.

    Half a cell beyond its outer centres the model still counts; beside an unknown cell not.

    Args:
        known: (rows, columns), NaN where unknown.
        row0: Lattice row of its first one.
        column0: Lattice column of its first one.
        row: Rows of the posts on the lattice, whole at centres of cells.
        column: Columns of the posts.
        heights: Of the posts; NaN is replaced where the model knows better.
    """
    rows, columns = known.shape
    for i in range(heights.shape[0]):
        for j in range(heights.shape[1]):
            r, c = row[i, j] - row0, column[i, j] - column0
            if not np.isnan(heights[i, j]) or not (
                -0.5 <= r <= rows - 0.5 and -0.5 <= c <= columns - 0.5
            ):
                continue
            heights[i, j] = _bilinear(known, r, c)


@njit(cache=True, nogil=True)  # type: ignore[untyped-decorator]
def lay_nearest(
    filled: Cells,
    row0: int,
    column0: int,
    row: Floats,
    column: Floats,
    metres: float,
    unknown: Flags,
    distance: Floats,
    heights: Floats,
) -> None:
    """Give unknown posts the height of the nearest model without gaps; its rim goes on for ever.

    Args:
        filled: (rows, columns) of one model.
        row0: Lattice row of its first one.
        column0: Lattice column of its first one.
        row: Rows of the posts on the lattice, whole at centres of cells.
        column: Columns of the posts.
        metres: Side of a cell, m.
        unknown: Which posts are meant.
        distance: To the model that gave the height so far, m; a nearer one replaces it.
        heights: Of the posts.
    """
    rows, columns = filled.shape
    for i in range(heights.shape[0]):
        for j in range(heights.shape[1]):
            if not unknown[i, j]:
                continue
            r, c = row[i, j] - row0, column[i, j] - column0
            if not (np.isfinite(r) and np.isfinite(c)):
                continue
            dr = max(-0.5 - r, r - rows + 0.5, 0.0)
            dc = max(-0.5 - c, c - columns + 0.5, 0.0)
            away = np.hypot(dr, dc) * metres
            if away < distance[i, j]:
                distance[i, j] = away
                heights[i, j] = _bilinear(filled, r, c)


@njit(cache=True, nogil=True)  # type: ignore[untyped-decorator]
def _bilinear(cells: Cells, r: float, c: float) -> float:
    rows, columns = cells.shape
    r, c = min(max(r, 0.0), rows - 1.0), min(max(c, 0.0), columns - 1.0)
    top, left = int(r), int(c)
    fr, fc = r - top, c - left
    below = top + 1 if fr > 0 else top
    right = left + 1 if fc > 0 else left
    upper = cells[top, left] * (1 - fc) + cells[top, right] * fc
    lower = cells[below, left] * (1 - fc) + cells[below, right] * fc
    return float(upper * (1 - fr) + lower * fr)


@njit(cache=True, nogil=True)  # type: ignore[untyped-decorator]
def between(
    nodes: Floats,
    first_row: int,
    first_column: int,
    post_row: int,
    post_column: int,
    every: int,
    values: Floats,
) -> None:
    """Bilinear values of posts between nodes that stand at every so many posts.

    What a post gets depends on its own number and its four nodes only; one on a line of nodes
    depends on that line only.

    Args:
        nodes: (rows, columns) values at nodes.
        first_row: Number of the first row of nodes: it stands at post ``first_row * every``.
        first_column: Number of the first column of nodes.
        post_row: Number of the first row of posts.
        post_column: Number of the first column of posts.
        every: Posts from node to node.
        values: Is filled.
    """
    columns = values.shape[1]
    at, part = np.empty(columns, np.int64), np.empty(columns)
    for j in range(columns):
        at[j] = (post_column + j) // every - first_column
        part[j] = ((post_column + j) % every) / every
    line = np.empty(nodes.shape[1])
    for i in range(values.shape[0]):
        r = (post_row + i) // every - first_row
        fr = ((post_row + i) % every) / every
        below = r + 1 if fr > 0 else r
        for k in range(len(line)):
            line[k] = nodes[r, k] * (1 - fr) + nodes[below, k] * fr
        for j in range(columns):
            right = at[j] + 1 if part[j] > 0 else at[j]
            values[i, j] = line[at[j]] * (1 - part[j]) + line[right] * part[j]
