"""Real networks: what the surveys of others do to us, and that we do not guess."""

from __future__ import annotations

import json
import warnings
from pathlib import Path
from typing import Any

import geopandas as gpd
import numpy as np
import pytest
from shapely import LineString

from cim.errors import InputError, ParameterError
from cim.geo.network import BOTH, Graph, elements, isolate, parts, segments, trace
from cim.topics.pipelines.analysis.burst import shut_off
from cim.topics.pipelines.analysis.model import Network, Place
from cim.topics.pipelines.own_model import solve
from cim.topics.pipelines.queries import assembled, pipe_rows

with warnings.catch_warnings():
    warnings.simplefilter("ignore")
    import wntr

pytestmark = pytest.mark.shared
KY4 = "pipes/wntr/examples"


def ky4(folder: Path, name: str) -> gpd.GeoDataFrame:
    """A layer of ky4 as our fields, in a CRS of metres (EPSG:3546 is 3547 in metres)."""
    frame = gpd.read_file(folder / KY4 / "data" / f"{name}.geojson").to_crs(3546)
    frame = frame.rename(columns={"name": "seg_id", "start_node_name": "from_no",
                                  "end_node_name": "to_no"})  # fmt: skip
    frame["dn"] = (frame["diameter"] * 1000).round()
    frame["fid"] = range(1, len(frame) + 1)
    return frame


def test_lengths_of_ky4_come_out_of_its_feet_once_its_crs_is_believed(shared_data: Path) -> None:
    frame = ky4(shared_data, "ky4_pipes")
    ours = np.array([row.length for row in pipe_rows(frame)])
    assert np.median(ours / frame["length"]) == pytest.approx(1.0, abs=0.002)
    feet = gpd.read_file(shared_data / KY4 / "data" / "ky4_pipes.geojson").set_crs(
        3546, allow_override=True
    )
    assert np.median(feet.length / feet["length"]) == pytest.approx(3.281, abs=0.01)


def test_ky4_taken_for_metres_is_refused(shared_data: Path, tmp_path: Path) -> None:
    text = (shared_data / KY4 / "networks" / "ky4.inp").read_text("utf-8")
    with pytest.raises(ParameterError, match="coordinates are feet"):
        solve(text, "EPSG:3546", tmp_path, hours=0)


def fallen_apart(net: Network) -> int:
    return int(parts(len(net.nodes), net.graph.tails, net.graph.heads).max()) + 1


def test_loose_ends_of_ky4_are_joined_by_number_and_never_by_a_wide_tolerance(
    shared_data: Path,
) -> None:
    frame = ky4(shared_data, "ky4_disconnected_pipes")
    whole = assembled(ky4(shared_data, "ky4_pipes"), {}, tolerance=0.5, reach=0.0)
    joined = assembled(frame, {}, tolerance=0.5, reach=0.0)
    assert len(joined.nodes) == len(whole.nodes) == 964
    assert fallen_apart(joined) == fallen_apart(whole) == 2  # its pumps are not in the layer
    assert joined.faults_of("two_places") == 702
    # By place alone there is no good tolerance: what closes the gaps swallows short pipes.
    bare = frame.assign(from_no="", to_no="")
    tight, wide = (assembled(bare, {}, tolerance=t, reach=0.0) for t in (0.01, 10.0))
    assert fallen_apart(tight) == len(frame)
    assert tight.faults_of("no_number") == 2 * len(frame)
    assert fallen_apart(wide) > 2
    assert wide.faults_of("zero_length") > 40


def test_every_burst_in_ky10_is_shut_off_by_valves_that_bound_its_segment(
    shared_data: Path,
) -> None:
    model = wntr.network.WaterNetworkModel(str(shared_data / KY4 / "networks" / "ky10.inp"))
    layer = wntr.network.generate_valve_layer(model, "random", 600, seed=5)
    nodes = {no: i for i, no in enumerate(model.node_name_list)}
    links = {no: i for i, no in enumerate(model.link_name_list)}
    tails, heads = (np.array([nodes[getattr(model.get_link(no), end)] for no in links])
                    for end in ("start_node_name", "end_node_name"))  # fmt: skip
    graph = Graph(len(nodes), tails, heads, np.ones(len(links)))
    at = np.array([links[no] for no in layer.link])
    far = np.array([float(nodes[no] != tails[i]) for no, i in zip(layer.node, at, strict=True)])
    network = elements(graph, at, far)
    labels = segments(network, np.ones(len(at), bool))
    sources = np.array([nodes[no] for no in (*model.reservoir_name_list, *model.tank_name_list)])
    for link in range(0, len(links), 7):
        burst = network.piece(link, 0.5)
        found = isolate(network, burst, usable=np.ones(len(at), bool),
                        closed=np.zeros(len(at), bool), sources=sources)  # fmt: skip
        assert (found.segment == (labels == labels[burst])).all()


def gas(folder: Path) -> dict[str, Any]:
    path = folder / "pipes/pandapipes/src/pandapipes/networks/network_files"
    tables = json.loads((path / "gas_net_schutterwald_1bar.json").read_text())["_object"]
    return {
        name: json.loads(tables[name]["_object"])
        for name in ("junction", "junction_geodata", "pipe", "sink", "ext_grid")
    }


def gas_frame(tables: dict[str, Any]) -> gpd.GeoDataFrame:
    columns = {name: i for i, name in enumerate(tables["pipe"]["columns"])}
    places = dict(zip(tables["junction_geodata"]["index"], tables["junction_geodata"]["data"],
                      strict=True))  # fmt: skip
    rows, shapes = [], []
    for number, row in zip(tables["pipe"]["index"], tables["pipe"]["data"], strict=True):
        ends = [row[columns[f"{end}_junction"]] for end in ("from", "to")]
        rows.append({"fid": number + 1, "seg_id": f"P{number}", "from_no": str(ends[0]),
                     "to_no": str(ends[1]), "dn": row[columns["diameter_m"]] * 1000,
                     "stated": row[columns["length_km"]] * 1000})  # fmt: skip
        shapes.append(LineString([places[end] for end in ends]))
    return gpd.GeoDataFrame(rows, geometry=shapes, crs=31467)


def test_a_gas_network_is_joined_isolated_and_traced_as_a_graph(shared_data: Path) -> None:
    tables = gas(shared_data)
    frame = gas_frame(tables)
    found = assembled(frame, {}, tolerance=0.5, reach=0.0, code="RQ")
    assert len(found.nodes) == 2559
    assert int(parts(len(found.nodes), found.graph.tails, found.graph.heads).max()) == 0
    assert found.faults_of("two_places") == 0
    kept = {link.no: link.length for link in found.links}
    stated = frame.set_index("seg_id")["stated"]
    ratio = np.array([kept[no] / stated[no] for no in kept if stated[no] > 5])
    assert np.median(ratio) == pytest.approx(1.0, abs=0.02)
    # Without valves a burst takes everything; the trace both ways reaches everything too.
    everything = shut_off(found, Place(link=100, fraction=0.5))
    assert everything.closings == ()
    assert everything.length == pytest.approx(sum(kept.values()))
    both = np.full(len(found.links), BOTH)
    assert trace(found.graph, both, 100, 0.5, upstream=False).nodes.all()


def test_a_drainage_model_is_not_taken_for_a_water_model(shared_data: Path, tmp_path: Path) -> None:
    folder = shared_data / "pipes/swmmio/swmmio/tests/data"
    for name in ("Example1.inp", "invalid_model.inp", "model_full_features.inp"):
        with pytest.raises(InputError):
            solve((folder / name).read_text("utf-8", errors="replace"), "", tmp_path, hours=0)
