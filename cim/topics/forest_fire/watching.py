"""What questions about several towers have in common: the forest, the towers, what each sees."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from rasterio.features import rasterize
from rasterio.transform import from_origin

from cim.catalog.elevation import Ground
from cim.errors import ParameterError
from cim.evidence import (
    Rows,
    rows_of,
)
from cim.geo.crs import CGCS2000, transformer
from cim.geo.grid import Grid
from cim.geo.visibility import SEEN, Eye, classes_at, radius_of_curvature, viewshed
from cim.question import OnTerrain, Point, layer_field, number_field, point_field
from cim.topic import Context

Flags = npt.NDArray[np.bool_]
WOODS = (2, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13)  # fuel models under trees and shrubs
FINEST = 60.0  # m: siting looks at every so manieth cell, which changes shares little


class CoverageParameters(OnTerrain):
    """What coverage asks for."""

    centre: Point = point_field("中心点", "分析范围中心。", "Centre", "Of the area looked at.")
    range: float = number_field(5000.0, "半径", "分析范围半径。", "Radius", "Of the area.", "m",
                                500,
                                15_000)  # fmt: skip
    smoke: float = number_field(10.0, "烟高", "高出地面多少即可发现。", "Smoke height",
                                "Seen from this height above ground.", "m", 0, 200)  # fmt: skip
    refraction: float = number_field(0.14286, "大气折光系数", "陆地白天约 1/7。", "Refraction",
                                     "1/7 by day over land.", "1", 0, 0.9,
        advanced=True,
    )  # fmt: skip
    towers: str = layer_field("forest_fire.tower", "瞭望塔图层", "含塔高与瞭望半径。", "Towers",
                              "With height and range.")  # fmt: skip
    fuel: str = layer_field("forest_fire.fuel", "可燃物图层", "乔灌木为林区。", "Fuel",
                            "Trees and shrubs are the forest.")  # fmt: skip


def forest_in(
    ground: Ground, asked: CoverageParameters, context: Context
) -> tuple[Flags, Flags, Rows]:
    """Cells inside the radius with a height, those of them that are forest, and the fuel's rows."""
    grid = ground.grid
    rows, columns = grid.heights.shape
    row, column = grid.index(ground.x, ground.y)
    away = np.hypot((np.arange(rows)[:, None] - row) * grid.cell[1],
                    (np.arange(columns)[None, :] - column) * grid.cell[0])  # fmt: skip
    inside = (away <= asked.range) & np.isfinite(grid.heights)
    fuel = rows_of(context, asked.fuel, crs=grid.crs, fields=("code",))
    own = fuel.frame[fuel.frame["code"].isin(WOODS)]
    wood = np.zeros(grid.heights.shape, bool)
    if len(own):
        wood = np.asarray(rasterize(
            list(own.geometry), out_shape=wood.shape, dtype="uint8",
            transform=from_origin(grid.west, grid.north, *grid.cell)), bool)  # fmt: skip
    if not (inside & wood).any():
        raise ParameterError(
            f"{fuel.source} has no forest inside the area",
            remedy="choose another area, or ingest fuel with models under trees",
        )
    return inside, inside & wood, fuel


def towers_near(towers: Rows, asked: CoverageParameters) -> tuple[Rows, float]:
    """Of some towers those that may see into the area, and how far ground is needed, m.

    Towers beyond the radius see into it too; of one that does not tell its range nobody knows.

    Args:
        towers: In the city's compute CRS.
        asked: Where, and how far around.
    """
    frame = towers.frame
    x, y = transformer(CGCS2000, frame.crs).transform(*asked.centre)
    away = np.hypot(frame.geometry.x - x, frame.geometry.y - y).to_numpy(np.float64)
    reach = frame["range_km"].to_numpy(np.float64, na_value=np.nan) * 1000
    inward = away <= asked.range + np.nan_to_num(reach)
    near = Rows(frame=frame[inward | np.isnan(reach)], version=towers.version)
    return near, max([asked.range, *away[inward].tolist()]) + 200


def seen_from(grid: Grid, eye: Eye, reach: float, asked: CoverageParameters, lat: float) -> Flags:
    """What a tower sees of smoke so high."""
    bend = (1 - asked.refraction) / (2 * radius_of_curvature(lat))
    return np.asarray(
        viewshed(grid, eye, reach=reach, target_height=asked.smoke, bend=bend) == SEEN
    )


def seen_at(
    grid: Grid, eye: Eye, cells: npt.NDArray[np.int64], reach: float, asked: CoverageParameters
) -> Flags:
    """Which of some cells (row, column) a tower sees: as ``seen_from``, and faster for few."""
    bend = (1 - asked.refraction) / (2 * radius_of_curvature(asked.centre[1]))
    found = classes_at(grid, eye, cells, reach=reach, target_height=asked.smoke, bend=bend)
    return np.asarray(found == SEEN)


def eyes_of(towers: Rows, grid: Grid) -> tuple[list[tuple[Eye, float, str]], int]:
    """Towers that stand on the grid, in its CRS, with their range (m); how many lack either."""
    found, blind = [], 0
    for row in towers.frame.to_crs(grid.crs).to_dict("records"):
        height, reach = row.get("height"), row.get("range_km")
        if height is None or reach is None or np.isnan(height) or np.isnan(reach):
            blind += 1
            continue
        x, y = row["geometry"].x, row["geometry"].y
        if np.isfinite(grid.bilinear(x, y)):
            found.append((Eye(x=x, y=y, height=float(height)), float(reach) * 1000,
                          str(row.get("name") or row["tower_id"])))  # fmt: skip
    return found, blind
