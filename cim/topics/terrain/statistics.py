"""范围高程统计: heights over an area."""

from __future__ import annotations

from dataclasses import replace
from typing import Annotated

import numpy as np
from pydantic import Field
from shapely import get_coordinates

from cim.catalog.elevation import Ground
from cim.geo.terrain import slope
from cim.geo.terrain.sample import Sample, sampled
from cim.question import OnModel, Point, english
from cim.topic import Analysis, Axis, Context, Figure, Result, Series
from cim.topics.terrain.analysis import Floats
from cim.topics.terrain.asked import accuracy_of, ground_of, provenance, source_of

BINS = 20
_LIMITS = (
    "Heights are bilinear between the model's cells; volumes are those of the model, not of a "
    "survey of the works."
)


class AreaParameters(OnModel):
    """What the statistics of an area ask for."""

    polygon: Annotated[
        list[Point],
        Field(
            min_length=3,
            max_length=1000,
            title="统计范围",
            description="多边形各角点的经纬度（CGCS2000，度），首尾不必重复。",
            json_schema_extra=english(
                "Area", "Corners of a polygon, degrees; it closes itself.", "deg", widget="polygon"
            ),
        ),
    ]
    level: float | None = Field(
        default=None,
        ge=-500,
        le=9000,
        title="设计标高",
        description="给出时，计算高于与低于该标高（1985）的土方量。",
        json_schema_extra=english(
            "Design level",
            "If given: volumes of ground above and below this height (1985).",
            "m",
        ),
    )


def area(asked: AreaParameters, context: Context) -> Result:
    """Heights over an area."""
    ring = np.array(asked.polygon)
    ground = ground_of(context, asked, asked.polygon, 200.0)
    sample = sampled(ground.grid, ring)
    source = source_of(ground, asked)
    steep = slopes_over(ground, sample)
    return Result(
        summary=(*_figures(sample, steep, asked.level, source), accuracy_of(ground, asked)),
        features={
            "type": "FeatureCollection",
            "features": [
                {
                    "type": "Feature",
                    "geometry": {
                        "type": "Polygon",
                        "coordinates": [get_coordinates(sample.shape).round(8).tolist()],
                    },
                    "properties": {
                        "name": "统计范围",
                        "name_en": "Area",
                        "style": {"color": "#ffd54f", "width": 2, "fill": "#ffd54f30"},
                    },
                }
            ],
        },
        series=_hypsometry(sample),
        provenance=provenance(ground, asked, context, _LIMITS)
        | {"samples": len(sample.heights), "step_m": sample.step},
    )


def slopes_over(ground: Ground, sample: Sample) -> Floats:
    """Slopes over the area, degrees, at the samples' spacing at most a cell."""
    steep = replace(ground.grid, heights=slope(ground.grid))
    return sampled(steep, get_coordinates(sample.shape)).known


def _figures(sample: Sample, steep: Floats, level: float | None, source: str) -> tuple[Figure, ...]:
    known = sample.known
    some = known.size > 0
    unknown = sample.each * (len(sample.heights) - known.size)
    of = (known.min, known.max, known.mean, lambda: np.median(known), known.std)
    lowest, highest, mean, median, deviation = (float(f()) if some else None for f in of)
    rows: list[tuple[str, str, str, float | None, str]] = [
        ("area", "面积（椭球面）", "Area (ellipsoidal)", sample.area, "m2"),
        ("unknown_area", "高程缺失面积", "Without heights", unknown, "m2"),
        ("lowest", "最低高程（1985）", "Lowest (1985)", lowest, "m"),
        ("highest", "最高高程（1985）", "Highest (1985)", highest, "m"),
        ("mean", "平均高程（1985）", "Mean (1985)", mean, "m"),
        ("median", "中位高程（1985）", "Median (1985)", median, "m"),
        ("deviation", "高程标准差", "Standard deviation", deviation, "m"),
        ("mean_slope", "平均坡度", "Mean slope",
         float(steep.mean()) if steep.size else None, "deg"),
    ]  # fmt: skip
    if level is not None:
        cut, fill = sample.volume(level)
        rows += [
            ("above", "标高以上土方", "Ground above the level", cut if some else None, "m3"),
            ("below", "标高以下空方", "Room below the level", fill if some else None, "m3"),
            ("balance", "挖填差（挖−填）", "Above minus below", cut - fill if some else None, "m3"),
        ]
    return tuple(
        Figure(key=key, title=zh, title_en=en, value=value, unit=unit, evidence=source)
        for key, zh, en, value, unit in rows
    )


def _hypsometry(sample: Sample) -> tuple[Series, ...]:
    known = sample.known
    if known.size == 0:
        return ()
    counts, edges = np.histogram(known, bins=BINS)
    return (
        Series(
            title="高程分布",
            title_en="Distribution of heights",
            bins=True,
            x=Axis(
                title="高程（1985）", title_en="Height (1985)", unit="m",
                values=[round(float(v), 2) for v in (edges[:-1] + edges[1:]) / 2],
            ),
            y=(
                Axis(
                    title="面积", title_en="Area", unit="m2",
                    values=[round(float(n * sample.each), 1) for n in counts],
                ),
            ),
        ),
    )  # fmt: skip


AREA = Analysis(
    id="terrain.area",
    title="这片范围的高程、坡度和土方是多少",
    title_en="What are height, slope and volume of this area",
    summary=(
        "统计多边形内地面或地表的最低、最高、平均高程与坡度、高程分布，并可按设计标高计算土方量；"
        "面积为椭球面面积，缺失高程的部分单独列出、不计入统计。"
    ),
    summary_en=(
        "Lowest, highest and mean height, slope and distribution of heights within a polygon, and "
        "the ground above and below a design level. Areas are ellipsoidal; ground without heights "
        "is told apart and left out."
    ),
    parameters=AreaParameters,
    run=area,
    example={
        "polygon": [[106.6440, 35.2170], [106.6500, 35.2170], [106.6500, 35.2215],
                    [106.6440, 35.2215]],
        "level": 1480,
    },
    reads=lambda asked: (asked.terrain,),
    references=("Karney (2013), Algorithms for geodesics, J. Geodesy 87, 43-55",),
)  # fmt: skip
