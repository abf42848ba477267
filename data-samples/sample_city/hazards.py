"""What has slid, rained and moved around the town: an inventory, two gauges, three points."""

from __future__ import annotations

import geopandas as gpd
import numpy as np
from shapely.geometry import Point, Polygon

from sample_city import terrain
from sample_city.frame import CENTRE, CRS

SLIDES = 70
WET, DAYS = "2026-08-12", 40  # the last day of rain, and how many there are
MOVED = 120  # days of displacement


def deliver() -> dict[str, gpd.GeoDataFrame]:
    """The three files."""
    return {"landslides": _landslides(), "rain": _rain(), "displacement": _displacement()}


def _landslides() -> gpd.GeoDataFrame:
    """Slides on steep ground, most of it facing north: what a susceptibility must find again."""
    rng = np.random.default_rng(817)
    rows: list[dict[str, str]] = []
    shapes = []
    while len(rows) < SLIDES:
        x, y = CENTRE[0] + rng.uniform(-5000, 5000), CENTRE[1] + rng.uniform(-5000, 5000)
        east = (terrain.height_at(x + 15, y) - terrain.height_at(x - 15, y)) / 30
        north = (terrain.height_at(x, y + 15) - terrain.height_at(x, y - 15)) / 30
        steep = float(np.hypot(east, north))
        likely = 1 / (1 + np.exp(-(14 * (steep - 0.5) - 3 * north / max(steep, 1e-6))))
        if terrain.hill_distance(np.array([x]), np.array([y]))[0] < 30 or rng.random() > likely:
            continue
        long, wide = rng.uniform(35, 80), rng.uniform(18, 40)
        down = np.arctan2(-east, -north)
        turn = np.linspace(0, 2 * np.pi, 16, endpoint=False)
        along, across = long * np.cos(turn), wide * np.sin(turn)
        ring = np.stack([x + along * np.sin(down) + across * np.cos(down),
                         y + along * np.cos(down) - across * np.sin(down)], axis=1)  # fmt: skip
        rows.append({"编号": f"HP{len(rows) + 1:03d}", "类型": "浅层滑坡",
                     "发生日期": f"{rng.integers(2010, 2025)}-{rng.integers(6, 10):02d}-15",
                     })  # fmt: skip
        shapes.append(Polygon(ring))
    return gpd.GeoDataFrame(rows, geometry=shapes, crs=CRS)


def _rain() -> gpd.GeoDataFrame:
    """A dry month, a wet week, and one gauge that failed for two days."""
    rng = np.random.default_rng(818)
    last = np.datetime64(WET)
    rows, shapes = [], []
    for number, (name, dx, dy) in enumerate(
        (("东华站", 300.0, 200.0), ("北山站", -4200.0, 3200.0))
    ):
        for ago in range(DAYS - 1, -1, -1):
            wet = ago < 7
            amount = float(rng.gamma(1.2, 12.0 if wet else 2.0)) if rng.random() < (
                0.8 if wet else 0.25) else 0.0  # fmt: skip
            if number == 1 and ago in {3, 4}:
                continue
            rows.append({"站名": name, "日期": str(last - ago), "雨量": round(amount, 1)})
            shapes.append(Point(CENTRE[0] + dx, CENTRE[1] + dy))
    return gpd.GeoDataFrame(rows, geometry=shapes, crs=CRS)


def _displacement() -> gpd.GeoDataFrame:
    """One point creeps, one was knocked by a works vehicle, one accelerates towards failure."""
    rng = np.random.default_rng(819)
    first = np.datetime64("2026-04-15")
    days = np.arange(MOVED, dtype=float)
    fails = 128.0  # the day at which 1/v of the third would reach zero
    creep = 0.25 * days
    knocked = 0.4 * days + np.where(days >= 63, 35.0, 0.0)
    fast = -14.0 * np.log(1 - days / fails)  # v = 14 / (fails - t), as Fukuzono has it
    rows, shapes = [], []
    for name, course, dx, dy in (
        ("GNSS01", creep, 1500.0, 2350.0), ("GNSS02", knocked, 1650.0, 2380.0),
        ("GNSS03", fast, 1560.0, 2440.0),
    ):  # fmt: skip
        noisy = course + rng.normal(0, 0.05, MOVED)
        for day, value in zip(days, noisy, strict=True):
            rows.append(
                {"点号": name, "日期": str(first + int(day)), "位移": round(float(value), 2)}
            )
            shapes.append(Point(CENTRE[0] + dx, CENTRE[1] + dy))
    return gpd.GeoDataFrame(rows, geometry=shapes, crs=CRS)
