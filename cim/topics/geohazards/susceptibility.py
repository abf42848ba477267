"""滑坡易发性: where slides are likely, learnt from where they have been."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt
from pydantic import Field
from rasterio.features import rasterize
from rasterio.transform import from_origin

from cim.catalog.elevation import Ground
from cim.drawn import NOTHING, cell_area, coverage, disc, listed
from cim.errors import ParameterError
from cim.evidence import Rows, figure, ground_provenance, ground_source, input_of, rows_of
from cim.geo.grid import Grid
from cim.geo.terrain import aspect as facing
from cim.geo.terrain import curvature, flow, position_index, slope, wetness
from cim.question import english, layer_field
from cim.topic import Analysis, Axis, Context, LegendEntry, Result, Series, Table
from cim.topics.geohazards.analysis.susceptibility import (
    LEAST_SLIDES,
    auc,
    blocks,
    captured,
    logistic,
    ratios,
)
from cim.topics.geohazards.asked import NOT_FOR_DISPATCH, AroundParameters, placed

Floats = npt.NDArray[np.float64]
Flags = npt.NDArray[np.bool_]
Ints = npt.NDArray[np.int64]
Method = Literal["frequency_ratio", "information_value", "logistic"]

CLASSES = 6
FOLDS = 5
BLOCK = 500.0  # m: sides of the blocks of ground that are held back together
_METHODS = {
    "frequency_ratio": ("频率比", "frequency ratio"),
    "information_value": ("信息量", "information value"),
    "logistic": ("逻辑回归", "logistic regression"),
}
_SHARES = (0.4, 0.65, 0.85, 0.95)  # of the ground below each limit
_LEGEND = (
    LegendEntry(value=0, color="#2e7d3290", title="极低（40% 面积）", title_en="very low (40 %)"),
    LegendEntry(value=1, color="#9ccc6590", title="低（25%）", title_en="low (25 %)"),
    LegendEntry(value=2, color="#fdd835a0", title="中（20%）", title_en="medium (20 %)"),
    LegendEntry(value=3, color="#fb8c00b0", title="高（10%）", title_en="high (10 %)"),
    LegendEntry(value=4, color="#c62828c0", title="极高（5%）", title_en="very high (5 %)"),
)


class SusceptibilityParameters(AroundParameters):
    """What susceptibility asks for."""

    inventory: str = layer_field(
        "geohazards.landslide", "滑坡编目", "已发生滑坡的范围（面）或位置（点）。", "Inventory",
        "Slides that have happened: outlines or places.",
    )  # fmt: skip
    method: Method = Field(
        default="logistic", title="方法", description="频率比、信息量或逻辑回归。",
        json_schema_extra=english(
            "Method", "Frequency ratio, information value or logistic regression.",
            choices={key: list(titles) for key, titles in _METHODS.items()},
        ),
    )  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _Factor:
    """What may make ground slide: its values, and the limits of its classes."""

    title: str
    title_en: str
    unit: str
    values: Floats
    limits: Floats

    @property
    def classes(self) -> Ints:
        return np.asarray(np.searchsorted(self.limits, self.values, side="right"), np.int64)


def susceptibility(asked: SusceptibilityParameters, context: Context) -> Result:
    """Learn from an inventory and say where else."""
    ground, x, y = placed(asked, context, 1000.0)
    slides = rows_of(context, asked.inventory, crs=ground.grid.crs, fields=("slide_id",))
    inside = disc(ground.grid, x, y, asked.range)
    raw = _raw(ground.grid)
    known = inside & np.all([np.isfinite(values) for *_, values in raw], axis=0)
    slid = _slid(ground.grid, slides)[known]
    if slid.sum() < LEAST_SLIDES:
        raise ParameterError(
            f"{int(slid.sum())} cells inside the area have slid; {LEAST_SLIDES} are the least to "
            "learn from",
            remedy="enlarge the area, or publish more of the inventory",
        )
    factors = [_factor(title, english_, unit, values[known]) for title, english_, unit, values
               in raw]  # fmt: skip
    row, column = np.nonzero(known)
    fold = blocks(row, column, max(1, round(BLOCK / ground.grid.cell[0])), FOLDS)
    score = _scored(asked.method, factors, slid, np.ones(len(slid), bool))
    held = np.full(len(slid), np.nan)
    for number in range(FOLDS):
        rest = fold != number
        if slid[rest].any() and (fold == number).any():
            held[~rest] = _ranked(_scored(asked.method, factors, slid, rest))[~rest]
    return _result(asked, context, ground, slides, (inside, known, slid, score, held), factors)


def _raw(grid: Grid) -> tuple[tuple[str, str, str, Floats], ...]:
    """The factors that a DEM alone tells."""
    drained = flow(grid)
    profile, plan = curvature(grid)
    north = np.cos(np.radians(facing(grid)))
    return (
        ("坡度", "Slope", "deg", slope(grid)),
        (
            "向北程度 cos(坡向)",
            "Northness, cos(aspect)",
            "1",
            np.where(np.isnan(north), 0.0, north),
        ),
        ("剖面曲率", "Profile curvature", "1/m", profile),
        ("平面曲率", "Plan curvature", "1/m", plan),
        ("地形湿度指数", "Topographic wetness index", "1", wetness(grid, drained.upslope)),
        ("地形位置指数", "Topographic position index", "m", position_index(grid)),
    )


def _factor(title: str, title_en: str, unit: str, values: Floats) -> _Factor:
    """Classes of equal shares of the ground."""
    limits = np.unique(np.quantile(values, np.arange(1, CLASSES) / CLASSES))
    return _Factor(title=title, title_en=title_en, unit=unit, values=values, limits=limits)


def _slid(grid: Grid, slides: Rows) -> Flags:
    """Cells whose centres lie in a mapped slide; of a place, the cell it lies in."""
    shapes = [shape for shape in slides.frame.geometry if shape is not None and not shape.is_empty]
    if not shapes:
        return np.zeros(grid.heights.shape, bool)
    burnt = rasterize(
        shapes, out_shape=grid.heights.shape, dtype="uint8",
        transform=from_origin(grid.west, grid.north, *grid.cell),
    )  # fmt: skip
    return np.asarray(burnt, bool)


def _scored(method: Method, factors: list[_Factor], slid: Flags, learn: Flags) -> Floats:
    """The score of each cell, learnt from some of them."""
    if method == "logistic":
        table = np.column_stack([f.values for f in factors] + [factors[0].values ** 2])
        return logistic(table[learn], slid[learn]).probability(table)
    total = np.zeros(len(slid))
    for factor in factors:
        classes = factor.classes
        found = ratios(classes[learn], slid[learn], len(factor.limits) + 1)
        worth = found.frequency if method == "frequency_ratio" else found.information
        total += np.nan_to_num(worth)[classes]
    return total


def _ranked(score: Floats) -> Floats:
    """Share of the ground with a lower score: what makes the folds' scores comparable."""
    return np.asarray(np.argsort(np.argsort(score)) / len(score), np.float64)


def _result(
    asked: SusceptibilityParameters, context: Context, ground: Ground, slides: Rows,
    found: tuple[Flags, Flags, Flags, Floats, Floats], factors: list[_Factor],
) -> Result:  # fmt: skip
    inside, known, slid, score, held = found
    rank = _ranked(score)
    classes = np.full(known.shape, NOTHING, np.uint8)
    classes[known] = np.searchsorted(_SHARES, rank, side="right")
    tested = np.isfinite(held)
    both = tested.any() and slid[tested].any() and not slid[tested].all()
    source = f"{ground_source(ground)}；{slides.source}"
    zh, en = _METHODS[asked.method]
    cell = cell_area(ground.grid)
    top = float(slid[rank >= _SHARES[2]].sum() / slid.sum())
    return Result(
        summary=(
            figure("auc_success", "AUC（全部样本，成功率）", "AUC, success", auc(score, slid), "1",
                   f"{source}，{zh} {en}"),
            figure("auc_prediction", "AUC（空间分块交叉验证，预测率）", "AUC, prediction (blocks)",
                   auc(held[tested], slid[tested]) if both else None, "1",
                   f"{source}，{FOLDS} 折，{BLOCK:g} m 分块 spatial blocks"),
            figure("captured", "高与极高易发区内滑坡占比", "Slides in the highest 15 %",
                   100 * top, "%", source),
            figure("slid_area", "编目滑坡面积", "Mapped slides", cell * int(slid.sum()) / 1e6,
                   "km2", source),
            figure("unknown_area", "无法判定面积", "Cannot be told",
                   cell * int((inside & ~known).sum()) / 1e6, "km2", source),
        ),
        coverage=coverage(ground.grid, classes, context, _LEGEND),
        series=_curves(score, held, slid, tested if both else np.zeros(0, bool)),
        tables=(_table(factors, slid),),
        provenance=_provenance(asked, context, ground, slides),
    )  # fmt: skip


def _provenance(
    asked: SusceptibilityParameters, context: Context, ground: Ground, slides: Rows
) -> dict[str, object]:
    said = ground_provenance(ground, context)
    return said | {
        "inputs": [*said["inputs"], input_of(slides.version)],
        "method": asked.method,
        "applicability": f"{NOT_FOR_DISPATCH}. 只用 DEM 因子，未含岩性、断层、植被 factors of "
        "the DEM "
        "alone: no rock, faults or cover; classes are shares of this area, not of others",
    }


def _curves(score: Floats, held: Floats, slid: Flags, tested: Flags) -> tuple[Series, ...]:
    share, success = captured(score, slid)
    lines = [
        Axis(title="成功率曲线", title_en="Success", unit="%", values=listed(100 * success, 2))
    ]
    if tested.any():
        _, predicted = captured(held[tested], slid[tested])
        lines.append(Axis(title="预测率曲线", title_en="Prediction", unit="%",
                          values=listed(100 * predicted, 2)))  # fmt: skip
    return (
        Series(
            title="成功率与预测率", title_en="Success and prediction",
            x=Axis(title="面积占比（由高到低）", title_en="Share of the ground, highest first",
                   unit="%", values=listed(100 * share, 2)),
            y=tuple(lines),
        ),
    )  # fmt: skip


def _table(factors: list[_Factor], slid: Flags) -> Table:
    rows = []
    for factor in factors:
        found = ratios(factor.classes, slid, len(factor.limits) + 1)
        edges = [factor.values.min(), *factor.limits, factor.values.max()]
        rows += [
            {
                "factor": f"{factor.title} {factor.title_en}",
                "from": round(float(edges[k]), 5), "to": round(float(edges[k + 1]), 5),
                "cells": int(found.cells[k]), "slides": int(found.slides[k]),
                "ratio": round(float(found.frequency[k]), 4),
                "information": round(float(found.information[k]), 4),
            }
            for k in range(len(factor.limits) + 1)
        ]  # fmt: skip
    return Table(
        title="因子分级", title_en="Classes of the factors",
        columns=(
            ("factor", "因子", "Factor", ""), ("from", "自", "From", ""), ("to", "至", "To", ""),
            ("cells", "格数", "Cells", "1"), ("slides", "滑坡格数", "Slid", "1"),
            ("ratio", "频率比", "Frequency ratio", "1"),
            ("information", "信息量", "Information value", "1"),
        ),
        rows=rows,
    )  # fmt: skip


SUSCEPTIBILITY = Analysis(
    id="geohazards.susceptibility",
    guide="geohazards.md",
    title="哪里容易发生滑坡（易发性评价）",
    title_en="Where are slides likely",
    summary=(
        "以滑坡编目为样本、DEM 因子为自变量，按频率比、信息量或逻辑回归评价易发性，给出空间分块"
        "交叉验证的 "
        "AUC、成功率与预测率曲线。"
    ),
    summary_en=(
        "Learns from mapped slides and the DEM's factors by frequency ratio, information value or "
        "logistic regression, and tells how well it does on blocks of ground that were held back."
    ),
    parameters=SusceptibilityParameters,
    run=susceptibility,
    example={"centre": [106.6500, 35.2200], "range": 5000},
    reads=lambda asked: (asked.terrain, asked.inventory),
    references=(
        "Yin & Yan (1988), Statistical prediction model for slope instability, 5th ISL 2, 1269",
        "Roberts et al. (2017), Cross-validation strategies, Ecography 40, 913-929",
        "Chung & Fabbri (2003), Validation of spatial prediction models, Natural Hazards 30, 451",
    ),
)
