"""The finest level of the mesh is asked for where its producer would have shown it, not before."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any
from urllib.parse import urljoin

import numpy as np
import numpy.typing as npt
import pytest

from cim.geo.frames import lonlat_height
from cim.tiles.volume import volume
from tests.browser.driver import WIDTH, Viewer

pytestmark = [pytest.mark.browser, pytest.mark.timeout(400)]

FOCAL = WIDTH / 2 / math.tan(math.radians(30))  # pixels: Cesium's 60° over the longer side
SCREEN_ERROR = 16.0  # pixels, of ?quality=low


@dataclass(frozen=True)
class Place:
    """A tile above the finest level.

    Args:
        top: Longitude and latitude of its middle, ellipsoidal height of its box's upper side:
            Cesium measures from the nearest of the box.
        error: Its geometric error, m: from the producer's own ranges, 32 r / T.
        finer: Names of the files that replace it.
    """

    top: tuple[float, float, float]
    error: float
    finer: frozenset[str]

    @property
    def distance(self) -> float:
        """Where OpenSceneGraph would exchange it on this screen, m: f · error / 16."""
        return FOCAL * self.error / SCREEN_ERROR


def places(viewer: Viewer, path: str, above: npt.NDArray[np.float64]) -> list[Place]:
    """Every tile whose children are all of the finest level."""
    found: list[Place] = []
    ahead = [(viewer.get(path)["root"], above)]
    while ahead:
        tile, matrix = ahead.pop()
        if "transform" in tile:
            matrix = matrix @ np.array(tile["transform"]).reshape(4, 4).T
        uri = tile.get("content", {}).get("uri", "")
        if uri.endswith(".json"):
            found += places(viewer, urljoin(path, uri), matrix)
        children: list[Any] = tile.get("children", [])
        if children and all(c["geometricError"] == 0 and "children" not in c for c in children):
            corners = lonlat_height(volume(tile["boundingVolume"], matrix).corners())
            lon, lat = corners[:, :2].mean(axis=0).tolist()
            height = float(corners[:, 2].max())
            names = frozenset(c["content"]["uri"].rsplit("/")[-1] for c in children)
            found.append(Place((lon, lat, height), tile["geometricError"], names))
        ahead += [(child, matrix) for child in children]
    return found


def test_the_finest_files_are_asked_for_at_the_producers_distance(viewer: Viewer) -> None:
    mesh = viewer.layer(lambda layer: layer["id"] == "base.oblique")
    url = str(mesh["published"]["url"]).lstrip("/")
    found = places(viewer, f"{url}tileset.json", np.eye(4))
    assert len(found) >= 20
    asked: set[str] = set()
    viewer.page.on("request", lambda request: asked.add(request.url.rsplit("/")[-1]))
    viewer.page.reload()  # nothing is in memory but what the first picture needs
    viewer.page.wait_for_function("document.documentElement.dataset.ready === '1'")
    viewer.idle()
    fresh = [place for place in found if not asked & place.finer]
    for place in (fresh[0], fresh[-1]):
        lon, lat, height = place.top
        viewer.look(lon, lat, height + 1.1 * place.distance, 0, -90)
        assert not asked & place.finer, f"asked for beyond 1.1 × {place.distance:.0f} m"
        viewer.look(lon, lat, height + 0.9 * place.distance, 0, -90)
        assert asked >= place.finer, f"not asked for within 0.9 × {place.distance:.0f} m"
