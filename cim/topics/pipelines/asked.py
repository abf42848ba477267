"""What the network's questions have in common: their layers, their faults, their provenance."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from shapely import LineString

from cim.drawn import feature
from cim.evidence import input_of
from cim.question import layer_field, number_field
from cim.topic import Context, Figure, Parameters, Table, Verdict
from cim.topics.pipelines.analysis.assembly import FAULTS
from cim.topics.pipelines.analysis.model import Network
from cim.topics.pipelines.queries import Drawn

Floats = np.ndarray[tuple[int, ...], np.dtype[np.float64]]

MOST_ROWS = 1000
NOT_FOR_DISPATCH = (
    "Computed from surveyed records; not for dispatch without confirmation on site: records miss "
    "valves, closed valves and joints. 依据普查资料计算，未经现场确认不得作为调度指令。"
)


class OnNetwork(Parameters):
    """Which pipes are asked."""

    pipes: str = layer_field(
        "pipelines.water_pipe", "管线图层", "所用管线图层（含起止点号）。",
        "Pipes", "Layer of pipe segments with the numbers of their end points.",
    )  # fmt: skip
    tolerance: float = number_field(
        0.5, "吸附容差", "阀门、消火栓及无点号端点与管线的最大距离；超出者列为未接入。",
        "Tolerance", "Within which fittings, and ends without a number, meet a pipe; what lies "
        "farther is told and left out.", "m", 0.01, 20.0, advanced=True,
    )  # fmt: skip


class OnSupply(OnNetwork):
    """Which pipes are asked, and what feeds and drinks from them."""

    valves: str = layer_field(
        "pipelines.valve",
        "阀门图层",
        "阀门图层。",
        "Valves",
        "Layer of valves.",
        advanced=True,
    )
    sources: str = layer_field(
        "pipelines.water_source", "水源图层", "水厂、水池、泵站图层。",
        "Sources", "Layer of waterworks, tanks and pumping stations.", advanced=True,
    )  # fmt: skip
    users: str = layer_field(
        "pipelines.water_user",
        "用户图层",
        "用水户图层。",
        "Users",
        "Layer of water users.",
        advanced=True,
    )
    reach: float = number_field(
        120.0, "用户接入距离", "未注明接入管段的用户，按最近管段接入的最大距离。",
        "Reach of users", "Farthest pipe to which a user that names no segment is taken to be "
        "connected.", "m", 0.0, 1000.0, advanced=True,
    )  # fmt: skip


def layers_read(asked: OnNetwork) -> tuple[str, ...]:
    """The layers whose versions decide the answer."""
    names = ("pipes", "valves", "hydrants", "sources", "users")
    return tuple(getattr(asked, name) for name in names if hasattr(asked, name))


def fault_figures(drawn: Drawn) -> list[Figure]:
    """How many rows of each kind found no place, or miss what is needed."""
    named = {"valve": "valves", "hydrant": "hydrants", "source": "sources", "user": "users"}
    figures = []
    for kind, (zh, en) in FAULTS.items():
        count = drawn.network.faults_of(kind)
        if count:
            figures.append(Figure(
                key=kind, title=zh, title_en=en, value=count, verdict=Verdict.UNKNOWN,
                evidence=drawn.source(named.get(kind.split("_")[0], "pipes")),
            ))  # fmt: skip
    return figures


def fault_table(drawn: Drawn) -> list[Table]:
    """The rows themselves; no table where there is none."""
    faults = drawn.network.faults[:MOST_ROWS]
    if not faults:
        return []
    return [Table(
        title="资料问题", title_en="Faults of the records",
        columns=(("no", "编号", "Number", ""), ("kind", "问题", "Fault", ""),
                 ("detail", "说明", "Detail", "")),
        rows=[
            {"no": f.no, "kind": " ".join(FAULTS[f.kind]), "detail": f.detail,
             "place": drawn.lonlat(f.x, f.y)}
            for f in faults
        ],
    )]  # fmt: skip


def provenance(drawn: Drawn, context: Context, applicability: str, **more: Any) -> dict[str, Any]:
    """Where an answer comes from."""
    return {
        "inputs": [input_of(rows.version, parameter=name)
                   for name, rows in drawn.rows.items() if rows is not None],
        "missing_layers": [name for name, rows in drawn.rows.items() if rows is None],
        "crs": context.city.compute_crs.to_string(),
        "height_datum": context.city.height_datum,
        "applicability": applicability,
        **more,
    }  # fmt: skip


def span(network: Network, link: int, start: float = 0.0, end: float = 1.0) -> LineString | None:
    """A stretch of a link; None where it has no length."""
    line = LineString(network.links[link].line)
    if end - start <= 1e-9:
        return None
    if start <= 0.0 and end >= 1.0:
        return line
    from shapely.ops import substring  # noqa: PLC0415 it has no name in shapely itself

    found = substring(line, start, end, normalized=True)
    return found if isinstance(found, LineString) else None


def stretch_features(
    drawn: Drawn, stretches: Sequence[tuple[int, float, float]], name: str, name_en: str,
    **style: Any,
) -> list[dict[str, Any]]:  # fmt: skip
    """Stretches of links, one feature each, named after their segments."""
    found = []
    for link, start, end in stretches:
        line = span(drawn.network, link, start, end)
        if line is not None:
            no = drawn.network.links[link].no
            found.append(feature(line, f"{name} {no}", f"{name_en} {no}", crs=drawn.crs, **style))
    return found


def told(values: Mapping[str, Any], *names: str) -> dict[str, Any]:
    """Some of many values."""
    return {name: values[name] for name in names}
