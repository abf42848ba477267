"""位移监测: how fast a point moves, whether it accelerates, when it would fail."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta
from typing import Annotated, Any

import numpy as np
import pandas as pd
from pydantic import Field
from shapely import Point as Place

from cim.drawn import collection, feature, listed
from cim.errors import ParameterError
from cim.evidence import Rows, figure, input_of, rows_of
from cim.question import english, layer_field, of_layer
from cim.topic import Analysis, Axis, Context, Figure, Parameters, Result, Series, Verdict
from cim.topics.geohazards.analysis.displacement import (
    Failure,
    Floats,
    failure,
    jumps,
    ordered,
    rates,
    steady_rate,
    tangent_angles,
    velocity,
    without_jumps,
)
from cim.topics.geohazards.asked import NOT_FOR_DISPATCH

_ANGLES = (45.0, 80.0, 85.0)  # unverified: from even movement, accelerating, about to fail
_STATES = (
    ("初始或匀速变形", "slow or steady"),
    ("匀速变形（黄色）", "steady (yellow)"),
    ("加速变形（橙色）", "accelerating (orange)"),
    ("临滑（红色）", "about to fail (red)"),
)
Reading = tuple[date, float]


class MonitoringParameters(Parameters):
    """What monitoring asks for."""

    point: str = Field(
        default="GNSS03", title="监测点", description="监测点编号。", max_length=60,
        json_schema_extra=english("Point", "Number of the monitored point.",
                                  **of_layer("geohazards.displacement", "point")),
    )  # fmt: skip
    displacements: str = layer_field(
        "geohazards.displacement", "位移图层", "各监测点逐日累计位移。", "Displacements",
        "Cumulative displacement of each point, by day.",
    )  # fmt: skip
    readings: Annotated[
        list[Reading] | None,
        Field(
            default=None, max_length=20_000, title="直接给出读数",
            description="[日期, 累计位移 mm] 的列表；给出时不读图层。",
            json_schema_extra=english(
                "Readings", "[day, cumulative mm]; if given, the layer is not read.", "mm",
                advanced=True,
            ),
        ),
    ]  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _Course:
    """A series as it was read."""

    first: date
    days: Floats
    millimetres: Floats
    rows: Rows | None
    place: Place | None


def _course(asked: MonitoringParameters, context: Context) -> _Course:
    """The readings asked about.

    Raises:
        ParameterError: no such point, or readings that are out of order.
    """
    if asked.readings is not None:
        days = [day for day, _ in asked.readings]
        values = np.array([mm for _, mm in asked.readings], np.float64)
        rows, place = None, None
    else:
        rows = rows_of(context, asked.displacements, fields=("point", "day", "millimetres"))
        own = rows.frame[rows.frame["point"] == asked.point]
        if own.empty:
            names = ", ".join(sorted(map(str, rows.frame["point"].dropna().unique()))[:20])
            raise ParameterError(
                f"{rows.source} has no point {asked.point}", remedy=f"there are {names or 'none'}"
            )
        own = own.dropna(subset=["day", "millimetres"]).sort_values("day", kind="stable")
        days = list(pd.to_datetime(own["day"]).dt.date)
        values = own["millimetres"].to_numpy(np.float64)
        place = own.geometry.iloc[0] if len(own) else None
    if not days:
        raise ParameterError("there are no readings", remedy="give days and displacements")
    count = np.array([(day - days[0]).days for day in days], np.float64)
    ordered(count, values)
    return _Course(first=days[0], days=count, millimetres=values, rows=rows, place=place)


def run(asked: MonitoringParameters, context: Context) -> Result:
    """Read a series."""
    course = _course(asked, context)
    steps = jumps(course.days, course.millimetres)
    smooth = without_jumps(course.days, course.millimetres, steps)
    whole = velocity(course.days, smooth)
    late = course.days >= course.days[-1] - max(7.0, (course.days[-1] - course.days[0]) / 6)
    recent = velocity(course.days[late], smooth[late]) if late.sum() >= 3 else None
    steady = steady_rate(course.days, smooth)
    sign = -1.0 if whole.value < 0 else 1.0
    angles = (
        tangent_angles(course.days, sign * smooth, abs(steady))
        if abs(steady) > 0.01 else np.full(len(smooth), np.nan)
    )  # fmt: skip
    end = failure(course.days, smooth)
    source = course.rows.source if course.rows else "所给读数 readings as given"
    recent_rows = () if recent is None else (
        figure("recent", "近期速率", "Recent rate", recent.value, "mm/d",
               f"{source}，Theil–Sen，95 %: {recent.low:.2f} … {recent.high:.2f}"),
    )  # fmt: skip
    return Result(
        summary=(
            *_state(angles, source),
            *_end(end, course.first, source),
            figure("total", "累计位移", "Displacement", float(course.millimetres[-1]), "mm",
                   source),
            figure("rate", "平均速率", "Rate", whole.value, "mm/d",
                   f"{source}，Theil–Sen，95 %: {whole.low:.2f} … {whole.high:.2f}"),
            *recent_rows,
            figure("jumps", "跳变（已剔除）", "Jumps taken out", len(steps), "1", source,
                   verdict=Verdict.NEEDS_REVIEW if len(steps) else None),
            figure("readings", "读数个数", "Readings", len(course.days), "1", source),
        ),
        series=_charts(course, smooth, angles, end),
        features=None if course.place is None or course.rows is None else collection([
            feature(course.place, f"监测点 {asked.point}", f"Point {asked.point}",
                    crs=course.rows.frame.crs, color="#ffd54f", width=12, label=True)
        ]),
        provenance={
            "inputs": [input_of(course.rows.version)] if course.rows else [
                {"readings": "as given", "count": len(course.days)}],
            "crs": context.city.compute_crs.to_string(),
            "jumps": [str(course.first + timedelta(days=float(course.days[i]))) for i in steps],
            "steady_mm_per_day": steady,
            "applicability": f"{NOT_FOR_DISPATCH}. 切线角界限未核实；逆速度法只在加速阶段成立 "
                             "limits of "
            "the tangent angle are unverified; inverse velocity holds in tertiary creep only",
        },
    )  # fmt: skip


def _state(angles: Floats, source: str) -> tuple[Figure, ...]:
    known = angles[np.isfinite(angles)]
    angle = float(np.median(known[-3:])) if known.size else None
    state = None
    if angle is not None:
        zh, en = _STATES[int(np.searchsorted(_ANGLES, angle, side="right"))]
        state = f"{zh} {en}"
    return (
        figure("state", "变形阶段（界限未核实）", "Stage (limits unverified)", state, "", source,
               verdict=Verdict.UNKNOWN if state is None else Verdict.NEEDS_REVIEW),
        figure("angle", "改进切线角", "Improved tangent angle",
               None if angle is None else round(angle, 1), "deg", source),
    )  # fmt: skip


def _end(end: Failure | str, first: date, source: str) -> tuple[Figure, ...]:
    if isinstance(end, str):
        return (
            figure("failure", "预计失稳日期", "Day of failure", None, "", source,
                   verdict=Verdict.UNKNOWN),
            figure("failure_why", "不作预报的原因", "Why no day is told", end, "", source),
        )  # fmt: skip
    low, day, high = (
        str(first + timedelta(days=min(v, 36_500.0)))
        for v in (end.day.low, end.day.value, end.day.high)
    )
    return (
        figure("failure", "预计失稳日期（逆速度）", "Day of failure (inverse velocity)", day, "",
               f"{source}，95 %: {low} … {high}，R² {end.share:.3f}，Fukuzono 1985",
               verdict=Verdict.NEEDS_REVIEW),
        figure("failure_low", "置信区间下限", "Earliest (95 %)", low, "", source),
        figure("failure_high", "置信区间上限", "Latest (95 %)", high, "", source),
    )  # fmt: skip


def _charts(
    course: _Course, smooth: Floats, angles: Floats, end: Failure | str
) -> tuple[Series, ...]:
    x = Axis(title=f"自 {course.first} 起", title_en=f"Since {course.first}", unit="d",
             values=course.days.tolist())  # fmt: skip
    charts: list[Series] = [
        Series(title="累计位移", title_en="Displacement", x=x, y=(
            Axis(title="读数", title_en="Read", unit="mm", values=listed(course.millimetres, 2)),
            Axis(title="剔除跳变后", title_en="Without jumps", unit="mm",
                 values=listed(smooth, 2)))),
        Series(title="改进切线角", title_en="Improved tangent angle", x=x, y=(
            Axis(title="切线角", title_en="Angle", unit="deg", values=listed(angles, 2)),)),
    ]  # fmt: skip
    if isinstance(end, Failure):
        charts.insert(0, _inverse(course, smooth, end))
    return tuple(charts)


def _inverse(course: _Course, smooth: Floats, end: Failure) -> Series:
    """1/v of the phase looked at, and the line that tells the day on which it is zero."""
    middle, rate = rates(course.days, smooth)
    late = middle >= end.since
    days = np.append(middle[late], end.day.value)
    with np.errstate(divide="ignore"):
        inverse = np.append(np.where(rate > 1e-6, 1 / rate, np.nan)[late], np.nan)
    return Series(
        title="逆速度（至零为失稳）", title_en="Inverse velocity (failure at zero)",
        x=Axis(title=f"自 {course.first} 起", title_en=f"Since {course.first}", unit="d",
               values=listed(days, 2)),
        y=(Axis(title="1/v", title_en="1/v", unit="d/mm", values=listed(inverse, 5)),
           Axis(title="拟合线", title_en="Line", unit="d/mm",
                values=listed(end.slope * (days - end.day.value), 5))),
    )  # fmt: skip


def _reads(asked: MonitoringParameters) -> tuple[str, ...]:
    return () if asked.readings is not None else (asked.displacements,)


_EXAMPLE: dict[str, Any] = {"point": "GNSS03"}

MONITORING = Analysis(
    id="geohazards.monitoring",
    guide="geohazards.md",
    title="这个监测点在加速吗，会在什么时候滑",
    title_en="Does this point accelerate, and when would it fail",
    summary=(
        "由累计位移求速率（Theil–Sen）、改进切线角和逆速度法失稳时间及其 95 % 区间；没有加速阶"
        "段或离散过大时拒绝"
        "预报；跳变单独列出并剔除。"
    ),
    summary_en=(
        "From cumulative displacement: rate (Theil-Sen), improved tangent angle, and the day of "
        "failure by inverse velocity with its 95 % interval, refused where nothing accelerates or "
        "readings scatter too much. Jumps are told and taken out."
    ),
    parameters=MonitoringParameters,
    run=run,
    example=_EXAMPLE,
    reads=_reads,
    references=(
        "Fukuzono (1985), Proc. 4th Int. Conf. and Field Workshop on Landslides, 145-150",
        "Xu et al. (2009), Geological Bulletin of China 28(4), 501-505（界限未核实）",
        "Sen (1968), J. American Statistical Association 63, 1379-1389",
    ),
)
