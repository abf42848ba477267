"""From published layers to a network of pipes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import geopandas as gpd
import numpy as np
import numpy.typing as npt
import shapely
from pyproj import CRS

from cim.errors import ParameterError
from cim.evidence import Rows, rows_if_any, rows_of
from cim.geo.area import distances_along
from cim.geo.crs import to_lonlat
from cim.question import Pair
from cim.topic import Context
from cim.topics.pipelines.analysis.assembly import PipeRow, join
from cim.topics.pipelines.analysis.attaching import (
    Pegs,
    PointRow,
    loose_tees,
    operable,
    place_of,
    shut,
    valve_places,
)
from cim.topics.pipelines.analysis.model import (
    Fault,
    Hydrant,
    Network,
    Place,
    Source,
    User,
    Valve,
)

Floats = npt.NDArray[np.float64]

MOST_SEGMENTS = 200_000
WATER = ("hydrants", "sources", "users")
CODES = {"water": "JS", "gas": "RQ", "sewage": "WS", "rain": "YS", "heat": "RL"}  # CJJ 61 annex B


@dataclass(frozen=True, slots=True, kw_only=True)
class Drawn:
    """A network and the layers it was drawn from.

    Args:
        network: In the city's compute CRS.
        crs: That CRS.
        rows: By parameter name; None where a layer is not published.
    """

    network: Network
    crs: CRS
    rows: Mapping[str, Rows | None]

    def source(self, name: str = "pipes") -> str:
        """The evidence of a figure: layer and version; empty where there is none."""
        rows = self.rows.get(name)
        return "" if rows is None else rows.source

    def lonlat(self, x: float, y: float) -> Pair:
        """Degrees of a place."""
        return lonlat_of(self.crs, x, y)


def lonlat_of(crs: CRS, x: float, y: float) -> Pair:
    """Degrees of a place in a CRS."""
    lon, lat = to_lonlat(crs, np.array([[x, y]]))[0]
    return round(float(lon), 8), round(float(lat), 8)


def network_of(
    context: Context, pipes: str, *, tolerance: float, reach: float = 0.0, **layers: str
) -> Drawn:
    """The network of a layer of pipes, with what stands on it.

    Args:
        context: The question's.
        pipes: The layer of segments.
        tolerance: Within which points and pipes meet, m.
        reach: How far a user may stand from its pipe, m.
        layers: Of ``valves``, ``hydrants``, ``sources``, ``users``; those not published are left
            out, and the answer can say so.

    Raises:
        NotFoundError: the pipes are not published.
        ParameterError: a layer is no layer of lines, or of points.
    """
    rows = rows_of(context, pipes)
    _require(rows, ("from_no", "to_no"), pipes)
    noun = pipes.rsplit(".", maxsplit=1)[-1]
    code = CODES.get(noun.split("_", maxsplit=1)[0], "")
    dry = bool(code) and code != CODES["water"]  # water's users do not hang on another network
    others = {
        name: None if dry and name in WATER else rows_if_any(context, layer)
        for name, layer in layers.items()
    }
    for name, found in others.items():
        if found is not None:
            _require(found, (), layers[name])
    frames = {name: None if found is None else found.frame for name, found in others.items()}
    network = assembled(rows.frame, frames, tolerance=tolerance, reach=reach, code=code)
    return Drawn(network=network, crs=context.city.compute_crs, rows={"pipes": rows, **others})


def assembled(
    pipes: gpd.GeoDataFrame, frames: Mapping[str, gpd.GeoDataFrame | None], *, tolerance: float,
    reach: float, code: str = "",
) -> Network:  # fmt: skip
    """The network of rows.

    Args:
        pipes: Segments, in a projected CRS in metres.
        frames: Of ``valves``, ``hydrants``, ``sources``, ``users``, in the same CRS.
        tolerance: Within which points and pipes meet, m.
        reach: How far a user may stand from its pipe, m.
        code: Of CJJ 61 annex B; fittings of another network are passed over.
    """
    nodes, links, faults = join(pipe_rows(pipes), tolerance)
    found = [*faults, *loose_tees(nodes, links, tolerance)]
    bench = _Bench(Pegs(nodes, links), tolerance, found, code)
    return Network(
        nodes=nodes, links=links, valves=tuple(bench.valves(frames.get("valves"))),
        hydrants=tuple(bench.hydrants(frames.get("hydrants"))),
        sources=tuple(bench.sources(frames.get("sources"))),
        users=tuple(bench.users(frames.get("users"), max(reach, tolerance))),
        faults=tuple(found), counted={"rows": len(pipes)},
    )  # fmt: skip


def _require(rows: Rows, fields: tuple[str, ...], layer: str) -> None:
    lines = bool(fields)
    kinds = {"LineString", "MultiLineString"} if lines else {"Point", "MultiPoint"}
    known = set(rows.frame.columns)
    if not set(rows.frame.geom_type.dropna().unique()) <= kinds or not set(fields) <= known:
        raise ParameterError(
            f"{layer} is no layer of {'pipe segments' if lines else 'points'}",
            remedy="name one like pipelines.water_pipe" if lines else
            "name one like pipelines.valve",
        )  # fmt: skip
    if len(rows.frame) > MOST_SEGMENTS:
        raise ParameterError(
            f"{layer} has {len(rows.frame)} rows, more than {MOST_SEGMENTS}",
            remedy="publish the network of one district as a layer of its own",
        )


def _number(value: Any) -> float | None:
    if value is None or isinstance(value, str):
        return None
    number = float(value)
    return number if np.isfinite(number) else None


def _text(value: Any) -> str:
    return "" if value is None or value != value else str(value).strip()  # noqa: PLR0124 NaN


def _positive(value: Any) -> float | None:
    number = _number(value)
    return number if number is not None and number > 0 else None


def _integer(value: Any) -> int | None:
    number = _number(value)
    return None if number is None else int(number)


def pipe_rows(frame: gpd.GeoDataFrame) -> list[PipeRow]:
    """Rows of a layer of pipes; those without geometry are skipped."""
    frame = frame[~(frame.geometry.isna() | frame.geometry.is_empty)]
    degrees = frame.to_crs(4490).geometry
    found = []
    for row, shape, lonlat in zip(frame.to_dict("records"), frame.geometry, degrees, strict=True):
        merged = shapely.line_merge(shape)
        whole = merged.geom_type == "LineString"
        line = shapely.get_coordinates(merged if whole else shape)
        angles = shapely.get_coordinates(shapely.line_merge(lonlat) if whole else lonlat)
        found.append(PipeRow(
            no=_text(row.get("seg_id")) or f"#{row['fid']}",
            ends=(_text(row.get("from_no")), _text(row.get("to_no"))),
            line=_from_start(line, shape), length=float(distances_along(angles)[-1]),
            whole=whole, diameter=_positive(row.get("dn")), material=_text(row.get("material")),
            elevations=(_number(row.get("start_elev")), _number(row.get("end_elev"))),
            depths=(_number(row.get("start_depth")), _number(row.get("end_depth"))),
            reference=_text(row.get("elev_ref")).lower(),
            direction=_integer(row.get("flow_dir")),
        ))  # fmt: skip
    return found


def _from_start(line: Floats, shape: Any) -> Floats:
    """Merging may turn a line round: start where the first part starts."""
    first = shapely.get_coordinates(shape)[0]
    return line if np.allclose(line[0], first) else line[::-1]


class _Bench:
    """Where what stands on the pipes is attached to them."""

    def __init__(self, pegs: Pegs, tolerance: float, faults: list[Fault], code: str) -> None:
        self.pegs, self.tolerance, self.faults, self.code = pegs, tolerance, faults, code

    def _rows(self, frame: gpd.GeoDataFrame | None, number: str) -> list[PointRow]:
        if frame is None:
            return []
        frame = frame[~(frame.geometry.isna() | frame.geometry.is_empty)]
        found = []
        for row, shape in zip(frame.to_dict("records"), frame.geometry, strict=True):
            kind = _text(row.get("kind")).upper()
            if number == "point_no" and kind and self.code and not kind.startswith(self.code):
                continue  # of another network
            x, y = shapely.get_coordinates(shape)[0]
            found.append(PointRow(
                no=_text(row.get(number)) or f"#{row['fid']}", x=float(x), y=float(y),
                segment=_text(row.get("seg_id")), more=row,
            ))  # fmt: skip
        return found

    def _at(self, row: PointRow, reach: float, kind: str) -> Place | None:
        found = place_of(row, self.pegs, reach, kind)
        if isinstance(found, Place):
            return found
        self.faults.append(found)
        return None

    def valves(self, rows: gpd.GeoDataFrame | None) -> list[Valve]:
        found: list[Valve] = []
        for row in self._rows(rows, "point_no"):
            places = valve_places(row, self.pegs, self.tolerance)
            if isinstance(places, Fault):
                self.faults.append(places)
                continue
            for at in places:
                name = self.pegs.links[at.link].no
                found.append(Valve(
                    no=row.no if len(places) == 1 else f"{row.no}@{name}", at=at, x=row.x, y=row.y,
                    operable=operable(row.more.get("operable")), closed=shut(row.more.get("state")),
                ))  # fmt: skip
        return found

    def hydrants(self, rows: gpd.GeoDataFrame | None) -> list[Hydrant]:
        return [
            Hydrant(no=row.no, at=at, x=row.x, y=row.y)
            for row in self._rows(rows, "point_no")
            if (at := self._at(row, self.tolerance, "hydrant_off")) is not None
        ]

    def sources(self, rows: gpd.GeoDataFrame | None) -> list[Source]:
        found = []
        for row in self._rows(rows, "source_no"):
            by_point = self.pegs.at_node(_text(row.more.get("point_no")))
            at = by_point[0] if by_point else self._at(row, self.tolerance, "source_off")
            if at is None:
                continue
            link = self.pegs.links[at.link]
            found.append(Source(
                no=row.no, name=_text(row.more.get("name")) or row.no,
                kind=_SOURCES.get(_text(row.more.get("source_kind")), ""),
                node=link.tail if at.fraction < 0.5 else link.head,
                **{key: _number(row.more.get(name)) for key, name in _SOURCE_FIELDS.items()},
            ))  # fmt: skip
        return found

    def users(self, rows: gpd.GeoDataFrame | None, reach: float) -> list[User]:
        return [
            User(
                no=row.no, name=_text(row.more.get("name")) or row.no, at=at, x=row.x, y=row.y,
                demand=_number(row.more.get("demand")), people=_integer(row.more.get("people")),
                critical=_text(row.more.get("critical")),
            )
            for row in self._rows(rows, "user_no")
            if (at := self._at(row, reach, "user_off")) is not None
        ]  # fmt: skip


_SOURCES = {"水厂": "reservoir", "水库": "reservoir", "清水池": "reservoir",
            "reservoir": "reservoir",
            "高位水池": "tank", "水塔": "tank", "tank": "tank",
            "加压泵站": "pump", "泵站": "pump", "pump": "pump"}  # fmt: skip
_SOURCE_FIELDS = {"head": "head", "bottom": "bottom_elev", "lowest": "min_level",
                  "highest": "max_level", "diameter": "diameter", "flow": "pump_flow",
                  "lift": "pump_lift"}  # fmt: skip
