"""坡度分级: how steep the ground is."""

from __future__ import annotations

import numpy as np

from cim.drawn import NOTHING, cell_area, coverage, disc
from cim.geo.terrain import slope
from cim.topic import Analysis, Context, Figure, LegendEntry, Result
from cim.topics.terrain.around import AroundParameters, placed
from cim.topics.terrain.asked import accuracy_of, provenance, source_of

_STEPS = (2.0, 6.0, 15.0, 25.0, 35.0)  # degrees: the five limits of the national land survey
_SLOPE_LEGEND = (
    LegendEntry(value=0, color="#2e7d32a0", title="≤2°", title_en="up to 2°"),
    LegendEntry(value=1, color="#9ccc65a0", title="2°–6°", title_en="2° to 6°"),
    LegendEntry(value=2, color="#ffee58a0", title="6°–15°", title_en="6° to 15°"),
    LegendEntry(value=3, color="#ffa726a0", title="15°–25°", title_en="15° to 25°"),
    LegendEntry(value=4, color="#ef5350a0", title="25°–35°", title_en="25° to 35°"),
    LegendEntry(value=5, color="#8e24aaa0", title=">35°", title_en="over 35°"),
)


def slopes(asked: AroundParameters, context: Context) -> Result:
    """Slope classes around a place."""
    ground, x, y = placed(asked, context, 100.0)
    steep = slope(ground.grid)
    inside = disc(ground.grid, x, y, asked.range)
    known = inside & np.isfinite(steep)
    classes = np.full(steep.shape, NOTHING, np.uint8)
    classes[known] = np.searchsorted(_STEPS, steep[known], side="left")
    cell, source = cell_area(ground.grid), source_of(ground, asked)
    by_class = tuple(
        Figure(
            key=f"class_{entry.value}", title=f"坡度 {entry.title}", title_en=entry.title_en,
            value=cell * int((classes == entry.value).sum()) / 1e6, unit="km2",
            evidence=f"{source}，Horn (1981)；椭球面面积 ellipsoidal",
        )
        for entry in _SLOPE_LEGEND
    )  # fmt: skip
    return Result(
        summary=(
            *by_class,
            Figure(key="mean", title="平均坡度", title_en="Mean slope", unit="deg",
                   value=float(steep[known].mean()) if known.any() else None, evidence=source),
            Figure(key="unknown_area", title="无法判定面积", title_en="Cannot be told", unit="km2",
                   value=cell * int((inside & ~known).sum()) / 1e6, evidence=source),
            accuracy_of(ground, asked),
        ),
        coverage=coverage(ground.grid, classes, context, _SLOPE_LEGEND),
        provenance=provenance(ground, asked, context, "Slope of the model's cells."),
    )  # fmt: skip


SLOPES = Analysis(
    id="terrain.slopes",
    title="这一带有多陡（坡度分级）",
    title_en="How steep is the ground here",
    summary="按 2°、6°、15°、25°、35° 分级给出地面或地表坡度分布与各级椭球面面积。",
    summary_en=(
        "Slope of the ground or of the mesh's surface in the classes of the land survey (2, 6, 15, "
        "25, 35 degrees) with the ellipsoidal area of each."
    ),
    parameters=AroundParameters,
    run=slopes,
    example={"centre": [106.6480, 35.2200], "range": 2000},
    reads=lambda asked: (asked.terrain,),
    references=("Horn (1981), Hill shading and the reflectance map, Proc. IEEE 69(1), 14-47",),
)
