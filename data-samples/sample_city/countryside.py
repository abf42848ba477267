"""Paint of the open country: fields, terraces, forest, loess and the river."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from sample_city import noise, terrain
from sample_city.canvas import SUN, Canvas
from sample_city.noise import hashed, smoothstep, spread

Floats = npt.NDArray[np.float64]

CROPS = np.array(
    [
        (124, 131, 84), (138, 140, 92), (158, 148, 104), (150, 128, 98), (108, 122, 76),
        (166, 154, 112), (140, 118, 90), (118, 128, 86),
    ],
    dtype=np.float64,
)  # fmt: skip
GRASS, DRY = (118.0, 122.0, 84.0), (154.0, 144.0, 108.0)
LOESS, FOREST, COPPICE = (180.0, 160.0, 124.0), (68.0, 84.0, 57.0), (92.0, 102.0, 68.0)
RIVER_EDGE = terrain.RIVER_HALF + 3.0  # of the water, m from the axis
HIGHWAY_HALF = 4.5  # of the width of the highway's carriageway, m
WATER, GRAVEL = (98.0, 114.0, 104.0), (168.0, 160.0, 142.0)


def paint(canvas: Canvas) -> None:
    """Lay the open country under everything else, with its own gentle shading."""
    window = canvas.window
    step = max(4.0, 2.0 * window.gsd)
    coarse, rows, columns = spread(window, step)
    x, y = np.meshgrid(coarse.x, coarse.y)
    ground = terrain.height(x, y)
    beyond = rows @ terrain.hill_distance(x, y) @ columns.T
    south, east = np.gradient(ground, step)
    slope = rows @ np.hypot(south, east) @ columns.T
    facing = rows @ south @ columns.T  # > 0 where the ground falls to the north
    height = rows @ ground @ columns.T
    broad = noise.fractal(window, 90.0, 51)
    fine = noise.fractal(window, 9.0, 55)
    canvas.lay(np.ones_like(broad), _mix(GRASS, DRY, 0.5 + 0.5 * broad))
    floor = beyond < 25.0
    if floor.any():
        _fields(canvas, np.where(floor, 1.0 - smoothstep(0.0, 25.0, beyond), 0.0))
    if beyond.max() > 0.0:
        _hills(canvas, beyond, slope, facing, height=height, broad=broad)
    canvas.shade(1.0 + 0.07 * fine)
    _river(canvas)
    _highway(canvas)
    relief = 0.38 + 0.2 * smoothstep(0.0, 200.0, beyond)
    canvas.shade(1.0 + relief * (_light(rows, columns, south, east) - 1.0))


def _mix(first: tuple[float, ...], second: tuple[float, ...], share: Floats) -> Floats:
    share = np.clip(share, 0.0, 1.0)[..., None]
    result: Floats = np.array(first) * (1.0 - share) + np.array(second) * share
    return result


def _light(rows: Floats, columns: Floats, south: Floats, east: Floats) -> Floats:
    """Sunlight on slopes: 1 on the level."""
    north = -south
    light = (1.0 - east * SUN[0] - north * SUN[1]) / np.sqrt(1.0 + east**2 + north**2)
    result: Floats = rows @ np.clip(light, 0.65, 1.5) @ columns.T
    return result


def _highway(canvas: Canvas) -> None:
    """The county's highway, which leaves the town at both ends and keeps to the valley."""
    u, v = canvas.uv
    away = v - terrain.valley_axis(u)
    inside = np.minimum(HIGHWAY_HALF - np.abs(away), np.abs(u) - 644.0)
    if inside.max() < -6.0:
        return
    canvas.lay(canvas.edge(inside + 1.5), (158.0, 148.0, 122.0))
    canvas.lay(canvas.edge(inside), (116.0, 114.0, 110.0))
    if canvas.window.gsd < 1.0:
        middle = np.minimum(inside, 0.09 - np.abs(away))
        canvas.lay(0.8 * canvas.edge(middle * 2.0), (206.0, 176.0, 92.0))


def _fields(canvas: Canvas, mask: Floats) -> None:
    """Strips of crops across the valley, with paths between."""
    u, v = canvas.uv
    row = np.floor(v / 96.0)
    shift = hashed(row, 3, 61).reshape(row.shape) * 40.0
    width = 17.0 + np.floor(hashed(row, 5, 62).reshape(row.shape) * 3.0) * 9.0
    column = np.floor((u + shift) / width)
    lot = hashed(column, row, 63).reshape(row.shape)
    colour = CROPS[(lot * len(CROPS)).astype(np.int64)]
    canvas.lay(mask, colour)
    along = np.abs((u + shift) / width - column - 0.5) * width
    across = np.abs(v / 96.0 - row - 0.5) * 96.0
    furrow = np.sin(u * (2.0 * np.pi / 2.4)) * (lot * 5 % 1 < 0.6)
    canvas.shade(1.0 + 0.035 * mask * furrow * (canvas.window.gsd < 1.0))
    ridge = np.maximum(canvas.edge(along - width / 2 + 0.35), 0.0)
    canvas.lay(0.5 * mask * ridge, (128.0, 116.0, 86.0))
    canvas.lay(0.85 * mask * canvas.edge(across - 46.4), (174.0, 160.0, 130.0))


def _hills(
    canvas: Canvas, beyond: Floats, slope: Floats, facing: Floats, *, height: Floats, broad: Floats
) -> None:
    """Terraces on the gentler slopes, forest on the shaded ones, bare loess on the steepest."""
    window = canvas.window
    hill = smoothstep(0.0, 60.0, beyond)
    patches = noise.fractal(window, 420.0, 57)
    step = height / 5.5 + 0.35 * noise.over(window, 60.0, 58)
    band = np.floor(step)
    u, _ = canvas.uv
    cell = np.floor(u / 70.0 + hashed(band, 7, 64).reshape(band.shape) * 9.0)
    colour = CROPS[(hashed(cell, band, 65).reshape(band.shape) * len(CROPS)).astype(np.int64)]
    terraced = hill * (1.0 - smoothstep(0.34, 0.46, slope)) * smoothstep(-0.35, -0.1, patches)
    canvas.lay(0.85 * terraced, colour)
    scarp = np.clip(1.0 - np.abs(step - band - 0.08) / 0.09, 0.0, 1.0)
    canvas.lay(0.45 * terraced * scarp * smoothstep(0.05, 0.12, slope), (132.0, 112.0, 82.0))
    canvas.lay(0.9 * hill * smoothstep(0.40, 0.62, slope + 0.16 * broad), LOESS)
    # Woods keep to shaded and steep ground, and close in away from the valley.
    shaded = patches * 0.7 + facing * 1.0 + 0.45 * slope + 0.14 * broad
    wood = smoothstep(0.0, 0.2, shaded - 0.26 + 0.2 * smoothstep(900.0, 3000.0, beyond))
    crowns = noise.fractal(window, 8.5, 59, 2)
    stands = noise.fractal(window, 34.0, 69)
    tone = _mix(FOREST, COPPICE, 0.35 + 0.9 * stands)
    canvas.lay(hill * wood * np.clip(0.85 + 0.6 * crowns, 0.0, 1.0), tone)
    canvas.shade(1.0 + 0.22 * hill * wood * crowns)


def _river(canvas: Canvas) -> None:
    """Water, its gravel and the grass of the banks."""
    u, v = canvas.uv
    if np.abs(v - terrain.river_axis(u)).min() > 150.0:
        return
    distance = terrain.river_distance(u, v)
    wobble = 2.2 * noise.fractal(canvas.window, 18.0, 66)
    bank = 1.0 - smoothstep(62.0, 76.0, distance + 3.0 * wobble)
    tone = 0.5 + 0.5 * noise.fractal(canvas.window, 26.0, 67)
    canvas.lay(bank, _mix((112.0, 122.0, 82.0), (134.0, 134.0, 96.0), tone))
    canvas.lay(canvas.edge(RIVER_EDGE + 5.5 + wobble - distance), GRAVEL)
    ripple = noise.fractal(canvas.window, 12.0, 68)
    water = np.array(WATER) * (1.0 + 0.05 * ripple[..., None])
    deep = smoothstep(0.0, RIVER_EDGE, RIVER_EDGE - distance)
    canvas.lay(
        canvas.edge(RIVER_EDGE + 0.6 * wobble - distance), water * (1.04 - 0.14 * deep[..., None])
    )
