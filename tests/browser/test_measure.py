"""Measured figures are those of the ellipsoid."""

from __future__ import annotations

from typing import Any

import pytest
from pyproj import Geod

from tests.browser.driver import HEIGHT, WIDTH, Viewer

pytestmark = [pytest.mark.browser, pytest.mark.timeout(300)]

CGCS2000 = Geod(a=6378137.0, rf=298.257222101)
AREA = [
    [
        (106.60, 35.20, 1400.0),
        (106.66, 35.19, 1500.0),
        (106.67, 35.25, 1600.0),
        (106.61, 35.26, 1.0),
    ],
    [(106.640, 35.220, 1350.0), (106.641, 35.220, 1350.0), (106.641, 35.221, 1350.0)],
    [(105.0, 34.0, 0.0), (108.0, 34.0, 0.0), (108.0, 37.0, 0.0), (105.0, 37.0, 0.0)],
]


def measured(viewer: Viewer, kind: str, places: list[tuple[float, float, float]]) -> dict[str, Any]:
    return dict(viewer.ask("(cim, [kind, places]) => cim.measure(kind, places)", [kind, places]))


@pytest.mark.parametrize("places", AREA)
def test_area_is_that_of_the_geodesic_polygon(
    viewer: Viewer, places: list[tuple[float, float, float]]
) -> None:
    lons, lats, _ = zip(*places, strict=True)
    expected, _ = CGCS2000.polygon_area_perimeter(lons, lats)
    assert measured(viewer, "area", places)["area"] == pytest.approx(abs(expected), rel=1e-5)


def test_horizontal_distance_is_the_geodesic_and_slope_distance_is_not(viewer: Viewer) -> None:
    places = [(106.60, 35.20, 1400.0), (106.66, 35.19, 1700.0), (106.67, 35.25, 1600.0)]
    lons, lats, _ = zip(*places, strict=True)
    figures = measured(viewer, "distance", places)
    assert figures["horizontal"] == pytest.approx(CGCS2000.line_length(lons, lats), abs=0.001)
    assert figures["slope"] > figures["horizontal"]
    assert figures["vertical"] == pytest.approx(200, abs=1e-6)


def test_height_is_last_minus_first(viewer: Viewer) -> None:
    figures = measured(viewer, "height", [(106.65, 35.22, 1350.0), (106.6502, 35.22, 1337.5)])
    assert figures["vertical"] == pytest.approx(-12.5, abs=1e-6)
    assert figures["done"]


def test_clicks_on_the_ground_are_measured_where_they_were_made(viewer: Viewer) -> None:
    """Bare terrain from straight above: a click's place is known to a pixel."""
    terrain = viewer.layer(lambda layer: layer["kind"] == "terrain")
    west, south, east, north = terrain["published"]["extent"]
    lon, lat = west + 0.2 * (east - west), south + 0.2 * (north - south)
    ground = viewer.get("api/elevation", lon=lon, lat=lat)["ellipsoidal"]
    viewer.look(lon, lat, ground + 1200, 0, -90)
    viewer.part("open-measure").click()
    viewer.part("measure-distance").click()
    pixels = [(60, 150), (60 + 180, 280)]
    places = [viewer.ask("(cim, [x, y]) => cim.pick(x, y)", p)["spot"] for p in pixels]
    viewer.part("open-measure").click()  # picking opened the inspector
    viewer.part("measure-distance").click()
    for pixel in pixels:
        viewer.page.mouse.move(*pixel)
        viewer.page.mouse.click(*pixel, delay=30)
        viewer.page.wait_for_timeout(400)  # two clicks at once would be a double click
    viewer.page.mouse.click(*pixels[-1], button="right")
    text = viewer.part("measured").inner_text()
    shown = float(text.split("水平距离")[1].split(" m")[0].replace(",", ""))
    (a, b) = places
    expected = CGCS2000.line_length([a["lon"], b["lon"]], [a["lat"], b["lat"]])
    assert shown == pytest.approx(expected, abs=0.02)


def test_clearing_takes_the_measurement_away(viewer: Viewer) -> None:
    viewer.part("open-measure").click()
    clean = viewer.picture()
    viewer.part("measure-area").click()
    for pixel in ((80, 120), (260, 130), (200, 300)):
        viewer.page.mouse.move(*pixel)
        viewer.page.mouse.click(*pixel, delay=30)
        viewer.page.wait_for_timeout(400)
    viewer.page.mouse.click(200, 300, button="right")
    viewer.idle()
    viewer.page.wait_for_timeout(1000)  # the surface is cut in a worker
    viewer.idle()
    drawn = viewer.picture()[:, : 160 * 270 // WIDTH]  # left of the panel
    assert (abs(drawn - clean[:, : drawn.shape[1]]).max(axis=-1) > 24).mean() > 0.05
    viewer.part("measure-clear").click()
    viewer.idle()
    left = viewer.picture()[:, : drawn.shape[1]]
    assert (abs(left - clean[:, : drawn.shape[1]]).max(axis=-1) > 24).mean() < 0.01
    assert HEIGHT == 360  # the pixels above are meant for this size
