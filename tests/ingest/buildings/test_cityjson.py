"""CityJSON: levels, parts, meanings, templates, sequences; what is broken is named and left out."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from cim.city import City
from cim.errors import FormatError, OutsideCityError
from cim.geo.solids import open_edges, volumes
from cim.ingest.sources.buildings import CityJsonSource
from tests.ingest.buildings.run import Run, corners, owners, rows, run
from tests.tiles.validator import gltf_errors

X, Y, Z = 377_000, 3_899_000, 1_400
REAL = "cityjson/cjio/tests/data"
Document = dict[str, Any]


def cube(side: int, at: tuple[int, int, int] = (0, 0, 0)) -> list[list[int]]:
    """Corners in millimetres."""
    x, y, z = at
    return [[x + side * (i & 1), y + side * (i >> 1 & 1), z + side * (i >> 2)] for i in range(8)]


def faces(base: int = 0) -> list[list[list[int]]]:
    """Floor, roof, four walls of a cube, outward."""
    wanted = [[0, 2, 3, 1], [4, 5, 7, 6], [0, 1, 5, 4], [1, 3, 7, 5], [3, 2, 6, 7], [2, 0, 4, 6]]
    return [[[v + base for v in ring]] for ring in wanted]


def solid(base: int = 0, lod: str = "2.2") -> Document:
    values = [[0, 1, 2, 2, 2, 2]]
    surfaces = [{"type": "GroundSurface"}, {"type": "RoofSurface"}, {"type": "WallSurface"}]
    return {"type": "Solid", "lod": lod, "boundaries": [faces(base)],
            "semantics": {"surfaces": surfaces, "values": values}}  # fmt: skip


def building(*geometry: Document, **more: Any) -> Document:
    return {"type": "Building", "geometry": list(geometry)} | more


def document(objects: Document, vertices: list[Any], **more: Any) -> Document:
    base: Document = {
        "type": "CityJSON", "version": "2.0",
        "metadata": {"referenceSystem": "https://www.opengis.net/def/crs/EPSG/0/4545"},
        "transform": {"scale": [0.001] * 3, "translate": [X, Y, Z]},
        "CityObjects": objects, "vertices": vertices,
    }  # fmt: skip
    return base | more


def put(folder: Path, given: Document, name: str = "a.city.json") -> Path:
    path = folder / name
    path.write_text(json.dumps(given), "utf-8")
    return path


def go(path: Path, city: City, **more: Any) -> Run:
    return run(CityJsonSource(), path, city, path.parent / "staging", **more)


def table(done: Run) -> dict[str, dict[str, Any]]:
    return {row["object_id"]: row for model in done.models() for row in rows(model)}


def test_a_solid_keeps_its_height_areas_volume_and_meanings(tmp_path: Path, city: City) -> None:
    given = document(
        {"甲": building(solid(), attributes={"用途": "住宅", "year": 1987})}, cube(10_000)
    )
    done = go(put(tmp_path, given), city)
    assert done.errors == []
    row = table(done)["甲"]
    # 1 - 2h/R - what the projection stretches: a thousandth at the most
    assert row["volume"] == pytest.approx(1000.0, rel=1e-3)
    assert row["roof_area"] == pytest.approx(100.0, rel=1e-3)
    assert row["wall_area"] == pytest.approx(400.0, rel=1e-3)
    assert row["ground_area"] == pytest.approx(100.0, rel=1e-3)
    assert (row["field"], row["year"]) == ("住宅", 1987)
    assert done.product.heights == pytest.approx((1400.0, 1410.0), abs=1e-6)
    (part,) = done.models()[0].primitives
    assert open_edges(part.positions, corners(part), owners(part)) == 0
    assert part.colors is not None
    assert len(np.unique(np.asarray(part.colors)[:, :3], axis=0)) == 3
    assert gltf_errors(done.glbs()) == []


def test_the_finest_level_wanted_is_taken(tmp_path: Path, city: City) -> None:
    vertices = cube(10_000) + cube(6_000)
    given = document({"a": building(solid(0, "1"), solid(8, "2.2"), solid(0, "3"))}, vertices)
    path = put(tmp_path, given)
    assert table(go(path, city))["a"]["lod"] == 2.2
    row = table(go(path, city, options={"lod": 1.9}))["a"]
    assert row["lod"] == 1.0
    assert row["volume"] == pytest.approx(1000.0, rel=1e-3)


def test_parts_inherit_attributes_and_stand_in_for_a_coarser_whole(
    tmp_path: Path, city: City
) -> None:
    vertices = cube(20_000) + cube(5_000) + cube(5_000, (6_000, 0, 0))
    objects = {
        "whole": building(solid(0, "1"), children=["p1", "p2"],
                          attributes={"owner": "市政", "height": 20}),
        "p1": building(solid(8), parents=["whole"], attributes={"height": 5}) | {
            "type": "BuildingPart"},
        "p2": building(solid(16), parents=["whole"]) | {"type": "BuildingPart"},
    }  # fmt: skip
    done = go(put(tmp_path, document(objects, vertices)), city)
    found = table(done)
    assert set(found) == {"p1", "p2"}
    assert found["p1"]["parent_id"] == "whole"
    assert (found["p1"]["owner"], found["p1"]["height"]) == ("市政", 5)
    assert (found["p2"]["owner"], found["p2"]["height"]) == ("市政", 20)


def test_a_template_is_placed_where_its_instances_stand(tmp_path: Path, city: City) -> None:
    template = {"type": "MultiSurface", "lod": "2", "boundaries": faces()}

    def instance(anchor: int, scale: float) -> Document:
        return {
            "type": "GeometryInstance", "template": 0, "boundaries": [anchor],
            "transformationMatrix": [scale, 0, 0, 0, 0, scale, 0, 0, 0, 0, scale, 0, 0, 0, 0, 1],
        }  # fmt: skip

    given = document(
        {"a": building(instance(0, 1.0)), "b": building(instance(1, 2.0))},
        [[0, 0, 0], [100_000, 0, 0]],
        **{"geometry-templates": {
            "templates": [template],
            "vertices-templates": [[v / 1000 for v in c] for c in cube(4_000)]}},
    )  # fmt: skip
    found = table(go(put(tmp_path, given), city))
    assert found["a"]["volume"] == pytest.approx(64.0, rel=1e-3)
    assert found["b"]["volume"] == pytest.approx(512.0, rel=1e-3)


def test_a_face_with_a_hole_is_triangulated_in_its_own_plane(tmp_path: Path, city: City) -> None:
    wall = [[0, 0, 0], [10_000, 10_000, 0], [10_000, 10_000, 10_000], [0, 0, 10_000]]
    window = [[3_000, 3_000, 3_000], [3_000, 3_000, 7_000], [6_000, 6_000, 7_000],
              [6_000, 6_000, 3_000]]  # fmt: skip
    surface = {"type": "MultiSurface", "lod": 2, "boundaries": [[[0, 1, 2, 3], [4, 5, 6, 7]]],
               "semantics": {"surfaces": [{"type": "WallSurface"}], "values": [0]}}  # fmt: skip
    done = go(put(tmp_path, document({"a": building(surface)}, wall + window)), city)
    expected = (10 * 10 - 3 * 4) * np.sqrt(2)
    assert table(done)["a"]["wall_area"] == pytest.approx(expected, rel=1e-3)


def test_a_solid_that_is_inside_out_is_turned(tmp_path: Path, city: City) -> None:
    turned = solid()
    turned["boundaries"] = [[[ring[::-1] for ring in face] for face in faces()]]
    done = go(put(tmp_path, document({"a": building(turned)}, cube(10_000))), city)
    assert "1 solids were inside out" in done.told
    (part,) = done.models()[0].primitives
    (found,) = volumes(np.asarray(part.positions), corners(part), owners(part), 1)
    assert found == pytest.approx(1000.0, rel=1e-3)


def test_a_sequence_is_read_line_by_line_and_a_bad_line_is_named(
    tmp_path: Path, city: City
) -> None:
    head = document({}, [])
    lines = [json.dumps(head)]
    for number in range(3):
        feature = {"type": "CityJSONFeature", "id": f"b{number}", "vertices": cube(5_000),
                   "CityObjects": {f"b{number}": building(solid())}}  # fmt: skip
        lines.append(json.dumps(feature))
    lines[2] = lines[2][:100]
    path = tmp_path / "a.city.jsonl"
    path.write_text("\n".join(lines))
    done = go(path, city)
    assert set(table(done)) == {"b0", "b2"}
    assert "a.city.jsonl#line 3: it is not JSON" in done.told


BROKEN: dict[str, tuple[Document, str]] = {
    "index": (solid(900), "names vertex 907, the file has 17"),
    "negative": (solid(-3), "names vertex -3"),
    "word": ({"type": "MultiSurface", "lod": 2, "boundaries": [[[0, "x", 2]]]}, "the vertex 'x'"),
    "no_coordinate": ({"type": "MultiSurface", "lod": 2, "boundaries": [[[0, 1, 16]]]},
                      "a vertex that is no coordinate"),
    "shallow": ({"type": "Solid", "lod": 2, "boundaries": [[0, 1, 2]]}, "does not fit"),
    "line": ({"type": "MultiSurface", "lod": 2, "boundaries": [[[0, 1, 0]]]}, "has an area"),
    "no_template": ({"type": "GeometryInstance", "template": 4, "boundaries": [0],
                     "transformationMatrix": [1] * 16}, "does not fit"),
}  # fmt: skip


@pytest.mark.parametrize("name", BROKEN)
def test_a_broken_object_is_named_and_the_rest_lands(name: str, tmp_path: Path, city: City) -> None:
    geometry, reason = BROKEN[name]
    vertices = [*cube(10_000), *cube(5_000, (20_000, 0, 0)), None]
    given = document({"fine": building(solid(8)), "坏": building(geometry)}, vertices)
    done = go(put(tmp_path, given), city)
    assert set(table(done)) == {"fine"}
    assert "a.city.json#object 坏: " in done.told
    assert reason in done.told
    assert done.errors == []


def test_degenerate_faces_are_left_out_and_counted(tmp_path: Path, city: City) -> None:
    shape = solid()
    shape["boundaries"][0] += [[[0, 1, 1]], [[4, 4, 4, 4]]]
    done = go(put(tmp_path, document({"a": building(shape)}, cube(10_000))), city)
    assert "2 faces without area left out" in done.told
    assert table(done)["a"]["volume"] == pytest.approx(1000.0, rel=1e-3)


def test_without_a_reference_system_the_switch_is_named_and_helps(
    tmp_path: Path, city: City
) -> None:
    given = document({"a": building(solid())}, cube(10_000))
    del given["metadata"]
    path = put(tmp_path, given)
    with pytest.raises(FormatError, match=r"no referenceSystem.*--crs"):
        go(path, city)
    assert set(table(go(path, city, crs="EPSG:4545"))) == {"a"}


def test_a_wrong_crs_puts_everything_outside_and_says_so(tmp_path: Path, city: City) -> None:
    path = put(tmp_path, document({"a": building(solid())}, cube(10_000)))
    with pytest.raises(OutsideCityError, match="all 1 objects lie outside"):
        go(path, city, crs="EPSG:4544")
    far = put(tmp_path, document(
        {"a": building(solid()), "b": building(solid(8))},
        cube(10_000) + cube(10_000, (90_000_000, 0, 0))), "far.city.json")  # fmt: skip
    done = go(far, city)
    assert "object b: it lies outside the city's bounds" in done.told


@pytest.mark.parametrize(
    ("given", "reason"),
    [
        ({"version": "0.9"}, "CityJSON 0.9 is not read"),
        ({"vertices": 3}, "no list of vertices"),
        ({"CityObjects": []}, "it has no CityObjects"),
        ({"transform": {"scale": [1]}}, "its transform does not fit"),
        ({"transform": {"scale": [1, 1], "translate": [0, 0, 0]}}, "three finite numbers"),
    ],
)
def test_a_file_that_is_not_one_is_refused_beside_those_that_are(
    given: Document, reason: str, tmp_path: Path, city: City
) -> None:
    put(tmp_path, document({"a": building(solid())}, cube(10_000)))
    put(tmp_path, document({}, []) | given, "z.json")
    (tmp_path / "torn.json").write_text(json.dumps(document({}, []))[:-1])
    done = run(CityJsonSource(), tmp_path, city, tmp_path / "staging")
    told = "\n".join(p.reason for p in done.plan.refused)
    assert reason in told
    assert "it is not JSON" in told
    assert set(table(done)) == {"a"}


def test_files_are_told_by_their_content(tmp_path: Path) -> None:
    source = CityJsonSource()
    assert source.supports(put(tmp_path, document({}, [])))
    other = tmp_path / "b.json"
    other.write_text('{"type": "FeatureCollection", "features": []}')
    assert not source.supports(other)
    assert source.supports(tmp_path)


@pytest.mark.shared
@pytest.mark.parametrize(
    ("name", "features", "closed"),
    [("delft_1b.json", 1, 0), ("multi_lod.json", 10, 10),
     ("rotterdam/rotterdam_subset.json", 16, 0),
     ("rotterdam/rotterdam_subset_cjio_test.json", 16, 0), ("rotterdam/rotterdam_one.json", 1, 0)],
)  # fmt: skip
def test_real_files_come_through_whole(
    name: str, features: int, closed: int, shared_data: Path, tmp_path: Path,
    city_at: Callable[..., City],
) -> None:  # fmt: skip
    holland = city_at((3.0, 50.5, 7.5, 53.7), "EPSG:28992", 43.0)
    path = shared_data / REAL / name
    done = run(CityJsonSource(), path, holland, tmp_path, crs="EPSG:7415")
    assert done.errors == []
    assert done.built[0].counts["features"] == features
    assert done.built[0].counts["closed_solids"] == closed
    assert gltf_errors(done.glbs()) == []


@pytest.mark.shared
def test_a_compound_reference_system_is_read_and_its_heights_follow_the_switch(
    shared_data: Path, tmp_path: Path, city_at: Callable[..., City]
) -> None:
    holland = city_at((3.0, 50.5, 7.5, 53.7), "EPSG:28992", 43.0)
    done = run(CityJsonSource(), shared_data / REAL / "delft_1b.json", holland, tmp_path)
    assert done.plan.crs is not None
    assert done.plan.crs.crs.to_epsg() == 28992
    assert any("vertical part" in w for w in done.plan.crs.warnings)
    # the stated height of the building's lowest surface
    assert done.product.heights is not None
    assert done.product.heights[0] == pytest.approx(-0.1, abs=1e-3)


def test_no_building_at_all_is_refused(tmp_path: Path, city: City) -> None:
    tree = {"type": "SolitaryVegetationObject", "geometry": [solid()]}
    with pytest.raises(FormatError, match="no building in it can be shown"):
        go(put(tmp_path, document({"t": tree}, cube(10_000))), city)
