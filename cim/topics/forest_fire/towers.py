"""瞭望覆盖与选址: what our towers do not see, and where the next should stand."""

from __future__ import annotations

from typing import Annotated, Any, Literal

import numpy as np
import numpy.typing as npt
import shapely
from pydantic import Field
from rasterio.features import rasterize
from rasterio.transform import from_origin

from cim.catalog.elevation import Ground
from cim.drawn import NOTHING, cell_area, collection, coverage, feature
from cim.errors import ParameterError
from cim.evidence import (
    Rows,
    ground_around,
    ground_provenance,
    ground_source,
    input_of,
    rows_if_any,
    rows_of,
)
from cim.geo.crs import CGCS2000, transformer
from cim.geo.grid import Grid
from cim.geo.terrain import position_index
from cim.geo.visibility import SEEN, Eye, radius_of_curvature, viewshed
from cim.question import OnTerrain, Point, english, layer_field, number_field, point_field
from cim.topic import Analysis, Context, LegendEntry, Result, Table
from cim.topics.forest_fire.analysis.siting import Choice, fewest, most_covered
from cim.topics.forest_fire.asked import NOT_FOR_DISPATCH, figure, place_of

Flags = npt.NDArray[np.bool_]
WOODS = (2, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13)  # fuel models under trees and shrubs
FINEST = 60.0  # m: siting looks at every so manieth cell, which changes shares little
_LEGEND = (
    LegendEntry(value=0, color="#e53935b0", title="林区盲区", title_en="forest, not seen"),
    LegendEntry(value=1, color="#fdd83590", title="1 个点可视", title_en="seen by one"),
    LegendEntry(value=2, color="#9ccc6590", title="2 个点可视", title_en="seen by two"),
    LegendEntry(value=3, color="#2e7d3290", title="3 个及以上", title_en="seen by three and more"),
)


class CoverageParameters(OnTerrain):
    """What coverage asks for."""

    centre: Point = point_field("中心点", "分析范围中心。", "Centre", "Of the area looked at.")
    range: float = number_field(5000.0, "半径", "分析范围半径。"
                                              "", "Radius", "Of the area.", "m", 500,
                                15_000)  # fmt: skip
    smoke: float = number_field(10.0, "烟高", "高出地面多少即可发现。", "Smoke height",
                                "Seen from this height above ground.", "m", 0, 200)  # fmt: skip
    refraction: float = number_field(0.14286, "大气折光系数", "陆地白天约 1/7。", "Refraction",
                                     "1/7 by day over land.", "1", 0, 0.9)  # fmt: skip
    towers: str = layer_field("forest_fire.tower", "瞭望塔图层", "含塔高与瞭望半径。", "Towers",
                              "With height and range.")  # fmt: skip
    fuel: str = layer_field("forest_fire.fuel", "可燃物图层", "乔灌木为林区。", "Fuel",
                            "Trees and shrubs are the forest.")  # fmt: skip


class SitingParameters(CoverageParameters):
    """What siting asks for."""

    goal: Literal["most", "fewest"] = Field(
        default="most", title="目标", description="给定座数覆盖最多，或达到给定覆盖率座数最少。",
        json_schema_extra=english("Goal", "Most with so many, or fewest for a share.", choices={
            "most": ["座数一定，覆盖最多", "most with so many"],
            "fewest": ["达到覆盖率，座数最少", "fewest for a share"]}),
    )  # fmt: skip
    count: int = Field(default=2, ge=1, le=20, title="新塔数", description="最多新建几座。",
                       json_schema_extra=english("New towers", "At most.", "1"))  # fmt: skip
    share: float = number_field(80.0, "覆盖率目标", "对尚未覆盖的林区。", "Share wanted",
                                "Of the forest not seen yet.", "%", 1, 100)  # fmt: skip
    height: float = number_field(24.0, "新塔高", "瞭望高度。", "Height", "Of the new "
                                                                 "towers.", "m", 1,
                                 100)  # fmt: skip
    reach: float = number_field(5000.0, "新塔瞭望半径", "最远瞭望距离。", "Range", "Of the new "
                                                                      "towers.",
                                "m", 500, 15_000)  # fmt: skip
    candidates: Annotated[
        list[Point] | None,
        Field(default=None, max_length=300, title="候选点",
              description="不给时自动取局部制高点。",
              json_schema_extra=english("Candidates", "Without them, the local summits.", "deg",
                                        widget="points")),
    ]  # fmt: skip
    summits: int = Field(
        default=40, ge=2, le=200, title="自动候选数", description="自动选取的制高点个数。",
        json_schema_extra=english("Summits", "How many are taken as candidates.", "1"),
    )  # fmt: skip


def _area(ground: Ground, asked: CoverageParameters, context: Context) -> tuple[Flags, Flags, Rows]:
    """Cells inside the radius with a height, those of them that are forest, and the fuel's rows."""
    grid = ground.grid
    rows, columns = grid.heights.shape
    row, column = grid.index(ground.x, ground.y)
    away = np.hypot((np.arange(rows)[:, None] - row) * grid.cell[1],
                    (np.arange(columns)[None, :] - column) * grid.cell[0])  # fmt: skip
    inside = (away <= asked.range) & np.isfinite(grid.heights)
    fuel = rows_of(context, asked.fuel, crs=grid.crs)
    own = fuel.frame[fuel.frame["code"].isin(WOODS)]
    wood = np.zeros(grid.heights.shape, bool)
    if len(own):
        wood = np.asarray(rasterize(
            list(own.geometry), out_shape=wood.shape, dtype="uint8",
            transform=from_origin(grid.west, grid.north, *grid.cell)), bool)  # fmt: skip
    if not (inside & wood).any():
        raise ParameterError(
            f"{fuel.source} has no forest inside the area",
            remedy="choose another area, or ingest fuel with models under trees",
        )
    return inside, inside & wood, fuel


def _seen(grid: Grid, eye: Eye, reach: float, asked: CoverageParameters, lat: float) -> Flags:
    bend = (1 - asked.refraction) / (2 * radius_of_curvature(lat))
    return np.asarray(
        viewshed(grid, eye, reach=reach, target_height=asked.smoke, bend=bend) == SEEN
    )


def _eyes(towers: Rows, grid: Grid) -> tuple[list[tuple[Eye, float, str]], int]:
    """Towers that stand on the grid with their range (m), and how many have no height or range."""
    found, blind = [], 0
    for row in towers.frame.to_dict("records"):
        height, reach = row.get("height"), row.get("range_km")
        if height is None or reach is None or np.isnan(height) or np.isnan(reach):
            blind += 1
            continue
        x, y = row["geometry"].x, row["geometry"].y
        if np.isfinite(grid.bilinear(x, y)):
            found.append((Eye(x=x, y=y, height=float(height)), float(reach) * 1000,
                          str(row.get("name") or row["tower_id"])))  # fmt: skip
    return found, blind


def watched(asked: CoverageParameters, context: Context) -> Result:
    """What the towers see together."""
    ground = ground_around(context, asked.terrain, (asked.centre,), asked.range + 200)
    grid = ground.grid
    inside, wood, fuel = _area(ground, asked, context)
    towers = rows_of(context, asked.towers, crs=grid.crs)
    eyes, blind = _eyes(towers, grid)
    total = np.zeros(grid.heights.shape, np.int64)
    rows = []
    each = [(_seen(grid, eye, reach, asked, asked.centre[1]), eye, name) for eye, reach, name in eyes]
    for seen, _, _ in each:
        total += seen
    cell = cell_area(grid)
    for seen, eye, name in each:
        rows.append({
            "name": name, "forest": round(cell * int((seen & wood).sum()) / 1e6, 4),
            "alone": round(cell * int((seen & wood & (total == 1)).sum()) / 1e6, 4),
            "place": place_of(grid.crs, eye.x, eye.y),
        })  # fmt: skip
    classes = np.full(total.shape, NOTHING, np.uint8)
    classes[inside & (total > 0)] = np.minimum(total[inside & (total > 0)], 3)
    classes[wood & (total == 0)] = 0
    source = f"{ground_source(ground)}；{towers.source}；{fuel.source}"
    forest = int(wood.sum())
    said = ground_provenance(ground, context)
    return Result(
        summary=(
            figure("forest", "林区面积", "Forest", cell * forest / 1e6, "km2", source),
            figure("covered", "林区覆盖率"
                              "", "Of it seen", 100 * int((wood & (total > 0)).sum()) / forest,
                   "%", source),
            figure("twice", "两点及以上覆盖率", "Seen by two and more",
                   100 * int((wood & (total > 1)).sum()) / forest, "%", source),
            figure("gap", "林区盲区面积", "Forest not seen",
                   cell * int((wood & (total == 0)).sum()) / 1e6, "km2", source),
            figure("towers", "参与的瞭望塔", "Towers that count", len(eyes), "1", towers.source),
            figure("blind", "缺塔高或半径的塔", "Towers without height or range", blind, "1",
                   towers.source),
        ),
        features=collection([
            feature(shapely.Point(eye.x, eye.y), name, name, crs=grid.crs, color="#ffd54f", width=12,
                    label=True) for _, eye, name in each]),
        coverage=coverage(grid, classes, context, _LEGEND),
        tables=(Table(
            title="各塔贡献", title_en="What each adds",
            columns=(("name", "瞭望塔", "Tower", ""), ("forest", "可视林区", "Forest seen", "km2"),
                     ("alone", "仅此塔可视", "Seen by it alone", "km2")),
            rows=sorted(rows, key=lambda r: -float(r["alone"]))),),
        provenance=said | {
            "inputs": [*said["inputs"], input_of(towers.version), input_of(fuel.version)],
            "applicability": f"{NOT_FOR_DISPATCH}. 裸地 DEM，不含树木遮挡与能见度 bare ground: "
                             "no trees, "
            "no haze",
        },
    )  # fmt: skip


def _summits(grid: Grid, inside: Flags, count: int) -> list[tuple[float, float]]:
    """The highest places over their surroundings, none within 500 m of another."""
    relief = np.where(inside, np.nan_to_num(position_index(grid), nan=-np.inf), -np.inf)
    height = np.where(inside, grid.heights, -np.inf)
    order = np.argsort(-height, axis=None)
    found: list[tuple[float, float]] = []
    columns = height.shape[1]
    for place in order.tolist():
        row, column = divmod(place, columns)
        if not np.isfinite(height[row, column]) or len(found) >= count:
            break
        if relief[row, column] <= 0:
            continue
        x = grid.west + (column + 0.5) * grid.cell[0]
        y = grid.north - (row + 0.5) * grid.cell[1]
        if all(np.hypot(x - a, y - b) >= 500.0 for a, b in found):  # noqa: PLR2004
            found.append((x, y))
    return found


def site(asked: SitingParameters, context: Context) -> Result:
    """Where the next towers should stand."""
    ground = ground_around(context, asked.terrain, (asked.centre,), asked.range + 200)
    grid = ground.grid
    inside, wood, fuel = _area(ground, asked, context)
    towers = rows_if_any(context, asked.towers, crs=grid.crs)
    eyes, blind = ([], 0) if towers is None else _eyes(towers, grid)
    have = np.zeros(wood.shape, bool)
    for eye, reach, _ in eyes:
        have |= _seen(grid, eye, reach, asked, asked.centre[1])
    every = max(1, round(FINEST / grid.cell[0]))
    sampled = np.zeros(wood.shape, bool)
    sampled[every // 2 :: every, every // 2 :: every] = True
    open_ = wood & ~have & sampled
    places = _candidates(asked, grid, inside)
    sees = np.stack([
        _seen(grid, Eye(x=x, y=y, height=asked.height), asked.reach, asked, asked.centre[1])[open_]
        for x, y in places
    ])  # fmt: skip
    demand = np.full(int(open_.sum()), cell_area(grid) * every**2)
    if not demand.size:
        raise ParameterError(
            "the towers there are see all of the forest", remedy="there is nothing to choose"
        )
    choice = (
        most_covered(sees, demand, asked.count) if asked.goal == "most"
        else fewest(sees, demand, asked.share / 100)
    )  # fmt: skip
    chosen = [places[i] for i in choice.chosen]
    gained = np.zeros(wood.shape, bool)
    rows = []
    for number, (x, y) in enumerate(chosen, start=1):
        seen = _seen(grid, Eye(x=x, y=y, height=asked.height), asked.reach, asked, asked.centre[1])
        new = seen & wood & ~have & ~gained
        gained |= seen
        rows.append({
            "number": number, "adds": round(cell_area(grid) * int(new.sum()) / 1e6, 4),
            "ground": round(grid.bilinear(x, y), 1), "place": place_of(grid.crs, x, y),
        })  # fmt: skip
    source = f"{ground_source(ground)}；"
             f"{fuel.source}" + ("" if towers is None else f"；{towers.source}")
    said = ground_provenance(ground, context)
    return Result(
        summary=_site_figures(grid, choice, wood, have, gained, (len(places), blind), source),
        features=collection([
            *(feature(shapely.Point(x, y), f"新塔 {i}", f"New tower {i}", crs=grid.crs,
                      color="#00e676", width=14, label=True)
              for i, (x, y) in enumerate(chosen, start=1)),
            *(feature(shapely.Point(x, y), "候选点", "Candidate", crs=grid.crs, color="#90a4ae", width=6)
              for x, y in places if (x, y) not in chosen),
        ]),
        coverage=coverage(grid, _site_classes(wood, have, gained), context, _SITE_LEGEND),
        tables=(Table(
            title="推荐塔址", title_en="Chosen sites",
            columns=(("number", "序号", "Number", "1"), ("adds", "新增林区", "Forest added", "km2"),
                     ("ground", "地面高程", "Ground", "m")), rows=rows),),
        provenance=said | {
            "inputs": [*said["inputs"], input_of(fuel.version),
                       *([] if towers is None else [input_of(towers.version)])],
            "method": choice.method, "proved_best": choice.exact, "gap": choice.gap,
            "demand_step_m": every * grid.cell[0],
            "applicability": f"{NOT_FOR_DISPATCH}. 候选点为局部制高点，不含用地、供电与道路条件"
                             " candidates are "
            "summits: land, power and access are not looked at",
        },
    )  # fmt: skip


_SITE_LEGEND = (
    LegendEntry(value=0, color="#e53935b0", title="仍为盲区", title_en="still not seen"),
    LegendEntry(value=1, color="#9ccc6580", title="现有塔可视", title_en="seen already"),
    LegendEntry(value=2, color="#00e676a0", title="新塔新增", title_en="seen by the new"),
)


def _candidates(
    asked: SitingParameters, grid: Grid, inside: Flags
) -> list[tuple[float, float]]:
    if asked.candidates is None:
        return _summits(grid, inside, asked.summits)
    step = transformer(CGCS2000, grid.crs)
    found = [tuple(float(v) for v in step.transform(*point)) for point in asked.candidates]
    for (x, y), point in zip(found, asked.candidates, strict=True):
        if not np.isfinite(grid.bilinear(x, y)):
            raise ParameterError(
                f"the candidate {point[0]:.5f}, {point[1]:.5f} stands where the ground is unknown",
                remedy="choose candidates on the elevation model, within the radius",
            )
    return [(x, y) for x, y in found]


def _site_classes(wood: Flags, have: Flags, gained: Flags) -> npt.NDArray[np.uint8]:
    classes = np.full(wood.shape, NOTHING, np.uint8)
    classes[wood] = 0
    classes[wood & have] = 1
    classes[wood & ~have & gained] = 2
    return classes


def _site_figures(
    grid: Grid, choice: Choice, wood: Flags, have: Flags, gained: Flags, counts: tuple[int, int],
    source: str,
) -> tuple[Any, ...]:  # fmt: skip
    forest = int(wood.sum())
    before, after = int((wood & have).sum()), int((wood & (have | gained)).sum())
    statement = (
        "已证明最优 proved best" if choice.exact
        else f"未证明，至多再好 {choice.gap:.2%} not proved; at most {choice.gap:.2%} better"
    )  # fmt: skip
    return (
        figure("chosen", "推荐座数", "Towers chosen", len(choice.chosen), "1", source),
        figure("before", "现有林区覆盖率", "Seen now", 100 * before / forest, "%", source),
        figure("after", "新建后林区覆盖率", "Seen then", 100 * after / forest, "%", source),
        figure("added", "新增可视林区"
                        "", "Forest added", cell_area(grid) * (after - before) / 1e6, "km2",
               source),
        figure("optimality", "最优性", "Optimality", statement, "", f"{source}；{choice.method}"),
        figure("candidates", "候选点数", "Candidates", counts[0], "1", source),
        figure("blind", "缺塔高或半径的塔", "Towers without height or "
                                    "range", counts[1], "1", source),
    )  # fmt: skip


COVERAGE = Analysis(
    id="forest_fire.coverage",
    title="现有瞭望塔看不到哪些林子",
    title_en="What do our towers not see",
    summary="各塔精确可视域叠加：林区覆盖率、多重覆盖、盲区，以及每座塔独有的贡献。",
    summary_en="The towers' exact viewsheds together: forest seen, seen by several, not seen; "
               "what each adds.",
    parameters=CoverageParameters,
    run=watched,
    example={"centre": [106.6500, 35.2200], "range": 5000},
    reads=lambda a: (a.terrain, a.towers, a.fuel),
    references=("Franklin & Ray (1994), Higher isn't necessarily better, Adv. in GIS Research",),
)
SITING = Analysis(
    id="forest_fire.siting",
    title="下一座瞭望塔建在哪里",
    title_en="Where should the next tower stand",
    summary="在候选制高点中选址：座数一定覆盖最多（MCLP），或达到覆盖率座数最少（LSCP），并说明是否已证明最优。",
    summary_en=(
        "Among summits, the sites that see most of the forest not seen yet (MCLP), or the "
        "fewest for a "
        "share (LSCP), with a statement whether that is proved best."
    ),
    parameters=SitingParameters,
    run=site,
    example={"centre": [106.6500, 35.2200], "range": 5000, "count": 2, "summits": 25},
    reads=lambda a: (a.terrain, a.towers, a.fuel),
    references=(
        "Church & ReVelle (1974), The maximal covering location problem, PRSA 32, 101-118",
        "Toregas et al. (1971), The location of emergency service facilities, Op. Res. 19, 1363",
    ),
)  # fmt: skip
