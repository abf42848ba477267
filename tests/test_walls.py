"""Outer and inner diameters."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cim.walls import diameters, walls


def test_without_a_table_the_nominal_diameter_is_both() -> None:
    outer, inner = diameters(np.array([300.0, np.nan]), ["球墨铸铁", "PE100"], "none")
    assert outer.tolist() == pytest.approx([0.3, np.nan], nan_ok=True)
    assert inner.tolist() == pytest.approx([0.3, np.nan], nan_ok=True)


def test_the_table_knows_what_the_nominal_diameter_is_of_each_material() -> None:
    materials = ["球墨铸铁", "pe100", " HDPE双壁波纹管", "钢筋混凝土", "竹", "球墨铸铁"]
    outer, inner = diameters(np.array([300.0, 200, 400, 1000, 150, 275]), materials, "table")
    assert outer.tolist() == pytest.approx([0.326, 0.2, 0.464, 1.2, 0.15, 0.3], abs=5e-4)
    assert inner.tolist() == pytest.approx([0.3, 0.1762, 0.4, 1.0, 0.15, 0.275])


@given(st.sampled_from(sorted(walls())), st.floats(10, 3000))
def test_no_pipe_is_wider_inside_than_outside(material: str, dn: float) -> None:
    outer, inner = diameters(np.array([dn]), [material], "table")
    assert 0 < inner[0] <= outer[0]
    assert outer[0] < 1.5 * dn / 1000


def test_no_row_of_the_table_claims_to_be_checked_without_being() -> None:
    assert {wall.evidence for wall in walls().values()} == {"unverified"}
    assert all(wall.standard for wall in walls().values())
