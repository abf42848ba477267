"""Where water flows: depressions filled, each cell given to one neighbour, areas summed up.

The ground is flooded from its rim inwards, always from the lowest cell on the shore. The order in
which cells get wet, read backwards, is an order in which every cell comes before the one it drains
to; so directions on filled lakes and flats, accumulated areas and watersheds need no second search.

References:
    Barnes, R., Lehman, C. & Mulla, D. (2014). Priority-flood: an optimal depression-filling and
    watershed-labeling algorithm for digital elevation models. Computers & Geosciences 62, 117-127.
    O'Callaghan, J. F. & Mark, D. M. (1984). The extraction of drainage networks from digital
    elevation data. Computer Vision, Graphics and Image Processing 28(3), 323-344.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from numba import njit

from cim.errors import ParameterError
from cim.geo.grid import Grid

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]

OUT = -1  # drains over the rim, or into unknown ground


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Flow:
    """How a ground drains.

    Args:
        filled: (rows, columns) heights with every depression filled to its brim, m; NaN where
            unknown.
        receiver: (rows, columns) flat index of the neighbour that a cell drains to; -1 where it
            drains out of the known ground, and where it is unknown.
        order: Flat indices of the known cells, each after the one it drains to.
        upslope: (rows, columns) area that drains through a cell, itself included, m² on the grid's
            plane; NaN where unknown. A cell on the rim may have more beyond it.
    """

    filled: Floats
    receiver: Ints
    order: Ints
    upslope: Floats


def fill(grid: Grid) -> Floats:
    """Heights with every depression filled to its brim, m."""
    filled, _, _ = _flood(np.ascontiguousarray(grid.heights), *grid.cell)
    return np.asarray(filled)


def flow(grid: Grid) -> Flow:
    """Drain a ground: each cell to its steepest lower neighbour (D8), lakes through their brim."""
    filled, receiver, order = _flood(np.ascontiguousarray(grid.heights), *grid.cell)
    upslope = _accumulated(receiver.ravel(), order, grid.cell[0] * grid.cell[1])
    return Flow(
        filled=filled, receiver=receiver, order=order, upslope=upslope.reshape(filled.shape)
    )


def watershed(drained: Flow, outlets: Sequence[tuple[int, int]]) -> Ints:
    """Which outlet each cell drains through, (rows, columns): 1, 2, ... in their order; 0 none.

    A cell that drains through several of them belongs to the first on its way.

    Args:
        drained: Of the ground.
        outlets: Rows and columns.

    Raises:
        ParameterError: an outlet lies outside or where the ground is unknown.
    """
    labels: Ints = np.zeros(drained.filled.shape, np.int64)
    rows, columns = labels.shape
    for number, (row, column) in enumerate(outlets, 1):
        inside = 0 <= row < rows and 0 <= column < columns
        if not inside or math.isnan(drained.filled[row, column]):
            raise ParameterError(
                f"outlet {number} lies where the ground is unknown",
                remedy="choose a place on the elevation model",
            )
        labels[row, column] = number
    return np.asarray(_labelled(labels.ravel(), drained.receiver.ravel(), drained.order)).reshape(
        labels.shape
    )


def streams(drained: Flow, area: float) -> npt.NDArray[np.bool_]:
    """Cells through which at least an area (m²) drains."""
    return np.asarray(drained.upslope >= area)


@njit(cache=True, nogil=True)  # type: ignore[untyped-decorator]
def _push(keys: Floats, cells: Ints, size: int, key: float, cell: int) -> None:
    """Put a cell into a binary heap of ``size`` entries."""
    at = size
    while at > 0:
        parent = (at - 1) >> 1
        if keys[parent] <= key:
            break
        keys[at], cells[at] = keys[parent], cells[parent]
        at = parent
    keys[at], cells[at] = key, cell


@njit(cache=True, nogil=True)  # type: ignore[untyped-decorator]
def _pop(keys: Floats, cells: Ints, size: int) -> int:
    """Take the lowest cell out of a heap of ``size`` entries."""
    first = cells[0]
    key, cell = keys[size - 1], cells[size - 1]
    size -= 1
    at = 0
    while True:
        child = 2 * at + 1
        if child >= size:
            break
        if child + 1 < size and keys[child + 1] < keys[child]:
            child += 1
        if keys[child] >= key:
            break
        keys[at], cells[at] = keys[child], cells[child]
        at = child
    keys[at], cells[at] = key, cell
    return int(first)


@njit(cache=True, nogil=True)  # type: ignore[untyped-decorator]
def _is_shore(heights: Floats, row: int, column: int) -> bool:
    """Whether a known cell lies on the rim or beside unknown ground."""
    rows, columns = heights.shape
    if row in (0, rows - 1) or column in (0, columns - 1):
        return True
    for i in range(row - 1, row + 2):
        for j in range(column - 1, column + 2):
            if math.isnan(heights[i, j]):
                return True
    return False


@njit(cache=True, nogil=True)  # type: ignore[untyped-decorator]
def _flood(heights: Floats, wide: float, high: float) -> tuple[Floats, Ints, Ints]:
    """Filled heights, receivers, and cells in the order in which they get wet."""
    rows, columns = heights.shape
    filled = heights.copy()
    receiver = np.full((rows, columns), -1, np.int64)
    wet = np.zeros((rows, columns), np.bool_)
    keys, cells = np.empty(heights.size), np.empty(heights.size, np.int64)
    lake = np.empty(heights.size, np.int64)  # cells below the water's level: no need of the heap
    order = np.empty(heights.size, np.int64)
    size, count = 0, 0
    for row in range(rows):
        for column in range(columns):
            if not math.isnan(heights[row, column]) and _is_shore(heights, row, column):
                wet[row, column] = True
                _push(keys, cells, size, heights[row, column], row * columns + column)
                size += 1
    first, last = 0, 0
    while size > 0 or first < last:
        if first < last:
            cell = lake[first]
            first += 1
        else:
            cell = _pop(keys, cells, size)
            size -= 1
            first = last = 0
        order[count] = cell
        count += 1
        row, column = cell // columns, cell % columns
        level = filled[row, column]
        _drain(filled, receiver, wet, row, column, wide, high)
        for i in range(max(0, row - 1), min(rows, row + 2)):
            for j in range(max(0, column - 1), min(columns, column + 2)):
                if wet[i, j] or math.isnan(heights[i, j]):
                    continue
                wet[i, j] = True
                receiver[i, j] = cell  # if nothing is lower, it drains the way the water came
                if heights[i, j] <= level:
                    filled[i, j] = level
                    lake[last] = i * columns + j
                    last += 1
                else:
                    _push(keys, cells, size, heights[i, j], i * columns + j)
                    size += 1
    return filled, receiver, order[:count]


@njit(cache=True, nogil=True)  # type: ignore[untyped-decorator]
def _drain(
    filled: Floats, receiver: Ints, wet: npt.NDArray[np.bool_], row: int, column: int,
    wide: float, high: float,
) -> None:  # fmt: skip
    """Let a cell drain to its steepest lower neighbour; all lower ones are wet already."""
    rows, columns = filled.shape
    best = 0.0
    diagonal = math.sqrt(wide * wide + high * high)
    for i in range(max(0, row - 1), min(rows, row + 2)):
        for j in range(max(0, column - 1), min(columns, column + 2)):
            if not wet[i, j]:
                continue
            away = diagonal if i != row and j != column else (wide if i == row else high)
            fall = (filled[row, column] - filled[i, j]) / away
            if fall > best:
                best = fall
                receiver[row, column] = i * columns + j


@njit(cache=True, nogil=True)  # type: ignore[untyped-decorator]
def _accumulated(receiver: Ints, order: Ints, area: float) -> Floats:
    total = np.full(receiver.size, np.nan)
    for cell in order:
        total[cell] = area
    for at in range(len(order) - 1, -1, -1):
        cell = order[at]
        if receiver[cell] >= 0:
            total[receiver[cell]] += total[cell]
    return total


@njit(cache=True, nogil=True)  # type: ignore[untyped-decorator]
def _labelled(labels: Ints, receiver: Ints, order: Ints) -> Ints:
    for cell in order:
        if labels[cell] == 0 and receiver[cell] >= 0:
            labels[cell] = labels[receiver[cell]]
    return labels
