"""All benchmarks, one after the other: ``python -m tests.bench``."""

import sys

from tests.bench import (
    bench_buildings,
    bench_encodings,
    bench_imagery,
    bench_osgb,
    bench_points,
    bench_scaling,
    bench_terrain,
    bench_top,
    bench_viewshed,
)

for bench in (
    bench_osgb,
    bench_scaling,
    bench_top,
    bench_encodings,
    bench_buildings,
    bench_points,
    bench_terrain,
    bench_imagery,
    bench_viewshed,
):
    print(f"\n{(bench.__doc__ or '').splitlines()[0]}", flush=True)  # noqa: T201
    sys.argv[1:] = []  # a bench's own options are for the one that runs alone
    bench.main()
