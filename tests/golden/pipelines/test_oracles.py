"""The committed goldens are what the independent program says today."""

from __future__ import annotations

import warnings
from pathlib import Path

import numpy as np
import pytest

with warnings.catch_warnings():
    warnings.simplefilter("ignore")
    from tests.golden.pipelines import make

HERE = Path(__file__).parent


@pytest.mark.filterwarnings("ignore")
def test_the_goldens_of_a_small_network_come_out_again() -> None:
    wn = make.network("Net1")
    wn.options.time.duration = 0
    again = make.solved(wn)
    with np.load(HERE / "pressures.npz") as kept:
        assert kept["Net1_nodes"].tolist() == list(again.columns)
        np.testing.assert_allclose(kept["Net1_pressure"][0], again.to_numpy()[0], atol=1e-6)


def test_the_goldens_hold_what_the_engineers_noted_of_net1() -> None:
    noted = {"10": 89.717, "11": 83.890, "12": 82.317, "13": 83.476, "21": 82.767, "22": 83.539,
             "23": 84.931, "31": 81.501, "32": 77.934}  # fmt: skip
    with np.load(HERE / "pressures.npz") as kept:
        found = dict(zip(kept["Net1_nodes"].tolist(), kept["Net1_pressure"][0], strict=True))
    assert {no: found[no] for no in noted} == pytest.approx(noted, abs=1e-3)
