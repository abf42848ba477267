"""天际线: the town's edge against the sky, before and after a scheme."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import numpy.typing as npt
import shapely
from pyproj import CRS

from cim.catalog.elevation import Ground
from cim.drawn import collection, feature, listed
from cim.errors import ParameterError
from cim.evidence import figure, ground_around, ground_source
from cim.geo.crs import CGCS2000, transformer
from cim.geo.massing import skyline as blocks_skyline
from cim.geo.visibility import Eye, skyline
from cim.question import number_field
from cim.topic import Analysis, Axis, Context, Result, Series, Table, Verdict, Viewpoint
from cim.topics.planning.asked import convergence_at
from cim.topics.planning.town import Town, massing, town
from cim.topics.planning.viewing import (
    REFERENCES,
    FromParameters,
    bend,
    name_of,
    place_of,
    plane_xy,
    provenance,
    reads_of,
)

Floats = npt.NDArray[np.float64]
NEAR, UP = 150.0, 4.0  # m before the eye, where skylines are drawn; degrees that one looks up
NOW, THEN = "#ffd54f", "#ff4081"
MOST = 5000.0  # m: farther blocks do not matter to a street's view
HILLS = 15_000.0  # m: mountains do


class SkylineParameters(FromParameters):
    """What a skyline asks for."""

    azimuth: float = number_field(
        0.0, "中心方位角", "自真北顺时针。", "Azimuth", "Middle, from true north.", "deg", 0, 360
    )
    field: float = number_field(
        120.0, "视场角", "水平范围。", "Field of view", "Horizontal.", "deg", 10, 360
    )
    reach: float = number_field(
        2000.0, "建筑范围", "参与计算的建筑。", "Buildings within", "Farther ones do not "
                                                        "count.", "m",
        100, MOST,
    )  # fmt: skip


def skyline_of(asked: SkylineParameters, context: Context) -> Result:
    """The town's edge against the sky, before and after a scheme."""
    ground = ground_around(context, asked.terrain, (asked.observer,), HILLS)
    own = transformer(CGCS2000, ground.grid.crs)
    place = plane_xy(own, asked.observer)
    foot = ground.grid.bilinear(*place)
    if not math.isfinite(foot):
        raise ParameterError(
            "the observer stands where the ground is unknown",
            remedy="choose a place on the elevation model",
        )
    crs = context.city.compute_crs
    x, y = plane_xy(transformer(CGCS2000, crs), asked.observer)
    turn = convergence_at(crs, x, y)
    count = max(3, round(asked.field * 4))
    true = asked.azimuth + np.linspace(-asked.field / 2, asked.field / 2, count)
    line = skyline(
        ground.grid, Eye(x=place[0], y=place[1], height=asked.eye), count=1440, reach=HILLS,
        bend=bend(asked.observer[1]),
    )  # fmt: skip
    known = np.interp((true - turn) % 360, line.azimuths, line.elevations, period=360.0)
    hills = np.nan_to_num(known, nan=-90.0)
    eye = np.array([x, y, foot + asked.eye])
    now = asked.model_copy(update={"scheme": None})
    both = {}
    for key, question in (("now", now), ("then", asked)):
        standing = town(context, question, (x, y, x, y), asked.reach)
        angle, which = blocks_skyline(eye, true - turn, standing.walls.known(-np.inf))
        both[key] = (np.maximum(angle, hills), np.where(angle > hills, which, -1), standing)
    drawn = _drawn(eye, true - turn, both["now"][0], both["then"][0], asked.scheme)
    stand = feature(shapely.Point(*asked.observer), "观察点", "Observer", color=NOW, width=12)
    return _skyline_result(
        asked, context, ground, (true, known, both), [stand, *massing(both["then"][2], crs), *(
            feature(line, zh, en, crs=crs, color=color, width=3, at_height=True)
            for line, zh, en, color in drawn)],
        Viewpoint(place=asked.observer, height=float(eye[2]), heading=asked.azimuth, pitch=UP),
    )  # fmt: skip


def _drawn(
    eye: Floats, azimuths: Floats, now: Floats, then: Floats, scheme: str | None
) -> list[tuple[shapely.LineString, str, str, str]]:
    """Lines in space before the eye: from there they lie on what they are told of."""
    turn = np.radians(azimuths)
    lines = [("现状天际线", "Skyline now", NOW, now)]
    if scheme is not None:
        lines.insert(0, (f"方案 {scheme} 天际线", f"Skyline with scheme {scheme}", THEN, then))
    return [
        (shapely.LineString(np.stack([
            eye[0] + NEAR * np.sin(turn), eye[1] + NEAR * np.cos(turn),
            eye[2] + NEAR * np.tan(np.radians(angles))], axis=1)), zh, en, color)
        for zh, en, color, angles in lines
    ]  # fmt: skip


def _legend(scheme: str | None) -> list[tuple[str, str, str]]:
    """The two lines."""
    then = [(THEN, f"方案 {scheme} 天际线", f"Skyline with scheme {scheme}")] if scheme else []
    return [(NOW, "现状天际线", "Skyline now"), *then]


def _skyline_result(
    asked: SkylineParameters, context: Context, ground: Ground,
    found: tuple[Floats, Floats, dict[str, Any]], drawn: list[dict[str, Any]], seen: Viewpoint,
) -> Result:  # fmt: skip
    true, known, both = found
    hills, blind = np.nan_to_num(known, nan=-90.0), np.isnan(known)
    (before, _, _), (after, which, standing) = both["now"], both["then"]
    source = f"{ground_source(ground)}；{standing.source}"
    step = asked.field / (len(true) - 1)
    raised = after - before
    lines = [Axis(title="地形", title_en="Ground", unit="deg", values=listed(known, 3)),
             Axis(title="现状天际线", title_en="Skyline now", unit="deg",
                  values=listed(_told(before), 3))]  # fmt: skip
    if asked.scheme is not None:
        lines.append(Axis(title=f"方案 {asked.scheme}", title_en=f"With scheme {asked.scheme}",
                          unit="deg", values=listed(_told(after), 3)))  # fmt: skip
    crs = context.city.compute_crs
    rows = _edge_rows(after, which, standing, (step, crs))
    return Result(
        summary=(
            figure("highest", "天际线最高仰角", "Highest",
                   round(float(after.max()), 2) if after.max() > -90 else None, "deg", source),
            figure("raised", "方案抬高的方位宽度", "Directions that rise",
                   round(float((raised > 0.01).sum() * step), 1) if asked.scheme else None, "deg",
                   source),
            figure("most_raised", "最大抬高", "Rises at most",
                   round(float(raised.max()), 2) if asked.scheme else None, "deg", source),
            figure("covered", "被建筑遮住的山脊线", "Ridge hidden by buildings",
                   float(100 * (after > hills + 0.01)[~blind].mean()) if (~blind).any() else None,
                   "%", source),
            figure("hills_unknown", "山脊线不明的方位占比", "Directions of unknown ground",
                   float(100 * blind.mean()), "%", source,
                   verdict=Verdict.UNKNOWN if blind.any() else None),
            figure("unknown", "缺高度未计的建筑", "Buildings without a "
                                          "height", standing.unknown, "1",
                   standing.source),
        ),
        features=collection(drawn, _legend(asked.scheme)),
        viewpoint=seen,
        series=(Series(
            title="天际线", title_en="Skyline",
            x=Axis(title="方位角（真北，可超过 360）"
                         "", title_en="Azimuth from true north", unit="deg",
                   values=listed(true, 2)),
            y=tuple(lines)),),
        tables=(Table(
            title="构成天际线的建筑", title_en="Buildings on the skyline",
            columns=(("name", "建筑", "Building", ""), ("scheme", "方案", "Scheme", ""),
                     ("width", "占方位宽度", "Width", "deg"),
                     ("highest", "最高仰角", "Highest", "deg")),
            rows=sorted(rows, key=lambda r: -float(r["highest"])),
        ),),
        provenance=provenance(ground, standing, context, "等高体块与裸地 DEM，不含树木 "
                                                          "flat-topped blocks "
                               f"and bare ground to {HILLS / 1000:g} km: no trees"),
    )  # fmt: skip


def _edge_rows(
    after: Floats, which: npt.NDArray[np.int64], standing: Town, scale: tuple[float, CRS]
) -> list[dict[str, Any]]:
    """Buildings that form the edge, with how many degrees (steps of one) of it are theirs."""
    step, crs = scale
    rows = []
    for row in np.unique(which[which >= 0]).tolist():
        share = which == row
        rows.append({
            "name": name_of(standing, row), "scheme": standing.frame["scheme"].iloc[row] or "",
            "width": round(float(share.sum() * step), 2),
            "highest": round(float(after[share].max()), 3), "place": place_of(standing, row, crs),
        })  # fmt: skip
    return rows


def _told(line: Floats) -> Floats:
    """A line with gaps where neither ground nor buildings are known."""
    return np.where(line <= -90.0, np.nan, line)


SKYLINE = Analysis(
    id="planning.skyline",
    guide="planning.md",
    title="天际线是什么样，方案会不会破坏它",
    title_en="What is the skyline, and what does the scheme do to it",
    summary="逐方位求地形与建筑的最高仰角，方案前后对比，列出构成天际线的建筑。",
    summary_en="The highest angle of ground and buildings in each direction, before and after "
    "a scheme.",
    parameters=SkylineParameters,
    run=skyline_of,
    version=2,
    example={"observer": [106.6480, 35.2168], "azimuth": 346, "field": 70, "scheme": "A"},
    reads=reads_of,
    references=REFERENCES,
)
