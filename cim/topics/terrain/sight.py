"""通视与天际线: whether one place sees another, and what stands against the sky."""

from __future__ import annotations

from typing import Any

import numpy as np
from pydantic import Field

from cim.catalog.elevation import Ground
from cim.drawn import listed
from cim.geo.crs import CGCS2000, to_lonlat, transformer
from cim.geo.visibility import Eye, Sight, line_of_sight, skyline
from cim.question import OnModel, Point, english, point_field
from cim.topic import Analysis, Axis, Context, Figure, Result, Series
from cim.topics.terrain.asked import accuracy_of, bend_at, ground_of, provenance, source_of

_LIMITS = (
    "Exact for the model's surface of grid lines; what is smaller than a cell neither hides nor "
    "shows. Haze and light are not told."
)


def _height(title: str, title_en: str, default: float) -> Any:
    return Field(
        default=default,
        ge=0,
        le=1000,
        title=title,
        description="距所选模型表面的高度。",
        json_schema_extra=english(title_en, "Above the chosen model's surface.", "m"),
    )


def _refraction() -> Any:
    return Field(
        default=0.14286,
        ge=0,
        lt=1,
        title="大气折光系数",
        description="折光系数 k；陆地白天约 1/7。",
        json_schema_extra=english("Refraction", "Coefficient k; 1/7 by day over land."),
    )


class SightParameters(OnModel):
    """What a line of sight asks for."""

    observer: Point = point_field(
        "观察点", "观察者的经纬度（度）。", "Observer", "Longitude and latitude, degrees."
    )
    target: Point = point_field(
        "目标点", "目标的经纬度（度）。", "Target", "Longitude and latitude, degrees."
    )
    observer_height: float = _height("观察高度", "Observer height", 1.7)
    target_height: float = _height("目标高度", "Target height", 0.0)
    refraction: float = _refraction()


def sight(asked: SightParameters, context: Context) -> Result:
    """Whether one place sees another."""
    ground = ground_of(context, asked, (asked.observer, asked.target), 200.0)
    to_plane = transformer(CGCS2000, ground.grid.crs)
    x, y = to_plane.transform(*asked.observer)
    goal = to_plane.transform(*asked.target)
    seen = line_of_sight(
        ground.grid,
        Eye(x=x, y=y, height=asked.observer_height),
        (goal[0], goal[1]),
        target_height=asked.target_height,
        bend=bend_at(asked.observer[1], asked.refraction),
    )
    source = source_of(ground, asked)
    return Result(
        summary=(*_sight_figures(seen, source), accuracy_of(ground, asked)),
        features=_sight_features(asked, ground, seen),
        series=(
            Series(
                title="视线剖面",
                title_en="Profile of the line",
                x=Axis(title="距离", title_en="Distance", unit="m",
                       values=[round(float(d), 2) for d in seen.distances]),
                y=(
                    Axis(title="表面高程", title_en="Surface", unit="m",
                         values=listed(seen.ground, 3)),
                    Axis(title="视线高程（计曲率折光）", title_en="Line of sight", unit="m",
                         values=listed(seen.line, 3)),
                ),
            ),
        ),
        provenance=provenance(ground, asked, context, _LIMITS),
    )  # fmt: skip


def _sight_figures(seen: Sight, source: str) -> tuple[Figure, ...]:
    clearance = None if seen.clearance is None else round(seen.clearance, 3) + 0.0
    words = {True: "通视 visible", False: "不通视 hidden", None: "无法判定 cannot be told"}
    return (
        Figure(key="visible", title="是否通视", title_en="Visible", value=words[seen.seen],
               evidence=source),
        Figure(key="distance", title="平面距离", title_en="Distance on the plane",
               value=float(seen.distances[-1]), unit="m", evidence=source),
        Figure(key="clearance", title="最小净空（负为遮挡）", title_en="Least clearance",
               value=clearance, unit="m", evidence=source),
        Figure(key="tightest", title="最紧处距观察点", title_en="Tightest at",
               value=seen.tightest, unit="m", evidence=source),
    )  # fmt: skip


def _sight_features(asked: SightParameters, ground: Ground, seen: Sight) -> dict[str, Any]:
    colour = {True: "#2ecc71", False: "#e74c3c", None: "#95a5a6"}[seen.seen]
    features = [
        _feature("LineString", [list(asked.observer), list(asked.target)], "视线", "Line of sight",
                 colour, 3),
        _feature("Point", list(asked.observer), "观察点", "Observer", "#ffd54f", 12),
        _feature("Point", list(asked.target), "目标点", "Target", colour, 12),
    ]  # fmt: skip
    if seen.seen is False and seen.tightest is not None:
        at = int(np.argmin(np.abs(seen.distances - seen.tightest)))
        place = to_lonlat(ground.grid.crs, np.array([[seen.x[at], seen.y[at]]]))[0]
        features.append(
            _feature("Point", place.round(8).tolist(), "遮挡处", "Hidden by", "#e74c3c", 12)
        )
    return {"type": "FeatureCollection", "features": features}


def _feature(
    kind: str, coordinates: Any, name: str, name_en: str, color: str, width: int
) -> dict[str, Any]:  # fmt: skip
    return {
        "type": "Feature",
        "geometry": {"type": kind, "coordinates": coordinates},
        "properties": {
            "name": name,
            "name_en": name_en,
            "style": {"color": color, "width": width},
        },
    }


class SkylineParameters(OnModel):
    """What a skyline asks for."""

    observer: Point = point_field(
        "观察点", "观察者的经纬度（度）。", "Observer", "Longitude and latitude, degrees."
    )
    observer_height: float = _height("观察高度", "Observer height", 1.7)
    range: float = Field(
        default=10_000.0,
        ge=100,
        le=50_000,
        title="最远距离",
        description="参与计算的最远地形距离。",
        json_schema_extra=english("Range", "Farthest ground that counts.", "m"),
    )
    refraction: float = _refraction()


def skyline_of(asked: SkylineParameters, context: Context) -> Result:
    """What stands against the sky around a place."""
    ground = ground_of(context, asked, (asked.observer,), asked.range)
    x, y = transformer(CGCS2000, ground.grid.crs).transform(*asked.observer)
    convergence = ground.grid.convergence(x, y)
    sky = skyline(
        ground.grid,
        Eye(x=x, y=y, height=asked.observer_height, azimuth=-convergence),
        count=720,
        reach=asked.range,
        bend=bend_at(asked.observer[1], asked.refraction),
    )
    azimuths = np.arange(720) * 0.5  # true: the first looks to true north
    known = np.isfinite(sky.elevations)
    turn = np.radians(azimuths[known] - convergence)
    edge = to_lonlat(
        ground.grid.crs,
        np.stack([x + sky.distances[known] * np.sin(turn),
                  y + sky.distances[known] * np.cos(turn)], axis=1),
    )  # fmt: skip
    source = source_of(ground, asked)
    highest = int(np.nanargmax(sky.elevations)) if known.any() else None
    open_sky = np.cos(np.radians(np.clip(sky.elevations[known], 0, 90))) ** 2
    ring = [*edge.round(8).tolist(), edge[0].round(8).tolist()] if len(edge) > 2 else []
    edge_features = (
        [_feature("LineString", ring, "天际线", "Skyline", "#35d0ff", 3)] if ring else []
    )
    return Result(
        summary=(
            Figure(key="highest", title="最高遮蔽角", title_en="Highest horizon",
                   value=None if highest is None else float(sky.elevations[highest]), unit="deg",
                   evidence=source),
            Figure(key="highest_at", title="最高处方位（真北）", title_en="At azimuth (true)",
                   value=None if highest is None else float(azimuths[highest]), unit="deg",
                   evidence=source),
            Figure(key="sky_view", title="天空可视因子", title_en="Sky view factor",
                   value=float(open_sky.mean()) if known.all() else None,
                   evidence=f"{source}，水平面 mean of cos² of the horizon, level plate"),
            Figure(key="unknown", title="无高程方向", title_en="Directions unknown",
                   value=float((~known).mean() * 100), unit="%", evidence=source),
            accuracy_of(ground, asked),
        ),
        features={
            "type": "FeatureCollection",
            "features": [
                _feature("Point", list(asked.observer), "观察点", "Observer", "#ffd54f", 12),
                *edge_features,
            ],
        },
        series=(
            Series(
                title="天际线", title_en="Skyline",
                x=Axis(title="方位（真北）", title_en="Azimuth (true)", unit="deg",
                       values=[float(a) for a in azimuths]),
                y=(Axis(title="遮蔽角", title_en="Elevation", unit="deg",
                        values=listed(sky.elevations, 4)),),
            ),
        ),
        provenance=provenance(ground, asked, context, _LIMITS)
        | {"convergence_deg": convergence},
    )  # fmt: skip


_FRANKLIN = "Franklin & Ray (1994), Higher isn't necessarily better, Adv. in GIS Research, 751-770"
SIGHT = Analysis(
    id="terrain.line_of_sight",
    title="这两点之间能否通视",
    title_en="Does this place see that one",
    summary="沿视线逐格比较地面或地表高程，考虑地球曲率与大气折光，给出是否通视、净空和遮挡处。",
    summary_en=(
        "The line between two places is held against the ground or the mesh's surface, crossing by "
        "crossing, with the Earth's curvature and refraction: visible or not, by how much, and "
        "where it is decided."
    ),
    parameters=SightParameters,
    run=sight,
    example={"observer": [106.63968, 35.24615], "target": [106.6480, 35.2200],
             "observer_height": 24.0},
    reads=lambda asked: (asked.terrain,),
    references=(_FRANKLIN,),
)  # fmt: skip
SKYLINE = Analysis(
    id="terrain.skyline",
    title="从这里看，天际线有多高",
    title_en="How high is the skyline from here",
    summary="给出各方位地形或地表的遮蔽角、天际线位置与天空可视因子，方位以真北起算。",
    summary_en=(
        "The horizon's angle in every direction from true north, where the ground that forms it "
        "lies, and the share of the sky that is open."
    ),
    parameters=SkylineParameters,
    run=skyline_of,
    example={"observer": [106.6480, 35.2200], "observer_height": 1.7, "range": 8000},
    reads=lambda asked: (asked.terrain,),
    references=(_FRANKLIN, "Oke (1987), Boundary Layer Climates, 2nd ed."),
)
