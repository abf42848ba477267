"""瞭望覆盖: what our towers do not see."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import shapely

from cim.drawn import NOTHING, cell_area, collection, coverage, feature
from cim.evidence import figure, ground_around, ground_provenance, ground_source, input_of, rows_of
from cim.topic import Analysis, Context, Figure, LegendEntry, Next, Result, Table, Verdict
from cim.topics.forest_fire.asked import NOT_FOR_DISPATCH, place_of
from cim.topics.forest_fire.watching import (
    CoverageParameters,
    Flags,
    eyes_of,
    forest_in,
    seen_from,
    towers_near,
)

_LEGEND = (
    LegendEntry(value=0, color="#e53935b0", title="林区盲区", title_en="forest, not seen"),
    LegendEntry(value=1, color="#fdd83590", title="1 个点可视", title_en="seen by one"),
    LegendEntry(value=2, color="#9ccc6590", title="2 个点可视", title_en="seen by two"),
    LegendEntry(value=3, color="#2e7d3290", title="3 个及以上", title_en="seen by three and more"),
)


def _onward(asked: CoverageParameters) -> Next:
    """On to where the next tower should stand."""
    return Next(
        analysis="forest_fire.siting", title="下一座塔建在哪里",
        title_en="Where should the next tower stand",
        values={"centre": list(asked.centre), "range": asked.range, "smoke": asked.smoke},
    )  # fmt: skip


def _figures(
    cell: float, wood: Flags, total: npt.NDArray[np.int64], towers: tuple[int, int, int],
    sources: tuple[str, str],
) -> tuple[Figure, ...]:  # fmt: skip
    """Shares of the forest by how many towers see it; towers that count, and those that cannot."""
    (known, blind, lost), (source, theirs) = towers, sources
    forest = int(wood.sum())
    return (
        figure("forest", "林区面积", "Forest", cell * forest / 1e6, "km2", source),
        figure("covered", "林区覆盖率", "Of it seen",
               100 * int((wood & (total > 0)).sum()) / forest, "%", source),
        figure("twice", "两点及以上覆盖率", "Seen by two and more",
               100 * int((wood & (total > 1)).sum()) / forest, "%", source),
        figure("gap", "林区盲区面积", "Forest not seen",
               cell * int((wood & (total == 0)).sum()) / 1e6, "km2", source),
        figure("towers", "参与的瞭望塔", "Towers that count", known, "1", theirs),
        figure("blind", "缺塔高或半径的塔", "Towers without height or range", blind, "1", theirs,
               verdict=Verdict.UNKNOWN if blind else None),
        figure("off_ground", "站在高程范围外的塔（未计入）", "Towers off the model, left out", lost,
               "1", theirs, verdict=Verdict.UNKNOWN if lost else None),
    )  # fmt: skip


def watched(asked: CoverageParameters, context: Context) -> Result:
    """What the towers see together."""
    every = rows_of(context, asked.towers, fields=("tower_id", "range_km"))
    towers, reach = towers_near(every, asked)
    ground = ground_around(context, asked.terrain, (asked.centre,), reach)
    grid = ground.grid
    inside, wood, fuel = forest_in(ground, asked, context)
    eyes, blind = eyes_of(towers, grid)
    lost = len(towers.frame) - len(eyes) - blind
    total = np.zeros(grid.heights.shape, np.int64)
    each = [
        (seen_from(grid, eye, reach, asked, asked.centre[1]), eye, name)
        for eye, reach, name in eyes
    ]
    total = np.sum([seen for seen, _, _ in each], axis=0, dtype=np.int64) if each else total
    cell = cell_area(grid)
    rows = [
        {"name": name, "forest": round(cell * int((seen & wood).sum()) / 1e6, 4),
         "alone": round(cell * int((seen & wood & (total == 1)).sum()) / 1e6, 4),
         "place": place_of(grid.crs, eye.x, eye.y)}
        for seen, eye, name in each
    ]  # fmt: skip
    classes = np.full(total.shape, NOTHING, np.uint8)
    classes[inside & (total > 0)] = np.minimum(total[inside & (total > 0)], 3)
    classes[wood & (total == 0)] = 0
    source = f"{ground_source(ground)}；{towers.source}；{fuel.source}"
    said = ground_provenance(ground, context)
    return Result(
        summary=_figures(cell, wood, total, (len(eyes), blind, lost), (source, towers.source)),
        features=collection([
            feature(shapely.Point(eye.x, eye.y), name, name, crs=grid.crs, color="#ffd54f",
                    width=12,
                    label=True) for _, eye, name in each]),
        coverage=coverage(grid, classes, context, _LEGEND),
        tables=(Table(
            title="各塔贡献", title_en="What each adds",
            columns=(("name", "瞭望塔", "Tower", ""), ("forest", "可视林区", "Forest seen", "km2"),
                     ("alone", "仅此塔可视", "Seen by it alone", "km2")),
            rows=sorted(rows, key=lambda r: -float(r["alone"]))),),
        following=(_onward(asked),),
        provenance=said | {
            "inputs": [*said["inputs"], input_of(towers.version), input_of(fuel.version)],
            "applicability": f"{NOT_FOR_DISPATCH}. 裸地 DEM，不含树木遮挡与能见度 bare ground: "
                             "no trees, "
            "no haze",
        },
    )  # fmt: skip


COVERAGE = Analysis(
    id="forest_fire.coverage",
    guide="fire.md",
    title="现有瞭望塔看不到哪些林子",
    title_en="What do our towers not see",
    summary="各塔精确可视域叠加：林区覆盖率、多重覆盖、盲区，以及每座塔独有的贡献。",
    summary_en="The towers' exact viewsheds together: forest seen, seen by several, not seen; "
    "what each adds.",
    parameters=CoverageParameters,
    run=watched,
    version=2,
    example={"centre": [106.6500, 35.2200], "range": 5000},
    reads=lambda a: (a.terrain, a.towers, a.fuel),
    references=("Franklin & Ray (1994), Higher isn't necessarily better, Adv. in GIS Research",),
)
