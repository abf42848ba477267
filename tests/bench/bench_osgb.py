"""Speed of OSGB to 3D Tiles on real tiles, one core: ``python -m tests.bench.bench_osgb``.

CPU time of this process with writing, best and median of several rounds. The first row reads; the
second converts as a tile of 100 m is; the next two place vertices along a curve and one by one, as
wider tiles need it; the last looks at the result.
"""

from __future__ import annotations

import argparse
import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from unittest.mock import patch

from cim.city import Bounds, City
from cim.geo.crs import resolve
from cim.geo.heights import ConstantGeoid
from cim.ingest.source import Built, Request
from cim.ingest.sources.osgb import OsgbSource
from cim.ingest.sources.osgb.scene import read_scene

SHARED = Path(__file__).resolve().parents[2] / ".." / "shared" / "data"
PLACE = "cim.ingest.sources.osgb.place"


def measure(rounds: int, work: Callable[[], object]) -> list[float]:
    """CPU seconds of each round, after one to warm up."""
    work()
    spent = []
    for _ in range(rounds):
        start = time.process_time()
        work()
        spent.append(time.process_time() - start)
    return spent


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument(
        "path", nargs="?", type=Path, default=SHARED / "osgb" / "production_5_two_tiles"
    )
    options = parser.parse_args()
    files = sorted(options.path.rglob("*.osgb"))
    megabytes = sum(f.stat().st_size for f in files) / 1e6
    source = OsgbSource()
    world = Bounds(-180, -90, 180, 90)
    asked = Request(
        paths=(options.path,),
        layer_id="demo.mesh",
        layer=None,
        city=City(
            name="",
            name_en="",
            bounds=world,
            compute_crs=resolve("EPSG:4547").crs,
            geoid=ConstantGeoid(-8.0),
        ),
    )
    plan = source.plan(asked)
    print(f"{len(files)} files, {megabytes:.1f} MB, one core")  # noqa: T201
    print(f"{'':22}{'MB/s best':>10}{'median':>10}{'ms/file':>10}")  # noqa: T201
    with tempfile.TemporaryDirectory() as folder:
        staging = Path(folder)

        def build() -> list[Built]:
            return [source.build(parcel, plan, asked, staging) for parcel in plan.parcels]

        def row(name: str, work: Callable[[], object]) -> None:
            spent = measure(options.rounds, work)
            best, middle = min(spent), statistics.median(spent)
            print(  # noqa: T201
                f"{name:22}{megabytes / best:10.0f}{megabytes / middle:10.0f}"
                f"{1000 * middle / len(files):10.2f}"
            )

        row("read", lambda: [read_scene(f) for f in files])
        row("convert, affine", build)
        with patch(f"{PLACE}.AFFINE_LIMIT", -1.0):
            row("convert, curved", build)
            with patch(f"{PLACE}.CURVE_LIMIT", -1.0):
                row("convert, one by one", build)
        product = source.finish(plan, build(), asked, staging)
        row("check", lambda: source.check(product, asked, staging))


if __name__ == "__main__":
    main()
