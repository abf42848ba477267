"""The process that EPANET runs in: limits, and answers that are not believed."""

from __future__ import annotations

import re
import subprocess
import warnings
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pandas as pd
import pytest

from cim.errors import MissingError, ParameterError
from cim.topics.pipelines import epanet
from cim.topics.pipelines.analysis.hydraulic import Wish, model_of
from cim.topics.pipelines.epanet import Order, ask, refusal, tried
from cim.topics.pipelines.epanet_process import _agree
from tests.topics.pipelines.test_hydraulics import inp
from tests.topics.pipelines.towns import ladder, network

with warnings.catch_warnings():
    warnings.simplefilter("ignore")
    import wntr


def test_a_model_that_takes_too_long_is_stopped_and_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(epanet, "SECONDS", 1)
    text = inp("ky10")
    times = {"duration": 10_000 * 3600, "hydraulic_timestep": 60, "report_timestep": 60}
    with pytest.raises(ParameterError, match="ended before it had solved") as caught:
        ask([Order(text=text, times=times)], tmp_path)
    assert "fewer hours" in caught.value.remedy
    assert list(tmp_path.iterdir()) == []


def test_a_package_that_is_missing_is_the_machines_fault_and_not_the_models(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    without = "import runpy, sys; sys.modules['wntr'] = None; runpy.run_path(sys.argv[0], None, "
    real = subprocess.run

    def run(command: list[str], **more: Any) -> Any:
        code = f"import sys; sys.argv = {command[2:]}; {without}'__main__')"
        return real([command[0], "-I", "-c", code], **more)

    monkeypatch.setattr(subprocess, "run", run)
    with pytest.raises(MissingError, match=r"cannot be started: .*wntr") as caught:
        ask([Order(text=inp("Net1"))], tmp_path)
    assert "requirements/base.txt" in str(caught.value.remedy)


def test_a_process_that_waits_for_ever_is_given_up(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(epanet, "WALL", 0.01)
    with pytest.raises(ParameterError, match="not done after"):
        ask([Order(text=inp("Net1"))], tmp_path)


def test_a_model_of_gigabytes_is_refused_unread(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(epanet, "MOST_TEXT", 1000)
    with pytest.raises(ParameterError, match="more than 1000"):
        ask([Order(text="x" * 1001)], tmp_path)


def test_after_a_bad_model_the_good_ones_before_it_are_kept(tmp_path: Path) -> None:
    good = model_of(network(ladder()), Wish()).text
    answers = tried([Order(text=good), Order(text="bad"), Order(text=good)], tmp_path)
    assert [answer.simulation is not None for answer in answers] == [True, False]
    assert answers[1].error


def test_a_small_network_that_epanet_takes_for_solved_too_early_is_solved_after_all(
    tmp_path: Path,
) -> None:
    """EPANET 2.2 hands this one back with all of the demand at half of the pressure it needs."""
    rows = ladder()
    rows["pipes"].loc[rows["pipes"].seg_id.isin(["AB", "BC", "CD"]), "dn"] = 50
    rows["users"].loc[rows["users"].user_no == "U2", "demand"] = 240.0
    model = model_of(network(rows), Wish(required=20.0), closed=[3])
    (found,) = ask([Order(text=model.text)], tmp_path)
    at = found.nodes.index("N4")
    served = float(found.demand[0, at])
    assert served == pytest.approx(10.0 * (found.pressure[0, at] / 20.0) ** 0.5, abs=0.02)
    assert served < 9.0


def test_demands_that_do_not_fit_their_pressures_are_not_believed() -> None:
    model = wntr.network.WaterNetworkModel()
    model.add_junction("a", base_demand=0.01, elevation=0.0)
    model.add_reservoir("r", base_head=30.0)
    model.add_pipe("p", "r", "a")
    model.options.hydraulic.demand_model = "PDA"
    model.options.hydraulic.required_pressure = 20.0
    model.options.time.duration = 0

    def said(pressure: float, demand: float) -> Any:
        frames = {"pressure": pressure, "demand": demand}
        return SimpleNamespace(node={k: pd.DataFrame({"a": [v]}, index=[0])
                                     for k, v in frames.items()})  # fmt: skip

    _agree(model, said(5.0, 0.005))
    _agree(model, said(30.0, 0.01))
    with pytest.raises(ValueError, match="did not converge"):
        _agree(model, said(5.0, 0.01))
    model.options.hydraulic.demand_model = "DDA"
    _agree(model, said(5.0, 0.01))


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ("Simulation did not converge at time 07:00:00.", "does not converge"),
        ("(Error 110) cannot solve network hydraulic equations", "does not converge"),
        ("(Error 201) syntax error", "can read"),
    ],
)
def test_what_epanet_complains_about_is_said_with_a_remedy(words: str, said: str) -> None:
    error = refusal(words)
    assert said in error.reason
    assert words in error.reason
    assert error.remedy


def test_the_text_of_a_model_has_only_names_of_our_own() -> None:
    text = model_of(network(ladder()), Wish(hours=24, step=900)).text
    section = text.split("[PIPES]")[1].split("[PUMPS]")[0]
    assert all(re.match(r" [LF]\d+ [NS]\d+ [NS]\d+ ", line) for line in section.split("\n")[1:-1])
    assert " HYDRAULIC TIMESTEP 0:15:00" in text
