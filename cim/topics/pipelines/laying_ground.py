"""The ground along pipes: the elevation model's, led to what was surveyed at their ends."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from cim.topics.pipelines.analysis.cover import ground_along
from cim.topics.pipelines.laying import Bedded
from cim.topics.pipelines.laying_terrain import ground_at

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]


def ground_of(pipes: Bedded, at: Floats, pipe: Ints, where: Floats) -> Floats:
    """(k,) the ground above places along pipes, m (1985); NaN where nobody knows.

    Args:
        pipes: The pipes.
        at: (k, 3) places in the compute CRS.
        pipe: (k,) whose they are.
        where: (k,) distance along the pipe, m.
    """
    share = where / np.where(pipes.laid.length > 0, pipes.laid.length, 1.0)[pipe]
    ends = np.full((len(pipes.laid), 2), np.nan)
    legs = [pipes.laid.legs_of(i) for i in range(len(pipes.laid))]
    some = [i for i, leg in enumerate(legs) if leg.stop > leg.start]
    for end, places in ((0, [pipes.laid.a[legs[i].start] for i in some]),
                        (1, [pipes.laid.b[legs[i].stop - 1] for i in some])):  # fmt: skip
        ends[some, end] = ground_at(pipes.terrain, pipes.crs, np.array(places).reshape(-1, 3))
    return ground_along(
        ground_at(pipes.terrain, pipes.crs, at), pipes.grounds[pipe], ends[pipe], share
    )
