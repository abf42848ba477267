"""Speed of LAS to points in 3D Tiles, beside py3dtiles: ``python -m tests.bench.bench_points``.

CPU time of all processes, with writing; the same made file for both. Of py3dtiles the glb of 3D
Tiles 1.1 are taken, as ours are; the glTF validator finds errors in each of its files.
"""

from __future__ import annotations

import argparse
import resource
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

import laspy
import numpy as np
from pyproj import CRS

from cim.city import Bounds, City
from cim.geo.heights import ConstantGeoid
from cim.ingest.source import Request
from cim.ingest.sources.points import PointSource
from tests.delivered import ZONE

DENSITY = 8.0  # points a square metre
BLOCK = 1_000_000


def cloud(path: Path, count: int) -> Path:
    """An airborne cloud over waves of ground, one point in five in the trees, with colours."""
    random = np.random.default_rng(1)
    header = laspy.LasHeader(point_format=7, version="1.4")
    header.scales, header.offsets = np.full(3, 0.001), np.array([376_000.0, 3_898_000.0, 1_000.0])
    header.add_crs(CRS.from_epsg(4545))
    side = np.sqrt(count / DENSITY)
    with laspy.open(str(path), "w", header=header) as writer:
        for start in range(0, count, BLOCK):
            n = min(BLOCK, count - start)
            points = laspy.ScaleAwarePointRecord.zeros(n, header=header)
            x, y = random.uniform(0, side, (2, n))
            trees = (random.random(n) < 0.2) * random.uniform(0, 20, n)
            points["x"], points["y"] = 376_000.0 + x, 3_898_000.0 + y
            points["z"] = 1_400 + 10 * np.sin(x / 20) + random.uniform(0, 0.3, n) + trees
            points["intensity"] = random.integers(0, 60_000, n)
            points["classification"] = random.integers(1, 7, n)
            for name in ("red", "green", "blue"):
                points[name] = random.integers(0, 65_535, n)
            writer.write_points(points)
    return path


def spent(work: Callable[[], object]) -> float:
    """CPU seconds of this process and of those that it started."""

    def now() -> float:
        both = (resource.getrusage(w) for w in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
        return sum(u.ru_utime + u.ru_stime for u in both)

    start = now()
    work()
    return now() - start


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--count", type=int, default=2_000_000)
    options = parser.parse_args()
    city = City(
        name="", name_en="", bounds=Bounds(106.0, 34.5, 107.5, 36.0), compute_crs=ZONE,
        geoid=ConstantGeoid(-36.0),
    )  # fmt: skip
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        path = cloud(folder / "cloud.las", options.count)
        request = Request(paths=(path,), layer_id="base.point_cloud", layer=None, city=city)
        source = PointSource()
        plan = source.plan(request)
        ours = spent(lambda: source.build(plan.parcels[0], plan, request, folder / "ours"))
        _print("cim", options.count, ours)
        program = shutil.which("py3dtiles", path=str(Path(sys.executable).parent))
        if program is None:
            print("py3dtiles is not installed")  # noqa: T201
            return
        command = [program, "convert", str(path), "--out", str(folder / "peer"), "--srs_in", "4545",
                   "--srs_out", "4978", "--pyproj-always-xy", "--jobs", "1",
                   "--spec-version", "1.1"]  # fmt: skip
        theirs = spent(lambda: subprocess.run(command, check=True, capture_output=True))
        _print("py3dtiles", options.count, theirs)
        print(f"{theirs / ours:.1f} times as fast")  # noqa: T201


def _print(name: str, count: int, seconds: float) -> None:
    print(f"{name:12}{count / seconds:10,.0f} points/cpu-s")  # noqa: T201


if __name__ == "__main__":
    main()
