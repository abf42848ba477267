"""Sheets of one lattice joined into one model, the first having priority."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import rasterio
from affine import Affine
from rasterio.enums import Resampling
from rasterio.vrt import WarpedVRT
from rasterio.windows import Window

from cim.ingest.sources import raster
from cim.ingest.sources.dem.models import ModelPlan, Part
from cim.ingest.sources.dem.sheet import new_heights, strips

Heights = npt.NDArray[np.float32]
LARGEST_OVERVIEW = 512  # cells along the coarsest


def write_model(plan: ModelPlan, staging: Path, target: Path) -> Mapping[str, Any]:
    """Join the sheets of a model, and add overviews that are means of known cells.

    Returns:
        Lowest and highest height, and for each sheet how many of its unknown cells others closed.
    """
    part = target.with_suffix(".part")
    low, high, known = math.inf, -math.inf, 0
    closed = [0] * len(plan.parts)
    with ExitStack() as stack:
        sheets = [stack.enter_context(opened(p, plan, staging)) for p in plan.parts]
        out = stack.enter_context(
            new_heights(part, plan.shape, plan.transform, plan.lattice.crs,
                        compress="deflate", predictor=3, zlevel=4)
        )  # fmt: skip
        for window in strips(*plan.shape):
            heights = _joined(window, plan, sheets, closed)
            finite = heights[np.isfinite(heights)]
            if finite.size:
                low, high = min(low, float(finite.min())), max(high, float(finite.max()))
                known += finite.size
            out.write(heights, 1, window=window)
    factors = [2**n for n in range(1, 16) if max(plan.shape) / 2 ** (n - 1) > LARGEST_OVERVIEW]
    if factors:
        with raster.written(target), rasterio.open(part, "r+") as image:
            image.build_overviews(factors, Resampling.average)
    part.replace(target)
    names = [p.name for p in plan.parts]
    return {
        "range": [low, high], "known": known,
        "closed": {n: c for n, c in zip(names, closed, strict=True) if c},
    }  # fmt: skip


@contextmanager
def opened(part: Part, plan: ModelPlan, staging: Path) -> Iterator[rasterio.DatasetReader]:
    """A sheet on its model's lattice."""
    with rasterio.open(staging / part.file) as sheet:
        if part.aligned:
            yield sheet
            return
        x, y = plan.lattice.place(*part.first)
        wide, high = plan.lattice.cell
        with WarpedVRT(
            sheet, crs=sheet.crs, transform=Affine(wide, 0, x, 0, -high, y),
            width=part.shape[1], height=part.shape[0], resampling=Resampling.bilinear,
            src_nodata=math.nan, nodata=math.nan,
        ) as warped:  # fmt: skip
            yield warped


def _joined(
    window: Window, plan: ModelPlan, sheets: list[rasterio.DatasetReader], closed: list[int]
) -> Heights:
    """A strip of the model; counts the unknown cells of each sheet that another one closes."""
    heights = np.full((int(window.height), int(window.width)), np.nan, np.float32)
    unknown: list[tuple[int, tuple[slice, slice], npt.NDArray[np.bool_]]] = []
    top, left = plan.first[0] + int(window.row_off), plan.first[1] + int(window.col_off)
    for index, (part, sheet) in enumerate(zip(plan.parts, sheets, strict=True)):
        low = max(part.first[0], top), max(part.first[1], left)
        high = (min(part.first[0] + part.shape[0], top + heights.shape[0]),
                min(part.first[1] + part.shape[1], left + heights.shape[1]))  # fmt: skip
        if low[0] >= high[0] or low[1] >= high[1]:
            continue
        inner = Window(low[1] - part.first[1], low[0] - part.first[0],
                       high[1] - low[1], high[0] - low[0])  # fmt: skip
        new = sheet.read(1, window=inner)
        where = (slice(low[0] - top, high[0] - top), slice(low[1] - left, high[1] - left))
        gap = np.isnan(new)
        if gap.any():
            unknown.append((index, where, gap))
        np.copyto(heights[where], new, where=np.isnan(heights[where]))
    for index, where, gap in unknown:
        closed[index] += int((gap & np.isfinite(heights[where])).sum())
    return heights
