"""降雨预警: it has rained; which sites, which houses, whom to call, and by which way out."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import date
from typing import Any

import geopandas as gpd
import numpy as np
import shapely
from pydantic import Field
from pyproj import CRS
from shapely import Point as Place
from shapely.geometry.base import BaseGeometry

from cim.catalog.elevation import Ground
from cim.drawn import collection, feature
from cim.errors import ParameterError
from cim.evidence import ground_around, ground_provenance, input_of, rows_if_any, rows_of
from cim.exposure import ADMIN, READS, Exposure, exposed
from cim.geo.crs import to_lonlat
from cim.geo.grid import Grid
from cim.question import OnTerrain, english, layer_field
from cim.topic import Analysis, Context, Figure, Next, Result, Table, Verdict
from cim.topics.geohazards.analysis.rain import effective, warning
from cim.topics.geohazards.analysis.runout import run_out
from cim.topics.geohazards.asked import NOT_FOR_DISPATCH, figure
from cim.topics.geohazards.onward import onward
from cim.topics.geohazards.reach import outline, release_mask
from cim.topics.geohazards.readings import Gauge, gauges, nearest
from cim.topics.geohazards.refuge import Way, ways_out
from cim.topics.geohazards.rules import WarningRules, warning_rules

LEVELS = (
    ("无", "none", "#78909c"),
    ("蓝色", "blue", "#1e88e5"),
    ("黄色", "yellow", "#fdd835"),
    ("橙色", "orange", "#fb8c00"),
    ("红色", "red", "#d32f2f"),
)
UNKNOWN = ("无法判定", "cannot be told", "#cfd8dc")
WAY = ("撤离路线", "Way out", "#00e676")
FOLLOWED = 2  # from yellow on, run-out, people and ways are worked out
RELEASE, FAR = 40.0, 2500.0  # m: radius of what goes, and how far it is followed
UNSTEPPED = 11.0  # m: takes the stairs of 15 m cells off what is drawn


class WarningParameters(OnTerrain):
    """What a warning asks for."""

    day: date = Field(
        default=date(2026, 8, 12), title="预警日期", description="按该日及之前的日雨量预警。",
        json_schema_extra=english("Day", "Rain of this day and of those before counts."),
    )  # fmt: skip
    today: float | None = Field(
        default=None, ge=0, le=2000, title="当日雨量（实况或预报）",
        description="给出时各处均取该值；否则取雨量站当日读数。",
        json_schema_extra=english(
            "Rain of the day", "If given it holds everywhere; else the gauges' readings.", "mm"
        ),
    )  # fmt: skip
    hazards: str = layer_field(
        "geohazards.hazard_point", "隐患点图层", "地质灾害隐患点。", "Sites", "Hazard sites."
    )
    gauges: str = layer_field(
        "geohazards.rain", "雨量图层", "雨量站逐日读数。", "Rain", "Daily readings of gauges."
    )


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Site:
    """One hazard site on that day.

    Args:
        row: Its attributes.
        place: In the grid's CRS.
        gauge: Whose rain was taken, and how far away it stands, m.
        amounts: Today's rain and the effective antecedent rain, mm; NaN where not known.
        level: 0 to 4; None where it cannot be told.
        reached: What it would run over, from yellow on.
    """

    row: dict[str, Any]
    place: Place
    gauge: tuple[Gauge, float]
    amounts: tuple[float, float]
    level: int | None
    reached: BaseGeometry


def rain_class(rules: WarningRules, today: float, before: float) -> int | None:
    """The worse of today's class and of that with what fell before; None where not known.

    Today's rain alone may already be of the highest class, whatever is not known of the past.
    """
    one, both = rules.today.grade(today), rules.antecedent.grade(today + before)
    if one == len(rules.today.rising):
        return one
    return None if one is None or both is None else max(one, both)


def run(asked: WarningParameters, context: Context) -> Result:
    """Warn."""
    hazards = rows_of(context, asked.hazards, fields=("hazard_id", "hazard_type", "stability"))
    rain = rows_of(context, asked.gauges, fields=("gauge", "day", "millimetres"))
    if hazards.frame.empty:
        raise ParameterError(f"{hazards.source} has no sites", remedy="ingest hazard sites")
    rules, known = warning_rules(), gauges(rain)
    sites = [_site(row, known, rules, asked) for row in hazards.frame.to_dict("records")]
    warned = [s for s in sites if s.level is not None and s.level >= FOLLOWED]
    crs = hazards.frame.crs
    said: dict[str, Any] = {"inputs": [], "crs": crs.to_string()}
    if warned:
        ground = _ground(warned, crs, asked, context)
        sites = [_followed(site, ground, rules, crs) for site in sites]
        warned = [s for s in sites if s.level is not None and s.level >= FOLLOWED]
        said = ground_provenance(ground, context)
    area = shapely.union_all([s.reached for s in warned]) if warned else shapely.Polygon()
    exposure = exposed(context, area, crs)
    ways = ways_out(context, {str(w.row["hazard_id"]): w.place for w in warned}, area, crs)
    towns = _towns(context, sites, crs)
    source = f"{hazards.source}；{rain.source}"
    return Result(
        summary=(*_figures(sites, rules, source), *exposure.figures()),
        features=collection(_features(sites, ways, crs), _legend(sites, ways)),
        tables=(_table(sites, ways, crs), towns, exposure.table()),
        following=_following(warned, rules, crs),
        provenance=_provenance(said, exposure, [hazards.version, rain.version], rules),
    )


def _site(
    row: dict[str, Any], known: list[Gauge], rules: WarningRules, asked: WarningParameters
) -> Site:
    place = shapely.force_2d(row["geometry"].representative_point())
    gauge, away = nearest(known, place.x, place.y)
    series = gauge.until(asked.day, asked.today)
    before = effective(series, rules.decay, rules.days)
    today = float(series[-1]) if (asked.day - gauge.first).days >= 0 else float("nan")
    class_ = rules.susceptibility.get(str(row.get("stability") or ""))
    return Site(
        row=row, place=place, gauge=(gauge, away), amounts=(today, before),
        level=warning(class_, rain_class(rules, today, before), rules.matrix),
        reached=shapely.Polygon(),
    )  # fmt: skip


def _ground(warned: list[Site], crs: CRS, asked: WarningParameters, context: Context) -> Ground:
    plane = np.array([[s.place.x, s.place.y] for s in warned])
    points = [(float(lon), float(lat)) for lon, lat in to_lonlat(crs, plane)]
    return ground_around(context, asked.terrain, points, FAR + 500)


def _window(grid: Grid, x: float, y: float, reach: float) -> Grid | None:
    """The grid around a place; None where it lies outside."""
    row, column = (round(v) for v in grid.index(x, y))
    high, wide = (int(reach / side) + 1 for side in (grid.cell[1], grid.cell[0]))
    top, left = max(row - high, 0), max(column - wide, 0)
    cut = grid.heights[top : max(row + high + 1, 0), left : max(column + wide + 1, 0)]
    if min(cut.shape) < 3:
        return None
    return replace(
        grid,
        heights=np.ascontiguousarray(cut),
        west=grid.west + left * grid.cell[0],
        north=grid.north - top * grid.cell[1],
    )


def _followed(site: Site, ground: Ground, rules: WarningRules, crs: CRS) -> Site:
    """The site with what it would run over, if it is warned of."""
    if site.level is None or site.level < FOLLOWED:
        return site
    place = site.place
    if ground.grid.crs != crs:
        moved = gpd.GeoSeries([place], crs=crs).to_crs(ground.grid.crs)
        place = moved.iloc[0]
    grid = _window(ground.grid, place.x, place.y, FAR)
    angle = rules.angles.get(str(site.row.get("hazard_type") or ""), rules.angles["其他"])
    if grid is None:
        return site
    start = release_mask(grid, place.buffer(RELEASE))
    if not (start & np.isfinite(grid.heights)).any():
        return site
    found = run_out(grid, start, angle=angle, most_energy=82.0)
    hit = outline(grid, np.isfinite(found.energy) & (found.flux > 0.01))
    if ground.grid.crs != crs:
        hit = gpd.GeoSeries([hit], crs=ground.grid.crs).to_crs(crs).iloc[0]
    return replace(site, reached=hit)


def _figures(sites: list[Site], rules: WarningRules, source: str) -> tuple[Figure, ...]:
    doubt = Verdict.PASS if rules.verified else Verdict.NEEDS_REVIEW
    by_level = [[s for s in sites if s.level == level] for level in range(5)]
    unknown = [s for s in sites if s.level is None]
    evidence = source if rules.verified else f"{source}；阈值与矩阵未核实 thresholds unverified"
    rows = [
        figure(f"level_{level}", f"{zh}预警隐患点" if level else "不预警隐患点",
               f"Sites, {en}", len(by_level[level]), "1", evidence,
               verdict=doubt if level else None)
        for level, (zh, en, _) in reversed(list(enumerate(LEVELS)))
    ]  # fmt: skip
    homes = sum(int(s.row.get("households") or 0) for s in sites if (s.level or 0) >= FOLLOWED)
    people = sum(int(s.row.get("people") or 0) for s in sites if (s.level or 0) >= FOLLOWED)
    return (
        *rows,
        figure("unknown", "无法判定的隐患点", "Sites that cannot be "
                                      "told", len(unknown), "1", source,
               verdict=Verdict.UNKNOWN if unknown else None),
        figure("households", "黄色及以上威胁户数（台账）", "Households, yellow and worse", homes,
               "{household}", source),
        figure("people", "黄色及以上威胁人数（台账）", "People, yellow and worse", people,
               "{person}", source),
    )  # fmt: skip


def _lonlat(place: Place, crs: CRS) -> list[float]:
    return [round(float(v), 7) for v in to_lonlat(crs, np.array([[place.x, place.y]]))[0]]


def _following(warned: list[Site], rules: WarningRules, crs: CRS) -> tuple[Next, ...]:
    """On to the worst site; of several, the one that reaches over most ground."""
    if not warned:
        return ()
    worst = max(warned, key=lambda s: (s.level or 0, s.reached.area))
    angle = rules.angles.get(str(worst.row.get("hazard_type") or ""), rules.angles["其他"])
    return onward(worst.row, worst.place, crs, RELEASE, angle, worst.amounts[0])


def _legend(sites: list[Site], ways: dict[str, Way]) -> list[tuple[str, str, str]]:
    """The colours that are on the map, the worst first."""
    there = {s.level for s in sites}
    rows = [
        (color, f"{zh}预警" if level else "不预警", en.capitalize())
        for level, (zh, en, color) in reversed(list(enumerate(LEVELS))) if level in there
    ]  # fmt: skip
    rows += [(UNKNOWN[2], UNKNOWN[0], UNKNOWN[1])] if None in there else []
    return [*rows, (WAY[2], WAY[0], WAY[1])] if ways else rows


def _features(sites: list[Site], ways: dict[str, Way], crs: CRS) -> list[dict[str, Any]]:
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
            width=10 if (site.level or 0) >= FOLLOWED else 4, label=(site.level or 0) > FOLLOWED,
            properties={"level": site.level, "today_mm": _number(site.amounts[0]),
                        "effective_mm": _number(site.amounts[1])},
        ))  # fmt: skip
    drawn += [
        feature(found.course, f"{WAY[0]} 至{found.shelter}", f"{WAY[1]} to {found.shelter}",
                crs=crs, color=WAY[2], width=5)
        for found in ways.values()
    ]  # fmt: skip
    return drawn


def _number(value: float) -> float | None:
    return round(value, 1) if np.isfinite(value) else None


def _table(sites: list[Site], ways: dict[str, Way], crs: CRS) -> Table:
    rows = []
    for site in sorted(sites, key=lambda s: -(-1 if s.level is None else s.level)):
        found = ways.get(str(site.row["hazard_id"]))
        zh, en, _ = UNKNOWN if site.level is None else LEVELS[site.level]
        rows.append({
            "name": site.row.get("name") or site.row["hazard_id"],
            "kind": site.row.get("hazard_type"), "level": f"{zh} {en}",
            "today": _number(site.amounts[0]), "before": _number(site.amounts[1]),
            "gauge": site.gauge[0].name, "gauge_away": round(site.gauge[1]),
            "households": site.row.get("households"), "people": site.row.get("people"),
            "shelter": found.shelter if found else None,
            "minutes": round(found.minutes) if found else None,
            "place": _lonlat(site.place, crs),
        })  # fmt: skip
    return Table(
        title="隐患点预警", title_en="Sites",
        columns=(
            ("name", "隐患点", "Site", ""), ("kind", "类型", "Type", ""),
            ("level", "预警等级", "Level", ""), ("today", "当日雨量", "Rain of the day", "mm"),
            ("before", "前期有效雨量", "Effective before", "mm"), ("gauge", "雨量站", "Gauge", ""),
            ("gauge_away", "站距", "Gauge away", "m"),
            ("households", "威胁户数", "Households", "{household}"),
            ("people", "威胁人数", "People", "{person}"), ("shelter", "避难场所", "Shelter", ""),
            ("minutes", "步行", "On foot", "min"),
        ),
        rows=rows,
    )  # fmt: skip


def _towns(context: Context, sites: list[Site], crs: CRS) -> Table:
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


def _provenance(
    said: dict[str, Any], exposure: Exposure, versions: list[Any], rules: WarningRules
) -> dict[str, Any]:
    return said | {
        "inputs": [*(input_of(v) for v in versions), *said["inputs"], *exposure.inputs],
        "missing_layers": list(exposure.missing),
        "rules": {"decay": rules.decay, "days": rules.days, "today": rules.today.rising,
                  "antecedent": rules.antecedent.rising, "matrix": rules.matrix,
                  "angles": rules.angles, "evidence": rules.evidence},
        "applicability": f"{NOT_FOR_DISPATCH}. 阈值、衰减系数与矩阵为可配置的初始值 "
                         "thresholds, decay "
        "and matrix are a configurable start; run-out is that of the travel angle",
    }  # fmt: skip


WARNING = Analysis(
    id="geohazards.warning",
    title="下了这么多雨，哪些隐患点要预警、通知谁、往哪撤",
    title_en="It has rained: which sites, whom to call, which way out",
    summary=(
        "以前期有效雨量和当日雨量分级，与隐患点稳定性组成矩阵，得到隐患点与乡镇的四色预警；黄色及以上推算影响"
        "范围，列出受威胁的人、房、路、管线，并给出避开影响范围的撤离路线。"
    ),
    summary_en=(
        "Antecedent effective rain and the day's rain against thresholds, and the sites' "
        "stability, "
        "give four colours by site and town; from yellow on also the reach, the people, houses, "
        "roads and pipes in it, and a way to a shelter around it."
    ),
    parameters=WarningParameters,
    run=run,
    example={"day": "2026-08-12", "today": 60},
    reads=lambda asked: (asked.terrain, asked.hazards, asked.gauges, *READS),
    references=(
        "Crozier & Eyles (1980), Assessing the probability of rapid mass movement",
        "GB/T 28592-2012 降水量等级（未核对原文 unverified）",
        "Corominas (1996), The angle of reach, Canadian Geotechnical Journal 33, 260-271",
    ),
)
