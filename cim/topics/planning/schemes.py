"""方案比选: massing A beside B."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import geopandas as gpd
import numpy as np
import shapely
from pydantic import Field

from cim.drawn import collection, feature
from cim.errors import ParameterError
from cim.evidence import figure
from cim.question import english, number_field, of_layer
from cim.topic import Analysis, Context, Figure, Result, Table, Verdict
from cim.topics.planning.analysis.overlay import area_of, polygons
from cim.topics.planning.asked import datum
from cim.topics.planning.neighbours import Neighbours, neighbours
from cim.topics.planning.town import PARCEL, SCHEME, InTown, scheme_of

LIMITS = ("far_max", "density_max", "height_max")
BEYOND = 1.0  # m²: what of a block may lie beyond its parcel, by the error of drawing
_WORST = (Verdict.FAIL, Verdict.UNKNOWN, Verdict.PASS)


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
class Massing:
    """What stands on some land; None where an attribute is missing.

    Args:
        site: Ellipsoidal, m².
        base: Of the footprints, m².
        floors: Floor area, m².
        tallest: m.
    """

    site: float
    base: float
    floors: float | None
    tallest: float | None

    @property
    def far(self) -> float | None:
        """Floor area over site."""
        return None if self.floors is None else self.floors / self.site

    @property
    def density(self) -> float:
        """Footprints over site, %."""
        return 100 * self.base / self.site


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Scheme:
    """One scheme.

    Args:
        name: Its name.
        whole: On all of its parcels together.
        limits: Of each figure, as the parcels tell them, for the evidence.
        verdicts: Of FAR, density and height: the worst of the parcels, each against its own limit.
        beyond: Blocks that reach beyond their parcel.
        frame: Its blocks.
    """

    name: str
    whole: Massing
    limits: tuple[str, str, str]
    verdicts: tuple[Verdict, Verdict, Verdict]
    beyond: int
    frame: gpd.GeoDataFrame


def massing(blocks: gpd.GeoDataFrame, parcels: gpd.GeoDataFrame) -> Massing:
    """Figures of some blocks on some parcels, both in one projected CRS."""
    crs = parcels.crs
    whole = polygons(shapely.union_all(blocks.geometry.to_numpy()))
    base = area_of(whole, crs)
    floors = blocks.geometry.area * blocks["floors"]
    scale = base / whole.area if whole.area else 1.0
    return Massing(
        site=sum(area_of(polygons(shape), crs) for shape in parcels.geometry), base=base,
        floors=None if floors.isna().any() else float(floors.sum()) * scale,
        tallest=None if blocks["height"].isna().any() else float(
            blocks["height"].max() if len(blocks) else 0.0
        ),
    )  # fmt: skip


def within(value: float | None, limit: float | None) -> Verdict:
    """Whether a figure keeps to a limit; UNKNOWN where either is."""
    if value is None or limit is None or np.isnan(value) or np.isnan(limit):
        return Verdict.UNKNOWN
    return Verdict.PASS if value <= limit + 1e-9 else Verdict.FAIL


def judged(name: str, blocks: gpd.GeoDataFrame, parcels: gpd.GeoDataFrame) -> Scheme:
    """A scheme against its parcels: each against its own limits, and the worst of them counts.

    All of them together might keep to the limits while one is built over and another empty.

    Raises:
        ParameterError: a block's parcel is not named or not published.
    """
    lacking = set(blocks["parcel"]) - set(parcels["parcel_id"])
    if lacking or parcels.empty:
        words = ", ".join(sorted("a block without parcel" if p is None or p != p else str(p)  # noqa: PLR0124
                                 for p in lacking))  # fmt: skip
        raise ParameterError(
            f"the parcels of scheme {name} are not published ({words}), so that it has no site "
            "area",
            remedy=f"ingest them into {PARCEL}, with the scheme's parcel numbers",
        )
    each: list[list[Verdict]] = []
    beyond = 0
    for number, site in parcels.groupby("parcel_id"):
        own = blocks[blocks["parcel"] == number]
        found = massing(own, site)
        values = (found.far, found.density, found.tallest)
        each.append([within(v, float(site[key].min(skipna=False)))
                     for v, key in zip(values, LIMITS, strict=True)])  # fmt: skip
        outside = own.geometry.difference(shapely.union_all(site.geometry.to_numpy()))
        beyond += int((outside.area > BEYOND).sum())
    worst = [next(v for v in _WORST if v in column) for column in zip(*each, strict=True)]
    limits = [
        " / ".join("?" if np.isnan(v) else f"{v:g}" for v in parcels[key].astype(float))
        for key in LIMITS
    ]
    return Scheme(
        name=name, whole=massing(blocks, parcels), limits=(limits[0], limits[1], limits[2]),
        verdicts=(worst[0], worst[1], worst[2]), beyond=beyond, frame=blocks,
    )  # fmt: skip


def compare(asked: SchemesParameters, context: Context) -> Result:
    """Two schemes side by side."""
    if asked.scheme is None or asked.scheme == asked.other:
        raise ParameterError("two schemes are compared", remedy="name two different schemes")
    names = (asked.scheme, asked.other)
    sites = [scheme_of(context, name) for name in names]
    both = [judged(name, own, parcels)
            for name, (own, parcels, _) in zip(names, sites, strict=True)]  # fmt: skip
    around = neighbours(asked, context, names, asked.step, _box(sites))
    inputs = [*around.inputs, *(i for _, _, more in sites for i in more)]
    source = "；".join(f"{i['layer']} v{i['version']}" for i in sites[0][2])
    return Result(
        summary=(
            *(one for scheme in both for one in _figures(scheme, around, source)),
            *_around_figures(around),
        ),
        features=collection([
            feature(own.geometry, f"方案 {scheme.name} {own.id}", f"Scheme {scheme.name} {own.id}",
                    crs=context.city.compute_crs, color=color, width=2, fill=f"{color}90",
                    bottom=float(own.ground), top=float(own.top))
            for scheme, color in zip(both, ("#26c6da", "#ab47bc"), strict=True)
            for own in scheme.frame.itertuples() if np.isfinite(own.top)
        ]),
        tables=(_table(both, around),),
        provenance={
            "inputs": list({(i["layer"], i["version"]): i for i in inputs}.values()),
            **datum(context), "step_minutes": asked.step,
            "hours_required": None if around.rule is None else around.rule.hours,
            "rule": None if around.rule is None else
            f"{around.rule.clause} ({around.rule.evidence})",
            "applicability": "体块指标；建筑面积按轮廓×层数；邻窗按间距推定，只计首层南向窗，不计"
                             "山体，被方案拆除的住宅不计 figures of massing: floor area is outline "
                             "× floors; south windows of lowest floors, placed evenly; no hills; "
                             "homes that a scheme pulls down do not count",
        },
    )  # fmt: skip


def _box(sites: Any) -> tuple[float, float, float, float]:
    bounds = np.array([found[0].total_bounds for found in sites])
    low, high = bounds[:, :2].min(axis=0), bounds[:, 2:].max(axis=0)
    return float(low[0]), float(low[1]), float(high[0]), float(high[1])


def _figures(scheme: Scheme, around: Neighbours, source: str) -> list[Figure]:
    whole, (far, density, height) = scheme.whole, scheme.verdicts
    name, key = scheme.name, scheme.name.lower()
    sun = Verdict.UNKNOWN if around.rule is None else Verdict.NEEDS_REVIEW
    return [
        figure(f"far_{key}", f"方案{name} 容积率", f"Scheme {name}: FAR", whole.far, "1",
               f"{source}；上限 at most {scheme.limits[0]}", verdict=far),
        figure(f"density_{key}", f"方案{name} 建筑密度", f"Scheme {name}: density", whole.density,
               "%", f"{source}；上限 at most {scheme.limits[1]}", verdict=density),
        figure(f"height_{key}", f"方案{name} 最高", f"Scheme {name}: tallest", whole.tallest, "m",
               f"{source}；上限 at most {scheme.limits[2]}", verdict=height),
        figure(f"beyond_{key}", f"方案{name} 越出地块的体块", f"Scheme {name}: blocks beyond",
               scheme.beyond, "1", source,
               verdict=Verdict.NEEDS_REVIEW if scheme.beyond else None),
        figure(f"short_{key}", f"方案{name} 不足标准的邻窗",
               f"Scheme {name}: windows below the rule", around.count(name), "1",
               f"{source}；{around.source}", verdict=sun),
        figure(f"new_{key}", f"方案{name} 新增不足的邻窗",
               f"Scheme {name}: of them not below it now", around.new(name), "1",
               f"{source}；{around.source}", verdict=sun),
    ]  # fmt: skip


def _around_figures(around: Neighbours) -> list[Figure]:
    rule = "" if around.rule is None else f"，{around.rule.hours:g} h"
    return [
        figure("short_now", "现状不足标准的邻窗", "Neighbours' windows below the rule now",
               around.count(None), "1", f"{around.source}{rule}",
               verdict=Verdict.UNKNOWN if around.rule is None else None),
        figure("windows", "邻近住宅南窗数", "Neighbours' south windows", around.windows, "1",
               around.source),
        figure("doubtful", "因缺高度而不定的邻窗", "Windows in doubt for want of heights",
               around.doubtful, "1", around.source,
               verdict=Verdict.UNKNOWN if around.doubtful else None),
        figure("silent", "缺地面高程未计的住宅", "Homes without ground elevation, left out",
               around.silent, "1", around.source,
               verdict=Verdict.UNKNOWN if around.silent else None),
        figure("gone", "被方案拆除未计的住宅", "Homes that a scheme pulls down, left out",
               around.gone, "1", around.source),
    ]  # fmt: skip


def _table(both: list[Scheme], around: Neighbours) -> Table:
    one, two = both

    def row(name: str, name_en: str, a: float | None, b: float | None, unit: str) -> dict[str, Any]:
        return {
            "what": f"{name} {name_en}", "one": None if a is None else round(a, 3),
            "two": None if b is None else round(b, 3),
            "delta": None if a is None or b is None else round(b - a, 3), "unit": unit,
        }  # fmt: skip

    a, b = one.whole, two.whole
    rows = [
        row("用地面积", "site", a.site, b.site, "m²"),
        row("建筑面积", "floor area", a.floors, b.floors, "m²"),
        row("容积率", "FAR", a.far, b.far, ""),
        row("建筑密度", "density", a.density, b.density, "%"),
        row("最高", "tallest", a.tallest, b.tallest, "m"),
        row("体块数", "blocks", len(one.frame), len(two.frame), ""),
        row("不足标准的邻窗", "windows below the rule", around.count(one.name),
            around.count(two.name), ""),
        row("其中新增", "of them new", around.new(one.name), around.new(two.name), ""),
    ]  # fmt: skip
    return Table(
        title="方案对比", title_en="Side by side",
        columns=(("what", "指标", "Figure", ""), ("one", f"方案{one.name}", one.name, ""),
                 ("two", f"方案{two.name}", two.name, ""), ("delta", "差", "Difference", ""),
                 ("unit", "单位", "Unit", "")),
        rows=rows,
    )  # fmt: skip


COMPARE_SCHEMES = Analysis(
    id="planning.compare_schemes",
    guide="planning.md",
    title="两个方案哪个好（指标与日照影响）",
    title_en="Which of two schemes is better",
    summary="并列两个方案的容积率、密度、高度及其与各地块控规上限的关系，和对周边住宅南向窗日照的影响。",
    summary_en=(
        "FAR, density and height of two schemes against the limits of each of their parcels, and "
        "what each does to the sun of the south windows of the homes that stay."
    ),
    parameters=SchemesParameters,
    run=compare,
    version=2,
    example={"scheme": "A", "other": "B"},
    reads=lambda a: (a.buildings, SCHEME, PARCEL),
    references=("GB 50180-2018 表 4.0.9（未核对原文 unverified）",),
)
