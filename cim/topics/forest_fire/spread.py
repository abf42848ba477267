"""火势蔓延: where the fire will be in one, two, three hours, and who is in its way."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from typing import Annotated, Any, Literal

import numpy as np
import numpy.typing as npt
from pydantic import Field
from shapely.geometry.base import BaseGeometry

from cim.city import Bounds
from cim.drawn import cell_area, collection, coverage, outline
from cim.errors import ParameterError
from cim.evidence import (
    figure,
    ground_around,
    ground_provenance,
    ground_source,
    input_of,
    rows_if_any,
    rows_of,
)
from cim.exposure import READS, ROAD, exposed
from cim.geo.crs import CGCS2000, lonlat_bounds, transformer
from cim.question import OnTerrain, Point, english, layer_field, number_field
from cim.topic import Analysis, Context, Next, Result, Verdict
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
    require_known,
    toward,
)
from cim.topics.forest_fire.front import (
    Scene,
    bands_of,
    classes_of,
    film_of,
    front_features,
    growth_of,
    legend_of,
    timed,
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
    wind: float = number_field(4.0, "风速（10 m）", "10 米高度风速。", "Wind at 10 m", "Speed.",
                               "m/s",
                               0, 30)  # fmt: skip
    wind_from: float = number_field(
        270.0, "风向（来向）", "风从哪个方向吹来，自真北顺时针。", "Wind from",
        "Where it blows from, from true north.", "deg", 0, 360,
    )  # fmt: skip
    moisture: float = number_field(
        6.0, "细小可燃物含水率", "1 小时时滞；10、100 小时各加 1、2 个百分点。",
        "Moisture of fine fuel",
        "1-h; 10-h and 100-h are one and two points wetter.", "%", 1, 60,
    )  # fmt: skip
    live: float = number_field(100.0, "活可燃物含水率", "草灌叶片。", "Live moisture",
                               "Of leaves.", "%",
                               30, 300,
        advanced=True,
    )  # fmt: skip
    sheltered: float = number_field(
        0.4, "风速折减系数", "10 m 风速折算到火焰高度：旷野 0.4，郁闭林内 0.1。", "Wind adjustment",
        "To midflame height: 0.4 in the open, 0.1 under a closed canopy.", "1", 0.05, 0.6,
        advanced=True,
    )  # fmt: skip
    start: datetime = Field(
        default=datetime(2026, 4, 12, 14, 0), title="起火时刻", description="北京时间。",  # noqa: DTZ001
        json_schema_extra=english("Start", "Beijing time."),
    )  # fmt: skip
    model: Model = Field(
        default="rothermel", title="模型", description="罗森迈尔或王正非（按变体名）。",
        json_schema_extra=english("Model", "Rothermel, or Wang Zhengfei's by the variant's name.",
                                  choices={k: list(v) for k, v in _MODELS.items()},
                                  advanced=True),
    )  # fmt: skip
    temperature: float = number_field(22.0, "气温", "王正非模型用。", "Temperature",
                                      "For Wang Zhengfei's.", "Cel", -30, 50,
        advanced=True,
    )  # fmt: skip
    humidity: float = number_field(30.0, "相对湿度", "王正非模型用。", "Humidity",
                                   "For Wang Zhengfei's.", "%", 1, 100,
        advanced=True,
    )  # fmt: skip
    doubt: bool = Field(
        default=True, title="不确定性带", description="扰动风速、风向、含水率，给出过火概率。",
        json_schema_extra=english(
            "Band of doubt", "Wind and moisture are varied; the share of runs that reach a place.",
            advanced=True,
        ),
    )  # fmt: skip
    near: float = number_field(
        50.0, "威胁距离", "距火场多远以内的人、房、路算受威胁（辐射热与飞火；未核实）。",
        "Threatened within", "People, houses and roads so near to burnt ground count as exposed "
        "(heat and embers; unverified).", "m", 0, 500,
        advanced=True,
    )  # fmt: skip
    fuel: str = layer_field(FUEL, "可燃物图层", "Anderson 1–13，0 为不燃。", "Fuel",
                            "Anderson's 1 to 13; 0 does not burn.")  # fmt: skip


def _scene(asked: SpreadParameters, context: Context) -> Scene:
    reach = min(asked.hours * 60 * FASTEST, 9000.0)
    ground = ground_around(context, asked.terrain, asked.ignitions, reach)
    grid = ground.grid
    rows, columns = grid.heights.shape
    box = (grid.west, grid.north - rows * grid.cell[1], grid.west + columns * grid.cell[0],
           grid.north)  # fmt: skip
    bounds = Bounds(*lonlat_bounds(grid.crs, box))
    fuel = rows_of(context, asked.fuel, crs=grid.crs, bounds=bounds, fields=("code",))
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
    return Scene(
        ground=ground, codes=known.codes,
        ignitions=np.array([cell_of(grid, x, y) for x, y in places], np.int64), fuel=fuel,
        inputs=inputs, convergence=grid.convergence(*places[0]),
    )  # fmt: skip


def _ellipses(asked: SpreadParameters, scene: Scene) -> Ellipses:
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


def _cold(asked: SpreadParameters, scene: Scene, runs: Ellipses) -> list[Any]:
    """How many ignitions lie on what does not burn, of which nothing is followed.

    Raises:
        ParameterError: nobody has said what burns at any of them.
    """
    at = (scene.ignitions[:, 0], scene.ignitions[:, 1])
    out = runs.fastest[at] <= 0
    blind = scene.codes[at] == UNKNOWN_FUEL
    if out.all() and blind.any():
        raise ParameterError(
            f"{scene.fuel.source} does not say what burns where the fire is said to begin",
            remedy="ingest a fuel map that covers the place, or move the ignition onto it",
        )
    named = "; ".join(
        f"{lon:.5f}, {lat:.5f}{' 可燃物未知 fuel unknown' if unknown else ''}"
        for (lon, lat), cold, unknown in zip(asked.ignitions, out, blind, strict=True) if cold
    )  # fmt: skip
    if not named:
        return []
    return [figure(
        "cold", "不燃处的起火点（未推演）", "Ignitions on what does not burn, not followed",
        int(out.sum()), "1", f"{scene.fuel.source}：{named}", verdict=Verdict.UNKNOWN,
    )]  # fmt: skip


def _members(asked: SpreadParameters) -> Iterator[SpreadParameters]:
    """The same question with other weather: ±20 % wind and moisture, ±15° of direction."""
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
    cold = _cold(asked, scene, runs)
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
    exposure = exposed(context, area.buffer(asked.near), grid.crs)
    said = ground_provenance(scene.ground, context)
    bands = bands_of(asked.hours)
    figures, hours = _figures(asked, scene, when, shares, runs), int(asked.hours)
    return Result(
        summary=(*figures[:hours], *exposure.figures(), *cold, *figures[hours:]),
        features=collection(front_features(asked, scene, when, shares, bands)),
        coverage=coverage(grid, classes_of(when, bands), context, legend_of(bands), "arrival"),
        timeline=film_of(asked, scene, when),
        series=growth_of(grid, when, asked.hours),
        tables=(timed(exposure, scene, when),),
        following=(
            Next(analysis="forest_fire.response", title="谁最快赶到",
                 title_en="Who gets there first",
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


def _figures(
    asked: SpreadParameters, scene: Scene, when: Floats, shares: Floats, runs: Ellipses
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
        figure("fastest", "最大蔓延速度", "Fastest", float(runs.fastest[burnt].max()), "m/min",
               source),
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


SPREAD = Analysis(
    id="forest_fire.spread",
    guide="fire.md",
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
    version=2,
    example={"ignitions": [[106.6298, 35.2335]], "wind": 5.0, "wind_from": 290.0},
    reads=lambda asked: (asked.terrain, asked.fuel, WATER, *READS),
    references=(
        "Rothermel (1972), A mathematical model for predicting fire spread, INT-115",
        "Anderson (1982), Aids to determining fuel models, INT-122; (1983), INT-305",
        "Finney (2002), Minimum travel time methods, Can. J. Forest Research 32, 1420-1424",
        "Wang Zhengfei (1992), as quoted in MDPI Fire 8(9) 349（-0.3 项未核实）",
    ),
)
