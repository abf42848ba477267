"""土地利用统计: how much of which use, by town, adjusted to the control total; what has changed."""

from __future__ import annotations

from collections import defaultdict

import geopandas as gpd
import numpy as np
import shapely
from pydantic import Field
from shapely.geometry.base import BaseGeometry

from cim.errors import ParameterError
from cim.evidence import Rows, figure, input_of, rows_if_any, rows_of
from cim.question import english, layer_field
from cim.topic import Analysis, Axis, Context, Parameters, Result, Series, Table, Verdict
from cim.topics.planning.analysis.overlay import MU, Floats, area_of, balanced, polygons
from cim.topics.planning.asked import datum

ELSEWHERE = "行政区外"
MOST_ADJUSTED = 0.01  # of the sum: more is another area, not its rounding
UNNAMED = "未填地类"


class LandParameters(Parameters):
    """What land statistics ask for."""

    now: str = layer_field(
        "base.land_use", "土地利用", "现状地类图斑。", "Land use", "Polygons of today's use."
    )
    before: str | None = Field(
        default="planning.land_use_past", title="往年土地利用",
        description="与现状叠加，得到变化矩阵；不给则不算。",
        json_schema_extra=english("Earlier land use", "Laid over today's for the matrix of "
                                                      "changes.",
                                  widget="layer", kind="vector"),
    )  # fmt: skip
    towns: str = layer_field(
        "base.admin_area", "行政区", "按其分区汇总。", "Areas", "The sums are told by these."
    )
    level: str = Field(
        default="村（社区）", title="行政级别", description="按该级别的行政区汇总。", max_length=40,
        json_schema_extra=english("Level", "Of the areas that are summed by."),
    )  # fmt: skip
    control: float | None = Field(
        default=None, gt=0, title="控制面积", description="给出时，各地类按比例调平到该总面积。",
        json_schema_extra=english(
            "Control total", "If given, the classes are adjusted in proportion to add up to it.",
            "m2",
        ),
    )  # fmt: skip


def _named(rows: Rows) -> gpd.GeoDataFrame:
    """The classes of a layer with valid areas in the compute CRS."""
    frame = rows.frame
    if frame.empty:
        raise ParameterError(f"{rows.source} has no rows", remedy="ingest polygons of land use")
    name = frame["class_name"].fillna(UNNAMED).replace("", UNNAMED)
    shapes = [polygons(shape) for shape in frame.geometry]
    return gpd.GeoDataFrame({"use": name}, geometry=shapes, crs=frame.crs)


def statistics(asked: LandParameters, context: Context) -> Result:
    """Sum up land use."""
    now = rows_of(context, asked.now, fields=("class_name",))
    uses = _named(now)
    areas: dict[str, float] = defaultdict(float)
    for use, shape in zip(uses["use"], uses.geometry, strict=True):
        areas[use] += area_of(shape, uses.crs)
    overlap = sum(areas.values()) - area_of(shapely.union_all(uses.geometry.to_numpy()), uses.crs)
    order = sorted(areas, key=lambda use: -areas[use])
    total = sum(areas.values())
    adjusted = None if asked.control is None else balanced(
        np.array([areas[use] for use in order]), asked.control
    )  # fmt: skip
    towns = rows_if_any(context, asked.towns, fields=("name", "level"))
    before = (
        None if asked.before is None else rows_if_any(context, asked.before, fields=("class_name",))
    )
    tables = [_sums(order, areas, total, adjusted)]
    if towns is not None:
        tables.append(_by_town(uses, _units(towns, asked.level), asked.level))
    changed = None
    if before is not None:
        tables.append(_changes(_named(before), uses))
        changed = sum(float(r["area"]) for r in tables[-1].rows if r["from"] != r["to"])
    missing = [name for name, found in ((asked.towns, towns), (asked.before, before))
               if name is not None and found is None]  # fmt: skip
    source = f"{now.source}，椭球面面积 ellipsoidal"
    return Result(
        summary=(
            figure("total", "图斑总面积", "Sum of all polygons", total, "m2", source),
            figure("total_ha", "图斑总面积（公顷）", "Sum in hectares", total / 1e4, "har", source),
            figure("total_mu", "图斑总面积（亩）", "Sum in mu", total / MU, "{mu}", source),
            figure("classes", "地类数", "Classes", len(order), "1", now.source),
            figure("overlap", "图斑相互重叠（重复计入）"
                              "", "Counted twice", max(overlap, 0.0), "m2", source),
            figure("control", "控制面积", "Control total", asked.control, "m2", "所给 as given"),
            figure("adjusted", "调平差", "Adjusted by",
                   None if asked.control is None else asked.control - total, "m2", source,
                   verdict=_adjustment(asked.control, total)),
            figure("changed", "与往年相比改变地类的面积", "Changed since the earlier date", changed,
                   "m2", "" if before is None else f"{source}；{before.source}",
                   verdict=Verdict.UNKNOWN if asked.before and before is None else None),
        ),
        series=(_columns(order, areas),),
        tables=tuple(tables),
        provenance={
            "inputs": [input_of(r.version) for r in (now, towns, before) if r is not None],
            "missing_layers": missing, **datum(context),
            "adjustment": "in proportion, largest remainder, 0.01 m²",
            "applicability": "面积以库内图斑为准；未做图幅接边与飞地处理 areas of the polygons "
                             "as stored",
        },
    )  # fmt: skip


def _sums(
    order: list[str], areas: dict[str, float], total: float, adjusted: Floats | None
) -> Table:
    rows = [
        {"use": use, "area": round(areas[use], 2), "hectares": round(areas[use] / 1e4, 4),
         "mu": round(areas[use] / MU, 2), "share": round(100 * areas[use] / total, 3),
         "adjusted": None if adjusted is None else float(adjusted[i])}
        for i, use in enumerate(order)
    ]  # fmt: skip
    rows.append(
        {
            "use": "合计 total",
            "area": round(total, 2),
            "hectares": round(total / 1e4, 4),
            "mu": round(total / MU, 2),
            "share": 100.0,
            "adjusted": None if adjusted is None else round(float(adjusted.sum()), 2),
        }
    )
    return Table(
        title="各地类面积", title_en="Area by use",
        columns=(("use", "地类", "Use", ""), ("area", "面积", "Area", "m2"),
                 ("hectares", "公顷", "Hectares", "har"), ("mu", "亩", "mu", "{mu}"),
                 ("share", "占比", "Share", "%"), ("adjusted", "调平后", "Adjusted", "m2")),
        rows=rows,
    )  # fmt: skip


def _adjustment(control: float | None, total: float) -> Verdict | None:
    """To be reviewed where a control total is no rounding of the map but another area."""
    if control is None or abs(control - total) <= MOST_ADJUSTED * total:
        return None
    return Verdict.NEEDS_REVIEW


def _units(towns: Rows, level: str) -> list[tuple[str, BaseGeometry]]:
    """The areas of a level.

    Raises:
        ParameterError: there are none, naming the levels that there are.
    """
    own = towns.frame[towns.frame["level"] == level]
    if own.empty:
        levels = ", ".join(sorted(map(str, towns.frame["level"].dropna().unique())))
        raise ParameterError(
            f"{towns.source} has no areas of the level {level}",
            remedy=f"there are {levels or 'none with a level'}",
        )
    return [(str(n), polygons(s)) for n, s in zip(own["name"], own.geometry, strict=True)]


def _by_town(uses: gpd.GeoDataFrame, units: list[tuple[str, BaseGeometry]], level: str) -> Table:
    """Area of each use in each area of a level; what lies in none is told apart."""
    rows = []
    for use, group in uses.groupby("use", sort=True):
        whole = shapely.union_all(group.geometry.to_numpy())
        for name, unit in units:
            inside = polygons(whole.intersection(unit))
            if not inside.is_empty:
                rows.append({"town": name, "use": use,
                             "area": round(area_of(inside, uses.crs), 2)})  # fmt: skip
        rest = whole.difference(shapely.union_all([unit for _, unit in units]))
        if not polygons(rest).is_empty and rest.area > 0.01:
            rows.append({"town": ELSEWHERE, "use": use,
                         "area": round(area_of(polygons(rest), uses.crs), 2)})  # fmt: skip
    for row in rows:
        row["mu"] = round(float(row["area"]) / MU, 3)
    return Table(
        title=f"分区统计（{level}）", title_en="By area",
        columns=(("town", "行政区", "Area", ""), ("use", "地类", "Use", ""),
                 ("area", "面积", "Area", "m2"), ("mu", "亩", "mu", "{mu}")),
        rows=sorted(rows, key=lambda r: (r["town"], -float(r["area"]))),
    )  # fmt: skip


def _changes(before: gpd.GeoDataFrame, now: gpd.GeoDataFrame) -> Table:
    """From which use to which, as far as both dates cover the ground."""
    crossed = gpd.overlay(before, now, how="intersection", keep_geom_type=True)
    sums: dict[tuple[str, str], float] = defaultdict(float)
    for one, other, shape in zip(crossed["use_1"], crossed["use_2"], crossed.geometry, strict=True):
        sums[one, other] += area_of(polygons(shape), now.crs)
    rows = [
        {"from": one, "to": other, "area": round(area, 2), "mu": round(area / MU, 3),
         "changed": "是 yes" if one != other else "否 no"}
        for (one, other), area in sorted(sums.items(), key=lambda item: -item[1])
        if area > 0.01
    ]  # fmt: skip
    return Table(
        title="变化矩阵", title_en="Changes",
        columns=(("from", "往年地类", "From", ""), ("to", "现状地类", "To", ""),
                 ("area", "面积", "Area", "m2"), ("mu", "亩", "mu", "{mu}"),
                 ("changed", "变化", "Changed", "")),
        rows=rows,
    )  # fmt: skip


def _columns(order: list[str], areas: dict[str, float]) -> Series:
    """Areas of the classes in their order; the table names them."""
    return Series(
        title="各地类面积（序号同表）", title_en="Area by use, numbered as in the table", bins=True,
        x=Axis(title="序号", title_en="Number", unit="1",
               values=[float(i + 1) for i in range(len(order))]),
        y=(Axis(title="面积", title_en="Area", unit="har",
                values=[round(areas[use] / 1e4, 4) for use in order]),),
    )  # fmt: skip


LAND_STATISTICS = Analysis(
    id="planning.land_statistics",
    guide="planning.md",
    title="各类用地有多少、变了多少（土地利用统计）",
    title_en="How much land of which use, and what has changed",
    summary=(
        "按地类和行政区汇总椭球面面积（平方米、公顷、亩），可按控制面积调平；与往年叠加给出变化矩阵。"
    ),
    summary_en=(
        "Ellipsoidal areas by use and administrative area in m², hectares and mu, adjusted to a "
        "control total if one is given; laid over an earlier date, the matrix of changes."
    ),
    parameters=LandParameters,
    run=statistics,
    version=2,
    example={"control": 718_000.0},
    reads=lambda a: tuple(x for x in (a.now, a.towns, a.before) if x),
    references=(
        "Karney (2013), Algorithms for geodesics, J. Geodesy 87, 43-55",
        "GB/T 21010-2017 土地利用现状分类（未核对原文 unverified）",
    ),
)
