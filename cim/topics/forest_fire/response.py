"""力量响应: who gets there first, where is water, which way, and which way out."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import numpy.typing as npt
import shapely
from pydantic import Field
from rasterio.features import rasterize
from rasterio.transform import from_origin
from shapely.geometry.base import BaseGeometry

from cim.catalog.elevation import Ground
from cim.drawn import collection, feature
from cim.errors import ParameterError
from cim.evidence import (
    Rows,
    figure,
    ground_around,
    ground_provenance,
    ground_source,
    input_of,
    rows_if_any,
    rows_of,
)
from cim.exposure import FACILITY, ROAD
from cim.geo.crs import CGCS2000, transformer
from cim.geo.crs import rows as moved
from cim.geo.roads import Roads, roads, travel, way
from cim.geo.steps import BETWEEN, MOVES, walk
from cim.question import (
    Area,
    OnTerrain,
    Point,
    english,
    layer_field,
    number_field,
    point_field,
    shape_of,
)
from cim.topic import Analysis, Context, Figure, Result
from cim.topics.forest_fire.asked import NOT_FOR_DISPATCH, cell_of, place_of
from cim.topics.forest_fire.crews import team_table, water_table
from cim.topics.forest_fire.ways_out import (
    WAY,
    Net,
    shelters,
    way_out_figures,
    way_out_table,
    ways_out,
)

Floats = npt.NDArray[np.float64]
WATER = "base.water"
SPEEDS = {"主干路": 50.0, "次干路": 40.0, "支路": 30.0}  # km/h by grade; others as below
OTHER = 20.0
_COLOURS = ("#00e676", "#ff9800", "#ab47bc", "#ffca28")  # of teams, the quickest first
_WATER = "#29b6f6"
OFF_ROAD = 3000.0  # m: how far from the fire one may walk


class ResponseParameters(OnTerrain):
    """What response asks for."""

    fire: Point = point_field("火点", "火点位置。", "Fire", "Where it burns.")
    closed: Area | None = Field(
        default=None, title="封闭范围", description="其中的道路不能通行，如火场。",
        json_schema_extra=english("Closed", "Roads inside cannot be used.", "deg",
                                  widget="polygon"),
    )  # fmt: skip
    count: int = Field(
        default=4, ge=1, le=50, title="队伍数", description="给出最快的几支。",
        json_schema_extra=english("How many", "Of the quickest teams.", "1"),
    )  # fmt: skip
    turnout: float = number_field(
        5.0, "出动时间", "接警到出发。", "Turnout", "From the call to leaving.", "min", 0, 60
    )
    people: Point | None = Field(
        default=None, title="撤离起点",
        description="给出时另算到避难场所的撤离路线；不给则取火点附近。",
        json_schema_extra=english("Escape from", "People who must leave; else those near the fire.",
                                  "deg", widget="point"),
    )  # fmt: skip
    teams: str = layer_field("forest_fire.team", "队伍图层", "扑火队伍。", "Teams", "Fire crews.")
    water: str = layer_field("forest_fire.water_point", "水源图层", "取水点。", "Water",
                             "Where water is taken.")  # fmt: skip


def _net(context: Context, asked: ResponseParameters, stops: Floats, crs: Any) -> Net:
    """The roads with travel times; closed ones take for ever."""
    streets = rows_of(context, ROAD, crs=crs)
    lines, speeds = [], []
    for shape, grade in zip(streets.frame.geometry, streets.frame["grade"], strict=True):
        for part in getattr(shape, "geoms", [shape]):
            lines.append(shapely.get_coordinates(part))
            speeds.append(SPEEDS.get(str(grade), OTHER) / 3.6)
    network = roads(lines, stops)
    seconds = network.length / np.array(speeds)[network.line]
    if asked.closed is not None:
        step = transformer(CGCS2000, crs)
        area = shapely.transform(shape_of(asked.closed), lambda at: moved(step, at))
        shut = shapely.intersects([shapely.LineString(p) for p in network.paths], area)
        seconds = np.where(shut, np.inf, seconds)
    return Net(roads=network, seconds=seconds, source=streets.source,
                inputs=[input_of(streets.version)])  # fmt: skip


def _on_foot(
    ground: Ground, fire: tuple[float, float], wet: list[BaseGeometry], limit: float
) -> Floats:
    """Seconds on foot from each cell to the fire; through no water."""
    grid = ground.grid
    open_ = np.isfinite(grid.heights)
    if wet:
        burnt = rasterize(wet, out_shape=open_.shape, dtype="uint8",
                          transform=from_origin(grid.west, grid.north, *grid.cell))  # fmt: skip
        open_ &= ~np.asarray(burnt, bool)
    start = np.array([cell_of(grid, *fire)], np.int64)
    open_[start[0, 0], start[0, 1]] = True
    return np.asarray(walk(
        np.ascontiguousarray(grid.heights), open_, start, grid.cell, MOVES, BETWEEN, limit, -1.0
    ))  # fmt: skip


def run(asked: ResponseParameters, context: Context) -> Result:
    """Who gets there first."""
    ground = ground_around(context, asked.terrain, (asked.fire,), OFF_ROAD + 200)
    crs = ground.grid.crs
    teams = rows_of(context, asked.teams, crs=crs, fields=("team_id", "name"))
    if teams.frame.empty:
        raise ParameterError(f"{teams.source} has no teams", remedy="ingest the teams")
    wells = rows_if_any(context, asked.water, crs=crs, fields=("water_id", "volume"))
    lakes = rows_if_any(context, WATER, crs=crs)
    step = transformer(CGCS2000, crs)
    fire = tuple(float(v) for v in step.transform(*asked.fire))
    people = step.transform(*(asked.people or asked.fire))
    refuges = shelters(context, crs)
    ends = [*teams.frame.geometry, *([] if wells is None else wells.frame.geometry),
            *([] if refuges is None else refuges.frame.geometry),
            shapely.Point(*people)]  # fmt: skip
    net = _net(context, asked, np.array([[p.x, p.y] for p in ends]), crs)
    foot = _on_foot(ground, (fire[0], fire[1]), [] if lakes is None else list(lakes.frame.geometry),
                    4 * 3600.0)  # fmt: skip
    off = _at_nodes(ground, net.roads, foot)
    if not np.isfinite(off).any():
        raise ParameterError(
            f"no road lies within {OFF_ROAD:.0f} m on foot of the fire",
            remedy="publish the forest roads (base.road), or choose another place",
        )
    count = len(teams.frame)
    rows, drawn = _teams(asked, teams, net, off, crs)
    water_rows, water_drawn = _water(wells, net, off, count, crs)
    out_rows, out_drawn = ways_out(
        refuges, net, count + (0 if wells is None else len(wells.frame)), crs
    )
    source = f"{net.source}；{teams.source}；{ground_source(ground)}"
    first = rows[0] if rows else {}
    said = ground_provenance(ground, context)
    return Result(
        summary=(*_figures(first, rows, water_rows, count, (source, ground_source(ground))),
                 *way_out_figures(out_rows, refuges, net)),
        features=collection([
            feature(shapely.Point(*asked.fire), "火点", "Fire", color="#ff1744", width=14,
                    label=True),
            *drawn, *water_drawn, *out_drawn,
        ], [
            *((_COLOURS[n], _zh(row), _en(row))
              for n, row in enumerate(rows[: min(asked.count, len(_COLOURS))])),
            (_WATER, "水源", "Water"), *([(WAY, "撤离路线", "Way out")] if out_drawn else []),
        ]),
        tables=tuple(t for t in (team_table(rows[: asked.count]), water_table(water_rows),
                                 way_out_table(out_rows)) if t.rows),
        provenance=said | {
            "inputs": [*said["inputs"], *net.inputs, input_of(teams.version),
                       *([] if wells is None else [input_of(wells.version)]),
                       *([] if refuges is None else [input_of(refuges.version)])],
            "speeds_km_h": {**SPEEDS, "其他 other": OTHER}, "road_pieces": net.roads.pieces(),
            "applicability": f"{NOT_FOR_DISPATCH}. 车速按道路等级取固定值（未核实），不含交通与"
                             "路况 speeds are "
            "fixed by grade (unverified): no traffic, no state of the road",
        },
    )  # fmt: skip


def _zh(row: dict[str, Any]) -> str:
    """A team and when it is there."""
    return f"{row['name']} {row['minutes']} 分钟"


def _en(row: dict[str, Any]) -> str:
    """The same in English."""
    return f"{row['name']}: {row['minutes']} min"


def _figures(
    first: dict[str, Any], rows: list[dict[str, Any]], water_rows: list[dict[str, Any]], count: int,
    sources: tuple[str, str],
) -> tuple[Figure, ...]:  # fmt: skip
    source, heights = sources
    return (
        figure("first", "最快到达的队伍", "First to "
                                   "arrive", first.get("name"), "", source),
        figure("first_minutes", "最快到达时间", "It takes", first.get("minutes"), "min",
               source),
        figure("reachable", "可到达的队伍", "Teams that can arrive", len(rows), "1", source),
        figure("unreachable", "不可到达的队伍", "Teams that "
                                         "cannot", count - len(rows), "1", source),
        figure("nearest_water", "最近水源", "Nearest water",
               water_rows[0]["name"] if water_rows else None, "", source),
        figure("water_minutes", "往返取水一次", "A round trip for water",
               water_rows[0]["round"] if water_rows else None, "min", source),
        figure("walk", "下车后步行", "On foot from the road",
               first.get("walk"), "min", f"{heights}，Tobler 1993"),
    )  # fmt: skip


def _at_nodes(ground: Ground, network: Roads, foot: Floats) -> Floats:
    """Seconds on foot from each node of the roads to the fire."""
    row, column = ground.grid.index(network.nodes[:, 0], network.nodes[:, 1])
    r, c = np.round(row).astype(int), np.round(column).astype(int)
    inside = (r >= 0) & (c >= 0) & (r < foot.shape[0]) & (c < foot.shape[1])
    out = np.full(len(network.nodes), np.inf)
    out[inside] = foot[r[inside], c[inside]]
    return out


def _best(net: Net, off: Floats, stop: int) -> tuple[float, int, Any]:
    """Seconds from a stop to the fire, the node where one leaves the road, and the ways there."""
    found = travel(net.roads, net.seconds, net.roads.stops[[stop]])
    total = found.cost + off
    node = int(np.argmin(total))
    return float(total[node]) + net.access(stop), node, found


def _teams(
    asked: ResponseParameters, teams: Rows, net: Net, off: Floats, crs: Any
) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    rows: list[dict[str, Any]] = []
    for i, row in enumerate(teams.frame.to_dict("records")):
        total, node, found = _best(net, off, i)
        if not math.isfinite(total):
            continue
        course, pieces = way(net.roads, net.seconds, found, node)
        own = row["geometry"]
        line = shapely.LineString([(own.x, own.y), *course]) if len(course) else None
        rows.append({
            "name": row["name"] or row["team_id"], "people": row.get("people"),
            "minutes": round(total / 60 + asked.turnout, 1), "drive": round(
                (float(found.cost[node]) + net.access(i)) / 60, 1),
            "walk": round(float(off[node]) / 60, 1),
            "length": round(float(net.roads.length[pieces].sum()) / 1000, 2),
            "phone": row.get("phone"), "place": place_of(crs, own.x, own.y), "line": line,
            "leave": net.roads.nodes[node],
        })  # fmt: skip
    rows.sort(key=lambda r: r["minutes"])
    fire = transformer(CGCS2000, crs).transform(*asked.fire)
    drawn = []
    for number, row in enumerate(rows[: asked.count]):
        color = _COLOURS[number % len(_COLOURS)]
        lon, lat = row["place"]
        drawn.append(
            feature(
                shapely.Point(lon, lat),
                f"{row['name']} {row['minutes']} 分钟",
                f"{row['name']}: {row['minutes']} min",
                color=color,
                width=8,
                label=number < 2,
            )
        )
        if row["line"] is not None and row["line"].length > 0:
            drawn.append(feature(row["line"], _zh(row), _en(row), crs=crs, color=color,
                                 width=6 - min(number, 3)))  # fmt: skip
        drawn.append(feature(
            shapely.LineString([row["leave"], fire]), "步行段（示意）", "On foot (sketch)", crs=crs,
            color=color, width=2, dash=True,
        ))  # fmt: skip
    for row in rows:
        row.pop("line")
        row.pop("leave")
    return rows, drawn


def _water(
    wells: Rows | None, net: Net, off: Floats, begin: int, crs: Any
) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    rows: list[dict[str, Any]] = []
    drawn = []
    for i, row in enumerate([] if wells is None else wells.frame.to_dict("records")):
        total, node, found = _best(net, off, begin + i)
        if not math.isfinite(total):
            continue
        drive = 2 * (float(found.cost[node]) + net.access(begin + i)) / 60
        rows.append({
            "name": row["name"] or row["water_id"], "volume": row.get("volume"),
            "drive": round(drive / 2, 1), "round": round(drive, 1),
            "place": place_of(crs, row["geometry"].x, row["geometry"].y),
        })  # fmt: skip
        drawn.append(feature(row["geometry"], f"水源 {rows[-1]['name']}", f"Water "
                                                                        f"{rows[-1]['name']}",
                             crs=crs, color=_WATER, width=6))  # fmt: skip
    return sorted(rows, key=lambda r: r["round"]), drawn


RESPONSE = Analysis(
    id="forest_fire.response",
    guide="fire.md",
    title="火点在这里，谁最快赶到、水在哪里、往哪撤",
    title_en="Who gets to the fire first, where is water, which way out",
    summary=(
        "队伍沿路网行车、下车后按坡度步行（Tobler）到达火点的时间与路线，封闭范围内道路不通行；水源往返时间与撤离路线。"
    ),
    summary_en=(
        "Travel time and way of each team by road and then on foot over the slope (Tobler), around "
        "closed roads; round trips for water, and ways out to shelters."
    ),
    parameters=ResponseParameters,
    run=run,
    version=2,
    example={"fire": [106.6290, 35.2335]},
    reads=lambda a: (a.terrain, a.teams, a.water, ROAD, WATER, FACILITY),
    references=(
        "Tobler (1993), Three presentations on geographical analysis and modeling, NCGIA 93-1",
    ),
)
