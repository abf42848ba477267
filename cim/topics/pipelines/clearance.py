"""净距检查: are the pipes far enough from each other and from buildings."""

from __future__ import annotations

import csv
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from shapely import LineString

from cim.drawn import collection, feature
from cim.evidence import Rows, input_of, rows_if_any
from cim.pipe_rows import text
from cim.question import layer_field, number_field
from cim.topic import Analysis, Attachment, Context, Figure, Result, Table, Verdict
from cim.topics.pipelines.analysis.clearance import Clearances, Findings, clearances, to_buildings
from cim.topics.pipelines.analysis.rule_table import (
    CITED,
    OUTSIDE,
    UNSURE,
    Judge,
    Traits,
    judge,
)
from cim.topics.pipelines.laying import KINDS, Bedded, OnLaid, bedded, layers_read
from cim.topics.pipelines.laying_answer import (
    MOST_ROWS,
    fault_figures,
    fault_tables,
    provenance,
)
from cim.topics.pipelines.laying_rules import clearance_rules, unverified

MOST_DRAWN = 500
VERDICT_COLOURS = {
    Verdict.FAIL: "#d32f2f", Verdict.UNKNOWN: "#9e9e9e", Verdict.NEEDS_REVIEW: "#f9a825",
    Verdict.PASS: "#2e7d32",
}  # fmt: skip
VERDICT_WORDS = {
    Verdict.FAIL: ("不足", "too near"), Verdict.UNKNOWN: ("无法判定", "cannot be told"),
    Verdict.NEEDS_REVIEW: ("待复核", "to be reviewed"), Verdict.PASS: ("满足", "kept"),
}  # fmt: skip
LIMITS = (
    "As recorded: surveys of buried pipes are off by decimetres; no finding replaces an "
    "excavation. Rows that nobody has checked against the standard give NEEDS_REVIEW. "
    "按普查资料计算；探测误差可达分米级，不代替开挖验证；未核对原文的条款只给出待复核。"
)


class ClearanceParameters(OnLaid):
    """What clearances ask for."""

    margin: float = number_field(
        0.5, "列出余量", "比规定多出不足该值的管对也列出（满足者）。", "Margin",
        "Pairs that keep more than is asked by less than this are told too.", "m", 0.0, 20.0,
    )  # fmt: skip
    buildings: str = layer_field(
        "base.building", "建筑图层", "建筑轮廓图层。", "Buildings", "Layer of building outlines.",
        advanced=True,
    )  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _Kind:
    """Findings of one kind with the table they were held against."""

    key: str
    title: str
    title_en: str
    found: Findings
    judge: Judge


def clearance(asked: ClearanceParameters, context: Context) -> Result:
    """Compare all pipes with each other and with buildings."""
    pipes = bedded(context, asked, asked.shape())
    classes, of = pipes.traits()
    building = len(classes)
    flat = judge(clearance_rules("horizontal"), [*classes, Traits(kind="building")])
    plumb = judge(clearance_rules("vertical"), classes)
    town = pipes.town(of)
    found = clearances(town, flat, plumb, asked.margin)
    houses = rows_if_any(context, asked.buildings)
    kinds = [
        _Kind(key="horizontal", title="水平净距", title_en="Horizontal", judge=flat,
              found=found.horizontal),
        _Kind(key="vertical", title="垂直净距", title_en="Vertical", judge=plumb,
              found=found.vertical),
    ]  # fmt: skip
    names: list[str] = []
    if houses is not None:
        frame = houses.frame[~(houses.frame.geometry.isna() | houses.frame.geometry.is_empty)]
        names = [text(r.get("building_id")) or text(r.get("name")) or f"#{r['fid']}"
                 for r in frame.drop(columns="geometry").to_dict("records")]  # fmt: skip
        walls = to_buildings(town, list(frame.geometry), building, flat, asked.margin)
        kinds.append(_Kind(key="building", title="与建筑净距", title_en="To buildings",
                           judge=flat, found=walls))  # fmt: skip
    rows = [row for kind in kinds for row in _rows(kind, pipes, names)]
    rows.sort(key=lambda row: (_ORDER.index(row["verdict"]), row["margin"] is None,
                               row["margin"] or 0.0))  # fmt: skip
    return Result(
        summary=(*_figures(kinds, found, pipes, houses), *fault_figures(pipes)),
        features=collection(_features(kinds, pipes, names), _LEGEND, below=True),
        tables=(_table(rows), *fault_tables(pipes)),
        attachments=(_file(rows, context),),
        provenance=provenance(
            pipes, asked, context, LIMITS,
            rules={"rows": len(flat.rules) + len(plumb.rules),
                   "unverified": unverified(clearance_rules("horizontal"))
                   + unverified(clearance_rules("vertical"))},
            buildings=None if houses is None else input_of(houses.version),
        ),
    )  # fmt: skip


_ORDER = [v.value for v in Findings.VERDICTS]
_LEGEND = [(VERDICT_COLOURS[v], *VERDICT_WORDS[v]) for v in Findings.VERDICTS]
_COLUMNS = (
    ("check", "项目", "Check", ""), ("first", "管段", "Segment", ""),
    ("second", "相对", "Other", ""), ("value", "实测净距", "Measured", "m"),
    ("limit", "规定", "Required", "m"), ("margin", "余量", "Margin", "m"),
    ("verdict", "结论", "Verdict", ""), ("clause", "条款", "Clause", ""),
    ("evidence", "条款依据", "Evidence", ""), ("note", "说明", "Note", ""),
)  # fmt: skip


def _figures(
    kinds: Sequence[_Kind], found: Clearances, pipes: Bedded, houses: Rows | None
) -> tuple[Figure, ...]:
    figures = []
    for kind in kinds:
        source = pipes.source + (f", {houses.source}" if houses and kind.key == "building" else "")
        for verdict in Findings.VERDICTS:
            zh, en = VERDICT_WORDS[verdict]
            count = kind.found.count(verdict)
            figures.append(Figure(
                key=f"{kind.key}_{verdict.value.lower()}", title=f"{kind.title}：{zh}",
                title_en=f"{kind.title_en}: {en}", value=count, unit="1",
                verdict=verdict if count else None, evidence=source,
            ))  # fmt: skip
    figures.append(Figure(
        key="beside_crossing", title="交叉旁相邻管段（按交叉判定）",
        title_en="Neighbours of a crossing, judged there", value=found.beside, unit="1",
        evidence=pipes.source,
    ))  # fmt: skip
    if houses is None:
        figures.append(Figure(key="buildings", title="与建筑净距", title_en="To buildings",
                              value=None, verdict=Verdict.UNKNOWN))  # fmt: skip
    return tuple(sorted(figures, key=_weight))


def _weight(figure: Figure) -> tuple[bool, int]:
    """What there is before what there is none of, the worst first."""
    worst = len(_ORDER) if figure.verdict is None else _ORDER.index(figure.verdict.value)
    return not figure.value, worst


def _rows(kind: _Kind, pipes: Bedded, buildings: Sequence[str]) -> list[dict[str, Any]]:
    found = kind.found
    order = found.order()
    places = pipes.lonlat(found.near[order])
    out = []
    for i, place in zip(order.tolist(), places, strict=True):
        rule = int(found.rule[i])
        row = kind.judge.rules[rule] if rule >= 0 else None
        value = float(found.value[i])
        known = np.isfinite(value)
        verdict = Findings.VERDICTS[found.verdict[i]]
        note = {UNSURE: "缺区分条款所需的属性 an attribute that the table needs is missing",
                OUTSIDE: "超出表的范围 beyond the table"}.get(rule, "")  # fmt: skip
        if row is not None and row.exception and verdict is Verdict.FAIL:
            note = "采取安全措施后可减小 FAIL, exception possible"
        elif row is not None and row.evidence == CITED and verdict is Verdict.NEEDS_REVIEW:
            note = "结论取决于未核实的壁厚 the wall decides, which nobody has checked"
        elif not known and not note:
            note = "缺管径或高程 no diameter or height"
        out.append({
            "check": f"{kind.title} {kind.title_en}",
            "first": _named(pipes, int(found.one[i])),
            "second": f"建筑 {buildings[found.other[i]]}" if kind.key == "building"
            else _named(pipes, int(found.other[i])),
            "value": round(value, 3) if known else None,
            "limit": None if rule == UNSURE else float(found.limit[i]),
            "margin": round(value - float(found.limit[i]), 3) if known else None,
            "verdict": verdict.value, "clause": "" if row is None else row.standard,
            "evidence": "" if row is None else row.evidence, "note": note, "place": place,
        })  # fmt: skip
    return out


def _named(pipes: Bedded, pipe: int) -> str:
    return f"{KINDS[str(pipes.kind[pipe])][0]} {pipes.names[pipe]}"


def _table(rows: Sequence[dict[str, Any]]) -> Table:
    return Table(title="净距", title_en="Clearances", columns=_COLUMNS, rows=rows[:MOST_ROWS])


def _file(rows: Sequence[dict[str, Any]], context: Context) -> Attachment:
    """All findings, however many."""
    path = context.folder / "clearance.csv"
    names = [key for key, *_ in _COLUMNS]
    with path.open("w", newline="", encoding="utf-8-sig") as file:
        writer = csv.writer(file)
        writer.writerow([*names, "lon", "lat"])
        writer.writerows([*(row[n] for n in names), *row["place"]] for row in rows)
    return Attachment(path=path, title="全部净距（CSV）", title_en="All clearances (CSV)",
                      media_type="text/csv")  # fmt: skip


def _features(
    kinds: Sequence[_Kind], pipes: Bedded, buildings: Sequence[str]
) -> list[dict[str, Any]]:
    """The shortest way between the two of each of the worst pairs, and the pipes as tubes."""
    drawn: list[dict[str, Any]] = []
    tubes: dict[int, Verdict] = {}
    for kind in kinds:
        found = kind.found
        for i in found.order()[: MOST_DRAWN // len(kinds)].tolist():
            verdict = Findings.VERDICTS[found.verdict[i]]
            if verdict is Verdict.PASS:
                continue
            one, other = int(found.one[i]), int(found.other[i])
            second = f"建筑 {buildings[other]}" if kind.key == "building" else _named(pipes, other)
            ends = np.stack([found.near[i], found.far[i]])
            solid = bool(np.isfinite(ends).all())
            ends = ends if solid else ends[:, :2]
            if np.allclose(ends[0], ends[1]):
                ends[1, 0] += 0.01
            drawn.append(feature(
                LineString(ends), f"{kind.title} {_named(pipes, one)} — {second}",
                f"{kind.title_en} {pipes.names[one]} to {second}", crs=pipes.crs,
                color=VERDICT_COLOURS[verdict], width=4, at_height=solid,
                properties={"value_m": round(float(found.value[i]), 3)
                            if np.isfinite(found.value[i]) else None,
                            "limit_m": float(found.limit[i]), "verdict": verdict.value},
            ))  # fmt: skip
            for pipe in (one,) if kind.key == "building" else (one, other):
                tubes[pipe] = min(tubes.get(pipe, Verdict.PASS), verdict,
                                  key=Findings.VERDICTS.index)  # fmt: skip
    return [*drawn, *(tube(pipes, pipe, VERDICT_COLOURS[v]) for pipe, v in tubes.items()
                      if pipes.laid.known[pipe])]  # fmt: skip


def tube(pipes: Bedded, pipe: int, color: str, **properties: Any) -> dict[str, Any]:
    """A pipe that is wholly known, drawn with its own radius at its own height."""
    legs = pipes.laid.legs_of(pipe)
    line = np.concatenate([pipes.laid.a[legs], pipes.laid.b[legs][-1:]])
    return feature(
        LineString(line), _named(pipes, pipe), pipes.names[pipe], crs=pipes.crs, color=color,
        at_height=True, radius=round(float(pipes.laid.radius[pipe]), 4), properties=properties,
    )  # fmt: skip


CLEARANCE = Analysis(
    id="pipelines.clearance",
    guide="laying.md",
    title="管线之间、管线与建筑的净距够不够（净距检查）",
    title_en="Are pipes far enough from each other and from buildings",
    summary=(
        "按外壁计算水平净距（不交叉的管对、管与建筑）与交叉处垂直净距，对照 GB 50289-2016 条款表"
        "逐条给出数值、余量与结论；缺属性为无法判定，未核实条款只给出待复核。"
    ),
    summary_en=(
        "Distances of outer walls in plan (pipes that do not cross, pipes and buildings) and gaps "
        "at crossings, against the tables of GB 50289-2016, each with value, margin and verdict. "
        "What lacks an attribute is UNKNOWN; rows that nobody has checked give no more than a "
        "review."
    ),
    parameters=ClearanceParameters,
    run=clearance,
    example={
        "area": [[106.6410, 35.2180], [106.6480, 35.2180], [106.6480, 35.2220],
                 [106.6410, 35.2220]],
        "margin": 1.0,
    },
    version=2,
    reads=lambda asked: (*layers_read(asked), asked.buildings),
    references=(
        "GB 50289-2016 城市工程管线综合规划规范 4.1.9, 4.1.14（二手引用或未核对，见各条依据）",
        "Ericson (2005), Real-Time Collision Detection, 5.1.9",
    ),
)  # fmt: skip
