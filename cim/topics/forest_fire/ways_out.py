"""撤离: which way people leave, to which shelter, and how long it takes them."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import shapely

from cim.drawn import feature
from cim.evidence import Rows, figure, rows_if_any
from cim.exposure import FACILITY
from cim.geo.roads import Roads, travel, way
from cim.topic import Context, Figure, Table, Verdict
from cim.topics.forest_fire.asked import place_of

Floats = npt.NDArray[np.float64]
SHELTER = "避难"
WAY = "#ffffff"
ACCESS = 1.1  # m/s on foot between a place and its road


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Net:
    """Roads, what each piece takes (s), and where the stops join them."""

    roads: Roads
    seconds: Floats
    source: str
    inputs: list[dict[str, Any]]

    def access(self, stop: int) -> float:
        """Seconds on foot from a place to where it joins its road."""
        return float(self.roads.away[stop]) / ACCESS


def shelters(context: Context, crs: Any) -> Rows | None:
    """The published shelters; None where there is none."""
    found = rows_if_any(context, FACILITY, crs=crs)
    if found is None:
        return None
    own = found.frame[found.frame["facility_class"].fillna("").str.contains(SHELTER)]
    return Rows(frame=own, version=found.version) if len(own) else None


def ways_out(
    refuges: Rows | None, net: Net, begin: int, crs: Any
) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """Ways from where people must leave to the shelters, quickest first.

    Args:
        refuges: The shelters.
        net: Its stops are, from ``begin`` on, the shelters and then the people.
        begin: Stop of the first shelter.
        crs: Of the roads.

    Returns:
        Rows of the table, minutes on foot to and from the road included, and what is drawn.
    """
    if refuges is None:
        return [], []
    people = begin + len(refuges.frame)
    found = travel(net.roads, net.seconds, net.roads.stops[[people]])
    rows = []
    for i, row in enumerate(refuges.frame.to_dict("records")):
        node = int(net.roads.stops[begin + i])
        drive = float(found.cost[node])
        if not math.isfinite(drive):
            continue
        walk = net.access(people) + net.access(begin + i)
        course, pieces = way(net.roads, net.seconds, found, node)
        rows.append({
            "name": row["name"], "capacity": row.get("capacity"),
            "minutes": round((drive + walk) / 60, 1), "drive": round(drive / 60, 1),
            "walk": round(walk / 60, 1),
            "length": round(float(net.roads.length[pieces].sum()) / 1000, 2),
            "place": place_of(crs, row["geometry"].x, row["geometry"].y), "course": course,
        })  # fmt: skip
    rows.sort(key=lambda r: r["minutes"])
    drawn = [
        feature(
            shapely.LineString(row["course"]), f"撤离至{row['name']}", f"Way out to {row['name']}",
            crs=crs, color=WAY, width=4, dash=True,
        )
        for row in rows[:2] if len(row["course"]) > 1
    ]  # fmt: skip
    for row in rows:
        row.pop("course")
    return rows, drawn


def way_out_figures(rows: list[dict[str, Any]], refuges: Rows | None, net: Net) -> list[Figure]:
    """Where people go and how long it takes; UNKNOWN where no shelter is published."""
    known = Verdict.UNKNOWN if refuges is None else None if rows else Verdict.NEEDS_REVIEW
    source = net.source if refuges is None else f"{net.source}；{refuges.source}"
    word = (
        "未发布避难场所 no shelter is published" if refuges is None
        else rows[0]["name"] if rows else "无路可达 no way by the roads that are open"
    )  # fmt: skip
    return [
        figure("way_out", "最近避难场所", "Quickest shelter", word, "", source, verdict=known),
        figure("way_out_minutes", "撤离时间（步行至道路并行车）", "Way out, on foot and by road",
               rows[0]["minutes"] if rows else None, "min", source, verdict=known),
    ]  # fmt: skip


def way_out_table(rows: list[dict[str, Any]]) -> Table:
    """The shelters that can be reached."""
    return Table(
        title="撤离路线", title_en="Ways out",
        columns=(("name", "避难场所", "Shelter", ""), ("minutes", "共需", "It takes", "min"),
                 ("drive", "行车", "Drive", "min"), ("walk", "步行", "On foot", "min"),
                 ("length", "路程", "By road", "km"), ("capacity", "容量", "Capacity", "{person}")),
        rows=rows,
    )  # fmt: skip
