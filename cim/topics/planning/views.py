"""视线: past what one sees another, what the skyline is, what is too tall for a view."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import shapely
from pydantic import Field
from pyproj import CRS

from cim.catalog.elevation import Ground
from cim.drawn import collection, feature, listed
from cim.errors import ParameterError
from cim.evidence import ground_around, ground_provenance, ground_source
from cim.geo.crs import CGCS2000, to_lonlat, transformer
from cim.geo.massing import skyline as blocks_skyline
from cim.geo.visibility import Eye, line_of_sight, radius_of_curvature, skyline
from cim.question import Point, english, layer_field, number_field, point_field
from cim.topic import Analysis, Axis, Context, Result, Series, Table
from cim.topics.planning.asked import convergence_at, datum, figure
from cim.topics.planning.town import PARCEL, SCHEME, InTown, Town, town

Floats = npt.NDArray[np.float64]
REFRACTION = 1 / 7
MOST = 5000.0  # m: farther blocks do not matter to a street's view


class FromParameters(InTown):
    """Who looks, and past what."""

    observer: Point = point_field("观察点", "观察者的位置。", "Observer", "Where one looks from.")
    eye: float = number_field(1.6, "视高", "距地面。", "Eye", "Above ground.", "m", 0, 500)
    terrain: str = layer_field(
        "base.dem", "地形图层", "地面高程。", "Terrain", "Heights of the ground.", kind="terrain"
    )


class SightParameters(FromParameters):
    """What a line of sight asks for."""

    target: Point = point_field("目标点", "被看的位置。", "Target", "What is looked at.")
    target_height: float = number_field(
        0.0, "目标高度", "距地面。", "Target height", "Above ground.", "m", 0, 500
    )


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


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Post:
    """A place with its height, in the compute CRS, m."""

    x: float
    y: float
    z: float


def _bend(lat: float) -> float:
    return (1 - REFRACTION) / (2 * radius_of_curvature(lat))


def _posts(asked: SightParameters, context: Context) -> tuple[Ground, Post, Post, float]:
    """The ground, the eye, what is looked at, and their distance on the plane, m."""
    ground = ground_around(context, asked.terrain, (asked.observer, asked.target), 200.0)
    crs = context.city.compute_crs
    posts = []
    for place, above in ((asked.observer, asked.eye), (asked.target, asked.target_height)):
        own = transformer(CGCS2000, ground.grid.crs).transform(*place)
        z = ground.grid.bilinear(*own)
        if not math.isfinite(z):
            raise ParameterError(
                f"{place[0]:.5f}, {place[1]:.5f} lies where the ground is unknown",
                remedy="choose a place on the elevation model",
            )
        x, y = transformer(CGCS2000, crs).transform(*place)
        posts.append(Post(x=float(x), y=float(y), z=z + above))
    away = math.hypot(posts[1].x - posts[0].x, posts[1].y - posts[0].y)
    if away < 0.1:
        raise ParameterError("both places are the same", remedy="choose another target")
    return ground, posts[0], posts[1], away


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
        low = min(_height(eye, goal, at, way.length, lat) for at in (near, min(far, way.length)))
        top = float(standing.frame["top"].iloc[row])
        found.append(Met(row=row, near=near, line=low, over=top - low))
    return sorted(found, key=lambda m: m.near)


def _height(eye: Post, goal: Post, at: float, length: float, lat: float) -> float:
    """Height of the line above the datum, the Earth's curvature put into it, m."""
    share = at / length
    return eye.z + share * (goal.z - eye.z) - _bend(lat) * at * (length - at)


def sight(asked: SightParameters, context: Context) -> Result:
    """Whether one place sees another past ground and buildings."""
    ground, eye, goal, away = _posts(asked, context)
    crs = context.city.compute_crs
    box = (min(eye.x, goal.x), min(eye.y, goal.y), max(eye.x, goal.x), max(eye.y, goal.y))
    standing = town(context, asked, box, 20.0)
    hits = met(standing, eye, goal, asked.observer[1])
    own = transformer(CGCS2000, ground.grid.crs)
    x, y = _xy(own, asked.observer)
    seen = line_of_sight(
        ground.grid, Eye(x=x, y=y, height=asked.eye), _xy(own, asked.target),
        target_height=asked.target_height, bend=_bend(asked.observer[1]),
    )  # fmt: skip
    hidden = [m for m in hits if m.over > 0]
    doubt = [m for m in hits if np.isnan(m.over)]
    word = (
        "不通视 hidden" if hidden or seen.seen is False
        else "无法判定 cannot be told" if doubt or seen.seen is None else "通视 visible"
    )  # fmt: skip
    source = f"{ground_source(ground)}；{standing.source}"
    color = {"不": "#e74c3c", "无": "#95a5a6", "通": "#2ecc71"}[word[0]]
    names = [_name(standing, m.row) for m in hits]
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
            *(
                feature(standing.frame.geometry.iloc[m.row], f"遮挡：{n}", f"In the way: {n}",
                        crs=crs, color="#e74c3c", width=2, fill="#e74c3c70")
                for m, n in zip(hits, names, strict=True) if m.over > 0
            ),
        ]),
        series=(Series(
            title="视线剖面", title_en="Profile of the line",
            x=Axis(title="距离", title_en="Distance", unit="m", values=listed(seen.distances, 2)),
            y=(Axis(title="地面高程", title_en="Ground", unit="m", values=listed(seen.ground, 3)),
               Axis(title="视线高程", title_en="Line of sight", unit="m",
                    values=listed(seen.line, 3))),
        ),),
        tables=(Table(
            title="途经建筑", title_en="Buildings on the way",
            columns=(("name", "建筑", "Building", ""), ("near", "距观察点", "Away", "m"),
                     ("line", "该处视线高程", "Line there", "m"),
                     ("over", "高出视线", "Above the line", "m")),
            rows=[{"name": n, "near": round(m.near, 1), "line": round(m.line, 2),
                   "over": None if np.isnan(m.over) else round(m.over, 2),
                   "place": _place(standing, m.row, crs)}
                  for m, n in zip(hits, names, strict=True)],
        ),),
        provenance=_provenance(ground, standing, context, "等高体块与 DEM，不含树木 "
                                                          "flat-topped blocks and "
                               "the DEM: no trees"),
    )  # fmt: skip


def _xy(step: Any, place: tuple[float, float]) -> tuple[float, float]:
    x, y = step.transform(*place)
    return float(x), float(y)


def _name(standing: Town, row: int) -> str:
    own = standing.frame.iloc[row]
    return str(own["name"]) if isinstance(own["name"], str) else str(own["id"])


def _place(standing: Town, row: int, crs: CRS) -> list[float]:
    middle = standing.frame.geometry.iloc[row].representative_point()
    return [round(float(v), 7) for v in to_lonlat(crs, np.array([[middle.x, middle.y]]))[0]]


def _provenance(ground: Ground, standing: Town, context: Context, limits: str) -> dict[str, Any]:
    said = ground_provenance(ground, context)
    return said | datum(context) | {
        "inputs": [*said["inputs"], *standing.inputs], "refraction": REFRACTION,
        "applicability": limits,
    }  # fmt: skip


def skyline_of(asked: SkylineParameters, context: Context) -> Result:
    """The town's edge against the sky, before and after a scheme."""
    ground = ground_around(context, asked.terrain, (asked.observer,), MOST)
    own = transformer(CGCS2000, ground.grid.crs)
    place = _xy(own, asked.observer)
    foot = ground.grid.bilinear(*place)
    if not math.isfinite(foot):
        raise ParameterError(
            "the observer stands where the ground is unknown",
            remedy="choose a place on the elevation model",
        )
    crs = context.city.compute_crs
    x, y = _xy(transformer(CGCS2000, crs), asked.observer)
    turn = convergence_at(crs, x, y)
    count = max(3, round(asked.field * 4))
    true = asked.azimuth + np.linspace(-asked.field / 2, asked.field / 2, count)
    line = skyline(
        ground.grid, Eye(x=place[0], y=place[1], height=asked.eye), count=1440, reach=MOST,
        bend=_bend(asked.observer[1]),
    )  # fmt: skip
    hills = np.interp((true - turn) % 360, line.azimuths,
                      np.nan_to_num(line.elevations, nan=-90.0), period=360.0)  # fmt: skip
    eye = np.array([x, y, foot + asked.eye])
    now = asked.model_copy(update={"scheme": None})
    both = {}
    for key, question in (("now", now), ("then", asked)):
        standing = town(context, question, (x, y, x, y), asked.reach)
        angle, which = blocks_skyline(eye, true - turn, standing.walls.known(-np.inf))
        both[key] = (np.maximum(angle, hills), np.where(angle > hills, which, -1), standing)
    return _skyline_result(asked, context, ground, (true, hills, both))


def _skyline_result(
    asked: SkylineParameters, context: Context, ground: Ground,
    found: tuple[Floats, Floats, dict[str, Any]],
) -> Result:  # fmt: skip
    true, hills, both = found
    (before, _, _), (after, which, standing) = both["now"], both["then"]
    source = f"{ground_source(ground)}；{standing.source}"
    step = asked.field / (len(true) - 1)
    raised = after - before
    lines = [Axis(title="地形", title_en="Ground", unit="deg", values=listed(hills, 3)),
             Axis(title="现状天际线", title_en="Skyline now", unit="deg",
                  values=listed(before, 3))]  # fmt: skip
    if asked.scheme is not None:
        lines.append(Axis(title=f"方案 {asked.scheme}", title_en=f"With scheme {asked.scheme}",
                          unit="deg", values=listed(after, 3)))  # fmt: skip
    crs = context.city.compute_crs
    rows = []
    for row in np.unique(which[which >= 0]).tolist():
        share = which == row
        rows.append({
            "name": _name(standing, row), "scheme": standing.frame["scheme"].iloc[row] or "",
            "width": round(float(share.sum() * step), 2),
            "highest": round(float(after[share].max()), 3), "place": _place(standing, row, crs),
        })  # fmt: skip
    return Result(
        summary=(
            figure("highest", "天际线最高仰角", "Highest", float(after.max()), "deg", source),
            figure("raised", "方案抬高的方位宽度", "Directions that rise",
                   float((raised > 0.01).sum() * step) if asked.scheme else None, "deg", source),
            figure("most_raised", "最大抬高", "Rises at most",
                   float(raised.max()) if asked.scheme else None, "deg", source),
            figure("covered", "被建筑遮住的山脊线", "Ridge hidden by buildings",
                   float(100 * (after > hills + 0.01).mean()), "%", source),
            figure("unknown", "缺高度未计的建筑", "Buildings without a "
                                          "height", standing.unknown, "1",
                   standing.source),
        ),
        features=collection([feature(
            shapely.Point(*asked.observer), "观察点", "Observer", color="#ffd54f", width=12)]),
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
        provenance=_provenance(ground, standing, context, "等高体块与裸地 DEM，不含树木 "
                                                          "flat-topped blocks "
                               "and bare ground: no trees"),
    )  # fmt: skip


def corridor(asked: CorridorParameters, context: Context) -> Result:
    """What stands too tall in a corridor."""
    ground, eye, goal, away = _posts(asked, context)
    crs = context.city.compute_crs
    ux, uy = (goal.x - eye.x) / away, (goal.y - eye.y) / away
    half = asked.width / 2
    wedge = shapely.Polygon([
        (eye.x, eye.y), (goal.x - uy * half, goal.y + ux * half),
        (goal.x + uy * half, goal.y - ux * half),
    ])  # fmt: skip
    standing = town(context, asked, wedge.bounds, 20.0)
    lat, rows, drawn = asked.observer[1], [], []
    end, begin = shapely.Point(goal.x, goal.y), shapely.Point(eye.x, eye.y)
    for row in standing.frame.sindex.query(wedge, predicate="intersects").tolist():
        shape = standing.frame.geometry.iloc[row]
        if shape.contains(end) or shape.contains(begin):
            continue
        at = shapely.get_coordinates(shape.intersection(wedge))
        along = np.clip((at[:, 0] - eye.x) * ux + (at[:, 1] - eye.y) * uy, 0.0, away)
        lowest = min(_height(eye, goal, float(d), away, lat) for d in along)
        own = standing.frame.iloc[row]
        over = float(own["top"]) - lowest
        rows.append({
            "name": _name(standing, row), "scheme": own["scheme"] or "",
            "near": round(float(along.min()), 1), "limit": round(lowest, 2),
            "allowed": round(lowest - float(own["ground"]), 2), "height": own["height"],
            "over": None if np.isnan(over) else round(over, 2),
            "verdict": "UNKNOWN" if np.isnan(over) else "FAIL" if over > 0 else "PASS",
            "place": _place(standing, row, crs),
        })  # fmt: skip
        if not over <= 0:
            drawn.append(feature(
                shape, f"{rows[-1]['name']} 超高", f"{rows[-1]['name']}: too tall", crs=crs,
                color="#e74c3c" if over > 0 else "#95a5a6", width=2, fill="#e74c3c70",
            ))  # fmt: skip
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
        ]),
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
        provenance=_provenance(ground, standing, context, "控高面为观察点视线到目标处的斜面 "
                                                          "the limit is the "
                               "line from the eye to the target, at its lowest over each building"),
    )  # fmt: skip


_HERE, _THERE = [106.64910, 35.21870], [106.65080, 35.22420]
_LIMITS = ("Karney (2013), Algorithms for geodesics, J. Geodesy 87, 43-55",)


def _reads(a: FromParameters) -> tuple[str, ...]:
    more = (SCHEME, PARCEL) if a.scheme else ()
    return (a.buildings, a.terrain, *more)


LINE_OF_SIGHT = Analysis(
    id="planning.line_of_sight",
    title="从这里看得到那里吗（含建筑与方案）",
    title_en="Does one see the other past the town",
    summary="沿视线检查地形、现有建筑与方案体块的遮挡，列出每栋途经建筑高出视线多少。",
    summary_en="Ground, buildings and a scheme's massing on the line, each with how far it "
    "stands above.",
    parameters=SightParameters,
    run=sight,
    example={"observer": _HERE, "target": _THERE, "target_height": 12},
    reads=_reads,
    references=_LIMITS,
)
SKYLINE = Analysis(
    id="planning.skyline",
    title="天际线是什么样，方案会不会破坏它",
    title_en="What is the skyline, and what does the scheme do to it",
    summary="逐方位求地形与建筑的最高仰角，方案前后对比，列出构成天际线的建筑。",
    summary_en="The highest angle of ground and buildings in each direction, before and after "
    "a scheme.",
    parameters=SkylineParameters,
    run=skyline_of,
    example={"observer": [106.6480, 35.2168], "azimuth": 350, "field": 120, "scheme": "A"},
    reads=_reads,
    references=_LIMITS,
)
VIEW_CORRIDOR = Analysis(
    id="planning.view_corridor",
    title="这条景观视廊里哪些楼太高",
    title_en="Which buildings are too tall for this view",
    summary="观察点到地标的楔形廊道内，按视线给出每栋建筑（含方案体块）的允许高度与超高。",
    summary_en="In the wedge from the eye to a landmark, the height that the view allows each "
               "building.",
    parameters=CorridorParameters,
    run=corridor,
    example={"observer": [106.6480, 35.2168], "target": [106.6470, 35.2300], "target_height": 0,
             "width": 120, "scheme": "A"},
    reads=_reads,
    references=_LIMITS,
)  # fmt: skip
