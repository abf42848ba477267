"""What an isolation looks like: figures, tables and drawings."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from shapely import Point as Spot

from cim.drawn import feature
from cim.topic import Figure, Table, Verdict
from cim.topics.pipelines.analysis.assembly import place_on
from cim.topics.pipelines.analysis.burst import Shutdown, stretches
from cim.topics.pipelines.analysis.model import Place, User
from cim.topics.pipelines.asked import stretch_features
from cim.topics.pipelines.degraded import Degraded
from cim.topics.pipelines.queries import Drawn

MISSING = "图层未发布或不属此网 layer not published, or not of this network"
ORDER = (
    "先关来水侧（沿管线距水源近者在先），再关无来水的一侧 nearest to a source along the pipes "
    "first; those that no source feeds any more come last"
)


LEGEND = (
    ("#e53935", "停水管段、重点用户", "shut off; critical users"),
    ("#fb8c00", "失去水源管段", "cut off from every source"),
    ("#1e88e5", "须关阀门（按次序编号）", "valves to close, numbered"),
    ("#fdd835", "须关阀门，可否启闭不明", "valves to close, not known to turn"),
    ("#616161", "不能启闭的阀门", "valves that do not turn"),
    ("#ef9a9a", "停水用户", "users without water"),
    ("#ab47bc", "压力不足用户", "users at low pressure"),
    ("#6d4c41", "失水消火栓", "dry hydrants"),
)
FIRST = ("valves", "users_inside", "users_beyond", "people", "degraded", "hydrants",
         "unconfirmed")  # fmt: skip


def by_weight(figures: Iterable[Figure]) -> list[Figure]:
    """What is to be done and who suffers first, then what explains it."""
    order = {key: n for n, key in enumerate(FIRST)}

    def weight(figure: Figure) -> float:
        if figure.key in {"failed", "grown"} and figure.value:
            return 0.5  # who asks again because of a valve that does not turn looks for them
        return order.get(figure.key, len(order))

    return sorted(figures, key=weight)


def legend_of(drawings: Iterable[Mapping[str, Any]]) -> list[tuple[str, str, str]]:
    """What the colours that occur mean."""
    there = {drawing["properties"]["style"]["color"] for drawing in drawings}
    return [entry for entry in LEGEND if entry[0] in there]


def figures(drawn: Drawn, found: Shutdown, place: Place, away: float) -> list[Figure]:
    """What is shut off, with how many valves."""
    valves, pipes = drawn.source("valves"), drawn.source()
    sources = drawn.source("sources")
    names = ", ".join(drawn.network.sources[i].name for i in found.origins)
    doubtful = sum(not closing.told for closing in found.closings)
    return [
        Figure(key="segment", title="爆管管段", title_en="Segment that burst",
               value=drawn.network.links[place.link].no,
               evidence=f"{pipes}，距点击处 {away:.1f} m from the click"),
        Figure(key="valves", title="需关闭阀门", title_en="Valves to close",
               value=len(found.closings), evidence=f"{valves}；{ORDER}",
               verdict=None if found.closings or found.shut else Verdict.NEEDS_REVIEW),
        Figure(key="shut", title="边界上已关闭的阀门（须核实）",
               title_en="Valves at the border that are closed already, to be checked",
               value=len(found.shut), evidence=valves),
        Figure(key="unconfirmed", title="其中可否启闭不明", title_en="Of them, not known to turn",
               value=doubtful, verdict=Verdict.UNKNOWN if doubtful else None, evidence=valves),
        Figure(key="failed", title="本可关闭但不能启闭", title_en="Would do, but do not turn",
               value=len(found.failed), evidence=valves),
        Figure(key="grown", title="因此多停管长", title_en="Pipe shut off for their sake",
               value=round(found.grown, 1), unit="m", evidence=pipes),
        Figure(key="length", title="隔离管长", title_en="Pipe shut off",
               value=round(found.length, 1), unit="m",
               evidence=f"{pipes}，椭球面大地线 geodesic"),
        Figure(key="sources_inside", title="隔离区内水源（须停运）",
               title_en="Sources within, to be stopped",
               value=len(found.origins) if sources else None,
               verdict=None if sources else Verdict.UNKNOWN,
               evidence=f"{sources or MISSING}{'；' if names else ''}{names}"),
        Figure(key="hydrants", title="失水消火栓", title_en="Hydrants without water",
               value=len(found.hydrants) if drawn.source("hydrants") else None,
               verdict=None if drawn.source("hydrants") else Verdict.UNKNOWN,
               evidence=drawn.source("hydrants") or MISSING),
    ]  # fmt: skip


def user_figures(drawn: Drawn, found: Shutdown) -> list[Figure]:
    """Who is without water."""
    source = drawn.source("users")
    fed = bool(drawn.network.sources)
    lost = (*found.inside, *found.beyond)
    people = [user.people for user in lost if user.people is not None]
    unknown = None if source and fed else Verdict.UNKNOWN
    both = f"{source}；{drawn.source('sources')}"
    return [
        Figure(key="users_inside", title="隔离区内停水用户", title_en="Users within the segment",
               value=len(found.inside) if source else None,
               verdict=None if source else Verdict.UNKNOWN, evidence=source or MISSING),
        Figure(key="users_beyond", title="区外失去全部水源的用户",
               title_en="Users beyond it, cut off from every source",
               value=len(found.beyond) if source and fed else None, verdict=unknown,
               evidence=both if source and fed else f"无可用水源 no source there ({both})"),
        Figure(key="people", title="停水人口（已知部分）",
               title_en="People without water, as known",
               value=sum(people) if source else None, unit="{person}", verdict=unknown,
               evidence=source or MISSING),
        Figure(key="people_unknown", title="其中人口不详的用户",
               title_en="Of them, users of unknown number",
               value=len(lost) - len(people) if source else None,
               verdict=Verdict.UNKNOWN if len(lost) > len(people) else None,
               evidence=source or MISSING),
        Figure(key="critical", title="停水重点用户", title_en="Critical users without water",
               value=sum(bool(user.critical) for user in lost) if source else None,
               verdict=unknown, evidence=source or MISSING),
        Figure(key="unfed", title="关阀前即无水源可达的用户",
               title_en="Users that no source reached before",
               value=len(found.unfed) if source and fed else None, verdict=unknown,
               evidence=both),
    ]  # fmt: skip


def tables(drawn: Drawn, found: Shutdown, stuck: Iterable[str] = ()) -> list[Table]:
    """The valves in order, the users and the hydrants.

    Args:
        drawn: The network.
        found: What is shut off.
        stuck: Numbers of valves that were said not to turn; a row's button adds its own.
    """
    network = drawn.network
    closings = [
        {"order": i + 1, "no": network.valves[c.valve].no,
         "segment": network.links[network.valves[c.valve].at.link].no,
         "supply": None if c.supply is None else round(c.supply, 1),
         "walk": None if c.walk is None else round(c.walk, 1),
         "told": "可启闭 turns" if c.told else "不明，现场确认 confirm on site",
         "reason": "来水侧 fed from a source" if c.supply is not None else
         "防止倒流 keeps the pipes beyond from draining",
         "place": drawn.lonlat(network.valves[c.valve].x, network.valves[c.valve].y),
         "again": {"stuck": ", ".join([*sorted(stuck), network.valves[c.valve].no])}}
        for i, c in enumerate(found.closings)
    ]  # fmt: skip
    users = [
        {"no": u.no, "name": u.name, "where": where, "people": u.people, "demand": u.demand,
         "critical": u.critical, "place": drawn.lonlat(u.x, u.y)}
        for group, where in ((found.inside, "隔离区内 within"), (found.beyond, "失去水源 cut off"))
        for u in sorted(group, key=_weight)
    ]  # fmt: skip
    return [
        Table(title="关阀次序", title_en="Valves in order of closing", rows=closings,
              again=("关不动", "does not turn"), columns=(
            ("order", "次序", "Order", ""), ("no", "阀门", "Valve", ""),
            ("segment", "所在管段", "On segment", ""),
            ("supply", "距水源（沿管线）", "From a source, along pipes", "m"),
            ("walk", "距上一阀门（直线）", "From the valve before", "m"),
            ("told", "可否启闭", "Turns", ""), ("reason", "缘由", "Why", ""))),
        _other_valves(drawn, found),
        Table(title="停水用户", title_en="Users without water", rows=users, columns=(
            ("no", "户号", "Number", ""), ("name", "名称", "Name", ""),
            ("where", "情形", "Where", ""), ("people", "人口", "People", "{person}"),
            ("demand", "日均用水量", "Mean demand", "m3/d"),
            ("critical", "重点类别", "Critical", ""))),
        Table(title="失水消火栓", title_en="Hydrants without water",
              columns=(("no", "编号", "Number", ""),),
              rows=[{"no": h.no, "place": drawn.lonlat(h.x, h.y)} for h in found.hydrants]),
    ]  # fmt: skip


def _other_valves(drawn: Drawn, found: Shutdown) -> Table:
    """Valves that need no closing, or cannot be closed."""
    rows = [
        {"no": v.no, "segment": drawn.network.links[v.at.link].no, "state": state,
         "place": drawn.lonlat(v.x, v.y)}
        for numbers, state in ((found.shut, "已关闭，须核实 closed already, to be checked"),
                               (found.failed, "不能启闭 does not turn"))
        for v in (drawn.network.valves[number] for number in numbers)
    ]  # fmt: skip
    return Table(title="其他边界阀门", title_en="Other valves of the border", rows=rows, columns=(
        ("no", "阀门", "Valve", ""), ("segment", "所在管段", "On segment", ""),
        ("state", "情形", "State", "")))  # fmt: skip


def _weight(user: User) -> tuple[bool, int]:
    """Critical users first, then the many."""
    return not user.critical, -(user.people or 0)


def features(
    drawn: Drawn, found: Shutdown, place: Place, low: Degraded | None
) -> list[dict[str, Any]]:
    """The burst, what is shut off and cut off, the valves in their order, who is without water."""
    network = drawn.network
    spot = place_on(network.links[place.link].line, place.fraction)

    def dot(x: float, y: float, name: str, name_en: str, **style: Any) -> dict[str, Any]:
        return feature(Spot(x, y), name, name_en, crs=drawn.crs, **style)

    drawings = [
        *stretch_features(drawn, stretches(network, found.isolation.segment), "隔离管段",
                          "Shut off", color="#e53935", width=6),
        *stretch_features(drawn, stretches(network, found.isolation.cut), "失去水源管段",
                          "Cut off", color="#fb8c00", width=5),
        dot(float(spot[0]), float(spot[1]), "爆管处", "Burst", color="#b71c1c", width=16,
            label=True),
    ]  # fmt: skip
    drawings += [
        dot(v.x, v.y, f"{i + 1} 关 {v.no}", f"{i + 1} close {v.no}", width=13, label=True,
            color="#1e88e5" if closing.told else "#fdd835")
        for i, closing in enumerate(found.closings)
        if (v := network.valves[closing.valve])
    ]  # fmt: skip
    drawings += [
        dot(v.x, v.y, f"不能启闭 {v.no}", f"stuck {v.no}", color="#616161", width=12)
        for v in (network.valves[number] for number in found.failed)
    ]
    drawings += [
        dot(u.x, u.y, f"停水 {u.name}", f"no water: {u.name}", width=9,
            color="#e53935" if u.critical else "#ef9a9a")
        for u in (*found.inside, *found.beyond)
    ]  # fmt: skip
    drawings += [
        dot(h.x, h.y, f"失水消火栓 {h.no}", f"dry hydrant {h.no}", color="#6d4c41", width=8)
        for h in found.hydrants
    ]
    drawings += [
        dot(u.x, u.y, f"压力不足 {u.name}", f"low pressure: {u.name}", color="#ab47bc", width=9)
        for u in (() if low is None else low.users)
    ]
    return drawings
