"""普查成果检查: what is wrong with a survey's tables of points and segments."""

from __future__ import annotations

import csv
from collections.abc import Sequence
from typing import Any

import numpy as np
import openpyxl
from shapely import Point as Spot

from cim.drawn import collection, feature
from cim.topic import Analysis, Attachment, Context, Figure, Result, Table, Verdict
from cim.topics.pipelines.analysis.survey import check
from cim.topics.pipelines.analysis.survey_rules import BY_ID, RULES, Finding, Limits, Tally
from cim.topics.pipelines.queries import lonlat_of
from cim.topics.pipelines.survey_taken import SurveyParameters, Taken, against_ground, take

MOST_SHOWN = 2000
XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"


def survey_check(asked: SurveyParameters, context: Context) -> Result:
    """Apply the rules to a survey."""
    taken = take(asked, context)
    tally = check(taken.survey, Limits(
        longest=asked.longest, steepest=asked.steepest, balance=asked.balance,
        same_depth=asked.balance, snap=asked.snap,
    ))  # fmt: skip
    heights = against_ground(taken, asked, context)
    rows = _finding_rows(taken, tally)
    return Result(
        summary=(*_figures(taken, tally), *heights),
        features=collection(_features(taken, tally)),
        tables=(_table("检查发现", "Findings", rows[:MOST_SHOWN]), _rule_table(tally),
                _proposals(taken, tally)),
        attachments=_attachments(rows, context),
        provenance={
            "inputs": [{"upload": asked.points}, *([{"upload": asked.lines}] if asked.lines
                                                   else [])],
            "crs": taken.crs.to_string(), "axes": taken.axes, "units": asked.units,
            "height_datum": context.city.height_datum,
            "columns": {sheet.name: dict(sheet.columns) for sheet in taken.sheets},
            "notes": list(taken.notes),
            "applicability": "Rules from a secondary source of CJJ 61-2017; rules marked "
            "unverified never give PASS. 规则转引自公开整理稿，未经核对的规则不作“符合”结论。",
        },
    )  # fmt: skip


def _figures(taken: Taken, tally: Tally) -> list[Figure]:
    source = "、".join(f"{sheet.name}（{len(sheet.rows)} 行 rows）" for sheet in taken.sheets)
    survey = taken.survey
    figures = [
        Figure(key="points", title="管线点", title_en="Points", value=len(survey.points),
               evidence=source),
        Figure(key="lines", title="管段", title_en="Segments", value=len(survey.lines),
               evidence=source),
        Figure(key="findings", title="发现问题", title_en="Findings", value=len(tally.findings),
               evidence=source),
        Figure(key="unknown", title="因缺属性而无法判定", title_en="Could not be told: attributes "
               "are missing", value=sum(tally.unknown.values()), evidence=source,
               verdict=Verdict.UNKNOWN if tally.unknown else None),
        Figure(key="proposals", title="修正建议", title_en="Proposals", value=len(tally.proposals),
               evidence=source),
    ]  # fmt: skip
    return figures + [
        Figure(key=rule.id, title=rule.title, title_en=rule.title_en,
               value=tally.broken(rule.id), verdict=Verdict(tally.verdict(rule.id)),
               evidence=rule.evidence)
        for rule in RULES
        if tally.checked.get(rule.id) or tally.unknown.get(rule.id)
    ]  # fmt: skip


_COLUMNS = (
    ("rule", "规则", "Rule", ""), ("verdict", "结论", "Verdict", ""), ("table", "表", "Table", ""),
    ("rows", "行", "Rows", ""), ("no", "编号", "Number", ""), ("value", "值", "Value", ""),
    ("limit", "限值", "Limit", ""), ("unit", "单位", "Unit", ""), ("detail", "说明", "Detail", ""),
    ("evidence", "依据", "Evidence", ""),
)  # fmt: skip


def _finding_rows(taken: Taken, tally: Tally) -> list[dict[str, Any]]:
    return [_row(taken, finding) for finding in tally.findings]


def _row(taken: Taken, found: Finding) -> dict[str, Any]:
    rule = BY_ID[found.rule]
    row: dict[str, Any] = {
        "rule": f"{rule.title} {rule.title_en}", "verdict": found.verdict,
        "table": {"points": "点表 points", "lines": "线表 segments"}[found.table],
        "rows": ", ".join(map(str, found.rows)), "no": found.no, "value": found.value,
        "limit": found.limit, "unit": rule.unit if found.value is not None else "",
        "detail": found.detail, "evidence": rule.evidence,
    }  # fmt: skip
    if found.place is not None and np.isfinite(found.place).all():
        row["place"] = lonlat_of(taken.crs, *found.place)
    return row


def _table(title: str, title_en: str, rows: list[dict[str, Any]]) -> Table:
    return Table(title=title, title_en=title_en, columns=_COLUMNS, rows=rows)


def _rule_table(tally: Tally) -> Table:
    rows = [
        {"rule": f"{rule.title} {rule.title_en}", "verdict": tally.verdict(rule.id),
         "checked": tally.checked.get(rule.id, 0), "broken": tally.broken(rule.id),
         "unknown": tally.unknown.get(rule.id, 0),
         "limit": getattr(tally.limits, rule.limit) if rule.limit else None, "unit": rule.unit,
         "evidence": rule.evidence}
        for rule in RULES
    ]  # fmt: skip
    return Table(title="规则", title_en="Rules", rows=rows, columns=(
        ("rule", "规则", "Rule", ""), ("verdict", "结论", "Verdict", ""),
        ("checked", "检查次数", "Checked", ""), ("broken", "不符", "Broken", ""),
        ("unknown", "无法判定", "Unknown", ""), ("limit", "限值", "Limit", ""),
        ("unit", "单位", "Unit", ""), ("evidence", "依据", "Evidence", "")))  # fmt: skip


def _proposals(taken: Taken, tally: Tally) -> Table:
    rows = []
    for one in tally.proposals:
        row = {"no": one.no, "kind": one.kind, "target": one.target, "distance": one.distance,
               "reason": one.reason}  # fmt: skip
        rows.append(row if one.place is None else
                    {**row, "place": lonlat_of(taken.crs, *one.place)})  # fmt: skip
    title_en = "Proposals, for the surveyor to confirm"
    return Table(title="修正建议（由普查人员确认）", title_en=title_en, rows=rows, columns=(
        ("no", "编号", "Number", ""), ("kind", "建议", "Proposal", ""),
        ("target", "对象", "Target", ""), ("distance", "距离", "Distance", "m"),
        ("reason", "理由", "Why", "")))  # fmt: skip


def _features(taken: Taken, tally: Tally) -> list[dict[str, Any]]:
    color = {"FAIL": "#e53935", "NEEDS_REVIEW": "#fb8c00"}
    return [
        feature(Spot(*f.place), f"{BY_ID[f.rule].title} {f.no}",
                f"{BY_ID[f.rule].title_en} {f.no}", crs=taken.crs, color=color[f.verdict],
                width=10, properties={"rows": list(f.rows), "value": f.value, "limit": f.limit,
                                      "detail": f.detail})
        for f in tally.findings[:MOST_SHOWN]
        if f.place is not None and np.isfinite(f.place).all()
    ]  # fmt: skip


def _attachments(
    rows: Sequence[dict[str, Any]], context: Context
) -> tuple[Attachment, Attachment]:  # fmt: skip
    """All findings as CSV and as a workbook; what looks like a formula is text."""
    heads = [f"{zh} {en}" for _, zh, en, _ in _COLUMNS] + ["经度 Longitude", "纬度 Latitude"]
    body = [
        [_inert(row[key]) for key, *_ in _COLUMNS] + list(row.get("place", (None, None)))
        for row in rows
    ]
    text = context.folder / "findings.csv"
    with text.open("w", encoding="utf-8-sig", newline="") as file:
        csv.writer(file).writerows([heads, *body])
    book = openpyxl.Workbook(write_only=True)
    sheet = book.create_sheet("findings")
    for line in (heads, *body):
        sheet.append(line)
    path = context.folder / "findings.xlsx"
    book.save(path)
    return (
        Attachment(path=text, title="检查发现（CSV）", title_en="Findings (CSV)",
                   media_type="text/csv"),
        Attachment(path=path, title="检查发现（Excel）", title_en="Findings (Excel)",
                   media_type=XLSX),
    )  # fmt: skip


def _inert(value: Any) -> Any:
    """A spreadsheet computes what begins like a formula: a survey's words shall stay words."""
    return f"'{value}" if isinstance(value, str) and value[:1] in set("=+-@\t\r") else value


SURVEY = Analysis(
    id="pipelines.survey_check",
    guide="pipelines.md",
    title="这份管线普查成果有哪些错误",
    title_en="What is wrong with this survey of pipes",
    summary=(
        "检查 CJJ 61 管线点表与管段表（Excel、CSV、shapefile）：缺点、多点、重复、自连、高程闭合、"
        "同点埋深、长度、坡角、连接数、夹角、流向、代码、邻近未接等；每条发现给出规则、行号、值、限值与位置，"
        "并提出点号更正与吸附建议。单位或坐标系疑似有误时拒绝，不臆测。"
    ),
    summary_en=(
        "Checks tables of points and segments after CJJ 61 (Excel, CSV, shapefile): missing, "
        "unused, duplicate and self-connected; heights that do not add up; depths, lengths, "
        "slopes, numbers of segments, angles, flow, codes, near misses. Each finding has rule, "
        "rows, value, limit and place; corrections are proposed. Units or coordinates that look "
        "wrong are refused, never guessed."
    ),
    parameters=SurveyParameters,
    run=survey_check,
    example={"points": "samples/survey/survey.xlsx"},
    reads=lambda asked: (asked.terrain,),
    references=("CJJ 61-2017 城市地下管线探测技术规程 3.0.2、3.0.4、附录 B（转引，原文未核）",),
)
