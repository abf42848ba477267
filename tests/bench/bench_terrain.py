"""Speed of a terrain pyramid, one core: ``python -m tests.bench.bench_terrain``.

CPU time with writing. The peer, cesium-terrain-builder (C++, -f Mesh), was measured at 520 tiles
a CPU second with seams of up to 60 mm and without a bound on heights; ours have neither.
"""

from __future__ import annotations

import tempfile
import time
from pathlib import Path

from cim.city import Bounds
from cim.geo.crs import lonlat_bounds
from cim.geo.heights import ConstantGeoid
from cim.tiles.terrain.pyramid import Model, write_pyramid
from tests.delivered import NORTH, WEST, ZONE, hills

PEER = 520.0
CELL = 15.0


def main() -> None:
    """Print the table."""
    side = 600
    box = (WEST, NORTH - side * CELL, WEST + side * CELL, NORTH)
    model = Model(
        heights=hills(side, side), crs=ZONE, west=WEST, north=NORTH, cell=(CELL, CELL),
        extent=Bounds(*lonlat_bounds(ZONE, box)), metres=CELL,
    )  # fmt: skip
    with tempfile.TemporaryDirectory() as folder:
        start = time.process_time()
        figures = write_pyramid(model, ConstantGeoid(-36.0), Path(folder), "1", lambda _: None)
        spent = time.process_time() - start
    rate = figures["tiles"] / spent
    print(f"{figures['tiles']} tiles, {spent:.1f} cpu-s: {rate:.0f} tiles/cpu-s, "  # noqa: T201
          f"{rate / PEER:.2f} of the peer's {PEER:.0f}")  # fmt: skip


if __name__ == "__main__":
    main()
