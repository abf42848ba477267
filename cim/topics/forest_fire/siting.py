"""瞭望塔选址: where the next tower should stand."""

from __future__ import annotations

from typing import Annotated, Any, Literal

import numpy as np
import numpy.typing as npt
import shapely
from pydantic import Field

from cim.drawn import NOTHING, cell_area, collection, coverage, feature
from cim.errors import ParameterError
from cim.evidence import (
    figure,
    ground_around,
    ground_provenance,
    ground_source,
    input_of,
    rows_if_any,
)
from cim.geo.crs import CGCS2000, transformer
from cim.geo.grid import Grid
from cim.geo.terrain import position_index
from cim.geo.visibility import Eye
from cim.question import Point, english, number_field
from cim.topic import Analysis, Context, LegendEntry, Result, Table
from cim.topics.forest_fire.analysis.siting import Choice, fewest, most_covered
from cim.topics.forest_fire.asked import NOT_FOR_DISPATCH, place_of
from cim.topics.forest_fire.watching import (
    FINEST,
    CoverageParameters,
    Flags,
    eyes_of,
    forest_in,
    seen_at,
    seen_from,
    towers_near,
)

APART = 500.0  # m between two candidates at least


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
        Field(default=None, min_length=1, max_length=300, title="候选点",
              description="不给时自动取局部制高点。",
              json_schema_extra=english("Candidates", "Without them, the local summits.", "deg",
                                        widget="points")),
    ]  # fmt: skip
    summits: int = Field(
        default=40, ge=2, le=200, title="自动候选数", description="自动选取的制高点个数。",
        json_schema_extra=english("Summits", "How many are taken as candidates.", "1"),
    )  # fmt: skip


def _summits(grid: Grid, inside: Flags, count: int) -> list[tuple[float, float]]:
    """The highest places over their surroundings, none within 500 m of another."""
    relief = np.where(inside, np.nan_to_num(position_index(grid), nan=-np.inf), -np.inf)
    rows, columns = np.nonzero((relief > 0) & np.isfinite(grid.heights))
    order = np.argsort(-grid.heights[rows, columns], kind="stable")
    x = (grid.west + (columns + 0.5) * grid.cell[0])[order]
    y = (grid.north - (rows + 0.5) * grid.cell[1])[order]
    found: list[tuple[float, float]] = []
    while x.size and len(found) < count:
        found.append((float(x[0]), float(y[0])))
        apart = np.hypot(x - x[0], y - y[0]) >= APART
        x, y = x[apart], y[apart]
    return found


def site(asked: SitingParameters, context: Context) -> Result:
    """Where the next towers should stand."""
    towers = rows_if_any(context, asked.towers, fields=("tower_id", "range_km"))
    near, reach = (None, asked.range + 200) if towers is None else towers_near(towers, asked)
    ground = ground_around(context, asked.terrain, (asked.centre,), reach)
    grid = ground.grid
    inside, wood, fuel = forest_in(ground, asked, context)
    eyes, blind = ([], 0) if near is None else eyes_of(near, grid)
    have = np.zeros(wood.shape, bool)
    for eye, far, _ in eyes:
        have |= seen_from(grid, eye, far, asked, asked.centre[1])
    every = max(1, round(FINEST / grid.cell[0]))
    sampled = np.zeros(wood.shape, bool)
    sampled[every // 2 :: every, every // 2 :: every] = True
    open_ = wood & ~have & sampled
    places = _candidates(asked, grid, inside)
    wanted = np.argwhere(open_)
    if not len(wanted):
        raise ParameterError(
            "the towers there are see all of the forest", remedy="there is nothing to choose"
        )
    sees = np.stack([
        seen_at(grid, Eye(x=x, y=y, height=asked.height), wanted, asked.reach, asked)
        for x, y in places
    ])  # fmt: skip
    demand = np.full(len(wanted), cell_area(grid) * every**2)
    choice = (
        most_covered(sees, demand, asked.count) if asked.goal == "most"
        else fewest(sees, demand, asked.share / 100)
    )  # fmt: skip
    chosen = [places[i] for i in choice.chosen]
    gained, rows = _gains(asked, grid, chosen, wood & ~have)
    more = "" if towers is None else f"；{towers.source}"
    source = f"{ground_source(ground)}；{fuel.source}{more}"
    said = ground_provenance(ground, context)
    return Result(
        summary=_site_figures(grid, choice, wood, have, gained, (len(places), blind), source),
        features=collection(_sites_drawn(grid, chosen, places), (
            ("#00e676", "推荐塔址", "Chosen"), ("#eceff1", "候选点", "Candidate"))),
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
            "applicability": f"{NOT_FOR_DISPATCH}. 候选点为局部制高点，不含用地、供电与道路条件 "
                             "candidates are "
            "summits: land, power and access are not looked at",
        },
    )  # fmt: skip


def _gains(
    asked: SitingParameters, grid: Grid, chosen: list[tuple[float, float]], open_: Flags
) -> tuple[Flags, list[dict[str, Any]]]:
    """What the chosen see, and what each adds of the forest that nobody sees yet."""
    gained = np.zeros(open_.shape, bool)
    rows: list[dict[str, Any]] = []
    for number, (x, y) in enumerate(chosen, start=1):
        seen = seen_from(
            grid, Eye(x=x, y=y, height=asked.height), asked.reach, asked, asked.centre[1]
        )
        new = seen & open_ & ~gained
        gained |= seen
        rows.append({
            "number": number, "adds": round(cell_area(grid) * int(new.sum()) / 1e6, 4),
            "ground": round(grid.bilinear(x, y), 1), "place": place_of(grid.crs, x, y),
        })  # fmt: skip
    return gained, rows


def _sites_drawn(
    grid: Grid, chosen: list[tuple[float, float]], places: list[tuple[float, float]]
) -> list[dict[str, Any]]:
    """The chosen sites, and the candidates that were not."""
    return [
        *(feature(shapely.Point(x, y), f"新塔 {i}", f"New tower {i}", crs=grid.crs,
                  color="#00e676", width=14, label=True)
          for i, (x, y) in enumerate(chosen, start=1)),
        *(feature(shapely.Point(x, y), "候选点", "Candidate", crs=grid.crs, color="#eceff1",
                  width=1)
          for x, y in places if (x, y) not in chosen),
    ]  # fmt: skip


_SITE_LEGEND = (
    LegendEntry(value=0, color="#e53935b0", title="仍为盲区", title_en="still not seen"),
    LegendEntry(value=1, color="#9ccc6580", title="现有塔可视", title_en="seen already"),
    LegendEntry(value=2, color="#00e676a0", title="新塔新增", title_en="seen by the new"),
)


def _candidates(asked: SitingParameters, grid: Grid, inside: Flags) -> list[tuple[float, float]]:
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
        figure("added", "新增可视林区", "Forest added",
               cell_area(grid) * (after - before) / 1e6,
               "km2",
               source),
        figure("optimality", "最优性", "Optimality", statement, "", f"{source}；{choice.method}"),
        figure("candidates", "候选点数", "Candidates", counts[0], "1", source),
        figure("blind", "缺塔高或半径的塔", "Towers without height or "
                                    "range", counts[1], "1", source),
    )  # fmt: skip


SITING = Analysis(
    id="forest_fire.siting",
    guide="fire.md",
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
