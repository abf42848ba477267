"""Individual buildings in the mesh, colours by attributes, models and points, on the real page."""

from __future__ import annotations

import io
from collections.abc import Iterator
from dataclasses import dataclass
from math import atan2, cos, degrees, hypot, radians, sin
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
import shapely
from PIL import Image
from shapely.geometry import shape

from tests.browser.driver import HEIGHT, WIDTH, Viewer

pytestmark = [pytest.mark.browser, pytest.mark.timeout(600)]

MIDDLE = [WIDTH // 2, HEIGHT // 2]
MESH, MODEL, CLOUD, FOOTPRINTS = (
    "base.oblique", "base.building_model", "base.point_cloud", "base.building"
)  # fmt: skip
DEGREE = 111_320.0  # m of latitude
BUILDINGS = 20
NEAR = 1.5  # m around the aim: what was hit further away stands in front of it


@dataclass(frozen=True)
class Aim:
    """A place on a building, and from where to look at it."""

    key: str
    lon: float
    lat: float
    height: float  # above the ellipsoid, m
    heading: float
    pitch: float
    away: float

    def look(self, viewer: Viewer) -> None:
        """Put the camera there, the place in the middle of the picture."""
        level = self.away * cos(radians(self.pitch))
        viewer.look(
            self.lon - level * sin(radians(self.heading)) / (DEGREE * cos(radians(self.lat))),
            self.lat - level * cos(radians(self.heading)) / DEGREE,
            self.height - self.away * sin(radians(self.pitch)),
            self.heading,
            self.pitch,
        )

    def hit(self, spot: dict[str, float]) -> bool:
        """Whether a clicked place is the one aimed at, or something that hides it."""
        east = (spot["lon"] - self.lon) * DEGREE * cos(radians(self.lat))
        return hypot(east, (spot["lat"] - self.lat) * DEGREE) < NEAR


def known_buildings(viewer: Viewer) -> list[dict[str, Any]]:
    """Buildings that stand wholly in the mesh, spread over it, each tall enough to aim at."""
    mesh = viewer.layer(lambda layer: layer["id"] == MESH)
    area = shapely.box(*mesh["published"]["extent"])
    page = viewer.get(f"api/layers/{FOOTPRINTS}/features", limit=2000)
    inside = [
        f for f in page["features"]
        if area.buffer(-0.0002).contains(shape(f["geometry"])) and f["properties"]["height"] > 5
    ]  # fmt: skip
    inside.sort(key=lambda f: (shape(f["geometry"]).centroid.x, f["id"]))
    return inside[:: max(len(inside) // BUILDINGS, 1)][:BUILDINGS]


def roof_of(viewer: Viewer, feature: dict[str, Any]) -> Aim:
    middle = shape(feature["geometry"]).representative_point()
    ground = viewer.get("api/elevation", lon=middle.x, lat=middle.y)["ellipsoidal"]
    top = ground + feature["properties"]["height"]
    return Aim(feature["properties"]["building_id"], middle.x, middle.y, top, 0, -89, 130)


def facade_of(viewer: Viewer, feature: dict[str, Any]) -> Aim:
    """The middle of the longest wall, looked at squarely from 45 m away."""
    outline = shape(feature["geometry"])
    outline = max(getattr(outline, "geoms", [outline]), key=lambda part: part.area)
    ring = np.array(shapely.geometry.polygon.orient(outline).exterior.coords)[:, :2]
    narrow = cos(radians(float(ring[0, 1])))
    sides = np.diff(ring, axis=0) * (narrow, 1.0)
    longest = int(np.argmax(np.hypot(*sides.T)))
    lon, lat = (ring[longest] + ring[longest + 1]) / 2
    outward = (sides[longest, 1], -sides[longest, 0])
    ground = viewer.get("api/elevation", lon=lon, lat=lat)["ellipsoidal"]
    height = ground + 0.6 * feature["properties"]["height"]
    heading = degrees(atan2(-outward[0], -outward[1]))
    return Aim(feature["properties"]["building_id"], lon, lat, height, heading, -20, 45)


def told(found: dict[str, Any]) -> str | None:
    """Number of the building that the mesh itself tells, if it tells any."""
    for one in found["found"]:
        if one.get("origin") == "label":
            return str(one["feature"]["properties"]["building_id"])
    return None


def left_of_panel(viewer: Viewer) -> npt.NDArray[np.float64]:
    """Pixels of the globe that no panel covers."""
    clip = {"x": 0.0, "y": 80.0, "width": 270.0, "height": 250.0}
    shot = Image.open(io.BytesIO(viewer.page.screenshot(clip=clip)))  # type: ignore[arg-type]
    return np.asarray(shot.convert("RGB"), dtype=np.float64)


@pytest.fixture
def tree(viewer: Viewer) -> Iterator[Viewer]:
    """The page with the layer tree open."""
    viewer.part("open-layers").click()
    yield viewer
    viewer.part("open-layers").click()


def test_clicks_on_roofs_and_facades_name_the_building(viewer: Viewer) -> None:
    tally = {"roof": [0, 0], "facade": [0, 0]}
    wrong = []
    for feature in known_buildings(viewer):
        for part, aim in (
            ("roof", roof_of(viewer, feature)),
            ("facade", facade_of(viewer, feature)),
        ):
            aim.look(viewer)
            found = viewer.ask("(cim, [x, y]) => cim.pick(x, y)", MIDDLE)
            if not aim.hit(found["spot"]):
                continue  # a tree or another building stands before it
            tally[part][1] += 1
            if told(found) == aim.key:
                tally[part][0] += 1
            else:
                wrong.append((part, aim.key, told(found)))
    print("hits of visible", tally)  # noqa: T201
    assert min(seen for _, seen in tally.values()) >= 15
    hits, seen = (sum(column) for column in zip(*tally.values(), strict=True))
    assert hits >= 0.99 * seen, wrong


def test_the_inspector_shows_the_building_and_only_it_is_lit(viewer: Viewer) -> None:
    known = known_buildings(viewer)
    feature = max(known, key=lambda f: shape(f["geometry"]).area)
    aim = roof_of(viewer, feature)
    aside = 0.33 * WIDTH * 2 * 200 * 0.577 / WIDTH  # m: the building is left of the panel
    viewer.look(
        aim.lon + aside / (DEGREE * cos(radians(aim.lat))), aim.lat, aim.height + 200, 0, -90
    )
    points = [x["id"] for x in viewer.get("api/layers")["layers"] if x["geometry"] == "Point"]
    viewer.show(dict.fromkeys(points, False))
    before = left_of_panel(viewer)
    pixel = viewer.ask("(cim, at) => cim.toPixel(...at)", [aim.lon, aim.lat, aim.height])
    viewer.page.mouse.click(*pixel)
    viewer.part("attributes").wait_for()
    assert aim.key in viewer.part("attributes").inner_text()
    assert viewer.part("origin").inner_text() == "单体"
    viewer.idle()
    changed = np.abs(left_of_panel(viewer) - before).max(axis=-1) > 20
    corners = shapely.get_coordinates(shape(feature["geometry"]))
    ask = "(cim, at) => cim.toPixel(...at)"
    outline = [viewer.ask(ask, [x, y, aim.height]) for x, y in corners]
    foot = [viewer.ask(ask, [x, y, aim.height - 15]) for x, y in corners]
    roof = shapely.Polygon(outline)
    y, x = np.mgrid[0 : changed.shape[0], 0 : changed.shape[1]]
    inside = shapely.contains_xy(roof.buffer(-3), x + 0.5, y + 80.5)
    outside = ~shapely.contains_xy(
        shapely.MultiPoint(outline + foot).convex_hull.buffer(6), x + 0.5, y + 80.5
    )
    assert inside.sum() > 100
    assert changed[inside].mean() > 0.95
    assert changed[outside].mean() < 0.005


def test_the_street_beside_a_building_is_no_building(viewer: Viewer) -> None:
    road = viewer.get("api/layers/base.road/features", limit=50)["features"]
    mesh = viewer.layer(lambda layer: layer["id"] == MESH)
    area = shapely.box(*mesh["published"]["extent"]).buffer(-0.0005)
    lines = [shape(f["geometry"]) for f in road]
    place = next(
        line.intersection(area).interpolate(0.4, normalized=True)
        for line in lines
        if line.intersection(area).length > 0.002
    )
    ground = viewer.get("api/elevation", lon=place.x, lat=place.y)
    viewer.look(place.x, place.y, ground["ellipsoidal"] + 90, 0, -90)
    found = viewer.ask("(cim, [x, y]) => cim.pick(x, y)", MIDDLE)
    assert told(found) is None
    assert found["spot"]["orthometric"] == pytest.approx(ground["height"], abs=1.5)


def test_colouring_by_an_attribute_changes_the_mesh_and_shows_a_legend(tree: Viewer) -> None:
    viewer = tree
    row = viewer.page.locator(f'[data-layer="{MESH}"]')
    row.scroll_into_view_if_needed()
    plain = viewer.picture()
    row.locator('[data-test="theme-choice"]').click()
    viewer.page.locator('[data-theme="use"]:visible').click()
    viewer.idle()
    legend = row.locator('[data-test="theme-legend"]').inner_text()
    declared = viewer.layer(lambda layer: layer["id"] == FOOTPRINTS)["style"]["legend"]
    assert sum(item["title"] in legend for item in declared) >= 6
    assert "不详" in legend
    assert viewer.changed(plain) > 0.02
    viewer.ask("(cim, id) => cim.setTheme(id, 'height')", MESH)
    viewer.idle()
    steps = row.locator('[data-test="theme-legend"] li')
    assert steps.count() == 6  # five steps and the unit
    assert steps.last.inner_text() == "m"
    viewer.ask("(cim, id) => cim.setTheme(id, '@plain')", MESH)
    viewer.idle()
    viewer.page.mouse.move(5, 5)
    assert viewer.changed(plain) < 0.06  # the row was higher with its legend


def test_a_link_keeps_the_colours(viewer: Viewer, fresh: Viewer) -> None:
    viewer.show({CLOUD: True})
    viewer.ask("(cim, id) => cim.setTheme(id, 'classification')", CLOUD)
    viewer.ask("(cim, id) => cim.setTheme(id, 'floors')", MESH)
    link = str(viewer.ask("cim => cim.link()"))
    fresh.open(link)
    state = fresh.state()["layers"]
    assert state[CLOUD]["theme"] == "classification"
    assert state[MESH]["theme"] == "floors"
    viewer.ask("(cim, id) => cim.setTheme(id, '@rgb')", CLOUD)
    viewer.ask("(cim, id) => cim.setTheme(id, '@plain')", MESH)


def test_a_model_tells_its_own_attributes(viewer: Viewer) -> None:
    viewer.show({MESH: False, MODEL: True})
    feature = max(known_buildings(viewer), key=lambda f: shape(f["geometry"]).area)
    roof_of(viewer, feature).look(viewer)
    found = viewer.ask("(cim, [x, y]) => cim.pick(x, y)", MIDDLE)["found"]
    model = next(one for one in found if one.get("origin") == "model")
    assert model["layer"] == MODEL
    assert feature["properties"]["building_id"] in model["feature"]["properties"].values()
    assert {"用途", "建模高度"} <= {field["title"] for field in model["fields"]}


def test_points_are_drawn_coloured_and_told(tree: Viewer) -> None:
    viewer = tree
    cloud = viewer.layer(lambda layer: layer["id"] == CLOUD)
    west, south, east, north = cloud["published"]["extent"]
    lon, lat = (west + east) / 2, (south + north) / 2
    ground = viewer.get("api/elevation", lon=lon, lat=lat)["ellipsoidal"]
    viewer.show({MESH: False})
    viewer.look(lon, lat, ground + 260, 0, -90)
    bare = viewer.picture()
    viewer.show({CLOUD: True})
    assert viewer.changed(bare) > 0.03  # in its own colours it resembles the picture below
    drawn = viewer.picture()
    for theme in ("classification", "@height", "intensity"):
        viewer.ask("(cim, [id, theme]) => cim.setTheme(id, theme)", [CLOUD, theme])
        viewer.idle()
        assert viewer.changed(drawn) > 0.1, theme
    viewer.ask("(cim, id) => cim.setTheme(id, 'classification')", CLOUD)
    viewer.idle()
    row = viewer.page.locator(f'[data-layer="{CLOUD}"]')
    assert "建筑" in row.locator('[data-test="theme-legend"]').inner_text()
    kinds = set()
    for x in range(340, 600, 26):
        found = viewer.ask("(cim, [x, y]) => cim.pick(x, y)", [x, HEIGHT // 2])["found"]
        kinds |= {
            one["feature"]["properties"]["classification"]
            for one in found
            if one.get("origin") == "point"
        }
    assert kinds <= {"2 地面", "5 高植被", "6 建筑", "17 桥面"}
    assert len(kinds) >= 2
    viewer.ask("(cim, id) => cim.setTheme(id, '@rgb')", CLOUD)
