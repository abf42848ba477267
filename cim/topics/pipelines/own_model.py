"""Simulating a model that the asker brings: EPANET's INP, on the map where its CRS is named."""

from __future__ import annotations

import codecs
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from pyproj import CRS

from cim.errors import CrsError, ParameterError
from cim.geo.crs import resolve
from cim.topics.pipelines.analysis import inp
from cim.topics.pipelines.analysis.model import Node
from cim.topics.pipelines.analysis.uploaded import (
    check_scale,
    check_supply,
    check_units,
    network_of_model,
)
from cim.topics.pipelines.epanet import MOST_TEXT, Order, refusal, tried
from cim.topics.pipelines.solved import Solved


def text_of(data: bytes) -> str:
    """The text of a model: UTF-8, else GB18030, which reads GBK too.

    Raises:
        ParameterError: it is no text, or too much of it.
    """
    if len(data) > MOST_TEXT:
        raise ParameterError(
            f"the model has {len(data)} bytes, more than {MOST_TEXT}",
            remedy="give the model of one district",
        )
    for encoding in ("utf-8-sig", "gb18030"):
        try:
            text = codecs.decode(data, encoding)
        except UnicodeDecodeError:
            continue
        if "\0" not in text:
            return text
    raise ParameterError(
        "the model is no text: an INP is a text file", remedy="export it from EPANET as INP"
    )


def solve(
    text: str, crs: str, folder: Path, *, hours: int = 24, step: int = 3600,
    required: float | None = None, name: str = "INP",
) -> Solved:  # fmt: skip
    """Solve a model.

    Args:
        text: INP.
        crs: Of its coordinates; empty where they are of no place on Earth.
        folder: Below which EPANET works.
        hours: Duration.
        step: Of the hydraulics, s.
        required: Pressure at which users get all they want, m; None leaves the model's own.
        name: Of the file, for the evidence.

    Raises:
        ParameterError: it cannot be read, falls apart, has the wrong units or coordinates, or
            does not converge.
        CrsError: the CRS is none.
    """
    plane = _plane(crs)
    inp.check(text)
    times = {
        "duration": hours * 3600, "hydraulic_timestep": step, "report_timestep": step,
        "report_start": 0, "rule_timestep": min(step, 360), "quality_timestep": step,
    }  # fmt: skip
    (answer,) = tried([Order(text=text, times=times, required=required, describe=True)], folder)
    if answer.model is None:
        raise refusal(answer.error)
    network = network_of_model(answer.model)
    check_units(network, str(answer.model["units"]))
    check_supply(network, answer.model)
    if plane is not None:
        _check_places(network.nodes, crs)
        check_scale(network, crs)
    if answer.simulation is None:  # for a reason that none of our checks knows
        raise refusal(answer.error)
    return Solved(
        network=network, crs=plane, simulation=answer.simulation,
        nodes={i: node.no for i, node in enumerate(network.nodes)},
        links={i: link.no for i, link in enumerate(network.links)},
        evidence=f"EPANET 2.2，{name}",
    )  # fmt: skip


def _plane(crs: str) -> CRS | None:
    if not crs.strip():
        return None
    try:
        found = resolve(crs).crs
    except CrsError as error:
        raise ParameterError(
            error.reason,
            remedy="name the projected CRS of the model's coordinates in model_crs, "
            "such as EPSG:4545, or leave it empty to go without a map",
        ) from error
    if not found.is_projected:
        raise ParameterError(
            f"{crs} is in degrees, and lengths cannot be checked against degrees",
            remedy="name the projected CRS of the model's coordinates, such as EPSG:4545",
        )
    metre = found.axis_info[0].unit_conversion_factor
    if abs(metre - 1.0) > 1e-9:
        raise ParameterError(
            f"{crs} counts in {found.axis_info[0].unit_name}, {metre:.4f} m each, and the map in "
            "metres",
            remedy="transform the model's coordinates to a CRS in metres, or leave model_crs empty "
            "to go without a map",
        )
    return found


def _check_places(nodes: Sequence[Node], crs: str) -> None:
    places = np.array([(n.x, n.y) for n in nodes], np.float64)
    if not np.isfinite(places).all() or (places == 0).all(axis=1).mean() > 0.5:
        raise ParameterError(
            f"the model has no coordinates that {crs} could place",
            remedy="leave model_crs empty to go without a map",
        )
