"""A topic that asks for everything a form can ask for and answers in every word there is.

The suite's server finds it by an entry point, as it would any installed package's.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from itertools import pairwise
from typing import Any, Literal

import shapely
from pydantic import AwareDatetime, BaseModel, Field

from cim.catalog import elevation, registry
from cim.drawn import collection, feature
from cim.question import (
    Area,
    Point,
    Upload,
    area_field,
    english,
    file_field,
    number_field,
    point_field,
    points_field,
    shape_of,
)
from cim.store.database import ready
from cim.topic import (
    Analysis,
    Attachment,
    Axis,
    Context,
    Figure,
    Parameters,
    Result,
    Series,
    Table,
    Topic,
    Verdict,
)

LON, LAT = 106.6462, 35.2186  # in the town
STEP = 0.0009  # degrees, about 90 m
COLUMNS = (
    ("name", "名称", "Name", ""),
    ("depth", "埋深", "Depth", "m"),
    ("verdict", "结论", "Verdict", ""),
)


class Well(BaseModel):
    """One row of a table in the form."""

    name: str = Field(title="井名", json_schema_extra=english("Name", "Of the well."))
    depth: float = Field(
        title="井深", ge=0, json_schema_extra=english("Depth", "Of the well.", "m")
    )


class Everything(Parameters):
    """One parameter of each kind."""

    cameras: list[Point] = points_field("机位", "若干地点。", "Cameras", "Several places.")
    area: Area = area_field("范围", "绘制或取自文件。", "Area", "Drawn, or from a file.")
    survey: Upload | None = file_field(
        "调查表", "CSV 表。", "Survey", "A table.", accept=".csv,.txt", default=None
    )
    moment: AwareDatetime = Field(
        title="时刻", description="北京时间。", json_schema_extra=english("Moment", "Of the day.")
    )
    rates: list[float] = Field(
        default=[1.0, 2.5], title="系数", description="若干数值。",
        json_schema_extra=english("Rates", "Several numbers.", "%"),
    )  # fmt: skip
    wells: list[Well] = Field(
        default=[], title="水井", description="若干行。",
        json_schema_extra=english("Wells", "Several rows."),
    )  # fmt: skip
    method: Literal["fast", "exact"] = Field(
        default="fast", title="方法", description="计算方法。",
        json_schema_extra=english("Method", "Of computing.",
                                  choices={"fast": ["快速", "quick"], "exact": ["精确", "exact"]}),
    )  # fmt: skip
    factor: float = number_field(
        1.5, "安全系数", "放大系数。", "Factor", "Of safety.", "", 1, 3, advanced=True
    )


def everything(asked: Everything, context: Context) -> Result:
    """Say back what was understood."""
    said = len(context.upload(asked.survey).read_bytes()) if asked.survey else None
    path = context.folder / "wells.csv"
    path.write_text("name,depth\n" + "".join(f"{w.name},{w.depth}\n" for w in asked.wells))
    places = [{"name": f"机位 {n}", "place": list(at), "verdict": verdict.value, "depth": n / 3}
              for (n, at), verdict in zip(enumerate(asked.cameras, 1), [*Verdict] * 9,
                                          strict=False)]  # fmt: skip
    return Result(
        summary=(
            Figure(key="bytes", title="文件字节", title_en="Bytes", value=said, unit="By",
                   evidence="文件 the file"),
            Figure(key="corners", title="角点数", title_en="Corners", evidence="范围 the area",
                   value=len(shapely.get_coordinates(shape_of(asked.area)))),
            Figure(key="rates", title="系数之和", title_en="Sum", value=sum(asked.rates), unit="%"),
            Figure(key="state", title="状态", title_en="State", value="可行 <b>*#$x$", unit="",
                   verdict=Verdict.NEEDS_REVIEW, evidence="未核实条款 an unverified row"),
        ),
        features=collection([feature(shape_of(asked.area), "范围", "Area", color="#38bdf8")]),
        tables=(
            Table(columns=COLUMNS, rows=places, title="机位检查", title_en="Cameras checked"),
            Table(columns=COLUMNS[:2], rows=[w.model_dump() for w in asked.wells], title="水井",
                  title_en="Wells"),
        ),
        attachments=(
            Attachment(path=path, title="水井表", title_en="Table of wells", media_type="text/csv"),
        ),
        provenance={"inputs": [], "moment": asked.moment.isoformat(), "applicability": "演示 demo"},
    )  # fmt: skip


class Drawn(Parameters):
    """Where things are drawn."""

    centre: Point = point_field("中心", "绘制处。", "Centre", "Where it is drawn.")
    depth: float = number_field(6.0, "深度", "坑深。", "Depth", "Of the pit.", "m", 1, 30)
    lines: float = number_field(0, "线数", "网线条数。", "Lines", "Of a net.", "", 0, 5000)


def _ground(context: Context, lon: float, lat: float) -> float:
    with ready(context.engine) as connection:
        grounds = elevation.terrain(registry.entries(connection))
    found = elevation.at(context.files, grounds, lon, lat)
    assert found is not None
    return found.metres


def _square(lon: float, lat: float, half: float = STEP / 3) -> shapely.Polygon:
    return shapely.box(lon - half, lat - half, lon + half, lat + half)


def drawn(asked: Drawn, context: Context) -> Result:
    """Draw one feature of each style, and a film."""
    lon, lat = asked.centre
    ground = _ground(context, lon, lat)
    pipe = [(lon - 1.5 * STEP, lat, ground - 3), (lon + 1.5 * STEP, lat, ground - 4)]
    above = [(lon - STEP, lat + STEP, ground + 20), (lon + STEP, lat + STEP, ground + 60)]
    features = [
        feature(shapely.LineString(pipe), "污水管 DN800", "Sewer DN800", radius=0.8,
                color="#a855f7", at_height=True, properties={"管径": 800}),
        feature(shapely.LineString(above), "视线", "Line of sight", at_height=True, dash=True,
                color="#f97316", width=3),
        feature(_square(lon - STEP, lat - STEP), "方案体块", "Massing", bottom=ground,
                top=ground + 24, color="#34d399", fill="#34d39980", label=True),
        feature(_square(lon, lat), "基坑", "Pit", hole=True, bottom=ground - asked.depth,
                color="#ef4444"),
        feature(shapely.Point(lon + STEP, lat - STEP), "报警点", "Alarm", color="#ffd54a",
                label=True),
        feature(shapely.LineString([(lon - STEP, lat + STEP / 2), (lon + STEP, lat + STEP / 2)]),
                "边界", "Border", color="#38bdf8", dash=True, width=4),
    ]  # fmt: skip
    features += [
        feature(shapely.LineString([(lon - 5 * STEP, at), (lon - 3 * STEP, at)]), f"网线 {n}",
                f"Line {n}", color="#ec4899", width=3)
        for n in range(int(asked.lines))
        for at in [lat - 2 * STEP + 4 * STEP * n / asked.lines]
    ]  # fmt: skip
    legend = [("#a855f7", "污水管", "Sewer"), ("#ef4444", "开挖", "Excavation")]
    return Result(
        summary=(
            Figure(key="depth", title="坑深", title_en="Depth", value=asked.depth, unit="m",
                   verdict=Verdict.PASS, evidence="参数 the parameter"),
        ),
        features=collection(features, legend),
        timeline=_film(lon, lat, ground + context.city.undulation(lon, lat)),
        series=(
            Series(title="水位", title_en="Level", x=Axis(title="时间", title_en="Time", unit="min",
                                                         values=[0.0, 10.0, 20.0, 30.0]),
                   y=(Axis(title="水位", title_en="Level", unit="m",
                           values=[1.0, None, 3.5, 2.0]),)),
        ),
        provenance={"inputs": [], "applicability": "演示 demo"},
    )  # fmt: skip


def _film(lon: float, lat: float, height: float) -> list[dict[str, Any]]:
    """Half an hour of a thing that moves east and a flood that grows; heights ellipsoidal."""
    begin = datetime.fromisoformat("2026-07-20T08:00:00+00:00")
    times = [begin + timedelta(minutes=10 * n) for n in range(4)]
    span = f"{times[0]:%Y-%m-%dT%H:%M:%SZ}/{times[-1]:%Y-%m-%dT%H:%M:%SZ}"
    moving = [v for n in range(4) for v in (600 * n, lon + n * STEP, lat, height + 30)]
    floods = [
        {
            "id": f"flood{n}",
            "availability": f"{a:%Y-%m-%dT%H:%M:%SZ}/{b:%Y-%m-%dT%H:%M:%SZ}",
            "polygon": {
                "positions": {"cartographicDegrees": [
                    v for x, y in _square(lon, lat + 2 * STEP, STEP * (n + 1) / 3)
                    .exterior.coords[:-1] for v in (x, y, 0)
                ]},
                "material": {"solidColor": {"color": {"rgba": [56, 189, 248, 120]}}},
                "classificationType": "BOTH",
            },
        }
        for n, (a, b) in enumerate(pairwise(times))
    ]  # fmt: skip
    return [
        {"id": "document", "version": "1.0",
         "clock": {"interval": span, "currentTime": f"{begin:%Y-%m-%dT%H:%M:%SZ}"}},
        {"id": "front", "availability": span,
         "position": {"epoch": f"{begin:%Y-%m-%dT%H:%M:%SZ}", "cartographicDegrees": moving},
         "point": {"pixelSize": 14, "color": {"rgba": [239, 68, 68, 255]}}},
        *floods,
    ]  # fmt: skip


TOPIC = Topic(
    name="showcase",
    title="样例",
    title_en="Showcase",
    analyses=(
        Analysis(
            id="showcase.everything", title="表单样例", title_en="A form of everything",
            summary="每种参数各一。", summary_en="One parameter of each kind.",
            parameters=Everything, run=everything, references=("none",),
            example={
                "cameras": [[LON, LAT], [LON + STEP, LAT]],
                "area": [[LON, LAT], [LON + STEP, LAT], [LON + STEP, LAT + STEP]],
                "moment": "2026-07-20T08:00:00+08:00",
                "wells": [{"name": "甲井", "depth": 12.5}],
            },
        ),
        Analysis(
            id="showcase.drawn", title="绘制样例", title_en="A drawing of everything",
            summary="每种样式各一，并有时间轴。",
            summary_en="One feature of each style, and a film.",
            parameters=Drawn, run=drawn, references=("none",),
            example={"centre": [LON, LAT]},
        ),
    ),
)  # fmt: skip
