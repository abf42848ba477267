"""纵断面: a run of pipes unrolled, from one point to another."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import numpy.typing as npt
import shapely
from pydantic import Field
from shapely import LineString

from cim.drawn import collection, feature, listed
from cim.geo.area import distances_along
from cim.geo.crs import to_lonlat
from cim.geo.laid import nodes_of
from cim.pipe_rows import number, text
from cim.question import Point, english, number_field, point_field
from cim.topic import Analysis, Axis, Context, Figure, Result, Series, Table, Verdict
from cim.topics.pipelines.analysis.section import Reach, Step, reaches, run_of
from cim.topics.pipelines.clearance import LIMITS, tube
from cim.topics.pipelines.laying import COLOURS, KINDS, Bedded, OnPipes, bedded, layers_read
from cim.topics.pipelines.laying_answer import provenance
from cim.topics.pipelines.laying_ground import ground_of
from cim.topics.pipelines.laying_way import joint_at, places_of, way_between
from cim.topics.pipelines.longitudinal_sheet import sheet_of
from cim.topics.pipelines.section_sheet import drawings, told

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]

STEP = 5.0  # m between two heights of the ground
NEAR = 1.0  # m: a manhole that is named lies this near the joint
Network = Literal["water", "sewage", "rain", "gas", "heat", "power", "telecom"]


class LongitudinalParameters(OnPipes):
    """What a longitudinal section asks for."""

    network: Network = Field(
        default="sewage", title="管类", description="沿哪一类管线。",
        json_schema_extra=english("Network", "Along which pipes.",
                                  choices={k: list(v) for k, v in KINDS.items()}),
    )  # fmt: skip
    start: Point = point_field(
        "起点", "起点管点或检查井附近。", "From", "Near the point or manhole to begin at."
    )
    end: Point = point_field(
        "止点", "止点管点或检查井附近。", "To", "Near the point or manhole to end at."
    )
    snap: float = number_field(
        30.0, "吸附距离", "起止点到最近管点的最大距离。", "Snap", "Farthest joint that a place may "
        "mean.", "m", 0.1, 500.0, advanced=True,
    )  # fmt: skip
    scale: int = Field(
        default=500, title="横向比例尺分母", ge=100, le=20000,
        description="横向 1:N，纵向放大五倍（1:500 时为 1:100）；容不下时取下一级。",
        json_schema_extra=english(
            "Scale along", "1:N along the run, heights five times larger (1:100 at 1:500); the "
            "next one if the sheet is too small.", "1",
        ),
    )  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Run:
    """A run of pipes and the ground above it.

    Args:
        pipes: All of the network.
        steps: The run.
        reaches: The same with distances and heights.
        joints: (k + 1,) joints, numbers of the joints in their order.
        names: Of the points at the joints; empty where not recorded.
        wells: Of each joint the depth of its chamber, m; NaN where there is none.
        kinds: Of each joint what stands there.
        s: (m,) distance of places of the ground, m.
        ground: (m,) heights there.
    """

    pipes: Bedded
    steps: list[Step]
    reaches: list[Reach]
    joints: list[int]
    names: list[str]
    wells: list[float]
    kinds: list[str]
    s: Floats
    ground: Floats

    def ground_at(self, s: float) -> float:
        """Height of the ground at a distance, m; NaN where nobody knows."""
        return float(np.interp(s, self.s, self.ground))


def longitudinal_section(asked: LongitudinalParameters, context: Context) -> Result:
    """Unroll the run between two places."""
    pipes = bedded(context, asked, kinds=(asked.network,))
    nodes = nodes_of(pipes.layer, pipes.numbers, pipes.laid)
    begin = joint_at(asked.start, "start", pipes, nodes, asked.snap)
    end = joint_at(asked.end, "end", pipes, nodes, asked.snap)
    run = _run(pipes, nodes, way_between(pipes, nodes, begin, end), begin)
    table = _table(run)
    title = f"{KINDS[asked.network][0]}管线纵断面图 Longitudinal section"
    sheet = sheet_of(run.reaches, table.rows, run.s, run.ground, asked.scale, title, [
        ("坐标高程", f"CGCS2000，{context.city.height_datum}"), ("资料", pipes.source),
        ("城市", context.city.name),
    ])  # fmt: skip
    return Result(
        summary=_figures(run),
        features=collection(_features(run), below=True),
        series=_series(run),
        tables=(table, _pipe_table(run)),
        attachments=drawings(
            sheet, context.folder, "longitudinal_section", "纵断面图", "Longitudinal section"
        ),
        provenance=provenance(
            pipes, asked, context, LIMITS,
            method="shortest way along the pipes; distances geodesic in plan; slope by inverts",
        ),
    )  # fmt: skip


def _run(pipes: Bedded, nodes: Ints, way: Sequence[int], begin: int) -> Run:
    steps = run_of(nodes, way, begin)
    lengths: list[float] = []
    s: list[float] = [0.0]
    ground: list[float] = []
    at, pipe, where = pipes.laid.stations(STEP)
    mine = np.isin(pipe, way)
    at, pipe, where = at[mine], pipe[mine], where[mine]
    above = ground_of(pipes, at, pipe, where)
    for step in steps:
        own = np.flatnonzero(pipe == step.pipe)
        own = own if step.forward else own[::-1]
        along = distances_along(to_lonlat(pipes.crs, at[own, :2]))
        ground += above[own].tolist() if not ground else above[own[1:]].tolist()
        s += (s[-1] + along[1:]).tolist()
        lengths.append(float(along[-1]))
    found = reaches(pipes.laid, steps, lengths)
    joints = [begin]
    names: list[str] = []
    for step in steps:
        ends = pipes.numbers[step.pipe] if step.forward else pipes.numbers[step.pipe][::-1]
        names = names or [ends[0]]
        names.append(ends[1])
        joints.append(int(nodes[step.pipe, 1 if step.forward else 0]))
    known = places_of(pipes, nodes)
    stand = _standing(pipes)
    wells, kinds = [], []
    for joint, name in zip(joints, names, strict=True):
        depth, kind = _well(stand.get(name, ()), known[joint])
        wells.append(depth)
        kinds.append(kind)
    return Run(
        pipes=pipes, steps=steps, reaches=found, joints=joints, names=names, wells=wells,
        kinds=kinds, s=np.array(s), ground=np.array(ground),
    )  # fmt: skip


_Standing = Mapping[str, list[tuple[float, float, float, str]]]


def _standing(pipes: Bedded) -> _Standing:
    """Place, depth of chamber and kind of what stands on the network, by number."""
    found: dict[str, list[tuple[float, float, float, str]]] = {}
    for given in pipes.points:
        at = shapely.get_coordinates(given.frame.geometry.representative_point())
        for row, (x, y) in zip(
            given.frame.drop(columns="geometry").to_dict("records"), at.tolist(), strict=True
        ):
            depth = number(row.get("well_depth"))
            found.setdefault(text(row.get("point_no")), []).append(
                (x, y, np.nan if depth is None else depth, text(row.get("appurtenance")))
            )
    return found


def _well(found: Sequence[tuple[float, float, float, str]], at: Floats) -> tuple[float, str]:
    for x, y, depth, kind in found:
        if np.hypot(x - at[0], y - at[1]) <= NEAR:
            return depth, kind
    return np.nan, ""


def _figures(run: Run) -> tuple[Figure, ...]:
    first, last = run.reaches[0], run.reaches[-1]
    source = f"{run.pipes.source}；大地线长度 geodesic"
    unknown = sum(not np.isfinite(r.invert).all() for r in run.reaches)
    fall = first.invert[0] - last.invert[1]
    length = last.end
    deepest = np.nanmax(
        [g - v for r in run.reaches for g, v in ((run.ground_at(r.begin), r.invert[0]),
                                                 (run.ground_at(r.end), r.invert[1]))] + [-np.inf]
    )  # fmt: skip
    against = sum(r.slope < 0 for r in run.reaches)
    rows_: list[tuple[str, str, str, float | int | None, str, Verdict | None]] = [
        ("length", "总长（平面）", "Length in plan", round(length, 3), "m", None),
        ("segments", "管段数", "Segments", len(run.reaches), "1", None),
        ("fall", "管底落差", "Fall of the invert", told(fall), "m", None),
        ("mean_slope", "平均坡度", "Mean slope", told(1000 * fall / length), "[ppth]", None),
        ("against", "逆坡管段（沿走向上升）", "Segments that rise along the run", against, "1",
         None),
        ("deepest", "最大埋深（至管内底）", "Deepest invert below the ground",
         told(float(deepest)), "m", None),
        ("unknown", "缺高程管段", "Segments without height", unknown, "1",
         Verdict.UNKNOWN if unknown else None),
    ]  # fmt: skip
    return tuple(
        Figure(key=key, title=zh, title_en=en, value=value, unit=unit, verdict=verdict,
               evidence=source if value is not None else "")
        for key, zh, en, value, unit, verdict in rows_
    )  # fmt: skip


def _table(run: Run) -> Table:
    """One row a joint."""
    out = []
    places = places_of(run.pipes, nodes_of(run.pipes.layer, run.pipes.numbers, run.pipes.laid))
    lonlat = run.pipes.lonlat(np.array([places[j] for j in run.joints]))
    for i, name in enumerate(run.names):
        coming = run.reaches[i - 1] if i else None
        going = run.reaches[i] if i < len(run.reaches) else None
        s = going.begin if going else run.reaches[-1].end
        ground = run.ground_at(s)
        low = [r[k] for r, k in ((coming and coming.invert, 1), (going and going.invert, 0)) if r]
        lowest = float(np.nanmin(low)) if np.isfinite(low).any() else np.nan
        out.append({
            "no": name or f"#{i + 1}", "s": told(s), "ground": told(ground),
            "invert_in": told(coming.invert[1]) if coming else None,
            "invert_out": told(going.invert[0]) if going else None,
            "depth": told(ground - lowest), "what": run.kinds[i],
            "well_bottom": told(ground - run.wells[i]), "place": lonlat[i],
        })  # fmt: skip
    return Table(
        title="管点", title_en="Joints",
        columns=(
            ("no", "点号", "Point", ""), ("s", "桩号", "Chainage", "m"),
            ("ground", "地面高程", "Ground", "m"),
            ("invert_in", "来水管内底高程", "Invert, coming", "m"),
            ("invert_out", "去水管内底高程", "Invert, going", "m"),
            ("depth", "埋深（至管内底）", "Depth of the invert", "m"),
            ("what", "附属物", "Appurtenance", ""),
            ("well_bottom", "井底高程", "Bottom of the chamber", "m"),
        ),
        rows=out,
    )  # fmt: skip


def _pipe_table(run: Run) -> Table:
    """One row a segment."""
    rows_ = []
    for reach in run.reaches:
        row = run.pipes.row[reach.pipe]
        dn = number(row.get("dn"))
        rows_.append({
            "no": run.pipes.names[reach.pipe], "begin": told(reach.begin),
            "length": told(reach.length), "dn": None if dn is None else round(dn),
            "material": text(row.get("material")), "slope": told(reach.slope, 2),
            "invert_begin": told(reach.invert[0]), "invert_end": told(reach.invert[1]),
            "top_begin": told(reach.top[0]), "top_end": told(reach.top[1]),
        })  # fmt: skip
    return Table(
        title="管段", title_en="Segments",
        columns=(
            ("no", "管段", "Segment", ""), ("begin", "起点桩号", "Begins at", "m"),
            ("length", "平面长", "Length in plan", "m"), ("dn", "管径", "DN", "mm"),
            ("material", "材质", "Material", ""), ("slope", "坡度", "Slope", "[ppth]"),
            ("invert_begin", "起端内底高程", "Invert, begin", "m"),
            ("invert_end", "止端内底高程", "Invert, end", "m"),
            ("top_begin", "起端外顶高程", "Top, begin", "m"),
            ("top_end", "止端外顶高程", "Top, end", "m"),
        ),
        rows=rows_,
    )  # fmt: skip


def _series(run: Run) -> tuple[Series, ...]:
    """Ground, top and invert over the distance; both sides of a drop at their joint."""
    s, top, invert = [], [], []
    for reach in run.reaches:
        own = run.s[(run.s > reach.begin) & (run.s < reach.end)]
        at = np.concatenate([[reach.begin], own, [reach.end]])
        share = (at - reach.begin) / reach.length
        s += at.tolist()
        top += (reach.top[0] + share * (reach.top[1] - reach.top[0])).tolist()
        invert += (reach.invert[0] + share * (reach.invert[1] - reach.invert[0])).tolist()
    ground = np.interp(s, run.s, run.ground)
    return (Series(
        title="纵断面", title_en="Longitudinal section",
        x=Axis(title="桩号", title_en="Chainage", unit="m", values=[round(v, 3) for v in s]),
        y=tuple(
            Axis(title=zh, title_en=en, unit="m", values=listed(np.array(values), 3))
            for zh, en, values in (("地面", "Ground", ground), ("管外顶", "Outer top", top),
                                   ("管内底", "Invert", invert))
        ),
    ),)  # fmt: skip


def _features(run: Run) -> list[dict[str, Any]]:
    pipes = run.pipes
    drawn = []
    for step in run.steps:
        color = COLOURS[str(pipes.kind[step.pipe])]
        if pipes.laid.known[step.pipe]:
            drawn.append(tube(pipes, step.pipe, color))
        else:
            legs = pipes.laid.legs_of(step.pipe)
            line = np.concatenate([pipes.laid.a[legs, :2], pipes.laid.b[legs, :2][-1:]])
            drawn.append(feature(LineString(line), pipes.names[step.pipe],
                                 pipes.names[step.pipe], crs=pipes.crs, color=color, width=4,
                                 dash=True))  # fmt: skip
    return drawn


LONGITUDINAL_SECTION = Analysis(
    id="pipelines.longitudinal_section",
    guide="laying.md",
    title="这段管线的纵断面如何（纵断面）",
    title_en="How does this run of pipes lie (longitudinal section)",
    summary=(
        "沿两管点间最短管线路径展开：桩号、地面、管内底与外顶高程、坡度、埋深与检查井，"
        "并出 SVG、PDF、DXF 图。"
    ),
    summary_en=(
        "Unrolls the shortest run of pipes between two points: chainage, ground, invert and top, "
        "slope per mille, depth and manholes, with a drawing as SVG, PDF and DXF."
    ),
    parameters=LongitudinalParameters,
    run=longitudinal_section,
    example={"start": [106.6443, 35.21935], "end": [106.6480, 35.21892]},
    version=2,
    reads=layers_read,
    references=("GB/T 14689-2008 技术制图 图纸幅面和格式",),
)
