"""A network out of somebody's EPANET model, and what shows that its units are not what it says."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from cim.errors import ParameterError
from cim.geo.network import reached
from cim.topics.pipelines.analysis.model import Link, Network, Node, Source

FOOT = 0.3048
NEAR_FOOT = 0.03  # of a ratio, relative
DIAMETERS = (20.0, 3000.0)  # mm, between which half of a town's pipes lie
SCALES = (0.5, 2.0)  # of drawn over stated length, beyond which coordinates are no metres


def network_of_model(model: Mapping[str, Any]) -> Network:
    """Nodes, links and sources of a model; pumps and valves are links without length.

    Args:
        model: As ``epanet_process`` describes it: SI, coordinates as they stand there.
    """
    number = {node["no"]: i for i, node in enumerate(model["nodes"])}
    nodes = tuple(
        Node(no=n["no"], x=n["at"][0], y=n["at"][1], elevation=n["level"], ground=n["level"])
        for n in model["nodes"]
    )
    links = tuple(
        Link(
            no=k["no"], tail=number[k["from"]], head=number[k["to"]], length=k["length"],
            line=np.array([model["nodes"][number[k["from"]]]["at"], *k["way"],
                           model["nodes"][number[k["to"]]]["at"]], np.float64),
            diameter=k["diameter"] or None,
        )
        for k in model["links"]
    )  # fmt: skip
    sources = tuple(
        Source(no=n["no"], name=n["no"], kind=n["kind"], node=i, head=n["level"])
        for i, n in enumerate(model["nodes"]) if n["kind"] in {"reservoir", "tank"}
    )  # fmt: skip
    return Network(nodes=nodes, links=links, sources=sources)


def check_supply(network: Network, model: Mapping[str, Any]) -> None:
    """Refuse a model some of whose users no source can reach.

    Raises:
        ParameterError: naming them.
    """
    if not network.sources:
        raise ParameterError(
            "the model has neither reservoir nor tank", remedy="give it the source of its water"
        )
    fed = reached(
        len(network.nodes), network.graph.tails, network.graph.heads,
        np.array([source.node for source in network.sources], np.int64),
    )  # fmt: skip
    dry = [n["no"] for n, reach in zip(model["nodes"], fed, strict=True)
           if n["demand"] > 0 and not reach]  # fmt: skip
    if dry:
        raise ParameterError(
            f"{len(dry)} nodes with demand hang on no source, such as {', '.join(dry[:5])}: the "
            "network falls apart",
            remedy="connect them, or take them out of the model",
        )


def check_units(network: Network, units: str) -> None:
    """Refuse a model whose diameters cannot be what its UNITS say.

    Raises:
        ParameterError: half of the pipes are thinner than a finger, or wider than a tunnel.
    """
    sizes = [link.diameter for link in network.links if link.diameter]
    if not sizes:
        return
    middle = float(np.median(sizes))
    if not DIAMETERS[0] <= middle <= DIAMETERS[1]:
        meant = "inches" if middle < DIAMETERS[0] else "millimetres"
        raise ParameterError(
            f"with UNITS {units} half of the pipes are {middle:,.1f} mm wide or "
            f"{'less' if middle < DIAMETERS[0] else 'more'}: the numbers look like {meant}",
            remedy="set UNITS to what the numbers are (GPM and CFS mean feet and inches, LPS and "
            "CMH metres and millimetres)",
        )


def drawn_scale(network: Network) -> float | None:
    """Length on the map over stated length, median; None where nothing can be compared.

    3.28 tells of coordinates in feet beside lengths in metres.
    """
    ratios = [
        float(np.hypot(*np.diff(link.line, axis=0).T).sum()) / link.length
        for link in network.links
        if link.length > 1.0
    ]
    return float(np.median(ratios)) if ratios else None


def check_scale(network: Network, crs: str) -> None:
    """Refuse coordinates that are no metres.

    Raises:
        ParameterError: they are feet, or have nothing to do with the lengths of the pipes.
    """
    scale = drawn_scale(network)
    if scale is None or SCALES[0] <= scale <= SCALES[1]:
        return
    if abs(scale * FOOT - 1) < NEAR_FOOT:
        raise ParameterError(
            f"the pipes are drawn {scale:.2f} times as long as they are: the coordinates are feet, "
            f"and {crs} counts metres",
            remedy="transform the coordinates to metres, or leave model_crs empty to go without a "
            "map",
        )
    raise ParameterError(
        f"the pipes are drawn {scale:.3g} times as long as they are: the coordinates are none of "
        f"{crs}",
        remedy="name the right CRS (model_crs), or leave it empty to go without a map",
    )
