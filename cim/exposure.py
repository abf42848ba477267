"""Who and what lies inside an area: buildings with the people in them, roads, pipes, facilities.

Fire, flood and slide ask the same question; here it has one answer.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import geopandas as gpd
import numpy as np
import numpy.typing as npt
import shapely
from pyproj import CRS
from shapely.geometry.base import BaseGeometry

from cim.city import Bounds
from cim.evidence import Rows, input_of, rows_if_any
from cim.geo.area import distances_along
from cim.geo.crs import lonlat_bounds, to_lonlat
from cim.topic import Context, Figure, Table, Verdict

BUILDING, ADMIN, ROAD, FACILITY = "base.building", "base.admin_area", "base.road", "base.facility"
PIPES = ("pipelines.water_pipe", "pipelines.sewage_pipe", "pipelines.gas_pipe")
HOMES = "住宅"
FLOOR_HEIGHT = 3.0  # m, where a building tells its height and not its floors
READS = (BUILDING, ADMIN, ROAD, FACILITY, *PIPES)
_PEOPLE = (
    "行政区人口按住宅建筑面积（轮廓×层数）分摊 population of the area, shared among its homes by "
    "floor area"
)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Exposure:
    """What lies inside an area.

    Args:
        buildings: Footprints that touch it, in the area's CRS, with ``people`` (NaN where unknown).
        roads: Pieces inside, with ``metres``.
        pipes: Metres inside, by layer title (Chinese, English).
        facilities: Inside, with their class.
        inputs: For the provenance.
        missing: Layers that nobody has published, so that nothing is known of them.
    """

    buildings: gpd.GeoDataFrame
    roads: gpd.GeoDataFrame
    facilities: gpd.GeoDataFrame
    pipes: dict[tuple[str, str], float]
    inputs: list[dict[str, Any]] = field(default_factory=list)
    missing: tuple[str, ...] = ()

    @property
    def people(self) -> float | None:
        """In the homes inside; None where no home's people are known although there are homes."""
        homes = self.buildings[self.buildings["use"] == HOMES]
        known = homes["people"].dropna()
        if BUILDING in self.missing or (len(homes) and known.empty):
            return None
        return float(known.sum())

    def figures(self) -> tuple[Figure, ...]:
        """The summary of what is exposed; a layer that is missing gives no number."""
        gone = self.missing
        homes = self.buildings[self.buildings["use"] == HOMES]
        doubt = int(homes["people"].isna().sum())
        people = self.people
        known = {given["layer"]: f"{given['layer']} v{given['version']}" for given in self.inputs}
        rows: list[tuple[str, str, str, float | None, str, str]] = [
            ("exposed_buildings", "范围内建筑", "Buildings inside",
             None if BUILDING in gone else float(len(self.buildings)), "1",
             known.get(BUILDING, "")),
            ("exposed_people", "范围内居住人口（估算）", "Residents inside (estimated)",
             None if people is None else float(round(people)), "{person}",
             "；".join([*(known[n] for n in (ADMIN, BUILDING) if n in known), _PEOPLE, *(
                 [f"{doubt} 栋住宅无人口数据 homes without"] if doubt else [])])),
            ("exposed_facilities", "范围内公共设施", "Facilities inside",
             None if FACILITY in gone else float(len(self.facilities)), "1",
             known.get(FACILITY, "")),
            ("exposed_roads", "范围内道路", "Roads inside",
             None if ROAD in gone else float(self.roads["metres"].sum()) / 1000, "km",
             f"{known.get(ROAD, '')}，大地线长度 geodesic"),
        ]  # fmt: skip
        figures = [
            Figure(key=key, title=zh, title_en=en, value=value, unit=unit,
                   evidence="" if value is None else evidence,
                   verdict=Verdict.UNKNOWN if key == "exposed_people" and doubt else None)
            for key, zh, en, value, unit, evidence in rows
        ]  # fmt: skip
        figures += [
            Figure(key=f"exposed_pipes_{n}", title=f"范围内{zh}", title_en=f"{en} inside",
                   value=self.pipes.get((zh, en)), unit="m",
                   evidence=f"{known[layer]}，大地线长度 geodesic" if layer in known else "")
            for n, (layer, (zh, en)) in enumerate(zip(PIPES, _PIPE_TITLES, strict=True))
        ]  # fmt: skip
        return tuple(figures)

    def table(self, most: int = 500) -> Table:
        """The buildings and facilities inside, those with most people first."""
        rows: list[dict[str, Any]] = []
        for frame, name, what in (
            (self.facilities, "name", "facility_class"),
            (self.buildings.sort_values("people", ascending=False), "name", "use"),
        ):
            if frame.empty:
                continue
            middle = frame.geometry.representative_point()
            places = to_lonlat(frame.crs, np.stack([middle.x, middle.y], axis=1)).round(7)
            for row, place in zip(frame.to_dict("records"), places.tolist(), strict=True):
                people = row.get("people")
                rows.append({
                    "name": next((v for v in (row.get(name), row.get("building_id"))
                                  if isinstance(v, str) and v), ""),
                    "what": row.get(what),
                    "people": None if people is None or np.isnan(people) else round(people),
                    "phone": row.get("phone"),
                    "place": place,
                })  # fmt: skip
        return Table(
            title="受影响对象",
            title_en="Who and what is exposed",
            columns=(
                ("name", "名称", "Name", ""),
                ("what", "类别", "Class", ""),
                ("people", "居住人口（估算）", "Residents (estimated)", "{person}"),
                ("phone", "电话", "Telephone", ""),
            ),
            rows=rows[:most],
        )


def exposed(context: Context, area: BaseGeometry, crs: CRS) -> Exposure:
    """What lies inside an area.

    Args:
        context: The question's.
        area: In ``crs``; empty for nowhere.
        crs: Projected, m.
    """
    found: dict[str, gpd.GeoDataFrame] = {}
    inputs, missing = [], []
    bounds = None if area.is_empty else Bounds(*lonlat_bounds(crs, area.bounds))
    units = None
    for layer in READS:
        rows = rows_if_any(context, layer, crs=crs, bounds=bounds)
        if rows is None:
            missing.append(layer)
            continue
        inputs.append(input_of(rows.version))
        if layer == ADMIN:
            units = rows
            continue
        inside = rows.frame[rows.frame.intersects(area)] if bounds else rows.frame.iloc[:0]
        found[layer] = inside.copy()
    if BUILDING in found:
        found[BUILDING]["people"] = _people(context, found[BUILDING], units, crs)
    return Exposure(
        buildings=found.get(BUILDING, _nothing(crs, "use", "people", "name")),
        roads=_pieces(found.get(ROAD, _nothing(crs, "name")), area),
        facilities=found.get(FACILITY, _nothing(crs, "name", "facility_class")),
        pipes={
            titles: float(_pieces(found[layer], area)["metres"].sum())
            for layer, titles in zip(PIPES, _PIPE_TITLES, strict=True)
            if layer in found
        },
        inputs=inputs,
        missing=tuple(missing),
    )


_PIPE_TITLES = (("给水管线", "Water mains"), ("污水管线", "Sewers"), ("燃气管线", "Gas mains"))


def _nothing(crs: CRS, *columns: str) -> gpd.GeoDataFrame:
    return gpd.GeoDataFrame({c: [] for c in columns}, geometry=[], crs=crs)


def _pieces(lines: gpd.GeoDataFrame, area: BaseGeometry) -> gpd.GeoDataFrame:
    """What of some lines lies inside, with its geodesic length."""
    cut = lines.copy()
    if len(cut):
        cut = cut.set_geometry(shapely.force_2d(cut.geometry.intersection(area).to_numpy()),
                               crs=lines.crs)  # fmt: skip
        cut = cut[~cut.geometry.is_empty]
    cut["metres"] = [geodesic_length(shape, lines.crs) for shape in cut.geometry]
    return cut


def geodesic_length(shape: BaseGeometry, crs: CRS) -> float:
    """Length of a line on the ellipsoid, m; the sum over the parts of many."""
    total = 0.0
    for part in getattr(shape, "geoms", [shape]):
        if part.geom_type == "LineString" and len(part.coords) > 1:
            total += float(distances_along(to_lonlat(crs, shapely.get_coordinates(part)))[-1])
    return total


def floor_area(buildings: gpd.GeoDataFrame) -> npt.NDArray[np.float64]:
    """Footprint times floors, m²; NaN where neither floors nor height are known."""
    floors = buildings["floors"].astype(float).to_numpy()
    by_height = np.maximum(np.round(buildings["height"].astype(float) / FLOOR_HEIGHT), 1)
    floors = np.where(np.isfinite(floors), floors, by_height)
    return np.asarray(buildings.geometry.area.to_numpy() * floors, np.float64)


def _people(
    context: Context, inside: gpd.GeoDataFrame, units: Rows | None, crs: CRS
) -> npt.NDArray[np.float64]:
    """People of each building: its smallest area's, shared among that area's homes."""
    people = np.full(len(inside), np.nan)
    people[(inside["use"] != HOMES).to_numpy()] = 0.0
    if units is None or units.frame.empty or inside.empty:
        return people
    middle = inside.geometry.centroid
    order = units.frame.assign(size=units.frame.area).sort_values("size")
    for row in order.itertuples():
        there = middle.within(row.geometry).to_numpy() & np.isnan(people)
        if not there.any() or row.population is None or np.isnan(row.population):
            continue
        bounds = Bounds(*lonlat_bounds(crs, row.geometry.bounds))
        homes = rows_if_any(context, BUILDING, crs=crs, bounds=bounds)
        if homes is None:
            continue
        all_homes = homes.frame[homes.frame["use"] == HOMES]
        all_homes = all_homes[all_homes.geometry.centroid.within(row.geometry)]
        total = float(np.nansum(floor_area(all_homes)))
        if total > 0:
            share = floor_area(inside)[there] / total
            people[there] = share * float(row.population)
    return people
