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
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

import numpy as np
from rio_tiler.io import Reader
from scipy.ndimage import gaussian_filter

from cim.city import Bounds, City
from cim.geo.crs import resolve, transformer
from cim.ingest.source import Request
from cim.ingest.sources.ortho.source import OrthoSource
from cim.tiles import imagery
from cim.tiles.imagery.cog import opened
from cim.tiles.imagery.matrix import CGCS2000, GOOGLE
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


def build(path: Path, folder: Path, archive: str = "none") -> Path:
    """Our COG, from plan to check, a process for each core as GDAL has its threads."""
    city = City(
        name="", name_en="", bounds=Bounds(106, 35, 107, 36), compute_crs=resolve("EPSG:4545").crs
    )
    request = Request(
        paths=(path,), layer_id="bench.ortho", layer=None, city=city, options={"archive": archive}
    )
    source = OrthoSource()
    plan = source.plan(request)
    built = [source.build(parcel, plan, request, folder) for parcel in plan.parcels]
    more = source.further(plan, built, request, folder)
    count = len(more)
    with ProcessPoolExecutor() as crew:
        built += crew.map(source.build, more, [plan] * count, [request] * count, [folder] * count)
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
    degrees(cog, full[:60])


def degrees(cog: Path, places: list[tuple[int, int, int]]) -> None:
    """Tiles of the grid of CGCS2000 in degrees, near the full ones; rio-tiler's by their box."""
    boxes = []
    for z, x, y in places:
        west, south, east, north = GOOGLE.box(z, x, y)
        lon, lat = transformer(GOOGLE.crs, CGCS2000.crs).transform(
            (west + east) / 2, (south + north) / 2
        )
        column, _, row_, _ = CGCS2000.covering(z + 1, (lon, lat, lon, lat))
        boxes.append(CGCS2000.box(z + 1, column, row_))
    shape = (imagery.SIZE, imagery.SIZE)

    def theirs() -> None:
        for box in boxes:
            with Reader(str(cog)) as reader:
                reader.part(
                    box, dst_crs="EPSG:4326", bounds_crs="EPSG:4326", width=256, height=256,
                    resampling_method="bilinear", reproject_method="bilinear",
                ).render(img_format="JPEG")  # fmt: skip

    def ours() -> None:
        for box in boxes:
            imagery.encoded(*imagery.picture(cog, CGCS2000.crs, box, shape), "jpg")

    ours()
    drawn, _ = spent(ours)
    warped, _ = spent(theirs)
    row(f"{len(boxes)} tiles in degrees, JPEG", 1000 * warped / len(boxes),
        1000 * drawn / len(boxes), "ms")  # fmt: skip


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
        archived, _ = spent(lambda: build(path, folder, "jpeg"))
        row("the same and the archive, CPU", theirs[0], archived, "s")
        row("size", (folder / "gdal.tif").stat().st_size / 1e6, cog.stat().st_size / 1e6, "MB")
        tiles(cog)


if __name__ == "__main__":
    main()
