"""Water, sewage and gas networks below the streets, with the fields of CJJ 61-2017."""

from __future__ import annotations

from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any

import geopandas as gpd
import numpy as np
from shapely.geometry import LineString, Point

from sample_city import supply
from sample_city.frame import CRS, place
from sample_city.scene import Scene
from sample_city.terrain import height_at
from sample_city.town import Street

SPACING = 40.0  # between survey points along a street, m
VALVE_AT = 1.5  # of a branch's valve from its junction, m
MAINS = {  # from the junction nearest to the first place, through the others, to a source: u, v
    "SY01": ((-637.8, 2.2), (-678.0, 2.2), (-720.0, 2.2)),
    "SY02": ((2.2, 452.2), (2.2, 486.0), (2.2, 520.0)),
    "SY03": ((642.2, -147.8), (676.0, -147.8), (706.0, -147.8)),
}
VILLAGE = (  # below the bridge to the village south of the river, and along its lane
    ((2.2, -147.8), (2.2, -166.0), (2.2, -276.0), (2.2, -310.0), (2.2, -342.0)),
    ((2.2, -342.0), (-70.0, -342.0), (-140.0, -342.0), (-210.0, -342.0)),
    ((2.2, -342.0), (70.0, -342.0), (140.0, -342.0)),
)


@dataclass(frozen=True)
class Kind:
    """One network: code of CJJ 61, offset from the street's axis (m), how it is built."""

    name: str
    code: str
    offset: float
    material: str
    owner: str
    elev_ref: str
    pressure: str


WATER = Kind("water_pipe", "JS", 2.2, "球墨铸铁", "华亭供水公司", "top", "0.4MPa")
SEWAGE = Kind("sewage_pipe", "WS", -0.8, "HDPE双壁波纹管", "华亭住建局", "invert", "重力")
GAS = Kind("gas_pipe", "RQ", -3.2, "PE100", "华亭燃气公司", "top", "中压B")


@dataclass
class Network:
    """Points by place and segments between them."""

    kind: Kind
    points: dict[tuple[float, float], dict[str, Any]] = field(default_factory=dict)
    lines: list[dict[str, Any]] = field(default_factory=list)

    def point(self, u: float, v: float) -> dict[str, Any]:
        """The point at a place; made where there is none."""
        key = (round(u, 2), round(v, 2))
        if key not in self.points:
            x, y = place(*key)
            self.points[key] = {
                "no": f"{self.kind.code}{len(self.points) + 1:05d}", "u": key[0], "v": key[1],
                "x": x, "y": y, "ground": height_at(x, y), "degree": 0, "depth": 0.0,
            }  # fmt: skip
        return self.points[key]

    def line(self, first: dict[str, Any], second: dict[str, Any], dn: int) -> None:
        """A segment."""
        first["degree"] += 1
        second["degree"] += 1
        self.lines.append({"from": first, "to": second, "dn": dn})


def deliver(scene: Scene) -> dict[str, gpd.GeoDataFrame]:
    """All pipe layers by file name, in EPSG:4545 with heights."""
    streets = [s for s in scene.streets if s.width >= 9.0]
    water, gas = _mesh(WATER, streets), _mesh(GAS, streets)
    sources = {no: _main(water, places, 300) for no, places in MAINS.items()}
    for places in VILLAGE:
        _main(water, places, 100)
    sewage = _tree(streets)
    for network in (water, gas):
        for point in network.points.values():
            point["depth"] = 1.4 if network.kind is WATER else 1.1
    manholes: list[dict[str, Any]] = []
    valves: list[dict[str, Any]] = []
    hydrants: list[dict[str, Any]] = []
    for network in (water, sewage, gas):
        for point in network.points.values():
            _equip(network.kind, point, manholes, hydrants)
        if network.kind is not SEWAGE:
            valves += _valves(network)
    return {
        "water_pipe": _segments(water), "sewage_pipe": _segments(sewage),
        "gas_pipe": _segments(gas), "manhole": _points(manholes), "valve": _points(valves),
        "hydrant": _points(hydrants), "water_source": supply.sources(sources),
        "water_user": supply.users(scene, water),
    }  # fmt: skip


def _stations(street: Street, streets: list[Street], kind: Kind) -> list[float]:
    """Where survey points lie along a street: at crossing pipes, and between them."""
    crossings = sorted(
        other.at + kind.offset
        for other in streets
        if other.along != street.along and other.start - 1 <= street.at <= other.end + 1
        and street.start - 1 <= other.at <= street.end + 1
    )  # fmt: skip
    found = []
    for first, last in pairwise(crossings):
        count = max(int(np.ceil((last - first) / SPACING)), 1)
        found += [first + (last - first) * i / count for i in range(count)]
    return [*found, crossings[-1]]


def _at(street: Street, station: float, kind: Kind) -> tuple[float, float]:
    across = street.at + kind.offset
    return (station, across) if street.along else (across, station)


def _mesh(kind: Kind, streets: list[Street]) -> Network:
    """A looped network below every street."""
    network = Network(kind)
    for street in streets:
        dn = 300 if street.width > 15 else 200 if street.width > 11 else 150
        places = [_at(street, s, kind) for s in _stations(street, streets, kind)]
        for first, second in pairwise(places):
            network.line(network.point(*first), network.point(*second), dn)
    return network


def _main(network: Network, places: tuple[tuple[float, float], ...], dn: int) -> dict[str, Any]:
    """A main from the point nearest to the first place to the last one, which is handed back."""
    first = min(
        network.points.values(),
        key=lambda p: np.hypot(p["u"] - places[0][0], p["v"] - places[0][1]),
    )
    path = [first, *(network.point(u, v) for u, v in places[1:])]
    for before, after in pairwise(path):
        network.line(before, after, dn)
    return path[-1]


def _tree(streets: list[Street]) -> Network:
    """Gravity sewers: down every street across the town to the river road, then east along it."""
    network = Network(SEWAGE)
    trunk = min((s for s in streets if s.along), key=lambda s: s.at)
    across = sorted((s for s in streets if not s.along), key=lambda s: s.at)
    path = [_at(trunk, s, SEWAGE) for s in _stations(trunk, streets, SEWAGE)]
    for first, second in pairwise(path):
        network.line(network.point(*first), network.point(*second), 800)
    for street in across:
        stations = [s for s in _stations(street, streets, SEWAGE) if s > trunk.at - 5][::-1]
        for first, second in pairwise([_at(street, s, SEWAGE) for s in stations]):
            network.line(network.point(*first), network.point(*second), 400)
    for street in (s for s in streets if s.along and s is not trunk):
        _branches(network, street, across)
    end = network.point(*path[-1])
    plant = network.point(path[-1][0] - 60.0, path[-1][1] + 45.0)
    network.line(end, plant, 800)
    _grade(network)
    return network


def _branches(network: Network, street: Street, across: list[Street]) -> None:
    """Sewers of a street along the town: from the middle of each block to its two crossings."""
    for west, east in pairwise(across):
        middle = (west.at + east.at) / 2
        for target in (west.at, east.at):
            end = target + SEWAGE.offset
            steps = [middle + (end - middle) * i / 3 for i in range(4)]
            offset = 0.0 if target == west.at else 3.0  # two heads, not one summit
            places = [_at(street, s, SEWAGE) for s in steps]
            places[0] = _at(street, steps[0] + offset, SEWAGE)
            for first, second in pairwise(places):
                network.line(network.point(*first), network.point(*second), 300)


def _grade(network: Network) -> None:
    """Inverts: 1.6 m deep or more, falling 3 in 1000 or more along every segment."""
    for point in network.points.values():
        point["invert"] = point["ground"] - 1.6
    for _ in range(len(network.points)):
        changed = False
        for line in network.lines:
            a, b = line["from"], line["to"]
            fall = 0.003 * np.hypot(a["x"] - b["x"], a["y"] - b["y"])
            if b["invert"] > a["invert"] - fall + 1e-9:
                b["invert"] = a["invert"] - fall
                changed = True
        if not changed:
            break
    for point in network.points.values():
        point["depth"] = point["ground"] - point["invert"]


def _segments(network: Network) -> gpd.GeoDataFrame:
    kind = network.kind
    rows, shapes = [], []
    for number, line in enumerate(network.lines):
        a, b = line["from"], line["to"]
        z = [round(p["ground"] - p["depth"], 3) for p in (a, b)]
        rows.append({
            "seg_id": f"{kind.code}G{number + 1:05d}", "from_no": a["no"], "to_no": b["no"],
            "start_dep": round(a["depth"], 3), "end_dep": round(b["depth"], 3),
            "start_elev": z[0], "end_elev": z[1], "elev_ref": kind.elev_ref, "dn": line["dn"],
            "material": kind.material, "pressure": kind.pressure, "embed": "直埋",
            "flow_dir": 1 if kind is SEWAGE else 0, "built": 2004 + number * 7 % 19,
            "owner": kind.owner, "status": "在用",
        })  # fmt: skip
        shapes.append(LineString([(a["x"], a["y"], z[0]), (b["x"], b["y"], z[1])]))
    return gpd.GeoDataFrame(rows, geometry=shapes, crs=CRS)


def _equip(
    kind: Kind, point: dict[str, Any], manholes: list[dict[str, Any]],
    hydrants: list[dict[str, Any]],
) -> None:  # fmt: skip
    """What stands at a point, after its degree and number."""
    row = _row(kind, point)
    number = int(point["no"][2:])
    if kind is SEWAGE:
        manholes.append(row | {"appurt": "检查井", "cover": "铸铁", "size": "Φ700"})
    elif kind is WATER and point["degree"] == 2 and number % 3 == 0:
        hydrants.append(row | {"appurt": "消火栓", "dn": 100, "form": "地上式", "pressure": 0.28})


def _row(kind: Kind, point: dict[str, Any]) -> dict[str, Any]:
    """What every survey point of a network tells."""
    feature = {1: "起止点", 2: "直线点", 3: "三通", 4: "四通"}.get(point["degree"], "多通")
    return {
        "point_no": point["no"], "kind": kind.code, "feature": feature, "appurt": "",
        "ground_elev": round(point["ground"], 3), "well_depth": round(point["depth"] + 0.3, 2),
        "owner": kind.owner, "xyz": (point["x"], point["y"], round(point["ground"], 3)),
    }  # fmt: skip


def _valves(network: Network) -> list[dict[str, Any]]:
    """At every junction a valve on all branches but one, a step away from the junction.

    Some do not turn, of some nobody knows, and a few are closed for good.
    """
    branches: dict[str, list[tuple[str, dict[str, Any], dict[str, Any]]]] = {}
    for number, line in enumerate(network.lines):
        name = f"{network.kind.code}G{number + 1:05d}"
        for here, there in ((line["from"], line["to"]), (line["to"], line["from"])):
            branches.setdefault(here["no"], []).append((name, here, there | {"dn": line["dn"]}))
    found: list[dict[str, Any]] = []
    for junction, ends in branches.items():
        for rank, (pipe, here, there) in enumerate(ends[1:] if len(ends) > 2 else ()):
            share = VALVE_AT / np.hypot(there["x"] - here["x"], there["y"] - here["y"])
            x, y = (here[k] + share * (there[k] - here[k]) for k in ("x", "y"))
            count = len(found)
            row: dict[str, Any] = _row(network.kind, here) | {
                "point_no": f"{junction}F{rank + 1}",
                "appurt": "阀门",
                "dn": there["dn"],
                "operable": "否" if count % 17 == 5 else None if count % 13 == 7 else "是",
                "state": "关" if count % 41 == 30 else "开",
                "seg_id": pipe,
            }
            found.append(row | {"xyz": (x, y, round(height_at(x, y), 3))})
    return found


def _points(rows: list[dict[str, Any]]) -> gpd.GeoDataFrame:
    shapes = [Point(row["xyz"]) for row in rows]
    plain = [{k: v for k, v in row.items() if k != "xyz"} for row in rows]
    return gpd.GeoDataFrame(plain, geometry=shapes, crs=CRS)
