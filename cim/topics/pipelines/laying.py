"""From published layers to pipes as they lie: courses, radii, heights, joints and classes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import geopandas as gpd
import numpy as np
import numpy.typing as npt
import pandas as pd
import shapely
from pydantic import Field
from pyproj import CRS, Proj
from shapely.geometry.base import BaseGeometry

from cim.catalog.elevation import Ground
from cim.city import Bounds
from cim.errors import NotFoundError, ParameterError
from cim.evidence import Rows, rows_if_any
from cim.geo.crs import CGCS2000, rows, to_lonlat, transformer
from cim.geo.laid import Laid, lay, nodes_of
from cim.pipe_rows import NEEDED, courses, grounds_of, number, pair, records_of, text
from cim.question import Area, english, layer_field, shape_of
from cim.topic import Context, Parameters
from cim.topics.pipelines.analysis.clearance import Town
from cim.topics.pipelines.analysis.rule_table import Traits, layings, pressures
from cim.topics.pipelines.laying_terrain import ground_at, terrain_around
from cim.walls import WALLS, Walls

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]

KINDS = {
    "water": ("给水", "water"), "sewage": ("污水", "sewage"), "rain": ("雨水", "rain"),
    "gas": ("燃气", "gas"), "heat": ("热力", "heat"), "power": ("电力", "power"),
    "telecom": ("通信", "telecom"),
}  # fmt: skip
COLOURS = {"water": "#00ffff", "sewage": "#4c3926", "rain": "#6b5947", "gas": "#ff00ff",
           "heat": "#ff8000", "power": "#ff0000", "telecom": "#00ff00"}  # fmt: skip
POINTS = ("pipelines.manhole", "pipelines.valve", "pipelines.hydrant")
MOST_PIPES = 200_000
DN_BANDS = (200.0, 300.0)  # mm: where a table of clearances changes
KV_BANDS = (35.0,)


def _pipes(noun: str, title: str, title_en: str) -> Any:
    return layer_field(
        f"pipelines.{noun}", f"{title}图层", "未发布的图层不参与，并在来源中列出。",
        f"{title_en} layer", "Takes no part where it is not published; the provenance says so.",
        advanced=True,
    )  # fmt: skip


class OnPipes(Parameters):
    """Which pipes are asked, and how their heights and walls are read."""

    walls: Walls = Field(
        default="none",
        title="管壁",
        description="none 把公称直径当作外径；table 按材质查壁厚表（未核实）。",
        json_schema_extra=english(
            "Walls", "none takes the nominal diameter for the outer one; table adds walls by "
            "material from a table that nobody has checked.",
            choices={key: list(titles) for key, titles in WALLS.items()}, advanced=True,
        ),
    )  # fmt: skip
    terrain: str = layer_field(
        "base.dem", "地形图层", "管点未测地面高程处取自该图层。",
        "Terrain layer", "Gives the ground where no surveyed point does.", kind="terrain",
        advanced=True,
    )  # fmt: skip
    water: str = _pipes("water_pipe", "给水管线", "Water")
    sewage: str = _pipes("sewage_pipe", "污水管线", "Sewage")
    rain: str = _pipes("rain_pipe", "雨水管线", "Storm drain")
    gas: str = _pipes("gas_pipe", "燃气管线", "Gas")
    heat: str = _pipes("heat_pipe", "热力管线", "Heat")
    power: str = _pipes("power_cable", "电力管线", "Power")
    telecom: str = _pipes("telecom_cable", "通信管线", "Telecom")


class OnLaid(OnPipes):
    """The pipes of an area, or all."""

    area: Area | None = Field(
        title="范围",
        description="只分析与该范围相交的管段；不给时为全部。",
        json_schema_extra=english(
            "Area", "Only segments that touch it; all without.", "deg", widget="polygon"
        ),
        default=None,
    )

    def shape(self) -> BaseGeometry | None:
        """The area, degrees."""
        return None if self.area is None else shape_of(self.area)


def layers_read(asked: OnPipes) -> tuple[str, ...]:
    """The layers whose versions decide the answer."""
    return (*(getattr(asked, kind) for kind in KINDS), *POINTS, asked.terrain)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Bedded:
    """Pipes as they lie, with what is known of them and where it comes from.

    Args:
        laid: In the city's compute CRS, heights 1985.
        other: The same with the other table of walls.
        kind: (n,) key of ``KINDS``.
        names: (n,) number of each segment.
        row: (n,) its attributes.
        numbers: (n,) numbers of the points at its ends.
        layer: (n,) which of the layers it is of.
        grounds: (n, 2) height of the ground at the ends, m; NaN where not known.
        rows: Of each kind that is published.
        points: Layers of surveyed points that are published.
        terrain: The elevation model around all; None where there is none.
        crs: The compute CRS.
        scale: Metres of its plane to a metre on the ellipsoid here.
    """

    laid: Laid
    other: Laid
    kind: npt.NDArray[np.object_]
    names: list[str]
    row: list[dict[str, Any]]
    numbers: list[tuple[str, str]]
    layer: Ints
    grounds: Floats
    rows: Mapping[str, Rows]
    points: Sequence[Rows]
    terrain: Ground | None
    crs: CRS
    scale: float

    @property
    def source(self) -> str:
        """The evidence of figures: layers and versions."""
        return ", ".join(r.source for r in self.rows.values())

    def lonlat(self, places: Floats) -> list[list[float]]:
        """Degrees of (k, 2 or 3) places."""
        if not len(places):
            return []
        found: list[list[float]] = to_lonlat(self.crs, places[:, :2]).round(8).tolist()
        return found

    def town(self, classes: Ints) -> Town:
        """As the comparisons take it."""
        return Town(
            laid=self.laid, other_radius=self.other.radius, classes=classes,
            nodes=nodes_of(self.layer, self.numbers, self.laid), scale=self.scale,
        )  # fmt: skip

    def traits(self) -> tuple[list[Traits], Ints]:
        """Classes of pipes that the tables tell apart, and the class of each pipe."""
        known: dict[Traits, int] = {}
        out = np.empty(len(self.names), np.int64)
        for i, row in enumerate(self.row):
            traits = Traits(
                kind=str(self.kind[i]), dn=_band(number(row.get("dn")), DN_BANDS),
                pressure=pressures(text(row.get("pressure_class"))),
                laying=layings(text(row.get("embedding"))),
                kv=_band(number(row.get("voltage")), KV_BANDS, upper=True),
            )  # fmt: skip
            out[i] = known.setdefault(traits, len(known))
        return list(known), out


def _band(value: float | None, edges: tuple[float, ...], *, upper: bool = False) -> float | None:
    """A value that the tables cannot tell from this one: few classes serve many pipes."""
    if value is None or value <= 0:
        return None
    if upper:  # 35 kV itself belongs above
        return max((e for e in edges if value >= e), default=0.001)
    return min((e for e in edges if value <= e), default=edges[-1] + 1)


def bedded(
    context: Context, asked: OnPipes, area: BaseGeometry | None = None, *,
    kinds: Sequence[str] = tuple(KINDS), points: Sequence[str] = POINTS,
) -> Bedded:  # fmt: skip
    """The pipes of the published layers.

    Args:
        context: The question's.
        asked: Its layers and walls.
        area: Only pipes that touch this shape of degrees; all without.
        kinds: Only these networks.
        points: Layers of surveyed points.

    Raises:
        NotFoundError: none of the layers is published.
        ParameterError: a layer is no layer of segments, no pipe lies in the area, or too many do.
    """
    pipes = bedded_if_any(context, asked, area, kinds=kinds, points=points)
    if pipes is None:
        raise ParameterError(
            f"no pipe of {', '.join(getattr(asked, k) for k in kinds)} lies there",
            remedy="choose an area with pipes, or leave it out",
        )
    return pipes


def bedded_if_any(
    context: Context, asked: OnPipes, area: BaseGeometry | None = None, *,
    kinds: Sequence[str] = tuple(KINDS), points: Sequence[str] = POINTS,
) -> Bedded | None:  # fmt: skip
    """As ``bedded``; None where no pipe touches the area, so that the answer can say so."""
    crs = context.city.compute_crs
    bounds = None if area is None else Bounds(*area.bounds)
    if bounds is not None and context.city.bounds.intersection(bounds) is None:
        raise ParameterError(
            f"the area lies outside the city: {bounds}",
            remedy=f"the city is {context.city.bounds}; check the coordinates",
        )
    found: dict[str, Rows] = {}
    for kind in kinds:
        layer = getattr(asked, kind)
        given = rows_if_any(context, layer, bounds=bounds)
        if given is not None:
            _require(given, layer)
            found[kind] = given
    if not found:
        raise NotFoundError(
            f"none of {', '.join(getattr(asked, k) for k in kinds)} is published",
            remedy="ingest the pipes; see docs/ingest.md",
        )
    frames = []
    for place, (kind, given) in enumerate(found.items()):
        frame = given.frame.assign(_kind=kind, _layer=place)
        if area is not None:
            frame = frame[frame.intersects(planar(area, crs))]
        frames.append(frame)
    whole = pd.concat([f for f in frames if len(f)] or frames[:1], ignore_index=True)
    if not len(whole):
        return None
    if len(whole) > MOST_PIPES:
        raise ParameterError(
            f"{len(whole)} segments are more than {MOST_PIPES}", remedy="ask of a smaller area"
        )
    return _bedded(
        context, asked, found, points, gpd.GeoDataFrame(whole, geometry="geometry", crs=crs)
    )


def planar(area: BaseGeometry, crs: CRS) -> BaseGeometry:
    """A shape of degrees in a plane."""
    step = transformer(CGCS2000, crs)
    return shapely.transform(area, lambda at: rows(step, at))


def _require(given: Rows, layer: str) -> None:
    names = {f.name for f in given.version.layer.fields}
    kinds = set(given.frame.geometry.geom_type.dropna())
    if not kinds <= {"LineString", "MultiLineString"} or not set(NEEDED) <= names:
        raise ParameterError(
            f"{layer} is no layer of pipe segments",
            remedy="name one like pipelines.water_pipe",
        )


def _bedded(
    context: Context,
    asked: OnPipes,
    found: dict[str, Rows],
    layers: Sequence[str],
    frame: gpd.GeoDataFrame,
) -> Bedded:
    lines = courses(frame.geometry.to_numpy())
    row = frame.drop(columns="geometry").to_dict("records")
    numbers = [(text(r.get("from_no")), text(r.get("to_no"))) for r in row]
    points = [p for layer in layers if (p := rows_if_any(context, layer)) is not None]
    terrain = terrain_around(context, asked.terrain, frame)
    grounds = grounds_of(
        lines, numbers, [p.frame for p in points], pair(row, "elev") + pair(row, "depth"),
        lambda at: ground_at(terrain, frame.crs, at),
    )  # fmt: skip
    other: Walls = "table" if asked.walls == "none" else "none"
    both = [lay(records_of(row, lines, grounds, how, widest=how == asked.walls))
            for how in (asked.walls, other)]  # fmt: skip
    middle = frame.total_bounds
    place = to_lonlat(frame.crs, np.array([[(middle[0] + middle[2]) / 2,
                                            (middle[1] + middle[3]) / 2]]))[0]  # fmt: skip
    return Bedded(
        laid=both[0], other=both[1], kind=frame["_kind"].to_numpy(object),
        names=[text(r.get("seg_id")) or f"#{r['fid']}" for r in row], row=row, numbers=numbers,
        layer=frame["_layer"].to_numpy(np.int64), grounds=grounds, rows=found, points=points,
        terrain=terrain, crs=frame.crs,
        scale=float(Proj(frame.crs).get_factors(*place).meridional_scale),
    )  # fmt: skip
