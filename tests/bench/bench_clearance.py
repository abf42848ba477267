"""Clearances of 100,000 pipes beside PostGIS: ``python -m tests.bench.bench_clearance``.

Both find the pairs of pipes within 1.5 m in plan; ours also tells crossings from neighbours,
measures gaps and judges by the table. PostGIS (ST_DWithin on a GiST index, rows loaded and analysed
before the clock starts) runs in a cluster of the bench's own. Best of three, in turn.
"""

from __future__ import annotations

import resource
import time
from typing import Any

import numpy as np
import numpy.typing as npt
import psycopg

from cim.geo.laid import Laid, Records, lay, nodes_of
from cim.topics.pipelines.analysis.clearance import Clearances, Town, clearances
from cim.topics.pipelines.analysis.encounters import encounters
from cim.topics.pipelines.analysis.rule_table import Traits, judge, pressures
from cim.topics.pipelines.laying_rules import clearance_rules
from tests import home

Floats = npt.NDArray[np.float64]
KINDS = (Traits(kind="water", dn=300), Traits(kind="sewage", dn=400),
         Traits(kind="gas", dn=200, pressure=pressures("中压B")))  # fmt: skip
REACH = 1.5


def town(count: int) -> Town:
    """Three networks along the streets of a grid town, blocks of 200 m, segments of 40 m."""
    streets = int(np.sqrt(count / (3 * 2 * 5)))
    at, kind, names = [], [], []
    for k in range(3):
        for s in range(streets):
            for along in (True, False):
                line = s * 200.0 + 2.0 * k
                steps = np.arange(streets * 5 + 1) * 40.0
                for i in range(len(steps) - 1):
                    ends = ((steps[i], line), (steps[i + 1], line))
                    at.append(ends if along else tuple((y, x) for x, y in ends))
                    kind.append(k)
                    name = f"{k}-{s}-{int(along)}"
                    names.append((f"{name}-{i}", f"{name}-{i + 1}"))
    places = np.array(at) + np.random.default_rng(1).normal(0, 0.05, (len(at), 1, 1))
    n = len(places)
    z = np.array([1398.0, 1396.5, 1398.4])[kind]
    wide = np.array([0.3, 0.4, 0.2])[kind]
    laid = lay(Records(
        lines=list(places), elevation=np.stack([z, z], axis=1), depth=np.full((n, 2), np.nan),
        ground=np.full((n, 2), np.nan), part=["centre"] * n, outer=wide, inner=wide,
    ))  # fmt: skip
    nodes = nodes_of(np.array(kind), names, laid)
    return Town(laid=laid, other_radius=laid.radius, classes=np.array(kind), nodes=nodes)


def judged(given: Town) -> Clearances:
    """What the analysis does."""
    flat = judge(clearance_rules("horizontal"), KINDS)
    return clearances(given, flat, judge(clearance_rules("vertical"), KINDS), 0.0)


def found(laid: Laid) -> int:
    """The pairs alone."""
    flat = lines(laid)
    return len(encounters(flat, np.full(len(flat), REACH)).one)


def lines(laid: Laid) -> Laid:
    """The same without radius."""
    return Laid(a=laid.a, b=laid.b, pipe=laid.pipe, begin=laid.begin, bore=laid.bore,
                radius=np.full(len(laid), np.nan), ends=laid.ends, length=laid.length,
                faults=laid.faults)  # fmt: skip


def main() -> None:
    """Print the table."""
    print(f"{'pipes':>8}{'postgis s':>11}{'pairs s':>9}{'ratio':>7}{'judged s':>10}{'ratio':>7}"  # noqa: T201
          f"{'pairs':>9}{'findings':>10}{'peak MB':>9}")  # fmt: skip
    judged(town(1000))
    home.prepare()
    try:
        url = home.clone(home.server(), "bench").replace("+psycopg", "", 1)
        with psycopg.connect(url) as connection:
            for count in (10_000, 100_000):
                row(connection, town(count))
    finally:
        home.clear()


def row(connection: psycopg.Connection[Any], given: Town) -> None:
    """One row of the table."""
    load(connection, given.laid)
    times = []
    for _ in range(3):
        start = time.perf_counter()
        theirs = connection.execute(
            "select count(*) from pipe a join pipe b on a.i < b.i and "
            f"ST_DWithin(a.g, b.g, {REACH})"
        ).fetchone()
        middle = time.perf_counter()
        pairs = found(given.laid)
        after = time.perf_counter()
        told = judged(given)
        times.append((middle - start, after - middle, time.perf_counter() - after))
        assert theirs == (pairs,)
    peer, near, whole = (min(t[k] for t in times) for k in range(3))
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    findings = len(told.horizontal) + len(told.vertical)
    print(f"{len(given.laid):8}{peer:11.2f}{near:9.2f}{near / peer:7.2f}{whole:10.2f}"  # noqa: T201
          f"{whole / peer:7.2f}{pairs:9}{findings:10}{peak:9.0f}")  # fmt: skip


def load(connection: psycopg.Connection[Any], laid: Laid) -> None:
    """The pipes as a table with an index."""
    connection.execute("drop table if exists pipe")
    connection.execute("create temp table pipe (i int, g geometry)")
    rows = np.column_stack([laid.a[:, :2], laid.b[:, :2]]).tolist()
    with connection.cursor() as cursor, cursor.copy("copy pipe from stdin") as copy:
        for i, (x, y, u, v) in enumerate(rows):
            copy.write_row((i, f"LINESTRING({x} {y},{u} {v})"))
    connection.execute("create index on pipe using gist (g)")
    connection.execute("analyze pipe")


if __name__ == "__main__":
    main()
