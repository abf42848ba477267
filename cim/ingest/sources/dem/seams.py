"""Overlapping sheets compared before one of them vanishes under the other.

A constant difference is an error of datum or unit, a lean one of georeference: neither is ever
feathered away. What resampling in mountains brings about is neither, and only told.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import rasterio
from affine import Affine
from rasterio.enums import Resampling
from rasterio.vrt import WarpedVRT
from rasterio.warp import transform_bounds
from rasterio.windows import Window

from cim.errors import CheckError
from cim.ingest.source import Problem
from cim.ingest.sources.dem.models import lattice_of
from cim.ingest.sources.dem.sheet import strips

Floats = npt.NDArray[np.float64]

SHARE = 1 / 3  # of the coarser cell that sheets may lie apart
LEAST = 0.5  # m that they may in any case
PICKED = 200_000  # cells for median and plane
FEW = 30  # cells from which a plane says nothing
SIGMA = 1.4826  # times the median deviation is the standard deviation of a normal one


@dataclass(frozen=True, slots=True, kw_only=True)
class Seam:
    """Two sheets where both know the height; differences are the second less the first, m.

    Args:
        one: The sheet that wins.
        other: The one below it.
        dates: Of both; empty where unknown.
        cells: Common cells of the coarser one.
        mean: Difference.
        rms: Root mean square.
        worst: Greatest difference, absolute.
        offset: Median: what is left when single cells do not count.
        spread: Robust standard deviation around it.
        lean: How far a plane through the differences rises from end to end of the overlap.
        rough: Median height difference of neighbouring cells of the coarser sheet: what half a
            cell of shift or resampling may bring about.
        cell: Of the coarser sheet on the ground, m.
    """

    one: str
    other: str
    dates: tuple[str, str]
    cells: int
    mean: float
    rms: float
    worst: float
    offset: float
    spread: float
    lean: float
    rough: float
    cell: float

    def tolerance(self, given: float) -> float:
        """How far the two may lie apart, m."""
        return given or max(LEAST, SHARE * self.cell)

    def faults(self, given: float) -> list[str]:
        """What is beyond tolerance."""
        limit = self.tolerance(given)
        high, low = (self.other, self.one) if self.offset > 0 else (self.one, self.other)
        told = []
        if abs(self.offset) > limit:
            told.append(f"{_short(high)} lies {abs(self.offset):+.2f} m over {_short(low)}")
        if self.lean > 2 * limit:
            told.append(
                f"{_short(self.other)} leans by {self.lean:.2f} m against {_short(self.one)}"
            )
        if self.spread > limit + self.rough:
            told.append(
                f"{_short(self.other)} and {_short(self.one)} scatter by {self.spread:.2f} m, "
                f"neighbouring cells differ by {self.rough:.2f} m"
            )
        return told

    def told(self) -> Problem:
        """A line for the report."""
        dates = f" of {self.dates[0] or '?'} wins over {self.dates[1] or '?'}"
        return Problem(
            path=self.other,
            reason=f"under {_short(self.one)}{dates if any(self.dates) else ''} ({self.cells} "
            f"cells) it differs by {self.mean:+.3f} m in the mean, {self.rms:.3f} m RMS, "
            f"{self.worst:.3f} m at most; offset {self.offset:+.3f} m, lean {self.lean:.3f} m",
            remedy="a constant difference is a datum or unit error, a lean one of georeference",
        )


def pairs_of(sheets: Sequence[Mapping[str, Any]]) -> dict[str, list[str]]:
    """For each sheet the sheets below it, by id, whose boxes overlap its own."""
    found: dict[str, list[str]] = {}
    boxes = np.array([s["extent"] for s in sheets], np.float64)
    for index, sheet in enumerate(sheets):
        west, south, east, north = boxes[index]
        rest = boxes[index + 1 :]
        over = (
            (rest[:, 0] < east) & (rest[:, 2] > west) & (rest[:, 1] < north) & (rest[:, 3] > south)
        )
        below = [str(sheets[index + 1 + i]["id"]) for i in np.flatnonzero(over)]
        if below:
            found[str(sheet["id"])] = below
    return found


def compare(one: Mapping[str, Any], other: Mapping[str, Any], staging: Path) -> Seam | None:
    """Two cleaned sheets where both know the height; None where they do nowhere."""
    coarse, fine = (one, other) if one["cell"] >= other["cell"] else (other, one)
    sign = 1.0 if coarse is one else -1.0  # differences are second less first
    sums = _Sums()
    for x, y, high, base in _common(coarse, fine, staging):
        sums.add(x, y, sign * (high - base), base)
    return sums.seam(one, other, float(coarse["cell"]))


def _common(
    coarse: Mapping[str, Any], fine: Mapping[str, Any], staging: Path
) -> Iterator[tuple[Floats, Floats, Floats, Floats]]:
    """Strip by strip of the overlap on the coarser grid: x, y, finer and coarser heights."""
    with rasterio.open(staging / coarse["file"]) as base, rasterio.open(
        staging / fine["file"]
    ) as above:  # fmt: skip
        box = transform_bounds(above.crs, base.crs, *above.bounds, densify_pts=21)
        inner = _cells(base, box)
        if inner is None:
            return
        ratio = coarse["cell"] / fine["cell"]
        same = lattice_of(coarse) == lattice_of(fine)
        with WarpedVRT(
            above, crs=base.crs, transform=base.window_transform(inner), width=inner.width,
            height=inner.height, src_nodata=math.nan, nodata=math.nan,
            resampling=Resampling.nearest if same
            else Resampling.average if ratio > 1.5 else Resampling.bilinear,
        ) as over:  # fmt: skip
            for window in strips(inner.height, inner.width):
                high = over.read(1, window=window).astype(np.float64)
                shifted = Window(inner.col_off, inner.row_off + window.row_off, *high.shape[::-1])
                low = base.read(1, window=shifted).astype(np.float64)
                x, y = _centres(base.window_transform(shifted), high.shape)
                yield x, y, high, low


def _cells(image: rasterio.DatasetReader, box: Sequence[float]) -> Window | None:
    """Whole cells of a sheet within a box."""
    t = image.transform
    left = max(0, math.ceil(round((box[0] - t.c) / t.a, 3)))
    right = min(image.width, math.floor(round((box[2] - t.c) / t.a, 3)))
    top = max(0, math.ceil(round((box[3] - t.f) / t.e, 3)))
    bottom = min(image.height, math.floor(round((box[1] - t.f) / t.e, 3)))
    if left >= right or top >= bottom:
        return None
    return Window(left, top, right - left, bottom - top)


def _centres(transform: Affine, shape: tuple[int, ...]) -> tuple[Floats, Floats]:
    x = transform.c + transform.a * (np.arange(shape[1]) + 0.5)
    y = transform.f + transform.e * (np.arange(shape[0]) + 0.5)
    grid_x, grid_y = np.meshgrid(x, y)
    return grid_x, grid_y


class _Sums:
    """Figures that grow strip by strip."""

    def __init__(self) -> None:
        self.cells, self.sum, self.squares, self.worst = 0, 0.0, 0.0, 0.0
        self.picked: list[Floats] = []
        self.steps: list[Floats] = []

    def add(self, x: Floats, y: Floats, difference: Floats, base: Floats) -> None:
        both = np.isfinite(difference)
        values = difference[both]
        if not values.size:
            return
        self.cells += values.size
        self.sum += float(values.sum())
        self.squares += float((values**2).sum())
        self.worst = max(self.worst, float(np.abs(values).max()))
        thin = max(1, values.size // PICKED)
        self.picked.append(np.stack([x[both], y[both], values], axis=1)[::thin])
        for axis in (0, 1):
            step = np.abs(np.diff(base, axis=axis)).ravel()
            self.steps.append(step[np.isfinite(step)][::thin])

    def seam(self, one: Mapping[str, Any], other: Mapping[str, Any], cell: float) -> Seam | None:
        if not self.cells:
            return None
        picked = np.concatenate(self.picked)
        values = picked[:, 2]
        offset = float(np.median(values))
        steps = np.concatenate(self.steps)
        return Seam(
            one=str(one["name"]), other=str(other["name"]),
            dates=(str(one["date"]), str(other["date"])), cells=self.cells,
            mean=self.sum / self.cells, rms=math.sqrt(self.squares / self.cells),
            worst=self.worst, offset=offset,
            spread=SIGMA * float(np.median(np.abs(values - offset))), lean=_lean(picked),
            rough=float(np.median(steps)) if steps.size else 0.0, cell=cell,
        )  # fmt: skip


def _lean(picked: Floats) -> float:
    """How far a plane through differences rises from end to end; one round of outliers dropped."""
    xy = picked[:, :2] - picked[:, :2].mean(axis=0)
    size = np.maximum(np.ptp(xy, axis=0), 1e-9)
    system = np.column_stack([xy / size, np.ones(len(xy))])
    keep = np.ones(len(xy), np.bool_)
    plane = np.zeros(3)
    for _ in range(2):
        if keep.sum() < FEW or np.linalg.matrix_rank(system[keep]) < 3:
            return 0.0
        plane = np.linalg.lstsq(system[keep], picked[keep, 2], rcond=None)[0]
        rest = np.abs(picked[:, 2] - system @ plane)
        keep = rest <= 3 * max(SIGMA * float(np.median(rest)), 1e-9)
    return float(np.ptp(system @ plane))


def judge(seams: Sequence[Seam], tolerance: float, *, accept: bool) -> list[Problem]:
    """A line for each pair that differs; sheets that do not agree stop everything.

    Raises:
        CheckError: naming both sheets, how far they lie apart, and which sheet it is, where one
            is in all such pairs.
    """
    bad = [(seam, seam.faults(tolerance)) for seam in seams]
    bad = [(seam, faults) for seam, faults in bad if faults]
    if bad and not accept:
        raise _refusal(bad, tolerance)
    lines = [s.told() for s in seams if s.worst > 0 or s.dates[0] != s.dates[1]]
    return lines + [
        Problem(path=seam.other, reason=f"published all the same: {'; '.join(faults)}")
        for seam, faults in bad
    ]


def _refusal(bad: Sequence[tuple[Seam, list[str]]], tolerance: float) -> CheckError:
    bad = sorted(bad, key=lambda both: -abs(both[0].offset) - both[0].lean)
    seam, faults = bad[0]
    found = Counter(name for one, _ in bad for name in (one.one, one.other))
    name, times = found.most_common(1)[0]
    whose = f"; it is {_short(name)}, the one in all {times}" if times == len(bad) > 1 else ""
    more = f", and {len(bad) - 1} more pairs do not agree{whose}" if len(bad) > 1 else ""
    return CheckError(
        f"sheets do not agree where they overlap: {'; '.join(faults)} ({seam.cells} cells, RMS "
        f"{seam.rms:.2f} m, at most {seam.worst:.2f} m; {seam.tolerance(tolerance):.2f} m are "
        f"allowed){more}",
        path=seam.other,
        remedy="a constant difference is a datum or unit error: mend the sheet, or publish all the "
        "same with -o accept_seams=true",
    )


def figures(seams: Sequence[Seam]) -> dict[str, float]:
    """The worst of all pairs, for the report."""
    return {
        "pairs": len(seams),
        "common_cells": sum(s.cells for s in seams),
        "worst_offset_m": max((abs(s.offset) for s in seams), default=0.0),
        "worst_lean_m": max((s.lean for s in seams), default=0.0),
        "worst_rms_m": max((s.rms for s in seams), default=0.0),
        "worst_difference_m": max((s.worst for s in seams), default=0.0),
    }


def to_json(seam: Seam) -> dict[str, Any]:
    """For the facts of a part."""
    return asdict(seam)


def from_json(told: Mapping[str, Any]) -> Seam:
    """Back from the facts of a part."""
    return Seam(**{**told, "dates": (told["dates"][0], told["dates"][1])})


def _short(name: str) -> str:
    return Path(name).name
