"""From rows of layers of pipes to what was recorded: courses, heights, the ground at their ends.

The names are those of the fields that a layer of segments, or of points, declares.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import geopandas as gpd
import numpy as np
import numpy.typing as npt
import pandas as pd
import shapely

from cim.geo.laid import Records
from cim.walls import Walls, diameters

Floats = npt.NDArray[np.float64]

NEEDED = ("from_no", "to_no", "elev_ref", "dn")  # fields without which it is no layer of segments
NEAR = 1.0  # m: a point that is named lies this near the end that names it, or is another's


def number(value: Any) -> float | None:
    """A recorded number; None where there is none."""
    if value is None or isinstance(value, str) or pd.isna(value):
        return None
    found = float(value)
    return found if np.isfinite(found) else None


def text(value: Any) -> str:
    """A recorded word; empty where there is none."""
    return "" if value is None or (not isinstance(value, str) and pd.isna(value)) else str(
        value).strip()  # fmt: skip


def courses(shapes: npt.NDArray[np.object_]) -> list[Floats | None]:
    """The course of each line from its recorded start; None where it is not one line."""
    merged = shapely.line_merge(shapely.force_2d(shapes))
    out: list[Floats | None] = []
    for shape, line in zip(shapes, merged, strict=True):
        if shape is None or shape.is_empty or line.geom_type != "LineString":
            out.append(None)
            continue
        at = shapely.get_coordinates(line)
        first = shapely.get_coordinates(shape)[0]
        out.append(at if np.allclose(at[0], first) else at[::-1])
    return out


def pair(row: Sequence[Mapping[str, Any]], what: str) -> Floats:
    """(n, 2) what was recorded at start and end, m; NaN where nothing was."""

    def value(r: Mapping[str, Any], name: str) -> float:
        found = number(r.get(name))
        return np.nan if found is None else found

    return np.array([[value(r, f"start_{what}"), value(r, f"end_{what}")] for r in row])


def _banks(row: Sequence[Mapping[str, Any]], outer: Floats, inner: Floats, *, widest: bool) -> None:
    """Duct banks count as round: with their diagonal, or with their lesser side."""
    for i, r in enumerate(row):
        width, height = number(r.get("width")), number(r.get("height"))
        if width and height and width > 0 and height > 0:
            across = float(np.hypot(width, height)) if widest else min(width, height)
            outer[i], inner[i] = across / 1000, height / 1000


def records_of(
    row: Sequence[Mapping[str, Any]], lines: Sequence[Floats | None], grounds: Floats,
    walls: Walls, *, widest: bool,
) -> Records:  # fmt: skip
    """What was recorded of segments.

    Args:
        row: Their attributes, with the names of the fields of a layer of segments.
        lines: Their courses.
        grounds: (n, 2) ground at their ends, m.
        walls: How diameters are read.
        widest: Whether duct banks count with their diagonal, or else with their lesser side.
    """
    dn = np.array([number(r.get("dn")) or np.nan for r in row])
    outer, inner = diameters(dn, [text(r.get("material")) for r in row], walls)
    _banks(row, outer, inner, widest=widest)
    return Records(
        lines=lines, elevation=pair(row, "elev"), depth=pair(row, "depth"), ground=grounds,
        part=[text(r.get("elev_ref")) for r in row], outer=outer, inner=inner,
    )  # fmt: skip


def grounds_of(
    lines: Sequence[Floats | None], numbers: Sequence[tuple[str, str]],
    points: Sequence[gpd.GeoDataFrame], told: Floats, model: Callable[[Floats], Floats],
) -> Floats:  # fmt: skip
    """(n, 2) ground at the ends: of the surveyed point, else as told, else the model's, m.

    Args:
        lines: Courses.
        numbers: Of the points at their ends.
        points: Surveyed points in the same CRS.
        told: (n, 2) elevation plus depth, m; NaN where one is not recorded.
        model: Heights of the elevation model at (k, 2) places; NaN where it knows none.
    """
    known = _surveyed(points)
    out = told.copy()
    ends = np.full((len(lines), 2, 2), np.nan)
    for i, line in enumerate(lines):
        if line is None:
            continue
        ends[i] = line[0], line[-1]
        for end in (0, 1):
            for x, y, height in known.get(numbers[i][end], ()):
                if np.hypot(x - ends[i, end, 0], y - ends[i, end, 1]) <= NEAR:
                    out[i, end] = height
    open_ = ~np.isfinite(out) & np.isfinite(ends[:, :, 0])
    if open_.any():
        out[open_] = model(ends[open_])
    return out


def _surveyed(points: Sequence[gpd.GeoDataFrame]) -> dict[str, list[tuple[float, float, float]]]:
    """Place and ground height of surveyed points by their number."""
    known: dict[str, list[tuple[float, float, float]]] = {}
    for frame in points:
        if not {"point_no", "ground_elev"} <= set(frame.columns):
            continue
        at = shapely.get_coordinates(frame.geometry.representative_point())
        for name, (x, y), height in zip(
            frame["point_no"], at.tolist(), frame["ground_elev"], strict=True
        ):
            if text(name) and number(height) is not None:
                known.setdefault(text(name), []).append((x, y, float(height)))
    return known
