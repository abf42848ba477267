"""What the questions of laying say of themselves: what records lack, where answers come from."""

from __future__ import annotations

from typing import Any

import numpy as np

from cim.evidence import ground_source, input_of
from cim.geo.laid import FAULTS
from cim.topic import Context, Figure, Table, Verdict
from cim.topics.pipelines.laying import KINDS, Bedded, OnPipes
from cim.walls import WALLS

MOST_ROWS = 1000


def fault_figures(pipes: Bedded) -> tuple[Figure, ...]:
    """How many segments lack what, each UNKNOWN."""
    figures = []
    for key, (zh, en) in FAULTS.items():
        count = int(pipes.laid.faults[key].sum())
        if count:
            figures.append(Figure(key=key, title=f"管段：{zh}", title_en=f"Segments: {en}",
                                  value=count, unit="1", verdict=Verdict.UNKNOWN,
                                  evidence=pipes.source))  # fmt: skip
    return tuple(figures)


def fault_tables(pipes: Bedded) -> tuple[Table, ...]:
    """The segments themselves; none where there is nothing."""
    found: list[dict[str, Any]] = []
    for key, words in FAULTS.items():
        for i in np.flatnonzero(pipes.laid.faults[key])[:MOST_ROWS].tolist():
            legs = pipes.laid.legs_of(i)
            row = {"no": pipes.names[i], "kind": " ".join(KINDS[str(pipes.kind[i])]),
                   "fault": " ".join(words)}  # fmt: skip
            if legs.stop > legs.start:
                row["place"] = pipes.lonlat(pipes.laid.a[legs.start : legs.start + 1])[0]
            found.append(row)
    if not found:
        return ()
    return (Table(
        title="资料缺项", title_en="What the records lack",
        columns=(("no", "管段", "Segment", ""), ("kind", "管类", "Network", ""),
                 ("fault", "问题", "Fault", "")),
        rows=found[:MOST_ROWS],
    ),)  # fmt: skip


def provenance(
    pipes: Bedded, asked: OnPipes, context: Context, applicability: str, **more: Any
) -> dict[str, Any]:
    """Where an answer comes from."""
    inputs = [input_of(r.version, parameter=kind) for kind, r in pipes.rows.items()]
    inputs += [input_of(p.version, gives="ground") for p in pipes.points]
    if pipes.terrain is not None:
        inputs.append(input_of(pipes.terrain.version, gives=ground_source(pipes.terrain)))
    return {
        "inputs": inputs,
        "missing_layers": [getattr(asked, k) for k in KINDS if k not in pipes.rows]
        + ([] if pipes.terrain is not None else [asked.terrain]),
        "crs": pipes.crs.to_string(),
        "plane_scale": pipes.scale,
        "height_datum": context.city.height_datum,
        "walls": " ".join(WALLS[asked.walls]),
        "segments": len(pipes.names),
        "segments_laid": int(pipes.laid.known.sum()),
        "applicability": applicability,
        **more,
    }
