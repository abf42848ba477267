"""A network and what EPANET found for it: over time, at its lowest, as figures and tables."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt
from pyproj import CRS

from cim.question import Pair
from cim.topic import Axis, Figure, Series, Table, Verdict
from cim.topics.pipelines.analysis.hydraulic import Simulation
from cim.topics.pipelines.analysis.model import Network
from cim.topics.pipelines.queries import lonlat_of

Floats = npt.NDArray[np.float64]
MOST_ROWS = 200


@dataclass(frozen=True, kw_only=True, eq=False)
class Solved:
    """What EPANET found for a network.

    Args:
        network: Its nodes and links.
        crs: Of its coordinates, m; None where they are of no place on Earth.
        simulation: What was found.
        nodes: Name in it of each simulated node, by index; links likewise.
        evidence: What the figures rest on.
        verdict: Of figures that rest on something unverified.
    """

    network: Network
    crs: CRS | None
    simulation: Simulation
    nodes: Mapping[int, str]
    links: Mapping[int, str]
    evidence: str
    verdict: Verdict | None = None

    @cached_property
    def node_numbers(self) -> list[int]:
        """Indices of simulated nodes, in order."""
        return sorted(self.nodes)

    @cached_property
    def link_numbers(self) -> list[int]:
        """Indices of simulated links, in order."""
        return sorted(self.links)

    @cached_property
    def pressure(self) -> Floats:
        """(t, nodes) m, in the order of ``node_numbers``."""
        column = {name: i for i, name in enumerate(self.simulation.nodes)}
        return self.simulation.pressure[:, [column[self.nodes[i]] for i in self.node_numbers]]

    @cached_property
    def flow(self) -> Floats:
        """(t, links) m³/h, in the order of ``link_numbers``."""
        return self.simulation.flow[:, self._columns]

    @cached_property
    def velocity(self) -> Floats:
        """(t, links) m/s."""
        return self.simulation.velocity[:, self._columns]

    @cached_property
    def _columns(self) -> list[int]:
        column = {name: i for i, name in enumerate(self.simulation.links)}
        return [column[self.links[i]] for i in self.link_numbers]

    @cached_property
    def hours(self) -> list[float]:
        """Of the simulated times."""
        return [round(float(t) / 3600, 4) for t in self.simulation.times]

    @cached_property
    def consumers(self) -> list[int]:
        """Places in ``node_numbers`` that are no reservoirs or tanks."""
        own = {source.node for source in self.network.sources
               if self.network.nodes[source.node].no == source.no}  # fmt: skip
        return [k for k, i in enumerate(self.node_numbers) if i not in own]

    def place(self, node: int) -> Pair | None:
        """Degrees of a node; None without a CRS."""
        point = self.network.nodes[node]
        return None if self.crs is None else lonlat_of(self.crs, point.x, point.y)

    def figures(self, service: float) -> list[Figure]:
        """The lowest, the highest, the fastest, and how many fall below the service pressure."""
        pressure = self.pressure[:, self.consumers]
        if not pressure.size:
            return []
        when, where = np.unravel_index(int(np.argmin(pressure)), pressure.shape)
        node = self.network.nodes[self.node_numbers[self.consumers[int(where)]]]
        below = int((pressure.min(axis=0) < service).sum())
        told = f"{self.evidence}；{node.no}，{self.hours[int(when)]:g} h"
        under = float(pressure.min()) < 0.0
        if under:
            told += "；负压不能供水 nobody is served below nought: take the pressure-driven model"
        fast = float(np.abs(self.velocity).max()) if self.velocity.size else None
        restless = self.restless()
        rows = (
            ("nodes", "参与计算的节点", "Nodes simulated", len(self.nodes), "", self.evidence),
            ("links", "参与计算的管段", "Pipes simulated", len(self.links), "", self.evidence),
            ("lowest", "最低压力", "Lowest pressure", round(float(pressure.min()), 3), "m", told),
            ("highest", "最高压力", "Highest pressure", round(float(pressure.max()), 3), "m",
             self.evidence),
            ("below", f"低于服务压力 {service:g} m 的节点",
             f"Nodes below {service:g} m at some time", below, "", self.evidence),
            ("fastest", "最大流速", "Fastest flow", None if fast is None else round(fast, 3), "m/s",
             self.evidence),
            ("restless", "逐步充放交替的水池（应缩短步长）",
             "Tanks that overshoot: take shorter steps", len(restless), "",
             f"{self.evidence}；{', '.join(restless)}"),
        )  # fmt: skip
        return [
            Figure(key=key, title=zh, title_en=en, value=value, unit=unit, evidence=evidence,
                   verdict=Verdict.NEEDS_REVIEW if key == "lowest" and under
                   else self.verdict if key not in {"nodes", "links"} else None)
            for key, zh, en, value, unit, evidence in rows
        ]  # fmt: skip

    def lowest_table(self, service: float) -> Table:
        """Nodes by their lowest pressure."""
        pressure = self.pressure[:, self.consumers]
        low = pressure.min(axis=0)
        rows = []
        for k in np.argsort(low, kind="stable")[:MOST_ROWS].tolist():
            node = self.node_numbers[self.consumers[k]]
            row = {
                "no": self.network.nodes[node].no, "lowest": round(float(low[k]), 2),
                "when": self.hours[int(np.argmin(pressure[:, k]))],
                "mean": round(float(pressure[:, k].mean()), 2),
                "below": "低于 below" if low[k] < service else "",
            }  # fmt: skip
            place = self.place(node)
            rows.append(row if place is None else {**row, "place": place})
        return Table(title="最低压力节点", title_en="Nodes of lowest pressure", rows=rows, columns=(
            ("no", "点号", "Point", ""), ("lowest", "最低压力", "Lowest", "m"),
            ("when", "时刻", "At", "h"), ("mean", "平均压力", "Mean", "m"),
            ("below", "服务压力", "Service pressure", "")))  # fmt: skip

    def series(self) -> tuple[Series, ...]:
        """Pressures of the lowest node, of all on average and of the highest; what sources give."""
        pressure = self.pressure[:, self.consumers]
        if len(self.hours) < 2 or not pressure.size:
            return ()
        hours = Axis(title="时刻", title_en="Time", unit="h", values=self.hours)

        def line(values: Floats, zh: str, en: str, unit: str) -> Axis:
            kept = [round(float(v), 3) + 0.0 for v in values]
            return Axis(title=zh, title_en=en, unit=unit, values=kept)

        lines = [line(pressure.min(axis=1), "最低", "lowest", "m"),
                 line(pressure.mean(axis=1), "平均", "mean", "m"),
                 line(pressure.max(axis=1), "最高", "highest", "m")]  # fmt: skip
        found = [Series(title="压力", title_en="Pressure", x=hours, y=tuple(lines))]
        flows = self.given()
        if flows:
            given = tuple(line(v, name, name, "m3/h") for name, v in flows.items())
            found.append(
                Series(
                    title="水源出流（负为进水）", title_en="Flow of the sources", x=hours, y=given
                )
            )
        return tuple(found)

    def restless(self) -> list[str]:
        """Names of sources that give and take by turns, step after step.

        EPANET takes what a tank gives for the whole of a step: where the step is too long for a
        small tank, it overshoots, and the pressures swing with it.
        """
        names = []
        for name, flow in self.given().items():
            turns = np.sign(flow[1:]) * np.sign(flow[:-1]) < 0
            if len(turns) > 5 and turns.mean() > 0.5:
                names.append(name)
        return names

    def given(self) -> dict[str, Floats]:
        """(t,) what each source gives, m³/h, by name."""
        column = {name: i for i, name in enumerate(self.simulation.nodes)}
        found = {}
        for k, source in enumerate(self.network.sources):
            name = f"S{k}" if f"S{k}" in column else source.no
            if name in column:
                found[source.name] = -self.simulation.demand[:, column[name]]
        return found
