"""Terrain and mesh on the screen: no gap at the border, no terrain above the mesh."""

from __future__ import annotations

import io
from itertools import pairwise
from typing import Any

import numpy as np
import pytest
import shapely
from PIL import Image
from shapely.geometry import shape

from tests.browser.driver import WIDTH, Viewer

pytestmark = [pytest.mark.browser, pytest.mark.timeout(600)]

METRE = 1 / 111_000  # degrees of latitude
UP = 60.0  # m of the camera above the border


def joined(viewer: Viewer) -> dict[str, Any]:
    """The terrain that is joined to a mesh."""
    return viewer.layer(lambda layer: "joined" in layer["published"]["media"])


def only_ground_and_mesh(viewer: Viewer, terrain: dict[str, Any]) -> None:
    kept = {terrain["id"], terrain["published"]["media"]["mesh"]["layer"]}
    shown = [name for name, layer in viewer.state()["layers"].items() if layer["shown"]]
    viewer.show({name: False for name in shown if name not in kept})
    viewer.show(dict.fromkeys(kept, True))


def footprint(viewer: Viewer, terrain: dict[str, Any]) -> shapely.Geometry:
    published = terrain["published"]
    told = viewer.get(published["url"].lstrip("/") + published["media"]["footprint"])
    return shape(told["features"][0]["geometry"])


def crossings(outline: shapely.Geometry, count: int) -> list[tuple[np.ndarray, np.ndarray]]:
    """Places on the border (degrees) and the way outward there (degrees a metre)."""
    ring = np.asarray(outline.exterior.coords)
    found = []
    for share in np.linspace(0, 1, count, endpoint=False) + 0.5 / count:
        place = np.array(outline.exterior.interpolate(share, normalized=True).coords[0])
        for a, b in pairwise(ring):
            if shapely.LineString([a, b]).distance(shapely.Point(place)) < 1e-9:
                break
        stretch = np.array([1 / np.cos(np.radians(place[1])), 1.0]) * METRE
        along = (b - a) / stretch
        normal = np.array([along[1], -along[0]]) / np.linalg.norm(along)
        if outline.contains(shapely.Point(place + normal * stretch * 3)):
            normal = -normal
        found.append((place, normal * stretch))
    return found


def seen(viewer: Viewer, place: Any, height: float) -> tuple[float, float]:
    """Ellipsoidal height of what is drawn at a place, and how far that lies above the terrain."""
    pixel = viewer.ask("(cim, place) => cim.toPixel(...place)", [*map(float, place), height])
    spot = viewer.ask("(cim, [x, y]) => cim.pick(x, y)", pixel)["spot"]
    below = viewer.ask("(cim, places) => cim.sampleTerrain(places)", [[spot["lon"], spot["lat"]]])
    return float(spot["ellipsoidal"]), float(spot["ellipsoidal"] - below[0])


def test_the_terrain_meets_the_mesh_along_its_border(viewer: Viewer) -> None:
    terrain = joined(viewer)
    only_ground_and_mesh(viewer, terrain)
    clear = 0
    for place, outward in crossings(footprint(viewer, terrain), 10):
        ground = viewer.get("api/elevation", lon=place[0], lat=place[1])["ellipsoidal"]
        viewer.look(place[0], place[1], ground + UP, 0, -90)
        line = [
            seen(viewer, place + outward * metres, ground) for metres in np.arange(-4, 3.1, 0.5)
        ]
        heights = np.array([height for height, _ in line])
        if np.ptp(heights) > 1.5:
            continue  # a house or a tree is cut by the border
        clear += 1
        assert line[0][1] > 0.1  # the mesh, and terrain below it
        assert abs(line[-1][1]) < 0.1  # the terrain itself
        assert np.abs(np.diff(heights)).max() < 0.5, place
    assert clear >= 4


def picture(viewer: Viewer) -> Any:
    """The canvas below the top bar and above the status bar, (250, 640, 3)."""
    clip: Any = {"x": 0, "y": 80, "width": WIDTH, "height": 250}
    shot = Image.open(io.BytesIO(viewer.page.screenshot(clip=clip)))
    return np.asarray(shot.convert("RGB"), np.float64)


@pytest.mark.parametrize("up", [400, 1500, 5000])
def test_inside_the_footprint_nothing_of_the_terrain_is_seen(viewer: Viewer, up: float) -> None:
    terrain = joined(viewer)
    only_ground_and_mesh(viewer, terrain)
    inner = footprint(viewer, terrain).buffer(-12 * METRE)
    middle = inner.centroid
    ground = viewer.get("api/elevation", lon=middle.x, lat=middle.y)["ellipsoidal"]
    back = max(0.6 * up, 700.0)  # m south of its middle, so that its southern border is in view
    pitch = -np.degrees(np.arctan2(up, back))
    viewer.look(middle.x, middle.y - back * METRE, ground + up, 0, float(pitch))
    ring = [
        viewer.ask("(cim, place) => cim.toPixel(...place)", [lon, lat, ground])
        for lon, lat in inner.exterior.coords
    ]
    x, y = np.meshgrid(np.arange(WIDTH) + 0.5, np.arange(250) + 80.5)
    inside = shapely.contains_xy(shapely.Polygon(ring), x, y)
    assert inside.sum() > 150
    with_terrain = picture(viewer)
    viewer.ask("(cim, id) => cim.setOpacity(id, 0)", terrain["id"])
    viewer.idle()
    mesh_alone = picture(viewer)
    viewer.ask("(cim, id) => cim.setOpacity(id, 1)", terrain["id"])
    differs = np.abs(with_terrain - mesh_alone).max(axis=-1) > 24
    assert differs[~inside].mean() > 0.3  # without the terrain it is another picture
    assert differs[inside].mean() < 0.005


def test_the_bare_ground_is_one_switch_away_and_a_link_keeps_it(
    viewer: Viewer, fresh: Viewer
) -> None:
    terrain = joined(viewer)
    mesh = terrain["published"]["media"]["mesh"]["layer"]
    only_ground_and_mesh(viewer, terrain)
    middle = footprint(viewer, terrain).representative_point()
    model = viewer.get("api/elevation", lon=middle.x, lat=middle.y)["ellipsoidal"]

    def drawn() -> Any:
        fitted = viewer.state()["layers"][terrain["id"]]["fitted"]
        (height,) = viewer.ask("(cim, p) => cim.sampleTerrain(p)", [[middle.x, middle.y]])
        return fitted, float(height)

    fitted, height = drawn()
    assert fitted
    assert height < model - 1
    viewer.show({mesh: False})
    assert drawn() == (False, pytest.approx(model, abs=0.6))
    viewer.show({mesh: True})
    assert drawn()[0]
    row = viewer.page.locator(f'[data-layer="{terrain["id"]}"]')
    if not viewer.part("layers").is_visible():
        viewer.part("open-layers").click()
    row.locator('[data-test="fit"]').click()
    viewer.idle()
    assert drawn() == (False, pytest.approx(model, abs=0.6))
    link = viewer.ask("cim => cim.link()")
    assert f"{terrain['id']}:%40bare" in link
    fresh.open(link)
    assert not fresh.state()["layers"][terrain["id"]]["fitted"]
    row.locator('[data-test="fit"]').click()
    viewer.idle()
    assert drawn()[0]


def test_a_switch_is_offered_only_where_terrain_is_joined(viewer: Viewer) -> None:
    joined_ones = [
        layer["id"]
        for layer in viewer.get("api/layers")["layers"]
        if layer["published"] and "joined" in layer["published"]["media"]
    ]
    assert viewer.page.locator('[data-test="fit"]').count() == len(joined_ones)
