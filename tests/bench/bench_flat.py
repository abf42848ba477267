"""A large model, start to end: ``python -m tests.bench.bench_flat [MB] [WORKERS]``.

Writes an OBJ of uneven ground with houses and one photograph, takes it in with the pipeline's own
crew, and prints for each stage: seconds, MB of OBJ a second, and the peak memory of any worker.
Peers, quoted: Obj2Tiles needed 120 GB of RAM and swap for an OBJ of 470 MB (its issue #34).
"""

from __future__ import annotations

import argparse
import multiprocessing
import tempfile
import time
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

import numpy as np
from PIL import Image

from cim.city import Bounds, City
from cim.geo.crs import resolve
from cim.geo.heights import ConstantGeoid
from cim.ingest.marks import begin
from cim.ingest.source import Built, Parcel, Plan, Request
from cim.ingest.sources.flat import FlatSource

BYTES_A_VERTEX = 125  # of v, vt and two faces
TEXTURE = 8192


def write(folder: Path, megabytes: float) -> Path:
    """An OBJ of about so many MB, two triangles of 0.2 m a vertex."""
    steps = int(np.sqrt(megabytes * 1e6 / BYTES_A_VERTEX))
    random = np.random.default_rng(1)
    side = steps * 0.2
    y, x = np.mgrid[0:TEXTURE, 0:TEXTURE].astype(np.float32)
    noise = random.integers(0, 60, (TEXTURE, TEXTURE), np.uint8)
    pixels = np.stack([x / 40 + noise, y / 40 + noise, 90 + noise], -1).astype(np.uint8)
    Image.fromarray(pixels).save(folder / "photo.jpg", quality=85)
    (folder / "m.mtl").write_text("newmtl one\nmap_Kd photo.jpg\n")
    line = np.linspace(0, side, steps + 1)
    path = folder / "big.obj"
    with path.open("w") as file:
        file.write("mtllib m.mtl\n")
        for y_ in line:
            z = 6 * np.sin(line / 31) + 5 * np.cos(y_ / 23) + random.uniform(0, 0.15, steps + 1)
            z += 12.0 * ((line % 40 < 15) & (y_ % 40 < 15))
            rows = np.column_stack([line, np.full(steps + 1, y_), z])
            np.savetxt(file, rows, "v %.4f %.4f %.4f")
        for y_ in line / side:
            np.savetxt(file, np.column_stack([line / side, np.full(steps + 1, y_)]), "vt %.6f %.6f")
        file.write("usemtl one\n")
        for row in range(steps):
            a = np.arange(steps) + row * (steps + 1) + 1
            b, c, d = a + 1, a + steps + 2, a + steps + 1
            corners = np.stack([a, b, c, a, c, d], 1).reshape(-1, 3)
            np.savetxt(file, np.repeat(corners, 2, axis=1), "f %d/%d %d/%d %d/%d")
    return path


def work(parcel: Parcel, plan: Plan, request: Request, staging: Path) -> tuple[Built, int]:
    """Build one part; it, and the most memory that this process ever had, kB.

    Counts pages of mapped files too, which the system takes back when it needs them. The figure of
    getrusage would not do: it is inherited from the parent.
    """
    begin(staging, parcel)
    built = FlatSource().build(parcel, plan, request, staging)
    status = Path("/proc/self/status").read_text()
    peak = next(line for line in status.splitlines() if line.startswith("VmHWM"))
    return built, int(peak.split()[1])


def main() -> None:
    """Write, take in, print."""
    parser = argparse.ArgumentParser()
    parser.add_argument("megabytes", type=float, nargs="?", default=300.0)
    parser.add_argument("workers", type=int, nargs="?", default=2)
    parser.add_argument("--folder", type=Path)
    given = parser.parse_args()
    with tempfile.TemporaryDirectory(dir=given.folder) as name:
        folder = Path(name)
        path = write(folder, given.megabytes)
        size = path.stat().st_size / 1e6
        print(f"{path.name}: {size:.0f} MB, texture {TEXTURE} × {TEXTURE}")  # noqa: T201
        bounds = Bounds(106.5, 35.1, 106.82, 35.34)
        city = City(
            name="x", name_en="x", bounds=bounds, compute_crs=resolve("EPSG:4545").crs,
            geoid=ConstantGeoid(-36.0),
        )  # fmt: skip
        request = Request(
            paths=(path,), layer_id="my.mesh", layer=None, city=city, crs="EPSG:4545",
            origin=(377_000.0, 3_899_000.0, 1_400.0), options={"geometry": "meshopt"},
        )  # fmt: skip
        run(request, folder / "staging", size, given.workers)


def run(request: Request, staging: Path, size: float, workers: int) -> None:
    """Take it in, stage by stage."""
    source = FlatSource()
    staging.mkdir()
    plan = source.plan(request)
    built: list[Built] = []
    parcels = plan.parcels
    start = time.perf_counter()
    context = multiprocessing.get_context("spawn")
    stage = "read"
    while parcels:
        begun = time.perf_counter()
        with ProcessPoolExecutor(min(workers, len(parcels)), context) as pool:
            jobs = [pool.submit(work, p, plan, request, staging) for p in parcels]
            done = [job.result() for job in jobs]
        built += [b for b, _ in done]
        seconds = time.perf_counter() - begun
        peak = max(kilobytes for _, kilobytes in done) / 1024
        print(  # noqa: T201
            f"{stage}: {len(parcels)} parts, {seconds:.1f} s, {size / seconds:.1f} MB/s, "
            f"peak {peak:.0f} MB a worker"
        )
        known = {b.parcel for b in built}
        parcels = tuple(
            p for p in source.further(plan, built, request, staging) if p.id not in known
        )
        stage = "tiles" if stage == "read" else "coarser"
    product = source.finish(plan, built, request, staging)
    seconds = time.perf_counter() - start
    kept, given = product.media["area_kept_m2"], product.media["area_m2"]
    tiles = list(staging.rglob("*.glb"))
    disk = sum(p.stat().st_size for p in (staging / "work").rglob("*") if p.is_file())
    print(  # noqa: T201
        f"all: {seconds:.1f} s, {size / seconds:.2f} MB/s, {len(tiles)} tiles, "
        f"{sum(t.stat().st_size for t in tiles) / 1e6:.1f} MB, working files {disk / 1e6:.0f} MB, "
        f"area off by {abs(kept - given) / given:.1e}"
    )


if __name__ == "__main__":
    main()
