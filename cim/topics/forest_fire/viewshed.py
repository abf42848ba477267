"""可视域: what a tower or camera sees."""

from __future__ import annotations

from typing import Annotated, Any

import numpy as np
from pydantic import Field

from cim.catalog.elevation import Ground, around
from cim.drawn import coverage
from cim.geo.crs import to_lonlat
from cim.geo.visibility import HIDDEN, SEEN, UNKNOWN, Eye
from cim.question import english, number_field
from cim.topic import Analysis, Context, Figure, LegendEntry, Parameters, Result
from cim.topics.forest_fire.analysis.watch import Watch, watch

_BARE = (
    "The DEM is bare ground: trees and buildings neither hide nor lift anything. Whether a camera "
    "recognises what it could see (haze, light, resolution) is not told."
)


class ViewshedParameters(Parameters):
    """What a viewshed asks for."""

    observer: Annotated[
        tuple[float, float],
        Field(
            title="观察点",
            description="瞭望塔或摄像机的经纬度（CGCS2000，度）。",
            json_schema_extra=english(
                "Observer",
                "Tower or camera: longitude and latitude, degrees (CGCS2000).",
                "deg",
                widget="point",
            ),
        ),
    ]
    observer_height: float = number_field(
        20.0, "观察高度", "视点距地面的高度。",
        "Observer height", "Height of the eye above ground.", "m", 0, 500,
    )  # fmt: skip
    target_height: float = number_field(
        0.0, "目标高度", "被观察目标距地面的高度；烟高于树冠时更易看见。",
        "Target height",
        "Height above ground of what is looked for; smoke is seen above the trees.", "m", 0, 500,
    )  # fmt: skip
    range: float = number_field(
        5000.0, "观察半径", "地面上的最远观察距离。",
        "Range", "Farthest distance on the ground.", "m", 100, 20000,
    )  # fmt: skip
    azimuth: float = number_field(
        0.0, "中心方位角", "视场中心方向，自真北顺时针。",
        "Azimuth", "Middle of the field of view, clockwise from true north.", "deg", 0, 360,
    )  # fmt: skip
    field_of_view: float = Field(
        default=360.0,
        gt=0,
        le=360,
        title="水平视场角",
        description="水平视场角；360 为环视。",
        json_schema_extra=english(
            "Field of view",
            "Horizontal field of view; 360 looks all round.",
            "deg",
        ),
    )
    curvature: bool = Field(
        default=True,
        title="考虑地球曲率",
        description="是否计入地球曲率与大气折光。",
        json_schema_extra=english(
            "Earth curvature",
            "Whether the Earth's curvature (and refraction) counts.",
        ),
    )
    refraction: float = Field(
        default=0.14286,
        ge=0,
        lt=1,
        title="大气折光系数",
        description="折光系数 k；陆地白天约 1/7，0 为不计。",
        json_schema_extra=english(
            "Refraction coefficient",
            "Coefficient k of refraction; 1/7 by day over land, 0 for none.",
        ),
    )
    terrain: str = Field(
        default="base.dem",
        title="地形图层",
        description="所用数字高程模型的地形图层。",
        json_schema_extra=english("Terrain layer", "Terrain layer whose elevation model is used."),
    )


def viewshed(parameters: ViewshedParameters, context: Context) -> Result:
    """What a tower or camera sees on the DEM."""
    _, lat = parameters.observer
    ground = around(
        context.engine, context.files, parameters.terrain, parameters.observer, parameters.range
    )
    convergence = ground.grid.convergence(ground.x, ground.y)
    eye = Eye(
        x=ground.x,
        y=ground.y,
        height=parameters.observer_height,
        azimuth=parameters.azimuth - convergence,
        field_of_view=parameters.field_of_view,
    )
    seen = watch(
        ground.grid,
        eye,
        latitude=lat,
        reach=parameters.range,
        target_height=parameters.target_height,
        curvature=parameters.curvature,
        refraction=parameters.refraction,
    )
    return Result(
        summary=_summary(parameters, ground, seen),
        features=_features(parameters, ground, eye),
        coverage=coverage(ground.grid, seen.classes, context, LEGEND, "viewshed"),
        provenance={
            "inputs": [
                {
                    "layer": ground.version.layer.id,
                    "version": ground.version.version,
                    "key": ground.version.key,
                    "models": list(ground.models),
                }
            ],
            "crs": ground.grid.crs.to_string(),
            "height_datum": context.city.height_datum,
            "cell_m": list(ground.grid.cell),
            "convergence_deg": convergence,
            "nodata_share": float(np.isnan(ground.grid.heights).mean()),
            "applicability": _BARE,
        },
    )


def _summary(parameters: ViewshedParameters, ground: Ground, seen: Watch) -> tuple[Figure, ...]:
    source = f"{ground.version.layer.id} v{ground.version.version}"
    area = f"{source}，椭球面面积（按网格中心长度比换算） ellipsoidal, by the local scale factor"
    return (
        Figure(
            key="visible_area",
            title="可视面积",
            title_en="Visible area",
            value=seen.seen / 1e6,
            unit="km2",
            evidence=area,
        ),
        Figure(
            key="visible_share",
            title="可视比例",
            title_en="Visible share",
            value=100 * seen.seen / seen.looked_at if seen.looked_at else None,
            unit="%",
            evidence=f"{source}，占观察范围 of the ground looked at",
        ),
        Figure(
            key="looked_at_area",
            title="观察范围面积",
            title_en="Ground looked at",
            value=seen.looked_at / 1e6,
            unit="km2",
            evidence=area,
        ),
        Figure(
            key="unknown_area",
            title="无法判定面积",
            title_en="Cannot be told",
            value=seen.unknown / 1e6,
            unit="km2",
            evidence=f"{source}，高程缺失 heights are missing there or on the way",
        ),
        Figure(
            key="farthest_visible",
            title="最远可视距离",
            title_en="Farthest visible",
            value=seen.farthest,
            unit="m",
            evidence=source,
        ),
        Figure(
            key="ground_height",
            title="观察点地面高程（1985）",
            title_en="Ground height at the observer (1985)",
            value=seen.ground,
            unit="m",
            evidence=f"{source}，双线性内插 bilinear",
        ),
        Figure(
            key="eye_height",
            title="视点高程（1985）",
            title_en="Height of the eye (1985)",
            value=seen.ground + parameters.observer_height,
            unit="m",
            evidence=source,
        ),
    )


LEGEND = (
    LegendEntry(value=SEEN, color="#2ecc71a0", title="可见", title_en="Visible"),
    LegendEntry(value=HIDDEN, color="#e74c3c70", title="不可见", title_en="Hidden"),
    LegendEntry(value=UNKNOWN, color="#95a5a690", title="无法判定", title_en="Cannot be told"),
)


def _features(parameters: ViewshedParameters, ground: Ground, eye: Eye) -> dict[str, Any]:
    """The observer, and the outline of what it looks at."""
    half = parameters.field_of_view / 2
    whole = parameters.field_of_view >= 360
    angles = np.radians(np.linspace(eye.azimuth - half, eye.azimuth + half, 121))
    outline = np.stack(
        [eye.x + parameters.range * np.sin(angles), eye.y + parameters.range * np.cos(angles)], 1
    )
    if not whole:
        apex = np.array([[eye.x, eye.y]])
        outline = np.concatenate([apex, outline, apex])
    line = to_lonlat(ground.grid.crs, outline).round(8).tolist()
    return {
        "type": "FeatureCollection",
        "features": [
            {
                "type": "Feature",
                "geometry": {"type": "Point", "coordinates": list(parameters.observer)},
                "properties": {
                    "name": "观察点",
                    "name_en": "Observer",
                    "style": {"color": "#ffd54f", "width": 12},
                },
            },
            {
                "type": "Feature",
                "geometry": {"type": "LineString", "coordinates": line},
                "properties": {
                    "name": "观察范围",
                    "name_en": "Range",
                    "style": {"color": "#ffd54f", "width": 2},
                },
            },
        ],
    }


VIEWSHED = Analysis(
    id="forest_fire.viewshed",
    guide="fire.md",
    title="瞭望塔（摄像机）能看到哪里",
    title_en="What does this tower or camera see",
    summary=(
        "按精确视线逐格判断瞭望塔或摄像机在 DEM 上的可视范围，考虑架设高度、目标高度、地球曲率、"
        "大气折光和水平视场角。DEM 为裸地表面，不含树木与建筑遮挡。"
    ),
    summary_en=(
        "The exact line of sight to every cell of the DEM tells what a tower or camera sees, "
        "with its height, the target's height, the Earth's curvature, refraction and the "
        "horizontal field of view. The DEM is bare ground: trees and buildings do not count."
    ),
    parameters=ViewshedParameters,
    run=viewshed,
    example={
        "observer": [106.63968, 35.24615],
        "observer_height": 24.0,
        "target_height": 5.0,
        "range": 8000.0,
    },
    reads=lambda parameters: (parameters.terrain,),
    references=(
        "Franklin & Ray (1994), Higher isn't necessarily better, Adv. in GIS Research, 751-770",
    ),
)
