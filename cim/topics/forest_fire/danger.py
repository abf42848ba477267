"""火险: how dangerous are these days."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import numpy as np
import pandas as pd
from pydantic import Field

from cim.drawn import listed
from cim.errors import ParameterError
from cim.evidence import Rows, figure, input_of, rows_of
from cim.question import english, layer_field, number_field
from cim.topic import Analysis, Axis, Context, Parameters, Result, Series, Table, Verdict
from cim.topics.forest_fire.analysis.danger import (
    Index,
    Noon,
    additive,
    beaufort,
    grade,
    season,
)

GRADES = (
    ("一级（低）", "low", "green"), ("二级（较低）", "lower", "blue"), ("三级（较高）", "higher",
                                                                        "yellow"),
    ("四级（高）", "high", "orange"), ("五级（极高）", "extreme", "red"),
)  # fmt: skip
WET = 0.5  # mm: a day with more is no dry day


class DangerParameters(Parameters):
    """What danger asks for."""

    station: str = Field(
        default="华亭站", max_length=60, title="气象站", description="站名。",
        json_schema_extra=english("Station", "Its name."),
    )  # fmt: skip
    green: int = Field(
        default=5, ge=0, le=20, title="物候修正 E", description="积雪或返青时的扣分。",
        json_schema_extra=english("Phenology E", "Points off for snow or green cover.", "1"),
    )  # fmt: skip
    ffmc: float = number_field(85.0, "起始 FFMC", "前一日细小可燃物湿度码。",
                               "FFMC of the day before",
                               "Fine fuel moisture code.", "1", 0, 101)  # fmt: skip
    dmc: float = number_field(6.0, "起始 DMC", "前一日腐殖质湿度码。", "DMC of the day before",
                              "Duff moisture code.", "1", 0, 1000)  # fmt: skip
    dc: float = number_field(15.0, "起始 DC", "前一日干旱码。", "DC of the day before",
                             "Drought code.", "1", 0, 2000)  # fmt: skip
    weather: str = layer_field("forest_fire.weather", "气象图层", "逐日正午观测。", "Weather",
                               "Noon readings, by day.")  # fmt: skip


def _days(rows: Rows, station: str) -> tuple[list[Noon], int]:
    """Whole days of a station in their order, and how many rows lack a value."""
    own = rows.frame[rows.frame["station"] == station]
    if own.empty:
        names = ", ".join(sorted(map(str, rows.frame["station"].dropna().unique()))[:20])
        raise ParameterError(
            f"{rows.source} has no station {station}", remedy=f"there are {names or 'none'}"
        )
    own = own.dropna(subset=["day"]).sort_values("day", kind="stable")
    keys = ["temperature", "humidity", "wind", "rain"]
    whole = own.dropna(subset=keys)
    if whole.empty:
        raise ParameterError(
            f"no day of {station} has temperature, humidity, wind and rain",
            remedy="complete the readings",
        )
    days = [
        Noon(day=day, temperature=float(row.temperature), humidity=float(row.humidity),
             wind=float(row.wind), rain=float(row.rain))
        for day, row in zip(pd.to_datetime(whole["day"]).dt.date, whole.itertuples(), strict=True)
    ]  # fmt: skip
    return days, len(own) - len(whole)


def _dry(days: list[Noon]) -> list[int]:
    """Days since rain at each day; a gap does not count as dry."""
    out, run = [], 0
    for i, noon in enumerate(days):
        follows = i > 0 and (noon.day - days[i - 1].day).days == 1
        run = 0 if noon.rain > WET or not (follows or i == 0) else run + 1
        out.append(run)
    return out


def danger(asked: DangerParameters, context: Context) -> Result:
    """Indices of a season."""
    rows = rows_of(context, asked.weather, fields=("station", "day", "humidity"))
    days, lacking = _days(rows, asked.station)
    start = Index(ffmc=asked.ffmc, dmc=asked.dmc, dc=asked.dc, isi=0, bui=0, fwi=0)
    found = season(days, start)
    dry = _dry(days)
    points = [
        additive(d.temperature, d.humidity, n, beaufort(d.wind / 3.6), asked.green)
        for d, n in zip(days, dry, strict=True)
    ]
    last, last_points = found[-1], points[-1]
    zh, en, colour = GRADES[grade(last_points) - 1]
    source = f"{rows.source}，{asked.station}"
    gaps = sum((b.day - a.day).days - 1 for a, b in pairwise(days))
    return Result(
        summary=(
            figure("day", "最近一日", "Last day", str(days[-1].day), "", source),
            figure("fwi", "FWI", "FWI", None if last is None else last.fwi, "1",
                   f"{source}，Van Wagner & Pickett 1985",
                   verdict=Verdict.UNKNOWN if last is None else None),
            figure("points", "火险天气指数（加法）", "Additive points", last_points, "1",
                   f"{source}，A+B+C+D−E"),
            figure("grade", "火险天气等级", "Grade", f"{zh} {en} ({colour})", "",
                   f"{source}；等级界限未核实 limits unverified", verdict=Verdict.NEEDS_REVIEW),
            figure("dry_days", "连续无雨日", "Days since rain", dry[-1], "d", source),
            figure("gaps", "缺测天数", "Days missing", gaps, "d", source),
            figure("lacking", "缺要素的行", "Rows that lack a value", lacking, "1", source),
        ),
        series=(_chart(days, found, points),),
        tables=(_table(days, found, points),),
        provenance={
            "inputs": [input_of(rows.version)], "crs": "none",
            "start": {"ffmc": asked.ffmc, "dmc": asked.dmc, "dc": asked.dc},
            "applicability": "FWI 日长因子按北纬 46° 标准值；加法等级取自公开转述，等级界限未核实，"
            "其气温、湿度应为日最高气温与 14 时湿度，此处为正午观测，可能偏低；GB/T 36743-2018 "
            "公式未获得 day-length factors are the standard ones; the additive table is quoted "
            "second-hand, its limits unverified; it asks for the highest temperature and the "
            "humidity at 14 h and gets those of noon: it may be too low; the formula of "
            "GB/T 36743-2018 was not found",
        },
    )  # fmt: skip


def _chart(days: list[Noon], found: list[Index | None], points: list[int]) -> Series:
    count = np.array([(d.day - days[0].day).days for d in days], np.float64)
    fwi = np.array([np.nan if i is None else i.fwi for i in found])
    return Series(
        title="逐日火险", title_en="Danger by day",
        x=Axis(title=f"自 {days[0].day} 起", title_en=f"Since {days[0].day}", unit="d",
               values=count.tolist()),
        y=(Axis(title="FWI", title_en="FWI", unit="1", values=listed(fwi, 3)),
           Axis(title="火险天气指数", title_en="Additive points", unit="1",
                values=[float(p) for p in points])),
    )  # fmt: skip


def _table(days: list[Noon], found: list[Index | None], points: list[int]) -> Table:
    def row(noon: Noon, index: Index | None, score: int) -> dict[str, Any]:
        codes = {} if index is None else {
            k: round(getattr(index, k), 2) for k in ("ffmc", "dmc", "dc", "isi", "bui", "fwi")
        }  # fmt: skip
        zh, en, _ = GRADES[grade(score) - 1]
        return {"day": str(noon.day), **codes, "points": score, "grade": f"{zh} {en}"}

    return Table(
        title="逐日", title_en="By day",
        columns=(("day", "日期", "Day", ""), ("ffmc", "FFMC", "FFMC", ""), ("dmc", "DMC", "DMC",
                                                                            ""),
                 ("dc", "DC", "DC", ""), ("isi", "ISI", "ISI", ""), ("bui", "BUI", "BUI", ""),
                 ("fwi", "FWI", "FWI", ""), ("points", "指数", "Points", ""),
                 ("grade", "等级", "Grade", "")),
        rows=[row(*each) for each in zip(days, found, points, strict=True)][::-1],
    )  # fmt: skip


DANGER = Analysis(
    id="forest_fire.danger",
    guide="fire.md",
    title="这几天火险有多高",
    title_en="How dangerous are these days",
    summary="由逐日正午气象计算加拿大 FWI（逐日延续）与我国加法火险天气等级；缺测逐日顺延，超过"
            "一周后不再给出。",
    summary_en=(
        "The Canadian FWI carried over day by day, and the Chinese additive grade, from noon "
        "weather. "
        "Missing days carry the codes over; after a week nothing is told."
    ),
    parameters=DangerParameters,
    run=danger,
    example={"station": "华亭站"},
    reads=lambda a: (a.weather,),
    references=(
        "Van Wagner & Pickett (1985), Forestry Technical Report 33, Canadian Forestry Service",
        "全国森林火险天气等级，转引自 Lv (2020)（等级界限未核实 unverified）",
    ),
)  # fmt: skip
