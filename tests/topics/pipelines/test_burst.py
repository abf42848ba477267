"""A burst in a town whose valves and users are known."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from cim.errors import ParameterError
from cim.geo.crs import CGCS2000, resolve, transformer
from cim.topics.pipelines.analysis.burst import nearest_place, shut_off, stretches
from cim.topics.pipelines.analysis.hydraulic import Wish
from cim.topics.pipelines.analysis.model import Network, Place
from cim.topics.pipelines.burst import BURST, BurstParameters, snapped
from cim.topics.pipelines.degraded import after, degraded
from cim.topics.pipelines.queries import Drawn
from tests.topics.pipelines.towns import CRS, at, ladder, network, pipes, points

PLANE = resolve(f"EPSG:{CRS}").crs


def closed(net: Network, no: str, **more: object) -> tuple[list[str], object]:
    link = next(i for i, one in enumerate(net.links) if one.no == no)
    found = shut_off(net, Place(link=link, fraction=0.5), **more)  # type: ignore[arg-type]
    return [net.valves[c.valve].no for c in found.closings], found


def test_the_valves_around_the_burst_are_closed_the_source_side_first() -> None:
    net = network(ladder())
    names, _ = closed(net, "AB")
    assert names == ["V1", "V2"]
    link = next(i for i, one in enumerate(net.links) if one.no == "AB")
    found = shut_off(net, Place(link=link, fraction=0.5))
    assert [u.no for u in found.inside] == ["U1"]
    assert found.beyond == ()
    assert found.length == pytest.approx(96.0, rel=1e-3)
    assert [round(c.supply or -1) for c in found.closings] == [2, 302]
    assert found.closings[1].walk == pytest.approx(96.0)


def test_a_burst_beyond_a_valve_that_does_not_turn_shuts_off_more() -> None:
    net = network(ladder())
    link = next(i for i, one in enumerate(net.links) if one.no == "DE")
    found = shut_off(net, Place(link=link, fraction=0.5))
    # V5 does not turn: D, DA, A and the plant go with it, up to V1 and V4.
    assert [net.valves[c.valve].no for c in found.closings] == ["V1", "V4"]
    assert [net.valves[v].no for v in found.failed] == ["V5"]
    assert found.origins == (0,)
    assert [u.no for u in found.inside] == ["U2"]
    assert [u.no for u in found.beyond] == ["U1", "U3"]
    assert found.grown == pytest.approx(100 + 2 + 2 + 2, rel=1e-3)
    assert [h.no for h in found.hydrants] == ["H1", "H2"]


def test_a_valve_found_stuck_takes_the_next_ring() -> None:
    net = network(ladder())
    link = next(i for i, one in enumerate(net.links) if one.no == "BC")
    first = shut_off(net, Place(link=link, fraction=0.5))
    assert sorted(net.valves[c.valve].no for c in first.closings) == ["V2", "V3"]
    assert [c.told for c in first.closings] == [True, False]
    second = shut_off(net, Place(link=link, fraction=0.5), stuck=["V3"])
    assert sorted(net.valves[c.valve].no for c in second.closings) == ["V2", "V4"]
    wary = shut_off(net, Place(link=link, fraction=0.5), trust_untold=False)
    assert sorted(net.valves[c.valve].no for c in wary.closings) == ["V2", "V4"]
    assert [net.valves[v].no for v in wary.failed] == ["V3"]


def test_without_any_source_nobody_is_said_to_be_cut_off_but_unfed() -> None:
    rows = ladder()
    del rows["sources"]
    net = network(rows)
    link = next(i for i, one in enumerate(net.links) if one.no == "AB")
    found = shut_off(net, Place(link=link, fraction=0.5))
    assert found.beyond == ()
    assert {u.no for u in found.unfed} == {"U2", "U3"}
    assert [c.supply for c in found.closings] == [None, None]


def test_a_part_without_source_is_told_apart_from_what_the_burst_cuts_off() -> None:
    rows = ladder()
    rows["pipes"] = pipes(
        {"no": "1", "ends": ("A", "B"), "line": [(0, 0), (100, 0)]},
        {"no": "2", "ends": ("X", "Y"), "line": [(0, 300), (100, 300)]},
    )
    found = shut_off(network(rows), Place(link=0, fraction=0.5))
    assert [u.no for u in found.unfed] == ["U2"]
    assert [u.no for u in found.beyond] == []


def test_stretches_of_a_segment_are_as_long_as_the_segment() -> None:
    net = network(ladder())
    link = next(i for i, one in enumerate(net.links) if one.no == "BC")
    found = shut_off(net, Place(link=link, fraction=0.5))
    spans = stretches(net, found.isolation.segment)
    total = sum((end - start) * net.links[i].length for i, start, end in spans)
    assert total == pytest.approx(found.length)


def test_a_click_far_from_every_pipe_is_refused_with_the_distance() -> None:
    drawn = Drawn(network=network(ladder()), crs=PLANE, rows={})
    lonlat = transformer(PLANE, CGCS2000).transform(*at(50, 400))
    with pytest.raises(ParameterError, match=r"no pipe lies within 30 m .* 112 m away"):
        snapped(lonlat, 30.0, drawn)
    place, away = snapped(transformer(PLANE, CGCS2000).transform(*at(40, 7)), 30.0, drawn)
    assert drawn.network.links[place.link].no == "AB"
    assert place.fraction == pytest.approx(0.4)
    assert away == pytest.approx(7.0, abs=1e-3)


def test_a_click_on_the_other_side_of_the_earth_is_refused() -> None:
    drawn = Drawn(network=network(ladder()), crs=PLANE, rows={})
    with pytest.raises(ParameterError, match="no pipe lies within"):
        snapped((-73.0, -35.0), 30.0, drawn)


def test_a_click_on_a_joint_means_a_pipe_and_not_all_that_meet_there() -> None:
    net = network(ladder())
    found = nearest_place(net, *at(0, 100), 5.0)
    assert found is not None
    assert 0.0 < found[0].fraction < 1.0


def test_the_form_takes_stuck_valves_as_a_line_or_as_a_list() -> None:
    for given in ("V1, V2", ["V1", "V2"]):
        asked = BURST.parse({"point": [106.65, 35.22], "stuck": given})
        assert isinstance(asked, BurstParameters)
        assert asked.stuck == "V1, V2"


def test_users_left_at_low_pressure_are_those_at_the_far_end_of_a_thin_pipe(
    tmp_path: Path,
) -> None:
    rows = ladder()
    # The short way to D is wide; round by B and C it is 50 mm and carries U2's water badly.
    rows["pipes"].loc[rows["pipes"].seg_id.isin(["AB", "BC", "CD"]), "dn"] = 50
    rows["valves"] = points(
        {"point_no": "W1", "at": (0, 2), "operable": "是"},
        {"point_no": "W2", "at": (0, 98), "operable": "是"},
    )
    rows["users"].loc[rows["users"].user_no == "U2", "demand"] = 240.0
    drawn = Drawn(network=network(rows), crs=PLANE, rows={})
    link = next(i for i, one in enumerate(drawn.network.links) if one.no == "DA")
    found = shut_off(drawn.network, Place(link=link, fraction=0.5))
    assert (found.inside, found.beyond) == ((), ())
    low = degraded(drawn, found, Wish(required=20.0), tmp_path)
    assert [u.no for u in low.users] == ["U2"]
    before, now = low.pressures["U2"]
    assert before > 38.0
    assert 0.0 < now < 20.0
    # By hand: what U1 and U2 draw goes through AB, what U2 draws through BC and CD, and DE.
    full = 240.0 / 86400
    served = full * np.sqrt(now / 20.0)
    at_b = 1440.0 - loss(served + full, 100.0)
    assert at_b > 1420.0  # U1 gets all it wants
    at_e = at_b - loss(served, 200.0) - loss(served, 200.0, 0.2)
    assert now + 1400.0 == pytest.approx(at_e, abs=0.05)


def loss(flow: float, length: float, diameter: float = 0.05, c: float = 130.0) -> float:
    """Head loss after Hazen and Williams, m; flow in m³/s."""
    return float(10.667 * length * flow**1.852 / (c**1.852 * diameter**4.871))


def test_without_levels_of_the_sources_the_low_pressures_are_unknown(
    tmp_path: Path,
) -> None:
    rows = ladder()
    rows["sources"]["head"] = None
    drawn = Drawn(network=network(rows), crs=PLANE, rows={})
    found = shut_off(drawn.network, Place(link=0, fraction=0.5))
    (figure,) = degraded(drawn, found, Wish(required=14.0), tmp_path).figures
    assert (figure.value, figure.verdict) == (None, "UNKNOWN")
    assert "level" in figure.evidence


def test_with_every_source_within_the_segment_nobody_has_a_pressure(tmp_path: Path) -> None:
    drawn = Drawn(network=network(ladder()), crs=PLANE, rows={})
    link = next(i for i, one in enumerate(drawn.network.links) if one.no == "DE")
    found = shut_off(drawn.network, Place(link=link, fraction=0.5))
    assert found.origins == (0,)
    low = degraded(drawn, found, Wish(required=14.0), tmp_path)
    assert low.users == ()
    assert {figure.key: figure.value for figure in low.figures}["degraded"] == 0


def test_pipes_that_are_shut_carry_nothing_and_users_beside_them_draw_elsewhere() -> None:
    net = network(ladder())
    link = next(i for i, one in enumerate(net.links) if one.no == "DA")
    net = network({**ladder(), "valves": points({"point_no": "V", "at": (0, 50), "state": "开"})})
    found = shut_off(net, Place(link=link, fraction=0.2))
    shut, dry, moved = after(net, found)
    assert {net.links[i].no for i in shut} == {"AB", "BC", "CD", "DA", "DE"}
    assert len(dry) == 3
    assert moved == {}
