"""EPANET in a process of its own: ``python -I epanet_process.py FOLDER SECONDS``.

A model is somebody else's text for a program in C: it may crash it, hang it, or name files to be
written. Here it can do neither to the server: the process has limits of memory and of time, works
in the folder it is given, and whatever names a file in the model is dropped before EPANET sees it.
It reads ``job.json`` and ``*.inp``, and writes ``said.json`` and ``*.npz``. It knows nothing of the
rest of the platform, whose imports would double the time that it takes to start.
"""

from __future__ import annotations

import json
import re
import resource
import sys
import warnings
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

MEMORY = 4 << 30  # bytes of address space; the libraries' own take one of them
LACKING = 3  # exit code: the machine lacks a package, which no model is to blame for
HOUR = 3600.0
_REPORT_FILE = re.compile(r"^[ \t]*FILE[ \t].*$", re.IGNORECASE | re.MULTILINE)


def main(folder: Path, seconds: int) -> None:
    """Solve all models of a folder."""
    resource.setrlimit(resource.RLIMIT_CPU, (seconds, seconds + 5))
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
    warnings.simplefilter("ignore")
    try:
        import wntr  # noqa: F401, PLC0415 slow, and only here
    except ImportError as error:
        sys.stderr.write(f"{error}\n")
        sys.exit(LACKING)
    job = json.loads((folder / "job.json").read_text("utf-8"))
    said: list[dict[str, Any]] = []
    for order in job:
        told: dict[str, Any] = {}
        said.append(told)
        try:
            _solve(folder, order, told)
        except Exception as error:  # noqa: BLE001 whatever a stranger's model brings about is told
            told["error"] = "; ".join(_causes(error))[:2000]
            break
    (folder / "said.json").write_text(json.dumps(said, ensure_ascii=False), "utf-8")


def _causes(error: BaseException) -> list[str]:
    """What went wrong, and what that came of."""
    found = [str(error) or type(error).__name__]
    while error.__cause__ is not None and len(found) < 8:
        error = error.__cause__
        found.append(str(error))
    return found


def _solve(folder: Path, order: Mapping[str, Any], told: dict[str, Any]) -> None:
    import wntr  # noqa: PLC0415 slow, and only here

    path = folder / f"{order['name']}.inp"
    path.write_text(_REPORT_FILE.sub("", path.read_text("utf-8")), "utf-8")
    model = wntr.network.WaterNetworkModel(str(path))
    if order.get("describe"):
        told["model"] = _described(model)
    _tame(model, order)
    prefix = folder / f"{order['name']}.run"
    results = wntr.sim.EpanetSimulator(model).run_sim(
        file_prefix=str(prefix), convergence_error=True
    )
    _agree(model, results)
    _keep(folder / f"{order['name']}.npz", results)
    told["warnings"] = _warnings(Path(f"{prefix}.rpt"))


def _tame(model: Any, order: Mapping[str, Any]) -> None:
    """Take out what names files; set what the question asks for."""
    options = model.options
    options.hydraulic.hydraulics = options.hydraulic.hydraulics_filename = None
    options.report.report_filename = None
    options.graphics.map_filename = options.graphics.image_filename = None
    options.quality.parameter = "NONE"
    options.hydraulic.unbalanced, options.hydraulic.unbalanced_value = "STOP", None
    for key, value in (order.get("times") or {}).items():
        setattr(options.time, key, value)
    if order.get("required") is not None:
        options.hydraulic.demand_model = "PDA"
        options.hydraulic.minimum_pressure = 0.0
        options.hydraulic.required_pressure = float(order["required"])
    if options.hydraulic.demand_model in {"PDA", "PDD"}:
        # By its usual measure EPANET 2.2 takes small networks for solved that deliver all of a
        # demand at a fraction of the pressure it needs; the change of flow tells better.
        options.hydraulic.flowchange = min(options.hydraulic.flowchange or 1e-4, 1e-4)


def _agree(model: Any, results: Any) -> None:
    """Refuse a pressure-driven answer whose demands are not those of its pressures.

    Raises:
        ValueError: they disagree, which EPANET itself does not notice.
    """
    import wntr  # noqa: PLC0415

    hydraulic = model.options.hydraulic
    if hydraulic.demand_model not in {"PDA", "PDD"}:
        return
    full = wntr.metrics.expected_demand(model)
    times = full.index.intersection(results.node["demand"].index)
    full = full.loc[times]
    low, high = hydraulic.minimum_pressure, hydraulic.required_pressure
    pressure = results.node["pressure"].loc[times, full.columns]
    share = ((pressure - low) / (high - low)).clip(0.0, 1.0) ** hydraulic.pressure_exponent
    law = full.where(full <= 0, full * share)
    off = float((results.node["demand"].loc[times, full.columns] - law).abs().max().max())
    if off > max(0.01 * float(full.max().max()), 0.01 / HOUR):
        raise ValueError(
            f"did not converge: demands and pressures disagree by {off * HOUR:.3f} m3/h"
        )


def _keep(path: Path, results: Any) -> None:
    node, link = results.node, results.link
    np.savez(
        path,
        times=np.asarray(node["pressure"].index, np.float64),
        nodes=np.array(node["pressure"].columns, str),
        links=np.array(link["flowrate"].columns, str),
        pressure=node["pressure"].to_numpy(np.float64),
        demand=node["demand"].to_numpy(np.float64) * HOUR,
        flow=link["flowrate"].to_numpy(np.float64) * HOUR,
        velocity=link["velocity"].to_numpy(np.float64),
    )


def _warnings(report: Path) -> list[str]:
    """The lines in which EPANET warns, each once."""
    lines = report.read_text("utf-8", errors="replace").splitlines() if report.exists() else []
    return list(dict.fromkeys(
        line.strip() for line in lines if line.strip().startswith("WARNING")
    ))[:50]  # fmt: skip


def _described(model: Any) -> dict[str, Any]:
    """Nodes and links of a model, SI units; coordinates as they stand there."""
    nodes = [
        {
            "no": name, "kind": node.node_type.lower(), "at": list(map(float, node.coordinates)),
            "level": float(node.base_head if node.node_type == "Reservoir" else node.elevation),
            "demand": float(sum(d.base_value for d in node.demand_timeseries_list)) * HOUR
            if node.node_type == "Junction" else 0.0,
        }
        for name, node in model.nodes()
    ]  # fmt: skip
    links = [
        {
            "no": name, "kind": link.link_type.lower(), "from": link.start_node_name,
            "to": link.end_node_name, "length": float(getattr(link, "length", 0.0) or 0.0),
            "diameter": float(getattr(link, "diameter", 0.0) or 0.0) * 1000,
            "closed": str(link.initial_status).lower().endswith("closed"),
            "way": [list(map(float, at)) for at in (link.vertices or [])],
        }
        for name, link in model.links()
    ]  # fmt: skip
    return {"nodes": nodes, "links": links, "units": model.options.hydraulic.inpfile_units}


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]))
