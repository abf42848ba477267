"""Ways over streets cost what pgRouting says they cost."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import psycopg
import pytest
import shapely
from sqlalchemy import Engine

from cim.geo.roads import roads, travel
from tests import outside
from tests.golden.roads import make

HERE = Path(__file__).parent


@pytest.mark.parametrize("name", ["open", "shut"])
def test_ways_cost_what_pgrouting_says(name: str) -> None:
    with np.load(HERE / "costs.npz") as kept:
        nodes, starts, theirs = kept["nodes"], kept["starts"], kept[name]
    network = roads(make.streets(), nodes[starts])
    assert network.away.max() < 1e-3
    cost = network.length
    if name == "shut":
        square = shapely.box(*make.CLOSED)
        closed = shapely.intersects([shapely.LineString(path) for path in network.paths], square)
        cost = np.where(closed, np.inf, cost)
    apart = np.hypot(*(network.nodes[:, None, :] - nodes[None, :, :]).transpose(2, 0, 1))
    ours = np.argmin(apart, axis=0)
    assert apart.min(axis=0).max() < 1.0  # crossings within half a metre are one of ours
    for row, stop in zip(theirs, network.stops.tolist(), strict=True):
        found = travel(network, cost, np.array([stop])).cost[ours]
        assert (np.isfinite(found) == np.isfinite(row)).all()
        near = np.isfinite(row)
        assert near.sum() > 50
        np.testing.assert_allclose(found[near], row[near], atol=2.0)  # by joints within 0.5 m


@pytest.mark.db
def test_the_golden_of_pgrouting_comes_out_again(engine: Engine) -> None:
    with engine.connect() as connection:
        there = connection.exec_driver_sql(
            "select count(*) from pg_available_extensions where name = 'pgrouting'"
        ).scalar_one()
        if not there:
            outside.missing("the PostgreSQL extension pgrouting")
        driver: Any = connection.connection.driver_connection
        assert isinstance(driver, psycopg.Connection)
        driver.execute("create extension if not exists pgrouting cascade")
        again = make.costs(driver)
        driver.rollback()
    with np.load(HERE / "costs.npz") as kept:
        for key in kept:
            np.testing.assert_allclose(kept[key], again[key], atol=1e-6)
