"""Where a slide, fall or flow goes: spread over many cells, stopped by the angle it travels at."""

from __future__ import annotations

import heapq
import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from numba import njit

from cim.errors import ParameterError
from cim.geo.grid import Grid

Floats = npt.NDArray[np.float64]
Flags = npt.NDArray[np.bool_]

LEAST_FLUX = 3e-4  # share of a cell's release below which nothing goes on


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Runout:
    """What a process reaches.

    Args:
        energy: Height of the energy line above ground where it passes, m; NaN where it does not.
        flux: Share of a release cell that passes, summed over all; 0 where nothing does.
        travelled: Shortest way from the release along which it came, on the plane, m.
        left: Whether it ran out of the grid.
    """

    energy: Floats
    flux: Floats
    travelled: Floats
    left: bool


def run_out(
    grid: Grid,
    release: Flags,
    *,
    angle: float,
    exponent: float = 8.0,
    most_energy: float = 8848.0,
    least_flux: float = LEAST_FLUX,
) -> Runout:
    """Let what lies on some cells go.

    Every cell hands its flux to those neighbours that the energy line, falling at the travel angle,
    still stands above; shares go by the slope towards them (Holmgren's exponent) and by the
    direction it came from. Cells are taken in the order of their energy line's height, so each is
    complete before it hands on.

    Args:
        grid: The ground.
        release: Cells that go.
        angle: Travel angle, degrees; tan of it is H/L where it stops.
        exponent: 1 spreads widely, 25 and more is one line: 1-4 wet flows, 8 and more slides.
        most_energy: Largest height of the energy line above ground, m: caps the velocity,
            v = sqrt(2 g h).
        least_flux: Below, a cell hands nothing on.

    Raises:
        ParameterError: no release cell with a height, or a travel angle that nothing stops at.

    References:
        Holmgren (1994), Multiple flow direction algorithms, Hydrological Processes 8, 327-334;
        Horton et al. (2013), Flow-R, NHESS 13, 869-885;
        D'Amboise et al. (2022), Flow-Py v1.0, Geoscientific Model Development 15, 2423-2439.
    """
    if not 1.0 <= angle <= 60.0:
        raise ParameterError(
            f"a travel angle of {angle}° stops nothing or everything", remedy="give 1 to 60 degrees"
        )
    start = release & np.isfinite(grid.heights)
    if not start.any():
        raise ParameterError(
            "nothing to release: the area lies where the ground is unknown or between cells",
            remedy="draw it larger, on the elevation model",
        )
    energy, flux, travelled, left = _run(
        grid.heights, start, grid.cell[0], grid.cell[1], math.tan(math.radians(angle)), exponent,
        most_energy, least_flux,
    )  # fmt: skip
    return Runout(energy=energy, flux=flux, travelled=travelled, left=bool(left))


@njit(cache=True, nogil=True)  # type: ignore[untyped-decorator]
def _shares(
    heights: Floats, line: Floats, came: Floats, place: tuple[int, int], far: Floats,
    tangent: float, exponent: float, top: float,
) -> Floats:  # fmt: skip
    """What each of eight neighbours gets, summing to 1; all zero where none is reached.

    Args:
        heights: m.
        line: Of the energy line where it has been, m; complete cells are above the current.
        came: (9,) weight of each direction of movement so far.
        place: Row and column.
        far: (9,) distances to the neighbours, m.
        tangent: Of the travel angle.
        exponent: Holmgren's.
        top: Of the energy line here, m.
    """
    row, column = place
    out = np.zeros(9)
    total = 0.0
    for k in range(9):
        if k == 4:
            continue
        r, c = row + k // 3 - 1, column + k % 3 - 1
        level = heights[r, c]
        if not top - far[k] * tangent >= level:  # unknown ground too
            continue
        if line[r, c] >= top:  # it is complete: the process came from there, or passed
            continue
        slope = math.atan((heights[row, column] - level) / far[k])
        weight = math.tan((slope + math.pi / 2) / 2) ** exponent
        keep = 0.0
        moved = False
        for j in range(9):
            if came[j] > 0.0:
                moved = True
                keep += came[j] * _alike(j, k)
        if moved:
            weight *= keep
        out[k] = weight
        total += weight
    if total > 0.0:
        for k in range(9):
            out[k] /= total
    return out


@njit(cache=True, nogil=True)  # type: ignore[untyped-decorator]
def _alike(one: int, other: int) -> float:
    """Cosine between two of the eight directions, 0 where they point apart."""
    a, b = one // 3 - 1, one % 3 - 1
    c, d = other // 3 - 1, other % 3 - 1
    cosine = (a * c + b * d) / math.sqrt((a * a + b * b) * (c * c + d * d))
    return max(cosine, 0.0)


@njit(cache=True, nogil=True)  # type: ignore[untyped-decorator]
def _run(  # noqa: C901, PLR0912  one loop over a heap, whose parts numba cannot share cheaply
    heights: Floats, release: Flags, wide: float, high: float, tangent: float, exponent: float,
    most: float, least: float,
) -> tuple[Floats, Floats, Floats, bool]:  # fmt: skip
    rows, columns = heights.shape
    line = np.full((rows, columns), -np.inf)  # height of the energy line
    flux = np.zeros((rows, columns))
    way = np.full((rows, columns), np.inf)
    came = np.zeros((rows, columns, 9))
    done = np.zeros((rows, columns), np.bool_)
    far = np.empty(9)
    for k in range(9):
        far[k] = math.hypot((k % 3 - 1) * wide, (k // 3 - 1) * high)
    heap = [(0.0, 0, 0)]
    heap.pop()
    for row in range(rows):
        for column in range(columns):
            if release[row, column]:
                line[row, column] = heights[row, column]
                flux[row, column] = 1.0
                way[row, column] = 0.0
                heapq.heappush(heap, (-line[row, column], row, column))
    left = False
    while len(heap) > 0:
        _, row, column = heapq.heappop(heap)
        if done[row, column]:
            continue
        done[row, column] = True
        if row == 0 or column == 0 or row == rows - 1 or column == columns - 1:
            left = True
            continue
        if flux[row, column] < least:
            continue
        top = line[row, column]
        share = _shares(
            heights, line, came[row, column], (row, column), far, tangent, exponent, top
        )
        for k in range(9):
            part = share[k] * flux[row, column]
            if part < least:
                continue
            r, c = row + k // 3 - 1, column + k % 3 - 1
            reached = min(top - far[k] * tangent, heights[r, c] + most)
            if done[r, c]:
                continue
            flux[r, c] += part
            way[r, c] = min(way[r, c], way[row, column] + far[k])
            came[r, c, k] += part * max(reached - heights[r, c], 0.0)
            if reached > line[r, c]:
                line[r, c] = reached
                heapq.heappush(heap, (-reached, r, c))
    for row in range(rows):
        for column in range(columns):
            if not done[row, column]:
                flux[row, column] = 0.0
    return np.where(done, line - heights, np.nan), flux, np.where(done, way, np.nan), left
