"""EPANET through our hands: against other programs, by hand, by balance, and with bad models."""

from __future__ import annotations

import re
import tempfile
import warnings
from collections.abc import Callable, Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cim.city import City
from cim.errors import ParameterError
from cim.topics.pipelines.analysis.hydraulic import DAY, Wish, model_of
from cim.topics.pipelines.analysis.model import Link, Network, Node, Place, Source, User
from cim.topics.pipelines.epanet import Order, ask
from cim.topics.pipelines.own_model import solve, text_of
from cim.topics.pipelines.playing import colours, frames, timeline
from cim.topics.pipelines.solved import Solved
from tests.topics.pipelines.test_burst import PLANE, loss
from tests.topics.pipelines.towns import ladder, network, points

with warnings.catch_warnings():
    warnings.simplefilter("ignore")
    import wntr

GOLDEN = Path(__file__).resolve().parents[2] / "golden" / "pipelines" / "pressures.npz"
LIBRARY = Path(wntr.__file__).parent / "library" / "networks"


def inp(name: str) -> str:
    return (LIBRARY / f"{name}.inp").read_text("utf-8")


def test_pressures_over_a_day_are_those_of_a_solver_in_python(tmp_path: Path) -> None:
    with np.load(GOLDEN) as kept:
        golden = {name: kept[name] for name in kept}
    for name in ("Net1", "Net3"):
        solved = solve(inp(name), "", tmp_path)
        assert solved.simulation.times.tolist() == golden[f"{name}_times"].tolist()
        column = {no: i for i, no in enumerate(golden[f"{name}_nodes"].tolist())}
        theirs = golden[f"{name}_pressure"][:, [column[no] for no in solved.simulation.nodes]]
        off = np.abs(theirs - solved.simulation.pressure)
        assert off[0].max() < 1e-3
        assert np.median(off) < 0.02


def built_by_hand() -> Any:
    """The town of ``towns.ladder`` with tank and pump, put together in WNTR's own words (SI)."""
    wn = wntr.network.WaterNetworkModel()
    net = network(town())
    wn.add_pattern("DAY", list(DAY))
    demands = {"B": 240.0, "E": 24.0}
    for node in net.nodes:
        wn.add_junction(node.no, elevation=1400.0, base_demand=demands.get(node.no, 0.0) / 86400,
                        demand_pattern="DAY")  # fmt: skip
    for link in net.links:
        wn.add_pipe(link.no, net.nodes[link.tail].no, net.nodes[link.head].no, length=link.length,
                    diameter=0.2, roughness=130)  # fmt: skip
    wn.add_reservoir("S1", base_head=1440.0)
    wn.add_pipe("F1", "S1", "A", length=1, diameter=1.0, roughness=140)
    wn.add_tank("S2", elevation=1430.0, init_level=6.0, min_level=1.0, max_level=9.0, diameter=20)
    wn.add_pipe("F2", "S2", "E", length=1, diameter=1.0, roughness=140)
    wn.add_reservoir("S3", base_head=1401.0)
    wn.add_curve("H", "HEAD", [(36.0 / 3600, 42.0)])
    wn.add_pump("F3", "S3", "C", pump_type="HEAD", pump_parameter="H")
    wn.options.time.duration = 24 * 3600
    return wn


def town() -> dict[str, Any]:
    rows: dict[str, Any] = dict(ladder())
    rows["valves"] = None
    rows["sources"] = points(
        {"source_no": "S1", "source_kind": "水厂", "point_no": "A", "at": (0, 0), "head": 1440.0},
        {"source_no": "S2", "source_kind": "水塔", "point_no": "E", "at": (0, 300), "head": 1436.0,
         "bottom_elev": 1430.0, "min_level": 1.0, "max_level": 9.0, "diameter": 20.0},
        {"source_no": "S3", "source_kind": "泵站", "point_no": "C", "at": (100, 100),
         "head": 1401.0, "pump_flow": 36.0, "pump_lift": 42.0},
    )  # fmt: skip
    return rows


@pytest.mark.filterwarnings("ignore")
def test_a_network_of_layers_is_the_one_that_wntr_puts_together(tmp_path: Path) -> None:
    net = network(town())
    model = model_of(net, Wish(hours=24))
    (found,) = ask([Order(text=model.text)], tmp_path)
    theirs = wntr.sim.WNTRSimulator(built_by_hand()).run_sim().node["pressure"]
    for i, node in enumerate(net.nodes):
        mine = found.at_node(model.nodes[i])
        assert mine == pytest.approx(theirs[node.no].to_numpy(), abs=0.02), node.no
    assert np.ptp(found.at_node("N4")) > 0.1  # the tank lives


def test_the_loss_along_one_pipe_is_that_of_hazen_and_williams(tmp_path: Path) -> None:
    net = chain([250.0], [100.0], [120.0])
    (found,) = ask([Order(text=model_of(net, Wish(roughness=130.0)).text)], tmp_path)
    flow = 120.0 / 86400
    assert found.at_node("N1")[0] == pytest.approx(40.0 - loss(flow, 250.0, 0.1), abs=2e-3)
    assert found.flow[0][found.links.index("L0")] == pytest.approx(5.0, abs=1e-3)
    assert found.velocity[0][found.links.index("L0")] == pytest.approx(
        flow / (np.pi * 0.05**2), abs=1e-4
    )


def chain(
    lengths: Sequence[float], diameters: Sequence[float], demands: Sequence[float]
) -> Network:  # fmt: skip
    """Pipes in a row from a source of 40 m; a user at the end of each."""
    count = len(lengths)
    nodes = tuple(Node(no=f"P{i}", x=10.0 * i, y=0.0, ground=0.0) for i in range(count + 1))
    links = tuple(
        Link(no=f"G{i}", tail=i, head=i + 1, length=lengths[i], diameter=diameters[i],
             line=np.array([[10.0 * i, 0.0], [10.0 * i + 10, 0.0]]))
        for i in range(count)
    )  # fmt: skip
    users = tuple(
        User(no=f"U{i}", name=f"U{i}", at=Place(link=i, fraction=1.0), x=0, y=0, demand=demands[i])
        for i in range(count)
    )
    source = Source(no="S", name="S", kind="reservoir", node=0, head=40.0)
    return Network(nodes=nodes, links=links, users=users, sources=(source,))


chains = st.lists(
    st.tuples(st.floats(20, 800), st.sampled_from([80.0, 150.0, 300.0]), st.floats(0, 400)),
    min_size=1, max_size=6,
)  # fmt: skip


@settings(max_examples=2)
@given(st.lists(chains, min_size=6, max_size=6))
def test_what_the_source_gives_is_what_the_users_get_and_pressure_falls_downstream(
    drawn: list[list[tuple[float, float, float]]],
) -> None:
    nets = [chain(*zip(*one, strict=True)) for one in drawn]
    models = [model_of(net, Wish(required=20.0)) for net in nets]
    with tempfile.TemporaryDirectory() as folder:
        answers = ask([Order(text=model.text) for model in models], Path(folder))
    for net, found in zip(nets, answers, strict=True):
        got = found.demand[0]
        assert got.sum() == pytest.approx(0.0, abs=1e-2)
        pressure = [found.at_node(f"N{i}")[0] for i in range(len(net.nodes))]
        assert all(a >= b - 1e-3 for a, b in pairwise(pressure))
        for i, user in enumerate(net.users):
            want = (user.demand or 0.0) / 24
            share = min(max(pressure[i + 1], 0.0) / 20.0, 1.0) ** 0.5
            assert got[found.nodes.index(f"N{i + 1}")] == pytest.approx(want * share, abs=0.15)


def test_a_closed_valve_closes_its_pipe_and_what_hangs_on_it_is_left_out() -> None:
    rows = ladder()
    rows["valves"] = points({"point_no": "V", "at": (0, 150), "state": "关"})
    model = model_of(network(rows), Wish())
    assert 4 not in model.links
    assert model.unfed == (4,)


def test_without_diameter_or_elevation_or_source_no_pressure_is_told() -> None:
    rows = ladder()
    rows["pipes"].loc[0, "dn"] = None
    with pytest.raises(ParameterError, match="no diameter, such as AB"):
        model_of(network(rows), Wish())
    assert model_of(network(rows), Wish(diameter=150.0)).assumed == ("AB",)
    rows = ladder()
    rows["pipes"].loc[rows["pipes"].seg_id == "DE", "end_elev"] = None
    with pytest.raises(ParameterError, match="no elevation, such as E"):
        model_of(network(rows), Wish())
    rows = ladder()
    rows["sources"]["source_kind"] = "井"
    with pytest.raises(ParameterError, match="no source"):
        model_of(network(rows), Wish())


def test_names_of_a_survey_never_get_into_the_text_that_epanet_reads() -> None:
    rows = ladder()
    rows["pipes"].loc[0, "seg_id"] = "x\n[REPORT]\nFILE /etc/passwd"
    assert "passwd" not in model_of(network(rows), Wish()).text


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda _: "hello", "can read"),
        (lambda t: t.replace("GPM", "FURLONG"), "line 132: UNITS FURLONG"),
        (lambda t: t.replace(" 10  ", " 1O  ", 3), "line 28: .*no node"),
        (lambda t: t.replace("GPM", "LPS"), "look like inches"),
        (lambda t: t.replace("[PIPES]", "[JUNCTIONS]\n alone 5 7\n[PIPES]"), "hang on no source"),
    ],
    ids=["words", "unit", "syntax", "switched", "disconnected"],
)
def test_a_model_that_cannot_be_right_is_refused_with_the_reason(
    change: Callable[[str], str], words: str, tmp_path: Path
) -> None:
    text = change(inp("Net1"))
    with pytest.raises(ParameterError, match=words) as caught:
        solve(text, "", tmp_path)
    assert caught.value.remedy


def test_a_model_in_millimetres_that_says_gallons_is_refused(tmp_path: Path) -> None:
    text = model_of(network(ladder()), Wish()).text.replace("UNITS CMH", "UNITS GPM")
    with pytest.raises(ParameterError, match="look like millimetres"):
        solve(text, "", tmp_path)


def test_a_model_that_does_not_converge_is_refused(tmp_path: Path) -> None:
    text = re.sub(r"(?i)^\s*trials\s+\d+", " Trials 1", inp("Net3"), flags=re.MULTILINE)
    assert "Trials 1\n" in text.replace(" \n", "\n")
    with pytest.raises(ParameterError, match="does not converge"):
        solve(text, "", tmp_path)


def test_a_model_writes_no_file_of_its_own_choosing(tmp_path: Path) -> None:
    spoil = tmp_path / "spoil"
    text = inp("Net1").replace(
        "[OPTIONS]", f"[OPTIONS]\n HYDRAULICS SAVE {spoil}.hyd\n MAP {spoil}.map\n"
    ).replace("[REPORT]", f"[REPORT]\n FILE {spoil}.rpt\n")  # fmt: skip
    assert str(spoil) in text
    solve(text, "", tmp_path, hours=1)
    assert list(tmp_path.iterdir()) == []


def test_a_model_of_a_hundred_years_is_solved_for_the_hours_that_were_asked(
    tmp_path: Path,
) -> None:
    text = inp("Net1").replace("[TIMES]", "[TIMES]\n Duration 876000:00\n")
    solved = solve(text, "", tmp_path, hours=2, step=900)
    assert solved.hours == [0.25 * i for i in range(9)]


def test_coordinates_in_feet_are_found_out_and_refused(tmp_path: Path) -> None:
    with pytest.raises(ParameterError, match="coordinates are feet"):
        solve(inp("ky4"), "EPSG:32616", tmp_path, hours=1)
    with pytest.raises(ParameterError, match="none of EPSG:4545"):
        solve(inp("Net1"), "EPSG:4545", tmp_path, hours=1)
    with pytest.raises(ParameterError, match="US survey foot"):
        solve(inp("ky4"), "EPSG:3547", tmp_path, hours=1)
    with pytest.raises(ParameterError, match="degrees"):
        solve(inp("Net1"), "EPSG:4490", tmp_path, hours=1)


def test_text_of_a_model_is_utf8_or_gbk_and_nothing_else() -> None:
    assert text_of("[TITLE]\n华亭".encode("gbk")) == "[TITLE]\n华亭"
    assert text_of("\ufeff[TITLE]".encode()) == "[TITLE]"
    with pytest.raises(ParameterError, match="no text"):
        text_of(b"\0\1\2PK")


def test_a_timeline_plays_every_hour_above_the_ground(tmp_path: Path, city: City) -> None:
    net = network(ladder())
    model = model_of(net, Wish(hours=24))
    (found,) = ask([Order(text=model.text)], tmp_path)
    solved = Solved(network=net, crs=PLANE, simulation=found, nodes=model.nodes,
                    links=model.links, evidence="x")  # fmt: skip
    czml = timeline(solved, city, 14.0)
    assert czml is not None
    assert czml[0]["clock"]["interval"] == "2000-01-01T00:00:00+08:00/2000-01-02T00:00:00+08:00"
    node = next(p for p in czml if p["id"] == "node/E")
    assert node["position"]["cartographicDegrees"][2] == pytest.approx(1400 + 1 - 36.0)
    assert len(node["properties"]["pressure_m"]["number"]) == 50
    assert {p["id"].split("/")[0] for p in czml[1:]} == {"node", "link"}


@given(st.integers(1, 5000), st.integers(1, 100_000))
def test_frames_begin_and_end_with_the_simulation(count: int, objects: int) -> None:
    shown = frames(count, objects)
    assert shown[0] == 0
    assert shown[-1] == count - 1
    assert len(shown) * objects <= 120_000 + 2 * objects


def test_colours_run_from_red_to_blue_and_stop_there() -> None:
    assert colours(np.array([-5.0, 0.0, 1.0, 9.0])).tolist() == [
        [229, 57, 53], [229, 57, 53], [30, 136, 229], [30, 136, 229]
    ]  # fmt: skip


def test_a_tank_that_overshoots_is_told(tmp_path: Path) -> None:
    rows = town()
    sources = rows["sources"].copy()
    sources.loc[1, "max_level"] = 20.0
    nets = []
    for diameter in (6.0, 60.0):
        sources.loc[1, "diameter"] = diameter
        nets.append(network({**rows, "sources": sources.copy()}))
    models = [model_of(net, Wish(hours=24)) for net in nets]
    solved = [
        Solved(network=net, crs=None, simulation=found, nodes=model.nodes, links=model.links,
               evidence="x")
        for net, model, found in zip(
            nets, models, ask([Order(text=m.text) for m in models], tmp_path), strict=True
        )
    ]  # fmt: skip
    assert [one.restless() for one in solved] == [["S1", "S2"], []]
