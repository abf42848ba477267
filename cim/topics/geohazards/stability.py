"""斜坡稳定性: which slopes are near to failing when it rains."""

from __future__ import annotations

import numpy as np
from pydantic import Field

from cim.catalog.elevation import Ground
from cim.drawn import NOTHING, cell_area, coverage, disc
from cim.errors import ParameterError
from cim.evidence import figure, ground_accuracy, ground_provenance, ground_source
from cim.geo.terrain import flow, slope
from cim.question import english, number_field
from cim.topic import Analysis, Context, LegendEntry, Result
from cim.topics.geohazards.analysis.slope import Floats, Soil, safety, wetness
from cim.topics.geohazards.asked import NOT_FOR_DISPATCH, AroundParameters, placed

_STEPS = (1.0, 1.05, 1.15)
_LEGEND = (
    LegendEntry(value=0, color="#b71c1cc0", title="不稳定 FS<1.00", title_en="unstable, FS < 1"),
    LegendEntry(value=1, color="#ef6c00b0", title="欠稳定 1.00–1.05",
                title_en="barely stable, 1.00 to 1.05"),
    LegendEntry(value=2, color="#fdd835a0", title="基本稳定 1.05–1.15",
                title_en="nearly stable, 1.05 to 1.15"),
    LegendEntry(value=3, color="#66bb6a60", title="稳定 ≥1.15", title_en="stable, from 1.15"),
)  # fmt: skip


class StabilityParameters(AroundParameters):
    """What stability asks for."""

    cohesion: float = number_field(
        8.0, "有效黏聚力 c′", "含根系加固；由土工试验给出。", "Effective cohesion",
        "Of soil and roots; from tests.", "kPa", 0, 200,
    )  # fmt: skip
    friction: float = number_field(
        26.0, "有效内摩擦角 φ′", "由土工试验给出。", "Effective friction angle", "From tests.",
        "deg", 5, 60,
    )  # fmt: skip
    weight: float = number_field(
        18.0, "土的重度 γ", "饱和前后取同一值。", "Unit weight of the soil",
        "The same wet and dry.", "kN/m3", 10, 26,
    )  # fmt: skip
    depth: float = number_field(
        2.0, "滑面埋深 z", "竖直深度。", "Depth of the failure plane", "Vertical.", "m", 0.1, 30
    )
    rain: float = number_field(
        60.0, "稳态补给强度", "折算为日降雨入渗量，用于计算饱和比。", "Steady recharge",
        "Rain that infiltrates a day; gives the saturated share.", "mm/d", 0, 1000,
    )  # fmt: skip
    transmissivity: float = number_field(
        20.0, "土层导水系数 T", "饱和土层的导水系数。", "Transmissivity",
        "Of the saturated soil.", "m2/d", 0.01, 10_000,
    )  # fmt: skip
    wet: float | None = Field(
        default=None, ge=0, le=1, title="固定饱和比 m",
        description="给出时不按降雨计算，处处取该值（0 干燥，1 饱和）。",
        json_schema_extra=english(
            "Fixed saturated share", "If given it is used everywhere instead of rain's.", "1"
        ),
    )  # fmt: skip


def stability(asked: StabilityParameters, context: Context) -> Result:
    """Factors of safety around a place."""
    soil = Soil(cohesion=asked.cohesion, friction=asked.friction, weight=asked.weight,
                depth=asked.depth, transmissivity=asked.transmissivity)  # fmt: skip
    if soil.weight <= 0:
        raise ParameterError("a soil without weight does not slide")
    ground, x, y = placed(asked, context, 1000.0)
    steep = slope(ground.grid)
    wet = _wet(asked, ground, steep, soil)
    factor = safety(steep, wet, soil)
    inside = disc(ground.grid, x, y, asked.range)
    known = inside & np.isfinite(factor)
    classes = np.full(factor.shape, NOTHING, np.uint8)
    classes[known] = np.searchsorted(_STEPS, factor[known], side="right")
    cell, source = cell_area(ground.grid), ground_source(ground)
    evidence = f"{source}，无限边坡法 infinite slope；椭球面面积 ellipsoidal"
    share = 100 / max(int(known.sum()), 1)
    dry = safety(steep, np.zeros(1), soil)[known]
    return Result(
        summary=(
            *(figure(f"class_{entry.value}", entry.title, entry.title_en,
                     cell * int((classes == entry.value).sum()) / 1e6, "km2", evidence)
              for entry in _LEGEND),
            figure("unstable_share", "不稳定面积占比", "Unstable share",
                   float(share * (classes == 0).sum()) if known.any() else None, "%", evidence),
            figure("dry_unstable_share", "干燥时不稳定占比", "Unstable when dry",
                   float(share * (dry < 1).sum()) if known.any() else None, "%", evidence),
            figure("mean_wet", "平均饱和比", "Mean saturated share",
                   float(wet[known].mean()) if known.any() else None, "1", evidence),
            figure("unknown_area", "无法判定面积", "Cannot be told",
                   cell * int((inside & ~known).sum()) / 1e6, "km2", source),
            ground_accuracy(ground),
        ),
        coverage=coverage(ground.grid, classes, context, _LEGEND),
        provenance=ground_provenance(ground, context) | {
            "applicability": f"{NOT_FOR_DISPATCH}. 浅层平移滑动、稳态渗流、全区同一土层 shallow "
            "translational slides, steady seepage, one soil everywhere; no deep or rock slides",
            "class_limits": "FS 1.00/1.05/1.15: practice of landslide surveys (unverified)",
        },
    )  # fmt: skip


def _wet(asked: StabilityParameters, ground: Ground, steep: Floats, soil: Soil) -> Floats:
    """The saturated share of each cell."""
    if asked.wet is not None:
        return np.full(steep.shape, asked.wet)
    upslope = flow(ground.grid).upslope
    width = float(np.sqrt(ground.grid.cell[0] * ground.grid.cell[1]))
    return wetness(upslope, steep, width, asked.rain, soil)


STABILITY = Analysis(
    id="geohazards.stability",
    guide="geohazards.md",
    title="下了雨，哪些坡快要滑（斜坡稳定性）",
    title_en="Which slopes are near to sliding when it rains",
    summary=(
        "按无限边坡法逐格计算安全系数：坡度取自 DEM，饱和比由稳态补给、汇水面积与导水系数得出，"
        "或直接给定；适用于浅层平移滑动，不适用于深层或岩质滑坡。"
    ),
    summary_en=(
        "The factor of safety of an infinite slope, cell by cell: slope from the DEM, the "
        "saturated share from steady recharge, upslope area and transmissivity, or as given. "
        "For shallow "
        "translational slides, not for deep or rock slides."
    ),
    parameters=StabilityParameters,
    run=stability,
    example={"centre": [106.6650, 35.2420], "range": 1500, "rain": 60, "cohesion": 6},
    reads=lambda asked: (asked.terrain,),
    references=(
        "Skempton & DeLory (1957), Proc. 4th ICSMFE 2, 378-381",
        "Montgomery & Dietrich (1994), Water Resources Research 30(4), 1153-1171",
        "GB/T 32864-2016 滑坡防治工程勘查规范（分级界限未核对原文 class limits unverified）",
    ),
)
