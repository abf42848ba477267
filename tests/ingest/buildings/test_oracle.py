"""PostGIS as an independent oracle: plan areas on the ellipsoid, and the volumes of solids."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import geopandas as gpd
import numpy as np
import pytest
import shapely
import sqlalchemy as sa
from sqlalchemy import Engine

from cim.geo.solids import volumes
from cim.ingest.sources.buildings import FootprintSource
from cim.installation import Installation
from tests.ingest.buildings.run import Run, corners, owners, rows, run

pytestmark = [pytest.mark.db, pytest.mark.oracle]

X, Y = 377_000.0, 3_899_000.0
RADIUS = 6_371_000.0
AREA = sa.text("SELECT ST_Area(ST_Transform(ST_GeomFromText(:shape, 4545), 4490)::geography)")
VOLUME = sa.text("SELECT ST_Volume(ST_MakeSolid(ST_GeomFromText(:shape)))")


def shapes() -> dict[str, Any]:
    random = np.random.default_rng(7)
    turns = np.sort(random.uniform(0, 2 * np.pi, 40))
    reach = random.uniform(15, 40, 40)
    star = np.column_stack([X + 300 + reach * np.cos(turns), Y + 50 + reach * np.sin(turns)])
    yard = shapely.box(X, Y, X + 60, Y + 40).difference(shapely.box(X + 20, Y + 10, X + 45, Y + 30))
    pair = shapely.multipolygons(
        [shapely.box(X + 100, Y, X + 120, Y + 20), shapely.box(X + 130, Y, X + 150, Y + 30)]
    )
    return {"星": shapely.Polygon(star), "院": yard, "双": pair}


def area(engine: Engine, shape: Any) -> float:
    """Area on the ellipsoid, m²."""
    with engine.connect() as connection:
        return float(connection.execute(AREA, {"shape": shape.wkt}).scalar_one())


def volume(engine: Engine, triangles: Any) -> float:
    """What SFCGAL finds within a closed surface, which it checks first, m³."""
    faces = (",".join(" ".join(repr(float(v)) for v in point) for point in [*t, t[0]])
             for t in triangles)  # fmt: skip
    text = "POLYHEDRALSURFACE Z(" + ",".join(f"(({face}))" for face in faces) + ")"
    with engine.connect() as connection:  # never committed: the extension is gone afterwards
        connection.execute(sa.text("CREATE EXTENSION IF NOT EXISTS postgis_sfcgal"))
        return float(connection.execute(VOLUME, {"shape": text}).scalar_one())


def solids(done: Run) -> dict[str, Any]:
    """(m, 3, 3) triangles of each building by its name."""
    found: dict[str, Any] = {}
    for model in done.models():
        names = [row["building_id"] for row in rows(model)]
        for part in model.primitives:
            whose = owners(part)[corners(part)[:, 0]]
            for number, name in enumerate(names):
                mine = corners(part)[whose == number]
                if len(mine):
                    found[name] = np.asarray(part.positions)[mine]
    return found


def test_volumes_are_what_postgis_measures_on_the_ground_times_the_height(
    installation: Installation, tmp_path: Path
) -> None:
    made, heights = shapes(), {"星": 33.0, "院": 12.5, "双": 54.0}
    path = tmp_path / "a.gpkg"
    gpd.GeoDataFrame(
        {"building_id": list(made), "height": list(heights.values())},
        geometry=list(made.values()), crs=4545,
    ).to_file(path)  # fmt: skip
    city = installation.city
    done = run(FootprintSource(), path, city, tmp_path / "staging", {"base": "zero"})
    assert done.errors == []
    undulation = city.undulation(106.65, 35.21)
    found = solids(done)
    assert found.keys() == made.keys()
    for name, triangles in found.items():
        middle = undulation + heights[name] / 2
        wider = (1 + middle / RADIUS) ** 2  # areas grow with the height above the ellipsoid
        expected = area(installation.engine, made[name]) * heights[name] * wider
        zero = np.zeros(len(triangles) * 3, np.int64)
        flat = triangles.reshape(-1, 3)
        (own,) = volumes(flat, np.arange(len(flat)).reshape(-1, 3), zero, 1)
        assert own == pytest.approx(expected, rel=2e-5), name
        if made[name].geom_type == "Polygon":  # SFCGAL knows solids of one piece
            measured = volume(installation.engine, triangles)
            assert measured == pytest.approx(expected, rel=2e-5), name
