"""What may burn around the town, who fights it, where they take water, and a dry spring."""

from __future__ import annotations

from typing import Any

import geopandas as gpd
import numpy as np
import shapely
from shapely.geometry import Point, box

from sample_city import noise, terrain
from sample_city.frame import CENTRE, CRS, place

SIDE = 240.0  # m: squares of one cover
HALF = 6240.0  # m: half the side of what is mapped
COVERS = {10: "针叶林", 8: "阔叶林", 5: "灌木林", 1: "草地", 0: "不燃"}
SPRING, DAYS = "2026-03-15", 45


def deliver() -> dict[str, gpd.GeoDataFrame]:
    """The small files."""
    return {"fire_teams": _teams(), "fire_water": _water(),
            "fire_weather": _weather()}  # fmt: skip


def fuel() -> gpd.GeoDataFrame:
    """Squares of one cover, joined: woods on shady slopes, shrubs and grass on sunny ones."""
    start = np.arange(-HALF, HALF, SIDE)
    x, y = (v.ravel() for v in np.meshgrid(CENTRE[0] + start, CENTRE[1] + start))
    mx, my = x + SIDE / 2, y + SIDE / 2
    north = (terrain.height(mx, my + 40) - terrain.height(mx, my - 40)) / 80
    hill = terrain.hill_distance(mx, my)
    wild = noise.gradient(mx, my, 900.0, 31)
    code = np.where(north < -0.05, 10, np.where(wild > 0.15, 5, 1))
    code = np.where((north >= -0.05) & (north < 0.1) & (wild < -0.1), 8, code)
    code = np.where(hill < 30, 1, code)  # stubble on the valley floor
    u, v = (np.abs(mx - CENTRE[0]), np.abs(my - CENTRE[1]))
    code = np.where((u < 720) & (v < 480), 0, code)
    rows: list[dict[str, Any]] = []
    shapes = []
    for number, name in COVERS.items():
        own = code == number
        squares = [box(a, b, a + SIDE, b + SIDE) for a, b in zip(x[own], y[own], strict=True)]
        whole = shapely.simplify(shapely.union_all(squares), 0.0)
        for part in getattr(whole, "geoms", [whole]):
            rows.append({"模型": number, "植被": name})
            shapes.append(part)
    return gpd.GeoDataFrame(rows, geometry=shapes, crs=CRS)


def _teams() -> gpd.GeoDataFrame:
    rows, shapes = [], []
    for number, (name, people, cars, u, v) in enumerate((
        ("县森林消防中队", 45, 6, 87.0, 331.0), ("东华镇半专业队", 20, 2, -300.0, 150.0),
        ("林场护林队", 12, 1, -2600.0, 60.0), ("河南村应急分队", 15, 1, -80.0, -340.0),
    )):  # fmt: skip
        x, y = place(u, v)
        rows.append({"编号": f"DW{number + 1:02d}", "名称": name, "人数": people, "车辆": cars,
                     "电话": f"0933-555{number + 1:04d}"})  # fmt: skip
        shapes.append(Point(x, y))
    return gpd.GeoDataFrame(rows, geometry=shapes, crs=CRS)


def _water() -> gpd.GeoDataFrame:
    rows, shapes = [], []
    for number, (name, volume, u, v) in enumerate((
        ("汭河西取水口", 5000.0, -1500.0, -230.0), ("汭河东取水口", 5000.0, 1200.0, -220.0),
        ("公园湖取水点", 900.0, 101.0, -83.0), ("北沟蓄水池", 120.0, -700.0, 640.0),
    )):  # fmt: skip
        rows.append({"编号": f"SY{number + 1:02d}", "名称": name, "水量": volume})
        shapes.append(Point(place(u, v)))
    return gpd.GeoDataFrame(rows, geometry=shapes, crs=CRS)


def _weather() -> gpd.GeoDataFrame:
    """A spring that dries out, with rain in between and two days without a reading."""
    rng = np.random.default_rng(412)
    first = np.datetime64(SPRING)
    rows, shapes = [], []
    for i in range(DAYS):
        if i in {17, 18}:
            continue
        rain = float(rng.gamma(1.5, 4.0)) if i in {3, 4, 20} else 0.0
        rows.append({
            "站名": "华亭站", "日期": str(first + i),
            "气温": round(float(9 + 0.3 * i + rng.normal(0, 2)), 1),
            "湿度": round(float(np.clip(48 - 0.5 * i + rng.normal(0, 6) + (30 if rain else 0), 12,
                                        95)), 0),
            "风速": round(float(np.clip(14 + rng.normal(0, 5), 2, 40)), 1), "雨量": round(rain, 1),
        })  # fmt: skip
        shapes.append(Point(CENTRE[0] + 350, CENTRE[1] + 260))
    return gpd.GeoDataFrame(rows, geometry=shapes, crs=CRS)
