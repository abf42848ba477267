"""视线: does one place see another past the town."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import shapely
from pyproj import CRS

from cim.drawn import collection, feature, listed
from cim.evidence import figure, ground_source
from cim.geo.crs import CGCS2000, transformer
from cim.geo.visibility import Eye, line_of_sight
from cim.topic import Analysis, Axis, Context, Result, Series, Table
from cim.topics.planning.town import Town, town
from cim.topics.planning.viewing import (
    REFERENCES,
    Post,
    SightParameters,
    bend,
    height_of,
    name_of,
    place_of,
    plane_xy,
    posts,
    provenance,
    reads_of,
)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Met:
    """A block on the way of a line.

    Args:
        row: Of the town's frame.
        near: Distance at which the line enters it, m.
        line: Height of the line there, m.
        over: How far the block stands above the line, m; NaN where its height is unknown.
    """

    row: int
    near: float
    line: float
    over: float


def met(standing: Town, eye: Post, goal: Post, lat: float) -> list[Met]:
    """Blocks on the way, the nearest first; the target's own building is no obstacle to itself."""
    way = shapely.LineString([(eye.x, eye.y), (goal.x, goal.y)])
    end = shapely.Point(goal.x, goal.y)
    begin = shapely.Point(eye.x, eye.y)
    found = []
    for row in standing.frame.sindex.query(way, predicate="intersects").tolist():
        shape = standing.frame.geometry.iloc[row]
        if shape.contains(end) or shape.contains(begin):
            continue
        cut = shape.intersection(way)
        near, far = begin.distance(cut), begin.hausdorff_distance(cut)
        low = min(height_of(eye, goal, at, way.length, lat) for at in (near, min(far, way.length)))
        top = float(standing.frame["top"].iloc[row])
        found.append(Met(row=row, near=near, line=low, over=top - low))
    return sorted(found, key=lambda m: m.near)


def sight(asked: SightParameters, context: Context) -> Result:
    """Whether one place sees another past ground and buildings."""
    ground, eye, goal, away = posts(asked, context)
    crs = context.city.compute_crs
    box = (min(eye.x, goal.x), min(eye.y, goal.y), max(eye.x, goal.x), max(eye.y, goal.y))
    standing = town(context, asked, box, 20.0)
    hits = met(standing, eye, goal, asked.observer[1])
    own = transformer(CGCS2000, ground.grid.crs)
    x, y = plane_xy(own, asked.observer)
    seen = line_of_sight(
        ground.grid, Eye(x=x, y=y, height=asked.eye), plane_xy(own, asked.target),
        target_height=asked.target_height, bend=bend(asked.observer[1]),
    )  # fmt: skip
    hidden = [m for m in hits if m.over > 0]
    doubt = [m for m in hits if np.isnan(m.over)]
    word = (
        "不通视 hidden" if hidden or seen.seen is False
        else "无法判定 cannot be told" if doubt or seen.seen is None else "通视 visible"
    )  # fmt: skip
    source = f"{ground_source(ground)}；{standing.source}"
    color = {"不": "#e74c3c", "无": "#95a5a6", "通": "#2ecc71"}[word[0]]
    return Result(
        summary=(
            figure("visible", "是否通视", "Visible", word, "", source),
            figure("distance", "平面距离", "Distance on the plane", away, "m", source),
            figure("by_ground", "地形最小净空", "Clearance of the ground", seen.clearance, "m",
                   ground_source(ground)),
            figure("hidden_by", "遮挡建筑", "Buildings in the way", len(hidden), "1",
                   standing.source),
            figure("unknown", "途经缺高度建筑", "On the way without a height", len(doubt), "1",
                   standing.source),
        ),
        features=collection([
            feature(shapely.LineString([(eye.x, eye.y, eye.z), (goal.x, goal.y, goal.z)]), "视线",
                    "Line of sight", crs=crs, color=color, width=4, at_height=True),
            *_hidden(standing, hidden, crs),
        ]),
        series=(Series(
            title="视线剖面", title_en="Profile of the line",
            x=Axis(title="距离", title_en="Distance", unit="m", values=listed(seen.distances, 2)),
            y=(Axis(title="地面高程", title_en="Ground", unit="m", values=listed(seen.ground, 3)),
               Axis(title="视线高程", title_en="Line of sight", unit="m",
                    values=listed(seen.line, 3))),
        ),),
        tables=(_met_table(standing, hits, crs),),
        provenance=provenance(ground, standing, context, "等高体块与 DEM，不含树木 "
                                                          "flat-topped blocks and "
                               "the DEM: no trees"),
    )  # fmt: skip


def _hidden(standing: Town, hidden: list[Met], crs: CRS) -> list[dict[str, Any]]:
    """The blocks in the way."""
    return [
        feature(
            standing.frame.geometry.iloc[m.row], f"遮挡：{name_of(standing, m.row)}",
            f"In the way: {name_of(standing, m.row)}", crs=crs, color="#e74c3c", width=2,
            fill="#e74c3c70",
        )
        for m in hidden
    ]  # fmt: skip


def _met_table(standing: Town, hits: list[Met], crs: CRS) -> Table:
    return Table(
        title="途经建筑", title_en="Buildings on the way",
        columns=(("name", "建筑", "Building", ""), ("near", "距观察点", "Away", "m"),
                 ("line", "该处视线高程", "Line there", "m"),
                 ("over", "高出视线", "Above the line", "m")),
        rows=[
            {"name": name_of(standing, m.row), "near": round(m.near, 1), "line": round(m.line, 2),
             "over": None if np.isnan(m.over) else round(m.over, 2),
             "place": place_of(standing, m.row, crs)}
            for m in hits
        ],
    )  # fmt: skip


_HERE, _THERE = [106.64910, 35.21870], [106.65080, 35.22420]
LINE_OF_SIGHT = Analysis(
    id="planning.line_of_sight",
    guide="planning.md",
    title="从这里看得到那里吗（含建筑与方案）",
    title_en="Does one see the other past the town",
    summary="沿视线检查地形、现有建筑与方案体块的遮挡，列出每栋途经建筑高出视线多少。",
    summary_en="Ground, buildings and a scheme's massing on the line, each with how far it "
    "stands above.",
    parameters=SightParameters,
    run=sight,
    example={"observer": _HERE, "target": _THERE, "target_height": 12},
    reads=reads_of,
    references=REFERENCES,
)
