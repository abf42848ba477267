"""合规审查: may this project be built here."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from pyproj import CRS
from shapely.geometry.base import BaseGeometry

from cim.city import Bounds
from cim.drawn import collection, feature
from cim.errors import ParameterError
from cim.evidence import Rows, figure, input_of, rows_if_any
from cim.geo.crs import lonlat_bounds
from cim.question import Area, area_field, number_field, shape_of
from cim.topic import Analysis, Context, Figure, Next, Parameters, Result, Table, Verdict
from cim.topics.planning.analysis.overlay import MU, Piece, area_of, covered, pieces
from cim.topics.planning.asked import datum, planar
from cim.topics.planning.layers import BOUNDARY, FARMLAND, RED_LINE
from cim.topics.planning.rules import ControlRule, control_rules

LINES, PARCELS, USE = "planning.control_line", "planning.parcel", "base.land_use"
_COLOURS = {FARMLAND: "#f9a825", RED_LINE: "#2e7d32", BOUNDARY: "#d81b60"}
_WORST = (Verdict.FAIL, Verdict.UNKNOWN, Verdict.NEEDS_REVIEW, Verdict.PASS)


class ComplianceParameters(Parameters):
    """What compliance asks for."""

    project: Area = area_field(
        "项目范围", "在图上绘制，或上传红线文件。", "Project", "Drawn on the map or uploaded."
    )
    sliver_area: float = number_field(
        5.0, "碎片面积", "小于该面积的重叠单独列出，不作结论。", "Sliver area",
        "Overlaps smaller than this are told apart and decide nothing.", "m2", 0, 1000,
    )  # fmt: skip
    sliver_width: float = number_field(
        0.5, "碎片宽度", "处处窄于该宽度的重叠视为碎片。", "Sliver width",
        "Overlaps everywhere narrower than this are slivers.", "m", 0, 20,
    )  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _Line:
    """One kind of control line and what the project has to do with it."""

    kind: str
    rule: ControlRule
    pieces: list[Piece]
    area: float
    share: float
    verdict: Verdict


def compliance(asked: ComplianceParameters, context: Context) -> Result:
    """Lay a project over the plans."""
    crs = context.city.compute_crs
    drawn = shape_of(asked.project)
    area = planar(drawn, crs)
    if not context.city.bounds.contains(Bounds(*drawn.bounds)):
        raise ParameterError(
            f"the project reaches beyond the city: it lies at {Bounds(*drawn.bounds)}",
            remedy=f"the city is {context.city.bounds}; check the coordinates",
        )
    bounds = Bounds(*lonlat_bounds(crs, area.bounds))
    layers = {
        name: rows_if_any(context, name, crs=crs, bounds=bounds) for name in (LINES, PARCELS, USE)
    }
    total = area_of(area, crs)
    rows = layers[LINES]
    kinds = set() if rows is None else _kinds(context)
    strange = _strange(rows, area)
    lines = _lines(rows, kinds, area, asked, crs)
    return Result(
        summary=_summary(lines, total, rows, strange),
        features=collection(_features(area, lines, rows, context)),
        tables=(
            _verdicts(lines, total), _hits(lines, rows, context),
            *(_overlay(layers[name], area, total, asked, title, title_en, keys)
              for name, title, title_en, keys in (
                  (PARCELS, "控规地块", "Parcels", ("parcel_id", "use_name", "far_max",
                                                  "height_max")),
                  (USE, "土地利用现状", "Land use", ("code", "class_name")),
              )),
        ),
        following=(
            Next(analysis="planning.land_statistics", title="全市各类用地有多少（土地利用统计）",
                 title_en="How much land of which use", values={}),
        ),
        provenance={
            "inputs": [input_of(r.version) for r in layers.values() if r is not None],
            "missing_layers": [name for name, r in layers.items() if r is None],
            **datum(context),
            "applicability": "叠加分析，结论以主管部门审查为准 an overlay; the authority decides. "
            "Unverified clauses give NEEDS_REVIEW.",
        },
    )  # fmt: skip


def _strange(rows: Rows | None, area: BaseGeometry) -> list[int]:
    """Rows that a project touches and whose kind is none that a rule knows, or is not told."""
    if rows is None:
        return []
    known = control_rules()
    return [
        i for i, (kind, shape) in enumerate(zip(rows.frame["kind"], rows.frame.geometry,
                                                strict=True))
        if kind not in known and shape is not None and shape.intersects(area)
    ]  # fmt: skip


def _lines(
    rows: Rows | None, kinds: set[str], area: BaseGeometry, asked: ComplianceParameters, crs: CRS
) -> list[_Line]:
    """The three lines, each with its verdict; UNKNOWN where nobody has published any of a kind."""
    out = []
    total, doubtful = area_of(area, crs), bool(_strange(rows, area))
    for kind, rule in control_rules().items():
        own = [] if rows is None else _own(rows, kind)
        found = [] if rows is None else pieces(
            area, [rows.frame.geometry.iloc[i] for i in own], crs, least=asked.sliver_area,
            width=asked.sliver_width,
        )  # fmt: skip
        found = [
            Piece(index=own[p.index], shape=p.shape, area=p.area, sliver=p.sliver) for p in found
        ]
        real = [p for p in found if not p.sliver]
        on = covered(real, crs)
        away = total - covered(found, crs)
        outside = rule.rule == "outside"
        kept = not real if outside else away <= asked.sliver_area
        slivers = outside and not real and sum(p.area for p in found) > asked.sliver_area
        verdict = (
            rule.verdict(kept=kept, doubtful=doubtful, slivers=slivers) if kind in kinds
            else Verdict.UNKNOWN
        )  # fmt: skip
        out.append(
            _Line(kind=kind, rule=rule, pieces=found, area=on, share=on / total, verdict=verdict)
        )
    return out


def _kinds(context: Context) -> set[str]:
    """Kinds of lines that the city has at all: with none published, lying on none says nothing."""
    whole = rows_if_any(context, LINES)
    return set() if whole is None else set(whole.frame["kind"].dropna())


def _own(rows: Rows, kind: str) -> list[int]:
    return [i for i, k in enumerate(rows.frame["kind"]) if k == kind]


def _summary(
    lines: list[_Line], total: float, rows: Rows | None, strange: list[int]
) -> tuple[Figure, ...]:
    source = rows.source if rows else ""
    worst = next(v for v in _WORST if any(line.verdict is v for line in lines))
    words = {
        Verdict.FAIL: "冲突 conflict", Verdict.UNKNOWN: "无法判定 cannot be told",
        Verdict.NEEDS_REVIEW: "待复核 to be reviewed", Verdict.PASS: "符合 complies",
    }  # fmt: skip
    slivers = [p for line in lines for p in line.pieces if p.sliver]
    return (
        figure("verdict", "综合结论", "Overall", words[worst], "", source or "—", verdict=worst),
        figure("area", "项目面积（椭球面）", "Project (ellipsoidal)", total, "m2", "GRS80"),
        figure("area_mu", "项目面积（亩）", "Project in mu", total / MU, "{mu}", "GRS80"),
        *(figure(f"on_{n}", f"位于{line.kind}", f"On {_english(line.kind)}",
                 line.area if line.verdict is not Verdict.UNKNOWN else None, "m2",
                 f"{source}；{line.rule.clause}（{line.rule.evidence}）", verdict=line.verdict)
          for n, line in enumerate(lines)),
        figure("slivers", "碎片重叠（不作结论）", "Slivers", len(slivers), "1",
               f"{source}；{sum(p.area for p in slivers):.2f} m²"),
        figure("strange", "触及的类型不明的控制线", "Touched lines of unknown kind",
               len(strange) if rows else None, "1", source,
               verdict=Verdict.UNKNOWN if strange else None),
    )  # fmt: skip


def _english(kind: str) -> str:
    return {FARMLAND: "permanent farmland", RED_LINE: "ecological red line",
            BOUNDARY: "urban land"}[kind]  # fmt: skip


def _features(
    area: BaseGeometry, lines: list[_Line], rows: Rows | None, context: Context
) -> list[dict[str, Any]]:
    crs = context.city.compute_crs
    drawn = [feature(area, "项目范围", "Project", crs=crs, color="#ffd54f", width=3)]
    for line in lines:
        for piece in line.pieces:
            name = "" if rows is None else str(rows.frame["line_id"].iloc[piece.index])
            drawn.append(feature(
                piece.shape, f"{line.kind} {name}{' 碎片' if piece.sliver else ''}",
                f"{_english(line.kind)} {name}{' sliver' if piece.sliver else ''}", crs=crs,
                color=_COLOURS[line.kind], width=2, fill=f"{_COLOURS[line.kind]}60",
                properties={"area_m2": round(piece.area, 2)},
            ))  # fmt: skip
    return drawn


def _verdicts(lines: list[_Line], total: float) -> Table:
    return Table(
        title="控制线结论", title_en="Control lines",
        columns=(("kind", "控制线", "Line", ""), ("area", "重叠面积", "Overlap", "m2"),
                 ("share", "占项目", "Of the project", "%"),
                 ("outside", "项目在外", "Outside", "m2"),
                 ("verdict", "结论", "Verdict", ""), ("clause", "条款", "Clause", ""),
                 ("evidence", "条款依据", "Evidence", ""), ("exception", "例外", "Exception", "")),
        rows=[
            {"kind": f"{line.kind} {_english(line.kind)}", "area": round(line.area, 2),
             "share": round(100 * line.share, 4), "outside": round(total - line.area, 2),
             "verdict": line.verdict.value, "clause": line.rule.clause,
             "evidence": line.rule.evidence,
             "exception": "可能 possible" if line.rule.exception else "无 none"}
            for line in lines
        ],
    )  # fmt: skip


def _hits(lines: list[_Line], rows: Rows | None, context: Context) -> Table:
    """Each control line that the project touches, slivers apart."""
    out = []
    for line in lines:
        for piece in line.pieces:
            row = {} if rows is None else rows.frame.iloc[piece.index]
            middle = planar_place(piece.shape, context)
            out.append({
                "kind": line.kind, "id": row.get("line_id"), "name": row.get("name"),
                "edition": row.get("edition"), "area": round(piece.area, 2),
                "mu": round(piece.area / MU, 4),
                "sliver": "是 yes" if piece.sliver else "否 no", "place": middle,
            })  # fmt: skip
    return Table(
        title="触及的控制线图斑", title_en="Lines that are touched",
        columns=(("kind", "控制线", "Line", ""), ("id", "编号", "Number", ""),
                 ("name", "名称", "Name", ""), ("edition", "版本", "Edition", ""),
                 ("area", "面积", "Area", "m2"), ("mu", "亩", "mu", "{mu}"),
                 ("sliver", "碎片", "Sliver", "")),
        rows=out,
    )  # fmt: skip


def planar_place(shape: BaseGeometry, context: Context) -> list[float]:
    """A place inside a shape of the compute CRS, degrees."""
    bounds = lonlat_bounds(context.city.compute_crs, shape.representative_point().bounds)
    return [round(bounds[0], 7), round(bounds[1], 7)]


def _overlay(
    rows: Rows | None, area: BaseGeometry, total: float, asked: ComplianceParameters,
    title: str, title_en: str, keys: tuple[str, ...],
) -> Table:  # fmt: skip
    """What of the project lies on the rows of a planning layer."""
    out = []
    if rows is not None:
        found = pieces(area, list(rows.frame.geometry), rows.frame.crs,
                       least=asked.sliver_area, width=asked.sliver_width)  # fmt: skip
        for piece in found:
            row = rows.frame.iloc[piece.index]
            out.append({key: row.get(key) for key in keys} | {
                "area": round(piece.area, 2), "share": round(100 * piece.area / total, 4),
                "sliver": "是 yes" if piece.sliver else "否 no",
            })  # fmt: skip
    fields = {} if rows is None else {f.name: f for f in rows.version.layer.fields}
    return Table(
        title=title, title_en=title_en,
        columns=(*((key, fields[key].title if key in fields else key,
                    fields[key].title_en if key in fields else key,
                    fields[key].unit if key in fields else "") for key in keys),
                 ("area", "重叠面积", "Overlap", "m2"), ("share", "占项目", "Of the project", "%"),
                 ("sliver", "碎片", "Sliver", "")),
        rows=sorted(out, key=lambda row: -row["area"]),
    )  # fmt: skip


COMPLIANCE = Analysis(
    id="planning.compliance",
    guide="planning.md",
    title="这个项目能不能建在这里（合规审查）",
    title_en="May this project be built here",
    summary=(
        "项目范围与三区三线、控规地块和土地利用叠加：椭球面面积与占比、触及的图斑、碎片单列，并按条款给出结论；"
        "未核实的条款只给出待复核。"
    ),
    summary_en=(
        "The project over the three control lines, the detailed plan and land use: ellipsoidal "
        "areas "
        "and shares, what is touched, slivers apart, and a verdict by clause. Clauses that "
        "were not "
        "verified give no more than a review."
    ),
    parameters=ComplianceParameters,
    run=compliance,
    example={
        "project": [[106.6434, 35.2193], [106.6461, 35.2193], [106.6461, 35.2217],
                    [106.6434, 35.2217]],
    },
    version=2,
    reads=lambda _: (LINES, PARCELS, USE),
    references=(
        "《土地管理法》(2019) 第三十五条",
        "自然资发〔2022〕142 号（未核对原文 unverified）",
        "Karney (2013), Algorithms for geodesics, J. Geodesy 87, 43-55",
    ),
)  # fmt: skip
