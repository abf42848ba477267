"""日照: how long the sun reaches the ground on a day."""

from __future__ import annotations

from datetime import date

import numpy as np
from pydantic import Field

from cim.drawn import NOTHING, cell_area, coverage, disc
from cim.errors import ParameterError
from cim.geo.sun import sun_at, sunlight, true_solar
from cim.question import english
from cim.topic import Analysis, Context, Figure, LegendEntry, Result
from cim.topics.terrain.around import AroundParameters, placed
from cim.topics.terrain.asked import accuracy_of, provenance, source_of


class SunParameters(AroundParameters):
    """What hours of sun ask for."""

    day: date = Field(
        default=date(2026, 1, 20),
        title="日期",
        description="计算日照的日期；大寒日为住宅日照标准日之一。",
        json_schema_extra=english("Day", "Dahan, about 20 January, is a day of the rules."),
    )
    begin: float = Field(
        default=8.0, ge=0, le=24, title="起始（真太阳时）", description="时段起点，当地真太阳时。",
        json_schema_extra=english("From", "Local true solar time.", "h"),
    )  # fmt: skip
    end: float = Field(
        default=16.0, ge=0, le=24, title="终止（真太阳时）", description="时段终点，当地真太阳时。",
        json_schema_extra=english("Until", "Local true solar time.", "h"),
    )  # fmt: skip
    step: float = Field(
        default=0.25, ge=0.05, le=2, title="时间步长", description="每步取中点时刻的太阳位置。",
        json_schema_extra=english("Step", "The sun's place is that of each step's middle.", "h"),
    )  # fmt: skip


_SUN_COLOURS = ("#1a237ea0", "#3949aba0", "#1e88e5a0", "#26c6daa0", "#66bb6aa0", "#d4e157a0",
                "#ffca28a0", "#fb8c00a0", "#e53935a0")  # fmt: skip


def hours_of_sun(asked: SunParameters, context: Context) -> Result:
    """Hours of sun on the ground around a place."""
    if asked.end <= asked.begin:
        raise ParameterError("the span ends before it begins", remedy="give an end after the begin")
    lowest = 5.0  # degrees: what lies farther than 2 km shades no lower sun of an hour's worth
    ground, x, y = placed(asked, context, 3000.0)
    count = max(1, round((asked.end - asked.begin) / asked.step))
    step = (asked.end - asked.begin) / count
    suns = [
        sun_at(
            true_solar(asked.day, asked.begin + (i + 0.5) * step, asked.centre[0]), *asked.centre
        )
        for i in range(count)
    ]
    convergence = ground.grid.convergence(x, y)
    light = sunlight(ground.grid, suns, step=step, convergence=convergence)
    inside = disc(ground.grid, x, y, asked.range)
    known = inside & np.isfinite(light.hours) & (light.unknown == 0)
    classes = np.full(light.hours.shape, NOTHING, np.uint8)
    classes[known] = np.clip(light.hours[known] + 1e-9, 0, 8).astype(np.uint8)
    source = f"{source_of(ground, asked)}，真太阳时 true solar time"
    cell = cell_area(ground.grid)
    low = sum(1 for sun in suns if 0 < sun.elevation < lowest) * step
    row, column = (round(v) for v in ground.grid.index(x, y))
    here = float(light.hours[row, column]) if known[row, column] else None
    return Result(
        summary=(
            Figure(key="here", title="中心点日照时数", title_en="At the centre", value=here,
                   unit="h", evidence=source),
            Figure(key="possible", title="可照时数", title_en="Sun above the horizon",
                   value=light.possible, unit="h", evidence=source),
            Figure(key="mean", title="平均日照时数", title_en="Mean", unit="h",
                   value=float(light.hours[known].mean()) if known.any() else None,
                   evidence=source),
            Figure(key="below_two", title="不足 2 小时面积", title_en="Under 2 hours", unit="km2",
                   value=cell * int((known & (light.hours < 2)).sum()) / 1e6, evidence=source),
            Figure(key="unknown_area", title="无法判定面积", title_en="Cannot be told", unit="km2",
                   value=cell * int((inside & ~known).sum()) / 1e6, evidence=source),
            accuracy_of(ground, asked),
        ),
        coverage=coverage(ground.grid, classes, context, _sun_legend()),
        provenance=provenance(
            ground, asked, context,
            "Direct sun on the model's surface; ground beyond 3 km around the area casts no "
            f"shadow here, which matters for the {low:g} h that the sun stands below 5 degrees.",
        ) | {"convergence_deg": convergence,
             "suns": [[s.azimuth, s.elevation] for s in suns]},
    )  # fmt: skip


def _sun_legend() -> tuple[LegendEntry, ...]:
    last = len(_SUN_COLOURS) - 1
    return tuple(
        LegendEntry(
            value=i, color=color,
            title=f"≥{i} 小时" if i == last else f"{i}–{i + 1} 小时",
            title_en=f"{i} h and more" if i == last else f"{i} to {i + 1} h",
        )
        for i, color in enumerate(_SUN_COLOURS)
    )  # fmt: skip


SUNSHINE = Analysis(
    id="terrain.sunshine",
    title="这一带某日能晒到几小时太阳",
    title_en="How many hours of sun does the ground get on a day",
    summary=(
        "按真太阳时逐时段计算太阳位置，并以地面或地表高程逐格判定遮挡，得到日照时数分布；"
        "不替代按建筑日照规范进行的窗台日照计算。"
    ),
    summary_en=(
        "The sun's place in local true solar time, and the exact line from each cell to it over "
        "the ground or the mesh's surface, give the hours of direct sun. It is no calculation of "
        "window sills after the building rules."
    ),
    parameters=SunParameters,
    run=hours_of_sun,
    example={"centre": [106.6480, 35.2200], "range": 1500, "day": "2026-01-20"},
    reads=lambda asked: (asked.terrain,),
    references=("Meeus (1998), Astronomical Algorithms, 2nd ed., chapters 22, 25, 28",),
)
