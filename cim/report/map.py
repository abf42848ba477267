"""The map of a report, drawn by the server: imagery, coverage, features, scale bar, north arrow."""

from __future__ import annotations

import base64
import io
import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from xml.sax.saxutils import escape

import numpy as np
import numpy.typing as npt
import rasterio
import shapely
from affine import Affine
from PIL import Image
from pyproj import CRS
from rasterio.enums import Resampling
from rasterio.warp import reproject
from shapely.geometry import box as box_of
from shapely.geometry import shape as read_shape
from shapely.geometry.base import BaseGeometry

from cim.geo.crs import CGCS2000, rows, transformer
from cim.report.words import plain
from cim.tiles import imagery

COLUMNS, ROWS = 1280, 760  # pixels of the pictures; what is drawn over them is vectors
_LEAST = 150.0  # m shown at least, across
_AIR = 1.25  # around what is shown
_THROUGH = 0.62  # opacity of a coverage
_MOST = 6000  # features that a page can show
_GROUND = (226, 224, 214)  # where there is no picture
Box = tuple[float, float, float, float]
Pixels = npt.NDArray[np.uint8]


@dataclass(frozen=True, slots=True, kw_only=True)
class Map:
    """A map ready to be put on a page.

    Args:
        svg: The whole, to be shown at 1280 to 760.
        note: What it shows, one line.
    """

    svg: str
    note: str


def draw(
    answer: Mapping[str, Any], folder: Path, pictures: Sequence[tuple[Path, str]], crs: CRS,
    family: str,
) -> Map | None:  # fmt: skip
    """The map of an answer; None where it shows nothing anywhere.

    Args:
        answer: With features and coverage.
        folder: Where its coverage lies.
        pictures: COGs to draw below, the lowest first, each with its name.
        crs: In metres; north of its grid is up.
        family: Font of the words.
    """
    features = list(_features(answer, crs))
    coverage = answer["coverage"]
    box = _box([shape for shape, _ in features], coverage, crs)
    if box is None:
        return None
    ground, shown = _ground(pictures, crs, box)
    if coverage is not None:
        ground = _covered(ground, folder / coverage["file"], coverage["legend"], crs, box)
    pen = _Pen(box, family)
    drawn = "".join(pen.feature(shape, properties) for shape, properties in features[:_MOST])
    aside = len(features) - _MOST
    notes = [
        "北方向上（坐标网格北） north up (grid)",
        f"{crs.name}",
        f"底图 base: {'、'.join(shown)}" if shown else "无底图 no base map",
        f"另有 {aside} 个要素未绘 {aside} features not drawn" if aside > 0 else "",
    ]
    return Map(
        svg=f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {COLUMNS} {ROWS}" '
        f'font-family="{escape(family)}">'
        f'<image width="{COLUMNS}" height="{ROWS}" href="{_embedded(ground)}"/>'
        f"{drawn}{pen.scale_bar()}{pen.north()}</svg>",
        note=" · ".join(plain(note) for note in notes if note),
    )


def _features(
    answer: Mapping[str, Any], crs: CRS
) -> Iterator[tuple[BaseGeometry, Mapping[str, Any]]]:
    """Shapes in the plane with their properties."""
    step = transformer(CGCS2000, crs)
    for feature in (answer["features"] or {}).get("features", ()):
        if not feature.get("geometry"):
            continue
        shape = shapely.force_2d(read_shape(feature["geometry"]))
        if shape.is_empty:
            continue
        placed = shapely.transform(shape, lambda at: rows(step, at))
        yield placed, feature.get("properties") or {}


def _box(
    shapes: Sequence[BaseGeometry], coverage: Mapping[str, Any] | None, crs: CRS
) -> Box | None:
    """What is shown, in the proportions of the page."""
    bounds = [shape.bounds for shape in shapes]
    if coverage is not None:
        bounds.append(transformer(CGCS2000, crs).transform_bounds(*coverage["bounds"]))
    sides = np.array(bounds, dtype=np.float64).reshape(-1, 4)
    sides = sides[np.isfinite(sides).all(axis=1)]
    if not len(sides):
        return None
    west, south = sides[:, :2].min(axis=0)
    east, north = sides[:, 2:].max(axis=0)
    width = max(east - west, (north - south) * COLUMNS / ROWS, _LEAST) * _AIR
    height = width * ROWS / COLUMNS
    x, y = (west + east) / 2, (south + north) / 2
    return (x - width / 2, y - height / 2, x + width / 2, y + height / 2)


def _ground(pictures: Sequence[tuple[Path, str]], crs: CRS, box: Box) -> tuple[Pixels, list[str]]:
    whole = np.full((ROWS, COLUMNS, 3), _GROUND, np.uint8)
    shown = []
    for path, name in pictures:
        colours, seen = imagery.picture(path, crs, box, (ROWS, COLUMNS))
        if not seen.any():
            continue
        share = seen[..., None].astype(np.float32) / 255
        whole = (colours * share + whole * (1 - share)).round().astype(np.uint8)
        shown.append(name)
    return whole, shown


def _covered(
    ground: Pixels, path: Path, legend: Sequence[Mapping[str, Any]], crs: CRS, box: Box
) -> Pixels:
    """The classes of a coverage over the ground."""
    values = np.full((ROWS, COLUMNS), 255, np.uint8)
    with rasterio.open(path) as source:
        reproject(
            rasterio.band(source, 1), values, dst_crs=crs.to_wkt(), dst_nodata=255,
            dst_transform=Affine((box[2] - box[0]) / COLUMNS, 0, box[0],
                                 0, (box[1] - box[3]) / ROWS, box[3]),
            resampling=Resampling.nearest,
        )  # fmt: skip
    colours = np.zeros((256, 4), np.float32)
    for entry in legend:
        code = str(entry["color"]).removeprefix("#").ljust(8, "f")
        colours[entry["value"]] = [int(code[i : i + 2], 16) for i in (0, 2, 4, 6)]
    painted = colours[values]
    share = painted[..., 3:] / 255 * _THROUGH
    mixed: Pixels = (painted[..., :3] * share + ground * (1 - share)).round().astype(np.uint8)
    return mixed


def _embedded(picture: Pixels) -> str:
    out = io.BytesIO()
    Image.fromarray(picture).save(out, "JPEG", quality=88, subsampling=0)
    return f"data:image/jpeg;base64,{base64.b64encode(out.getvalue()).decode()}"


class _Pen:
    """Draws features in the words of ``cim.drawn``, flat: heights are not told by a map."""

    def __init__(self, box: Box, family: str) -> None:
        self._box, self._family = box, family
        self._scale = COLUMNS / (box[2] - box[0])  # pixels a metre
        self._window = box_of(*box).buffer((box[2] - box[0]) * 0.1)

    def feature(self, shape: BaseGeometry, properties: Mapping[str, Any]) -> str:
        style = properties.get("style") or {}
        if not np.isfinite(shapely.get_coordinates(shape)).all():
            return ""
        drawn = "".join(
            self._part(part, style)
            for part in shapely.get_parts(shape)
            if part.intersects(self._window)
        )
        name = plain(properties.get("name") or "")
        if not style.get("label") or not name:
            return drawn
        x, y = self._at(shape.representative_point().coords[0])
        word = f'<text x="{x:.1f}" y="{y - 12:.1f}" text-anchor="middle" font-size="20" '
        rim = f'{word}fill="none" stroke="#0b1420" stroke-width="4">{escape(name)}</text>'
        return f'{drawn}{rim}{word}fill="#fff">{escape(name)}</text>'

    def _at(self, place: Sequence[float]) -> tuple[float, float]:
        return (place[0] - self._box[0]) * self._scale, (self._box[3] - place[1]) * self._scale

    def _path(self, places: Any) -> str:
        pixels = (np.asarray(places)[:, :2] - (self._box[0], self._box[3])) * self._scale
        return "M" + "L".join(f"{x:.1f} {-y:.1f}" for x, y in pixels)

    def _part(self, part: BaseGeometry, style: Mapping[str, Any]) -> str:
        color = _color(style.get("color"), "#ffd54a")
        width = max(_number(style.get("width"), 2.0) * 1.3, 1.0)
        dash = f' stroke-dasharray="{width * 4:.1f} {width * 3:.1f}"' if style.get("dash") else ""
        if part.geom_type == "Point":
            x, y = self._at(part.coords[0])
            return (
                f'<circle cx="{x:.1f}" cy="{y:.1f}" r="{4 + width:.1f}" fill="{color}" '
                f'fill-opacity="0.55" stroke="#fff" stroke-width="2"/>'
            )
        if part.geom_type in {"LineString", "LinearRing"}:
            wide = max(width, 2 * _number(style.get("radius"), 0.0) * self._scale)
            return (
                f'<path d="{self._path(part.coords)}" fill="none" stroke="{color}" '
                f'stroke-width="{wide:.1f}" stroke-linejoin="round"{dash}/>'
            )
        if part.geom_type != "Polygon":
            return "".join(self._part(inner, style) for inner in shapely.get_parts(part))
        rings = "".join(self._path(ring.coords) + "Z" for ring in (part.exterior, *part.interiors))
        fill, opacity = _fill(style, color)
        return (
            f'<path d="{rings}" fill-rule="evenodd" fill="{fill}" fill-opacity="{opacity:.2f}" '
            f'stroke="{color}" stroke-width="{width:.1f}"{dash}/>'
        )

    def scale_bar(self) -> str:
        """A bar of a round length, about a fifth of the map."""
        wished = (self._box[2] - self._box[0]) / 5
        power = 10.0 ** math.floor(math.log10(wished))
        length = max(step * power for step in (1, 2, 5) if step * power <= wished)
        wide = length * self._scale
        text = f"{length / 1000:g} km" if length >= 1000 else f"{length:g} m"
        top = ROWS - 44
        return (
            f'<g><rect x="20" y="{top - 22}" width="{wide + 28:.1f}" height="50" rx="6" '
            f'fill="#fff" fill-opacity="0.85"/>'
            f'<path d="M34 {top + 10}v8H{34 + wide:.1f}v-8" fill="none" stroke="#111" '
            f'stroke-width="2.5"/><text x="{34 + wide / 2:.1f}" y="{top + 6}" '
            f'text-anchor="middle" font-size="20" fill="#111">{text}</text></g>'
        )

    def north(self) -> str:
        """Grid north, upwards."""
        x = COLUMNS - 48
        return (
            f'<g><rect x="{x - 24}" y="16" width="48" height="74" rx="6" fill="#fff" '
            f'fill-opacity="0.85"/><path d="M{x} 46l12 36-12-9-12 9z" fill="#111"/>'
            f'<text x="{x}" y="40" text-anchor="middle" font-size="20" fill="#111">N</text></g>'
        )


def _color(given: Any, otherwise: str) -> str:
    """#rrggbb of a style; anything else is not trusted into the drawing."""
    code = str(given or "")
    digits = code[1:7]
    fits = code.startswith("#") and len(code) in {7, 9}
    return (
        f"#{digits}" if fits and all(c in "0123456789abcdefABCDEF" for c in digits) else otherwise
    )


def _fill(style: Mapping[str, Any], color: str) -> tuple[str, float]:
    given = style.get("fill")
    if isinstance(given, int | float) and not isinstance(given, bool):
        return color, min(max(float(given), 0.0), 1.0)
    code = str(given or "")
    if len(code) == 9 and _color(code, "") and code[7:].strip("0123456789abcdefABCDEF") == "":
        return _color(code, color), int(code[7:], 16) / 255
    return color, 0.3 if style.get("hole") or style.get("top") is not None else 0.0


def _number(given: Any, otherwise: float) -> float:
    fits = isinstance(given, int | float) and not isinstance(given, bool) and math.isfinite(given)
    return float(given) if fits else otherwise
