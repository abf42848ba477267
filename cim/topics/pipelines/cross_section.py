"""横断面: what lies below a line across a street."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from pydantic import Field
from shapely import LineString

from cim.drawn import collection, feature, listed
from cim.errors import ParameterError
from cim.evidence import ground_source
from cim.geo.area import distances_along
from cim.geo.crs import CGCS2000, rows, transformer
from cim.pipe_rows import number
from cim.question import Point, english
from cim.sheet import SMALLEST, Ellipse, Item, Line, Pen, Sheet, Text, framed
from cim.sheet.frame import inner
from cim.sheet.model import path
from cim.topic import Analysis, Axis, Context, Figure, Result, Series, Table, Verdict
from cim.topics.pipelines.analysis.section import Between, Cut, betweens, cuts
from cim.topics.pipelines.clearance import LIMITS, tube
from cim.topics.pipelines.laying import (
    COLOURS,
    KINDS,
    Bedded,
    OnPipes,
    bedded,
    layers_read,
)
from cim.topics.pipelines.laying_answer import provenance
from cim.topics.pipelines.laying_terrain import ground_at
from cim.topics.pipelines.section_sheet import (
    GROUND,
    WORDS,
    Band,
    Paper,
    bands,
    drawings,
    height_grid,
    metres,
    scale_for,
    spread,
    told,
)

Floats = npt.NDArray[np.float64]

LONGEST = 500.0  # m
_SCALES = (50, 100, 200, 500, 1000, 2000)
_BLOCK = 6  # rows of the title block
_BANDS = 6 * 16.0 + 7.0 + 4.0  # mm
_INK = COLOURS | {"sewage": "#b98b5e", "rain": "#a58d78"}  # readable on a dark chart too
SLANTED = 60.0  # degrees below which a section is no longer across the pipe


class CrossParameters(OnPipes):
    """What a cross section asks for."""

    line: list[Point] = Field(
        min_length=2, max_length=2, title="断面线",
        description="横跨道路的断面线两端。",
        json_schema_extra=english("Line", "Both ends of a line across the street.", "deg",
                                  widget="line"),
    )  # fmt: skip
    scale: int = Field(
        default=100, title="比例尺分母", ge=50, le=2000,
        description="图纸比例尺 1:N（50、100、200、500、1000、2000）；容不下时取下一级。",
        json_schema_extra=english(
            "Scale", "1:N of the drawing, of 50, 100, 200, 500, 1000, 2000; the next one if the "
            "sheet is too small.", "1",
        ),
    )  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _Section:
    """What was found along the line."""

    pipes: Bedded
    cuts: list[Cut]
    between: list[Between]
    ground: list[float]
    s: Floats
    z: Floats
    length: float


def cross_section(asked: CrossParameters, context: Context) -> Result:
    """Cut the pipes below a line."""
    line = np.array(asked.line)
    length = float(distances_along(line)[-1])
    if not 0.5 <= length <= LONGEST:
        raise ParameterError(
            f"the line is {length:.1f} m long", remedy=f"draw one of 0.5 to {LONGEST:g} m"
        )
    pipes = bedded(context, asked, LineString(line))
    found = _section(pipes, rows(transformer(CGCS2000, pipes.crs), line), length)
    if not found.cuts:
        raise ParameterError("the line crosses no pipe", remedy="draw it across the pipes")
    table = _table(found)
    sheet = _sheet(found, table.rows, asked.scale, context)
    return Result(
        summary=_figures(found),
        features=collection(_features(found, asked), below=True),
        series=_series(found),
        tables=(table, _distances(found)),
        attachments=drawings(sheet, context.folder, "cross_section", "横断面图", "Cross section"),
        provenance=provenance(
            pipes, asked, context, LIMITS,
            method="vertical plane against cylinders: ellipses of the outer wall; ground of the "
            "elevation model along the line",
        ),
    )  # fmt: skip


def _section(pipes: Bedded, ends: Floats, length: float) -> _Section:
    found = cuts(pipes.laid, ends[0], ends[1], pipes.scale)
    s = np.linspace(0.0, length, min(max(round(length / 0.5), 2), 400) + 1)
    places = ends[0] + (s / length)[:, None] * (ends[1] - ends[0])
    at = np.array([cut.at for cut in found]).reshape(-1, 3)
    return _Section(
        pipes=pipes, cuts=found, between=betweens(pipes.laid, found, pipes.scale),
        ground=ground_at(pipes.terrain, pipes.crs, at).tolist(), s=s,
        z=ground_at(pipes.terrain, pipes.crs, places), length=length,
    )  # fmt: skip


def _figures(found: _Section) -> tuple[Figure, ...]:
    source = found.pipes.source
    unknown = sum(not np.isfinite([c.at[2], c.minor]).all() for c in found.cuts)
    covers = [g - c.at[2] - c.minor for c, g in zip(found.cuts, found.ground, strict=True)]
    known = [c for c in covers if np.isfinite(c)]
    ground = "" if found.pipes.terrain is None else ground_source(found.pipes.terrain)
    rows_: list[tuple[str, str, str, float | int | None, str, str]] = [
        ("length", "断面长度", "Length", round(found.length, 3), "m", "大地线 geodesic"),
        ("pipes", "切到管段", "Pipes cut", len(found.cuts), "1", source),
        ("least_cover", "最小覆土", "Least cover", round(min(known), 3) if known else None, "m",
         f"{source}, {ground}" if known else ""),
        ("nearest", "最小空间净距（相邻）", "Least distance of neighbours in space",
         _least(b.space for b in found.between), "m", source),
    ]  # fmt: skip
    figures = [
        Figure(key=key, title=zh, title_en=en, value=value, unit=unit,
               evidence=evidence if value is not None else "")
        for key, zh, en, value, unit, evidence in rows_
    ]  # fmt: skip
    if unknown:
        figures.append(Figure(
            key="unknown", title="缺高程或管径（未绘）", title_en="Height or diameter not known",
            value=unknown, unit="1", verdict=Verdict.UNKNOWN, evidence=source,
        ))  # fmt: skip
    return tuple(figures)


def _least(values: Any) -> float | None:
    known = [v for v in values if np.isfinite(v)]
    return round(min(known), 3) if known else None


def _table(found: _Section) -> Table:
    out = []
    places = found.pipes.lonlat(np.array([c.at for c in found.cuts]))
    for cut, ground, place in zip(found.cuts, found.ground, places, strict=True):
        laid = found.pipes.laid
        dn = number(found.pipes.row[cut.pipe].get("dn"))
        note = "缺高程或管径 not known" if not np.isfinite([cut.at[2], cut.minor]).all() else (
            "顺断面走向（未绘） runs along the section" if cut.runs_along
            else "斜切 cut aslant" if cut.angle < SLANTED else "")  # fmt: skip
        out.append({
            "no": found.pipes.names[cut.pipe],
            "kind": " ".join(KINDS[str(found.pipes.kind[cut.pipe])]),
            "dn": None if dn is None else round(dn), "s": told(cut.s), "ground": told(ground),
            "top": told(cut.at[2] + cut.minor), "invert": told(cut.at[2] - laid.bore[cut.pipe]),
            "cover": told(ground - cut.at[2] - cut.minor), "angle": told(cut.angle, 1),
            "half_width": None if cut.runs_along else told(cut.half_width), "note": note,
            "place": place,
        })  # fmt: skip
    return Table(
        title="断面上的管线", title_en="Pipes of the section",
        columns=(
            ("no", "管段", "Segment", ""), ("kind", "管类", "Network", ""),
            ("dn", "管径", "DN", "mm"), ("s", "距左端", "From the left end", "m"),
            ("ground", "地面高程", "Ground", "m"), ("top", "管外顶高程", "Outer top", "m"),
            ("invert", "管内底高程", "Invert", "m"), ("cover", "覆土", "Cover", "m"),
            ("angle", "与断面夹角", "Angle with the section", "deg"),
            ("half_width", "断面半宽", "Half width in the section", "m"),
            ("note", "说明", "Note", ""),
        ),
        rows=out,
    )  # fmt: skip


def _distances(found: _Section) -> Table:
    names = [f"{KINDS[str(found.pipes.kind[c.pipe])][0]} {found.pipes.names[c.pipe]}"
             for c in found.cuts]  # fmt: skip
    return Table(
        title="相邻管线间距", title_en="Distances of neighbours",
        columns=(("left", "左", "Left", ""), ("right", "右", "Right", ""),
                 ("axes", "轴线间距", "Axes along the section", "m"),
                 ("walls", "外壁水平间距", "Outer walls along the section", "m"),
                 ("plumb", "外壁垂直间距", "Plumb", "m"),
                 ("space", "外壁空间净距", "In space", "m")),
        rows=[
            {"left": names[b.left], "right": names[b.right], "axes": told(b.axes),
             "walls": told(b.walls), "plumb": told(b.plumb), "space": told(b.space)}
            for b in found.between
        ],
    )  # fmt: skip


def _drawable(found: _Section) -> list[Cut]:
    return [
        c for c in found.cuts if np.isfinite([c.at[2], c.minor]).all() and not c.runs_along
    ]  # fmt: skip


def outline(cut: Cut, corners: int = 32) -> Floats:
    """(k, 2) the ellipse of a cut: distance along the section and height, m."""
    turn = np.linspace(0, 2 * np.pi, corners + 1)
    tilt = np.radians(cut.tilt)
    u, v = cut.major * np.cos(turn), cut.minor * np.sin(turn)
    return np.column_stack([cut.s + u * np.cos(tilt) - v * np.sin(tilt),
                            cut.at[2] + u * np.sin(tilt) + v * np.cos(tilt)])  # fmt: skip


def _series(found: _Section) -> tuple[Series, ...]:
    """Ground, and for each pipe its upper and lower outline, over the distance."""
    shown = _drawable(found)
    s = np.unique(np.concatenate([found.s, *(outline(c)[:, 0] for c in shown)]).round(4))
    s = s[(s >= 0) & (s <= found.length)]
    lines = [Axis(title="地面", title_en="Ground", unit="m",
                  values=listed(np.interp(s, found.s, found.z), 3))]  # fmt: skip
    for cut in shown:
        kind = KINDS[str(found.pipes.kind[cut.pipe])][0]
        name = f"{kind} {found.pipes.names[cut.pipe]}"
        color = _INK[str(found.pipes.kind[cut.pipe])]
        upper, lower = _edges(cut, s)
        lines.append(Axis(title=f"{name} 上", title_en=f"{name} top", unit="m", color=color,
                          values=listed(upper, 3)))  # fmt: skip
        lines.append(Axis(title=f"{name} 下", title_en=f"{name} bottom", unit="m", color=color,
                          values=listed(lower, 3)))  # fmt: skip
    return (Series(
        title="横断面", title_en="Cross section",
        x=Axis(title="距左端", title_en="From the left end", unit="m", values=s.round(4).tolist()),
        y=tuple(lines),
    ),)  # fmt: skip


def _edges(cut: Cut, s: Floats) -> tuple[Floats, Floats]:
    """Upper and lower height of an ellipse at distances, NaN beside it."""
    ring = outline(cut, 256)
    order = np.argsort(ring[:, 0])
    left, right = ring[order[0], 0], ring[order[-1], 0]
    chord = np.interp(ring[:, 0], [left, right], [ring[order[0], 1], ring[order[-1], 1]])
    out = []
    for side in (ring[:, 1] >= chord - 1e-12, ring[:, 1] <= chord + 1e-12):
        mine = ring[side][np.argsort(ring[side][:, 0])]
        out.append(np.interp(s, mine[:, 0], mine[:, 1], left=np.nan, right=np.nan))
    return out[0], out[1]


def _features(found: _Section, asked: CrossParameters) -> list[dict[str, Any]]:
    pipes = found.pipes
    drawn = [feature(LineString(asked.line), "断面线", "Section", color="#ffd54f", width=4)]
    drawn.extend(
        tube(pipes, pipe, COLOURS[str(pipes.kind[pipe])])
        for pipe in dict.fromkeys(c.pipe for c in found.cuts) if pipes.laid.known[pipe]
    )  # fmt: skip
    return drawn


def _sheet(
    found: _Section, table: Sequence[Any], scale: int, context: Context
) -> Sheet:  # fmt: skip
    """Ground, ellipses, and the figures of the table below them."""
    shown = _drawable(found)
    heights = [z for z in found.z.tolist() if np.isfinite(z)]
    heights += [v for c in shown for v in (c.at[2] - c.major, c.at[2] + c.major)]
    if not heights:
        raise ParameterError(
            "neither the ground nor the height of any pipe is known along the line",
            remedy="publish an elevation model, or pipes with elevations",
        )
    base, top = float(np.floor(min(heights)) - 0.5), float(np.ceil(max(heights)) + 0.5)
    left, low, right, high = inner(420.0, 297.0, _BLOCK)
    low, left = low + _BANDS, left + 30.0
    fitting = [(float(n), float(n)) for n in _SCALES if n >= scale]
    across, up, width = scale_for(
        found.length, top - base, (right - left, high - low - 10), fitting
    )
    right += width - SMALLEST[0]
    paper = Paper(across=across, up=up, left=left, low=low, base=base, top=top)
    items: list[Item] = height_grid(paper, found.length)
    items += [Line(pen=GROUND, points=p) for p in paper.line(found.s, found.z)]
    items += [item for cut in shown for item in _pipe(cut, found, paper)]
    items += _bands(table, found.between, paper, right)
    block = [
        ("比例", f"1:{across:g}"), ("断面长", f"{found.length:.3f} m"),
        ("坐标高程", f"CGCS2000，{context.city.height_datum}"),
        ("资料", found.pipes.source), ("城市", context.city.name),
    ]  # fmt: skip
    return framed(items, "管线横断面图 Cross section of pipes", block,
                  size=(width, SMALLEST[1]))  # fmt: skip


def _pipe(cut: Cut, found: _Section, paper: Paper) -> list[Item]:
    kind = str(found.pipes.kind[cut.pipe])
    pen = Pen(name=f"管线_{KINDS[kind][0]}", color=COLOURS[kind], width=0.5)
    x, y = paper.x(cut.s), paper.y(cut.at[2])
    k = 1000 / paper.across
    dn = number(found.pipes.row[cut.pipe].get("dn"))
    label = f"{KINDS[kind][0]} DN{dn:.0f}" if dn is not None else KINDS[kind][0]
    return [
        Ellipse(pen=pen, centre=(x, y), axes=(cut.major * k, cut.minor * k), tilt=cut.tilt),
        Line(pen=Pen(name="引线", width=0.13, dash=(1.0, 0.8)),
             points=path((x, y), (x, paper.low))),
        Text(pen=WORDS, at=(x + 1.0, y + cut.minor * k + 1.2), words=label, height=2.2, turn=45),
    ]  # fmt: skip


def _bands(
    table: Sequence[Any], between: Sequence[Between], paper: Paper, right: float
) -> list[Item]:
    """The rows of the table, one column a pipe, and the distances between them."""
    at = spread([paper.x(row["s"]) for row in table], 4.0, paper.left + 2.0, right - 2.0)
    if len(table) * 4.0 > right - paper.left:
        raise ParameterError(
            f"{len(table)} pipes are more than a sheet has room for", remedy="draw a shorter line"
        )
    rows_ = [
        Band(title="管段编号", words=[row["no"] for row in table], at=at),
        Band(title="距左端 m", words=[metres(row["s"]) for row in table], at=at),
        Band(title="地面高程 m", words=[metres(row["ground"]) for row in table], at=at),
        Band(title="管外顶高程 m", words=[metres(row["top"]) for row in table], at=at),
        Band(title="管内底高程 m", words=[metres(row["invert"]) for row in table], at=at),
        Band(title="覆土 m", words=[metres(row["cover"]) for row in table], at=at),
        Band(title="轴线间距 m", words=[metres(told(b.axes)) for b in between], upright=False,
             at=[(at[b.left] + at[b.right]) / 2 for b in between]),
    ]  # fmt: skip
    return bands(rows_, paper.left, right, paper.low - 2.0)


CROSS_SECTION = Analysis(
    id="pipelines.cross_section",
    guide="laying.md",
    title="这条线下有哪些管线（横断面）",
    title_en="Which pipes lie below this line (cross section)",
    summary=(
        "沿横跨道路的断面线切开地下管线：斜交管按夹角拉长为椭圆，给出地面线、管位高程、覆土与相邻净距，"
        "并出 SVG、PDF、DXF 图。"
    ),
    summary_en=(
        "Cuts the pipes along a line across a street: pipes met aslant are ellipses stretched by "
        "their angle. With ground, heights, cover and distances, and a drawing as SVG, PDF and DXF."
    ),
    parameters=CrossParameters,
    run=cross_section,
    example={"line": [[106.645363, 35.220501], [106.645444, 35.220710]]},
    version=2,
    reads=layers_read,
    references=("GB/T 14689-2008 技术制图 图纸幅面和格式",),
)
