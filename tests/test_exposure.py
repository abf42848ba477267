"""Who lies inside an area: what is not known is told, never counted as nobody."""

from __future__ import annotations

from collections.abc import Iterable

import geopandas as gpd
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from shapely import box

from cim.exposure import ADMIN, BUILDING, FACILITY, HOMES, PIPES, ROAD, Exposure
from cim.geo.crs import resolve
from cim.topic import Figure, Verdict

ZONE = resolve("EPSG:4545").crs


def exposure(people: Iterable[float], missing: tuple[str, ...] = ()) -> Exposure:
    """Homes with so many people each; no roads, facilities, but 12 m of water main."""
    values = list(people)
    homes = gpd.GeoDataFrame(
        {"use": [HOMES] * len(values), "people": np.array(values, np.float64)},
        geometry=[box(0, 0, 10, 10)] * len(values), crs=ZONE,
    )  # fmt: skip
    nothing = gpd.GeoDataFrame({"metres": [], "name": []}, geometry=[], crs=ZONE)
    layers = [n for n in (BUILDING, ADMIN, ROAD, FACILITY, PIPES[0]) if n not in missing]
    return Exposure(
        buildings=homes, roads=nothing, facilities=nothing,
        pipes={("给水管线", "Water mains"): 12.0},
        inputs=[{"layer": name, "version": 3} for name in layers], missing=missing,
    )  # fmt: skip


def figures(found: Exposure) -> dict[str, Figure]:
    return {figure.key: figure for figure in found.figures()}


def test_every_number_names_the_layer_and_version_it_comes_from() -> None:
    said = figures(exposure([3.0, 4.0]))
    assert said["exposed_people"].value == 7
    assert said["exposed_people"].verdict is None
    assert said["exposed_buildings"].evidence == f"{BUILDING} v3"
    assert f"{PIPES[0]} v3" in said["exposed_pipes_0"].evidence
    assert f"{ADMIN} v3" in said["exposed_people"].evidence


@pytest.mark.parametrize(
    ("layer", "key"),
    [(BUILDING, "exposed_buildings"), (BUILDING, "exposed_people"), (ROAD, "exposed_roads"),
     (FACILITY, "exposed_facilities")],
)  # fmt: skip
def test_a_layer_that_nobody_has_published_gives_no_nought(layer: str, key: str) -> None:
    said = figures(exposure([3.0], missing=(layer,)))
    assert said[key].value is None
    assert said[key].evidence == ""


def test_pipes_that_nobody_has_published_are_no_metres() -> None:
    said = figures(exposure([1.0]))
    assert said["exposed_pipes_0"].value == 12.0
    assert said["exposed_pipes_1"].value is None


@given(st.lists(st.one_of(st.floats(0, 500), st.just(float("nan"))), max_size=8))
def test_homes_of_unknown_people_leave_the_sum_unknown(people: list[float]) -> None:
    said = figures(exposure(people))["exposed_people"]
    known = [p for p in people if p == p]  # noqa: PLR0124
    if people and not known:
        assert said.value is None
    else:
        assert said.value == round(sum(known))
    assert (said.verdict is Verdict.UNKNOWN) == (len(known) < len(people))
