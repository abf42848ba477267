"""视廊: what is too tall for a view."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import shapely
from pydantic import Field
from pyproj import CRS

from cim.drawn import collection, feature
from cim.evidence import figure, ground_source
from cim.geo.crs import to_lonlat
from cim.question import english, number_field
from cim.topic import Analysis, Context, Result, Table, Viewpoint
from cim.topics.planning.asked import convergence_at
from cim.topics.planning.town import Town, town
from cim.topics.planning.viewing import (
    REFERENCES,
    Post,
    SightParameters,
    height_of,
    name_of,
    place_of,
    posts,
    provenance,
    reads_of,
)

BEHIND, RAISED, DOWN = 150.0, 170.0, 7.0  # m, m, degrees: from where the answer is looked at
ABOVE = 0.5  # m: a drawn block stands out of the roof of its mesh


class CorridorParameters(SightParameters):
    """What a view corridor asks for."""

    width: float = number_field(
        60.0, "目标处宽度", "廊道在目标处的宽度，在观察点处为零。", "Width at the target",
        "Of the corridor; at the observer it has none.", "m", 1, 1000,
    )  # fmt: skip
    limit_only: bool = Field(
        default=False, title="只列超高", description="表中只列超过控高的建筑。",
        json_schema_extra=english("Only the too tall", "Leaves the others out of the table."),
    )  # fmt: skip


_LEGEND = (("#ffd54f", "视廊", "Corridor"), ("#e74c3c", "超过控高", "Too tall"),
           ("#2ecc71", "未超过", "Low enough"))  # fmt: skip


def corridor(asked: CorridorParameters, context: Context) -> Result:
    """What stands too tall in a corridor."""
    ground, eye, goal, away = posts(asked, context)
    crs = context.city.compute_crs
    ux, uy = (goal.x - eye.x) / away, (goal.y - eye.y) / away
    half = asked.width / 2
    wedge = shapely.Polygon([
        (eye.x, eye.y), (goal.x - uy * half, goal.y + ux * half),
        (goal.x + uy * half, goal.y - ux * half),
    ])  # fmt: skip
    standing = town(context, asked, wedge.bounds, 20.0)
    rows, drawn = _standing_in(wedge, standing, (eye, goal), asked.observer[1], crs)
    over_all = [r for r in rows if r["verdict"] == "FAIL"]
    source = f"{ground_source(ground)}；{standing.source}"
    return Result(
        summary=(
            figure("blocks", "廊道内建筑", "Buildings inside", len(rows), "1", standing.source),
            figure("too_tall", "超过控高的建筑", "Too tall", len(over_all), "1", source),
            figure("most_over", "最大超高", "At most too tall by",
                   max((float(r["over"]) for r in over_all), default=0.0), "m", source),
            figure("unknown", "缺高度的建筑", "Without a height",
                   sum(r["verdict"] == "UNKNOWN" for r in rows), "1", standing.source),
            figure("length", "廊道长度", "Length", away, "m", source),
        ),
        features=collection([
            feature(wedge, "视廊", "Corridor", crs=crs, color="#ffd54f", width=3, fill="#ffd54f30"),
            *drawn,
        ], _LEGEND),
        viewpoint=_over_the_shoulder((eye, goal), crs),
        tables=(Table(
            title="廊道内建筑", title_en="Buildings inside",
            columns=(("name", "建筑", "Building", ""), ("scheme", "方案", "Scheme", ""),
                     ("near", "距观察点", "From the observer", "m"),
                     ("limit", "控制高程（1985）", "Limit (1985)", "m"),
                     ("allowed", "允许高度", "Allowed", "m"), ("height", "现高", "Height", "m"),
                     ("over", "超高", "Too tall by", "m"), ("verdict", "结论", "Verdict", "")),
            rows=sorted((r for r in rows if not asked.limit_only or r["verdict"] != "PASS"),
                        key=lambda r: float(r["near"])),
        ),),
        provenance=provenance(ground, standing, context, "控高面为观察点视线到目标处的斜面 "
                                                          "the limit is the "
                               "line from the eye to the target, at its lowest over each building"),
    )  # fmt: skip


def _over_the_shoulder(ends: tuple[Post, Post], crs: CRS) -> Viewpoint:
    """From behind and above the observer, towards the target."""
    eye, goal = ends
    away = math.hypot(goal.x - eye.x, goal.y - eye.y)
    x, y = (eye.x - (goal.x - eye.x) / away * BEHIND, eye.y - (goal.y - eye.y) / away * BEHIND)
    azimuth = math.degrees(math.atan2(goal.x - eye.x, goal.y - eye.y)) + convergence_at(crs, x, y)
    lon, lat = to_lonlat(crs, np.array([[x, y]]))[0]
    return Viewpoint(place=(float(lon), float(lat)), height=eye.z + RAISED,
                     heading=azimuth % 360, pitch=-DOWN)  # fmt: skip


def _standing_in(
    wedge: shapely.Polygon, standing: Town, ends: tuple[Post, Post], lat: float, crs: CRS
) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """What stands in a corridor: rows of the table, and what is drawn of the too tall."""
    eye, goal = ends
    away = math.hypot(goal.x - eye.x, goal.y - eye.y)
    ux, uy = (goal.x - eye.x) / away, (goal.y - eye.y) / away
    rows: list[dict[str, Any]] = []
    drawn: list[dict[str, Any]] = []
    end, begin = shapely.Point(goal.x, goal.y), shapely.Point(eye.x, eye.y)
    for row in standing.frame.sindex.query(wedge, predicate="intersects").tolist():
        shape = standing.frame.geometry.iloc[row]
        if shape.contains(end) or shape.contains(begin):
            continue
        at = shapely.get_coordinates(shape.intersection(wedge))
        along = np.clip((at[:, 0] - eye.x) * ux + (at[:, 1] - eye.y) * uy, 0.0, away)
        lowest = min(height_of(eye, goal, float(d), away, lat) for d in along)
        own = standing.frame.iloc[row]
        over = float(own["top"]) - lowest
        rows.append({
            "name": name_of(standing, row), "scheme": own["scheme"] or "",
            "near": round(float(along.min()), 1), "limit": round(lowest, 2),
            "allowed": round(lowest - float(own["ground"]), 2), "height": own["height"],
            "over": None if np.isnan(over) else round(over, 2),
            "verdict": "UNKNOWN" if np.isnan(over) else "FAIL" if over > 0 else "PASS",
            "place": place_of(standing, row, crs),
        })  # fmt: skip
        drawn.append(_block(shape, str(rows[-1]["name"]), over, own, crs))
    return rows, drawn


def _block(shape: Any, name: str, over: float, own: Any, crs: CRS) -> dict[str, Any]:
    """One building by its verdict; one whose height is not known lies on the ground."""
    word, english, color = (
        ("高度未知", "height unknown", "#95a5a6") if np.isnan(over)
        else ("超高", "too tall", "#e74c3c") if over > 0
        else ("未超高", "low enough", "#2ecc71")
    )  # fmt: skip
    space: dict[str, Any] = {} if np.isnan(over) else {
        "bottom": round(float(own["ground"]), 2), "top": round(float(own["top"]) + ABOVE, 2),
    }  # fmt: skip
    return feature(
        shape, f"{name} {word}", f"{name}: {english}", crs=crs, color=color, width=2,
        fill=f"{color}90", **space,
    )  # fmt: skip


VIEW_CORRIDOR = Analysis(
    id="planning.view_corridor",
    guide="planning.md",
    title="这条景观视廊里哪些楼太高",
    title_en="Which buildings are too tall for this view",
    summary="观察点到地标的楔形廊道内，按视线给出每栋建筑（含方案体块）的允许高度与超高。",
    summary_en="In the wedge from the eye to a landmark, the height that the view allows each "
               "building.",
    parameters=CorridorParameters,
    run=corridor,
    example={"observer": [106.6480, 35.2168], "target": [106.63968, 35.24615], "target_height": 20,
             "width": 120, "scheme": "A"},
    reads=reads_of,
    references=REFERENCES,
)  # fmt: skip
