"""火点定位: smoke on a camera; where is it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import shapely
from pydantic import Field
from shapely.geometry.base import BaseGeometry

from cim.catalog.elevation import Ground
from cim.drawn import collection, feature
from cim.errors import ParameterError
from cim.evidence import (
    Rows,
    figure,
    ground_accuracy,
    ground_around,
    ground_provenance,
    ground_source,
    input_of,
    rows_of,
)
from cim.geo.crs import CGCS2000, transformer
from cim.geo.visibility import radius_of_curvature
from cim.question import OnTerrain, english, layer_field, number_field, of_layer
from cim.topic import Analysis, Context, Next, Result
from cim.topics.forest_fire.analysis.ray import Camera, Hit, intersect, locate
from cim.topics.forest_fire.asked import NOT_FOR_DISPATCH, place_of

_CAMERAS = of_layer("forest_fire.camera", "camera_id")


class LocateParameters(OnTerrain):
    """What locating asks for."""

    camera: str = Field(
        default="LWT01-1", max_length=60, title="摄像机", description="摄像机编号。",
        json_schema_extra=english("Camera", "Its number.", **_CAMERAS),
    )  # fmt: skip
    azimuth: float = number_field(
        130.0, "方位角", "烟点方向，自真北顺时针。", "Azimuth", "Of the smoke, from true "
                                                 "north.", "deg",
        0, 360,
    )  # fmt: skip
    pitch: float = number_field(
        -4.0, "俯仰角", "水平为 0，向下为负。", "Pitch", "0 is level, negative looks down.", "deg",
        -90, 30,
    )  # fmt: skip
    second: str | None = Field(
        default=None, max_length=60, title="第二台摄像机", description="给出时两线交会。",
        json_schema_extra=english("Second camera", "If given, both bearings are crossed.",
                                  **_CAMERAS),
    )  # fmt: skip
    second_azimuth: float | None = Field(
        default=None, ge=0, le=360, title="第二方位角", description="第二台摄像机的方位角。",
        json_schema_extra=english("Second azimuth", "Of the second camera.", "deg"),
    )  # fmt: skip
    sigma_azimuth: float = number_field(
        0.3,
        "方位角中误差",
        "云台标定精度。",
        "Error of azimuth",
        "Standard error.",
        "deg",
        0.001,
        10,
        advanced=True,
    )
    sigma_pitch: float = number_field(
        0.2,
        "俯仰角中误差",
        "云台标定精度。",
        "Error of pitch",
        "Standard error.",
        "deg",
        0.001,
        10,
        advanced=True,
    )
    refraction: float = number_field(
        0.14286,
        "大气折光系数",
        "陆地白天约 1/7。",
        "Refraction",
        "1/7 by day over land.",
        "1",
        0,
        0.9,
        advanced=True,
    )
    range: float = number_field(
        15_000.0, "最远距离", "沿视线查找的最远距离。", "Farthest", "Looked at along the ray.", "m",
        500, 40_000,
        advanced=True,
    )  # fmt: skip
    cameras: str = layer_field(
        "forest_fire.camera",
        "摄像机图层",
        "含编号与架设高度。",
        "Cameras",
        "With number and height.",
    )


_LEGEND = (
    ("#ff1744", "火点", "Fire"), ("#ff7043", "95% 误差椭圆", "95 % error ellipse"),
    ("#ffd54f", "摄像机视线", "Line of sight"),
)  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _Stand:
    """Where a camera stands: its row, and its place in degrees."""

    row: Any
    place: tuple[float, float]


def _stand(rows: Rows, number: str) -> _Stand:
    """The camera with a number.

    Raises:
        ParameterError: there is none, or its height is not known.
    """
    own = rows.frame[rows.frame["camera_id"] == number]
    if own.empty:
        names = ", ".join(sorted(map(str, rows.frame["camera_id"].dropna()))[:30])
        raise ParameterError(
            f"{rows.source} has no camera {number}", remedy=f"there are {names or 'none'}"
        )
    row = own.iloc[0]
    if row["height"] is None or np.isnan(row["height"]):
        raise ParameterError(
            f"the camera {number} has no height above ground",
            remedy="complete the layer's attribute height",
        )
    shape: BaseGeometry = row.geometry
    return _Stand(row=row, place=(float(shape.x), float(shape.y)))


def run(asked: LocateParameters, context: Context) -> Result:
    """Where the smoke is."""
    if (asked.second is None) != (asked.second_azimuth is None):
        raise ParameterError(
            "a second camera and its azimuth belong together", remedy="give both or neither"
        )
    rows = rows_of(context, asked.cameras, crs=CGCS2000, fields=("camera_id", "height"))
    stands = [_stand(rows, asked.camera)]
    azimuths = [asked.azimuth]
    if asked.second is not None and asked.second_azimuth is not None:
        stands.append(_stand(rows, asked.second))
        azimuths.append(asked.second_azimuth)
    ground = ground_around(context, asked.terrain, [s.place for s in stands], asked.range)
    cameras = [
        _camera(ground, stand, azimuth, asked)
        for stand, azimuth in zip(stands, azimuths, strict=True)
    ]
    bend = (1 - asked.refraction) / (2 * radius_of_curvature(stands[0].place[1]))
    hit = (
        intersect(ground.grid, cameras) if len(cameras) > 1
        else locate(ground.grid, cameras[0], reach=asked.range, bend=bend)
    )  # fmt: skip
    if not np.isfinite(hit.z):
        raise ParameterError(
            "the bearings cross where the ground is unknown", remedy="check the azimuths"
        )
    crs = ground.grid.crs
    place = place_of(crs, hit.x, hit.y)
    said = ground_provenance(ground, context)
    return Result(
        summary=_figures(hit, place, f"{ground_source(ground)}；{rows.source}", ground),
        features=collection([
            feature(shapely.Polygon(hit.outline()), "95% 误差椭圆", "95 % error ellipse", crs=crs,
                    color="#ff7043", width=2, fill="#ff704340"),
            *(feature(shapely.LineString([(c.x, c.y), (hit.x, hit.y)]), f"视线 "
                                                                        f"{s.row['camera_id']}",
                      f"Line of sight {s.row['camera_id']}", crs=crs, color="#ffd54f", width=2)
              for c, s in zip(cameras, stands, strict=True)),
            feature(shapely.Point(hit.x, hit.y), "火点", "Fire", crs=crs, color="#ff1744", width=14,
                    label=True),
        ], _LEGEND),
        following=_next(place),
        provenance=said | {
            "inputs": [*said["inputs"], input_of(rows.version)],
            "convergence_deg": [ground.grid.convergence(c.x, c.y) for c in cameras],
            "applicability": f"{NOT_FOR_DISPATCH}. 视线与裸地 DEM 首次相交处；树冠上的烟会使位置"
                             "偏远 where "
            "the ray first meets bare ground: smoke above trees lies nearer than told",
        },
    )  # fmt: skip


def _camera(ground: Ground, stand: _Stand, azimuth: float, asked: LocateParameters) -> Camera:
    x, y = transformer(CGCS2000, ground.grid.crs).transform(*stand.place)
    return Camera(
        x=float(x), y=float(y), height=float(stand.row["height"]),
        azimuth=azimuth - ground.grid.convergence(x, y), pitch=asked.pitch,
        sigma_azimuth=asked.sigma_azimuth, sigma_pitch=asked.sigma_pitch,
    )  # fmt: skip


def _figures(hit: Hit, place: list[float], source: str, ground: Ground) -> tuple[Any, ...]:
    long, short, turn = hit.ellipse()
    true = (turn + ground.grid.convergence(hit.x, hit.y)) % 180
    return (
        figure("lon", "火点经度", "Longitude", place[0], "deg", source),
        figure("lat", "火点纬度", "Latitude", place[1], "deg", source),
        figure("elevation", "地面高程（1985）", "Ground (1985)", hit.z, "m", source),
        figure("distance", "距第一台摄像机", "From the first camera", hit.away, "m", source),
        figure("long", "误差椭圆长半轴（95%）", "Long half axis (95 %)", long, "m", source),
        figure("short", "误差椭圆短半轴（95%）", "Short half axis (95 %)", short, "m", source),
        figure("turn", "长轴方向（真北）", "Direction of the long axis", round(true, 1), "deg",
               source),
        ground_accuracy(ground),
    )  # fmt: skip


def _next(place: list[float]) -> tuple[Next, ...]:
    return (
        Next(analysis="forest_fire.spread", title="推演三小时蔓延", title_en="Where will it be "
                                                                      "in 3 h",
             values={"ignitions": [place]}),
        Next(analysis="forest_fire.response", title="谁最快赶到", title_en="Who gets there first",
             values={"fire": place}),
    )  # fmt: skip


LOCATE = Analysis(
    id="forest_fire.locate",
    guide="fire.md",
    title="摄像机上看到烟，火点在哪里",
    title_en="Smoke on a camera: where is it",
    summary=(
        "由摄像机方位角与俯仰角沿视线与 DEM 求首个交点，计入地球曲率、大气折光和子午线收敛角，"
        "给出 95 % 误差椭圆；"
        "两台摄像机时按方位线交会。"
    ),
    summary_en=(
        "The first place where the camera's ray meets the DEM, with curvature, refraction and grid "
        "convergence, and its 95 % error ellipse; two cameras cross their bearings."
    ),
    parameters=LocateParameters,
    run=run,
    version=2,
    example={"camera": "LWT01-1", "azimuth": 125.0, "pitch": -7.0},
    reads=lambda asked: (asked.terrain, asked.cameras),
    references=("Ghilani (2017), Adjustment Computations, 6th ed., chapter 19 (error ellipses)",),
)
