"""The vector delivery, in the mix of formats that real ones have."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import geopandas as gpd
import numpy as np
import pyogrio
import shapely
from shapely.geometry import LineString, Point, Polygon

from sample_city import hazards, pipes, plans, terrain
from sample_city.countryside import HIGHWAY_HALF
from sample_city.frame import CENTRE, CRS, place, to_xy
from sample_city.scene import Scene
from sample_city.town import VILLAGE

DATED = "2026-01-01"  # in the files, so that every run writes the same bytes
NORTH_GULLY = (-940.0, 2045.0)  # across and along the town, m
LAND = {  # use of a block: code and name after GB/T 21010-2017
    "residential": ("0701", "城镇住宅用地"), "tower": ("0701", "城镇住宅用地"),
    "old": ("0701", "城镇住宅用地"), "village": ("0702", "农村宅基地"),
    "commercial": ("0501", "零售商业用地"), "school": ("0803", "教育用地"),
    "government": ("0801", "机关团体用地"), "hospital": ("0805", "医疗卫生用地"),
    "heating": ("0809", "公用设施用地"), "treatment": ("0809", "公用设施用地"),
    "fire": ("0809", "公用设施用地"), "industrial": ("0601", "工业用地"),
    "park": ("0810", "公园与绿地"), "field": ("0103", "旱地"),
}  # fmt: skip


def deliver(scene: Scene, folder: Path) -> None:
    """Write all vector files."""
    folder.mkdir(parents=True, exist_ok=True)
    for old in folder.iterdir():  # GeoPackages would keep the pages of what they held before
        old.unlink()
    pyogrio.set_gdal_config_options({"OGR_CURRENT_DATE": f"{DATED}T00:00:00.000Z"})
    try:
        _write(scene, folder)
    finally:
        pyogrio.set_gdal_config_options({"OGR_CURRENT_DATE": None})


def _write(scene: Scene, folder: Path) -> None:
    shapefile = {"encoding": "GBK", "DBF_DATE_LAST_UPDATE": DATED}
    _buildings(scene).to_file(folder / "buildings.shp", engine="pyogrio", **shapefile)
    _roads(scene).to_file(folder / "roads.geojson", driver="GeoJSON", COORDINATE_PRECISION=8)
    _water(scene).to_file(folder / "water.gpkg", layer="water")
    _land_use(scene).to_file(folder / "landuse.gpkg", layer="landuse")
    _areas(scene).to_file(folder / "admin.geojson", driver="GeoJSON", COORDINATE_PRECISION=8)
    for name, frame in (
        ("facilities", _facilities(scene)), ("geohazards", _hazards()), *hazards.deliver().items(),
        *plans.deliver(scene, _land_use(scene)).items(),
    ):  # fmt: skip
        frame.to_crs(4490).to_file(
            folder / f"{name}.geojson", driver="GeoJSON", COORDINATE_PRECISION=8
        )
    towers, cameras = _fire()
    towers.to_file(folder / "fire_towers.gpkg", layer="fire_towers")
    cameras.to_file(folder / "fire_cameras.gpkg", layer="fire_cameras")
    for name, frame in pipes.deliver(scene).items():
        if name in ("water_source", "water_user"):
            frame.to_crs(4490).to_file(
                folder / f"{name}.geojson", driver="GeoJSON", COORDINATE_PRECISION=8
            )
        else:
            frame.to_file(folder / f"{name}.gpkg", layer=name)


def _frame(rows: list[dict[str, Any]], shapes: list[Any]) -> gpd.GeoDataFrame:
    return gpd.GeoDataFrame(rows, geometry=shapes, crs=CRS)


def _buildings(scene: Scene) -> gpd.GeoDataFrame:
    rows = [
        {
            "编号": f"JZ{b.number:07d}", "名称": b.name or None, "用途": b.use, "层数": b.floors,
            "建筑高度": round(b.tall, 2), "地面高程": round(b.ground, 2), "结构": b.structure,
            "年份": b.year,
        }
        for b in scene.buildings
    ]  # fmt: skip
    return _frame(rows, [b.footprint for b in scene.buildings])


def _roads(scene: Scene) -> gpd.GeoDataFrame:
    rows: list[dict[str, Any]] = []
    shapes: list[Any] = []
    for number, s in enumerate(scene.streets):
        ends = [(t, s.at) if s.along else (s.at, t) for t in (s.start, s.end)]
        rows.append({
            "road_id": f"DL{number + 1:04d}", "name": s.name, "grade": s.grade,
            "width": s.width, "lanes": s.lanes, "surface": "沥青" if s.width > 4 else "水泥",
        })  # fmt: skip
        shapes.append(LineString([place(*e) for e in ends]))
    for side, end in (("西", -1.0), ("东", 1.0)):
        rows.append({
            "road_id": f"DL{len(rows) + 1:04d}", "name": f"华亭公路{side}段", "grade": "次干路",
            "width": 2.0 * HIGHWAY_HALF, "lanes": 2, "surface": "沥青",
        })  # fmt: skip
        shapes.append(_highway(end * scene.reach, end * min(6000.0 * scene.scale, 16000.0)))
    return _frame(rows, shapes).to_crs(4490)


def _highway(first: float, last: float) -> LineString:
    """The middle of the highway from one place along the valley to another."""
    u = np.linspace(first, last, 121)
    x, y = to_xy(u, terrain.valley_axis(u))
    return LineString(np.stack([x, y], axis=1))


def _river(first: float, last: float) -> Polygon:
    u = np.arange(first, last + 1, 20.0, dtype=np.float64)
    v = terrain.river_axis(u)
    half = terrain.RIVER_HALF + 3.0
    slope = np.gradient(v, u)
    wide = half * np.sqrt(1 + slope**2)
    return Polygon(
        [place(*p) for p in zip(u, v - wide, strict=True)]
        + [place(*p) for p in zip(u[::-1], (v + wide)[::-1], strict=True)]
    )


def _water(scene: Scene) -> gpd.GeoDataFrame:
    reach = min(5600.0 * scene.scale, 11000.0)
    rows = [{"water_id": "SX0001", "name": "汭河", "class": "河流",
             "level": round(float(terrain.water_level(np.array([0.0]))[0]), 2)}]  # fmt: skip
    shapes: list[Any] = [_river(-reach, reach)]
    for block in scene.blocks:
        if block.use != "park":
            continue
        u, v = (block.west + block.east) / 2 + 14.0, (block.south + block.north) / 2 - 6.0
        angle = np.linspace(0, 2 * np.pi, 40, endpoint=False)
        ring = [place(u + 24.7 * float(np.cos(a)), v + 19.0 * float(np.sin(a))) for a in angle]
        rows.append({"water_id": f"SX{len(rows) + 1:04d}", "name": "公园湖", "class": "坑塘",
                     "level": round(terrain.height_at(*place(u, v)), 2)})  # fmt: skip
        shapes.append(Polygon(ring))
    return _frame(rows, shapes)


def _land_use(scene: Scene) -> gpd.GeoDataFrame:
    rows: list[dict[str, Any]] = []
    shapes: list[Any] = []
    for block in scene.blocks:
        code, name = LAND[block.use]
        corners = [(block.west, block.south), (block.east, block.south),
                   (block.east, block.north), (block.west, block.north)]  # fmt: skip
        shape = Polygon([place(*c) for c in corners])
        rows.append({"dlbm": code, "dlmc": name, "area_m2": round(shape.area, 1)})
        shapes.append(shape)
    water = _river(-1400.0, 1400.0)
    rows.append({"dlbm": "1101", "dlmc": "河流水面", "area_m2": round(water.area, 1)})
    shapes.append(water)
    return _frame(rows, shapes)


def _areas(scene: Scene) -> gpd.GeoDataFrame:
    """Three invented communities and the town around them."""
    reach = scene.reach
    cuts = [
        ("620824001001", "东华社区", (0.0, -190.0, reach + 20, 470.0)),
        ("620824001002", "西华社区", (-reach - 20, -190.0, 0.0, 470.0)),
        ("620824001201", "河南村", (VILLAGE[0] - 300, -560.0, VILLAGE[1] + 300, -250.0)),
    ]
    rows: list[dict[str, Any]] = []
    shapes: list[Any] = []
    for code, name, (west, south, east, north) in cuts:
        ring = [(west, south), (east, south), (east, north), (west, north)]
        rows.append({"code": code, "name": name, "level": "村（社区）", "population": 0})
        shapes.append(Polygon([place(*c) for c in ring]))
    for row, shape in zip(rows, shapes, strict=True):
        homes = [
            b for b in scene.buildings if b.use == "住宅" and shape.contains(b.footprint.centroid)
        ]
        row["population"] = int(sum(b.footprint.area * b.floors for b in homes) / 38.0)
    x, y = CENTRE
    rows.append({"code": "620824001", "name": "东华镇（示范）", "level": "乡镇",
                 "population": sum(r["population"] for r in rows)})  # fmt: skip
    shapes.append(shapely.box(x - 4200, y - 4200, x + 4200, y + 4200))
    return _frame(rows, shapes).to_crs(4490)


def _facilities(scene: Scene) -> gpd.GeoDataFrame:
    classes = {"教育": "学校", "医疗": "医院", "办公": "政府", "消防": "消防站", "市政": "市政设施",
               "商业": "商业", "工业": "工业"}  # fmt: skip
    rows: list[dict[str, Any]] = []
    shapes: list[Any] = []
    for b in scene.buildings:
        if b.name and b.use in classes:
            floor_area = b.footprint.area * b.floors
            rows.append({
                "fac_id": f"GG{len(rows) + 1:04d}", "name": b.name, "class": classes[b.use],
                "capacity": int(floor_area / 6.0), "phone": None, "address": "华亭示范城",
            })  # fmt: skip
            shapes.append(b.footprint.centroid)
    for name, block_use in (("中心公园应急避难场所", "park"), ("第一中学操场避难场所", "school")):
        for block in scene.blocks:
            if block.use == block_use and abs(block.key[0] - 3) < 5:
                u = (block.west + block.east) / 2 + (40.0 if block_use == "school" else 0.0)
                rows.append({
                    "fac_id": f"GG{len(rows) + 1:04d}", "name": name, "class": "避难场所",
                    "capacity": 3000, "phone": None, "address": "华亭示范城",
                })  # fmt: skip
                shapes.append(Point(place(u, (block.south + block.north) / 2)))
                break
    return _frame(rows, shapes)


def _steep(
    rng: np.random.Generator, count: int, low: float, high: float
) -> list[tuple[float, float]]:
    """Places on the hills around the town whose slope lies in a range (rise over run)."""
    found: list[tuple[float, float]] = []
    while len(found) < count:
        x, y = CENTRE[0] + rng.uniform(-4800, 4800, 64), CENTRE[1] + rng.uniform(-4800, 4800, 64)
        east = (terrain.height(x + 8, y) - terrain.height(x - 8, y)) / 16
        north = (terrain.height(x, y + 8) - terrain.height(x, y - 8)) / 16
        fit = (np.hypot(east, north) > low) & (np.hypot(east, north) < high)
        fit &= (terrain.hill_distance(x, y) > 40) & (terrain.hill_distance(x, y) < 1500)
        found += [(float(a), float(b)) for a, b in zip(x[fit], y[fit], strict=True)]
    return found[:count]


def _hazards() -> gpd.GeoDataFrame:
    rng = np.random.default_rng(624)
    rows: list[dict[str, Any]] = []
    shapes: list[Any] = []
    for kind, count, low, high in (
        ("滑坡", 9, 0.3, 0.6),
        ("崩塌", 6, 0.55, 1.2),
        ("泥石流", 4, 0.15, 0.3),
    ):
        for x, y in _steep(rng, count, low, high):
            volume = round(float(rng.lognormal(2.2, 0.8)), 1)
            homes = int(rng.integers(2, 40))
            rows.append({
                "haz_id": f"DZ{len(rows) + 1:04d}", "name": f"{kind}隐患点{len(rows) + 1:02d}",
                "type": kind, "scale": "中型" if volume > 10 else "小型", "volume_1e4": volume,
                "households": homes, "people": homes * 4,
                "stability": ("稳定", "基本稳定", "不稳定")[int(rng.integers(3))],
                "risk": "高" if homes > 28 else "中" if homes > 12 else "低",
                "monitor": "群测群防", "ground_elev": round(terrain.height_at(x, y), 2),
            })  # fmt: skip
            shapes.append(Point(x, y))
    # One more, in the gully above the town: what it would run over reaches the first houses.
    x, y = place(*NORTH_GULLY)
    rows.append({
        "haz_id": f"DZ{len(rows) + 1:04d}", "name": "北沟泥石流沟", "type": "泥石流",
        "scale": "中型", "volume_1e4": 14.0, "households": 34, "people": 118,
        "stability": "不稳定", "risk": "高",
        "monitor": "专业监测", "ground_elev": round(terrain.height_at(x, y), 2),
    })  # fmt: skip
    shapes.append(Point(x, y))
    return _frame(rows, shapes)


def _fire() -> tuple[gpd.GeoDataFrame, gpd.GeoDataFrame]:
    """Towers on the summits around the town; two cameras on each."""
    spots: list[tuple[float, float]] = []
    for x0, y0 in ((-3200, 2400), (0, 3000), (3200, 2300), (-2800, -2600), (2600, -2700)):
        x, y = np.meshgrid(
            CENTRE[0] + x0 + np.arange(-900, 901, 30.0), CENTRE[1] + y0 + np.arange(-900, 901, 30.0)
        )
        best = int(np.argmax(terrain.height(x, y)))
        spots.append((float(x.ravel()[best]), float(y.ravel()[best])))
    towers, cameras, at, seen = [], [], [], []
    for number, (x, y) in enumerate(spots):
        code = f"LWT{number + 1:02d}"
        base = round(terrain.height_at(x, y), 2)
        towers.append({"tower_id": code, "name": f"{number + 1}号瞭望塔", "ground_elev": base,
                       "height": 24.0, "range_km": 8.0, "staff": 2,
                       "built": 2012 + number})  # fmt: skip
        at.append(Point(x, y, base))
        home = float(np.degrees(np.arctan2(CENTRE[0] - x, CENTRE[1] - y))) % 360
        for index, turn in enumerate((0.0, 180.0)):
            cameras.append({
                "camera_id": f"{code}-{index + 1}", "name": f"{number + 1}号塔{index + 1}号云台",
                "tower_id": code, "azimuth": round((home + turn) % 360, 1), "pitch": -4.0,
                "height": 26.0, "fov": 62.0, "range_km": 5.0, "ground_elev": base,
            })  # fmt: skip
            seen.append(Point(x, y, base))
    return _frame(towers, at), _frame(cameras, seen)
