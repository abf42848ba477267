"""Imagery beside rio-tiler and GDAL's own COG driver: ``python -m tests.bench.bench_imagery``.

CPU seconds of the process and its children, writing included, on a noisy picture of 4096² in
EPSG:4545. Tiles come from one COG, ours: copied where blocks are tiles, by rio-tiler always decoded
and encoded anew. Building, ours checks what it wrote; GDAL's driver does not.
"""

from __future__ import annotations

import resource
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
from rio_tiler.io import Reader
from scipy.ndimage import gaussian_filter

from cim.city import Bounds, City
from cim.geo.crs import resolve
from cim.ingest.source import Request
from cim.ingest.sources.ortho.source import OrthoSource
from cim.tiles import imagery
from cim.tiles.imagery.cog import opened
from tests.delivered import raster
from tests.outside import run

SIDE = 4096
CELL = 0.5


def spent(work: Callable[[], object]) -> tuple[float, float]:
    """CPU and wall seconds, children's included."""

    def cpu() -> float:
        both = [resource.getrusage(w) for w in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
        return sum(u.ru_utime + u.ru_stime for u in both)

    before, start = cpu(), time.perf_counter()
    work()
    return cpu() - before, time.perf_counter() - start


def delivery(folder: Path) -> Path:
    """Fields of colour under a sensor's noise: it compresses as an orthophoto does."""
    random = np.random.default_rng(3)
    noise = random.normal(0, 9, (3, SIDE, SIDE)).astype(np.float32)
    fields = gaussian_filter(random.normal(0, 1, (SIDE // 16, SIDE // 16)), 3).repeat(16, 0)
    ground = 120 + 400 * fields.repeat(16, 1)
    pixels = (ground + noise).clip(1, 254).astype(np.uint8)
    return raster(folder / "dom.tif", pixels, cell=CELL, tiled=True, blockxsize=512, blockysize=512)


def build(path: Path, folder: Path) -> Path:
    """Our COG, from plan to check."""
    city = City(
        name="", name_en="", bounds=Bounds(106, 35, 107, 36), compute_crs=resolve("EPSG:4545").crs
    )
    request = Request(paths=(path,), layer_id="bench.ortho", layer=None, city=city)
    source = OrthoSource()
    plan = source.plan(request)
    built = [source.build(parcel, plan, request, folder) for parcel in plan.parcels]
    more = source.further(plan, built, request, folder)
    built += [source.build(parcel, plan, request, folder) for parcel in more]
    product = source.finish(plan, built, request, folder)
    faults = source.check(product, request, folder)[0].errors
    if faults:
        raise SystemExit(faults[0])
    return folder / str(product.media["cog"])


def row(name: str, theirs: float, ours: float, unit: str) -> None:
    """One line of the table."""
    print(f"{name:34}{theirs:10.2f}{ours:10.2f}{theirs / ours:9.2f}  {unit}")  # noqa: T201


def tiles(cog: Path) -> None:
    """Every full tile of the finest level, ours and rio-tiler's."""
    info = opened(cog)
    level = info.levels[info.maxzoom]
    places = [
        (info.maxzoom, level.left + c, level.top + r)
        for r in range(level.rows)
        for c in range(level.columns)
    ]
    full = [p for p in places if info.copied(level, p[1], p[2]) is not None]
    ours, _ = spent(lambda: [imagery.tile(cog, place, "jpg") for place in full])
    drawn, _ = spent(lambda: [imagery.tile(cog, place, "png") for place in full[:60]])

    def theirs(suffix: str, some: list[tuple[int, int, int]]) -> None:
        for z, x, y in some:
            with Reader(str(cog)) as reader:
                reader.tile(x, y, z).render(img_format=suffix)

    theirs("JPEG", full[:3])
    copied, _ = spent(lambda: theirs("JPEG", full))
    encoded, _ = spent(lambda: theirs("PNG", full[:60]))
    row(f"{len(full)} full tiles, JPEG", 1000 * copied / len(full), 1000 * ours / len(full), "ms")
    row("60 of them rendered, PNG", 1000 * encoded / 60, 1000 * drawn / 60, "ms")


def main() -> None:
    """Print the table."""
    print(f"{'':34}{'theirs':>10}{'ours':>10}{'t / o':>9}")  # noqa: T201
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        path = delivery(folder)

        def gdal() -> None:
            run("gdalwarp", "-q", "-of", "COG", "-r", "bilinear", "-co", "COMPRESS=JPEG",
                "-co", "QUALITY=85", "-co", "TILING_SCHEME=GoogleMapsCompatible",
                "-co", "NUM_THREADS=ALL_CPUS", "-co", "ADD_ALPHA=YES", path,
                folder / "gdal.tif")  # fmt: skip

        theirs, ours = spent(gdal), spent(lambda: build(path, folder))
        cog = folder / "ortho.tif"
        row(f"COG of {SIDE}², CPU", theirs[0], ours[0], "s")
        row(f"COG of {SIDE}², wall", theirs[1], ours[1], "s")
        row("size", (folder / "gdal.tif").stat().st_size / 1e6, cog.stat().st_size / 1e6, "MB")
        tiles(cog)


if __name__ == "__main__":
    main()
