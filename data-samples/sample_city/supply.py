"""What feeds the water mains, and who drinks from them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import geopandas as gpd
import numpy as np
from shapely import STRtree
from shapely.geometry import LineString, Point

from sample_city.buildings import Building
from sample_city.frame import CRS, to_uv
from sample_city.scene import Scene

if TYPE_CHECKING:
    from sample_city.pipes import Network

SOURCES = (  # number, name, kind, water level, bottom, lowest, highest, diameter, flow, lift
    ("SY01", "城西水厂清水池", "水厂", 1450.0, None, None, None, None, None, None),
    ("SY02", "北山高位水塔", "高位水池", 1448.5, 1445.5, 0.5, 5.0, 30.0, None, None),
    ("SY03", "城东加压泵站", "加压泵站", 1416.0, None, None, None, None, 70.0, 33.0),
)
HOMES = {"住宅"}
DRAWN = {  # use: litres per day and square metre of floor, what must not run dry
    "商业": (6.0, None), "工业": (3.0, None), "办公": (4.0, None), "教育": (5.0, "学校"),
    "医疗": (12.0, "医院"), "消防": (4.0, "消防站"),
}  # fmt: skip
_REACH = 110.0  # no main is farther from a user, m


def sources(points: dict[str, dict[str, Any]]) -> gpd.GeoDataFrame:
    """Waterworks, tower and pumping station, at the points of the network they feed."""
    names = ("source_no", "name", "source_kind", "head", "bottom_elev", "min_level", "max_level",
             "diameter", "pump_flow", "pump_lift")  # fmt: skip
    rows = [
        dict(zip(names, row, strict=True)) | {"point_no": points[row[0]]["no"]} for row in SOURCES
    ]
    shapes = [Point(points[row[0]]["x"], points[row[0]]["y"]) for row in SOURCES]
    return gpd.GeoDataFrame(rows, geometry=shapes, crs=CRS)


def users(scene: Scene, network: Network) -> gpd.GeoDataFrame:
    """The homes of each block as one user, every other building that has a use as its own."""
    mains = [
        LineString([(line[k]["x"], line[k]["y"]) for k in ("from", "to")]) for line in network.lines
    ]
    tree = STRtree(mains)
    rows: list[dict[str, Any]] = []
    shapes: list[Point] = []
    for name, buildings, litres, critical in _groups(scene):
        at = Point(np.mean([b.footprint.centroid.coords[0] for b in buildings], axis=0))
        near = int(tree.nearest(at))
        if mains[near].distance(at) > _REACH:
            continue  # has a well of its own
        area = sum(b.footprint.area * b.floors for b in buildings)
        people = int(area / 38.0) if litres is None else None
        demand = people * 0.13 if people is not None else area * float(litres or 0) / 1000
        number = len(rows)
        rows.append({
            "user_no": f"YH{number + 1:04d}", "name": name, "use": buildings[0].use,
            "demand": None if number % 31 == 17 else round(demand, 2), "people": people,
            "critical": critical,
            "seg_id": None if number % 5 == 3 else f"{network.kind.code}G{near + 1:05d}",
        })  # fmt: skip
        shapes.append(at)
    return gpd.GeoDataFrame(rows, geometry=shapes, crs=CRS)


def _groups(scene: Scene) -> list[tuple[str, list[Building], float | None, str | None]]:
    found: list[tuple[str, list[Building], float | None, str | None]] = []
    homes = [b for b in scene.buildings if b.use in HOMES]
    places = np.array([b.footprint.centroid.coords[0] for b in homes])
    u, v = to_uv(places[:, 0], places[:, 1])
    for block in scene.blocks:
        inside = (block.west <= u) & (u <= block.east) & (block.south <= v) & (v <= block.north)
        here = [homes[i] for i in np.flatnonzero(inside)]
        if here:
            found.append((f"{block.key[0] + 1}-{block.key[1] + 1}号小区", here, None, None))
    for building in scene.buildings:
        if building.use in DRAWN:
            litres, critical = DRAWN[building.use]
            name = building.name or f"{building.use}{building.number}"
            found.append((name, [building], litres, critical if building.name else None))
    return found
