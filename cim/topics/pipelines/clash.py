"""碰撞检查: which pipes take the same place."""

from __future__ import annotations

from typing import Any

import numpy as np

from cim.drawn import collection
from cim.question import number_field
from cim.topic import Analysis, Context, Figure, Result, Table, Verdict
from cim.topics.pipelines.analysis.clash import Clashes, clashes
from cim.topics.pipelines.clearance import LIMITS, tube
from cim.topics.pipelines.laying import COLOURS, KINDS, Bedded, OnLaid, bedded, layers_read
from cim.topics.pipelines.laying_answer import (
    MOST_ROWS,
    fault_figures,
    fault_tables,
    provenance,
)

MOST_DRAWN = 500
_RED, _YELLOW = "#d32f2f", "#f9a825"


class ClashParameters(OnLaid):
    """What clashes ask for."""

    tolerance: float = number_field(
        0.0, "容差", "外壁空间距离不大于该值即列出；0 为相交或相切。", "Tolerance",
        "Pairs whose walls are no farther apart than this are told; 0 for those that touch.",
        "m", 0.0, 2.0,
    )  # fmt: skip


def clash(asked: ClashParameters, context: Context) -> Result:
    """Look for pipes that take the same place."""
    pipes = bedded(context, asked, asked.shape())
    found = clashes(pipes.town(np.zeros(len(pipes.names), np.int64)), asked.tolerance)
    return Result(
        summary=(*_figures(found, pipes, asked.tolerance), *fault_figures(pipes)),
        features=collection(_features(found, pipes), _LEGEND, below=True),
        tables=(_table(found, pipes), *fault_tables(pipes)),
        provenance=provenance(
            pipes, asked, context, LIMITS,
            method="distance of axes in space less both outer radii; pipes that share a joint are "
            "left out",
        ),
    )  # fmt: skip


_LEGEND = [(_RED, "碰撞", "clash"), (_YELLOW, "容差内", "within the tolerance")]


def _figures(found: Clashes, pipes: Bedded, tolerance: float) -> tuple[Figure, ...]:
    single = ~found.twice
    unknown = np.isnan(found.value)
    hit = single & (found.value <= 0)
    source = f"{pipes.source}；空间距离 distance in space"
    deepest = float(-found.value[hit].min()) if hit.any() else None
    rows: list[tuple[str, str, str, float | int | None, str, Verdict | None]] = [
        ("clashes", "碰撞管对", "Clashing pairs", int(hit.sum()), "1",
         Verdict.FAIL if hit.any() else None),
        ("near", f"容差 {tolerance:g} m 内管对", f"Pairs within {tolerance:g} m",
         int((single & (found.value > 0)).sum()), "1", None),
        ("unknown", "平面重叠但缺高程或管径", "Overlap in plan, height or diameter not known",
         int((single & unknown).sum()), "1", Verdict.UNKNOWN if (single & unknown).any() else None),
        ("twice", "重复管段", "Segments recorded twice", int(found.twice.sum()), "1",
         Verdict.NEEDS_REVIEW if found.twice.any() else None),
        ("deepest", "最大侵入", "Deepest overlap", deepest, "m", None),
    ]  # fmt: skip
    return tuple(
        Figure(key=key, title=zh, title_en=en, unit=unit, verdict=verdict,
               value=round(value, 3) if isinstance(value, float) else value,
               evidence="" if value is None else source)
        for key, zh, en, value, unit, verdict in rows
    )  # fmt: skip


def _table(found: Clashes, pipes: Bedded) -> Table:
    order = np.argsort(np.nan_to_num(found.value, nan=np.inf), kind="stable")[:MOST_ROWS]
    rows: list[dict[str, Any]] = []
    for i, place in zip(order.tolist(), pipes.lonlat(found.near[order]), strict=True):
        value = float(found.value[i])
        known = bool(np.isfinite(value))
        what = ("重复 recorded twice" if found.twice[i] else "无法判定 cannot be told" if not known
                else "碰撞 clash" if value <= 0 else "容差内 within the tolerance")  # fmt: skip
        rows.append({
            "first": pipes.names[found.one[i]], "first_kind": _kind(pipes, int(found.one[i])),
            "second": pipes.names[found.other[i]], "second_kind": _kind(pipes, int(found.other[i])),
            "value": round(value, 3) if known else None,
            "height": round(float(found.near[i, 2]), 3) if known else None, "what": what,
            "place": place,
        })  # fmt: skip
    return Table(
        title="碰撞", title_en="Clashes",
        columns=(("first", "管段", "Segment", ""), ("first_kind", "管类", "Network", ""),
                 ("second", "相对管段", "Other segment", ""),
                 ("second_kind", "相对管类", "Other network", ""),
                 ("value", "外壁空间距离", "Between walls", "m"),
                 ("height", "高程（1985）", "Height (1985)", "m"),
                 ("what", "判定", "Finding", "")),
        rows=rows,
    )  # fmt: skip


def _kind(pipes: Bedded, pipe: int) -> str:
    return " ".join(KINDS[str(pipes.kind[pipe])])


def _features(found: Clashes, pipes: Bedded) -> list[dict[str, Any]]:
    """Both pipes of each pair as tubes: in red what clashes, in its own colour what is near."""
    drawn: dict[int, str] = {}
    for i in np.argsort(found.value, kind="stable")[:MOST_DRAWN].tolist():
        if not np.isfinite(found.value[i]):
            continue
        for pipe in (int(found.one[i]), int(found.other[i])):
            drawn.setdefault(pipe, _RED if found.value[i] <= 0 else _YELLOW)
    return [tube(pipes, pipe, color, network=COLOURS[str(pipes.kind[pipe])])
            for pipe, color in drawn.items() if pipes.laid.known[pipe]]  # fmt: skip


CLASH = Analysis(
    id="pipelines.clash",
    guide="laying.md",
    title="哪些管线在空间上相碰（碰撞检查）",
    title_en="Which pipes take the same place",
    summary=(
        "按轴线空间最近距离减两管外半径判定管段是否相碰，共用管点的相邻管段除外；重复入库的管段与缺高程、管径而"
        "无法判定的管对另列。"
    ),
    summary_en=(
        "Whether pipes clash, by the shortest distance of their axes in space less both outer "
        "radii; pipes that share a joint are left out. Segments recorded twice, and pairs that "
        "cannot be told for want of height or diameter, are listed apart."
    ),
    parameters=ClashParameters,
    run=clash,
    example={"tolerance": 0.1},
    version=2,
    reads=layers_read,
    references=("Ericson (2005), Real-Time Collision Detection, 5.1.9",),
)
