"""淹没分析: how far water reaches when it rises, and who is in it."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import shapely
from pydantic import Field

from cim.catalog.elevation import Ground
from cim.drawn import NOTHING, cell_area, collection, coverage, feature, listed, outline, unstepped
from cim.errors import ParameterError
from cim.evidence import figure, ground_accuracy, ground_around, ground_provenance, ground_source
from cim.exposure import READS, exposed
from cim.geo.crs import CGCS2000, transformer
from cim.geo.grid import Grid
from cim.question import OnModel, Point, english, number_field, point_field
from cim.topic import Analysis, Axis, Context, Figure, LegendEntry, Result, Series, Verdict
from cim.topics.planning.analysis.flood import Flags, Floats, Flood, flood, stages

DEEPER = 1.5  # of the rise: a river's bed lies lower than its mapped surface, but not so much
_STEPS = (0.5, 1.0, 2.0, 4.0)
_LEGEND = (
    LegendEntry(value=0, color="#b3e5fcb0", title="<0.5 m", title_en="under 0.5 m"),
    LegendEntry(value=1, color="#4fc3f7b8", title="0.5–1 m", title_en="0.5 to 1 m"),
    LegendEntry(value=2, color="#0288d1c0", title="1–2 m", title_en="1 to 2 m"),
    LegendEntry(value=3, color="#01579bc8", title="2–4 m", title_en="2 to 4 m"),
    LegendEntry(value=4, color="#1a237ed0", title="≥4 m", title_en="4 m and more"),
    LegendEntry(
        value=5, color="#ffb30080", title="低于水位但不连通", title_en="as low, not reached"
    ),
)


class InundationParameters(OnModel):
    """What inundation asks for."""

    source: Point = point_field(
        "来水点", "河道、水库等水面上的位置；自动移到捕捉半径内的最低处。",
        "Source", "In a river or reservoir; moved to the lowest place within the snap.",
    )  # fmt: skip
    rise: float = number_field(
        3.0, "水位抬升", "高出来水点地面的高度。", "Rise", "Above the ground at the source.", "m",
        0.1, 200,
    )  # fmt: skip
    level: float | None = Field(
        default=None, ge=-500, le=9000, title="水位（1985）",
        description="给出时取该水位，不看抬升高度。",
        json_schema_extra=english("Water level (1985)", "If given, instead of the rise.", "m"),
    )  # fmt: skip
    fall: float = number_field(
        0.0, "水面比降", "河道水面沿下游方向的坡降；0 为水平水面（水库、湖泊）。",
        "Fall of the water",
        "Of a river's surface downstream; 0 for the level surface of a lake or reservoir.",
        "[ppth]", 0, 50,
    )  # fmt: skip
    downstream: float = number_field(
        90.0, "下游方位", "河流流向，自真北顺时针；比降为 0 时不用。", "Downstream",
        "Where the river runs to, from true north; not used without a fall.", "deg", 0, 360,
    )  # fmt: skip
    snap: float = number_field(
        60.0, "捕捉半径", "在此半径内取最低处为来水点。", "Snap", "The lowest place within is "
                                                "taken.",
        "m", 0, 500,
        advanced=True,
    )  # fmt: skip
    range: float = number_field(
        3000.0,
        "计算半径",
        "参与计算的范围。",
        "Radius",
        "Ground that takes part.",
        "m",
        200,
        20_000,
    )


def inundation(asked: InundationParameters, context: Context) -> Result:
    """Let water rise."""
    ground = ground_around(context, asked.terrain, (asked.source,), asked.range, asked.model)
    seed = _seed(ground, asked)
    grid = ground.grid
    level = asked.level if asked.level is not None else float(grid.heights[seed]) + asked.rise
    over = tilted(grid, seed, asked.fall / 1000, asked.downstream)
    found = flood(over, level, seed)
    wet = np.isfinite(found.depth)
    rise = level - float(grid.heights[seed])
    area = outline(grid, wet)
    exposure = exposed(context, area, grid.crs)
    source = ground_source(ground, asked.model)
    said = ground_provenance(ground, context)
    x, y = grid.west + (seed[1] + 0.5) * grid.cell[0], grid.north - (seed[0] + 0.5) * grid.cell[1]
    return Result(
        summary=(*_figures(ground, found, (level, rise), source), *exposure.figures(),
                 ground_accuracy(ground, asked.model)),
        features=collection([
            feature(unstepped(area, grid), "淹没范围", "Flooded", crs=grid.crs, color="#0288d1",
                    width=2),
            feature(shapely.Point(x, y), "来水点", "Source", crs=grid.crs, color="#ffd54f",
                    width=12),
        ]),
        coverage=coverage(grid, _classes(found, wet), context, _LEGEND),
        series=(_curve(ground, over, seed, level),),
        tables=(exposure.table(),),
        provenance=said | {
            "inputs": [*said["inputs"], *exposure.inputs], "model": asked.model,
            "missing_layers": list(exposure.missing),
            "applicability": "静水连通淹没，不含流速、历时、排水与堤防溃决；桥涵可能被 DEM 堵塞"
                             " still "
            "water that is connected: no flow, time, drainage or breach; bridges may dam the model",
        },
    )  # fmt: skip


def tilted(grid: Grid, seed: tuple[int, int], fall: float, downstream: float) -> Floats:
    """Heights above a plane that is level at a cell and falls downstream, plus that cell's height.

    A river's surface falls with its bed: seen from that plane, water stands level.

    Args:
        grid: The ground.
        seed: Row and column where the level is told.
        fall: m/m.
        downstream: Degrees from true north.
    """
    if fall == 0.0:
        return grid.heights
    rows, columns = grid.heights.shape
    x = (np.arange(columns) - seed[1])[None, :] * grid.cell[0]
    y = (seed[0] - np.arange(rows))[:, None] * grid.cell[1]
    at = (grid.west + (seed[1] + 0.5) * grid.cell[0], grid.north - (seed[0] + 0.5) * grid.cell[1])
    turn = np.radians(downstream - grid.convergence(*at))
    return np.asarray(grid.heights + fall * (x * np.sin(turn) + y * np.cos(turn)))


def _seed(ground: Ground, asked: InundationParameters) -> tuple[int, int]:
    """The lowest known cell near the source."""
    grid = ground.grid
    x, y = transformer(CGCS2000, grid.crs).transform(*asked.source)
    row, column = grid.index(x, y)
    rows, columns = grid.heights.shape
    away = np.hypot((np.arange(rows)[:, None] - row) * grid.cell[1],
                    (np.arange(columns)[None, :] - column) * grid.cell[0])  # fmt: skip
    near = (away <= max(asked.snap, *grid.cell)) & np.isfinite(grid.heights)
    if not near.any():
        raise ParameterError(
            "the water's source lies where the ground is unknown",
            remedy="choose a place on the elevation model",
        )
    best = int(np.argmin(np.where(near, grid.heights, np.inf)))
    return best // columns, best % columns


def _classes(found: Flood, wet: Flags) -> npt.NDArray[np.uint8]:
    classes = np.full(wet.shape, NOTHING, np.uint8)
    classes[wet] = np.searchsorted(_STEPS, found.depth[wet], side="right")
    classes[found.low] = 5
    return classes


def _figures(
    ground: Ground, found: Flood, water: tuple[float, float], source: str
) -> tuple[Figure, ...]:
    level, rise = water
    wet, cell = np.isfinite(found.depth), cell_area(ground.grid)
    deepest = float(np.nanmax(found.depth))
    # A level surface over a valley that falls: far downstream it is deeper than it ever rose.
    sloping = deepest > DEEPER * rise
    cut = "；已触及计算边界，偏小 reaches the edge: too small" if found.rim else ""
    how = f"{source}，连通淹没 connected{cut}"
    return (
        figure("level", "水位（1985）", "Water level (1985)", level, "m", source),
        figure("area", "淹没面积（椭球面）", "Flooded "
                                    "(ellipsoidal)", cell * int(wet.sum()), "m2", how),
        figure("volume", "水量", "Volume", cell * float(np.nansum(found.depth)), "m3", how),
        figure("deepest", "最大水深", "Deepest", deepest, "m",
               f"{how}；远大于来水点的抬升，下游偏大 far more than the rise at the source: "
               "too much downstream" if sloping else how,
               verdict=Verdict.NEEDS_REVIEW if sloping else None),
        figure("not_reached", "低于水位但不连通面积", "As low, not reached",
               cell * int(found.low.sum()), "m2", how),
        figure("complete", "是否完整", "Complete", "否 no" if found.rim else "是 yes", "", how,
               verdict=Verdict.UNKNOWN if found.rim else None),
    )  # fmt: skip


def _curve(ground: Ground, over: Floats, seed: tuple[int, int], level: float) -> Series:
    """Volume and area over the stage at the source, to the level and half as much again."""
    low = float(over[seed])
    levels = np.linspace(low, low + 1.5 * (level - low), 25)
    areas, volumes = stages(over, seed, levels, cell_area(ground.grid))
    return Series(
        title="水位—容积曲线", title_en="Volume and area over the stage",
        x=Axis(title="水位（1985）", title_en="Stage (1985)", unit="m", values=listed(levels, 3)),
        y=(Axis(title="容积", title_en="Volume", unit="m3", values=listed(volumes, 1)),
           Axis(title="面积", title_en="Area", unit="m2", values=listed(areas, 1))),
    )  # fmt: skip


INUNDATION = Analysis(
    id="planning.inundation",
    guide="planning.md",
    title="水涨到这里会淹到谁（淹没分析）",
    title_en="How far does water reach, and who is in it",
    summary=(
        "从来水点按连通性淹没低于水位的地面，给出范围、水深、水量、水位—容积曲线和受影响的人、房、路、管线；"
        "不连通的低地单独标出。"
    ),
    summary_en=(
        "From a source water floods the ground below its level as far as it is connected: extent, "
        "depth, volume over the stage, and who and what is in it. Low ground that is not "
        "reached is "
        "told apart."
    ),
    parameters=InundationParameters,
    run=inundation,
    version=2,
    example={
        "source": [106.6480, 35.2165],
        "rise": 2,
        "fall": 4.5,
        "downstream": 80,
        "range": 1000,
    },
    reads=lambda asked: (asked.terrain, *READS),
    references=("Bates & De Roo (2000), A simple raster-based model, J. Hydrology 236, 54-77",),
)
