"""开挖分析: what a pit lays bare, how much earth it moves, how near the other pipes are."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Self

import numpy as np
import shapely
from pydantic import Field, model_validator
from shapely import LineString

from cim.catalog.elevation import Ground
from cim.city import Bounds
from cim.drawn import collection, feature
from cim.errors import ParameterError
from cim.evidence import ground_accuracy, ground_around, ground_source, input_of
from cim.geo.area import ellipsoidal_area
from cim.geo.crs import lonlat_bounds, rows, transformer
from cim.geo.pit import Dug, Pit, dig, lowest_ground
from cim.question import Area, area_field, english, number_field, shape_of
from cim.topic import Analysis, Context, Figure, Result, Table, Verdict
from cim.topics.pipelines.analysis.excavation import (
    BARE,
    BELOW,
    BESIDE,
    UNTOLD,
    Touched,
    touched,
)
from cim.topics.pipelines.clearance import LIMITS, tube
from cim.topics.pipelines.laying import (
    COLOURS,
    KINDS,
    Bedded,
    OnPipes,
    bedded_if_any,
    layers_read,
    planar,
)
from cim.topics.pipelines.laying_answer import MOST_ROWS, provenance

LARGEST = 1.0e6  # m²
_WORDS = {
    BARE: ("暴露", "laid bare"), BELOW: ("位于坑底以下", "below the pit"),
    BESIDE: ("坑外邻近", "beside the pit"),
    UNTOLD: ("缺高程或管径", "height or diameter not known"),
}  # fmt: skip


class ExcavationParameters(OnPipes):
    """What an excavation asks for."""

    outline: Area = area_field("坑底范围", "基坑底边线。", "Floor", "Outline of the pit's floor.")
    depth: float | None = Field(
        default=None, gt=0, le=60, title="开挖深度",
        description="自坑底范围内最低地面起算的深度；与坑底标高二选一。",
        json_schema_extra=english(
            "Depth", "Below the lowest ground inside the outline, so that it is as deep or deeper "
            "everywhere; this or the level.", "m",
        ),
    )  # fmt: skip
    level: float | None = Field(
        default=None, ge=-500, le=9000, title="坑底标高（1985）",
        description="坑底高程；与开挖深度二选一。",
        json_schema_extra=english("Level (1985)", "Of the floor; this or the depth.", "m"),
    )  # fmt: skip
    grade: float = number_field(
        0.0, "放坡系数", "边坡 1:m 的 m；0 为直立坑壁。", "Side slope",
        "Horizontal metres to one of rise, the m of 1:m; 0 for upright sides.", "1", 0.0, 5.0,
    )  # fmt: skip
    reach: float = number_field(
        10.0, "邻近范围", "坑外多远以内的管线一并列出。", "Reach",
        "How far beside the pit pipes are told of.", "m", 0.0, 200.0,
    )  # fmt: skip

    @model_validator(mode="after")
    def _one_of_both(self) -> Self:
        if (self.depth is None) == (self.level is None):
            raise ValueError("give either depth or level")
        return self


def excavation(asked: ExcavationParameters, context: Context) -> Result:
    """Dig, and look at the pipes."""
    shape = shape_of(asked.outline)
    bounds = Bounds(*shape.bounds)
    if not context.city.bounds.contains(bounds):
        raise ParameterError(
            f"the outline reaches beyond the city: it lies at {bounds}",
            remedy=f"the city is {context.city.bounds}; check the coordinates",
        )
    area = sum(ellipsoidal_area(part) for part in getattr(shape, "geoms", [shape]))
    if area > LARGEST:
        raise ParameterError(
            f"the outline holds {area:.0f} m²", remedy=f"draw one of at most {LARGEST:g} m²"
        )
    west, south, east, north = shape.bounds
    ground = ground_around(context, asked.terrain, [(west, south), (east, north)], 400.0)
    floor = planar(shape, ground.grid.crs)
    level = asked.level
    if level is None:
        level = lowest_ground(ground.grid, floor) - float(asked.depth or 0.0)
    if not np.isfinite(level):
        raise ParameterError(
            "no height is known inside the outline", remedy="choose one on the elevation model"
        )
    scale = float(np.mean(ground.grid.scale))
    pit = Pit(floor=floor, level=level, grade=asked.grade, scale=scale)
    dug = dig(ground.grid, pit)
    if dug.volume <= 0:
        raise ParameterError(
            f"the floor at {level:.3f} m lies above all ground inside the outline",
            remedy=f"the ground stands at {dug.lowest:.2f} to {dug.highest:.2f} m; go lower",
        )
    pipes, found = _pipes(asked, context, pit, dug, ground)
    return Result(
        summary=(*_figures(dug, pit, area, found, ground, pipes), ground_accuracy(ground)),
        features=collection(_features(dug, pit, ground, found, pipes)),
        tables=(_table(found, pipes),) if pipes else (),
        provenance=_provenance(asked, context, ground, pipes),
    )


def _pipes(
    asked: ExcavationParameters, context: Context, pit: Pit, dug: Dug, ground: Ground
) -> tuple[Bedded | None, list[Touched]]:
    """The pipes in reach of the pit; none where none lies there."""
    wide = dug.top.buffer((asked.reach + 5.0) * pit.scale)
    crs, plane = ground.grid.crs, context.city.compute_crs
    around = shapely.box(*lonlat_bounds(crs, wide.bounds))
    pipes = bedded_if_any(context, asked, around)
    if pipes is None:
        return None, []
    step = transformer(crs, plane)

    def move(shape: Any) -> Any:
        return shapely.transform(shape, lambda at: rows(step, at))

    own = Pit(floor=move(pit.floor), level=pit.level, grade=pit.grade, scale=pipes.scale)
    return pipes, touched(pipes.laid, own, move(dug.top), asked.reach)


def _figures(
    dug: Dug, pit: Pit, area: float, found: Sequence[Touched], ground: Ground,
    pipes: Bedded | None,
) -> tuple[Figure, ...]:  # fmt: skip
    source = ground_source(ground)
    net = pipes.source if pipes else "范围内无已发布管线 no published pipe in reach"
    beside = [t.away for t in found if t.what == BESIDE and np.isfinite(t.away)]
    bare = [t for t in found if t.what == BARE]
    untold = sum(t.what == UNTOLD for t in found)
    rows_: list[tuple[str, str, str, float | int | None, str, str, Verdict | None]] = [
        ("volume", "挖方（自然方）", "Cut (bank measure)", dug.volume, "m3", source, None),
        ("core", "其中坑底范围以上", "Of it above the floor", dug.core, "m3", source, None),
        ("level", "坑底标高（1985）", "Level of the floor", pit.level, "m", source, None),
        ("deepest", "最大挖深", "Deepest", dug.highest - pit.level, "m", source, None),
        ("area", "坑底面积（椭球面）", "Floor (ellipsoidal)", area, "m2", "GRS80", None),
        ("top_area", "坑口面积", "Area at the ground", dug.top.area / pit.scale**2, "m2", source,
         None),
        ("bare_pipes", "暴露管段", "Pipes laid bare", len(bare), "1", net, None),
        ("bare_length", "暴露长度（三维）", "Length laid bare, in space",
         sum(t.bare for t in bare), "m", net, None),
        ("below", "坑底以下管段", "Pipes below the pit",
         sum(t.what == BELOW for t in found), "1", net, None),
        ("nearest", "坑外最近管线净距", "Nearest pipe beside", min(beside, default=None), "m", net,
         None),
    ]  # fmt: skip
    if untold:
        rows_.append(("untold", "坑内缺高程或管径管段", "Pipes in its plan, height not known",
                      untold, "1", net, Verdict.UNKNOWN))  # fmt: skip
    if dug.unknown > 0.01 or dug.frayed:
        rows_.append(("unknown_area", "地面未知面积（挖方偏小）", "Ground not known; cut too small",
                      dug.unknown, "m2", source, Verdict.UNKNOWN))  # fmt: skip
    first = ("volume", "bare_pipes", "bare_length", "nearest", "deepest", "level", "untold")
    rows_.sort(key=lambda row: first.index(row[0]) if row[0] in first else len(first))
    return tuple(
        Figure(key=key, title=zh, title_en=en, unit=unit, verdict=verdict,
               value=round(value, 3) if isinstance(value, float) else value,
               evidence=evidence if value is not None else "")
        for key, zh, en, value, unit, evidence, verdict in rows_
    )  # fmt: skip


def _table(found: Sequence[Touched], pipes: Bedded | None) -> Table:
    order = [BARE, UNTOLD, BELOW, BESIDE]
    shown = sorted(found, key=lambda t: (order.index(t.what), t.away, -t.bare))[:MOST_ROWS]
    assert pipes is not None  # noqa: S101 - there is a table only where there are pipes
    places = pipes.lonlat(np.array([t.place for t in shown]).reshape(-1, 2))
    out = []
    for t, place in zip(shown, places, strict=True):
        top = pipes.laid.ends[t.pipe].max() + pipes.laid.radius[t.pipe]
        out.append({
            "no": pipes.names[t.pipe], "kind": " ".join(KINDS[str(pipes.kind[t.pipe])]),
            "what": " ".join(_WORDS[t.what]), "bare": round(t.bare, 3) or None,
            "away": round(t.away, 3) if t.what == BESIDE and np.isfinite(t.away) else None,
            "under": round(t.under, 3) if np.isfinite(t.under) else None,
            "top": round(float(top), 3) if np.isfinite(top) else None, "place": place,
        })  # fmt: skip
    return Table(
        title="涉及管线", title_en="Pipes concerned",
        columns=(
            ("no", "管段", "Segment", ""), ("kind", "管类", "Network", ""),
            ("what", "关系", "Relation", ""), ("bare", "暴露长度", "Laid bare", "m"),
            ("away", "距坑口（外壁）", "From the pit's edge", "m"),
            ("under", "坑底至管顶", "Below the pit's surface", "m"),
            ("top", "管外顶最高", "Highest outer top", "m"),
        ),
        rows=out,
    )  # fmt: skip


def _features(
    dug: Dug, pit: Pit, ground: Ground, found: Sequence[Touched], pipes: Bedded | None
) -> list[dict[str, Any]]:
    crs = ground.grid.crs
    drawn = [
        feature(shapely.simplify(dug.top, 0.02), "基坑", "Pit", crs=crs, hole=True,
                bottom=round(pit.level, 3), color="#ffd54f", width=3),
    ]  # fmt: skip
    if pit.grade > 0:
        drawn.append(feature(pit.floor, "坑底线", "Floor", crs=crs, color="#ff8f00", width=2))
    for t in found:
        if pipes is None or not pipes.laid.known[t.pipe]:
            continue
        zh, en = _WORDS[t.what]
        drawn.append(tube(pipes, t.pipe, COLOURS[str(pipes.kind[t.pipe])], relation=f"{zh} {en}"))
        drawn.extend(
            feature(LineString(s.ends), f"{zh} {pipes.names[t.pipe]}",
                    f"{en} {pipes.names[t.pipe]}", crs=pipes.crs, color="#d32f2f", at_height=True,
                    radius=round(float(pipes.laid.radius[t.pipe]) * 1.05, 4))
            for s in t.stretches
        )  # fmt: skip
    return drawn


def _provenance(
    asked: ExcavationParameters, context: Context, ground: Ground, pipes: Bedded | None
) -> dict[str, Any]:
    words = (
        LIMITS + " Volume of the elevation model in bank measure, without working space or swell; "
        "side slopes rounded at convex corners. 体积为 DEM 自然方，不含工作面与松散系数。"
    )
    method = "prismatoids over the floor; sides along rays square to the outline"
    if pipes is not None:
        return provenance(pipes, asked, context, words, method=method)
    return {
        "inputs": [input_of(ground.version, models=list(ground.models))],
        "missing_layers": [], "crs": ground.grid.crs.to_string(),
        "height_datum": context.city.height_datum, "applicability": words, "method": method,
    }  # fmt: skip


EXCAVATION = Analysis(
    id="pipelines.excavation",
    guide="laying.md",
    title="在这里开挖会碰到哪些管线、挖多少土（开挖分析）",
    title_en="Which pipes does a pit here meet, and how much earth does it move",
    summary=(
        "按坑底范围、深度或标高与放坡系数计算挖方，列出暴露的管线及长度、坑底以下和坑外邻近管线的净距，"
        "并在三维中切开地面。"
    ),
    summary_en=(
        "Cut of a pit by floor, depth or level and side slope; pipes laid bare with their length, "
        "those below its floor and beside it with their distance; the ground is cut open in the "
        "scene."
    ),
    parameters=ExcavationParameters,
    run=excavation,
    example={
        "outline": [[106.64537, 35.22052], [106.64552, 35.22050], [106.64556, 35.22063],
                    [106.64541, 35.22065]],
        "depth": 2.5, "grade": 0.5,
    },
    version=2,
    reads=layers_read,
    references=("Karney (2013), Algorithms for geodesics, J. Geodesy 87, 43-55",),
)  # fmt: skip
