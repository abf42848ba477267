"""火势蔓延: where the fire will be in one, two, three hours, and who is in its way."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Annotated, Any, Literal

import numpy as np
import numpy.typing as npt
import shapely
from pydantic import Field
from shapely.geometry.base import BaseGeometry

from cim.catalog.elevation import Ground
from cim.city import Bounds
from cim.drawn import NOTHING, cell_area, collection, coverage, feature, listed
from cim.evidence import (
    Rows,
    ground_around,
    ground_provenance,
    ground_source,
    input_of,
    rows_if_any,
    rows_of,
)
from cim.exposure import READS, ROAD, Exposure, exposed
from cim.geo.crs import CGCS2000, lonlat_bounds, to_lonlat, transformer
from cim.question import OnTerrain, Point, english, layer_field, number_field
from cim.topic import Analysis, Axis, Context, LegendEntry, Next, Result, Series
from cim.topics.forest_fire.analysis.fuel import Moisture
from cim.topics.forest_fire.analysis.spread import (
    Ellipses,
    Wind,
    arrival,
    ellipses,
    midflame,
)
from cim.topics.forest_fire.analysis.wang import wang_ellipses
from cim.topics.forest_fire.asked import (
    NOT_FOR_DISPATCH,
    UNKNOWN_FUEL,
    cell_of,
    cover,
    figure,
    iso,
    moment,
    outline,
    require_known,
    toward,
)

Floats = npt.NDArray[np.float64]
Model = Literal["rothermel", "wang_1992", "wang_humidity"]
FUEL, WATER = "forest_fire.fuel", "base.water"
_MODELS = {
    "rothermel": ("罗森迈尔（标准可燃物）", "Rothermel, standard fuels"),
    "wang_1992": ("王正非 1992", "Wang Zhengfei, 1992"),
    "wang_humidity": ("王正非（湿度式变体）", "Wang Zhengfei, humidity variant"),
}
MEMBERS = 20
FASTEST = 120.0  # m/min: what bounds the ground that is read; faster runs are told to be cut
_COLOURS = ("#b71c1c", "#e53935", "#fb8c00", "#fdd835", "#c0ca33", "#7cb342", "#26a69a", "#5c6bc0")


class SpreadParameters(OnTerrain):
    """What spread asks for."""

    ignitions: Annotated[
        list[Point],
        Field(
            min_length=1, max_length=50, title="起火点", description="一个或多个起火点（经纬度）。",
            json_schema_extra=english("Ignitions", "One or more places.", "deg", widget="points"),
        ),
    ]  # fmt: skip
    hours: float = number_field(3.0, "推演时长", "推演到多少小时。", "Hours", "How long it is "
                                                                  "followed.",
                                "h", 0.25, 12)  # fmt: skip
    wind: float = number_field(4.0, "风速（10 m）", "10 米高度风速。"
                                                "", "Wind at 10 m", "Speed.", "m/s",
                               0, 30)  # fmt: skip
    wind_from: float = number_field(
        270.0, "风向（来向）", "风从哪个方向吹来，自真北顺时针。", "Wind from",
        "Where it blows from, from true north.", "deg", 0, 360,
    )  # fmt: skip
    moisture: float = number_field(
        6.0, "细小可燃物含水率", "1 小时时滞；10、100 小时各加 1、2 个百分点。"
                         "", "Moisture of fine fuel",
        "1-h; 10-h and 100-h are one and two points wetter.", "%", 1, 60,
    )  # fmt: skip
    live: float = number_field(100.0, "活可燃物含水率"
                                      "", "草灌叶片。", "Live moisture", "Of leaves.", "%",
                               30, 300)  # fmt: skip
    sheltered: float = number_field(
        0.4, "风速折减系数", "10 m 风速折算到火焰高度：旷野 0.4，郁闭林内 0.1。", "Wind adjustment",
        "To midflame height: 0.4 in the open, 0.1 under a closed canopy.", "1", 0.05, 0.6,
    )  # fmt: skip
    start: datetime = Field(
        default=datetime(2026, 4, 12, 14, 0), title="起火时刻", description="北京时间。",  # noqa: DTZ001
        json_schema_extra=english("Start", "Beijing time."),
    )  # fmt: skip
    model: Model = Field(
        default="rothermel", title="模型", description="罗森迈尔或王正非（按变体名）。",
        json_schema_extra=english("Model", "Rothermel, or Wang Zhengfei's by the variant's name.",
                                  choices={k: list(v) for k, v in _MODELS.items()}),
    )  # fmt: skip
    temperature: float = number_field(22.0, "气温", "王正非模型用。", "Temperature",
                                      "For Wang Zhengfei's.", "Cel", -30, 50)  # fmt: skip
    humidity: float = number_field(30.0, "相对湿度", "王正非模型用。", "Humidity",
                                   "For Wang Zhengfei's.", "%", 1, 100)  # fmt: skip
    doubt: bool = Field(
        default=True, title="不确定性带", description="扰动风速、风向、含水率，给出过火概率。",
        json_schema_extra=english(
            "Band of doubt", "Wind and moisture are varied; the share of runs that reach a place."
        ),
    )  # fmt: skip
    fuel: str = layer_field(FUEL, "可燃物图层", "Anderson 1–13，0 为不燃。", "Fuel",
                            "Anderson's 1 to 13; 0 does not burn.")  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _Scene:
    """The ground that may burn."""

    ground: Ground
    codes: npt.NDArray[np.uint8]
    ignitions: npt.NDArray[np.int64]
    fuel: Rows
    inputs: list[dict[str, Any]]
    convergence: float


def _scene(asked: SpreadParameters, context: Context) -> _Scene:
    reach = min(asked.hours * 60 * FASTEST, 9000.0)
    ground = ground_around(context, asked.terrain, asked.ignitions, reach)
    grid = ground.grid
    rows, columns = grid.heights.shape
    box = (grid.west, grid.north - rows * grid.cell[1], grid.west + columns * grid.cell[0],
           grid.north)  # fmt: skip
    bounds = Bounds(*lonlat_bounds(grid.crs, box))
    fuel = rows_of(context, asked.fuel, crs=grid.crs, bounds=bounds)
    stops: list[BaseGeometry] = []
    inputs = [input_of(fuel.version)]
    for layer in (WATER, ROAD):
        found = rows_if_any(context, layer, crs=grid.crs, bounds=bounds)
        if found is not None:
            stops += [s for s in found.frame.geometry if s is not None]
            inputs.append(input_of(found.version))
    known = cover(grid, fuel, stops)
    require_known(known, fuel.source)
    step = transformer(CGCS2000, grid.crs)
    places = [step.transform(*point) for point in asked.ignitions]
    return _Scene(
        ground=ground, codes=known.codes,
        ignitions=np.array([cell_of(grid, x, y) for x, y in places], np.int64), fuel=fuel,
        inputs=inputs, convergence=grid.convergence(*places[0]),
    )  # fmt: skip


def _ellipses(asked: SpreadParameters, scene: _Scene) -> Ellipses:
    blows = toward(asked.wind_from, scene.convergence)
    if asked.model == "rothermel":
        moist = Moisture(one=asked.moisture, ten=asked.moisture + 1, hundred=asked.moisture + 2,
                         live=asked.live)  # fmt: skip
        wind = Wind(speed=midflame(asked.wind, asked.sheltered), toward=blows)
        return ellipses(scene.ground.grid, scene.codes, moist, wind)
    variant = asked.model.removeprefix("wang_")
    return wang_ellipses(
        scene.ground.grid, scene.codes, asked.temperature, asked.humidity,
        Wind(speed=asked.wind, toward=blows), variant,
    )  # fmt: skip


def _members(asked: SpreadParameters) -> Iterator[SpreadParameters]:
    """The same question with what the weather may do: ±20 % wind, ±15° direction, ±20 % "
    "moisture.
    """
    rng = np.random.default_rng(20)
    for _ in range(MEMBERS):
        yield asked.model_copy(update={
            "wind": float(np.clip(asked.wind * rng.normal(1, 0.2), 0, 30)),
            "wind_from": float((asked.wind_from + rng.normal(0, 15)) % 360),
            "moisture": float(np.clip(asked.moisture * rng.normal(1, 0.2), 1, 60)),
            "humidity": float(np.clip(asked.humidity * rng.normal(1, 0.2), 1, 100)),
        })  # fmt: skip


def spread(asked: SpreadParameters, context: Context) -> Result:
    """Let it burn."""
    scene = _scene(asked, context)
    grid, minutes = scene.ground.grid, asked.hours * 60
    runs = _ellipses(asked, scene)
    when = arrival(grid, runs, scene.ignitions, minutes)
    burnt = np.isfinite(when)
    shares = np.zeros(when.shape)
    if asked.doubt:
        for member in _members(asked):
            shares += (
                np.isfinite(arrival(grid, _ellipses(member, scene), scene.ignitions, minutes))
                / MEMBERS
            )
    area = outline(grid, burnt)
    exposure = exposed(context, area, grid.crs)
    said = ground_provenance(scene.ground, context)
    bands = _bands(asked.hours)
    return Result(
        summary=(*_figures(asked, scene, when, shares, runs), *exposure.figures()),
        features=collection(_features(asked, scene, when, shares, bands)),
        coverage=coverage(grid, _classes(when, bands), context, _legend(bands), "arrival"),
        timeline=_film(asked, scene, when),
        series=_growth(grid, when, asked.hours),
        tables=(_timed(exposure, scene, when),),
        following=(
            Next(analysis="forest_fire.response", title="谁最快赶到", title_en="Who gets there first",
                 values={"fire": list(asked.ignitions[0])}),
        ),
        provenance=said | {
            "inputs": [*said["inputs"], *scene.inputs, *exposure.inputs],
            "missing_layers": list(exposure.missing), "model": asked.model,
            "convergence_deg": scene.convergence, "members": MEMBERS if asked.doubt else 0,
            "applicability": f"{NOT_FOR_DISPATCH}. 地表火，定常天气；不含飞火、树冠火与扑救；道"
                             "路与水面按阻火处理 "
            "surface fire in steady weather: no spotting, crowning or fighting; roads and "
            "water stop it",
        },
    )  # fmt: skip


def _bands(hours: float) -> Floats:
    """Ends of the classes of arrival, minutes: at most eight equal parts."""
    count = min(len(_COLOURS), max(1, math.ceil(hours * 2)))
    return np.asarray(np.linspace(0, hours * 60, count + 1)[1:], np.float64)


def _legend(bands: Floats) -> tuple[LegendEntry, ...]:
    return tuple(
        LegendEntry(value=i, color=f"{_COLOURS[i]}b0", title=f"≤{end:g} 分钟",
                    title_en=f"within {end:g} min")
        for i, end in enumerate(bands.round(1).tolist())
    )  # fmt: skip


def _classes(when: Floats, bands: Floats) -> npt.NDArray[np.uint8]:
    classes = np.full(when.shape, NOTHING, np.uint8)
    burnt = np.isfinite(when)
    classes[burnt] = np.minimum(np.searchsorted(bands, when[burnt]), len(bands) - 1)
    return classes


def _figures(
    asked: SpreadParameters, scene: _Scene, when: Floats, shares: Floats, runs: Ellipses
) -> tuple[Any, ...]:
    grid, burnt = scene.ground.grid, np.isfinite(when)
    cell = cell_area(grid)
    zh, en = _MODELS[asked.model]
    doubtful = "（模型 -0.3 项未核实 unverified term）" if asked.model == "wang_1992" else ""
    source = f"{ground_source(scene.ground)}；{scene.fuel.source}；{zh} {en}{doubtful}"
    rows = [
        figure(f"area_{hour}h", f"{hour} 小时过火面积", f"Burnt after {hour} h",
               cell * int((when <= hour * 60).sum()) / 1e4, "har", source)
        for hour in range(1, int(asked.hours) + 1)
    ]  # fmt: skip
    if asked.hours != int(asked.hours):
        rows.append(figure("area_end", "终了过火面积", "Burnt at the end",
                           cell * int(burnt.sum()) / 1e4, "har", source))  # fmt: skip
    at = scene.ignitions[0]
    row, column = np.nonzero(burnt)
    far = float(np.hypot((row - at[0]) * grid.cell[1], (column - at[1]) * grid.cell[0]).max())
    edge = bool(burnt[[0, -1]].any() or burnt[:, [0, -1]].any())
    near = np.zeros(burnt.shape, bool)
    near[1:, :] |= burnt[:-1]
    near[:-1, :] |= burnt[1:]
    near[:, 1:] |= burnt[:, :-1]
    near[:, :-1] |= burnt[:, 1:]
    blind = int((near & ~burnt & (scene.codes == UNKNOWN_FUEL)).sum())
    rows += [
        figure("fastest", "最大蔓延速度"
                          "", "Fastest", float(runs.fastest[burnt].max()), "m/min", source),
        figure("farthest", "距起火点最远", "Farthest", far, "m", source),
        figure("complete", "是否完整", "Complete",
               "否：已到计算边界 no: reaches the edge" if edge else
               "否：邻接可燃物未知区 no: meets unknown fuel" if blind else "是 yes", "", source),
    ]  # fmt: skip
    if asked.doubt:
        rows += [
            figure("likely_area", "过火概率 ≥50% 面积", "Burns in half of the runs",
                   cell * int((shares >= 0.5).sum()) / 1e4, "har", source),
            figure("possible_area", "过火概率 ≥5% 面积", "Burns in one of twenty runs",
                   cell * int((shares >= 0.05).sum()) / 1e4, "har", source),
        ]  # fmt: skip
    return tuple(rows)


def _features(
    asked: SpreadParameters, scene: _Scene, when: Floats, shares: Floats, bands: Floats
) -> list[dict[str, Any]]:
    grid = scene.ground.grid
    drawn = []
    if asked.doubt:
        for least, color in ((0.05, "#90a4ae"), (0.5, "#ffb74d"), (0.95, "#d84315")):
            band = outline(grid, shares >= least - 1e-9)
            if not band.is_empty:
                drawn.append(feature(band, f"过火概率 ≥{least:.0%}", f"Burns in {least:.0%} of "
                                                                 "runs",
                                     crs=grid.crs, color=color, width=2, dash=True))  # fmt: skip
    for number, end in enumerate(bands.tolist()):
        ring = outline(grid, when <= end)
        drawn.append(feature(ring, f"{end:g} 分钟火线", f"Front after {end:g} min", crs=grid.crs,
                             color=_COLOURS[number], width=3))  # fmt: skip
    drawn += [
        feature(shapely.Point(*point), "起火点", "Ignition", color="#ff1744", width=14, label=True)
        for point in asked.ignitions
    ]
    return drawn


def _film(asked: SpreadParameters, scene: _Scene, when: Floats) -> list[dict[str, Any]]:
    """The burnt ground, growing; each step stays until the next."""
    grid, begin = scene.ground.grid, moment(asked.start)
    steps = np.linspace(0, asked.hours * 60, 25)[1:]
    end = begin + timedelta(hours=asked.hours)
    packets: list[dict[str, Any]] = [
        {"id": "document", "name": "火势蔓延", "version": "1.0",
         "clock": {"interval": f"{iso(begin)}/{iso(end)}", "currentTime": iso(begin),
                   "multiplier": asked.hours * 3600 / 20}}
    ]  # fmt: skip
    for number, until in enumerate(steps):
        ring = outline(grid, when <= until)
        first = begin + timedelta(minutes=float(steps[number - 1]) if number else 0.0)
        last = begin + timedelta(minutes=float(until)) if number + 1 < len(steps) else end
        for part_number, part in enumerate(getattr(ring, "geoms", [ring])):
            if part.is_empty:
                continue
            holes = [_flat(grid.crs, inner) for inner in part.interiors]
            packets.append({
                "id": f"{number}-{part_number}", "availability": f"{iso(first)}/{iso(last)}",
                "polygon": {
                    "positions": {"cartographicDegrees": _flat(grid.crs, part.exterior)},
                    "holes": {"cartographicDegrees": holes},
                    "material": {"solidColor": {"color": {"rgba": [229, 57, 53, 140]}}},
                },
            })  # fmt: skip
    return packets


def _flat(crs: Any, ring: Any) -> list[float]:
    at = to_lonlat(crs, shapely.get_coordinates(ring)[:-1]).round(7).tolist()
    return [v for lon, lat in at for v in (lon, lat, 0.0)]


def _growth(grid: Any, when: Floats, hours: float) -> tuple[Series, ...]:
    times = np.linspace(0, hours * 60, 37)
    cell = cell_area(grid) / 1e4
    areas = np.array([(when <= t).sum() * cell for t in times])
    return (
        Series(title="过火面积", title_en="Burnt area",
               x=Axis(title="时间", title_en="Time", unit="min", values=listed(times, 2)),
               y=(Axis(title="面积", title_en="Area", unit="har", values=listed(areas, 3)),)),
    )  # fmt: skip


def _timed(exposure: Exposure, scene: _Scene, when: Floats) -> Any:
    """Who is exposed, by the minute the fire arrives."""
    table = exposure.table(most=5000)
    grid = scene.ground.grid
    step = transformer(CGCS2000, grid.crs)
    rows = []
    for row in table.rows:
        x, y = step.transform(*row["place"])
        r, c = (round(v) for v in grid.index(x, y))
        window = when[max(r - 2, 0) : r + 3, max(c - 2, 0) : c + 3]
        soon = float(window.min()) if window.size else math.inf
        rows.append({**row, "minutes": round(soon, 1) if math.isfinite(soon) else None})
    rows.sort(key=lambda r: math.inf if r["minutes"] is None else r["minutes"])
    return type(table)(
        title=table.title, title_en=table.title_en,
        columns=(*table.columns, ("minutes", "火到时间", "Fire arrives", "min")), rows=rows[:500],
    )  # fmt: skip


SPREAD = Analysis(
    id="forest_fire.spread",
    title="一、二、三小时后火在哪里，谁在火前",
    title_en="Where will the fire be in one, two, three hours, and who is in its way",
    summary=(
        "按罗森迈尔模型（或王正非模型）在可燃物、地形和风上推演火线到达时间，道路与水面阻火，扰动天气给出过火概率，"
        "列出受威胁的人、房、路、管线及火到时间。"
    ),
    summary_en=(
        "Arrival of the fire over fuel, ground and wind by Rothermel's model (or Wang Zhengfei's), "
        "stopped by roads and water; varied weather gives a band of doubt; who and what is "
        "exposed, "
        "and when."
    ),
    parameters=SpreadParameters,
    run=spread,
    example={"ignitions": [[106.6290, 35.2335]], "wind": 5.0, "wind_from": 290.0},
    reads=lambda asked: (asked.terrain, asked.fuel, WATER, *READS),
    references=(
        "Rothermel (1972), A mathematical model for predicting fire spread, INT-115",
        "Anderson (1982), Aids to determining fuel models, INT-122; (1983), INT-305",
        "Finney (2002), Minimum travel time methods, Can. J. Forest Research 32, 1420-1424",
        "Wang Zhengfei (1992), as quoted in MDPI Fire 8(9) 349（-0.3 项未核实）",
    ),
)
