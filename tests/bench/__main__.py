"""All benchmarks, one after the other: ``python -m tests.bench [--all]``.

``--all`` adds those that take half an hour: a flat model of hundreds of megabytes, a city of 20 km²
that is killed twice, and the ground of a county.
"""

import sys

from tests.bench import (
    bench_buildings,
    bench_clearance,
    bench_county,
    bench_encodings,
    bench_flat,
    bench_ground,
    bench_imagery,
    bench_network,
    bench_osgb,
    bench_points,
    bench_scale,
    bench_scaling,
    bench_terrain,
    bench_top,
    bench_topics,
    bench_viewshed,
)

QUICK = (
    bench_osgb,
    bench_scaling,
    bench_top,
    bench_topics,
    bench_encodings,
    bench_buildings,
    bench_points,
    bench_terrain,
    bench_imagery,
    bench_viewshed,
    bench_ground,
    bench_network,
    bench_topics,
    bench_clearance,
)
LONG = (bench_flat, bench_scale, bench_county)

chosen = (*QUICK, *LONG) if "--all" in sys.argv else QUICK
for bench in chosen:
    print(f"\n{(bench.__doc__ or '').splitlines()[0]}", flush=True)  # noqa: T201
    sys.argv[1:] = []  # a bench's own options are for the one that runs alone
    bench.main()
