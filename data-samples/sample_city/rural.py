"""Paint of what lies far from the town: hamlets, their lanes and tracks along the hillsides."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from sample_city import noise, terrain
from sample_city.canvas import Canvas
from sample_city.frame import to_uv, to_xy
from sample_city.noise import chance, hashed, smoothstep, spread

Floats = npt.NDArray[np.float64]
Box = tuple[float, float, float, float]

VALLEY_STEP = 640.0  # between hamlets along the valley, m
HILL_STEP = 900.0  # between places for a hamlet in the hills, m
GENTLE = 0.2  # the steepest slope that a hamlet stands on
CLEAR = 700.0  # no hamlet nearer to where buildings are modelled, m
HOUSE = (19.0, 15.0)  # a farmstead along and across its row, m
LEVELS = 64.0  # of height between tracks along the hillsides, m
YARD, LANE = (158.0, 147.0, 122.0), (172.0, 164.0, 148.0)
TRACK, ORCHARD = (176.0, 158.0, 124.0), (94.0, 106.0, 70.0)
ROOFS = np.array(
    [(124, 116, 110), (146, 108, 88), (134, 122, 112), (114, 112, 112), (118, 132, 146)],
    dtype=np.float64,
)


@dataclass(frozen=True)
class Hamlet:
    """A cluster of farmsteads.

    Args:
        u: Middle along the valley, m.
        v: Middle across it, m.
        radius: About half its extent along u, m.
        seed: Of its houses.
        lane: V of the highway that its lane leads to, None in the hills.
    """

    u: float
    v: float
    radius: float
    seed: int
    lane: float | None


def paint(canvas: Canvas, built: Box) -> None:
    """Lay tracks, bank trees and hamlets over the open country.

    Args:
        canvas: Painted by ``countryside``.
        built: Where buildings are modelled (m): hamlets keep away from it.
    """
    _bank_trees(canvas)
    _tracks(canvas)
    for hamlet in hamlets(canvas, built):
        _hamlet(canvas, hamlet)


def hamlets(canvas: Canvas, built: Box) -> list[Hamlet]:
    """The hamlets of which something may lie on a canvas."""
    u, v = canvas.uv
    found = []
    for k in range(*_steps(u, VALLEY_STEP)):
        found += [_in_valley(k, side) for side in (1, -1)]
    for k in range(*_steps(u, HILL_STEP)):
        found += [_in_hills(k, row) for row in range(*_steps(v, HILL_STEP))]
    return [h for h in found if h is not None and _clear(h, built)]


def _steps(values: Floats, step: float) -> tuple[int, int]:
    return int(np.floor(values.min() / step)) - 1, int(np.floor(values.max() / step)) + 2


def _clear(hamlet: Hamlet, built: Box) -> bool:
    x, y = to_xy(np.array([hamlet.u]), np.array([hamlet.v]))
    return not (
        built[0] - CLEAR < x[0] < built[2] + CLEAR and built[1] - CLEAR < y[0] < built[3] + CLEAR
    )


def _in_valley(k: int, side: int) -> Hamlet | None:
    if chance(141, k, side) > 0.72:
        return None
    u = (k + 0.25 + 0.5 * chance(142, k, side)) * VALLEY_STEP
    axis = float(terrain.valley_axis(np.array([u]))[0])
    away = 130.0 + 330.0 * chance(143, k, side) if side > 0 else -400.0 - 90 * chance(144, k)
    wet = float(terrain.river_distance(np.array([u]), np.array([axis + away]))[0])
    if wet < 150.0:
        return None
    return Hamlet(u, axis + away, 48.0 + 75.0 * chance(145, k, side), k * 2 + side, axis)


def _in_hills(k: int, row: int) -> Hamlet | None:
    if chance(146, k, row) > 0.6:
        return None
    u = (k + chance(147, k, row)) * HILL_STEP
    v = (row + chance(148, k, row)) * HILL_STEP
    x, y = to_xy(np.array([u, u + 30.0, u]), np.array([v, v, v + 30.0]))
    z = terrain.height(x, y)
    slope = float(np.hypot(z[1] - z[0], z[2] - z[0])) / 30.0
    if terrain.hill_distance(x, y)[0] < 220.0 or slope > GENTLE:
        return None
    return Hamlet(u, v, 26.0 + 36.0 * chance(149, k, row), k * 131 + row, None)


def _hamlet(canvas: Canvas, hamlet: Hamlet) -> None:
    """Yards, roofs and fruit trees; in the valley a lane to the highway."""
    u, v = canvas.uv
    p, q = u - hamlet.u, v - hamlet.v
    if hamlet.lane is not None:
        reach = (
            np.minimum(hamlet.lane - v, v - hamlet.v)
            if hamlet.lane > hamlet.v
            else (np.minimum(v - hamlet.lane, hamlet.v - v))
        )
        canvas.lay(canvas.edge(np.minimum(reach, 2.2 - np.abs(p))), LANE)
    far = np.hypot(p / 1.3, q)
    if far.min() > 1.6 * hamlet.radius:
        return
    ragged = 1.0 + 0.45 * noise.over(canvas.window, 46.0, 151)
    mask = canvas.edge(hamlet.radius * ragged - far)
    canvas.lay(0.85 * mask, YARD)
    column, row = np.floor(p / HOUSE[0]), np.floor(q / HOUSE[1])
    lot = hashed(column, row, 152 + hamlet.seed).reshape(column.shape)
    along = np.abs(p / HOUSE[0] - column - 0.5) * HOUSE[0]
    across = np.abs(q / HOUSE[1] - row - 0.62) * HOUSE[1]
    roof = canvas.edge(np.minimum(7.2 - along, 3.6 - across)) * (lot > 0.22)
    colour = ROOFS[(lot * 97.0 % 1.0 * len(ROOFS)).astype(np.int64)]
    canvas.lay(0.8 * mask * smoothstep(0.5, 0.9, lot * 53.0 % 1.0) * (1.0 - roof), ORCHARD)
    canvas.lay(mask * roof, colour)


def _bank_trees(canvas: Canvas) -> None:
    """The willows of the river's banks as one cover: they are too many to plant one by one."""
    u, v = canvas.uv
    distance = terrain.river_distance(u, v)
    bank = smoothstep(20.0, 28.0, distance) * (1.0 - smoothstep(58.0, 66.0, distance))
    clumps = noise.over(canvas.window, 9.0, 153)
    canvas.lay(bank * (0.27 + 0.22 * clumps), (86.0, 99.0, 64.0))


def _tracks(canvas: Canvas) -> None:
    """Earth tracks that keep their height along the hillsides."""
    coarse, rows, columns = spread(canvas.window, 8.0)
    x, y = np.meshgrid(coarse.x, coarse.y)
    ground = terrain.height(x, y) - terrain.floor(*to_uv(x, y))
    south, east = np.gradient(ground, 8.0)
    slope = rows @ np.hypot(south, east) @ columns.T
    above = rows @ ground @ columns.T
    off = np.abs((above + 14.0) % LEVELS - LEVELS / 2.0) / np.maximum(slope, 0.02)
    used = smoothstep(-0.05, 0.1, noise.over(canvas.window, 900.0, 154))
    fit = used * smoothstep(0.07, 0.11, slope) * (1.0 - smoothstep(0.42, 0.5, slope))
    canvas.lay(0.75 * fit * (above > 20.0) * canvas.edge(2.4 - off), TRACK)
