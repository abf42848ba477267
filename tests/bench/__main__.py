"""All benchmarks, one after the other: ``python -m tests.bench``."""

from tests.bench import bench_osgb, bench_terrain, bench_viewshed

for bench in (bench_terrain, bench_viewshed, bench_osgb):
    print(f"\n{(bench.__doc__ or '').splitlines()[0]}")  # noqa: T201
    bench.main()
