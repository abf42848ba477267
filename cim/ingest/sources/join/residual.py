"""How far a mesh's ground and the elevation model lie apart, and whether they may be joined."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from cim.errors import CheckError
from cim.ingest.sources.join.border import sector
from cim.ingest.sources.join.options import JoinOptions

Floats = npt.NDArray[np.float64]


def told(residual: Floats) -> dict[str, Any]:
    """Figures of (n, 2) differences, m, and directions, degrees; by direction too.

    Raises:
        CheckError: there are none: the mesh shows no ground along its border.
    """
    if not len(residual):
        raise CheckError(
            "the mesh shows no ground along its border",
            remedy="check that it is the survey's mesh, and not models of single buildings",
        )
    values, angles = residual.T
    names = np.array([sector(a) for a in range(0, 360, 45)])
    which = names[np.floor((angles + 22.5) / 45).astype(int) % 8]
    return {
        "all": _figures(values),
        "by_direction": {
            name: _figures(values[which == name])
            for name in names.tolist()
            if (which == name).any()
        },
    }


def _figures(values: Floats) -> dict[str, float]:
    away = np.abs(values)
    found = {
        "n": float(len(values)),
        "mean_m": values.mean(),
        "median_m": np.median(values),
        "rms_m": np.sqrt(np.mean(values**2)),
        "p95_m": np.percentile(away, 95),
        "max_m": away.max(),
    }
    return {name: round(float(value), 3) for name, value in found.items()}


def judge(facts: Mapping[str, Any], options: JoinOptions, mesh: str) -> str | None:
    """What is to be said of an offset that was accepted; None where there is none.

    Raises:
        CheckError: mesh and model lie farther apart than the tolerance.
    """
    median = float(facts["all"]["median_m"])
    if abs(median) <= options.tolerance:
        return None
    side = "above" if median > 0 else "below"
    reason = (
        f"the ground of {mesh} lies {abs(median):.1f} m {side} the elevation model along its border"
        f" (median; {options.tolerance:g} m are allowed)"
    )
    if options.accept_offset:
        return reason
    raise CheckError(
        reason,
        remedy="heights of the two are measured from different levels, or in different units: "
        "ingest the mesh again with --heights ellipsoidal (or the model with another --crs), "
        "look at the city's geoid; -o accept_offset=true joins them all the same",
    )
