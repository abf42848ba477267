"""The committed goldens are what PostGIS says today."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import psycopg
import pytest
from sqlalchemy import Engine

from tests.golden.laying import make

HERE = Path(__file__).parent


@pytest.mark.db
def test_the_goldens_of_postgis_come_out_again(engine: Engine) -> None:
    with engine.connect() as connection:
        driver: Any = connection.connection.driver_connection
        assert isinstance(driver, psycopg.Connection)
        again = {"pairs": make.pairs(driver), "pits": make.pits(driver)}
    for name, values in again.items():
        with np.load(HERE / f"{name}.npz") as kept:
            assert set(kept) == set(values)
            for key in kept:
                np.testing.assert_allclose(
                    kept[key].astype(float), values[key].astype(float), atol=1e-9
                )
