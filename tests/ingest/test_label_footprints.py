"""Footprints for labels: each stands once, neighbours are kept apart, heaps are refused."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import geopandas as gpd
import numpy as np
import pytest
import shapely
from pyproj import CRS

from cim.errors import InputError
from cim.ingest.sources.labels.footprints import Footprints, Stood, stand
from cim.layers import Field, FieldType

X, Y = 377_000.0, 3_899_000.0
ZONE = CRS.from_epsg(4545)


def stood(folder: Path, shapes: list[Any]) -> Stood:
    path = folder / "footprints.parquet"
    names = [f"B{i}" for i in range(len(shapes))]
    frame = gpd.GeoDataFrame({"building_id": names}, geometry=shapes, crs=ZONE).to_crs(4490)
    frame.to_parquet(path)
    field = Field(name="building_id", title="编号", title_en="Id", type=FieldType.TEXT)
    given = Footprints(path=path, layer="a.b", version=1, fields=(field,), key=field.name)
    return stand(given, ZONE, [], 0.5)


def square(east: float, side: float = 10.0) -> Any:
    return shapely.box(X + east, Y, X + east + side, Y + side)


def test_a_building_delivered_twice_stands_once_and_is_counted(tmp_path: Path) -> None:
    turned = shapely.Polygon(square(0).exterior.coords[1:])  # the same ring from another corner
    found = stood(tmp_path, [square(0), square(0), turned, square(50), None])
    assert (len(found.standing), found.swallowed) == (2, 2)
    assert found.standing.attributes.columns["building_id"].tolist() == ["B0", "B3"]


def test_neighbours_wall_to_wall_share_no_ground(tmp_path: Path) -> None:
    found = stood(tmp_path, [square(10.0 * i) for i in range(20)])
    shapes = shapely.from_wkb(list(found.standing.outlines))
    left, right = shapely.STRtree(shapes).query(shapes, predicate="intersects")
    pairs = left < right
    shared = shapely.area(shapely.intersection(shapes[left[pairs]], shapes[right[pairs]]))
    assert len(shapes) == 20
    assert shared.max() < 1e-12  # square degrees
    assert found.overlaps == 0


def test_a_heap_of_footprints_is_refused_before_each_is_cut_with_each(tmp_path: Path) -> None:
    heap = [square(step, 50.0) for step in np.arange(3_000) * 0.01]
    with pytest.raises(InputError, match="3000 footprints lie upon or beside one of them"):
        stood(tmp_path, heap)
