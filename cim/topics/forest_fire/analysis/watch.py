"""What a tower sees: values in, values out."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from cim.geo.grid import Grid
from cim.geo.visibility import (
    BEYOND,
    SEEN,
    UNKNOWN,
    Classes,
    Eye,
    radius_of_curvature,
    viewshed,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Watch:
    """What a tower or camera sees.

    Args:
        classes: Of all cells, as in ``cim.geo.visibility``.
        ground: Height of the ground at the observer, m.
        looked_at: Ground in reach and in the field of view, m² on the ellipsoid.
        seen: Of it, seen, m².
        unknown: Of it, cannot be told for want of heights, m².
        farthest: Distance of the farthest cell seen, m.
    """

    classes: Classes
    ground: float
    looked_at: float
    seen: float
    unknown: float
    farthest: float


def watch(
    grid: Grid,
    eye: Eye,
    *,
    latitude: float,
    reach: float,
    target_height: float,
    curvature: bool,
    refraction: float,
) -> Watch:
    """Say what an observer sees of bare ground.

    Args:
        grid: The ground, m.
        eye: The observer; its azimuth counts from grid north.
        latitude: Of the observer, degrees, for the Earth's radius.
        reach: Farthest distance, m.
        target_height: Of what is looked for above ground (smoke rises), m.
        curvature: Whether the Earth is round.
        refraction: Coefficient k of the light's bending; 1/7 by day over land.
    """
    bend = (1 - refraction) / (2 * radius_of_curvature(latitude)) if curvature else 0.0
    classes = viewshed(grid, eye, reach=reach, target_height=target_height, bend=bend)
    meridian, parallel = grid.scale
    cell = grid.cell[0] * grid.cell[1] / (meridian * parallel)
    row, column = grid.index(eye.x, eye.y)
    seen_rows, seen_columns = np.nonzero(classes == SEEN)
    away = np.hypot((seen_columns - column) * grid.cell[0], (seen_rows - row) * grid.cell[1])
    return Watch(
        classes=classes,
        ground=grid.bilinear(eye.x, eye.y),
        looked_at=cell * int((classes != BEYOND).sum()),
        seen=cell * int((classes == SEEN).sum()),
        unknown=cell * int((classes == UNKNOWN).sum()),
        farthest=float(away.max()) if away.size else 0.0,
    )
