"""方案比选: massing A beside B."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import Any

import numpy as np
import shapely
from pydantic import Field

from cim.drawn import collection, feature
from cim.errors import ParameterError
from cim.geo.crs import to_lonlat
from cim.question import english, number_field, of_layer
from cim.topic import Analysis, Context, Result, Table, Verdict
from cim.topics.planning.analysis.facade import Windows, windows
from cim.topics.planning.analysis.overlay import area_of, polygons
from cim.topics.planning.asked import convergence_at, datum, figure
from cim.topics.planning.rules import sun_rule
from cim.topics.planning.sunlight import Day, day_of, hours
from cim.topics.planning.town import BUILDING, PARCEL, SCHEME, STOREY, InTown, scheme_of, town

HOME = "住宅"
NEIGHBOURS = 150.0  # m around the parcel whose homes are looked at
WIDTH, APART, SILL = 1.5, 3.6, 0.9


class SchemesParameters(InTown):
    """What a comparison asks for."""

    scheme: str | None = Field(
        default="A", max_length=60, title="方案一", description="方案名。",
        json_schema_extra=english("Scheme one", "Its name.", **of_layer(SCHEME, "scheme")),
    )  # fmt: skip
    other: str = Field(
        default="B", max_length=60, title="方案二", description="方案名。",
        json_schema_extra=english("Scheme two", "Its name.", **of_layer(SCHEME, "scheme")),
    )  # fmt: skip
    step: float = number_field(
        4.0, "日照步长", "越小越准越慢。", "Step of the sun", "Finer is slower.", "min", 1, 15
    )


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Scheme:
    """Figures of one scheme; None where an attribute is missing.

    Args:
        name: Of the scheme.
        site: Ellipsoidal area of its parcels, m².
        base: Of its footprints, m².
        floors: Floor area, m².
        tallest: m.
        limits: Of the parcels: far, density (%), height (m).
        short: Windows of the neighbours' homes that have less sun than the rule, and all of them.
        frame: Its blocks.
    """

    name: str
    site: float
    base: float
    floors: float | None
    tallest: float | None
    limits: tuple[float | None, float | None, float | None]
    short: tuple[int, int]
    frame: Any


def compare(asked: SchemesParameters, context: Context) -> Result:
    """Two schemes side by side."""
    if asked.scheme is None or asked.scheme == asked.other:
        raise ParameterError("two schemes are compared", remedy="name two different schemes")
    names = (asked.scheme, asked.other)
    sites = [scheme_of(context, name) for name in names]
    box = _box(sites)
    *now, required = _short(asked.model_copy(update={"scheme": None}), context, box)
    both = [_scheme(name, found, asked, context, box)
            for name, found in zip(names, sites, strict=True)]  # fmt: skip
    source = f"{SCHEME}；{PARCEL}"
    inputs = [i for _, _, more in sites for i in more]
    return Result(
        summary=(
            *(one for scheme in both for one in _figures(scheme, source)),
            figure("short_now", "现状不足标准的邻窗", "Neighbours' windows below the rule "
                                             "now", now[0],
                   "1", f"{BUILDING}，{required:g} h"),
            figure("windows", "邻近住宅窗数", "Neighbours' windows", now[1], "1", BUILDING),
        ),
        features=collection([
            feature(own.geometry, f"方案 {scheme.name} {own.id}", f"Scheme {scheme.name} {own.id}",
                    crs=context.city.compute_crs, color=color, width=2, fill=f"{color}90",
                    bottom=float(own.ground), top=float(own.top))
            for scheme, color in zip(both, ("#26c6da", "#ab47bc"), strict=True)
            for own in scheme.frame.itertuples() if np.isfinite(own.top)
        ]),
        tables=(_table(both, now),),
        provenance={
            "inputs": list({(i["layer"], i["version"]): i for i in inputs}.values()),
            **datum(context), "step_minutes": asked.step, "hours_required": required,
            "applicability": "体块指标；建筑面积按轮廓×层数，邻近住宅窗位按间距推定 figures of "
                             "massing: floor "
            "area is outline × floors, neighbours' windows are placed evenly",
        },
    )  # fmt: skip


def _sun_day(asked: SchemesParameters, context: Context, x: float, y: float) -> tuple[Day, float]:
    rule = sun_rule(context.city.climate_zone, context.city.population)
    crs = context.city.compute_crs
    lon, lat = (float(v) for v in to_lonlat(crs, np.array([[x, y]]))[0])
    month, day = (1, 20) if rule is None else rule.day
    begin, end = (8.0, 16.0) if rule is None else (rule.begin, rule.end)
    sun = day_of(date(2026, month, day), begin, end, asked.step, (lon, lat),
                 convergence_at(crs, x, y))  # fmt: skip
    return sun, 3.0 if rule is None else rule.hours


def _short(
    asked: SchemesParameters, context: Context, box: tuple[float, float, float, float]
) -> tuple[int, int, float]:
    """Windows of homes around a box with less sun than the rule, all of them, and the rule's hours.

    Lowest floors only: what they get, higher ones get too.
    """
    standing = town(context, asked, box, NEIGHBOURS + 300.0)
    around = shapely.box(*box).buffer(NEIGHBOURS)
    homes = standing.frame[(standing.frame["use"] == HOME) & standing.frame["scheme"].isna()
                           & standing.frame.intersects(around)]  # fmt: skip
    sun, required = _sun_day(asked, context, (box[0] + box[2]) / 2, (box[1] + box[3]) / 2)
    parts = [
        windows(home.geometry, float(home.ground), 1, storey=STOREY, sill=SILL, width=WIDTH,
                apart=APART)
        for home in homes.itertuples() if np.isfinite(home.ground)
    ]  # fmt: skip
    parts = [p for p in parts if len(p.floor)]
    if not parts:
        return 0, 0, required
    seen = Windows(
        left=np.concatenate([p.left for p in parts]),
        right=np.concatenate([p.right for p in parts]),
        facing=np.concatenate([p.facing for p in parts]),
        floor=np.concatenate([p.floor for p in parts]),
    )
    flat = np.full(sun.azimuths.shape, -90.0)
    south = np.cos(np.radians(seen.facing - 180)) > 0.7
    found = hours(seen, standing.walls.known(np.inf), sun, flat)
    return int((found.total[south] < required - 1e-9).sum()), int(south.sum()), required


def _box(sites: Any) -> tuple[float, float, float, float]:
    bounds = np.array([found[0].total_bounds for found in sites])
    low, high = bounds[:, :2].min(axis=0), bounds[:, 2:].max(axis=0)
    return float(low[0]), float(low[1]), float(high[0]), float(high[1])


def _scheme(
    name: str, found: Any, asked: SchemesParameters, context: Context,
    box: tuple[float, float, float, float],
) -> Scheme:  # fmt: skip
    own, parcels, _ = found
    if parcels.empty:
        raise ParameterError(
            f"the parcels of scheme {name} are not published, so that it has no site area",
            remedy=f"ingest them into {PARCEL}, with the scheme's parcel numbers",
        )
    crs = context.city.compute_crs
    floors = own.geometry.area * own["floors"]
    whole = shapely.union_all(own.geometry.to_numpy())
    base = area_of(polygons(whole), crs)
    scale = base / whole.area
    chosen = asked.model_copy(update={"scheme": name})
    short, count, _ = _short(chosen, context, box)
    return Scheme(
        name=name,
        site=sum(area_of(polygons(shape), crs) for shape in parcels.geometry),
        base=base,
        floors=None if floors.isna().any() else float(floors.sum()) * scale,
        tallest=None if own["height"].isna().any() else float(own["height"].max()),
        limits=tuple(  # type: ignore[arg-type]
            None if parcels[key].isna().all() else float(parcels[key].min())
            for key in ("far_max", "density_max", "height_max")
        ),
        short=(short, count),
        frame=own,
    )


def _within(value: float | None, limit: float | None) -> Verdict:
    if value is None or limit is None:
        return Verdict.UNKNOWN
    return Verdict.PASS if value <= limit + 1e-9 else Verdict.FAIL


def _figures(scheme: Scheme, source: str) -> list[Any]:
    far = None if scheme.floors is None else scheme.floors / scheme.site
    density = 100 * scheme.base / scheme.site
    most_far, most_density, most_height = scheme.limits
    name, key = scheme.name, scheme.name.lower()
    return [
        figure(f"far_{key}", f"方案{name} 容积率", f"Scheme {name}: FAR", far, "1",
               f"{source}；上限 at most {most_far}", verdict=_within(far, most_far)),
        figure(f"density_{key}", f"方案{name} 建筑密度", f"Scheme {name}: density", density, "%",
               f"{source}；上限 at most {most_density}", verdict=_within(density, most_density)),
        figure(f"height_{key}", f"方案{name} 最高", f"Scheme {name}: tallest", scheme.tallest, "m",
               f"{source}；上限 at most {most_height}",
               verdict=_within(scheme.tallest, most_height)),
        figure(f"short_{key}", f"方案{name} 不足标准的邻窗", f"Scheme {name}: windows below "
                                                    "the rule",
               scheme.short[0], "1", f"{source}；{BUILDING}", verdict=Verdict.NEEDS_REVIEW),
    ]  # fmt: skip


def _table(both: list[Scheme], now: Any) -> Table:
    one, two = both

    def row(name: str, name_en: str, a: float | None, b: float | None, unit: str) -> dict[str, Any]:
        known = a is not None and b is not None
        return {
            "what": f"{name} {name_en}", "one": None if a is None else round(a, 3),
            "two": None if b is None else round(b, 3),
            "delta": round(b - a, 3) if known else None, "unit": unit,  # type: ignore[operator]
        }  # fmt: skip

    def ratio(scheme: Scheme) -> float | None:
        return None if scheme.floors is None else scheme.floors / scheme.site

    rows = [
        row("用地面积", "site", one.site, two.site, "m²"),
        row("建筑面积", "floor area", one.floors, two.floors, "m²"),
        row("容积率", "FAR", ratio(one), ratio(two), ""),
        row("建筑密度", "density", 100 * one.base / one.site, 100 * two.base / two.site, "%"),
        row("最高", "tallest", one.tallest, two.tallest, "m"),
        row("体块数", "blocks", len(one.frame), len(two.frame), ""),
        row("不足标准的邻窗", "windows below the rule", one.short[0], two.short[0], ""),
        row("其中新增", "of them new", one.short[0] - now[0], two.short[0] - now[0], ""),
    ]
    return Table(
        title="方案对比", title_en="Side by side",
        columns=(("what", "指标", "Figure", ""), ("one", f"方案{one.name}", one.name, ""),
                 ("two", f"方案{two.name}", two.name, ""), ("delta", "差", "Difference", ""),
                 ("unit", "单位", "Unit", "")),
        rows=rows,
    )  # fmt: skip


COMPARE_SCHEMES = Analysis(
    id="planning.compare_schemes",
    title="两个方案哪个好（指标与日照影响）",
    title_en="Which of two schemes is better",
    summary="并列两个方案的容积率、密度、高度及其与控规上限的关系，和对周边住宅南向窗日照的影响。",
    summary_en=(
        "FAR, density and height of two schemes against the parcel's limits, and what each does to "
        "the sun of the south windows around."
    ),
    parameters=SchemesParameters,
    run=compare,
    example={"scheme": "A", "other": "B"},
    reads=lambda a: (a.buildings, SCHEME, PARCEL),
    references=("GB 50180-2018 表 4.0.9（未核对原文 unverified）",),
)
