"""What the topic's questions have in common: weather, fuel, cameras, moments."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, timezone

import numpy as np
import numpy.typing as npt
from pyproj import CRS
from rasterio.features import rasterize
from rasterio.transform import from_origin
from shapely.geometry.base import BaseGeometry

from cim.errors import ParameterError
from cim.evidence import Rows
from cim.geo.crs import to_lonlat
from cim.geo.grid import Grid
from cim.topics.forest_fire.analysis.fuel import FUELS, NOT_BURNING

BEIJING = timezone(timedelta(hours=8))
UNKNOWN_FUEL = 255
NOT_FOR_DISPATCH = (
    "结果供研判参考，未经核实不得用于指挥调度 a screening, not for dispatch without confirmation"
)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Cover:
    """What would burn, cell by cell.

    Args:
        codes: (rows, columns) fuel model, 0 for what does not burn, 255 where nobody has said.
        strange: Codes of the layer that no standard knows, with how many polygons have them.
    """

    codes: npt.NDArray[np.uint8]
    strange: dict[str, int]


def cover(grid: Grid, fuel: Rows, barriers: Sequence[BaseGeometry]) -> Cover:
    """Fuel of each cell's centre; barriers are burnt in so that no diagonal leads through."""
    turn = from_origin(grid.west, grid.north, *grid.cell)
    codes = np.full(grid.heights.shape, UNKNOWN_FUEL, np.uint8)
    pairs: list[tuple[BaseGeometry, int]] = []
    strange: dict[str, int] = {}
    for code, outline in zip(fuel.frame["code"], fuel.frame.geometry, strict=True):
        known = code is not None and code == code and int(code) in {NOT_BURNING, *FUELS}  # noqa: PLR0124
        if not known:
            strange[str(code)] = strange.get(str(code), 0) + 1
        elif outline is not None and not outline.is_empty:
            pairs.append((outline, int(code)))
    if pairs:
        codes = np.asarray(
            rasterize(pairs, out_shape=codes.shape, transform=turn, fill=UNKNOWN_FUEL,
                      dtype="uint8")
        )  # fmt: skip
    stops = [b for b in barriers if not b.is_empty]
    if stops:
        burnt = rasterize(stops, out_shape=codes.shape, transform=turn, dtype="uint8",
                          all_touched=True)  # fmt: skip
        codes = np.where(np.asarray(burnt, bool), NOT_BURNING, codes)
    return Cover(codes=codes.astype(np.uint8), strange=strange)


def require_known(found: Cover, source: str) -> None:
    """Refuse codes that no standard knows.

    Raises:
        ParameterError: naming them.
    """
    if found.strange:
        listed = ", ".join(f"{code} ({count})" for code, count in sorted(found.strange.items()))
        raise ParameterError(
            f"{source} has fuel codes that no standard knows: {listed}",
            remedy="the codes are 0 (does not burn) and 1 to 13 (Anderson 1982); ingest the layer "
            "with those",
        )


def cell_of(grid: Grid, x: float, y: float) -> tuple[int, int]:
    """Row and column of a place.

    Raises:
        ParameterError: it lies outside the grid.
    """
    row, column = (round(v) for v in grid.index(x, y))
    if not (0 <= row < grid.heights.shape[0] and 0 <= column < grid.heights.shape[1]):
        raise ParameterError(
            "a place lies outside the elevation model", remedy="choose one inside the city"
        )
    return row, column


def place_of(crs: CRS, x: float, y: float) -> list[float]:
    """Longitude and latitude of a place."""
    return [round(float(v), 7) for v in to_lonlat(crs, np.array([[x, y]]))[0]]


def moment(given: datetime) -> datetime:
    """A moment with its zone; without one it is Beijing time."""
    return given if given.tzinfo else given.replace(tzinfo=BEIJING)


def iso(given: datetime) -> str:
    """As CZML wants it."""
    return given.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def toward(blows_from: float, convergence: float) -> float:
    """Direction from grid north that a wind blows to, from that which it comes from, degrees."""
    return math.fmod(blows_from + 180.0 - convergence + 720.0, 360.0)
