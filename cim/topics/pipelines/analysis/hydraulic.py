"""A network of survey rows as a model that EPANET can solve, and what its answers mean."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from cim.errors import ParameterError
from cim.geo.network import reached
from cim.topics.pipelines.analysis.model import Network, Source

Floats = npt.NDArray[np.float64]

# Mean of every hour over the mean of the day; an invented curve with a peak in the morning and one
# in the evening, as towns have them. A parameter replaces it.
DAY = (
    0.42, 0.36, 0.33, 0.34, 0.45, 0.78, 1.28, 1.55, 1.46, 1.21, 1.12, 1.16,
    1.27, 1.14, 0.98, 0.93, 1.02, 1.23, 1.52, 1.50, 1.31, 1.11, 0.88, 0.65,
)  # fmt: skip

ROUGHNESS = {  # word in a survey's material: Hazen-Williams C
    "球墨铸铁": 130.0, "灰口铸铁": 100.0, "铸铁": 100.0, "钢筋混凝土": 120.0, "混凝土": 120.0,
    "镀锌": 120.0, "钢": 120.0, "PE": 140.0, "PVC": 140.0, "HDPE": 140.0, "塑料": 140.0,
    "玻璃钢": 140.0,
}  # fmt: skip
ROUGHNESS_EVIDENCE = "海曾-威廉系数取值未经核对 Hazen-Williams C of materials: unverified"
COMMON_C = 120.0


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Model:
    """A model for EPANET and who is who in it.

    Args:
        text: INP, units m, m³/h, mm.
        nodes: Name of each node of the network that is in it, by index.
        links: The same of links.
        demands: m³/h at each node, by index, mean of the day.
        unfed: Indices of nodes that no source reaches; they are not in it.
        assumed: Numbers of links whose diameter was assumed.
        rough: How many links have a roughness that no material told.
    """

    text: str
    nodes: Mapping[int, str]
    links: Mapping[int, str]
    demands: Mapping[int, float]
    unfed: tuple[int, ...]
    assumed: tuple[str, ...]
    rough: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Wish:
    """How a network shall be simulated.

    Args:
        hours: Duration; 0 for one moment.
        step: Of the hydraulics, s.
        factor: Of all demands.
        pattern: Of the day's hours, over its mean.
        required: Pressure at which users get all they want (pressure-driven), m; None: they get it
            whatever the pressure (demand-driven).
        diameter: Of segments without one, mm; None refuses them.
        roughness: Hazen-Williams C of all pipes; None takes it from the material.
    """

    hours: int = 0
    step: int = 3600
    factor: float = 1.0
    pattern: Sequence[float] = field(default=DAY)
    required: float | None = None
    diameter: float | None = None
    roughness: float | None = None


def model_of(
    network: Network, wish: Wish, *, closed: Sequence[int] = (), dry: Sequence[int] = (),
    moved: Mapping[str, int] | None = None,
) -> Model:  # fmt: skip
    """The model of a network.

    Args:
        network: With sources and users.
        wish: How it shall be simulated.
        closed: Indices of links that carry nothing; those with a closed valve never do.
        dry: Indices of users that take nothing.
        moved: Index of the node at which a user takes its water, by its number, where that is
            not the nearer end of its link.

    Raises:
        ParameterError: no source has a level, or attributes are missing.
    """
    sources = [source for source in network.sources if _told(source)]
    if not sources:
        raise ParameterError(
            "no source of the network tells its kind and the level of its water",
            remedy="publish pipelines.water_source with source_kind, head and point_no",
        )
    shut = {*closed, *(valve.at.link for valve in network.valves if valve.closed)}
    alive = np.array([i not in shut for i in range(len(network.links))], bool)
    fed = reached(
        len(network.nodes), network.graph.tails[alive], network.graph.heads[alive],
        np.array([source.node for source in sources], np.int64),
    )  # fmt: skip
    nodes = {int(i): f"N{i}" for i in np.flatnonzero(fed)}
    links = {i: f"L{i}" for i, link in enumerate(network.links)
             if alive[i] and fed[link.tail]}  # fmt: skip
    demands = demands_of(network, dry=dry, moved=moved or {})
    assumed = _assumed(network, links, wish)
    _need_elevations(network, nodes)
    return Model(
        text="\n".join([
            *_points(network, nodes, demands, sources), *_pipes(network, links, wish),
            *_feeds(sources, nodes), *_settings(wish),
        ]), nodes=nodes, links=links, demands=demands,
        unfed=tuple(int(i) for i in np.flatnonzero(~fed)), assumed=assumed,
        rough=sum(_c(network.links[i].material) is None for i in links),
    )  # fmt: skip


def demands_of(
    network: Network, *, dry: Sequence[int] = (), moved: Mapping[str, int] | None = None
) -> dict[int, float]:
    """Demand at each node, m³/h: users draw at the nearer end of their link."""
    found: dict[int, float] = {}
    for i, user in enumerate(network.users):
        if i in dry or not user.demand or user.demand < 0:
            continue
        node = (moved or {}).get(user.no, end_of(network, i))
        found[node] = found.get(node, 0.0) + user.demand / 24.0
    return found


def end_of(network: Network, user: int) -> int:
    """Index of the node at which a user's pressure is told."""
    at = network.users[user].at
    link = network.links[at.link]
    return link.tail if at.fraction < 0.5 else link.head


def level_of(network: Network, node: int) -> float | None:
    """Elevation at which a pressure counts: of the ground, else of the pipe, m (1985)."""
    point = network.nodes[node]
    return point.elevation if point.ground is None else point.ground


def _told(source: Source) -> bool:
    if source.kind == "tank":
        return None not in (source.head, source.bottom, source.lowest, source.highest,
                            source.diameter)  # fmt: skip
    if source.kind == "pump":
        return None not in (source.head, source.flow, source.lift)
    return source.kind == "reservoir" and source.head is not None


def _assumed(network: Network, links: Mapping[int, str], wish: Wish) -> tuple[str, ...]:
    bare = tuple(network.links[i].no for i in links if network.links[i].diameter is None)
    if bare and wish.diameter is None:
        raise ParameterError(
            f"{len(bare)} segments have no diameter, such as {', '.join(bare[:5])}: the pressures "
            "cannot be told",
            remedy="survey their diameters, or say which one to assume (assume_diameter, mm)",
        )
    return bare


def _need_elevations(network: Network, nodes: Mapping[int, str]) -> None:
    bare = [network.nodes[i].no for i in nodes if level_of(network, i) is None]
    if bare:
        raise ParameterError(
            f"{len(bare)} points have no elevation, such as {', '.join(bare[:5])}: the pressures "
            "cannot be told",
            remedy="survey start_elev and end_elev of their segments",
        )


def _points(
    network: Network, nodes: Mapping[int, str], demands: Mapping[int, float],
    sources: Sequence[Source],
) -> list[str]:  # fmt: skip
    lines = ["[JUNCTIONS]"]
    lines += [f" {name} {level_of(network, i):.4f} {demands.get(i, 0.0):.6f} DAY"
              for i, name in nodes.items()]  # fmt: skip
    lines.append("[RESERVOIRS]")
    lines += [f" S{k} {s.head:.4f}" for k, s in enumerate(sources) if s.kind != "tank"]
    lines.append("[TANKS]")
    for k, s in enumerate(sources):
        if s.kind == "tank":
            low, high, bottom = s.lowest or 0.0, s.highest or 0.0, s.bottom or 0.0
            start = min(max((s.head or 0.0) - bottom, low), high)
            lines.append(f" S{k} {bottom:.4f} {start:.4f} {low:.4f} {high:.4f} {s.diameter:.3f} 0")
    return lines


def _pipes(network: Network, links: Mapping[int, str], wish: Wish) -> list[str]:
    lines = ["[PIPES]"]
    for i, name in links.items():
        link = network.links[i]
        diameter = link.diameter or wish.diameter
        rough = wish.roughness or _c(link.material) or COMMON_C
        lines.append(f" {name} N{link.tail} N{link.head} {link.length:.4f} {diameter:.2f} "
                     f"{rough:.1f} 0 Open")  # fmt: skip
    return lines


def _c(material: str) -> float | None:
    return next((c for word, c in ROUGHNESS.items() if word in material.upper()), None)


def _feeds(sources: Sequence[Source], nodes: Mapping[int, str]) -> list[str]:
    """Between each source and its node: a pump, or a pipe without resistance."""
    pipes, pumps, curves = [], ["[PUMPS]"], ["[CURVES]"]
    for k, source in enumerate(sources):
        if source.kind == "pump":
            pumps.append(f" F{k} S{k} {nodes[source.node]} HEAD H{k}")
            curves.append(f" H{k} {source.flow:.4f} {source.lift:.4f}")
        else:
            pipes.append(f" F{k} S{k} {nodes[source.node]} 1 1000 140 0 Open")
    return [*pipes, *pumps, *curves]


def _settings(wish: Wish) -> list[str]:
    driven = wish.required is not None
    return [
        "[PATTERNS]", *(f" DAY {value:.4f}" for value in (wish.pattern if wish.hours else (1.0,))),
        "[OPTIONS]", " UNITS CMH", " HEADLOSS H-W", " TRIALS 200", " ACCURACY 0.0001",
        " UNBALANCED STOP", f" DEMAND MULTIPLIER {wish.factor:.4f}",
        f" DEMAND MODEL {'PDA' if driven else 'DDA'}",
        *([" MINIMUM PRESSURE 0", f" REQUIRED PRESSURE {wish.required:.3f}",
           " PRESSURE EXPONENT 0.5"] if driven else []),
        "[TIMES]", f" DURATION {_clock(wish.hours * 3600)}",
        f" HYDRAULIC TIMESTEP {_clock(wish.step)}", " PATTERN TIMESTEP 1:00:00",
        f" REPORT TIMESTEP {_clock(wish.step)}", "[END]", "",
    ]  # fmt: skip


def _clock(seconds: int) -> str:
    """Hours, minutes and seconds: the one way that WNTR and EPANET both read aright."""
    return f"{seconds // 3600}:{seconds // 60 % 60:02d}:{seconds % 60:02d}"


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Simulation:
    """What EPANET found.

    Args:
        times: (t,) s from the start.
        nodes: Names.
        links: Names.
        pressure: (t, nodes) m of water.
        demand: (t, nodes) m³/h delivered.
        flow: (t, links) m³/h, positive from start to end.
        velocity: (t, links) m/s.
        warnings: What EPANET had to say.
    """

    times: Floats
    nodes: tuple[str, ...]
    links: tuple[str, ...]
    pressure: Floats
    demand: Floats
    flow: Floats
    velocity: Floats
    warnings: tuple[str, ...] = ()

    def at_node(self, name: str) -> Floats:
        """(t,) pressures of a node, m."""
        return np.asarray(self.pressure[:, self.nodes.index(name)])
