"""What is planned: control lines, parcels, land use of 2020, and two schemes for one parcel."""

from __future__ import annotations

from typing import Any

import geopandas as gpd
import shapely
from shapely.geometry import Polygon

from sample_city import terrain
from sample_city.frame import CRS, place
from sample_city.scene import Scene

FIELD = "旱地"
CHANGED = ((406, 224), (559, 224), (87, -77), (-260, -78))  # blocks that were fields in 2020
SITE = (-260.0, -78.0)  # middle of the parcel that the schemes are for, south of the school


def _area(west: float, south: float, east: float, north: float) -> Polygon:
    return Polygon([place(west, south), place(east, south), place(east, north),
                    place(west, north)])  # fmt: skip


def deliver(scene: Scene, uses: gpd.GeoDataFrame) -> dict[str, gpd.GeoDataFrame]:
    """The four files.

    Args:
        scene: The town.
        uses: Today's land use.
    """
    return {
        "control_lines": _lines(uses), "parcels": _parcels(scene), "landuse_2020": _past(uses),
        "schemes": _schemes(),
    }  # fmt: skip


def _lines(uses: gpd.GeoDataFrame) -> gpd.GeoDataFrame:
    """Farmland, red line and boundary: none lies on another."""
    fields = list(uses.geometry[uses["dlmc"] == FIELD])
    plain = _area(-1500, 500, 1500, 690)
    south = _area(-1400, -600, -330, -420)
    hills = _area(-2600, 1250, 2600, 3400)
    town = _area(-655, -195, 655, 480).difference(shapely.union_all(fields))
    rows: list[dict[str, Any]] = []
    shapes = []
    for kind, name, parts in (
        ("永久基本农田", "川台地", [*fields, plain, south]),
        ("生态保护红线", "北山水源涵养区", [hills]),
        ("城镇开发边界", "东华镇区", [town]),
    ):
        for shape in parts:
            rows.append({"编号": f"KZX{len(rows) + 1:03d}", "类型": kind, "版本": "2022-10",
                         "名称": name})  # fmt: skip
            shapes.append(shape)
    return gpd.GeoDataFrame(rows, geometry=shapes, crs=CRS)


def _parcels(scene: Scene) -> gpd.GeoDataFrame:
    rows, shapes = [], []
    for number, block in enumerate(scene.blocks):
        if block.use in {"field", "village", "park"}:
            continue
        home = block.use in {"residential", "tower", "old"}
        rows.append({
            "地块编号": f"DH-{number + 1:02d}", "用地代码": "R2" if home else "B",
            "用地性质": "二类居住用地" if home else "公共与商业用地"
                                          "", "容积率": 2.2 if home else 3.0,
            "建筑密度": 28.0 if home else 45.0, "限高": 54.0, "绿地率": 30.0 if home else 20.0,
        })  # fmt: skip
        shapes.append(_area(block.west, block.south, block.east, block.north))
    return gpd.GeoDataFrame(rows, geometry=shapes, crs=CRS)


def _past(uses: gpd.GeoDataFrame) -> gpd.GeoDataFrame:
    past = uses[["dlbm", "dlmc", "geometry"]].copy()
    middle = past.geometry.centroid
    for u, v in CHANGED:
        x, y = place(u, v)
        there = middle.distance(shapely.Point(x, y)) < 40
        past.loc[there, ["dlbm", "dlmc"]] = ["0103", FIELD]
    return past


def _schemes() -> gpd.GeoDataFrame:
    """A: three towers along the north of the parcel; B: five slabs spread over it."""
    u, v = SITE
    blocks = [("A", i, du, 32.0, 26.0, 16.0, 18) for i, du in enumerate((-42.0, 0.0, 42.0))]
    blocks += [("B", i, du, dv, 44.0, 13.0, 8)
               for i, (du, dv) in enumerate(((-30.0, 44.0), (30.0, 44.0), (-30.0, 4.0), (30.0, 4.0),
                                             (0.0, -38.0)))]  # fmt: skip
    rows, shapes = [], []
    for scheme, i, du, dv, wide, deep, floors in blocks:
        shape = _area(u + du - wide / 2, v + dv - deep / 2, u + du + wide / 2, v + dv + deep / 2)
        ground = terrain.height_at(shape.centroid.x, shape.centroid.y)
        rows.append({"体块编号": f"{scheme}-{i + 1}", "方案": scheme, "地块编号": "DH-09",
                     "用途": "住宅", "层数": floors, "高度": floors * 3.0,
                     "地面高程": round(ground, 2)})  # fmt: skip
        shapes.append(shape)
    return gpd.GeoDataFrame(rows, geometry=shapes, crs=CRS)
