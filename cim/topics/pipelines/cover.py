"""覆土检查: does enough ground lie upon the pipes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import shapely
from pydantic import Field
from shapely import STRtree

from cim.drawn import collection
from cim.evidence import Rows, input_of, rows_if_any
from cim.pipe_rows import number
from cim.question import english, layer_field, number_field
from cim.topic import Analysis, Axis, Context, Figure, Result, Series, Table, Verdict
from cim.topics.pipelines.analysis.cover import (
    ELSEWHERE,
    ROADWAY,
    UNTOLD,
    VERDICTS,
    Asked,
    Shallow,
    Stations,
    shallowest,
)
from cim.topics.pipelines.clearance import LIMITS, VERDICT_COLOURS, VERDICT_WORDS, tube
from cim.topics.pipelines.laying import KINDS, Bedded, OnLaid, bedded, layers_read
from cim.topics.pipelines.laying_answer import (
    MOST_ROWS,
    fault_figures,
    fault_tables,
    provenance,
)
from cim.topics.pipelines.laying_ground import ground_of
from cim.topics.pipelines.laying_rules import CoverRule, cover_rules, frost_rules

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]

MOST_DRAWN = 1000
UNKNOWN_WIDTH = 12.0  # m from the axis of a road of unknown width within which nobody can tell
SURFACES = {
    ROADWAY: ("车行道下", "below a carriageway"), ELSEWHERE: ("非车行道", "elsewhere"),
    UNTOLD: ("路面未知", "surface not known"),
}  # fmt: skip


class CoverParameters(OnLaid):
    """What cover asks for."""

    frost: float | None = Field(
        default=None, ge=0.0, le=5.0, title="标准冻深",
        description="当地标准冻深；给出时另判排水管顶是否在冰冻线以下。",
        json_schema_extra=english(
            "Frost depth", "Depth to which the ground freezes; with it, drains are also held "
            "against the frost line.", "m",
        ),
    )  # fmt: skip
    step: float = number_field(
        5.0, "取样间距", "沿管线量取覆土的最大间距。", "Step", "Farthest between two places along "
        "a pipe at which cover is measured.", "m", 0.5, 50.0, advanced=True,
    )  # fmt: skip
    roads: str = layer_field(
        "base.road", "道路图层", "道路中心线及车行道宽度，用于区分车行道。",
        "Roads", "Centre lines with the width of the carriageway.", advanced=True,
    )  # fmt: skip


def cover(asked: CoverParameters, context: Context) -> Result:
    """Measure the cover of all pipes."""
    pipes = bedded(context, asked, asked.shape())
    roads = rows_if_any(context, asked.roads)
    stations = stationed(pipes, roads, asked.step)
    traits, classes = pipes.traits()
    rows = [*cover_rules(), *(frost_rules(asked.frost) if asked.frost else ())]
    found = shallowest(stations, traits, classes, [_asked(row) for row in rows])
    found.sort(key=_worst_first)
    return Result(
        summary=(*_figures(found, stations, pipes), *fault_figures(pipes)),
        features=collection(_features(found, pipes), _LEGEND, below=True),
        series=_histogram(stations),
        tables=(_table(found, stations, pipes), *fault_tables(pipes)),
        provenance=provenance(
            pipes, asked, context, LIMITS, stations=len(stations.pipe),
            rules={"rows": len(rows), "unverified": sum(r.evidence != "cited" for r in rows)},
            roads=None if roads is None else input_of(roads.version),
        ),
    )  # fmt: skip


def _worst_first(found: Shallow) -> tuple[int, float]:
    known = np.isfinite(found.value)
    return VERDICTS.index(found.verdict), found.value - found.rule.limit if known else np.inf


_LEGEND = [(VERDICT_COLOURS[v], *VERDICT_WORDS[v]) for v in VERDICTS]


def _asked(row: CoverRule) -> Asked:
    return Asked(of=row.of, roadway=row.rule(on_roadway=True),
                 elsewhere=row.rule(on_roadway=False))  # fmt: skip


def stationed(pipes: Bedded, roads: Rows | None, step: float) -> Stations:
    """Cover and surface along all pipes."""
    at, pipe, where = pipes.laid.stations(step)
    other, _, _ = pipes.other.stations(step)
    ground = ground_of(pipes, at, pipe, where)
    return Stations(
        at=at, pipe=pipe, cover=ground - at[:, 2] - pipes.laid.radius[pipe],
        other=ground - other[:, 2] - pipes.other.radius[pipe],
        surface=surfaces(roads, at, pipes.scale),
    )  # fmt: skip


def surfaces(roads: Rows | None, at: Floats, scale: float) -> Ints:
    """What lies above places: nobody can tell where there is no layer, or near an unknown width."""
    if roads is None:
        return np.full(len(at), UNTOLD, np.int64)
    out = np.full(len(at), ELSEWHERE, np.int64)
    frame = roads.frame[~(roads.frame.geometry.isna() | roads.frame.geometry.is_empty)]
    if frame.empty or not len(at):
        return out
    widths = [number(w) for w in frame["width"]] if "width" in frame else [None] * len(frame)
    half = np.array([w / 2 if w and w > 0 else np.nan for w in widths])
    tree = STRtree(frame.geometry.to_numpy())
    reach = max(UNKNOWN_WIDTH, float(np.nanmax(half, initial=0.0))) * scale
    points = shapely.points(at[:, :2])
    place, road = tree.query(points, predicate="dwithin", distance=reach)
    away = shapely.distance(points[place], frame.geometry.to_numpy()[road]) / scale
    doubt = np.isnan(half[road]) & (away <= UNKNOWN_WIDTH)
    out[place[doubt]] = UNTOLD
    with np.errstate(invalid="ignore"):
        out[place[away <= half[road]]] = ROADWAY
    return out


def _figures(found: Sequence[Shallow], stations: Stations, pipes: Bedded) -> tuple[Figure, ...]:
    source = pipes.source + "；覆土＝地面−管外顶 ground less outer top"
    known = stations.cover[np.isfinite(stations.cover)]
    figures = [
        Figure(key="least_cover", title="最小覆土", title_en="Least cover",
               value=round(float(known.min()), 3) if len(known) else None, unit="m",
               evidence=source if len(known) else ""),
        Figure(key="pipes_measured", title="已量管段", title_en="Segments measured",
               value=len(np.unique(stations.pipe[np.isfinite(stations.cover)])), unit="1",
               evidence=source),
    ]  # fmt: skip
    for verdict in VERDICTS:
        count = len({s.pipe for s in found if s.verdict is verdict})
        zh, en = VERDICT_WORDS[verdict]
        zh, en = (zh, en) if verdict is not Verdict.FAIL else ("不足", "too shallow")
        figures.append(Figure(
            key=verdict.value.lower(), title=f"管段：{zh}", title_en=f"Segments: {en}",
            value=count, unit="1", verdict=verdict if count else None, evidence=source,
        ))  # fmt: skip
    return tuple(figures)


def _table(found: Sequence[Shallow], stations: Stations, pipes: Bedded) -> Table:
    shown = found[:MOST_ROWS]
    places = pipes.lonlat(stations.at[[s.station for s in shown]].reshape(-1, 3))
    return Table(
        title="覆土", title_en="Cover",
        columns=(
            ("no", "管段", "Segment", ""), ("kind", "管类", "Network", ""),
            ("surface", "路面", "Surface", ""), ("value", "最小覆土", "Least cover", "m"),
            ("limit", "规定", "Required", "m"), ("margin", "余量", "Margin", "m"),
            ("verdict", "结论", "Verdict", ""), ("clause", "条款", "Clause", ""),
            ("evidence", "条款依据", "Evidence", ""), ("note", "说明", "Note", ""),
        ),
        rows=[_row(s, place, pipes) for s, place in zip(shown, places, strict=True)],
    )  # fmt: skip


def _row(found: Shallow, place: list[float], pipes: Bedded) -> dict[str, Any]:
    known = bool(np.isfinite(found.value))
    return {
        "no": pipes.names[found.pipe], "kind": " ".join(KINDS[str(pipes.kind[found.pipe])]),
        "surface": " ".join(SURFACES[found.surface]),
        "value": round(found.value, 3) if known else None, "limit": found.rule.limit,
        "margin": round(found.value - found.rule.limit, 3) if known else None,
        "verdict": found.verdict.value, "clause": found.rule.standard,
        "evidence": found.rule.evidence,
        "note": "宜（建议） advice: a recommended clause" if found.rule.advice else "",
        "place": place,
    }  # fmt: skip


def _features(found: Sequence[Shallow], pipes: Bedded) -> list[dict[str, Any]]:
    """Pipes as tubes, in the colour of their worst verdict."""
    worst: dict[int, Shallow] = {}
    for one in found:
        worst.setdefault(one.pipe, one)
    return [
        tube(pipes, pipe, VERDICT_COLOURS[s.verdict], verdict=s.verdict.value,
             cover_m=round(s.value, 3) if np.isfinite(s.value) else None)
        for pipe, s in list(worst.items())[:MOST_DRAWN] if pipes.laid.known[pipe]
    ]  # fmt: skip


def _histogram(stations: Stations) -> tuple[Series, ...]:
    """How many stations have how much cover."""
    known = stations.cover[np.isfinite(stations.cover)]
    if not len(known):
        return ()
    low, high = np.floor(known.min() * 4) / 4, np.ceil(known.max() * 4) / 4 + 0.25
    edges = np.linspace(low, high, min(round((high - low) / 0.25), 40) + 1)
    counts, _ = np.histogram(known, edges)
    return (Series(
        title="覆土分布", title_en="Distribution of cover", bins=True,
        x=Axis(title="覆土", title_en="Cover", unit="m",
               values=((edges[1:] + edges[:-1]) / 2).round(3).tolist()),
        y=(Axis(title="取样点数", title_en="Stations", unit="1", values=counts.tolist()),),
    ),)  # fmt: skip


COVER = Analysis(
    id="pipelines.cover",
    guide="laying.md",
    title="管线埋得够不够深（覆土检查）",
    title_en="Does enough ground lie upon the pipes",
    summary=(
        "沿管线量取覆土（地面高程减管外顶），按车行道与非车行道对照最小覆土条款，可另判冰冻线；列出最浅处。"
        "地面取管点实测，其间以 DEM 内插并与实测相接。"
    ),
    summary_en=(
        "Cover along pipes, ground less outer top, against the least cover below carriageways and "
        "elsewhere, and against the frost line if asked; the shallowest places are told. The "
        "ground is the surveyed points', and between them the DEM's, led to meet them."
    ),
    parameters=CoverParameters,
    run=cover,
    example={
        "area": [[106.6410, 35.2180], [106.6480, 35.2180], [106.6480, 35.2220],
                 [106.6410, 35.2220]],
        "frost": 0.9,
    },
    version=2,
    reads=lambda asked: (*layers_read(asked), asked.roads),
    references=(
        "GB 50014-2021 5.3.7, 5.3.8（二手引用 secondary citation）",
        "GB 50289-2016 最小覆土表（未核对 unverified）",
    ),
)  # fmt: skip
