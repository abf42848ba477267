"""One line of sight: whether it is free, and where and by how much the ground decides it."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from cim.errors import ParameterError
from cim.geo.grid import Grid
from cim.geo.visibility.eye import Eye

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True, kw_only=True)
class Sight:
    """A line of sight over the ground.

    Args:
        seen: Whether the target is seen; None where a height on the way is unknown and nothing
            else hides it.
        clearance: The line's smallest height above the ground between both ends, m; negative where
            the ground hides the target; None where there is no known ground between.
        tightest: Distance from the eye at which that is, m.
        distances: (n,) of the crossings with the grid's lines, both ends included, m.
        ground: (n,) heights of the ground there, m; NaN where unknown.
        line: (n,) heights of the line there above the same datum, Earth's curvature and refraction
            taken off, so that both can be drawn in one profile, m.
        x: (n,) of the crossings, m.
        y: (n,) of the crossings, m.
    """

    seen: bool | None
    clearance: float | None
    tightest: float | None
    distances: Floats
    ground: Floats
    line: Floats
    x: Floats
    y: Floats


def crossings(
    grid: Grid, start: tuple[float, float], stop: tuple[float, float]
) -> tuple[Floats, Floats, Floats]:
    """Where a line crosses the lines that join cell centres.

    Args:
        grid: The ground.
        start: x, y of the line's begin, m.
        stop: Of its end, m.

    Returns:
        Parts of the way (0 to 1, both ends included, in order), x and y, m.
    """
    row, column = grid.index(*start)
    to_row, to_column = grid.index(*stop)
    parts = [np.array([0.0, 1.0])]
    for begin, end in ((row, to_row), (column, to_column)):
        if begin != end:
            low, high = min(begin, end), max(begin, end)
            parts.append((np.arange(math.ceil(low), math.floor(high) + 1) - begin) / (end - begin))
    part = np.unique(np.clip(np.concatenate(parts), 0.0, 1.0))
    return (
        part,
        start[0] + part * (stop[0] - start[0]),
        start[1] + part * (stop[1] - start[1]),
    )


def line_of_sight(
    grid: Grid, eye: Eye, target: tuple[float, float], *, target_height: float, bend: float
) -> Sight:
    """Whether an eye sees a target, and the profile that says why.

    Args:
        grid: The ground.
        eye: Who looks; its field of view does not matter here.
        target: x, y, m.
        target_height: Above ground, m.
        bend: Fall of the ground per square metre of distance, 1/m: (1 - refraction) / 2R.

    Raises:
        ParameterError: eye or target stand outside the grid or where it has no height.
    """
    _, _, top = eye.stand(grid)
    goal = grid.bilinear(*target)
    if not math.isfinite(goal):
        raise ParameterError(
            "the target stands where the elevation model has no height",
            remedy="move the target, or ingest a DEM that covers the place",
        )
    part, x, y = crossings(grid, (eye.x, eye.y), target)
    length = math.hypot(target[0] - eye.x, target[1] - eye.y)
    distance = part * length
    ground = grid.bilinear_at(x, y)
    fall = bend * length * length
    straight = top + part * (goal + target_height - fall - top)
    line = straight + bend * distance * distance
    gap = (line - ground)[1:-1]
    known = np.isfinite(gap)
    lowest = int(np.argmin(np.where(known, gap, np.inf))) if known.any() else None
    clearance = None if lowest is None else float(gap[lowest])
    seen: bool | None = clearance is None or clearance >= -1e-9
    if seen and not known.all():
        seen = None
    return Sight(
        seen=seen,
        clearance=clearance,
        tightest=None if lowest is None else float(distance[1:-1][lowest]),
        distances=distance,
        ground=ground,
        line=line,
        x=x,
        y=y,
    )
