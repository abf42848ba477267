"""What the parameters of questions are made of: places, lines, areas, layers, uploads, words.

Every topic declares its forms from these, so that a place is asked for, checked and refused in the
same way everywhere.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BeforeValidator, Field
from shapely import MultiPolygon, Polygon
from shapely.errors import ShapelyError
from shapely.geometry import shape as read_shape
from shapely.validation import explain_validity

from cim.store.uploads import is_upload
from cim.topic import Parameters

Pair = tuple[float, float]
Model = Literal["ground", "surface"]

MOST_CORNERS = 100_000
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
Line = Annotated[list[Point], Field(min_length=2, max_length=10_000)]


def _geometry(given: Any) -> Any:
    """A drawn ring, or GeoJSON of a polygon (a Feature and a FeatureCollection too), as GeoJSON."""
    if isinstance(given, str):
        try:
            given = json.loads(given)
        except ValueError as error:
            raise ValueError("it is neither a list of corners nor GeoJSON") from error
    if isinstance(given, Mapping):
        return _polygons(given)
    if isinstance(given, list | tuple):
        if len(given) < 3:
            raise ValueError("a polygon has at least three corners: draw one more")
        ring = [[float(v) for v in corner[:2]] for corner in given]
        return {"type": "Polygon", "coordinates": [ring if ring[0] == ring[-1] else
                                                   [*ring, ring[0]]]}  # fmt: skip
    raise ValueError("it is neither a list of corners nor GeoJSON")


def _polygons(given: Mapping[str, Any]) -> dict[str, Any]:
    """The polygons of a GeoJSON object as one geometry."""
    kind = given.get("type")
    if kind == "FeatureCollection":
        parts = [_polygons(feature) for feature in given.get("features") or []]
    elif kind == "Feature":
        return _polygons(given.get("geometry") or {})
    elif kind == "GeometryCollection":
        parts = [_polygons(geometry) for geometry in given.get("geometries") or []]
    elif kind in {"Polygon", "MultiPolygon"}:
        return {"type": kind, "coordinates": given.get("coordinates") or []}
    else:
        raise ValueError(f"{kind or 'it'} is no polygon: give a Polygon or MultiPolygon")
    rings = [
        ring
        for part in parts
        for ring in ([part["coordinates"]] if part["type"] == "Polygon" else part["coordinates"])
    ]
    return {"type": "MultiPolygon", "coordinates": rings}


def _whole(given: dict[str, Any]) -> dict[str, Any]:
    """Refuse what is no area on Earth."""
    try:
        shape = read_shape(given)
    except (ShapelyError, TypeError, ValueError, IndexError, KeyError) as error:
        raise ValueError(f"its coordinates are no polygon's: {error}") from error
    crossed = not shape.is_empty and explain_validity(shape).startswith("Self-intersection")
    if shape.is_empty or (shape.area == 0.0 and not crossed):  # two equal halves of a bow cancel
        raise ValueError("the polygon has no area: draw it along its outline")
    west, south, east, north = shape.bounds
    if not all(math.isfinite(v) for v in shape.bounds) or not (
        west >= -180 and east <= 180 and south >= -90 and north <= 90
    ):
        raise ValueError("its coordinates are no degrees: give longitude, latitude (CGCS2000)")
    if not shape.is_valid:
        raise ValueError(
            f"the polygon crosses itself ({explain_validity(shape)}): draw it along its outline"
        )
    corners = sum(len(p.exterior.coords) for p in _parts(shape))
    if corners > MOST_CORNERS:
        raise ValueError(f"it has {corners} corners, more than {MOST_CORNERS}: simplify it")
    return given


def _parts(shape: Any) -> list[Polygon]:
    return list(shape.geoms) if isinstance(shape, MultiPolygon) else [shape]


Area = Annotated[dict[str, Any], AfterValidator(_whole), BeforeValidator(_geometry)]


def _handed_in(given: str) -> str:
    if not is_upload(given):
        raise ValueError(
            "it names no upload: send the file to POST /api/uploads?name=... and give the id of "
            "the answer (on the command line, give the file itself)"
        )
    return given


Upload = Annotated[str, AfterValidator(_handed_in)]


def shape_of(area: Mapping[str, Any]) -> Polygon | MultiPolygon:
    """The shape of an area parameter, degrees."""
    return read_shape(area)


def point_field(title: str, description: str, title_en: str, description_en: str) -> Any:
    """A parameter that is a place on the map."""
    return Field(
        title=title,
        description=description,
        json_schema_extra=english(title_en, description_en, "deg", widget="point"),
    )


def line_field(title: str, description: str, title_en: str, description_en: str) -> Any:
    """A parameter that is a line on the map."""
    return Field(
        title=title,
        description=description,
        json_schema_extra=english(title_en, description_en, "deg", widget="line"),
    )


def area_field(title: str, description: str, title_en: str, description_en: str) -> Any:
    """A parameter that is an area: drawn on the map, or read from an uploaded file."""
    return Field(
        title=title,
        description=description,
        json_schema_extra=english(title_en, description_en, "deg", widget="polygon"),
    )


def points_field(title: str, description: str, title_en: str, description_en: str) -> Any:
    """A parameter that is several places on the map, in their order."""
    return Field(
        title=title,
        description=description,
        json_schema_extra=english(title_en, description_en, "deg", widget="points"),
    )


def file_field(
    title: str, description: str, title_en: str, description_en: str, *, accept: str,
    default: Any = ...,
) -> Any:  # fmt: skip
    """A parameter that is a file handed in: of type ``Upload``, or ``Upload | None``.

    Args:
        title: Chinese.
        description: Chinese: what is to stand in the file.
        title_en: The same in English.
        description_en: The same in English.
        accept: Endings the form offers, such as ``.xlsx,.csv``.
        default: None where no file is needed; required without.
    """
    return Field(
        default=default,
        title=title,
        description=description,
        json_schema_extra=english(title_en, description_en, "", widget="file", accept=accept),
    )


def layer_field(
    default: str, title: str, description: str, title_en: str, description_en: str, *,
    kind: str = "vector", advanced: bool = False,
) -> Any:  # fmt: skip
    """A parameter that names a published layer of a kind; the form folds away advanced ones."""
    return Field(
        default=default,
        title=title,
        description=description,
        json_schema_extra=english(
            title_en, description_en, "", widget="layer", kind=kind,
            **({"advanced": True} if advanced else {}),
        ),
    )  # fmt: skip


def of_layer(layer: str, field: str) -> dict[str, Any]:
    """For ``english``: the parameter is one feature of a layer, by a field; it can be clicked."""
    return {"widget": "feature", "layer": layer, "field": field}


def number_field(
    default: float, title: str, description: str, title_en: str, description_en: str, unit: str,
    low: float, high: float, *, advanced: bool = False,
) -> Any:  # fmt: skip
    """A parameter that is a number within limits, both allowed; advanced ones are folded away."""
    return Field(
        default=default,
        ge=low,
        le=high,
        title=title,
        description=description,
        json_schema_extra=english(
            title_en, description_en, unit, **({"advanced": True} if advanced else {})
        ),
    )


class OnTerrain(Parameters):
    """Which terrain is asked."""

    terrain: str = layer_field(
        "base.dem", "地形图层", "所用数字高程模型的地形图层。",
        "Terrain layer", "Terrain layer whose heights are used.", kind="terrain",
    )  # fmt: skip


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
    terrain: str = layer_field(
        "base.dem", "地形图层", "所用数字高程模型的地形图层。",
        "Terrain layer", "Terrain layer whose heights are used.", kind="terrain",
    )  # fmt: skip
