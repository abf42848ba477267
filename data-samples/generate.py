"""Make the sample city's deliveries: ``python data-samples/generate.py --out DIR``."""

from __future__ import annotations

import argparse
import os
import sys
import time
from collections.abc import Callable
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent))

from sample_city import cloud, oblique, raster, survey, vector
from sample_city.frame import bounds
from sample_city.scene import Scene

HERE = Path(__file__).resolve().parent
PRODUCTS = (
    "oblique", "ortho", "ortho_2021", "satellite", "dem", "vector", "points", "survey",
)  # fmt: skip
SCALES = """\
--scale N makes each product N times as wide and as high, up to the whole county (1180 km2):
    N    oblique               orthophoto                       satellite and DEM
    1    5 x 5 tiles, 9 MB     4.0 x 3.1 kpx, 2 MB              12.6 x 12.6 km, 2 MB
    3    15 x 15 tiles         11.9 x 9.2 kpx                   34.4 x 34.4 km, 10 MB
   10    50 x 50 tiles, 0.4 GB 40 x 31 kpx, 1.2 Gpx             the same
   23    115 x 115, 2 GB       68.7 x 68.7 kpx, 4.7 Gpx         the same
   53    265 x 265, 10 GB      the same                         the same
A tile is 0.45 MB in the town and 0.14 MB outside. On two cores that others used too, the sample
took: oblique 40 s, orthophotos 100 s, satellite 90 s, DEM, vectors and points 15 s. The orthophoto
of 2021 covers what the other does with a tenth of its pixels. The point cloud is the same at every
scale: 320 x 320 m in the middle.
The core of the city is the same at every scale; a city.toml with fitting bounds is written beside.
"""


def main() -> int:
    """Read the command line, write the products, say what was written."""
    parser = argparse.ArgumentParser(
        description=__doc__, epilog=SCALES, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--out", type=Path, default=HERE / "huating", help="folder to write to")
    parser.add_argument("--scale", type=int, default=1, help="how many times wider (default 1)")
    parser.add_argument("--products", default=",".join(PRODUCTS), help="some of: %(default)s")
    parser.add_argument("--seed", type=int, default=2026, help="of everything random")
    parser.add_argument(
        "--workers", type=int, default=os.cpu_count() or 1, help="processes (default %(default)s)"
    )
    arguments = parser.parse_args()
    wanted = arguments.products.split(",")
    if min(arguments.scale, arguments.workers) < 1 or not set(wanted) <= set(PRODUCTS):
        parser.error(f"--scale, --workers are 1 or more, --products are {', '.join(PRODUCTS)}")
    scene = Scene(arguments.scale, arguments.seed)
    out: Path = arguments.out
    workers: int = arguments.workers
    makers: dict[str, Callable[[], object]] = {
        "oblique": lambda: oblique.deliver(scene, out / "oblique", workers),
        "ortho": lambda: raster.ortho(scene, out / "ortho", workers=workers),
        "ortho_2021": lambda: raster.earlier(scene, out / "ortho_2021", workers=workers),
        "satellite": lambda: raster.space(scene, out / "satellite", workers=workers),
        "dem": lambda: raster.dem(out / "dem", scene.scale),
        "vector": lambda: vector.deliver(scene, out / "vector"),
        "survey": lambda: survey.deliver(out / "survey"),
        "points": lambda: cloud.deliver(scene, out / "points"),
    }
    for product in wanted:
        start = time.monotonic()
        makers[product]()
        size = sum(f.stat().st_size for f in (out / product).rglob("*") if f.is_file())
        print(f"{product}: {size / 1e6:.1f} MB in {time.monotonic() - start:.0f} s", flush=True)
    if out.resolve() != (HERE / "huating"):
        _profile(out / "city.toml", arguments.scale)
    return 0


def _profile(path: Path, scale: int) -> None:
    """Write the city's profile with bounds around all that this scale writes."""
    west, south, east, north = bounds(scale)
    lines = (HERE / "city.toml").read_text(encoding="utf-8").splitlines()
    bounded = f"bounds = [{west:.2f}, {south:.2f}, {east:.2f}, {north:.2f}]"
    text = [bounded if line.startswith("bounds") else line for line in lines]
    path.write_text("\n".join(text) + "\n", encoding="utf-8")


if __name__ == "__main__":
    sys.exit(main())
