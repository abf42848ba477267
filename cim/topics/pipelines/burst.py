"""爆管关阀: which valves shut off a burst, and who is without water."""

from __future__ import annotations

from typing import Annotated, Any

import numpy as np
from pydantic import BeforeValidator, Field

from cim.drawn import collection
from cim.errors import NotFoundError, ParameterError
from cim.geo.crs import CGCS2000, transformer
from cim.question import Point, english, layer_field, number_field, point_field
from cim.topic import Analysis, Context, Next, Result
from cim.topics.pipelines.analysis.burst import nearest_place, shut_off
from cim.topics.pipelines.analysis.hydraulic import Wish
from cim.topics.pipelines.analysis.model import Place
from cim.topics.pipelines.asked import (
    NOT_FOR_DISPATCH,
    OnSupply,
    fault_figures,
    fault_table,
    layers_read,
    provenance,
)
from cim.topics.pipelines.burst_answer import (
    ORDER,
    by_weight,
    features,
    figures,
    legend_of,
    tables,
    user_figures,
)
from cim.topics.pipelines.degraded import degraded
from cim.topics.pipelines.queries import Drawn, network_of


def _listed(given: Any) -> Any:
    """Numbers in one line, or a list of them, as one line."""
    if isinstance(given, list | tuple):
        return ", ".join(str(one) for one in given)
    return str(given) if isinstance(given, int) else given


class BurstParameters(OnSupply):
    """What a burst asks for."""

    point: Point = point_field(
        "爆管位置", "爆管处的经纬度（度），取所选图层最近的管段。",
        "Burst", "Longitude and latitude; the nearest pipe of the chosen layer is taken.",
    )  # fmt: skip
    radius: float = number_field(
        30.0, "吸附半径", "爆管点与管段的最大距离，超出则拒绝回答。",
        "Radius", "Farthest pipe that is taken for the one that burst; beyond it the question is "
        "refused.", "m", 1.0, 200.0,
    )  # fmt: skip
    hydrants: str = layer_field(
        "pipelines.hydrant",
        "消火栓图层",
        "消火栓图层。",
        "Hydrants",
        "Layer of fire hydrants.",
        advanced=True,
    )
    stuck: Annotated[str, BeforeValidator(_listed)] = Field(
        default="", max_length=4000, title="关不动的阀门",
        description="现场发现关不动的阀门编号，以逗号分隔；将扩大到下一圈阀门。",
        json_schema_extra=english(
            "Stuck valves", "Numbers of valves found not to turn, with commas between: the next "
            "ring of valves is taken.",
        ),
    )  # fmt: skip
    trust_untold: bool = Field(
        default=True, title="启闭性不明的阀门视为可用",
        description="资料未注明可否启闭的阀门：是（视为可关，列出待确认）或否（跳过）。",
        json_schema_extra=english(
            "Trust valves of unknown state", "Whether valves of which nobody says that they turn "
            "are used (and listed for confirmation) or passed over.",
        ),
    )  # fmt: skip
    hydraulics: bool = Field(
        default=True, title="计算降压用户",
        description="是否以 EPANET 压力驱动模型计算关阀后压力不足的用户（约 3 秒）。",
        json_schema_extra=english(
            "Users at low pressure", "Whether pressure-driven EPANET tells who is left at low "
            "pressure (about three seconds).",
        ),
    )  # fmt: skip
    service_pressure: float = number_field(
        14.0, "服务压力", "接入点地面处的最低服务水头。",
        "Service pressure", "Least pressure head at the ground of a user's connection.", "m",
        1.0, 100.0,
    )  # fmt: skip
    demand_factor: float = number_field(
        1.5, "时变化系数", "爆管时段用水量与日均用水量之比。",
        "Demand factor", "Demand at the hour of the burst over the mean of the day.", "", 0.1, 5.0,
        advanced=True,
    )  # fmt: skip
    assume_diameter: float = number_field(
        0.0, "缺管径时采用", "无管径管段在水力计算中采用的管径；0 为不采用（则不计算压力）。",
        "Diameter to assume", "Of segments without one, for the pressures only; 0 assumes none.",
        "mm", 0.0, 2000.0, advanced=True,
    )  # fmt: skip


def burst(asked: BurstParameters, context: Context) -> Result:
    """Shut off a burst and say who is without water."""
    drawn = network_of(
        context, asked.pipes, tolerance=asked.tolerance, reach=asked.reach, valves=asked.valves,
        hydrants=asked.hydrants, sources=asked.sources, users=asked.users,
    )  # fmt: skip
    if drawn.rows["valves"] is None:
        raise NotFoundError(
            f"{asked.valves} is not published, and without valves nothing can be shut off",
            remedy="publish the valves, or name their layer in `valves`",
        )
    place, away = snapped(asked.point, asked.radius, drawn)
    stuck = _known(asked.stuck, drawn)
    found = shut_off(drawn.network, place, stuck=stuck, trust_untold=asked.trust_untold)
    wish = Wish(factor=asked.demand_factor, required=asked.service_pressure,
                diameter=asked.assume_diameter or None)  # fmt: skip
    low = degraded(drawn, found, wish, context.folder) if asked.hydraulics else None
    drawings = features(drawn, found, place, low)
    return Result(
        summary=(*by_weight([*figures(drawn, found, place, away), *user_figures(drawn, found),
                             *([] if low is None else low.figures)]), *fault_figures(drawn)),
        features=collection(drawings, legend_of(drawings)),
        tables=(*tables(drawn, found, stuck), *([] if low is None else low.tables(drawn)),
                *fault_table(drawn)),
        following=_next(asked),
        provenance=provenance(
            drawn, context, NOT_FOR_DISPATCH, closing_order=ORDER, stuck=sorted(stuck),
            hydraulics=None if low is None else low.provenance,
        ),
    )  # fmt: skip


def _next(asked: BurstParameters) -> tuple[Next, ...]:
    """How the network fares as a whole, and where the water comes from."""
    layers = {name: getattr(asked, name) for name in ("pipes", "valves", "sources", "users")}
    return (
        Next(analysis="pipelines.hydraulics", title="全网压力一天如何变化（水力模拟）",
             title_en="Pressures of the whole network over a day", values=layers),
        Next(analysis="pipelines.trace", title="水从哪里来（上游追踪）",
             title_en="Where does the water come from (trace)",
             values=layers | {"point": list(asked.point), "towards": "upstream",
                              "by": "simulated"}),
    )  # fmt: skip


def snapped(point: tuple[float, float], radius: float, drawn: Drawn) -> tuple[Place, float]:
    """The place on a pipe that a click means, and how far it is, m.

    Raises:
        ParameterError: no pipe lies within the radius.
    """
    x, y = transformer(CGCS2000, drawn.crs).transform(*point)
    found = nearest_place(drawn.network, x, y, radius) if np.isfinite([x, y]).all() else None
    if found is None:
        far = nearest_place(drawn.network, x, y, 1e9) if np.isfinite([x, y]).all() else None
        where = "the layer has no pipe" if far is None else f"the nearest is {far[1]:,.0f} m away"
        raise ParameterError(
            f"no pipe lies within {radius:g} m of {point[0]}, {point[1]}: {where}",
            remedy="click nearer to the pipe, widen `radius`, or name another layer in `pipes`",
        )
    return found


def _known(text: str, drawn: Drawn) -> set[str]:
    stuck = {word.strip() for word in text.replace("，", ",").replace("、", ",").split(",")} - {""}
    strangers = sorted(stuck - {valve.no for valve in drawn.network.valves})
    if strangers:
        raise ParameterError(
            f"no valve on this network has the number {', '.join(strangers[:5])}",
            remedy="take the numbers from the table of valves to close",
        )
    return stuck


BURST = Analysis(
    id="pipelines.burst_isolation",
    guide="pipelines.md",
    title="此处爆管，关哪些阀门，谁会停水",
    title_en="A pipe bursts here: which valves to close, and who is without water",
    summary=(
        "自爆管处沿管网找出全部须关闭的阀门并给出次序，列出隔离管段、区内停水用户、失去全部水源的用户、"
        "失水消火栓；阀门关不动时扩大到下一圈；以压力驱动 EPANET 列出压力不足的用户。"
        "依据普查资料，未经现场确认不得作为调度指令。"
    ),
    summary_en=(
        "From the burst along the pipes to the valves that shut it off, in an order of closing; "
        "the segment, its users, those cut off from every source, dry hydrants; the "
        "next ring where valves do not turn; users left at low pressure by pressure-driven EPANET. "
        "From records: not for dispatch without confirmation on site."
    ),
    parameters=BurstParameters,
    run=burst,
    example={"point": [106.648814, 35.218836]},
    reads=layers_read,
    version=2,
    references=(
        "Walski (1993), Water distribution valve topology, Reliab. Eng. Syst. Saf. 42, 21-27",
        "Wagner, Shamir & Marks (1988), J. Water Res. Planning Mgmt 114, 276-294 (pressure-driven)",
        "EPANET 2.2, US EPA, by WNTR (Klise et al. 2017)",
    ),
)
