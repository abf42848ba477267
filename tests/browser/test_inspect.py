"""What a click tells, and how features are found by name."""

from __future__ import annotations

from typing import Any

import pytest
from shapely.geometry import shape

from tests.browser.driver import HEIGHT, WIDTH, Viewer

pytestmark = [pytest.mark.browser, pytest.mark.timeout(300)]

MIDDLE = [WIDTH // 2, HEIGHT // 2]


def building_layer(viewer: Viewer) -> dict[str, Any]:
    return viewer.layer(
        lambda layer: layer["geometry"] == "Polygon" and bool(layer["style"]["height_field"])
    )


def large_building(viewer: Viewer, layer: dict[str, Any]) -> dict[str, Any]:
    """The building of the mesh that is easiest to hit from above."""
    mesh = viewer.layer(lambda other: other["id"] == "base.oblique")
    box = ",".join(str(v) for v in mesh["published"]["extent"])
    page = viewer.get(f"api/layers/{layer['id']}/features", bbox=box, limit=2000)
    height = layer["style"]["height_field"]
    tall = [f for f in page["features"] if (f["properties"][height] or 0) >= 9]
    return dict(max(tall, key=lambda f: shape(f["geometry"]).area))


def look_down(viewer: Viewer, feature: dict[str, Any]) -> None:
    middle = shape(feature["geometry"]).representative_point()
    ground = viewer.get("api/elevation", lon=middle.x, lat=middle.y)["ellipsoidal"]
    viewer.look(middle.x, middle.y, ground + 250, 0, -90)


def test_a_click_on_the_mesh_names_the_building_below(viewer: Viewer) -> None:
    layer = building_layer(viewer)
    feature = large_building(viewer, layer)
    look_down(viewer, feature)
    found = viewer.ask("(cim, [x, y]) => cim.pick(x, y)", MIDDLE)
    assert (layer["id"], feature["id"]) in [
        (f["layer"], f["feature"]["id"]) for f in found["found"]
    ]
    assert found["tile"]["url"].endswith(".glb")
    assert found["tile"]["triangles"] > 0


def test_the_mesh_has_its_roof_where_the_building_has_its_height(viewer: Viewer) -> None:
    layer = building_layer(viewer)
    feature = large_building(viewer, layer)
    look_down(viewer, feature)
    spot = viewer.ask("(cim, [x, y]) => cim.pick(x, y)", MIDDLE)["spot"]
    above = spot["orthometric"] - spot["ground"]["height"]
    height = feature["properties"][layer["style"]["height_field"]]
    assert above == pytest.approx(height, abs=max(4.0, 0.35 * height))  # roofs, parapets, sheds


def test_the_panel_shows_declared_titles_and_units(viewer: Viewer) -> None:
    layer = building_layer(viewer)
    feature = large_building(viewer, layer)
    points = [x["id"] for x in viewer.get("api/layers")["layers"] if x["geometry"] == "Point"]
    viewer.show(dict.fromkeys(points, False))
    look_down(viewer, feature)
    viewer.page.mouse.click(*MIDDLE)
    attributes = viewer.part("attributes")
    attributes.wait_for()
    text = attributes.inner_text()
    for declared in layer["fields"]:
        assert declared["title"] in text
    assert str(feature["id"]) in text
    place = viewer.part("inspect.place").inner_text()
    assert "1985" in place
    assert "CGCS2000" in place


def test_a_click_on_bare_ground_tells_both_heights(viewer: Viewer) -> None:
    terrain = viewer.layer(lambda layer: layer["kind"] == "terrain")
    west, south, east, north = terrain["published"]["extent"]
    lon, lat = west + 0.2 * (east - west), south + 0.2 * (north - south)
    model = viewer.get("api/elevation", lon=lon, lat=lat)
    viewer.look(lon, lat, model["ellipsoidal"] + 400, 0, -90)
    spot = viewer.ask("(cim, [x, y]) => cim.pick(x, y)", MIDDLE)["spot"]
    assert spot["lon"] == pytest.approx(lon, abs=3e-5)
    assert spot["orthometric"] == pytest.approx(model["height"], abs=3)
    difference = model["ellipsoidal"] - model["height"]
    assert spot["ellipsoidal"] - spot["orthometric"] == pytest.approx(difference, abs=0.01)


def test_search_flies_to_what_it_finds(viewer: Viewer) -> None:
    layer = viewer.layer(
        lambda layer: layer["geometry"] == "Point" and layer["style"]["label_field"]
    )
    feature = viewer.get(f"api/layers/{layer['id']}/features", limit=1)["features"][0]
    name = feature["properties"][layer["style"]["label_field"]]
    viewer.part("search").fill(name)
    hit = viewer.part("search-hit").filter(has_text=name).first
    hit.wait_for()
    hit.click()
    viewer.part("attributes").wait_for()
    viewer.idle()
    assert name in viewer.part("attributes").inner_text()
    place = shape(feature["geometry"]).centroid
    spot = viewer.ask("(cim, [x, y]) => cim.pick(x, y)", MIDDLE)["spot"]
    assert spot["lon"] == pytest.approx(place.x, abs=0.002)
    assert spot["lat"] == pytest.approx(place.y, abs=0.002)


def test_a_search_without_a_hit_says_so(viewer: Viewer) -> None:
    viewer.part("search").fill("查无此地")
    viewer.page.get_by_text("没有找到").wait_for()
    viewer.part("search").fill("")
