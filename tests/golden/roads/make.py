"""Golden answers of PostGIS and pgRouting about random streets: run by make.sh.

costs.npz: the streets are cut where they meet by ST_Node, and pgr_dijkstraCost gives the cost from
three places to every node (x, y, m; infinite where no way leads): with all streets open
(``open``), and with those that touch the closed square shut (``shut``).
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import psycopg
import shapely

HERE = Path(__file__).parent
COUNT, STARTS = 40, 3
CLOSED = (7000.0, 7000.0, 12_000.0, 12_000.0)
Floats = npt.NDArray[np.float64]

_NODED = """
select ST_AsBinary((ST_Dump(ST_Node(ST_Collect(ST_GeomFromWKB(w))))).geom)
from unnest(%s::bytea[]) as t(w)
"""
_COSTS = """
select start_vid, end_vid, agg_cost
from pgr_dijkstraCost('select id, source, target, cost from street', %s::int[], %s::int[], false)
"""


def streets() -> list[Floats]:
    """Random straight streets in a square of 20 km: none so near another that they are joined."""
    random = np.random.default_rng(13)
    ends = random.uniform(0, 20_000, (COUNT, 2, 2)).round(3)
    return [np.array(pair) for pair in ends]


def costs(connection: psycopg.Connection[Any]) -> dict[str, Any]:
    """Nodes, the three starts, and the costs from each start to each node, open and shut."""
    sent = [bytes(shapely.to_wkb(shapely.LineString(line))) for line in streets()]
    rows = connection.execute(_NODED, (sent,)).fetchall()
    pieces = [shapely.from_wkb(bytes(row[0])) for row in rows]
    ends = np.array([[p.coords[0], p.coords[-1]] for p in pieces]).round(4)
    nodes, number = np.unique(ends.reshape(-1, 2), axis=0, return_inverse=True)
    number = number.reshape(-1, 2) + 1
    random = np.random.default_rng(12)
    starts = random.choice(len(nodes), STARTS, replace=False)
    told: dict[str, Any] = {"nodes": nodes, "starts": starts}
    square = shapely.box(*CLOSED)
    for name, kept in (
        ("open", pieces),
        ("shut", [p for p in pieces if not p.intersects(square)]),
    ):
        rows = [(i, *number[pieces.index(p)].tolist(), p.length) for i, p in enumerate(kept)]
        connection.execute("drop table if exists street")
        connection.execute("create temp table street (id int, source int, target int, cost float)")
        with connection.cursor() as cursor:
            cursor.executemany("insert into street values (%s, %s, %s, %s)", rows)
        cost = np.full((STARTS, len(nodes)), np.inf)
        cost[np.arange(STARTS), starts] = 0.0
        asked = ([int(s) + 1 for s in starts], list(range(1, len(nodes) + 1)))
        for start, end, value in connection.execute(_COSTS, asked).fetchall():
            cost[starts.tolist().index(start - 1), end - 1] = value
        told[name] = cost
    return told


def main() -> None:
    """Write the file."""
    url = os.environ["CIM_DATABASE_URL"].replace("postgresql+psycopg://", "postgresql://")
    with psycopg.connect(url) as connection:
        connection.execute("create extension if not exists pgrouting cascade")
        np.savez_compressed(HERE / "costs.npz", **costs(connection))
        connection.rollback()


if __name__ == "__main__":
    main()
