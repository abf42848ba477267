"""The town as blocks: buildings as published, and those of a scheme in their place."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import geopandas as gpd
import numpy as np
import numpy.typing as npt
import pandas as pd
import shapely
from pydantic import Field
from pyproj import CRS

from cim.city import Bounds
from cim.drawn import feature
from cim.errors import CimError, ParameterError
from cim.evidence import Rows, input_of, rows_if_any, rows_of
from cim.geo.crs import lonlat_bounds
from cim.geo.massing import Walls, walls
from cim.question import english, layer_field, of_layer
from cim.topic import Context, Parameters

BUILDING, SCHEME, PARCEL = "base.building", "planning.scheme", "planning.parcel"
STOREY = 3.0  # m
MASSING = "#26c6da"  # a scheme's blocks
FIELDS = ("building_id", "use", "floors", "height", "ground_elev")
Floats = npt.NDArray[np.float64]


class InTown(Parameters):
    """Which buildings stand."""

    buildings: str = layer_field(
        BUILDING, "建筑图层", "带高度与地面高程的建筑轮廓。", "Buildings",
        "Footprints with height and ground elevation.",
    )  # fmt: skip
    scheme: str | None = Field(
        default=None, max_length=60, title="方案",
        description="给出方案名时，该方案的体块代替其地块上的现有建筑。",
        json_schema_extra=english(
            "Scheme", "If named, its massing stands in place of the buildings on its parcels.",
            **of_layer(SCHEME, "scheme"),
        ),
    )  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Town:
    """Blocks that stand.

    Args:
        frame: ``id``, ``name``, ``use``, ``floors``, ``ground``, ``top`` (m, NaN where unknown),
            ``scheme`` (None for what exists); geometry in the city's compute CRS.
        inputs: For the provenance.
        source: For the evidence.
    """

    frame: gpd.GeoDataFrame
    inputs: list[dict[str, Any]]
    source: str

    @property
    def walls(self) -> Walls:
        """All walls, with NaN tops where a height is not known."""
        return walls(list(self.frame.geometry), self.frame["top"].to_numpy(np.float64))

    @property
    def unknown(self) -> int:
        """Blocks whose height is not known."""
        return int(self.frame["top"].isna().sum())

    def near(self, x: float, y: float, reach: float) -> Town:
        """Only what stands within reach of a place, m."""
        kept = self.frame[self.frame.distance(shapely.Point(x, y)) <= reach]
        return Town(frame=kept.reset_index(drop=True), inputs=self.inputs, source=self.source)

    def at(self, x: float, y: float, reach: float) -> int:
        """Row of the block nearest to a place.

        Raises:
            ParameterError: none within reach.
        """
        away = self.frame.distance(shapely.Point(x, y)).to_numpy()
        if not away.size or np.nanmin(away) > reach:
            raise ParameterError(
                f"no building stands within {reach:g} m of the place",
                remedy="click on a building",
            )
        return int(np.nanargmin(away))


def town(
    context: Context, asked: InTown, around: tuple[float, float, float, float], reach: float
) -> Town:
    """What stands around a box (m, compute CRS) and as far as a reach beyond.

    Raises:
        ParameterError: there is no such scheme.
        NotFoundError: the buildings are not published.
    """
    crs = context.city.compute_crs
    box = (around[0] - reach, around[1] - reach, around[2] + reach, around[3] + reach)
    near = _bounds(context, box)
    rows = rows_of(context, asked.buildings, crs=crs, bounds=near, fields=FIELDS)
    standing = _blocks(rows.frame, "building_id", None)
    inputs, source = [input_of(rows.version)], rows.source
    if asked.scheme is not None:
        own, parcels, more = scheme_of(context, asked.scheme)
        gone = shapely.union_all([*parcels.geometry, *own.geometry])
        inside = standing.geometry.centroid.within(gone) | standing.intersects(
            shapely.union_all(list(own.geometry))
        )
        standing = pd.concat([standing[~inside], own], ignore_index=True)
        inputs += more
        source += f"；{SCHEME} {asked.scheme}"
    return Town(
        frame=gpd.GeoDataFrame(standing, geometry="geometry", crs=crs), inputs=inputs,
        source=source,
    )  # fmt: skip


def _bounds(context: Context, box: tuple[float, float, float, float]) -> Bounds:
    """A box of the compute CRS in degrees.

    Raises:
        ParameterError: it lies outside the city.
    """
    city = context.city
    if all(math.isfinite(v) and abs(v) < 2e7 for v in box):
        try:
            near = Bounds(*lonlat_bounds(city.compute_crs, box))
        except CimError:
            near = None
        if near is not None and near.touches(city.bounds):
            return near
    raise ParameterError(
        "the place lies outside the city", remedy=f"choose one within {city.bounds}"
    )


def scheme_of(
    context: Context, name: str
) -> tuple[gpd.GeoDataFrame, gpd.GeoDataFrame, list[dict[str, Any]]]:
    """Blocks of a scheme, the parcels they stand on, and where both come from.

    Raises:
        ParameterError: naming the schemes there are.
    """
    crs = context.city.compute_crs
    rows = rows_of(context, SCHEME, crs=crs)
    own = rows.frame[rows.frame["scheme"] == name]
    if own.empty:
        names = ", ".join(sorted(map(str, rows.frame["scheme"].dropna().unique())))
        raise ParameterError(f"there is no scheme {name}", remedy=f"there are {names or 'none'}")
    parcels: Rows | None = rows_if_any(context, PARCEL, crs=crs)
    inputs = [input_of(rows.version)]
    found = gpd.GeoDataFrame({"parcel_id": []}, geometry=[], crs=crs)
    if parcels is not None:
        inputs.append(input_of(parcels.version))
        found = parcels.frame[parcels.frame["parcel_id"].isin(set(own["parcel_id"]))]
    return _blocks(own, "block_id", name), found, inputs


def massing(standing: Town, crs: CRS) -> list[dict[str, Any]]:
    """The blocks of a scheme as they are drawn: in space, through which one sees."""
    return [
        feature(own.geometry, f"方案 {own.scheme} {own.id}", f"Scheme {own.scheme} {own.id}",
                crs=crs, color=MASSING, width=2, fill=f"{MASSING}90",
                bottom=round(float(own.ground), 2), top=round(float(own.top), 2))
        for own in standing.frame.itertuples()
        if isinstance(own.scheme, str) and not np.isnan(own.top)
    ]  # fmt: skip


def _blocks(frame: gpd.GeoDataFrame, key: str, scheme: str | None) -> gpd.GeoDataFrame:
    """Rows as blocks: tops from ground and height; unknown where either is."""
    ground = pd.to_numeric(frame["ground_elev"], errors="coerce").astype(float)
    height = pd.to_numeric(frame["height"], errors="coerce").astype(float)
    floors = pd.to_numeric(frame["floors"], errors="coerce").astype(float)
    name = frame["name"] if "name" in frame else frame[key]
    parcel = frame.get("parcel_id")
    return gpd.GeoDataFrame(
        {"id": frame[key], "name": name, "use": frame["use"], "floors": floors, "height": height,
         "ground": ground, "top": ground + height.where(height > 0), "scheme": scheme,
         "parcel": parcel},
        geometry=shapely.force_2d(frame.geometry.to_numpy()), crs=frame.crs,
    ).reset_index(drop=True)  # fmt: skip
