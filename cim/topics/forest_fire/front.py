"""火线: how a fire that spreads is drawn, filmed and counted."""

from __future__ import annotations

import math
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt
import shapely

from cim.catalog.elevation import Ground
from cim.drawn import NOTHING, cell_area, feature, listed, outline, unstepped
from cim.evidence import (
    Rows,
)
from cim.exposure import Exposure
from cim.geo.crs import CGCS2000, to_lonlat, transformer
from cim.topic import Axis, LegendEntry, Series
from cim.topics.forest_fire.asked import (
    iso,
    moment,
)

Floats = npt.NDArray[np.float64]
_COLOURS = ("#b71c1c", "#e53935", "#fb8c00", "#fdd835", "#c0ca33", "#7cb342", "#26a69a", "#5c6bc0")


class Burn(Protocol):
    """What the drawing needs to know of the question."""

    ignitions: list[tuple[float, float]]
    hours: float
    start: datetime
    doubt: bool


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Scene:
    """The ground that may burn."""

    ground: Ground
    codes: npt.NDArray[np.uint8]
    ignitions: npt.NDArray[np.int64]
    fuel: Rows
    inputs: list[dict[str, Any]]
    convergence: float


def bands_of(hours: float) -> Floats:
    """Ends of the classes of arrival, minutes: at most eight equal parts."""
    count = min(len(_COLOURS), max(1, math.ceil(hours * 2)))
    return np.asarray(np.linspace(0, hours * 60, count + 1)[1:], np.float64)


def legend_of(bands: Floats) -> tuple[LegendEntry, ...]:
    """The classes of arrival."""
    return tuple(
        LegendEntry(value=i, color=f"{_COLOURS[i]}b0", title=f"≤{end:g} 分钟",
                    title_en=f"within {end:g} min")
        for i, end in enumerate(bands.round(1).tolist())
    )  # fmt: skip


def classes_of(when: Floats, bands: Floats) -> npt.NDArray[np.uint8]:
    """The class of each cell that burns."""
    classes = np.full(when.shape, NOTHING, np.uint8)
    burnt = np.isfinite(when)
    classes[burnt] = np.minimum(np.searchsorted(bands, when[burnt]), len(bands) - 1)
    return classes


def front_features(
    asked: Burn, scene: Scene, when: Floats, shares: Floats, bands: Floats
) -> list[dict[str, Any]]:
    """Fronts, the band of doubt and the ignitions."""
    grid = scene.ground.grid
    drawn = []
    if asked.doubt:
        for least, color in ((0.05, "#90a4ae"), (0.5, "#ffb74d"), (0.95, "#d84315")):
            band = unstepped(outline(grid, shares >= least - 1e-9), grid)
            if not band.is_empty:
                drawn.append(feature(band, f"过火概率 ≥{least:.0%}", f"Burns in {least:.0%} of "
                                                                 "runs",
                                     crs=grid.crs, color=color, width=2, dash=True))  # fmt: skip
    for number, end in enumerate(bands.tolist()):
        ring = unstepped(outline(grid, when <= end), grid)
        drawn.append(feature(ring, f"{end:g} 分钟火线", f"Front after {end:g} min", crs=grid.crs,
                             color=_COLOURS[number], width=3))  # fmt: skip
    drawn += [
        feature(shapely.Point(*point), "起火点", "Ignition", color="#ff1744", width=14, label=True)
        for point in asked.ignitions
    ]
    return drawn


def film_of(asked: Burn, scene: Scene, when: Floats) -> list[dict[str, Any]]:
    """The burnt ground, growing; each step stays until the next."""
    grid, begin = scene.ground.grid, moment(asked.start)
    steps = np.linspace(0, asked.hours * 60, 25)[1:]
    end = begin + timedelta(hours=asked.hours)
    packets: list[dict[str, Any]] = [
        {"id": "document", "name": "火势蔓延", "version": "1.0",
         "clock": {"interval": f"{iso(begin)}/{iso(end)}", "currentTime": iso(begin),
                   "multiplier": asked.hours * 3600 / 20}}
    ]  # fmt: skip
    for number, until in enumerate(steps):
        ring = unstepped(outline(grid, when <= until), grid)
        first = begin + timedelta(minutes=float(steps[number - 1]) if number else 0.0)
        last = begin + timedelta(minutes=float(until)) if number + 1 < len(steps) else end
        for part_number, part in enumerate(getattr(ring, "geoms", [ring])):
            if part.is_empty:
                continue
            holes = [_flat(grid.crs, inner) for inner in part.interiors]
            packets.append({
                "id": f"{number}-{part_number}", "availability": f"{iso(first)}/{iso(last)}",
                "polygon": {
                    "positions": {"cartographicDegrees": _flat(grid.crs, part.exterior)},
                    "holes": {"cartographicDegrees": holes},
                    "material": {"solidColor": {"color": {"rgba": [229, 57, 53, 140]}}},
                },
            })  # fmt: skip
    return packets


def _flat(crs: Any, ring: Any) -> list[float]:
    at = to_lonlat(crs, shapely.get_coordinates(ring)[:-1]).round(7).tolist()
    return [v for lon, lat in at for v in (lon, lat, 0.0)]


def growth_of(grid: Any, when: Floats, hours: float) -> tuple[Series, ...]:
    """Burnt area over time."""
    times = np.linspace(0, hours * 60, 37)
    cell = cell_area(grid) / 1e4
    areas = np.array([(when <= t).sum() * cell for t in times])
    return (
        Series(title="过火面积", title_en="Burnt area",
               x=Axis(title="时间", title_en="Time", unit="min", values=listed(times, 2)),
               y=(Axis(title="面积", title_en="Area", unit="har", values=listed(areas, 3)),)),
    )  # fmt: skip


def timed(exposure: Exposure, scene: Scene, when: Floats) -> Any:
    """Who is exposed, by the minute the fire arrives."""
    table = exposure.table(most=5000)
    grid = scene.ground.grid
    step = transformer(CGCS2000, grid.crs)
    rows = []
    for row in table.rows:
        x, y = step.transform(*row["place"])
        r, c = (round(v) for v in grid.index(x, y))
        window = when[max(r - 2, 0) : r + 3, max(c - 2, 0) : c + 3]
        soon = float(window.min()) if window.size else math.inf
        rows.append({**row, "minutes": round(soon, 1) if math.isfinite(soon) else None})
    rows.sort(key=lambda r: math.inf if r["minutes"] is None else r["minutes"])
    return type(table)(
        title=table.title, title_en=table.title_en,
        columns=(*table.columns, ("minutes", "火到时间", "Fire arrives", "min")), rows=rows[:500],
    )  # fmt: skip
