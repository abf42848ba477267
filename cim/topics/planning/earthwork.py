"""挖填方: how much earth moves for a site."""

from __future__ import annotations

import math

import numpy as np
from pydantic import Field
from shapely import contains_xy
from shapely.geometry.base import BaseGeometry

from cim.drawn import NOTHING, collection, coverage, feature, listed
from cim.errors import ParameterError
from cim.evidence import figure, ground_accuracy, ground_around, ground_provenance, ground_source
from cim.geo.grid import Grid
from cim.geo.terrain.sample import Floats, Sample, sampled_over
from cim.question import Area, OnModel, area_field, english, number_field, shape_of
from cim.topic import (
    Analysis,
    Axis,
    Context,
    Coverage,
    Figure,
    LegendEntry,
    Result,
    Series,
    Verdict,
)
from cim.topics.planning.analysis.earth import Plane, balance
from cim.topics.planning.asked import planar

_STEPS = (-4.0, -2.0, -0.5, 0.5, 2.0, 4.0)  # m of ground above the design
_LEGEND = (
    LegendEntry(value=0, color="#0d47a1c0", title="填 >4 m", title_en="fill over 4 m"),
    LegendEntry(value=1, color="#1e88e5b0", title="填 2–4 m", title_en="fill 2 to 4 m"),
    LegendEntry(value=2, color="#90caf9a0", title="填 0.5–2 m", title_en="fill 0.5 to 2 m"),
    LegendEntry(value=3, color="#eeeeee80", title="±0.5 m", title_en="within 0.5 m"),
    LegendEntry(value=4, color="#ffcc80a0", title="挖 0.5–2 m", title_en="cut 0.5 to 2 m"),
    LegendEntry(value=5, color="#fb8c00b0", title="挖 2–4 m", title_en="cut 2 to 4 m"),
    LegendEntry(value=6, color="#bf360cc0", title="挖 >4 m", title_en="cut over 4 m"),
)


class EarthParameters(OnModel):
    """What cut and fill asks for."""

    site: Area = area_field("场地范围", "平整范围。", "Site", "What is levelled.")
    level: float | None = Field(
        default=None, ge=-500, le=9000, title="设计标高（1985）",
        description="不给时取挖填平衡标高；有坡度时为场地中心的标高。",
        json_schema_extra=english(
            "Design level (1985)",
            "Without one, the level that balances cut and fill; of a sloping site, at its middle.",
            "m",
        ),
    )  # fmt: skip
    grade: float = number_field(
        0.0, "设计坡度", "场地坡度，向坡向方位下降。", "Grade", "Fall of the site along its "
                                               "bearing.",
        "%", 0, 30,
    )  # fmt: skip
    bearing: float = number_field(
        180.0, "坡向方位", "下坡方向，自真北顺时针。", "Bearing", "Downhill, clockwise from "
                                                  "true north.",
        "deg", 0, 360,
    )  # fmt: skip
    swell: float = number_field(
        1.0, "松实系数", "1 m³ 挖方可填筑的体积；1 为自然方。", "Swell",
        "Fill that a cubic metre of cut makes; 1 for bank measure.", "1", 0.5, 1.5,
    )  # fmt: skip


def cut_and_fill(asked: EarthParameters, context: Context) -> Result:
    """Volumes for a site."""
    shape = shape_of(asked.site)
    west, south, east, north = shape.bounds
    ground = ground_around(
        context, asked.terrain, ((west, south), (east, north)), 100.0, asked.model
    )
    sample = sampled_over(ground.grid, shape)
    if not sample.known.size:
        raise ParameterError(
            "no height is known inside the site", remedy="choose one on the elevation model"
        )
    middle = planar(shape, ground.grid.crs).centroid
    turn = math.radians(asked.bearing - ground.grid.convergence(middle.x, middle.y))
    fall = -asked.grade / 100
    plane = Plane(level=0.0, origin=(middle.x, middle.y), east=fall * math.sin(turn),
                  north=fall * math.cos(turn))  # fmt: skip
    known = np.isfinite(sample.heights)
    form = plane.at(sample.places)
    even = balance(sample.heights[known], form[known], asked.swell)
    level = even if asked.level is None else asked.level
    source = ground_source(ground, asked.model)
    return Result(
        summary=(*_figures(sample, form, level, even, asked.swell, source),
                 ground_accuracy(ground, asked.model)),
        features=collection([feature(
            shape, "场地范围", "Site", color="#ffd54f", width=3,
            properties={"level": round(level, 3)},
        )]),
        coverage=_coverage(ground.grid, shape, plane, level, context),
        series=(_curve(sample, form, even, asked.swell),),
        provenance=ground_provenance(ground, context) | {
            "model": asked.model, "samples": len(sample.heights), "step_m": sample.step,
            "applicability": "DEM 体积，未含边坡、清表与路基结构 volumes of the model, without "
                             "side "
            "slopes, topsoil or pavement; 15 m cells carry their error into the volume",
        },
    )  # fmt: skip


def _figures(
    sample: Sample, form: Floats, level: float, even: float, swell: float, source: str
) -> tuple[Figure, ...]:
    cut, fill = sample.volume(level + form)
    unknown = sample.each * (len(sample.heights) - sample.known.size)
    how = f"{source}，{len(sample.heights)} 个采样点 samples of {sample.each:.3g} m²"
    return (
        figure("level", "设计标高（1985）", "Design level (1985)", level, "m", source),
        figure("cut", "挖方", "Cut", cut, "m3", how),
        figure("fill", "填方", "Fill", fill, "m3", how),
        figure("net", "余方（挖×松实系数−填）", "Left over", cut * swell - fill, "m3", how),
        figure("balance", "挖填平衡标高", "Balancing level", even, "m", how),
        figure("deepest_cut", "最大挖深", "Deepest cut",
               float(max(np.nanmax(sample.heights - level - form), 0.0)), "m", how),
        figure("highest_fill", "最大填高", "Highest fill",
               float(max(np.nanmax(level + form - sample.heights), 0.0)), "m", how),
        figure("area", "场地面积（椭球面）", "Site (ellipsoidal)", sample.area, "m2", source),
        figure("unknown_area", "高程缺失面积（未计入土方）", "Without heights, left out",
               unknown, "m2", source, verdict=Verdict.UNKNOWN if unknown > 0 else None),
    )  # fmt: skip


def _coverage(
    grid: Grid, shape: BaseGeometry, plane: Plane, level: float, context: Context
) -> Coverage:
    """Cells by how far the ground stands above the design."""
    rows, columns = grid.heights.shape
    x = grid.west + (np.arange(columns) + 0.5) * grid.cell[0]
    y = grid.north - (np.arange(rows) + 0.5) * grid.cell[1]
    places = np.stack([v.ravel() for v in np.meshgrid(x, y)], axis=1)
    inside = contains_xy(planar(shape, grid.crs), places[:, 0], places[:, 1])
    inside &= np.isfinite(grid.heights.ravel())
    away = grid.heights.ravel()[inside] - level - plane.at(places[inside])
    classes = np.full(rows * columns, NOTHING, np.uint8)
    classes[inside] = np.searchsorted(_STEPS, away)
    return coverage(grid, classes.reshape(rows, columns), context, _LEGEND)


def _curve(sample: Sample, form: Floats, even: float, swell: float) -> Series:
    """Cut and fill over the design level."""
    known = np.isfinite(sample.heights)
    reach = max(1.0, float(np.ptp(sample.heights[known] - form[known])) / 2)
    levels = np.linspace(even - reach, even + reach, 41)
    both = np.array([sample.volume(level + form) for level in levels])
    return Series(
        title="土方—标高曲线", title_en="Volumes over the level",
        x=Axis(title="设计标高", title_en="Design level", unit="m", values=listed(levels, 3)),
        y=(Axis(title="挖方", title_en="Cut", unit="m3", values=listed(both[:, 0] * swell, 1)),
           Axis(title="填方", title_en="Fill", unit="m3", values=listed(both[:, 1], 1))),
    )  # fmt: skip


CUT_AND_FILL = Analysis(
    id="planning.cut_and_fill",
    guide="planning.md",
    title="这块场地要挖填多少土（挖填方）",
    title_en="How much earth moves for this site",
    summary=(
        "按设计标高（可带坡度）计算挖方、填方与余方，并给出挖填平衡标高和土方—标高曲线；体积取"
        "自 DEM 或实景"
        "三维表面。"
    ),
    summary_en=(
        "Cut, fill and what is left over for a design level (with a grade if wanted), the "
        "level that "
        "balances both, and volumes over the level; from the DEM or the mesh's surface."
    ),
    parameters=EarthParameters,
    run=cut_and_fill,
    example={
        "site": [[106.6600, 35.2230], [106.6625, 35.2230], [106.6625, 35.2248],
                 [106.6600, 35.2248]],
        "swell": 0.9,
    },
    reads=lambda asked: (asked.terrain,),
    references=("Karney (2013), Algorithms for geodesics, J. Geodesy 87, 43-55",),
)  # fmt: skip
