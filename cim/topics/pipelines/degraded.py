"""Who is left at low pressure when a part of the network is shut off."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from cim.errors import ParameterError
from cim.topic import Figure, Table, Verdict
from cim.topics.pipelines.analysis.burst import Shutdown
from cim.topics.pipelines.analysis.hydraulic import (
    ROUGHNESS_EVIDENCE,
    Model,
    Simulation,
    Wish,
    end_of,
    model_of,
)
from cim.topics.pipelines.analysis.model import Network, User
from cim.topics.pipelines.epanet import Order, ask
from cim.topics.pipelines.queries import Drawn


@dataclass(frozen=True, slots=True, kw_only=True)
class Degraded:
    """Users whose pressure falls below the service pressure.

    Args:
        users: Those that had enough before.
        pressures: By number of the user: m before and after.
        already: How many had too little before.
        figures: For the summary.
        provenance: Of the simulation.
    """

    users: tuple[User, ...] = ()
    pressures: Mapping[str, tuple[float, float]] = field(default_factory=dict)
    already: int = 0
    figures: list[Figure] = field(default_factory=list)
    provenance: Mapping[str, Any] = field(default_factory=dict)

    def tables(self, drawn: Drawn) -> list[Table]:
        """The users, those who lose most first."""
        rows = [
            {"no": user.no, "name": user.name, "critical": user.critical,
             "before": round(self.pressures[user.no][0], 2),
             "after": round(self.pressures[user.no][1], 2), "place": drawn.lonlat(user.x, user.y)}
            for user in sorted(self.users, key=lambda u: self.pressures[u.no][1])
        ]  # fmt: skip
        return [Table(title="压力不足用户", title_en="Users at low pressure", rows=rows, columns=(
            ("no", "户号", "Number", ""), ("name", "名称", "Name", ""),
            ("critical", "重点类别", "Critical", ""), ("before", "关阀前", "Before", "m"),
            ("after", "关阀后", "After", "m")))]  # fmt: skip


def degraded(drawn: Drawn, found: Shutdown, wish: Wish, folder: Path) -> Degraded:
    """Pressures before and after, by pressure-driven EPANET; the reason where it cannot be told.

    Args:
        drawn: The network.
        found: What is shut off.
        wish: One moment; its ``required`` pressure is the service pressure, m.
        folder: Below which EPANET works.
    """
    network, service = drawn.network, wish.required or 0.0
    try:
        before = model_of(network, wish)
        closed, dry, moved = after(network, found)
        later = model_of(network, wish, closed=closed, dry=dry, moved=moved)
        first, second = ask([Order(text=before.text), Order(text=later.text)], folder)
    except ParameterError as error:
        return _untold(f"{error.reason}")
    base = pressures(network, before, first, {}, ())
    now = pressures(network, later, second, moved, dry)
    low = [u for u in network.users if u.no in now and now[u.no] < service]
    fresh = tuple(u for u in low if base.get(u.no, 0.0) >= service)
    evidence = (
        f"EPANET 2.2 压力驱动 PDD，{drawn.source('users')}；{drawn.source('sources')}；"
        f"{ROUGHNESS_EVIDENCE}"
    )
    return Degraded(
        users=fresh, pressures={u.no: (base[u.no], now[u.no]) for u in fresh},
        already=len(low) - len(fresh), provenance=_provenance(before, wish, first),
        figures=[
            Figure(key="degraded", title="关阀后压力不足的用户",
                   title_en="Users at low pressure after", value=len(fresh),
                   verdict=Verdict.NEEDS_REVIEW, evidence=evidence),
            Figure(key="low_before", title="关阀前后均不足的用户",
                   title_en="Users at low pressure before and after", value=len(low) - len(fresh),
                   verdict=Verdict.NEEDS_REVIEW, evidence=evidence),
            Figure(key="demand_untold", title="用水量不详的用户",
                   title_en="Users of unknown demand",
                   value=(bare := sum(u.demand is None for u in network.users)),
                   verdict=Verdict.UNKNOWN if bare else None, evidence=drawn.source("users")),
        ],
    )  # fmt: skip


def _untold(reason: str) -> Degraded:
    return Degraded(
        figures=[Figure(key="degraded", title="关阀后压力不足的用户",
                        title_en="Users at low pressure after", value=None,
                        verdict=Verdict.UNKNOWN, evidence=f"无法计算 cannot be told: {reason}")],
        provenance={"refused": reason},
    )  # fmt: skip


def _provenance(model: Model, wish: Wish, simulation: Simulation) -> dict[str, Any]:
    return {
        "engine": "EPANET 2.2 (WNTR)", "demand_model": "PDA", "required_pressure_m": wish.required,
        "minimum_pressure_m": 0.0, "pressure_exponent": 0.5, "demand_factor": wish.factor,
        "assumed_diameters": len(model.assumed), "roughness_untold": model.rough,
        "unfed_nodes": len(model.unfed), "warnings": list(simulation.warnings),
    }  # fmt: skip


def after(
    network: Network, found: Shutdown
) -> tuple[tuple[int, ...], tuple[int, ...], dict[str, int]]:
    """Links that carry nothing, users that draw nothing, and where users on cut links draw now."""
    parts, state = network.elements, found.isolation
    out = state.segment | state.cut
    closed = {int(link) for link in parts.link[out[parts.nodes :]]}
    closed |= {network.valves[c.valve].at.link for c in found.closings}
    dry, moved = [], {}
    for i, user in enumerate(network.users):
        element = network.element(user.at)
        if out[element]:
            dry.append(i)
        elif user.at.link in closed:
            link = network.links[user.at.link]
            first = element in (link.tail, int(parts.first[user.at.link]))
            moved[user.no] = link.tail if first else link.head
    return tuple(sorted(closed)), tuple(dry), moved


def pressures(
    network: Network, model: Model, simulation: Simulation, moved: Mapping[str, int],
    dry: tuple[int, ...],
) -> dict[str, float]:  # fmt: skip
    """Least pressure over time at each user's connection, m; users without supply are left out."""
    columns = {name: i for i, name in enumerate(simulation.nodes)}
    least = simulation.pressure.min(axis=0)
    found = {}
    for i, user in enumerate(network.users):
        node = moved.get(user.no, end_of(network, i))
        if i not in dry and node in model.nodes:
            found[user.no] = float(least[columns[model.nodes[node]]])
    return found
