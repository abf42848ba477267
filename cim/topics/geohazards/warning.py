"""降雨预警: it has rained; which sites, which houses, whom to call, and by which way out."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta
from typing import Any

import geopandas as gpd
import numpy as np
import shapely
from pydantic import Field
from pyproj import CRS

from cim.catalog.elevation import Ground
from cim.drawn import collection, outline
from cim.errors import ParameterError
from cim.evidence import ground_around, ground_provenance, input_of, rows_of
from cim.exposure import READS, Exposure, exposed
from cim.question import OnTerrain, english, layer_field
from cim.topic import Analysis, Context, Next, Result
from cim.topics.geohazards.analysis.rain import effective, warning
from cim.topics.geohazards.analysis.runout import run_out
from cim.topics.geohazards.asked import NOT_FOR_DISPATCH
from cim.topics.geohazards.onward import onward
from cim.topics.geohazards.reach import release_mask
from cim.topics.geohazards.readings import Gauge, gauges, nearest
from cim.topics.geohazards.refuge import ways_out
from cim.topics.geohazards.rules import WarningRules, warning_rules
from cim.topics.geohazards.sites import Site
from cim.topics.geohazards.warning_answer import (
    level_figures,
    lonlat,
    site_features,
    site_legend,
    site_table,
    town_table,
)

RELEASE, FAR = 40.0, 2500.0  # m: radius of what goes, and how far it is followed


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
    _require_rain(sites, known, rules, asked)
    crs = hazards.frame.crs
    sites, said = _all_followed(sites, rules, asked, context, crs)
    warned = [s for s in sites if s.warned]
    area = shapely.union_all([s.reached for s in warned]) if warned else shapely.Polygon()
    exposure = exposed(context, area, crs)
    ways = ways_out(context, {s.place.wkb: s.place for s in warned}, area, crs)
    source = f"{hazards.source}；{rain.source}"
    return Result(
        summary=(*level_figures(sites, rules, source), *exposure.figures()),
        features=collection(site_features(sites, ways, crs), site_legend(sites, ways)),
        tables=(site_table(sites, ways, crs), town_table(context, sites, crs), exposure.table()),
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
    class_ = rules.susceptibility.get(str(row.get("stability") or "").strip())
    return Site(
        row=row, place=place, gauge=(gauge, away), amounts=(today, before),
        level=warning(class_, rain_class(rules, today, before), rules.matrix),
        reached=shapely.Polygon(),
    )  # fmt: skip


def _require_rain(
    sites: list[Site], known: list[Gauge], rules: WarningRules, asked: WarningParameters
) -> None:
    """Refuse a day of which no gauge tells enough: noughts in all colours would read as safe."""
    if any(s.level is not None or rain_class(rules, *s.amounts) is not None for s in sites):
        return
    first = min(g.first for g in known)
    last = max(g.first + timedelta(days=len(g.rain) - 1) for g in known)
    raise ParameterError(
        f"no site's rain is known on {asked.day}: it takes that day's rain and the {rules.days} "
        f"days before without a gap, and the gauges read from {first} to {last}",
        remedy="choose a day that they cover, or complete the readings; today's rain of the "
        "highest class warns without a past",
    )


def _all_followed(
    sites: list[Site], rules: WarningRules, asked: WarningParameters, context: Context, crs: CRS
) -> tuple[list[Site], dict[str, Any]]:
    """The sites, the warned ones with what they would run over, and where that comes from.

    Each on ground of its own: one that stands off the model takes no answer from the others.

    Raises:
        ParameterError: no warned site stands on the model.
    """
    out: list[Site] = []
    said: dict[str, Any] = {"inputs": [], "crs": crs.to_string()}
    refusal: ParameterError | None = None
    for site in sites:
        if not site.warned:
            out.append(site)
            continue
        lon, lat = lonlat(site.place, crs)
        try:
            ground = ground_around(context, asked.terrain, ((lon, lat),), FAR)
        except ParameterError as error:
            refusal = error
            out.append(site)
            continue
        said = ground_provenance(ground, context)
        out.append(_followed(site, ground, rules, crs))
    if refusal is not None and not said["inputs"]:
        raise refusal
    return out, said


def _followed(site: Site, ground: Ground, rules: WarningRules, crs: CRS) -> Site:
    """The site with what it would run over."""
    grid, place = ground.grid, site.place
    if grid.crs != crs:
        place = gpd.GeoSeries([place], crs=crs).to_crs(grid.crs).iloc[0]
    angle = rules.angles.get(str(site.row.get("hazard_type") or "").strip(), rules.angles["其他"])
    start = release_mask(grid, place.buffer(RELEASE))
    if not (start & np.isfinite(grid.heights)).any():
        return site
    found = run_out(grid, start, angle=angle, most_energy=82.0)
    hit = outline(grid, np.isfinite(found.energy) & (found.flux > 0.01))
    if grid.crs != crs:
        hit = gpd.GeoSeries([hit], crs=grid.crs).to_crs(crs).iloc[0]
    return replace(site, reached=hit, followed=True)


def _following(warned: list[Site], rules: WarningRules, crs: CRS) -> tuple[Next, ...]:
    """On to the worst site; of several, the one that reaches over most ground."""
    if not warned:
        return ()
    worst = max(warned, key=lambda s: (s.level or 0, s.reached.area))
    angle = rules.angles.get(str(worst.row.get("hazard_type") or ""), rules.angles["其他"])
    return onward(worst.row, worst.place, crs, RELEASE, angle, worst.amounts[0])


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
    guide="geohazards.md",
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
    version=2,
    example={"day": "2026-08-12", "today": 60},
    reads=lambda asked: (asked.terrain, asked.hazards, asked.gauges, *READS),
    references=(
        "Crozier & Eyles (1980), Assessing the probability of rapid mass movement",
        "GB/T 28592-2012 降水量等级（未核对原文 unverified）",
        "Corominas (1996), The angle of reach, Canadian Geotechnical Journal 33, 260-271",
    ),
)
