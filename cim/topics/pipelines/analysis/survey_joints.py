"""What meets at the points of a survey: heights, numbers of segments, angles, and near misses."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import shapely
from scipy.spatial import KDTree

from cim.topics.pipelines.analysis.survey_rows import PointRecord, Spot, Survey, plain_number
from cim.topics.pipelines.analysis.survey_rules import (
    CITED_DEGREES,
    DEGREES,
    FREE,
    Proposal,
    Tally,
)

Floats = npt.NDArray[np.float64]

MOST_PROPOSALS = 2000


def check_heights(survey: Survey, tally: Tally) -> None:
    """Ground = depth + elevation at every end; one depth at every point."""
    for line in survey.lines:
        for side, no in enumerate(line.ends):
            point = survey.by_no.get(no)
            ground = None if point is None else point.ground
            depth, level = line.depths[side], line.elevations[side]
            if ground is None or depth is None or level is None or not line.reference:
                tally.miss("balance")
                continue
            tally.apply("balance")
            off = ground - depth - level
            if abs(off) > tally.limits.balance + 1e-9:
                tally.find("balance", "lines", (line.row,), line.no, value=off,
                           place=survey.spot(no), detail=no)  # fmt: skip
    _check_depths(survey, tally)


def _check_depths(survey: Survey, tally: Tally) -> None:
    """One depth at every point, of all segments whose depth is of the same part."""
    for no, ends in survey.at_point.items():
        point = survey.by_no.get(no)
        if len(ends) < 2 or (point is not None and "跌" in point.feature + point.appurtenance):
            continue
        groups: dict[str, list[tuple[float, int]]] = {}
        for line, side in ends:
            depth = line.depths[side]
            if depth is None:
                tally.miss("same_depth")
            else:
                groups.setdefault(line.reference, []).append((depth, line.row))
        for depths in groups.values():
            if len(depths) < 2:
                continue
            tally.apply("same_depth")
            spread = max(depths)[0] - min(depths)[0]
            if spread > tally.limits.same_depth + 1e-9:
                tally.find("same_depth", "lines", tuple(row for _, row in depths), no,
                           value=spread, place=survey.spot(no))  # fmt: skip


def check_joints(survey: Survey, tally: Tally) -> None:
    """Number of segments against the feature, and angles between them."""
    for point in survey.points:
        ends = survey.at_point.get(point.no, [])
        wanted = DEGREES.get(point.feature)
        if not point.feature:
            tally.miss("degree")
        elif wanted is not None:
            tally.apply("degree")
            if len(ends) != wanted:
                tally.find("degree", "points", (point.row,), point.no, value=float(len(ends)),
                           detail=f"{point.feature}: {wanted}", place=survey.spot(point.no),
                           cited=point.feature in CITED_DEGREES)  # fmt: skip
        ways = []
        for line, side in ends:
            way = survey.way(line)
            if way is not None and np.linalg.norm(way) > 0:
                ways.append((way if side == 0 else -way, line.row))
            else:
                tally.miss("sharp_angle")
        _check_angles(point, ways, survey.spot(point.no), tally)


def _check_angles(
    point: PointRecord, ways: list[tuple[Floats, int]], spot: Spot | None, tally: Tally
) -> None:
    for i, (first, row) in enumerate(ways):
        for second, other in ways[i + 1 :]:
            tally.apply("sharp_angle")
            cosine = float(first @ second / (np.linalg.norm(first) * np.linalg.norm(second)))
            angle = float(np.degrees(np.arccos(np.clip(cosine, -1.0, 1.0))))
            if angle < tally.limits.sharpest:
                tally.find("sharp_angle", "points", (point.row,), point.no, value=angle,
                           detail=f"{row}, {other}", place=spot)  # fmt: skip


def check_near(survey: Survey, tally: Tally) -> None:
    """Points that are almost one, and free ends that stop beside a segment."""
    known = [p for p in survey.by_no.values() if p.x is not None and p.y is not None]
    if not known:
        tally.miss("near_points")
        tally.miss("loose_end")
        return
    places = np.array([(p.x, p.y) for p in known], np.float64)
    tally.apply("near_points", len(known))
    for i, j in sorted(KDTree(places).query_pairs(tally.limits.near)):
        a, b = known[i], known[j]
        gap = float(np.hypot(*(places[i] - places[j])))
        tally.find("near_points", "points", (a.row, b.row), a.no, value=gap, detail=b.no,
                   place=tuple(places[i].tolist()))  # fmt: skip
        _propose(tally, b.no, "合并点 merge", a.no, gap, "位置几乎相同 almost one place",
                 tuple(places[j].tolist()))  # fmt: skip
    _check_loose(survey, known, tally)


def _check_loose(survey: Survey, known: Sequence[PointRecord], tally: Tally) -> None:
    lines = [
        (line, shapely.LineString([a, b]))
        for line in survey.lines
        if (a := survey.spot(line.ends[0])) is not None
        and (b := survey.spot(line.ends[1])) is not None and a != b
    ]  # fmt: skip
    free = [
        p for p in known
        if len(survey.at_point.get(p.no, [])) == 1
        and not any(word in p.feature + p.appurtenance for word in FREE)
    ]  # fmt: skip
    tally.apply("loose_end", len(known))
    if not lines or not free:
        return
    tree = shapely.STRtree([shape for _, shape in lines])
    spots = shapely.points([(p.x, p.y) for p in free])
    for i, j in zip(
        *tree.query(spots, predicate="dwithin", distance=tally.limits.snap), strict=True
    ):
        point, (line, shape) = free[int(i)], lines[int(j)]
        gap = float(shapely.distance(spots[i], shape))
        if point.no in line.ends or gap <= tally.limits.near:
            continue
        spot = survey.spot(point.no)
        tally.find("loose_end", "points", (point.row,), point.no, value=gap, detail=line.no,
                   place=spot)  # fmt: skip
        _propose(tally, point.no, "接到管段 snap to segment", line.no, gap,
                 "悬空端点靠近该管段 free end beside it", spot)  # fmt: skip


def _propose(
    tally: Tally, no: str, kind: str, target: str, distance: float | None, reason: str,
    place: Spot | None = None,
) -> None:  # fmt: skip
    if len(tally.proposals) < MOST_PROPOSALS:
        tally.proposals.append(Proposal(
            no=no, kind=kind, target=target, reason=reason, place=place,
            distance=None if distance is None else round(distance, 3),
        ))  # fmt: skip


def propose_numbers(survey: Survey, tally: Tally) -> None:
    """Points that a segment's missing point could be: the same but for what is easily mistaken."""
    plain: dict[str, list[str]] = {}
    for no in survey.by_no:
        plain.setdefault(plain_number(no), []).append(no)
    for no in survey.at_point:
        if not no or no in survey.by_no:
            continue
        for candidate in plain.get(plain_number(no), []):
            _propose(tally, no, "更正点号 correct the number", candidate, None,
                     "除易混字符外相同 the same but for what is easily mistaken",
                     survey.spot(candidate))  # fmt: skip
