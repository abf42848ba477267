"""The drawing of a longitudinal section."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import Any

import numpy as np
import numpy.typing as npt

from cim.errors import ParameterError
from cim.sheet import SMALLEST, Item, Line, Pen, Sheet, framed
from cim.sheet.frame import inner
from cim.sheet.model import path
from cim.topics.pipelines.analysis.section import Reach
from cim.topics.pipelines.section_sheet import (
    GROUND,
    Band,
    Paper,
    bands,
    height_grid,
    metres,
    scale_for,
    spread,
    told,
)

Floats = npt.NDArray[np.float64]

SCALES = (100, 200, 500, 1000, 2000, 5000, 10000, 20000)
RAISED = 5.0  # how much heights are drawn larger
_PIPE = Pen(name="管线", color="#4c3926", width=0.35)
_BODY = Pen(name="管体", color="#1565c0", width=0.25)
_WELL = Pen(name="检查井", color="#6b5236", width=0.35)
_NARROWEST = 4.0  # mm between two columns of figures


def sheet_of(
    found: Sequence[Reach], joints: Sequence[Mapping[str, Any]], s: Floats, ground: Floats,
    scale: int, title: str, block: Sequence[tuple[str, str]],
) -> Sheet:  # fmt: skip
    """Ground, pipes and manholes above the figures of the tables.

    Args:
        found: The pipes of the run.
        joints: Rows of the table of joints.
        s: Distances of the ground's heights, m.
        ground: Those heights, m; NaN where unknown.
        scale: Denominator along the run to begin with.
        title: Of the drawing.
        block: More rows of the title block.

    Raises:
        ParameterError: no height is known at all, or it fits on no sheet.
    """
    length = found[-1].end
    heights = [
        *ground.tolist(),
        *(z for r in found for z in (*r.invert, *r.top)),
        *(row["well_bottom"] for row in joints if row["well_bottom"] is not None),
    ]
    heights = [z for z in heights if np.isfinite(z)]  # fmt: skip
    if not heights:
        raise ParameterError(
            "neither the ground nor the height of any pipe is known along the run",
            remedy="publish an elevation model, or pipes with elevations",
        )
    base, top = float(np.floor(min(heights)) - 1.0), float(np.ceil(max(heights)) + 1.0)
    rows = len(block) + 3
    left, low, right, high = inner(420.0, 297.0, rows)
    low, left = low + 8 * 16.0 + 3.0, left + 30.0
    scales = [(float(n), n / RAISED) for n in SCALES if n >= scale]
    across, up, width = scale_for(length, top - base, (right - left, high - low), scales)
    right += width - SMALLEST[0]
    paper = Paper(across=across, up=up, left=left, low=low, base=base, top=top)
    items: list[Item] = height_grid(paper, length)
    items += [Line(pen=GROUND, points=p) for p in paper.line(s, ground)]
    for reach in found:
        items += _pipe(reach, paper)
    for row in joints:
        items += _well(row, paper)
    items += _bands(found, joints, paper, right)
    words = [("比例", f"横 1:{across:g}  纵 1:{up:g}"), ("全长", f"{length:.3f} m"), *block]
    return framed(items, title, words, size=(width, SMALLEST[1]))


def _pipe(reach: Reach, paper: Paper) -> list[Item]:
    if not np.isfinite([*reach.invert, *reach.top]).all():
        return []
    x = (paper.x(reach.begin), paper.x(reach.end))
    body = [(x[0], paper.y(reach.invert[0])), (x[1], paper.y(reach.invert[1])),
            (x[1], paper.y(reach.top[1])), (x[0], paper.y(reach.top[0]))]  # fmt: skip
    return [
        Line(pen=_BODY, points=path(*body), closed=True, fill="#e3f2fd"),
        Line(pen=_PIPE, points=path(*body[:2])),
    ]


def _well(row: Mapping[str, Any], paper: Paper) -> list[Item]:
    """A chamber from the ground to its bottom; a point without one as a thin line."""
    if row["ground"] is None:
        return []
    x, top = paper.x(row["s"]), paper.y(row["ground"])
    if row["well_bottom"] is None:
        return [Line(pen=Pen(name="引线", width=0.13, dash=(1.0, 0.8)),
                     points=path((x, top), (x, paper.low)))]  # fmt: skip
    bottom = paper.y(row["well_bottom"])
    return [Line(pen=_WELL, closed=True, points=path(
        (x - 0.8, bottom), (x + 0.8, bottom), (x + 0.8, top), (x - 0.8, top)))]  # fmt: skip


def _bands(
    found: Sequence[Reach], joints: Sequence[Mapping[str, Any]], paper: Paper, right: float
) -> list[Item]:
    if len(joints) * _NARROWEST > right - paper.left - 4:
        raise ParameterError(
            f"{len(joints)} points are more than a sheet has room for",
            remedy="draw a shorter section",
        )
    at = spread([paper.x(row["s"]) for row in joints], _NARROWEST, paper.left + 2.0, right - 2.0)
    middle = [(a + b) / 2 for a, b in pairwise(at)]
    return bands([
        Band(title="井号/点号", words=[row["no"] for row in joints], at=at),
        Band(title="地面高程 m", words=[metres(row["ground"]) for row in joints], at=at),
        Band(title="来水管内底 m", words=[metres(row["invert_in"]) for row in joints], at=at),
        Band(title="去水管内底 m", words=[metres(row["invert_out"]) for row in joints], at=at),
        Band(title="埋深 m", words=[metres(row["depth"]) for row in joints], at=at),
        Band(title="坡度 ‰", at=middle, words=[metres(told(r.slope, 2), 2) for r in found]),
        Band(title="平面长 m", at=middle, words=[metres(told(r.length)) for r in found]),
        Band(title="桩号 m", words=[metres(row["s"]) for row in joints], at=at),
    ], paper.left, right, paper.low - 2.0)  # fmt: skip
