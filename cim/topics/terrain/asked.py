"""What the topic's questions have in common: their parameters, their ground, their provenance."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Any, Literal

import numpy as np
import numpy.typing as npt
from pydantic import AfterValidator, Field

from cim.catalog.elevation import Ground, around
from cim.geo.area import distances_along
from cim.geo.visibility import radius_of_curvature
from cim.topic import Context, Figure, Parameters

Floats = npt.NDArray[np.float64]
Pair = tuple[float, float]
Model = Literal["ground", "surface"]

MODELS = {
    "ground": ("地面 DEM", "bare ground (DEM)"),
    "surface": ("地表 DSM（实景三维）", "surface (DSM of the mesh)"),
}


def english(title: str, description: str, unit: str = "", **more: Any) -> dict[str, Any]:
    """The English half of a parameter's words, and what else the form shall know (``x-...``)."""
    return {
        "x-title-en": title,
        "x-description-en": description,
        "x-unit": unit,
        **{f"x-{key}": value for key, value in more.items()},
    }


def _placed(point: Pair) -> Pair:
    lon, lat = point
    if not (-180 <= lon <= 180 and -90 <= lat <= 90):
        raise ValueError(f"{lon}, {lat} are no degrees: give longitude, latitude")
    return point


Point = Annotated[Pair, AfterValidator(_placed)]


class OnModel(Parameters):
    """Which heights are asked."""

    model: Model = Field(
        default="ground",
        title="高程模型",
        description="ground 为地面 DEM；surface 为实景三维表面（DSM，含建筑与树木），接边后可用。",
        json_schema_extra=english(
            "Heights",
            "ground: the DEM, bare earth; surface: the mesh's surface (DSM, with buildings and "
            "trees), there once a mesh has been joined.",
            choices={key: list(titles) for key, titles in MODELS.items()},
        ),
    )
    terrain: str = Field(
        default="base.dem",
        title="地形图层",
        description="所用数字高程模型的地形图层。",
        json_schema_extra=english(
            "Terrain layer", "Terrain layer whose heights are used.", widget="layer", kind="terrain"
        ),
    )


def point_field(title: str, description: str, title_en: str, description_en: str) -> Any:
    """A parameter that is a place on the map."""
    return Field(
        title=title,
        description=description,
        json_schema_extra=english(title_en, description_en, "deg", widget="point"),
    )


def ground_of(context: Context, asked: OnModel, points: Sequence[Pair], margin: float) -> Ground:
    """Heights around some places and as far as a margin (m) beyond.

    Raises:
        ParameterError: the layer is no terrain, or does not cover their middle.
    """
    corners = np.array(points, dtype=np.float64)
    low, high = corners.min(axis=0), corners.max(axis=0)
    middle = (low + high) / 2
    reach = float(distances_along(np.stack([low, high]))[-1]) / 2 + margin
    return around(
        context.engine, context.files, asked.terrain, (float(middle[0]), float(middle[1])),
        reach, surface=asked.model == "surface",
    )  # fmt: skip


def bend_at(lat: float, refraction: float) -> float:
    """Fall of the ground per square metre of distance at a latitude, 1/m."""
    return (1 - refraction) / (2 * radius_of_curvature(lat))


def source_of(ground: Ground, asked: OnModel) -> str:
    """The evidence of a figure: layer, version and model."""
    zh, en = MODELS[asked.model]
    return f"{ground.version.layer.id} v{ground.version.version} {zh} {en}"


def accuracy_of(ground: Ground, asked: OnModel) -> Figure:
    """How far the heights may be off, as the delivery's own quality report says."""
    stated = ground.version.media.get("accuracy") if asked.model == "ground" else None
    return Figure(
        key="accuracy",
        title="高程中误差",
        title_en="Accuracy of the heights (RMSE)",
        value=None if stated is None else float(stated),
        unit="m",
        evidence=""
        if stated is None
        else f"{source_of(ground, asked)}，入库时注明 as stated at ingest (-o accuracy)",
    )


def provenance(
    ground: Ground, asked: OnModel, context: Context, applicability: str
) -> dict[str, Any]:
    """Where an answer comes from."""
    return {
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
        "nodata_share": float(np.isnan(ground.grid.heights).mean()),
        "applicability": applicability,
        "model": asked.model,
    }


def listed(values: Floats, digits: int) -> list[float | None]:
    """Numbers for a chart; None where unknown."""
    return [None if not np.isfinite(v) else round(float(v), digits) for v in values]
