"""Our viewshed beside GDAL's and GRASS': committed goldens, and the programs themselves."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from cim.geo.grid import Grid
from cim.geo.visibility import SEEN, Eye, radius_of_curvature, viewshed
from tests.delivered import NORTH, WEST, ZONE
from tests.golden.viewshed.oracles import CASES, CELL, Case, Mask, gdal, grass
from tests.outside import program

AGREEMENT = 0.93  # Jaccard


def mine(case: Case) -> Mask:
    x, y = case.place
    bend = (1 - 1 / 7) / (2 * radius_of_curvature(35.22))
    ground = Grid(
        heights=case.heights.astype(np.float64), west=WEST, north=NORTH, cell=(CELL, CELL), crs=ZONE
    )
    eye = Eye(x=x, y=y, height=case.eye)
    return np.asarray(
        viewshed(ground, eye, reach=1e6, target_height=case.target, bend=bend) == SEEN
    )


def jaccard(a: Mask, b: Mask) -> float:
    return float((a & b).sum() / (a | b).sum())


def limit(a: Mask, b: Mask) -> float:
    """What must be reached beside two peers, who on a narrow view disagree themselves."""
    return min(AGREEMENT, jaccard(a, b))


@pytest.mark.parametrize("case", CASES, ids=lambda c: c.name)
def test_the_goldens_of_both_peers_are_met(case: Case) -> None:
    with np.load(Path(__file__).parent / f"{case.name}.npz") as golden:
        assert np.allclose(golden["heights"], case.heights, atol=1e-3)
        gdals, grasses = (
            np.unpackbits(golden[peer])[: case.heights.size].reshape(case.heights.shape) == 1
            for peer in ("gdal", "grass")
        )
    for theirs in (gdals, grasses):
        assert 0.03 < theirs.mean() < 0.95, "a golden that sees all or nothing proves nothing"
        assert jaccard(mine(case), theirs) >= limit(gdals, grasses)


@pytest.mark.oracle
@pytest.mark.parametrize("case", CASES, ids=lambda c: c.name)
def test_the_peers_themselves_agree_no_better_with_each_other(case: Case, tmp_path: Path) -> None:
    program("gdal_viewshed")
    program("grass")
    gdals, grasses = gdal(case, tmp_path), grass(case, tmp_path)
    assert jaccard(mine(case), gdals) >= limit(gdals, grasses)
    assert jaccard(mine(case), grasses) >= limit(gdals, grasses)
