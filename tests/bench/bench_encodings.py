"""Size and cost of every encoding of glb on real tiles: ``python -m tests.bench.bench_encodings``.

CPU time of this process for encoding and writing alone, of files read before; best of the rounds.
Beside ours, gltfpack where it is installed: it reads our plain files.
"""

from __future__ import annotations

import argparse
import resource
import shutil
import subprocess
import tempfile
import time
from collections.abc import Callable
from itertools import product
from pathlib import Path
from typing import Any

from cim.city import Bounds, City
from cim.geo.crs import resolve
from cim.geo.heights import ConstantGeoid
from cim.ingest.source import Request
from cim.ingest.sources.osgb import OsgbSource
from cim.tiles import glb, gltf_check

SHARED = Path(__file__).resolve().parents[2] / ".." / "shared" / "data"
GEOMETRIES, TEXTURES = ("float32", "quantized", "meshopt"), ("keep", "jpeg", "webp")


def plain(source: Path, staging: Path) -> list[Path]:
    """The delivery as plain glb files."""
    asked = Request(
        paths=(source,),
        layer_id="demo.mesh",
        layer=None,
        options={"top": False},  # every file of the delivery, the coarsest too
        city=City(
            name="",
            name_en="",
            bounds=Bounds(-180, -90, 180, 90),
            compute_crs=resolve("EPSG:4547").crs,
            geoid=ConstantGeoid(-8.0),
        ),
    )
    reader = OsgbSource()
    plan = reader.plan(asked)
    for parcel in plan.parcels:
        reader.build(parcel, plan, asked, staging)
    return sorted(staging.rglob("*.glb"))


def seconds(work: Callable[[], object], rounds: int, who: int) -> float:
    """The least CPU time of a few rounds: ours, or that of programs we call."""
    spent = []
    for _ in range(rounds):
        start = resource.getrusage(who)
        work()
        end = resource.getrusage(who)
        spent.append(end.ru_utime + end.ru_stime - start.ru_utime - start.ru_stime)
    return min(spent)


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument(
        "path", nargs="?", type=Path, default=SHARED / "osgb" / "production_5_two_tiles"
    )
    options = parser.parse_args()
    megabytes = sum(f.stat().st_size for f in options.path.rglob("*.osgb")) / 1e6
    with tempfile.TemporaryDirectory() as folder:
        files = plain(options.path, Path(folder))
        models = [glb.read(f).primitives for f in files]
        out = Path(folder) / "out.glb"
        print(f"{len(files)} files, {megabytes:.1f} MB of OSGB, one core")  # noqa: T201
        print(f"{'':20}{'MB':>8}{'%':>6}{'ms/file':>10}{'MB/s':>8}")  # noqa: T201

        def row(name: str, size: float, spent: float) -> None:
            print(  # noqa: T201
                f"{name:20}{size / 1e6:8.2f}{size / megabytes / 1e4:6.0f}"
                f"{1000 * spent / len(files):10.2f}{megabytes / spent:8.0f}"
            )

        for geometry, texture in product(GEOMETRIES, TEXTURES):
            encoding = glb.Encoding(geometry, texture)  # type: ignore[arg-type]
            sizes: list[int] = []

            def write(encoding: Any = encoding, sizes: Any = sizes) -> None:
                sizes[:] = [glb.write(out, m, encoding=encoding) for m in models]

            spent = seconds(write, options.rounds, resource.RUSAGE_SELF)
            row(f"{geometry} + {texture}", sum(sizes), spent)
            faults = gltf_check.look(out).errors
            assert faults == [], faults
        program = shutil.which("gltfpack")
        if program is not None:
            totals: list[int] = []

            def pack() -> None:
                totals.clear()
                for file in files:
                    subprocess.run(
                        [program, "-cc", "-i", file, "-o", out], check=True, capture_output=True
                    )
                    totals.append(out.stat().st_size)

            spent = seconds(pack, 1, resource.RUSAGE_CHILDREN)
            row("gltfpack -cc", sum(totals), spent)


if __name__ == "__main__":
    start = time.perf_counter()
    main()
    print(f"{time.perf_counter() - start:.0f} s")  # noqa: T201
