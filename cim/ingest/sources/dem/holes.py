"""What no sheet of a model knows: closed by models below it, or filled for display."""

from __future__ import annotations

import math
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import rasterio
from rasterio.enums import Resampling
from rasterio.vrt import WarpedVRT
from rasterio.windows import Window
from scipy.ndimage import label

from cim.ingest.sources.dem.models import ModelPlan
from cim.ingest.sources.dem.sheet import strips

Flags = npt.NDArray[np.bool_]
SKETCH = 16_000_000  # cells of the sketch in which holes are told apart


@dataclass(frozen=True, slots=True, kw_only=True)
class Holes:
    """Unknown cells within a model.

    Args:
        lower: Closed by models of lower priority.
        filled: Closed by nobody, within: shown as their surroundings are.
        largest: Of those, cells of the largest hole.
        rim: Closed by nobody, at the rim of the model.
    """

    lower: int
    filled: int
    largest: int
    rim: int


def holes_of(plan: ModelPlan, path: Path, lower: Sequence[Path]) -> Holes:
    """Count a model's unknown cells by what becomes of them."""
    rows, columns = plan.shape
    wide = max(1, math.ceil(math.sqrt(rows * columns / SKETCH)))
    sketch = np.zeros((-(-rows // wide) + 2, -(-columns // wide) + 2), np.int64)
    closed = 0
    with rasterio.open(path) as model, ExitStack() as stack:
        others = [stack.enter_context(_upon(p, model, stack)) for p in lower]
        for window in strips(rows, columns):
            unknown = np.isnan(model.read(1, window=window))
            if not unknown.any():
                continue
            for other in others:
                known = np.isfinite(other.read(1, window=window)) & unknown
                closed += int(known.sum())
                unknown &= ~known
            _sketch(unknown, window, wide, sketch)
    inner, largest, rim = _told_apart(sketch)
    return Holes(lower=closed, filled=inner, largest=largest, rim=rim)


def _upon(path: Path, model: rasterio.DatasetReader, stack: ExitStack) -> Any:
    other = stack.enter_context(rasterio.open(path))
    return WarpedVRT(
        other, crs=model.crs, transform=model.transform, width=model.width, height=model.height,
        resampling=Resampling.bilinear, src_nodata=math.nan, nodata=math.nan,
    )  # fmt: skip


def _sketch(unknown: Flags, window: Window, wide: int, sketch: npt.NDArray[np.int64]) -> None:
    row, column = np.nonzero(unknown)
    np.add.at(sketch, ((row + int(window.row_off)) // wide + 1, column // wide + 1), 1)


def _told_apart(sketch: npt.NDArray[np.int64]) -> tuple[int, int, int]:
    """Cells in holes, in the largest hole, and at the rim."""
    sketch[0], sketch[-1], sketch[:, 0], sketch[:, -1] = 0, 0, 0, 0
    open_ = sketch > 0
    if not open_.any():
        return 0, 0, 0
    open_[0], open_[-1], open_[:, 0], open_[:, -1] = True, True, True, True  # all around: the rim
    names, count = label(open_, np.ones((3, 3), np.int8))
    cells = np.bincount(names.ravel(), weights=sketch.ravel(), minlength=count + 1)
    rim = int(cells[names[0, 0]])
    cells[names[0, 0]] = 0
    return int(cells.sum()), int(cells.max()), rim
