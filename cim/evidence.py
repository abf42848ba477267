"""Where an answer comes from: the inputs, the ground and the rows it was made of."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import geopandas as gpd
import numpy as np
from pyproj import CRS

from cim.catalog import registry, rows
from cim.catalog.elevation import Ground, around
from cim.catalog.registry import Version
from cim.city import Bounds
from cim.errors import NotFoundError, ParameterError
from cim.geo.area import distances_along
from cim.layers import Kind
from cim.question import MODELS, Model, Pair
from cim.store.database import ready
from cim.topic import Context, Figure


@dataclass(frozen=True, slots=True, kw_only=True)
class Rows:
    """Rows of a published vector layer.

    Args:
        frame: Its fields and ``fid``; geometry in the CRS asked for, with heights where the layer
            has them.
        version: Where they come from.
    """

    frame: gpd.GeoDataFrame
    version: Version

    @property
    def source(self) -> str:
        """The evidence of a figure: layer and version."""
        return f"{self.version.layer.id} v{self.version.version}"


def rows_of(
    context: Context, layer: str, *, crs: CRS | None = None, bounds: Bounds | None = None,
    fields: Sequence[str] = (),
) -> Rows:  # fmt: skip
    """All rows of a published vector layer, or those whose boxes touch some bounds.

    Args:
        context: The question's.
        layer: Its id.
        crs: Of the geometry; the city's compute CRS without.
        bounds: Degrees.
        fields: That the question needs.

    Raises:
        NotFoundError: the layer is not published.
        ParameterError: it has no rows, being no vector layer, or lacks a field.
    """
    with ready(context.engine) as connection:
        version = registry.published(connection, layer)
        if version.layer.kind is not Kind.VECTOR:
            raise ParameterError(f"{layer} has no rows", remedy="name a vector layer")
        lacking = [name for name in fields if name not in {f.name for f in version.layer.fields}]
        if lacking:
            raise ParameterError(
                f"{layer} has no {', '.join(lacking)}, which this question needs",
                remedy="name a layer of the kind that the form proposes",
            )
        frame = rows.frame(connection, version, heights=True, bounds=bounds)
    frame = frame.rename_geometry("geometry").to_crs(crs or context.city.compute_crs)
    return Rows(frame=frame, version=version)


def rows_if_any(
    context: Context, layer: str, *, crs: CRS | None = None, bounds: Bounds | None = None,
    fields: Sequence[str] = (),
) -> Rows | None:  # fmt: skip
    """As ``rows_of``; None where the layer is not published, so that the answer can say so."""
    try:
        return rows_of(context, layer, crs=crs, bounds=bounds, fields=fields)
    except NotFoundError:
        return None


def ground_around(
    context: Context, terrain: str, points: Sequence[Pair], margin: float,
    model: Model = "ground",
) -> Ground:  # fmt: skip
    """Heights around some places in degrees and as far as a margin (m) beyond.

    Raises:
        NotFoundError: the layer is not published.
        ParameterError: the layer is no terrain, or does not cover their middle.
    """
    corners = np.array(points, dtype=np.float64)
    low, high = corners.min(axis=0), corners.max(axis=0)
    middle = (low + high) / 2
    reach = float(distances_along(np.stack([low, high]))[-1]) / 2 + margin
    return around(
        context.engine, context.files, terrain, (float(middle[0]), float(middle[1])), reach,
        surface=model == "surface",
    )  # fmt: skip


def figure(
    key: str, title: str, title_en: str, value: float | str | None, unit: str, evidence: str,
    **more: Any,
) -> Figure:  # fmt: skip
    """A figure of a summary; its evidence is left out where it has no value."""
    return Figure(
        key=key, title=title, title_en=title_en, value=value, unit=unit,
        evidence="" if value is None else evidence, **more,
    )  # fmt: skip


def input_of(version: Version, **more: Any) -> dict[str, Any]:
    """One input of an answer's provenance."""
    return {
        "layer": version.layer.id,
        "version": version.version,
        "key": version.key,
        **more,
    }


def ground_source(ground: Ground, model: Model = "ground") -> str:
    """The evidence of a figure that rests on heights: layer, version and model."""
    zh, en = MODELS[model]
    return f"{ground.version.layer.id} v{ground.version.version} {zh} {en}"


def ground_accuracy(ground: Ground, model: Model = "ground") -> Figure:
    """How far the heights may be off, as the delivery's own quality report says."""
    stated = ground.version.media.get("accuracy") if model == "ground" else None
    return Figure(
        key="accuracy",
        title="高程中误差",
        title_en="Accuracy of the heights (RMSE)",
        value=None if stated is None else float(stated),
        unit="m",
        evidence=""
        if stated is None
        else f"{ground_source(ground, model)}，入库时注明 as stated at ingest (-o accuracy)",
    )


def ground_provenance(ground: Ground, context: Context) -> dict[str, Any]:
    """What an answer's provenance says of the heights it used."""
    return {
        "inputs": [input_of(ground.version, models=list(ground.models))],
        "crs": ground.grid.crs.to_string(),
        "height_datum": context.city.height_datum,
        "cell_m": list(ground.grid.cell),
        "nodata_share": float(np.isnan(ground.grid.heights).mean()),
    }
