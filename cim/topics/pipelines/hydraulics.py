"""水力模拟: pressures and flows over a day or a week."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Literal

import numpy as np
from pydantic import Field

from cim.drawn import collection, feature
from cim.question import Upload, english, file_field, number_field
from cim.topic import Analysis, Context, Figure, Result, Table, Verdict
from cim.topics.pipelines.analysis.hydraulic import ROUGHNESS_EVIDENCE, Model, Wish, model_of
from cim.topics.pipelines.asked import (
    NOT_FOR_DISPATCH,
    OnSupply,
    fault_figures,
    fault_table,
    layers_read,
    provenance,
    span,
)
from cim.topics.pipelines.degraded import pressures
from cim.topics.pipelines.epanet import MOST_HOURS, Order, ask
from cim.topics.pipelines.own_model import solve, text_of
from cim.topics.pipelines.playing import PATTERNS, colours, legend, timeline
from cim.topics.pipelines.queries import Drawn, network_of
from cim.topics.pipelines.solved import Solved

STEPS = {
    "60": ("1 小时", "1 hour"),
    "30": ("30 分钟", "30 minutes"),
    "15": ("15 分钟", "15 minutes"),
}


class HydraulicsParameters(OnSupply):
    """What a simulation asks for."""

    model: Upload | None = file_field(
        "EPANET 模型", "可选：上传 INP 模型，代替已发布图层；用水量与变化曲线以模型为准。",
        "EPANET model", "An INP instead of the published layers; its own demands and patterns "
        "count.", accept=".inp", default=None,
    )  # fmt: skip
    model_crs: str = Field(
        default="", max_length=200, title="模型坐标系",
        description="INP 坐标的投影坐标系，如 EPSG:4545；空则不上图。坐标为英尺时拒绝。",
        json_schema_extra=english(
            "CRS of the model", "Projected CRS of the INP's coordinates, such as EPSG:4545; empty: "
            "no map. Coordinates in feet are refused.", advanced=True,
        ),
    )  # fmt: skip

    hours: int = Field(
        default=24, ge=0, le=MOST_HOURS, title="模拟时长", description="0 为单一时刻。",
        json_schema_extra=english("Duration", "0 for one moment.", "h"),
    )  # fmt: skip
    step: Literal["60", "30", "15"] = Field(
        default="60", title="时间步长", description="水力计算步长（分钟）。",
        json_schema_extra=english("Step", "Of the hydraulics, minutes.", "min",
                                  choices={k: list(v) for k, v in STEPS.items()}),
    )  # fmt: skip
    service_pressure: float = number_field(
        14.0, "服务压力", "接入点地面处的最低服务水头。",
        "Service pressure", "Least pressure head at the ground of a user's connection.", "m",
        1.0, 100.0,
    )  # fmt: skip
    demand_factor: float = number_field(
        1.0, "用水量系数", "全部用水量的倍数。", "Demand factor", "Of all demands.", "", 0.1, 5.0
    )
    pattern: Literal["town", "constant"] = Field(
        default="town", title="用水变化",
        description="town 为示意性城镇 24 小时变化曲线；constant 为全天均匀。",
        json_schema_extra=english(
            "Pattern", "town: an invented curve of a town's 24 hours; constant: none.",
            choices={"town": ["城镇 24 小时", "a town's 24 hours"],
                     "constant": ["均匀", "constant"]},
        ),
    )  # fmt: skip
    pressure_driven: bool = Field(
        default=False, title="压力驱动",
        description="是：压力不足时用户取水减少；否：用水量恒定。",
        json_schema_extra=english(
            "Pressure-driven", "Whether users get less where the pressure is below the service "
            "pressure; else they get all they want.",
        ),
    )  # fmt: skip
    assume_diameter: float = number_field(
        0.0, "缺管径时采用", "无管径管段采用的管径；0 为不采用（有缺则拒绝）。",
        "Diameter to assume", "Of segments without one; 0 refuses them.", "mm", 0.0, 2000.0,
        advanced=True,
    )  # fmt: skip


def hydraulics(asked: HydraulicsParameters, context: Context) -> Result:
    """Pressures and flows over time, of a published network or of a model that is handed in."""
    return _of_layers(asked, context) if asked.model is None else _of_model(asked, context)


def _of_model(asked: HydraulicsParameters, context: Context) -> Result:
    path = context.upload(str(asked.model))
    solved = solve(
        text_of(path.read_bytes()), asked.model_crs, context.folder, hours=asked.hours,
        step=int(asked.step) * 60, name=path.name,
        required=asked.service_pressure if asked.pressure_driven else None,
    )  # fmt: skip
    return Result(
        summary=tuple(solved.figures(asked.service_pressure)),
        features=collection(*_drawn(solved, asked.service_pressure)),
        timeline=timeline(solved, context.city, asked.service_pressure),
        series=solved.series(),
        tables=(solved.lowest_table(asked.service_pressure),),
        provenance={
            "inputs": [{"upload": asked.model}], "crs": asked.model_crs or None,
            "height_datum": "of the model (not checked)", "applicability": NOT_FOR_DISPATCH,
            "engine": "EPANET 2.2 (WNTR)", "warnings": list(solved.simulation.warnings),
            "demands": "those of the model; demand_factor, pattern and layers are not used",
        },
    )  # fmt: skip


def _of_layers(asked: HydraulicsParameters, context: Context) -> Result:
    drawn = network_of(
        context, asked.pipes, tolerance=asked.tolerance, reach=asked.reach, valves=asked.valves,
        sources=asked.sources, users=asked.users,
    )  # fmt: skip
    wish = Wish(
        hours=asked.hours, step=int(asked.step) * 60, factor=asked.demand_factor,
        pattern=PATTERNS[asked.pattern], diameter=asked.assume_diameter or None,
        required=asked.service_pressure if asked.pressure_driven else None,
    )  # fmt: skip
    model = model_of(drawn.network, wish)
    (simulation,) = ask([Order(text=model.text)], context.folder)
    evidence = f"EPANET 2.2，{drawn.source()}；{drawn.source('sources')}；{drawn.source('users')}"
    solved = Solved(
        network=drawn.network, crs=drawn.crs, simulation=simulation, nodes=model.nodes,
        links=model.links, evidence=f"{evidence}；{ROUGHNESS_EVIDENCE}",
        verdict=Verdict.NEEDS_REVIEW,
    )  # fmt: skip
    low = pressures(drawn.network, model, simulation, {}, ())
    return Result(
        summary=(*_by_weight([*solved.figures(asked.service_pressure),
                              *_own_figures(drawn, model, low, asked)]), *fault_figures(drawn)),
        features=collection(*_drawn(solved, asked.service_pressure)),
        timeline=timeline(solved, context.city, asked.service_pressure),
        series=solved.series(),
        tables=(solved.lowest_table(asked.service_pressure), _users(drawn, low, asked),
                *fault_table(drawn)),
        provenance=provenance(
            drawn, context, NOT_FOR_DISPATCH, engine="EPANET 2.2 (WNTR)",
            demand_model="PDA" if asked.pressure_driven else "DDA", pattern=list(wish.pattern),
            warnings=list(simulation.warnings), assumed_diameters=len(model.assumed),
            roughness_untold=model.rough,
        ),
    )  # fmt: skip


def _by_weight(figures: Iterable[Figure]) -> list[Figure]:
    """What is wrong with the supply first, the size of the network last."""
    first = ("lowest", "below", "users_below", "unfed_users", "fastest", "highest")
    last = ("nodes", "links")

    def weight(figure: Figure) -> int:
        if figure.key in first:
            return first.index(figure.key)
        return len(first) + (figure.key in last)

    return sorted(figures, key=weight)


def _own_figures(
    drawn: Drawn, model: Model, low: Mapping[str, float], asked: HydraulicsParameters
) -> list[Figure]:
    users = drawn.network.users
    source = drawn.source("users")
    bare = sum(user.demand is None for user in users)
    pipes = drawn.source()
    return [
        Figure(key="users_below", title="压力不足用户",
               title_en="Users at low pressure at some time",
               value=sum(p < asked.service_pressure for p in low.values()),
               verdict=Verdict.NEEDS_REVIEW, evidence=source),
        Figure(key="users_unfed", title="无水源可达的用户", title_en="Users that no source reaches",
               value=len(users) - len(low), evidence=source),
        Figure(key="demand", title="日均总用水量（已知部分）", title_en="Mean demand, as known",
               value=round(24 * sum(model.demands.values()) * asked.demand_factor, 1),
               unit="m3/d", evidence=source),
        Figure(key="demand_untold", title="用水量不详的用户", title_en="Users of unknown demand",
               value=bare, verdict=Verdict.UNKNOWN if bare else None, evidence=source),
        Figure(key="unfed", title="无水源可达的节点（未计算）",
               title_en="Nodes that no source reaches", value=len(model.unfed), evidence=pipes),
        Figure(key="assumed", title="采用假定管径的管段", title_en="Pipes of assumed diameter",
               value=len(model.assumed), evidence=pipes,
               verdict=Verdict.UNKNOWN if model.assumed else None),
    ]  # fmt: skip


def _users(drawn: Drawn, low: Mapping[str, float], asked: HydraulicsParameters) -> Table:
    found = [user for user in drawn.network.users
             if user.no in low and low[user.no] < asked.service_pressure]  # fmt: skip
    rows = [
        {"no": u.no, "name": u.name, "critical": u.critical, "lowest": round(low[u.no], 2),
         "place": drawn.lonlat(u.x, u.y)}
        for u in sorted(found, key=lambda u: low[u.no])
    ]  # fmt: skip
    return Table(title="压力不足用户", title_en="Users at low pressure", rows=rows, columns=(
        ("no", "户号", "Number", ""), ("name", "名称", "Name", ""),
        ("critical", "重点类别", "Critical", ""), ("lowest", "最低压力", "Lowest", "m"),
    ))  # fmt: skip


def _drawn(
    solved: Solved, service: float
) -> tuple[list[dict[str, Any]], list[tuple[str, str, str]]]:
    """Pipes in the colour of the lowest pressure at their ends, and what the colours mean.

    Nothing without a CRS.
    """
    if solved.crs is None:
        return [], []
    low = dict(zip(solved.node_numbers, solved.pressure.min(axis=0).tolist(), strict=True))
    top = max(2 * service, float(np.percentile(solved.pressure, 95)))
    found = []
    for k, i in enumerate(solved.link_numbers):
        link = solved.network.links[i]
        line = span(solved.network, i)
        least = min(low.get(link.tail, np.inf), low.get(link.head, np.inf))
        if line is None or not np.isfinite(least):
            continue
        r, g, b = colours(np.array((least - service / 2) / (top - service / 2))).tolist()
        found.append(feature(
            line, f"管段 {link.no}", f"pipe {link.no}", crs=solved.crs, width=4,
            color=f"#{r:02x}{g:02x}{b:02x}", properties={
                "lowest_pressure_m": round(least, 2),
                "fastest_m_s": round(float(np.abs(solved.velocity[:, k]).max()), 3),
            },
        ))  # fmt: skip
    return found, legend(service, top)


HYDRAULICS = Analysis(
    id="pipelines.hydraulics",
    guide="pipelines.md",
    title="一天或一周内管网各处的压力与流量",
    title_en="Pressures and flows of the network over a day or a week",
    summary=(
        "以 EPANET 2.2 模拟已发布供水管网（水源水位、管径、糙率、用水量）24 至 168 小时的压力与"
        "流量，时间轴播放，列出最低压力与低于服务压力的节点和用户。缺管径或高程则拒绝，不臆测。"
    ),
    summary_en=(
        "EPANET 2.2 simulates the published mains (levels of the sources, diameters, roughness, "
        "demands) over 24 to 168 hours, played on the time bar; lowest pressures, and the points "
        "and users below the service pressure, are listed. Without diameters or elevations it "
        "refuses rather than guesses."
    ),
    parameters=HydraulicsParameters,
    run=hydraulics,
    example={"hours": 24, "service_pressure": 22.0},
    reads=layers_read,
    version=2,
    references=(
        "EPANET 2.2, US EPA, by WNTR (Klise et al. 2017)",
        "Hazen & Williams (1905), Hydraulic tables",
    ),
)
