"""Checking a survey of pipes: its points, its segments, and what they say of each other."""

from __future__ import annotations

import numpy as np

from cim.topics.pipelines.analysis.survey_joints import (
    check_heights,
    check_joints,
    check_near,
    propose_numbers,
)
from cim.topics.pipelines.analysis.survey_rows import LineRecord, PointRecord, Spot, Survey
from cim.topics.pipelines.analysis.survey_rules import CODES, GRAVITY, Limits, Tally

FLAT = 0.001  # m of rise that a survey cannot tell


def check(survey: Survey, limits: Limits | None = None) -> Tally:
    """Apply all rules."""
    tally = Tally(limits or Limits())
    for table, cell in survey.unread:
        tally.find("unreadable", table, (cell.row,), "", detail=f"{cell.column}: {cell.text}")
    tally.apply("unreadable", max(len(survey.points) + len(survey.lines), 1))
    _check_points(survey, tally)
    _check_lines(survey, tally)
    check_heights(survey, tally)
    check_joints(survey, tally)
    check_near(survey, tally)
    propose_numbers(survey, tally)
    return tally


def _check_points(survey: Survey, tally: Tally) -> None:
    seen: dict[str, PointRecord] = {}
    for point in survey.points:
        spot = survey.spot(point.no)
        for name, value in (("点号", point.no), ("坐标", point.x if point.y is not None else None),
                            ("地面高程", point.ground), ("特征或附属物",
                             point.feature or point.appurtenance)):  # fmt: skip
            _require(tally, "points", point.row, point.no, name, value, spot)
        if not point.no:
            continue
        tally.apply("point_twice")
        if point.no in seen:
            tally.find("point_twice", "points", (seen[point.no].row, point.row), point.no,
                       place=spot)  # fmt: skip
        seen.setdefault(point.no, point)
        tally.apply("point_unused")
        if point.no not in survey.at_point:
            tally.find("point_unused", "points", (point.row,), point.no, place=spot)
        _check_code(tally, "points", point.row, point.no, point.kind or point.no[:2], spot)


def _require(
    tally: Tally, table: str, row: int, no: str, name: str, value: object, spot: Spot | None
) -> None:
    tally.apply("attribute")
    if value is None or value == "":
        tally.find("attribute", table, (row,), no, detail=name, place=spot)


def _check_code(
    tally: Tally, table: str, row: int, no: str, code: str, spot: Spot | None
) -> None:  # fmt: skip
    if not code:
        tally.miss("code")
        return
    tally.apply("code")
    if code[:2].upper() not in CODES:
        tally.find("code", table, (row,), no, detail=code[:20], place=spot)


def _check_lines(survey: Survey, tally: Tally) -> None:
    seen: dict[tuple[str, str], LineRecord] = {}
    for line in survey.lines:
        spot = survey.middle(line)
        required = {"管径": line.size, "材质": line.material, "起点埋深": line.depths[0],
                    "止点埋深": line.depths[1]}  # fmt: skip
        for name, value in required.items():
            _require(tally, "lines", line.row, line.no, name, value, spot)
        tally.apply("elev_ref")
        if not line.reference:
            tally.find("elev_ref", "lines", (line.row,), line.no, place=spot)
        for no in line.ends:
            tally.apply("point_missing")
            if no not in survey.by_no or not no:
                tally.find("point_missing", "lines", (line.row,), line.no, place=spot,
                           detail=no or "空 empty")  # fmt: skip
        tally.apply("segment_self")
        if line.ends[0] == line.ends[1]:
            tally.find("segment_self", "lines", (line.row,), line.no, place=spot,
                       detail=line.ends[0])  # fmt: skip
            continue
        first, second = sorted(line.ends)
        tally.apply("segment_twice")
        if (first, second) in seen:
            tally.find("segment_twice", "lines", (seen[first, second].row, line.row), line.no,
                       place=spot, detail=f"{first}-{second}")  # fmt: skip
        seen.setdefault((first, second), line)
        _check_shape(survey, line, spot, tally)


def _check_shape(survey: Survey, line: LineRecord, spot: Spot | None, tally: Tally) -> None:
    """Length, slope, flow, and whether its drawing ends at its points."""
    way = survey.way(line)
    level = None in line.elevations
    if way is None:
        for rule in ("too_short", "too_long", "too_steep"):
            tally.miss(rule)
    else:
        long = float(np.linalg.norm(way))
        for rule, off in (("too_short", long < tally.limits.shortest),
                          ("too_long", long > tally.limits.longest)):  # fmt: skip
            tally.apply(rule)
            if off:
                tally.find(rule, "lines", (line.row,), line.no, value=long, place=spot)
        if level:
            tally.miss("too_steep")
        elif long > 0:
            tally.apply("too_steep")
            slope = float(np.degrees(np.arcsin(min(abs(way[2]) / long, 1.0))))
            if slope > tally.limits.steepest:
                tally.find("too_steep", "lines", (line.row,), line.no, value=slope, place=spot)
    code = (line.kind or line.ends[0])[:2].upper()
    _check_code(tally, "lines", line.row, line.no, code, spot)
    if code in GRAVITY:
        _check_flow(line, level, spot, tally)
    if line.line is not None:
        _check_drawing(survey, line, tally)


def _check_flow(line: LineRecord, level: bool, spot: Spot | None, tally: Tally) -> None:
    low, high = line.elevations
    if level or low is None or high is None or line.flow not in {1, -1}:
        tally.miss("uphill")
        return
    tally.apply("uphill")
    rise = (high - low) * line.flow
    if rise > FLAT:
        tally.find("uphill", "lines", (line.row,), line.no, value=rise, place=spot,
                   detail="m")  # fmt: skip


def _check_drawing(survey: Survey, line: LineRecord, tally: Tally) -> None:
    assert line.line is not None  # noqa: S101 the caller has asked
    for side, no in enumerate(line.ends):
        spot = survey.spot(no)
        if spot is None:
            tally.miss("line_off")
            continue
        tally.apply("line_off")
        off = float(np.hypot(*(line.line[-side][:2] - np.array(spot))))
        if off > tally.limits.line_off:
            tally.find("line_off", "lines", (line.row,), line.no, value=off, place=spot,
                       detail=no)  # fmt: skip


def scale_of_lengths(survey: Survey) -> float | None:
    """Length between points over stated length, median; None where no length is stated.

    3.28 or 0.305 tell that one of them is in feet.
    """
    ratios = [
        float(np.linalg.norm(way)) / line.length
        for line in survey.lines
        if line.length and line.length > 1.0 and (way := survey.way(line)) is not None
    ]
    return float(np.median(ratios)) if ratios else None
