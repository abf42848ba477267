"""Small networks whose answers are known, as rows of layers."""

from __future__ import annotations

from typing import Any

import geopandas as gpd
from shapely import LineString, Point

from cim.topics.pipelines.analysis.model import Network
from cim.topics.pipelines.queries import assembled

CRS = 4545
WEST, SOUTH = 377_000.0, 3_899_000.0


def at(x: float, y: float) -> tuple[float, float]:
    return WEST + x, SOUTH + y


def pipes(*rows: dict[str, Any]) -> gpd.GeoDataFrame:
    """Segments: each with ``no``, ``ends`` (numbers) and ``line`` (m); more attributes as given."""
    found, shapes = [], []
    for number, row in enumerate(rows):
        rest = {k: v for k, v in row.items() if k not in ("no", "ends", "line")}
        found.append({
            "fid": number + 1, "seg_id": row["no"], "from_no": row["ends"][0],
            "to_no": row["ends"][1], "dn": 200, "material": "球墨铸铁", "start_elev": 1398.0,
            "end_elev": 1398.0, "start_depth": 2.0, "end_depth": 2.0, "elev_ref": "top", **rest,
        })  # fmt: skip
        shapes.append(LineString([at(*p) for p in row["line"]]))
    return gpd.GeoDataFrame(found, geometry=shapes, crs=CRS)


def points(*rows: dict[str, Any]) -> gpd.GeoDataFrame:
    """Points: each with ``at`` (m) and its attributes."""
    found = [{"fid": i + 1, **{k: v for k, v in row.items() if k != "at"}}
             for i, row in enumerate(rows)]  # fmt: skip
    return gpd.GeoDataFrame(found, geometry=[Point(at(*row["at"])) for row in rows], crs=CRS)


def ladder() -> dict[str, gpd.GeoDataFrame]:
    """A source at A, a ring A-B-C-D, and a dead end D-E with two users.

    A(0,0) - B(100,0) - C(100,100) - D(0,100) - A, and D - E(0,300). Valves at both ends of AB and
    CD, one on DE near D.
    """
    return {
        "pipes": pipes(
            {"no": "AB", "ends": ("A", "B"), "line": [(0, 0), (100, 0)]},
            {"no": "BC", "ends": ("B", "C"), "line": [(100, 0), (100, 100)]},
            {"no": "CD", "ends": ("C", "D"), "line": [(100, 100), (0, 100)]},
            {"no": "DA", "ends": ("D", "A"), "line": [(0, 100), (0, 0)]},
            {"no": "DE", "ends": ("D", "E"), "line": [(0, 100), (0, 300)]},
        ),
        "valves": points(
            {"point_no": "V1", "at": (2, 0), "operable": "是", "state": "开"},
            {"point_no": "V2", "at": (98, 0), "operable": "是", "state": "开"},
            {"point_no": "V3", "at": (98, 100), "operable": None, "state": "开"},
            {"point_no": "V4", "at": (2, 100), "operable": "是", "state": "开"},
            {"point_no": "V5", "at": (0, 102), "operable": "否", "state": "开"},
        ),
        "hydrants": points({"point_no": "H1", "at": (0, 250)}, {"point_no": "H2", "at": (100, 50)}),
        "sources": points(
            {"source_no": "S1", "name": "水厂", "source_kind": "水厂", "point_no": "A",
             "at": (0, 0), "head": 1440.0},
        ),
        "users": points(
            {"user_no": "U1", "name": "甲", "at": (50, 5), "demand": 240.0, "people": 100,
             "critical": "医院"},
            {"user_no": "U2", "name": "乙", "at": (5, 290), "demand": 24.0, "people": 30},
            {"user_no": "U3", "name": "丙", "at": (105, 40), "demand": None, "people": None},
        ),
    }  # fmt: skip


def network(rows: dict[str, gpd.GeoDataFrame], tolerance: float = 0.5) -> Network:
    """The network of such rows."""
    return assembled(rows["pipes"], rows, tolerance=tolerance, reach=20.0)
