"""阴影: what a building, or a scheme, throws its shadow on over a day."""

from __future__ import annotations

from datetime import date, datetime, timedelta

import geopandas as gpd
import numpy as np
import shapely
from pydantic import Field
from shapely.geometry.base import BaseGeometry

from cim.drawn import collection, feature
from cim.errors import ParameterError
from cim.evidence import figure
from cim.geo.crs import CGCS2000, transformer
from cim.geo.massing import shadow
from cim.geo.sun import sun_at, true_solar
from cim.question import Point, english, number_field, point_field
from cim.topic import Analysis, Axis, Context, Result, Series, Table
from cim.topics.planning.analysis.overlay import area_of, polygons
from cim.topics.planning.asked import convergence_at, czml, datum
from cim.topics.planning.town import PARCEL, SCHEME, InTown, massing, town

LOWEST = 5.0  # degrees: below, shadows are longer than eleven times the height and say little


class ShadowParameters(InTown):
    """What a shadow asks for."""

    place: Point = point_field(
        "位置", "点选建筑；给出方案时计算该方案全部体块。", "Place",
        "A building; with a scheme, all of its blocks are taken.",
    )  # fmt: skip
    day: date = Field(
        default=date(2026, 1, 20), title="日期", description="大寒日为 1 月 20 日前后。",
        json_schema_extra=english("Day", "Dahan is about 20 January."),
    )  # fmt: skip
    begin: float = number_field(8.0, "起始（真太阳时）", "时段起点。", "From",
                                "Local true solar time.", "h", 0, 24)  # fmt: skip
    end: float = number_field(16.0, "终止（真太阳时）", "时段终点。", "Until",
                              "Local true solar time.", "h", 0, 24)  # fmt: skip
    step: float = number_field(30.0, "时间步长", "每步一幅阴影。", "Step", "One shadow "
                                                                "each.", "min",
                               5, 120)  # fmt: skip


def shadows_of_day(asked: ShadowParameters, context: Context) -> Result:
    """Shadows over a day."""
    if asked.end <= asked.begin:
        raise ParameterError("the span ends before it begins", remedy="give an end after the begin")
    crs = context.city.compute_crs
    x, y = transformer(CGCS2000, crs).transform(*asked.place)
    standing = town(context, asked, (x, y, x, y), 400.0)
    own = (
        standing.frame[standing.frame["scheme"] == asked.scheme] if asked.scheme
        else standing.frame.iloc[[standing.at(x, y, 30.0)]]
    )  # fmt: skip
    tall = own[np.isfinite(own["height"].astype(float))]
    if tall.empty:
        raise ParameterError(
            "the building's height is not known", remedy="complete its attributes, then ask again"
        )
    turn = convergence_at(crs, x, y)
    cast = _cast(asked, tall, turn)
    whole = polygons(shapely.union_all([shape for *_, shape in cast]))
    areas = [area_of(shape, crs) for *_, shape in cast]
    source = f"{standing.source}，平地投影 on level ground"
    return Result(
        summary=(
            figure("area", "全天阴影范围（椭球面）"
                           "", "Ground that is shaded", area_of(whole, crs), "m2",
                   source),
            figure("largest", "最大瞬时阴影", "Largest shadow", max(areas), "m2", source),
            figure("blocks", "投影体块数", "Blocks", len(tall), "1", standing.source),
            figure("unknown", "缺高度未计的体块", "Blocks without a height", len(own) - len(tall),
                   "1", standing.source),
        ),
        features=collection([
            feature(whole, "全天阴影范围", "Shaded during the span", crs=crs, color="#263238",
                    width=2, fill="#26323830"),
            *massing(standing, crs),
        ]),
        timeline=czml(
            "阴影", [(moment, moment + timedelta(minutes=asked.step), shape, "#263238a0")
                    for _, moment, shape in cast], crs,
        ),
        series=(
            Series(title="阴影面积", title_en="Shadow over the day",
                   x=Axis(title="真太阳时", title_en="True solar time", unit="h",
                          values=[round(hour, 3) for hour, *_ in cast]),
                   y=(Axis(title="面积", title_en="Area", unit="m2",
                           values=[round(a, 1) for a in areas]),)),
        ),
        tables=(_table(cast, areas),),
        provenance={
            "inputs": standing.inputs, **datum(context), "convergence_deg": turn,
            "applicability": "投影到建筑室外地面高程的水平面上，不随地形起伏，也不投到其他建筑"
                             "立面 on the level "
            "of the building's own ground: not on slopes, nor on other facades",
        },
    )  # fmt: skip


Cast = tuple[float, datetime, BaseGeometry]


def _cast(asked: ShadowParameters, tall: gpd.GeoDataFrame, turn: float) -> list[Cast]:
    """The shadow of some blocks at each step: true solar time, moment, area.

    Raises:
        ParameterError: the sun is too low all the time.
    """
    steps = int((asked.end - asked.begin) * 60 / asked.step) + 1
    cast: list[Cast] = []
    for i in range(steps):
        hour = asked.begin + i * asked.step / 60
        moment = true_solar(asked.day, hour, asked.place[0])
        sun = sun_at(moment, *asked.place)
        if sun.elevation < LOWEST:
            continue
        parts = [
            shadow(shape, float(height), sun.azimuth - turn, sun.elevation)
            for shape, height in zip(tall.geometry, tall["height"], strict=True)
        ]
        cast.append((hour, moment, polygons(shapely.union_all(parts))))
    if not cast:
        raise ParameterError(
            f"the sun does not stand {LOWEST:g} degrees high on {asked.day} in that span",
            remedy="choose another day or hours",
        )
    return cast


def _table(cast: list[Cast], areas: list[float]) -> Table:
    return Table(
        title="逐时阴影", title_en="Shadows",
        columns=(("hour", "真太阳时", "True solar time", "h"),
                 ("beijing", "北京时间", "Beijing time", ""), ("area", "面积", "Area", "m2")),
        rows=[
            {"hour": round(hour, 3),
             "beijing": (moment + timedelta(hours=8)).strftime("%H:%M"), "area": round(area, 1)}
            for (hour, moment, _), area in zip(cast, areas, strict=True)
        ],
    )  # fmt: skip


SHADOW = Analysis(
    id="planning.shadow",
    guide="planning.md",
    title="这栋楼（方案）的影子一天里落在哪里",
    title_en="Where does this building's shadow fall over a day",
    summary="按真太阳时逐步计算建筑或方案体块在其室外地面上的阴影，时间轴播放，并给出全天范围与面积。",
    summary_en=(
        "The shadow of a building or of a scheme's blocks on the level of its ground, step by step "
        "of true solar time, with the ground it covers over the day."
    ),
    parameters=ShadowParameters,
    run=shadows_of_day,
    example={"place": [106.64705, 35.21968], "scheme": "A"},
    reads=lambda a: tuple(x for x in (a.buildings, a.scheme and SCHEME, a.scheme and PARCEL) if x),
    references=("Meeus (1998), Astronomical Algorithms, 2nd ed., chapters 22, 25, 28",),
)  # fmt: skip
