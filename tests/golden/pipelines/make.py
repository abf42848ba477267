"""Golden answers of other programs about networks that WNTR carries: run by make.sh.

segments.npz: WNTR's own segmentation by valves (wntr.metrics.valve_segments).
pressures.npz: WNTRSimulator, a solver in Python that shares no line with EPANET.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import wntr

HERE = Path(__file__).parent
LIBRARY = Path(wntr.__file__).parent / "library" / "networks"
LAYERS = (("Net3", "strategic", 2), ("Net3", "random", 71), ("ky4", "strategic", 2),
          ("ky4", "random", 694), ("ky10", "strategic", 2), ("ky10", "random", 636))  # fmt: skip


def network(name: str) -> Any:
    """One of WNTR's networks."""
    return wntr.network.WaterNetworkModel(str(LIBRARY / f"{name}.inp"))


def solved(wn: Any) -> Any:
    """Pressures (t, nodes) in m, as a table of names."""
    return wntr.sim.WNTRSimulator(wn).run_sim().node["pressure"]


def segments() -> dict[str, Any]:
    """Tails, heads, valves (link, at its head?) and the segment of every node and link."""
    kept: dict[str, Any] = {}
    for name, placement, count in LAYERS:
        wn = network(name)
        nodes, links = wn.node_name_list, wn.link_name_list
        number = {no: i for i, no in enumerate(nodes)}
        tails = [number[wn.get_link(no).start_node_name] for no in links]
        heads = [number[wn.get_link(no).end_node_name] for no in links]
        valves = wntr.network.generate_valve_layer(wn, placement, count, seed=123)
        of_nodes, of_links, _ = wntr.metrics.valve_segments(wn.to_graph(), valves.copy())
        at = [links.index(no) for no in valves.link]
        far = [number[no] != tails[i] for i, no in zip(at, valves.node, strict=True)]
        key = f"{name}_{placement}"
        kept |= {
            f"{key}_tails": tails, f"{key}_heads": heads, f"{key}_valves": at, f"{key}_far": far,
            f"{key}_segments": [*of_nodes.loc[nodes], *of_links.loc[links]],
        }  # fmt: skip
    return kept


def pressures() -> dict[str, Any]:
    """Pressures (t, nodes) in m over 24 h, hourly, demand-driven as the models say."""
    kept: dict[str, Any] = {}
    for name in ("Net1", "Net3"):
        wn = network(name)
        wn.options.time.duration = 24 * 3600
        wn.options.time.hydraulic_timestep = wn.options.time.report_timestep = 3600
        found = solved(wn)
        kept |= {f"{name}_nodes": list(found.columns), f"{name}_pressure": found.to_numpy(),
                 f"{name}_times": list(found.index)}  # fmt: skip
    return kept


if __name__ == "__main__":
    np.savez_compressed(HERE / "segments.npz", **segments())
    np.savez_compressed(HERE / "pressures.npz", **pressures())
