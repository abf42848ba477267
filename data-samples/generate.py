"""Make the sample city's deliveries: ``python data-samples/generate.py --out DIR``."""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Callable
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent))

from sample_city import oblique, raster, vector
from sample_city.scene import Scene

HERE = Path(__file__).resolve().parent
PRODUCTS = ("oblique", "ortho", "dem", "vector")
SCALES = """\
--scale N makes each product N times as wide and as high, as far as the city's bounds allow:
    N    oblique                ortho                     DEM
    1    5 x 5 tiles, 7 MB      4.0 x 3.1 kpx, 3 MB       12.6 x 12.6 km
    4    20 x 20 tiles, 80 MB   16 x 12 kpx, 50 MB        28.7 x 26.2 km (all 750 km2 of bounds)
   16    80 x 30 tiles, 0.4 GB  57 x 49 kpx, 0.7 GB       the same
   20    100 x 30 tiles         57 x 52 kpx (3 Gpx)       the same
The core of the city is the same at every scale.
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
    arguments = parser.parse_args()
    wanted = arguments.products.split(",")
    if arguments.scale < 1 or not set(wanted) <= set(PRODUCTS):
        parser.error(f"--scale is at least 1, --products are {', '.join(PRODUCTS)}")
    scene = Scene(arguments.scale, arguments.seed)
    out: Path = arguments.out
    makers: dict[str, Callable[[], object]] = {
        "oblique": lambda: oblique.deliver(scene, out / "oblique"),
        "ortho": lambda: raster.ortho(scene, out / "ortho"),
        "dem": lambda: raster.dem(out / "dem", scene.scale),
        "vector": lambda: vector.deliver(scene, out / "vector"),
    }
    for product in wanted:
        start = time.monotonic()
        makers[product]()
        size = sum(f.stat().st_size for f in (out / product).rglob("*") if f.is_file())
        print(f"{product}: {size / 1e6:.1f} MB in {time.monotonic() - start:.0f} s", flush=True)
    if out.resolve() != (HERE / "huating"):
        (out / "city.toml").write_bytes((HERE / "city.toml").read_bytes())
    return 0


if __name__ == "__main__":
    sys.exit(main())
