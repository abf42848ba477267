"""剖面分析: heights along a line."""

from __future__ import annotations

from typing import Annotated

import numpy as np
from pydantic import Field

from cim.drawn import listed
from cim.question import MODELS, OnModel, Point, english
from cim.topic import Analysis, Axis, Context, Figure, Result, Series, Table
from cim.topics.terrain.analysis import Course, course, heights_at, stations
from cim.topics.terrain.asked import accuracy_of, ground_of, provenance, source_of

MOST_ROWS = 200
_LIMITS = (
    "Heights are bilinear between the model's cells: what is smaller than a cell is not in them."
)


class ProfileParameters(OnModel):
    """What a profile asks for."""

    line: Annotated[
        list[Point],
        Field(
            min_length=2,
            max_length=500,
            title="剖面线",
            description="剖面线各折点的经纬度（CGCS2000，度）。",
            json_schema_extra=english(
                "Line", "Longitude and latitude of its corners, degrees.", "deg", widget="line"
            ),
        ),
    ]
    step: float = Field(
        default=5.0,
        ge=0.2,
        le=1000,
        title="采样间距",
        description="沿线采样的最大间距；线很长时自动放大，最多 4000 点。",
        json_schema_extra=english(
            "Step", "Between two samples at most; larger on long lines: 4,000 samples at most.", "m"
        ),
    )


def profile(asked: ProfileParameters, context: Context) -> Result:
    """Heights along a line."""
    places, distance = stations(np.array(asked.line), asked.step)
    ground = ground_of(context, asked, asked.line, 2 * asked.step + 100.0)
    heights = heights_at(ground.grid, places)
    zh, en = MODELS[asked.model]
    every = max(1, len(places) // MOST_ROWS)
    return Result(
        summary=(*_figures(course(distance, heights), source_of(ground, asked)),
                 accuracy_of(ground, asked)),
        features={
            "type": "FeatureCollection",
            "features": [
                {
                    "type": "Feature",
                    "geometry": {"type": "LineString",
                                 "coordinates": places[::every].round(8).tolist()},
                    "properties": {"name": "剖面线", "name_en": "Profile",
                                   "style": {"color": "#ffd54f", "width": 3}},
                }
            ],
        },
        series=(
            Series(
                title="剖面",
                title_en="Profile",
                x=Axis(title="距离", title_en="Distance", unit="m",
                       values=[round(float(d), 2) for d in distance]),
                y=(Axis(title=f"高程 · {zh}", title_en=f"Height · {en}", unit="m",
                        values=listed(heights, 3)),),
            ),
        ),
        tables=(Table(
            columns=(
                ("distance", "距离", "Distance", "m"),
                ("lon", "经度", "Longitude", "deg"),
                ("lat", "纬度", "Latitude", "deg"),
                ("height", "高程（1985）", "Height (1985)", "m"),
            ),
            rows=[
                {"distance": round(float(d), 2), "lon": round(float(lon), 8),
                 "lat": round(float(lat), 8), "height": height}
                for d, (lon, lat), height in zip(
                    distance[::every], places[::every], listed(heights[::every], 3), strict=True
                )
            ],
        ),),
        provenance=provenance(ground, asked, context, _LIMITS),
    )  # fmt: skip


def _figures(found: Course, source: str) -> tuple[Figure, ...]:
    along = f"{source}，椭球面大地线 geodesic"
    rows = (
        ("length", "剖面长度", "Length", found.length, "m", along),
        ("unknown_length", "高程缺失长度", "Without heights", found.unknown, "m", along),
        ("lowest", "最低高程（1985）", "Lowest (1985)", found.lowest, "m", source),
        ("highest", "最高高程（1985）", "Highest (1985)", found.highest, "m", source),
        ("climb", "累计上升", "Climb", found.climb, "m", source),
        ("descent", "累计下降", "Descent", found.descent, "m", source),
        ("steepest", "最大纵坡", "Steepest grade", found.steepest, "%", source),
    )
    return tuple(
        Figure(key=key, title=zh, title_en=en, value=value, unit=unit, evidence=evidence)
        for key, zh, en, value, unit, evidence in rows
    )


PROFILE = Analysis(
    id="terrain.profile",
    title="这条线上的高程如何变化（剖面）",
    title_en="How do heights run along this line",
    summary="沿任意折线给出地面或地表高程剖面、累计升降与最大纵坡；长度为椭球面大地线长度。",
    summary_en=(
        "Heights of the ground or of the mesh's surface along any line, with climb, descent and "
        "steepest grade; lengths are geodesic."
    ),
    parameters=ProfileParameters,
    run=profile,
    example={"line": [[106.6420, 35.2160], [106.6480, 35.2200], [106.6560, 35.2210]], "step": 10},
    reads=lambda asked: (asked.terrain,),
    references=("Karney (2013), Algorithms for geodesics, J. Geodesy 87, 43-55",),
)
