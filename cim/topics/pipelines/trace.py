"""上下游追踪: what lies upstream or downstream of a place on a pipe."""

from __future__ import annotations

from typing import Any, Literal

import numpy as np
from pydantic import Field
from shapely import Point as Spot

from cim.drawn import collection, feature
from cim.geo.network import Trace, trace
from cim.question import Point, english, number_field, point_field
from cim.topic import Analysis, Context, Figure, Result, Table, Verdict
from cim.topics.pipelines.analysis.assembly import place_on
from cim.topics.pipelines.analysis.direction import (
    Ways,
    as_drawn,
    as_simulated,
    by_invert,
    traced_length,
)
from cim.topics.pipelines.analysis.hydraulic import Wish, model_of
from cim.topics.pipelines.analysis.model import Place
from cim.topics.pipelines.asked import (
    MOST_ROWS,
    NOT_FOR_DISPATCH,
    OnSupply,
    fault_figures,
    fault_table,
    layers_read,
    provenance,
    stretch_features,
)
from cim.topics.pipelines.burst import snapped
from cim.topics.pipelines.epanet import Order, ask
from cim.topics.pipelines.queries import Drawn, network_of

WAYS = {
    "invert": ("按管底高程（重力流）", "by inverts (gravity)"),
    "drawn": ("按普查流向", "as the survey drew the flow"),
    "simulated": ("按水力模拟流向（供水）", "as EPANET simulates it (water)"),
}


class TraceParameters(OnSupply):
    """What a trace asks for."""

    point: Point = point_field(
        "追踪起点", "起点的经纬度（度），取所选图层最近的管段。",
        "Start", "Longitude and latitude; the nearest pipe of the chosen layer is taken.",
    )  # fmt: skip
    towards: Literal["upstream", "downstream"] = Field(
        default="downstream", title="方向", description="追踪上游或下游。",
        json_schema_extra=english(
            "Towards", "Whether against the flow or with it.",
            choices={"upstream": ["上游", "upstream"], "downstream": ["下游", "downstream"]},
        ),
    )  # fmt: skip
    by: Literal["invert", "drawn", "simulated"] = Field(
        default="invert", title="流向依据", description="每条管段的流向如何确定。",
        json_schema_extra=english(
            "Flow", "How the way of each pipe is told.",
            choices={key: list(titles) for key, titles in WAYS.items()},
        ),
    )  # fmt: skip
    radius: float = number_field(
        30.0, "吸附半径", "起点与管段的最大距离，超出则拒绝回答。",
        "Radius", "Farthest pipe that is taken; beyond it the question is refused.", "m", 1.0,
        200.0,
    )  # fmt: skip
    manning: float = number_field(
        0.013, "曼宁糙率", "重力流满管流速的糙率 n。",
        "Manning's n", "Of the full pipes, for the time by inverts.", "", 0.008, 0.05,
        advanced=True,
    )  # fmt: skip


def follow(asked: TraceParameters, context: Context) -> Result:
    """Follow the pipes up or down stream."""
    drawn = network_of(
        context, asked.pipes, tolerance=asked.tolerance, reach=asked.reach, valves=asked.valves,
        sources=asked.sources, users=asked.users,
    )  # fmt: skip
    place, away = snapped(asked.point, asked.radius, drawn)
    ways = _ways(drawn, asked, context)
    found = trace(
        drawn.network.graph, ways.directions, place.link, place.fraction,
        upstream=asked.towards == "upstream", times=ways.times,
    )  # fmt: skip
    return Result(
        summary=(*_figures(drawn, found, ways, place, away, asked), *fault_figures(drawn)),
        features=collection(_features(drawn, found, place, asked)),
        tables=(*_tables(drawn, found), *fault_table(drawn)),
        provenance=provenance(
            drawn, context, NOT_FOR_DISPATCH, flow=WAYS[asked.by][1],
            time="full pipes after Manning: an estimate" if asked.by == "invert" else
            "simulated velocities" if asked.by == "simulated" else None,
        ),
    )  # fmt: skip


def _ways(drawn: Drawn, asked: TraceParameters, context: Context) -> Ways:
    network = drawn.network
    if asked.by == "invert":
        return by_invert(network, asked.manning)
    if asked.by == "drawn":
        return as_drawn(network)
    model = model_of(network, Wish())
    (simulation,) = ask([Order(text=model.text)], context.folder)
    column = {name: i for i, name in enumerate(simulation.links)}
    return as_simulated(
        network,
        {i: float(simulation.flow[0, column[name]]) for i, name in model.links.items()},
        {i: float(simulation.velocity[0, column[name]]) for i, name in model.links.items()},
    )


def _seconds(value: float) -> float | None:
    return round(value / 60, 1) if np.isfinite(value) else None


def _figures(
    drawn: Drawn, found: Trace, ways: Ways, place: Place, away: float, asked: TraceParameters
) -> list[Figure]:  # fmt: skip
    network = drawn.network
    reached = found.away[found.nodes]
    times = found.time[found.nodes]
    length = traced_length(network, found, ways, place, upstream=asked.towards == "upstream")
    sources = [s for s in network.sources if found.nodes[s.node]]
    users = [u for u in network.users if found.links[u.at.link]]
    pipes = f"{drawn.source()}；{' '.join(WAYS[asked.by])}"
    known = len(reached) > 0
    slow = bool(known and not np.isfinite(times).all())
    rows = (
        ("segment", "起点管段", "Segment it starts on", network.links[place.link].no, "",
         f"{drawn.source()}，距点击处 {away:.1f} m from the click", None),
        ("segments", "追踪到的管段", "Segments traced", int(found.links.sum()), "", pipes, None),
        ("length", "追踪总管长", "Pipe traced", round(length, 1), "m", pipes, None),
        ("farthest", "最远点沿程距离", "Farthest point along the pipes",
         round(float(reached.max()), 1) if known else 0.0, "m", pipes, None),
        ("time", "到最远点的时间", "Time to the point reached last",
         None if slow or not known else _seconds(float(times.max())), "min",
         f"{pipes}，满管估算 full pipes" if asked.by == "invert" else pipes,
         Verdict.UNKNOWN if slow else Verdict.NEEDS_REVIEW if known else None),
        ("ends", "终点（排放口、水源或尽端）", "Ends", len(found.ends), "", pipes, None),
        *((("sources", "到达的水源", "Sources reached", len(sources), "",
            f"{drawn.source('sources')}；{', '.join(s.name for s in sources)}", None),)
          if drawn.source("sources") else ()),
        *((("users", "沿线用户", "Users along it", len(users), "", drawn.source("users"), None),)
          if drawn.source("users") else ()),
        ("untold", "流向不明、未追踪的管段", "Pipes whose flow cannot be told, not followed",
         len(found.untold), "", pipes, Verdict.UNKNOWN if len(found.untold) else None),
        ("adverse", "普查流向与高程相反的管段", "Pipes drawn to flow uphill", len(ways.adverse), "",
         pipes, Verdict.NEEDS_REVIEW if ways.adverse else None),
    )  # fmt: skip
    return [
        Figure(key=key, title=zh, title_en=en, value=value, unit=unit, evidence=evidence,
               verdict=verdict)
        for key, zh, en, value, unit, evidence, verdict in rows
    ]  # fmt: skip


def _tables(drawn: Drawn, found: Trace) -> list[Table]:
    network = drawn.network
    ends = [
        {"no": network.nodes[i].no, "distance": round(float(found.away[i]), 1),
         "time": _seconds(float(found.time[i])),
         "place": drawn.lonlat(network.nodes[i].x, network.nodes[i].y)}
        for i in sorted(found.ends.tolist(), key=lambda i: float(found.away[i]))
    ]  # fmt: skip
    order = sorted(
        np.flatnonzero(found.links).tolist(),
        key=lambda i: min(found.away[network.links[i].tail], found.away[network.links[i].head]),
    )
    return [
        Table(title="终点", title_en="Ends", rows=ends[:MOST_ROWS], columns=(
            ("no", "点号", "Point", ""), ("distance", "沿程距离", "Along the pipes", "m"),
            ("time", "时间", "Time", "min"))),
        _segment_table(drawn, order, "追踪到的管段", "Segments traced"),
        _segment_table(drawn, found.untold.tolist(), "流向不明的管段", "Pipes of unknown flow"),
    ]  # fmt: skip


def _segment_table(drawn: Drawn, links: list[int], title: str, title_en: str) -> Table:
    rows = []
    for i in links[:MOST_ROWS]:
        link = drawn.network.links[i]
        x, y = place_on(link.line, 0.5)
        rows.append({"no": link.no, "length": round(link.length, 1), "dn": link.diameter,
                     "place": drawn.lonlat(float(x), float(y))})  # fmt: skip
    return Table(title=title, title_en=title_en, rows=rows, columns=(
        ("no", "管段", "Segment", ""), ("length", "长度", "Length", "m"),
        ("dn", "管径", "Diameter", "mm")))  # fmt: skip


def _features(
    drawn: Drawn, found: Trace, place: Place, asked: TraceParameters
) -> list[dict[str, Any]]:
    network = drawn.network
    color = "#1e88e5" if asked.towards == "downstream" else "#43a047"
    spot = place_on(network.links[place.link].line, place.fraction)
    whole = [(i, 0.0, 1.0) for i in np.flatnonzero(found.links).tolist()]
    unknown = [(i, 0.0, 1.0) for i in found.untold.tolist() if not found.links[i]]
    zh, en = {"downstream": ("下游", "downstream"), "upstream": ("上游", "upstream")}[asked.towards]
    return [
        *stretch_features(drawn, whole, zh, en, color=color, width=6),
        *stretch_features(drawn, unknown, "流向不明", "unknown flow", color="#9e9e9e", width=5),
        feature(Spot(*spot), "起点", "Start", crs=drawn.crs, color="#ffd54f", width=14, label=True),
        *(
            feature(Spot(network.nodes[i].x, network.nodes[i].y), f"终点 {network.nodes[i].no}",
                    f"end {network.nodes[i].no}", crs=drawn.crs, color="#e53935", width=11)
            for i in found.ends.tolist()
        ),
    ]  # fmt: skip


TRACE = Analysis(
    id="pipelines.trace",
    guide="pipelines.md",
    title="这段管线的上游或下游有哪些",
    title_en="What lies upstream or downstream of this pipe",
    summary=(
        "自点击处沿管网追踪上游或下游，直到水源、排放口或尽端；流向取自管底高程、普查流向或水力模拟。"
        "环路只走一次，流向不明的管段列出而不追踪；重力流时间按满管曼宁流速估算。"
    ),
    summary_en=(
        "From the click up or down the pipes to sources, outfalls or dead ends; the way of each "
        "pipe is told by its inverts, by the survey or by EPANET. Loops are walked once; pipes of "
        "unknown flow are listed, not followed; times by gravity are those of full pipes."
    ),
    parameters=TraceParameters,
    run=follow,
    example={"point": [106.6483, 35.2230], "pipes": "pipelines.sewage_pipe", "by": "invert"},
    reads=layers_read,
    references=(
        "Manning (1891), On the flow of water in open channels and pipes",
        "Dijkstra (1959), A note on two problems in connexion with graphs",
    ),
)
