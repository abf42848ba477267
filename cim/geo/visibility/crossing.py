"""The exact line of sight from the eye to one cell, from some way on."""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt
from numba import njit

Floats = npt.NDArray[np.float64]
TOUCH = 1e-9  # m: ground that rises no more than this above the line does not hide


@njit(cache=True, nogil=True)  # type: ignore[untyped-decorator]
def blocked(
    heights: Floats,
    eye: tuple[float, float, float],
    target: tuple[int, int],
    cell: tuple[float, float],
    begin: float,
    slope: float,
    bend: float,
) -> int:
    """0 if the ground between eye and cell rises above the line, 2 if a height is missing, else 1.

    Args:
        heights: The ground; walked along its columns, so ``target`` lies at least as many columns
            from the eye as rows.
        eye: Row, column, height.
        target: Row and column of the cell.
        cell: Side of a cell along columns, along rows, m.
        begin: Columns from the eye up to which the line is known to be clear.
        slope: Of the line, a tangent.
        bend: Fall of the ground per square metre of distance, 1/m.
    """
    row, column = target
    step = 1 if column > eye[1] else -1
    aside = (row - eye[0]) / ((column - eye[1]) * step)
    unit = math.sqrt(cell[0] * cell[0] + (aside * cell[1]) ** 2)
    state = 1
    at = column - step
    while True:  # crossings of the lines of columns, from the cell to the eye
        along = (at - eye[1]) * step
        if along <= 0.0 or along < begin:
            break
        height = between(heights, eye[0] + aside * along, at, across=False)
        away = along * unit
        if math.isnan(height):
            state = 2
        elif height - bend * away * away - eye[2] > slope * away + TOUCH:
            return 0
        at -= step
    if aside == 0.0:
        return state
    start = eye[0] + aside * begin
    first = math.ceil(start) if aside > 0 else row + 1
    last = row - 1 if aside > 0 else math.floor(start)
    for line in range(first, last + 1):  # crossings of the lines of rows
        along = (line - eye[0]) / aside
        if along <= 0.0:
            continue
        height = between(heights, eye[1] + step * along, line, across=True)
        away = along * unit
        if math.isnan(height):
            state = 2
        elif height - bend * away * away - eye[2] > slope * away + TOUCH:
            return 0
    return state


@njit(cache=True, nogil=True)  # type: ignore[untyped-decorator]
def between(heights: Floats, place: float, line: int, across: bool) -> float:
    """Height on a line of cell centres, between two of them: a column's, or ``across`` a row's."""
    first = math.floor(place)
    rest = place - first
    if rest > 1 - TOUCH:  # through a cell's centre, but for rounding: its neighbour does not matter
        first, rest = first + 1, 0.0
    if across:
        height = heights[line, first]
        if rest > TOUCH:
            height = height * (1 - rest) + heights[line, first + 1] * rest
    else:
        height = heights[first, line]
        if rest > TOUCH:
            height = height * (1 - rest) + heights[first + 1, line] * rest
    return float(height)


@njit(cache=True, nogil=True, error_model="numpy")  # type: ignore[untyped-decorator]
def met(
    levels: Floats,
    eye: tuple[float, float, float],
    way: tuple[int, int, int],
    line: tuple[float, float, float, float],
    history: Floats,
    bends: tuple[float, float],
) -> int:
    """As ``blocked``, for a sweep that has kept what its sector met at each column before the cell.

    Args:
        levels: Heights above the eye's level, which falls with the distance, m.
        eye: Row, column, height.
        way: Step along the columns, first of them, and how many were met.
        line: Rows a column of the line to the cell, its turn in the sector, its slope (m a column)
            and how far a bound may pass it without hiding it.
        history: (columns, 4) slopes at both sides of the sector under which all ground at a column
            lies, and under which all ground up to it lies.
        bends: Fall of the ground over one column and over one row, m.
    """
    step, start, count = way
    aside, turn, slope, touch = line
    limit = slope + touch
    state = 1
    for met_at in range(count - 1, -1, -1):
        one, two = history[met_at, 2], history[met_at, 3]
        if one + (two - one) * turn <= limit:
            break
        one, two = history[met_at, 0], history[met_at, 1]
        if one + (two - one) * turn <= limit:
            continue
        column = start + step * met_at
        along = (column - eye[1]) * step
        place = eye[0] + aside * along
        rest = place - math.floor(place)
        level = between(levels, place, column, across=False) + bends[1] * rest * (1 - rest)
        if math.isnan(level):
            state = 2
        elif level > slope * along + TOUCH:
            return 0
        if aside == 0.0:
            continue
        behind = max(along - 1.0, 0.0)
        row = math.floor(place) if aside > 0 else math.ceil(place)  # the last one crossed
        along = (row - eye[0]) / aside
        if along <= behind:
            continue
        place = eye[1] + step * along
        rest = place - math.floor(place)
        level = between(levels, place, row, across=True) + bends[0] * rest * (1 - rest)
        if math.isnan(level):
            state = 2
        elif level > slope * along + TOUCH:
            return 0
    return state
