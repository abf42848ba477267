"""The footprint: closed where the mesh is torn, open where it has a pond."""

from __future__ import annotations

import json

import numpy as np
import shapely
from affine import Affine

from cim.geo.crs import CGCS2000, resolve, rows, transformer
from cim.ingest.sources.join.border import away, footprint, polygons

ZONE = resolve("EPSG:4545").crs


def test_tears_are_closed_ponds_stay_and_specks_are_none() -> None:
    there = np.zeros((200, 220), bool)
    there[50:150, 40:100] = True
    there[50:150, 104:160] = True  # a tear of 4 m between two blocks
    there[60:70, 50:60] = False  # 100 m²: a fault
    there[100:120, 120:140] = False  # 400 m²: a pond
    there[10:15, 200:205] = True  # a tree that floats
    cover = footprint(there, 1.0)
    assert cover[55:145, 100:104].all()
    assert cover[60:70, 50:60].all()
    assert not cover[104:116, 124:136].any()
    assert not cover[:20, 195:].any()
    assert (cover[50:150, 40:160] | ~there[50:150, 40:160]).all()


def test_a_piece_that_reaches_the_rim_of_the_window_counts_as_large() -> None:
    there = np.zeros((60, 60), bool)
    there[0:5, 20:26] = True
    assert footprint(there, 1.0)[0:5, 20:26].all()
    holed = np.ones((60, 60), bool)
    holed[55:60, 20:26] = False
    assert not footprint(holed, 1.0)[58:, 22:24].any()


def test_a_window_tells_what_the_whole_would_tell() -> None:
    random = np.random.default_rng(5)
    there = np.zeros((900, 900), bool)
    there[100:800, 100:800] = True
    for _ in range(60):
        row, column = random.integers(100, 780, 2)
        tall, wide = random.integers(3, 40, 2)
        there[row : row + tall, column : column + wide] = False
    whole = footprint(there, 1.0)
    halo = 216
    for top, left in ((0, 0), (300, 300), (450, 100)):
        core = np.s_[top : top + 200, left : left + 200]
        low = max(top - halo, 0), max(left - halo, 0)
        window = footprint(there[low[0] : top + 200 + halo, low[1] : left + 200 + halo], 1.0)
        part = window[top - low[0] : top - low[0] + 200, left - low[1] : left - low[1] + 200]
        np.testing.assert_array_equal(part, whole[core])


def test_distances_change_sign_at_the_border() -> None:
    cover = np.zeros((30, 30), bool)
    cover[10:20, 10:20] = True
    distance = away(cover, 2.0)
    assert (distance[cover] < 0).all()
    assert (distance[~cover] > 0).all()
    assert distance[15, 9] == 1.0
    assert distance[15, 10] == -1.0
    assert (away(~np.zeros((4, 4), bool), 1.0) == -np.inf).all()


def test_the_polygon_leaves_nothing_of_the_mesh_out_and_keeps_the_pond() -> None:
    y, x = np.mgrid[0:120, 0:150]
    cover = ((x - 70) ** 2 + (y - 60) ** 2 < 45**2) & ((x - 80) ** 2 + (y - 60) ** 2 > 15**2)
    place = Affine(1, 0, 377_000, 0, -1, 3_899_000)
    found, area = polygons(cover.astype(np.uint8), ZONE, place, {"mesh": "my.mesh"})
    json.dumps(found)
    assert area == cover.sum()
    (feature,) = found["features"]
    assert feature["properties"] == {"mesh": "my.mesh", "area_m2": area}
    back = transformer(CGCS2000, ZONE)
    shape = shapely.transform(
        shapely.geometry.shape(feature["geometry"]), lambda xy: rows(back, xy)
    )
    rows_, columns = np.nonzero(cover)
    assert shapely.contains_xy(shape, 377_000.5 + columns, 3_898_999.5 - rows_).all()
    assert not shapely.contains_xy(shape, 377_080.5, 3_898_939.5)
    assert shape.area < area + 1.2 * 2 * np.pi * (45 + 15)
    assert len(shapely.get_coordinates(shape)) < 150
