"""Golden answers of PostGIS about random pipes and pits: run by make.sh.

pairs.npz: of all pairs of sixty segments in space the distance in plan (ST_Distance), that in space
(ST_3DDistance, and the length of ST_3DShortestLine), whether they cross in plan (ST_Crosses),
and the heights of both at the crossing (ST_Z of ST_LineInterpolatePoint).

pits.npz: of the same segments the length in space of what lies inside each of four pits
(ST_3DLength of ST_Intersection) and the distance in plan of each from each pit.
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
COUNT = 60
Floats = npt.NDArray[np.float64]

_PAIRS = """
with s as (select i, ST_GeomFromEWKB(wkb) as g from unnest(%s::int[], %s::bytea[]) as t(i, wkb)),
p as (
    select a.i, b.i as j, a.g as a, b.g as b,
        case when ST_Crosses(ST_Force2D(a.g), ST_Force2D(b.g))
            then ST_GeometryN(ST_Intersection(ST_Force2D(a.g), ST_Force2D(b.g)), 1) end as x
    from s a join s b on a.i < b.i
)
select i, j, ST_Distance(ST_Force2D(a), ST_Force2D(b)), ST_3DDistance(a, b),
    ST_3DLength(ST_3DShortestLine(a, b)), ST_Crosses(ST_Force2D(a), ST_Force2D(b)),
    ST_Z(ST_LineInterpolatePoint(a, ST_LineLocatePoint(ST_Force2D(a), x))),
    ST_Z(ST_LineInterpolatePoint(b, ST_LineLocatePoint(ST_Force2D(b), x)))
from p order by i, j
"""
_PITS = """
with s as (select i, ST_GeomFromEWKB(wkb) as g from unnest(%s::int[], %s::bytea[]) as t(i, wkb)),
q as (select i, ST_GeomFromText(t) as g from unnest(%s::int[], %s::text[]) as t(i, t))
select q.i, s.i, ST_3DLength(ST_Intersection(s.g, q.g)), ST_Distance(ST_Force2D(s.g), q.g)
from q cross join s order by q.i, s.i
"""
PITS = (
    "POLYGON((10 10, 30 10, 30 30, 10 30, 10 10))",
    "POLYGON((5 5, 35 8, 20 20, 33 36, 8 30, 5 5))",
    "POLYGON((12 2, 38 22, 25 38, 12 2))",
    "POLYGON((0 0, 40 0, 40 40, 0 40, 0 0), (10 10, 10 30, 30 30, 30 10, 10 10))",
)


def segments() -> tuple[Floats, Floats]:
    """(60, 3) both ends of random segments in a cube of 40 m by 40 m by 4 m."""
    random = np.random.default_rng(5)
    a, b = random.uniform(0, 1, (2, COUNT, 3)) * (40, 40, 4)
    return a, a + (b - a) * random.uniform(0.2, 1.0, (COUNT, 1))


def _sent() -> tuple[list[int], list[bytes]]:
    lines = shapely.linestrings(np.stack(segments(), axis=1))
    return list(range(COUNT)), [bytes(w) for w in shapely.to_wkb(lines)]


def pairs(connection: psycopg.Connection[Any]) -> dict[str, Any]:
    """What PostGIS says of all pairs."""
    rows = connection.execute(_PAIRS, _sent()).fetchall()
    names = ("one", "other", "plan", "space", "shortest", "crosses", "first_z", "second_z")
    told = [[np.nan if v is None else v for v in column] for column in zip(*rows, strict=True)]
    return {name: np.array(column) for name, column in zip(names, told, strict=True)}


def pits(connection: psycopg.Connection[Any]) -> dict[str, Any]:
    """What PostGIS says of the segments and the pits, (pits, segments) each."""
    rows = connection.execute(
        _PITS, (*_sent(), list(range(len(PITS))), list(PITS))
    ).fetchall()  # fmt: skip
    inside, away = (np.array([r[k] for r in rows], float) for k in (2, 3))
    shape = (len(PITS), COUNT)
    return {"inside": inside.reshape(shape), "away": away.reshape(shape)}


def main() -> None:
    """Write both files."""
    url = os.environ["CIM_DATABASE_URL"].replace("postgresql+psycopg://", "postgresql://")
    with psycopg.connect(url) as connection:
        connection.execute("create extension if not exists postgis")
        np.savez_compressed(HERE / "pairs.npz", **pairs(connection))
        np.savez_compressed(HERE / "pits.npz", **pits(connection))


if __name__ == "__main__":
    main()
