"""What a warning answers: counts by colour, who is threatened, sites and towns."""

from __future__ import annotations

from typing import Any

import numpy as np
from pyproj import CRS
from shapely import Point as Place

from cim.drawn import feature
from cim.evidence import figure, rows_if_any
from cim.exposure import ADMIN
from cim.geo.crs import to_lonlat
from cim.topic import Context, Figure, Table, Verdict
from cim.topics.geohazards.refuge import Way
from cim.topics.geohazards.rules import WarningRules
from cim.topics.geohazards.sites import FOLLOWED, LEVELS, UNKNOWN, Site

WAY = ("撤离路线", "Way out", "#00e676")
UNSTEPPED = 11.0  # m: takes the stairs of 15 m cells off what is drawn


def level_figures(sites: list[Site], rules: WarningRules, source: str) -> tuple[Figure, ...]:
    """Sites by colour, what is not known of them, and who the records say they threaten."""
    doubt = None if rules.verified else Verdict.NEEDS_REVIEW
    by_level = [[s for s in sites if s.level == level] for level in range(5)]
    unknown = sum(s.level is None for s in sites)
    off = sum(s.warned and not s.followed for s in sites)
    evidence = source if rules.verified else f"{source}；阈值与矩阵未核实 thresholds unverified"
    rows = [
        figure(f"level_{level}", f"{zh}预警隐患点" if level else "不预警隐患点",
               f"Sites, {en}", len(by_level[level]), "1", evidence,
               verdict=doubt if level else None)
        for level, (zh, en, _) in reversed(list(enumerate(LEVELS)))
    ]  # fmt: skip
    return (
        *rows,
        figure("unknown", "无法判定的隐患点", "Sites that cannot be told", unknown, "1", source,
               verdict=Verdict.UNKNOWN if unknown else None),
        figure("off_ground", "影响范围不明的预警点（在高程模型之外）",
               "Warned sites off the elevation model, their reach unknown", off, "1", source,
               verdict=Verdict.UNKNOWN if off else None),
        _threatened(sites, "households", "户数", "Households", "{household}", source),
        _threatened(sites, "people", "人数", "People", "{person}", source),
    )  # fmt: skip


def _threatened(sites: list[Site], key: str, zh: str, en: str, unit: str, source: str) -> Figure:
    """Who the records say is threatened by sites from yellow on; what they do not say is told."""
    known = [told(s.row.get(key)) for s in sites if s.warned]
    silent, unknown = known.count(None), sum(s.level is None for s in sites)
    doubts = [
        *([f"{silent} 处台账未填 records without"] if silent else []),
        *([f"{unknown} 处无法判定，未计入 sites that cannot be told, left out"] if unknown else []),
    ]  # fmt: skip
    return figure(
        key, f"黄色及以上威胁{zh}（台账）", f"{en}, yellow and worse", sum(v or 0 for v in known),
        unit, "；".join([source, *doubts]), verdict=Verdict.UNKNOWN if doubts else None,
    )  # fmt: skip


def told(value: Any) -> int | None:
    """A number of the records; None where they are silent."""
    return None if value is None or not np.isfinite(value) else int(value)


def lonlat(place: Place, crs: CRS) -> list[float]:
    """A place in degrees."""
    return [round(float(v), 7) for v in to_lonlat(crs, np.array([[place.x, place.y]]))[0]]


def site_features(sites: list[Site], ways: dict[bytes, Way], crs: CRS) -> list[dict[str, Any]]:
    """The sites in their colours, the worst on top, their reach and the ways out."""
    drawn = []
    for site in sorted(sites, key=lambda s: -1 if s.level is None else s.level):
        zh, en, color = UNKNOWN if site.level is None else LEVELS[site.level]
        name = str(site.row.get("name") or site.row["hazard_id"])
        if not site.reached.is_empty:
            drawn.append(feature(site.reached.simplify(UNSTEPPED), f"{name} 影响范围",
                                 f"{name}: reach", crs=crs, color=color, width=2,
                                 fill=f"{color}50"))  # fmt: skip
        drawn.append(feature(
            site.place, f"{name} {zh}", f"{name}: {en}", crs=crs, color=color,
            width=10 if site.warned else 4, label=(site.level or 0) > FOLLOWED,
            properties={"level": site.level, "today_mm": _number(site.amounts[0]),
                        "effective_mm": _number(site.amounts[1])},
        ))  # fmt: skip
    drawn += [
        feature(found.course, f"{WAY[0]} 至{found.shelter}", f"{WAY[1]} to {found.shelter}",
                crs=crs, color=WAY[2], width=5)
        for found in ways.values()
    ]  # fmt: skip
    return drawn


def site_legend(sites: list[Site], ways: dict[bytes, Way]) -> list[tuple[str, str, str]]:
    """The colours that are on the map, the worst first."""
    there = {s.level for s in sites}
    rows = [
        (color, f"{zh}预警" if level else "不预警", en.capitalize())
        for level, (zh, en, color) in reversed(list(enumerate(LEVELS))) if level in there
    ]  # fmt: skip
    rows += [(UNKNOWN[2], UNKNOWN[0], UNKNOWN[1])] if None in there else []
    return [*rows, (WAY[2], WAY[0], WAY[1])] if ways else rows


def _number(value: float) -> float | None:
    return round(value, 1) if np.isfinite(value) else None


def site_table(sites: list[Site], ways: dict[bytes, Way], crs: CRS) -> Table:
    """The sites, the worst first."""
    rows = []
    for site in sorted(sites, key=lambda s: -(-1 if s.level is None else s.level)):
        found = ways.get(site.place.wkb)
        zh, en, _ = UNKNOWN if site.level is None else LEVELS[site.level]
        rows.append({
            "name": site.row.get("name") or site.row["hazard_id"],
            "kind": site.row.get("hazard_type"), "level": f"{zh} {en}",
            "today": _number(site.amounts[0]), "before": _number(site.amounts[1]),
            "gauge": site.gauge[0].name, "gauge_away": round(site.gauge[1]),
            "households": site.row.get("households"), "people": site.row.get("people"),
            "reach": None if not site.warned else "是 yes" if site.followed else "未知 unknown",
            "shelter": found.shelter if found else None,
            "minutes": round(found.minutes) if found else None,
            "place": lonlat(site.place, crs),
        })  # fmt: skip
    return Table(
        title="隐患点预警", title_en="Sites",
        columns=(
            ("name", "隐患点", "Site", ""), ("kind", "类型", "Type", ""),
            ("level", "预警等级", "Level", ""), ("today", "当日雨量", "Rain of the day", "mm"),
            ("before", "前期有效雨量", "Effective before", "mm"), ("gauge", "雨量站", "Gauge", ""),
            ("gauge_away", "站距", "Gauge away", "m"),
            ("households", "威胁户数", "Households", "{household}"),
            ("people", "威胁人数", "People", "{person}"), ("reach", "影响范围", "Reach known", ""),
            ("shelter", "避难场所", "Shelter", ""),
            ("minutes", "步行", "On foot", "min"),
        ),
        rows=rows,
    )  # fmt: skip


def town_table(context: Context, sites: list[Site], crs: CRS) -> Table:
    """The worst level of the sites in each area."""
    units = rows_if_any(context, ADMIN, crs=crs)
    rows = []
    for row in [] if units is None else units.frame.to_dict("records"):
        own = [s for s in sites if row["geometry"].contains(s.place)]
        known = [s.level for s in own if s.level is not None]
        zh, en, _ = LEVELS[max(known)] if known else UNKNOWN
        rows.append({
            "name": row["name"], "kind": row.get("level"), "sites": len(own),
            "level": f"{zh} {en}" if own else "无隐患点 no sites",
            "unknown": len(own) - len(known),
        })  # fmt: skip
    return Table(
        title="乡镇与社区预警", title_en="Towns",
        columns=(("name", "名称", "Name", ""), ("kind", "级别", "Kind", ""),
                 ("level", "预警等级", "Level", ""), ("sites", "隐患点", "Sites", "1"),
                 ("unknown", "其中无法判定", "Not told", "1")),
        rows=rows,
    )  # fmt: skip
