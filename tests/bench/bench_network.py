"""Valve isolation beside WNTR, in turn: ``python -m tests.bench.bench_network``.

Wall milliseconds, best of four, of a network that is loaded already: ours to answer one burst
(segment, valves in order, what loses every source), and to segment the whole; WNTR's to segment the
whole, which it does before it can answer any. The last rows are grids of random valves.
"""

from __future__ import annotations

import time
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import networkx as nx
import numpy as np
import pandas as pd

from cim.geo.network import Graph, elements, isolate, segments

with warnings.catch_warnings():
    warnings.simplefilter("ignore")
    import wntr

LIBRARY = Path(wntr.__file__).parent / "library" / "networks"
GRIDS = (45, 70)  # streets each way: 4,000 and 9,700 pipes


def best(work: Callable[[], object], rounds: int = 4) -> float:
    """Wall milliseconds of the best round."""
    spent = []
    for _ in range(rounds):
        start = time.perf_counter()
        work()
        spent.append(time.perf_counter() - start)
    return 1000 * min(spent)


def carried(name: str) -> tuple[Any, pd.DataFrame]:
    """A network that WNTR carries, with a valve at six in ten of its links."""
    model = wntr.network.WaterNetworkModel(str(LIBRARY / f"{name}.inp"))
    valves = wntr.network.generate_valve_layer(model, "random", int(0.6 * model.num_links), seed=1)
    return model.to_graph(), valves


def grid(side: int) -> tuple[Any, pd.DataFrame]:
    """Streets of a square town, with a valve at six in ten of its pipes."""
    net = nx.MultiDiGraph()
    pairs = [((i, j), (i + di, j + dj)) for i in range(side) for j in range(side)
             for di, dj in ((1, 0), (0, 1)) if i + di < side and j + dj < side]  # fmt: skip
    for number, (a, b) in enumerate(pairs):
        net.add_edge(f"n{a}", f"n{b}", key=f"p{number}")
    chosen = np.random.default_rng(1).choice(len(pairs), int(0.6 * len(pairs)), replace=False)
    rows = [{"link": f"p{i}", "node": f"n{pairs[i][i % 2]}"} for i in sorted(chosen.tolist())]
    return net, pd.DataFrame(rows)


def main() -> None:
    """Print the table."""
    print(f"{'network':10}{'links':>7}{'valves':>7}{'burst ms':>10}{'segments ms':>13}"  # noqa: T201
          f"{'wntr ms':>11}{'wntr/burst':>12}")  # fmt: skip
    cases = [(name, *carried(name)) for name in ("Net3", "ky4", "ky10")]
    cases += [(f"grid {side}", *grid(side)) for side in GRIDS]
    for name, net, valves in cases:
        node = {no: i for i, no in enumerate(net.nodes())}
        edges = list(net.edges(keys=True))
        link = {key: i for i, (_, _, key) in enumerate(edges)}
        tails, heads = (np.array([node[edge[k]] for edge in edges]) for k in (0, 1))
        graph = Graph(len(node), tails, heads, np.full(len(edges), 50.0))
        at = np.array([link[no] for no in valves.link])
        far = np.array([float(node[no] != tails[i])
                        for no, i in zip(valves.node, at, strict=True)])  # fmt: skip
        cut = elements(graph, at, far)
        usable, closed = np.ones(len(at), bool), np.zeros(len(at), bool)
        burst = best(lambda: isolate(
            cut, cut.piece(len(edges) // 2, 0.5), usable=usable, closed=closed,  # noqa: B023
            sources=np.array([0, len(node) // 3]),  # noqa: B023
        ))  # fmt: skip
        whole = best(lambda: segments(cut, usable))  # noqa: B023
        rounds = 4 if len(edges) < 2000 else 1
        theirs = best(lambda: wntr.metrics.valve_segments(net, valves.copy()), rounds)  # noqa: B023
        print(f"{name:10}{len(edges):7}{len(at):7}{burst:10.2f}{whole:13.2f}"  # noqa: T201
              f"{theirs:11.0f}{theirs / burst:12.0f}")  # fmt: skip


if __name__ == "__main__":
    main()
