"""OSGB on one process and on two: ``python -m tests.bench.bench_scaling``.

Converts many copies of the real tiles through the crew that `cim ingest` uses, once in this
process and once in a pool of two. Wall time from the first finished part to the last, so that what
starting a process costs, once a run, is not in the rate; it is printed beside. Input is in the file
cache, output is written.
"""

from __future__ import annotations

import argparse
import shutil
import tempfile
import time
from pathlib import Path

from cim.city import Bounds, City
from cim.geo.crs import resolve
from cim.geo.heights import ConstantGeoid
from cim.ingest.crew import Alone, Crew, Job, Pool
from cim.ingest.source import Built, Request
from cim.ingest.sources.osgb import OsgbSource
from tests.bench.bench_osgb import SHARED


def copies(folder: Path, out: Path, count: int) -> Path:
    """A delivery with every tile folder under many names."""
    shutil.copy(folder / "metadata.xml", out / "metadata.xml")
    for tile in sorted((folder / "Data").iterdir()):
        for number in range(count):
            name = f"{tile.name}_{number:03d}"
            target = out / "Data" / name
            target.mkdir(parents=True)
            for file in tile.iterdir():
                renamed = name + file.suffix if file.stem == tile.name else file.name
                shutil.copy(file, target / renamed)
    return out


def rate(crew: Crew, job: Job) -> tuple[float, float]:
    """MB/s between the first part and the last, and seconds until the first."""
    began = time.monotonic()
    times, sizes = [], []
    for parcel, outcome in crew.outcomes(job, [(p, "") for p in job.plan.parcels]):
        if not isinstance(outcome, Built):
            raise SystemExit(outcome.reason)
        times.append(time.monotonic())
        sizes.append(parcel.bytes)
    return sum(sizes[1:]) / 1e6 / (times[-1] - times[0]), times[0] - began


def main() -> None:
    """Print the two rates and their ratio."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--copies", type=int, default=60)
    parser.add_argument("--rounds", type=int, default=3)
    asked = parser.parse_args()
    source = OsgbSource()
    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder)
        survey = place / "survey"
        survey.mkdir()
        copies(SHARED / "osgb" / "production_5_two_tiles", survey, asked.copies)
        request = Request(
            paths=(survey,),
            layer_id="demo.mesh",
            layer=None,
            city=City(
                name="",
                name_en="",
                bounds=Bounds(-180, -90, 180, 90),
                compute_crs=resolve("EPSG:4547").crs,
                geoid=ConstantGeoid(-8.0),
            ),
        )
        plan = source.plan(request)
        total = sum(p.bytes for p in plan.parcels) / 1e6
        print(f"{len(plan.parcels)} tile folders, {total:.0f} MB")  # noqa: T201
        best: dict[int, float] = {}
        for number in range(asked.rounds):
            for workers, crew in ((1, Alone()), (2, Pool(2))):
                staging = place / f"out-{number}-{workers}"
                staging.mkdir()
                speed, first = rate(crew, Job(source, plan, request, staging))
                best[workers] = max(best.get(workers, 0.0), speed)
                print(f"{workers} process(es): {speed:6.0f} MB/s, first part after {first:.1f} s")  # noqa: T201
                shutil.rmtree(staging)
        print(f"best of {asked.rounds}: two are {best[2] / best[1]:.2f} times as fast as one")  # noqa: T201


if __name__ == "__main__":
    main()
