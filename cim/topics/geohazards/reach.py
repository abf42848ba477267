"""运动范围: where a slide, rockfall or debris flow goes, and who is in its way."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import numpy.typing as npt
import shapely
from pydantic import Field
from rasterio.features import rasterize
from rasterio.transform import from_origin
from shapely.geometry.base import BaseGeometry

from cim.drawn import NOTHING, cell_area, collection, coverage, feature, outline, unstepped
from cim.evidence import figure, ground_around, ground_provenance, ground_source
from cim.exposure import READS, exposed
from cim.geo.crs import CGCS2000, rows, transformer
from cim.geo.grid import Grid
from cim.question import Area, OnTerrain, area_field, english, number_field, shape_of
from cim.topic import Analysis, Context, LegendEntry, Result, Verdict
from cim.topics.geohazards.analysis.runout import Runout, run_out
from cim.topics.geohazards.asked import NOT_FOR_DISPATCH

Flags = npt.NDArray[np.bool_]

_SPEEDS = (5.0, 10.0, 20.0)  # m/s
_LEGEND = (
    LegendEntry(value=0, color="#fff59db0", title="<5 m/s", title_en="under 5 m/s"),
    LegendEntry(value=1, color="#ffb74dc0", title="5–10 m/s", title_en="5 to 10 m/s"),
    LegendEntry(value=2, color="#f4511ec8", title="10–20 m/s", title_en="10 to 20 m/s"),
    LegendEntry(value=3, color="#880e4fd0", title="≥20 m/s", title_en="20 m/s and more"),
    LegendEntry(value=4, color="#4a148ce0", title="启动区", title_en="Release"),
)


class RunoutParameters(OnTerrain):
    """What run-out asks for."""

    release: Area = area_field(
        "启动区", "滑动或崩落的范围。", "Release area", "What slides or falls."
    )
    angle: float = number_field(
        22.0, "视角（到达角）", "能量线的坡角，tan 值为 H/L；土质滑坡 17–25°，泥石流 7–15°，崩"
                         "塌 28–35°（未核实）。",
        "Travel angle", "Slope of the energy line, H/L: slides 17-25, debris flows 7-15, rockfall "
        "28-35 degrees (unverified).", "deg", 3, 45,
    )  # fmt: skip
    exponent: float = number_field(
        8.0, "扩散指数", "1–4 扩散强（泥石流），8 及以上集中（滑坡、崩塌）。", "Exponent",
        "1-4 spreads widely (flows), 8 and more keeps together.", "1", 1, 75,
    )  # fmt: skip
    fastest: float = number_field(
        40.0, "速度上限", "限制能量线高度。", "Fastest", "Caps the height of the energy line.",
        "m/s", 5, 120,
    )  # fmt: skip
    reach: float = Field(
        default=2500.0, ge=200, le=15_000, title="计算范围", description="启动区外的最远计算距离。",
        json_schema_extra=english("Reach", "How far beyond the release it is followed.", "m"),
    )  # fmt: skip


def release_mask(grid: Grid, area: BaseGeometry) -> Flags:
    """Cells that an area in the grid's CRS touches with their centres, at least the nearest one."""
    turn = from_origin(grid.west, grid.north, *grid.cell)
    burnt = np.asarray(
        rasterize([area], out_shape=grid.heights.shape, transform=turn, dtype="uint8"), bool
    )
    if not burnt.any():
        row, column = grid.index(area.centroid.x, area.centroid.y)
        inside = 0 <= round(row) < burnt.shape[0] and 0 <= round(column) < burnt.shape[1]
        if inside:
            burnt[round(row), round(column)] = True
    return burnt


def run(asked: RunoutParameters, context: Context) -> Result:
    """Follow what is released."""
    area = shape_of(asked.release)
    west, south, east, north = area.bounds
    ground = ground_around(context, asked.terrain, ((west, south), (east, north)), asked.reach)
    grid = ground.grid
    plane = shapely.transform(area, lambda at: rows(transformer(CGCS2000, grid.crs), at))
    start = release_mask(grid, plane)
    found = run_out(
        grid, start, angle=asked.angle, exponent=asked.exponent,
        most_energy=asked.fastest**2 / (2 * 9.81),
    )  # fmt: skip
    hit = np.isfinite(found.energy) & (found.flux > 0)
    reached = outline(grid, hit & ~start)
    exposure = exposed(context, reached.union(plane), grid.crs)  # who stands on it goes with it
    source = ground_source(ground)
    said = ground_provenance(ground, context)
    return Result(
        summary=(*_figures(grid, found, hit, start, source), *exposure.figures()),
        coverage=coverage(grid, _classes(found, hit, start), context, _LEGEND),
        features=collection([
            feature(plane, "启动区", "Release", crs=grid.crs, color="#4a148c", width=3),
            *([] if reached.is_empty else [
                feature(unstepped(reached, grid), "到达范围", "Reached", crs=grid.crs,
                        color="#f4511e", width=2)
            ]),
        ]),
        tables=(exposure.table(),),
        provenance=said | {
            "inputs": [*said["inputs"], *exposure.inputs],
            "missing_layers": list(exposure.missing),
            "applicability": f"{NOT_FOR_DISPATCH}. 经验视角模型，不含体积、铲刮与工程治理 an "
                             "empirical "
            "travel angle: no volume, entrainment or works; the 15 m DEM smooths gullies",
        },
    )  # fmt: skip


def _classes(found: Runout, hit: Flags, start: Flags) -> npt.NDArray[np.uint8]:
    classes = np.full(hit.shape, NOTHING, np.uint8)
    speed = np.sqrt(2 * 9.81 * np.maximum(found.energy[hit], 0.0))
    classes[hit] = np.searchsorted(_SPEEDS, speed, side="right")
    classes[start] = 4
    return classes


def _figures(grid: Grid, found: Runout, hit: Flags, start: Flags, source: str) -> tuple[Any, ...]:
    heights = grid.heights
    far = float(np.nanmax(np.where(hit, found.travelled, np.nan)))
    drop = float(np.nanmax(heights[start]) - np.nanmin(heights[hit]))
    fast = math.sqrt(2 * 9.81 * float(np.nanmax(np.where(hit, found.energy, np.nan))))
    cut = "" if not found.left else "；已越出计算范围，偏小 ran out of the grid: too small"
    cell = cell_area(grid)
    model = f"{source}，视角模型 travel angle{cut}"
    return (
        figure("area", "到达面积（不含启动区）"
                       "", "Area reached", cell * int((hit & ~start).sum()), "m2",
               model),
        figure("distance", "最远运动距离", "Farthest way", far, "m", model),
        figure("drop", "落差", "Drop", drop, "m", model),
        figure("fastest", "最大速度（能量线）", "Fastest (energy line)", fast, "m/s", model),
        figure("moves", "是否离开启动区", "Leaves the release area",
               "是 yes" if (hit & ~start).any() else
               "否：四周缓于视角 no: the ground is flatter than that angle", "", model),
        figure("complete", "是否完整", "Complete", "否 no" if found.left else "是 yes", "", model,
               verdict=Verdict.UNKNOWN if found.left else None),
    )  # fmt: skip


RUNOUT = Analysis(
    id="geohazards.runout",
    guide="geohazards.md",
    title="这块坡体滑下来会到哪里",
    title_en="How far does this slope go when it fails",
    summary=(
        "以启动区为源，按多流向扩散、惯性方向与视角（H/L）逐格推算运动范围和能量线速度，并列出范围内的人、"
        "建筑、道路和管线。"
    ),
    summary_en=(
        "From a release area the process spreads over several directions, keeps its direction, and "
        "stops at the travel angle (H/L): its reach, speed by the energy line, and who and what "
        "lies in it."
    ),
    parameters=RunoutParameters,
    run=run,
    version=2,
    example={
        "release": {"type": "Polygon", "coordinates": [[
            [106.6424, 35.2390], [106.6436, 35.2390], [106.6436, 35.2400], [106.6424, 35.2400],
            [106.6424, 35.2390]]]},
        "angle": 8,
        "exponent": 4,
    },
    reads=lambda asked: (asked.terrain, *READS),
    references=(
        "Holmgren (1994), Hydrological Processes 8, 327-334",
        "Horton et al. (2013), Flow-R, NHESS 13, 869-885",
        "D'Amboise et al. (2022), Flow-Py v1.0, Geoscientific Model Development 15, 2423-2439",
    ),
)  # fmt: skip
