"""Topics beside their peers, in one run: ``python -m tests.bench.bench_topics``.

Wall seconds, best of three, in turn. The peers' include starting their programs, save PostGIS and
pgRouting, which run in a server that is up. Stability has no peer: its target is half a second for
5.3 million cells.
"""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import psycopg
import shapely
from scipy.sparse import csr_matrix
from scipy.sparse.csgraph import dijkstra

from cim.geo.crs import resolve
from cim.geo.grid import Grid
from cim.topics.forest_fire.analysis.fuel import Moisture
from cim.topics.forest_fire.analysis.spread import Wind, arrival, ellipses
from cim.topics.geohazards.analysis.slope import Soil, safety
from cim.topics.planning.analysis.overlay import pieces
from tests import home
from tests.bench.bench_viewshed import mountains
from tests.delivered import NORTH, WEST, ZONE, raster
from tests.outside import run

CELL = 15.0


def best(work: Callable[[], object]) -> float:
    """Wall seconds of the best of three rounds."""
    spent = []
    for _ in range(3):
        begin = time.perf_counter()
        work()
        spent.append(time.perf_counter() - begin)
    return min(spent)


def row(name: str, theirs: float | None, mine: float, note: str) -> None:
    """One line of the table."""
    peer = "-" if theirs is None else f"{theirs:.3f}"
    ratio = "-" if theirs is None else f"{mine / theirs:.2f}"
    print(f"{name:38}{peer:>9}{mine:9.3f}{ratio:>8}  {note}")  # noqa: T201


def stability() -> None:
    """2300 × 2300 cells."""
    rng = np.random.default_rng(1)
    slope, wet = rng.uniform(0, 50, (2300, 2300)), rng.uniform(0, 1, (2300, 2300))
    soil = Soil(cohesion=8, friction=26, weight=18, depth=2, transmissivity=20)
    row("stability, 5.29 M cells", None, best(lambda: safety(slope, wet, soil)), "target < 0.5 s")


def spread(folder: Path) -> None:
    """1000 × 1000 cells, the same 180 minutes; r.ros knows no elevation-driven spotting here."""
    heights = mountains(1000)
    dem = raster(folder / "dem.tif", heights.astype(np.float32))
    script = folder / "spread.sh"
    script.write_text(
        f"set -e\nr.in.gdal -o --q input={dem} output=dem\ng.region raster=dem\n"
        "r.slope.aspect --q elevation=dem slope=slope aspect=aspect\n"
        "for m in 10:fm 6:m1 8:m10 9:m100 100:live 300:wind 0:dir; do\n"
        'r.mapcalc --q expression="${m#*:}=${m%:*}"; done\n'
        "r.mapcalc --q expression='ign=if(row()==500 && col()==500,1,null())'\n"
        "r.ros --q model=fm moisture_1h=m1 moisture_10h=m10 moisture_100h=m100 moisture_live=live "
        "velocity=wind direction=dir slope=slope aspect=aspect base_ros=b max_ros=m "
        "direction_ros=d\n"
        "r.spread --q base_ros=b max_ros=m direction_ros=d start=ign output=sp init_time=0 "
        "lag=180\n"
    )
    theirs = best(lambda: run("grass", "--tmp-location", dem, "--exec", "bash", script))
    grid = Grid(heights=heights, west=WEST, north=NORTH, cell=(CELL, CELL), crs=ZONE)
    codes = np.full(heights.shape, 10, np.uint8)
    moist, wind = Moisture(one=6, ten=8, hundred=9, live=100), Wind(speed=1.524, toward=0.0)
    start = np.array([[500, 500]])
    mine = best(lambda: arrival(grid, ellipses(grid, codes, moist, wind), start, 180.0))
    row("spread, 1 M cells, 180 min", theirs, mine, "r.slope.aspect + r.ros + r.spread")


def isochrone(connection: psycopg.Connection) -> None:
    """300 × 300 nodes, 600 s, the graph in memory; the same set of nodes."""
    side = 300
    number = np.arange(side * side).reshape(side, side)
    begin = np.concatenate([number[:, :-1].ravel(), number[:-1].ravel()])
    end = np.concatenate([number[:, 1:].ravel(), number[1:].ravel()])
    cost = np.random.default_rng(3).uniform(5, 30, len(begin))
    graph = csr_matrix(
        (np.tile(cost, 2), (np.concatenate([begin, end]), np.concatenate([end, begin]))),
        shape=(side * side, side * side),
    )
    middle = int(number[150, 150])
    mine = best(lambda: dijkstra(graph, indices=middle, limit=600.0))
    reached = set(np.flatnonzero(np.isfinite(dijkstra(graph, indices=middle, limit=600.0))))
    with connection.cursor() as cursor:
        cursor.execute("create temp table e(id int, source int, target int, cost float8)")
        with cursor.copy("copy e from stdin") as copy:
            for i in range(len(begin)):
                copy.write_row((i, int(begin[i]), int(end[i]), float(cost[i])))
        cursor.execute("analyze e")
        question = (
            "select array_agg(node) from pgr_drivingDistance('select id, source, target, cost, "
            f"cost as reverse_cost from e', {middle}, 600, false)"
        )
        theirs = best(lambda: cursor.execute(question))
        cursor.execute(question)
        found = cursor.fetchone()
    same = found is not None and set(found[0]) == reached
    row("isochrone, 90,000 nodes", theirs, mine, f"pgRouting; same nodes: {same}")


def overlay(connection: psycopg.Connection) -> None:
    """50,000 footprints × 500 zones, areas on the plane of the pieces."""
    rng = np.random.default_rng(5)
    x, y = 377_000 + rng.uniform(0, 20_000, 50_000), 3_900_000 + rng.uniform(0, 20_000, 50_000)
    homes = shapely.box(x, y, x + 12, y + 9)
    zx, zy = 377_000 + rng.uniform(0, 19_000, 500), 3_900_000 + rng.uniform(0, 19_000, 500)
    zones = shapely.box(zx, zy, zx + 900, zy + 700)

    def ours() -> float:
        tree = shapely.STRtree(homes)
        zone, home_ = tree.query(zones, predicate="intersects")
        return float(shapely.area(shapely.intersection(zones[zone], homes[home_])).sum())

    with connection.cursor() as cursor:
        for name, shapes in (("h", homes), ("z", zones)):
            cursor.execute(f"create temp table {name}(g geometry)")
            with cursor.copy(f"copy {name} from stdin") as copy:
                for shape in shapes:
                    copy.write_row((shapely.to_wkb(shape, hex=True),))
            cursor.execute(f"create index on {name} using gist(g)")
            cursor.execute(f"analyze {name}")
        meeting = "from z join h on ST_Intersects(z.g, h.g)"
        question = f"select sum(ST_Area(ST_Intersection(z.g, h.g))) {meeting}"
        theirs = best(lambda: cursor.execute(question))
        cursor.execute(question)
        found = cursor.fetchone()
    assert found is not None
    away = abs(ours() / found[0] - 1)
    row("overlay, 50,000 x 500", theirs, best(ours), f"PostGIS; areas differ by {away:.1e}")
    crs = resolve("EPSG:4545").crs
    area = zones[0].buffer(3000)
    one = best(lambda: pieces(area, list(homes), crs, least=5.0, width=0.5))
    row("compliance of one project, 50,000", None, one, "ellipsoidal, slivers apart")


def main() -> None:
    """Print the table."""
    print(f"{'':38}{'peer s':>9}{'ours s':>9}{'ratio':>8}")  # noqa: T201
    stability()
    with tempfile.TemporaryDirectory() as folder:
        spread(Path(folder))
    home.prepare()
    try:
        plain = home.clone(home.server(), "bench").replace("+psycopg", "", 1)
        with psycopg.connect(plain, autocommit=True) as connection:
            overlay(connection)
            known = connection.execute(
                "select 1 from pg_available_extensions where name = 'pgrouting'"
            ).fetchone()
            if known is None:
                row("isochrone, 90,000 nodes", None, 0.0, "pgRouting is not installed")
                return
            connection.execute("create extension pgrouting cascade")
            isochrone(connection)
    finally:
        home.clear()


if __name__ == "__main__":
    main()
