"""Overlapping sheets are compared before one vanishes, and what does not agree stops everything."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
import rasterio

from cim.city import City
from cim.errors import CheckError, ParameterError
from cim.geo.crs import CGCS2000, resolve, transformer
from cim.ingest.report import Exit, Report
from cim.ingest.source import Check
from cim.ingest.sources.dem.seams import Seam
from cim.installation import Installation
from tests.delivered import NORTH, WEST, deliver, hills, raster, warnings

pytestmark = pytest.mark.db
Grid = npt.NDArray[Any]
OVER = 10  # columns that neighbours share


def pair(folder: Path, change: Callable[[Grid], Grid], *, cell: float = 5.0) -> Path:
    """Two sheets that share ten columns; the eastern one changed."""
    ground = hills(120, 200, cell=cell)
    raster(folder / "west.tif", ground[:, :100], cell=cell)
    east = change(ground[:, 100 - OVER :]).astype(np.float32)
    raster(folder / "east.tif", east, cell=cell, west=WEST + cell * (100 - OVER))
    return folder


def seams(report: Report) -> Check:
    return next(c for c in report.checks if c.name == "sheet seams")


def mago(shared: Path, city_at: Callable[..., City], folder: Path) -> City:
    source = next(shared.glob("dem/mago-terrainer/**/multi-sample/input"))
    shutil.copytree(source, folder)
    with rasterio.open(min(folder.glob("*.tif"))) as image:
        crs, box = image.crs.to_wkt(), image.bounds
    lon, lat = transformer(resolve(crs).crs, CGCS2000).transform(box.left, box.bottom)
    zone = f"EPSG:{32600 + int((lon + 180) / 6) + 1}"
    return city_at((lon - 0.5, lat - 0.5, lon + 0.5, lat + 0.5), zone)


def lifted(path: Path, metres: float) -> None:
    with rasterio.open(path, "r+") as image:
        heights = image.read(1)
        image.write(np.where(heights == image.nodata, heights, heights + metres), 1)


@pytest.mark.shared
def test_three_real_sheets_of_one_product_agree_to_the_bit(
    installation: Installation, shared_data: Path, city_at: Callable[..., City], tmp_path: Path
) -> None:
    city = mago(shared_data, city_at, tmp_path / "s")
    report = deliver(installation, tmp_path / "s", "test.dem", city=city)
    found = seams(report).figures
    assert (report.exit, found["pairs"]) == (Exit.PUBLISHED, 2)
    assert found["common_cells"] > 20_000
    assert (found["worst_offset_m"], found["worst_difference_m"]) == (0.0, 0.0)
    assert "differs" not in warnings(report)


@pytest.mark.shared
@pytest.mark.parametrize(("number", "metres"), [(1, 3.0), (2, 3.0), (3, -3.0)])
def test_one_of_three_real_sheets_shifted_by_3_m_is_refused_with_its_offset(
    number: int, metres: float, installation: Installation, shared_data: Path,
    city_at: Callable[..., City], tmp_path: Path,
) -> None:  # fmt: skip
    city = mago(shared_data, city_at, tmp_path / "s")
    bad = tmp_path / "s" / f"3470705{number}.tif"
    lifted(bad, metres)
    with pytest.raises(CheckError, match=r"lies \+3\.00 m over") as refusal:
        deliver(installation, tmp_path / "s", "test.dem", city=city)
    assert bad.name in refusal.value.reason
    assert "RMS 3.00 m" in refusal.value.reason
    assert "accept_seams=true" in refusal.value.remedy
    if number == 2:  # it overlaps both others
        assert f"it is {bad.name}, the one in all 2" in refusal.value.reason
    assert not installation.files.version("test.dem", 1).exists()


def test_a_shifted_sheet_lands_when_it_is_accepted_and_the_warning_says_so(
    installation: Installation, tmp_path: Path
) -> None:
    folder = pair(tmp_path / "s", lambda heights: heights + 3.0)
    report = deliver(installation, folder, "test.dem", options={"accept_seams": "true"})
    assert report.exit is Exit.PUBLISHED
    assert "published all the same: west.tif lies" not in warnings(report)
    assert "lies +3.00 m over" in warnings(report)
    assert seams(report).figures["worst_offset_m"] == pytest.approx(3.0, abs=1e-4)


@pytest.mark.parametrize(("tolerance", "refused"), [("2.9", True), ("3.1", False)])
def test_the_tolerance_can_be_given(
    tolerance: str, refused: bool, installation: Installation, tmp_path: Path
) -> None:
    folder = pair(tmp_path / "s", lambda heights: heights + 3.0, cell=15.0)
    options = {"seam_tolerance": tolerance}
    if refused:
        with pytest.raises(CheckError, match=r"2\.90 m are allowed"):
            deliver(installation, folder, "test.dem", options=options)
    else:
        assert deliver(installation, folder, "test.dem", options=options).version == 1


def test_a_sheet_that_leans_is_refused_though_its_median_fits(
    installation: Installation, tmp_path: Path
) -> None:
    slope = np.linspace(-6.0, 6.0, 120)[:, None]
    folder = pair(tmp_path / "s", lambda heights: heights + slope)
    with pytest.raises(CheckError, match=r"leans by 1\d\.\d\d m against"):
        deliver(installation, folder, "test.dem")


def test_feet_that_nobody_declared_show_at_the_seam(
    installation: Installation, tmp_path: Path
) -> None:
    folder = pair(tmp_path / "s", lambda heights: heights / 0.3048)
    with pytest.raises(CheckError, match=r"east\.tif lies \+3[67]\d\d"):
        deliver(installation, folder, "test.dem")


def test_a_sheet_shifted_sideways_in_mountains_scatters_and_is_refused(
    installation: Installation, tmp_path: Path
) -> None:
    y, x = np.mgrid[0:300, 0:300] * 5.0
    ground = (1500 + 120 * np.sin(x / 60) * np.cos(y / 70)).astype(np.float32)
    raster(tmp_path / "s" / "a.tif", ground[:200, :200], cell=5.0)
    raster(tmp_path / "s" / "b.tif", ground[40:240, 60:260], cell=5.0, west=WEST + 5 * 40,
           north=NORTH - 5 * 40)  # fmt: skip
    with pytest.raises(CheckError, match=r"scatter by \d+\.\d\d m"):
        deliver(installation, tmp_path / "s", "test.dem")


def test_resolutions_that_differ_in_mountains_are_told_and_not_refused(
    installation: Installation, tmp_path: Path
) -> None:
    def ridge(x: Grid, y: Grid) -> Grid:
        return np.asarray(1500 + 90 * np.sin(x / 80) * np.cos(y / 95), np.float32)

    for name, cell, size in (("fine", 5.0, 240), ("coarse", 30.0, 120)):
        at = (np.arange(size) + 0.5) * cell
        raster(tmp_path / "s" / f"{name}.tif", ridge(at[None, :], at[:, None]), cell=cell)
    report = deliver(installation, tmp_path / "s", "test.dem")
    found = seams(report).figures
    assert (report.exit, found["pairs"], found["common_cells"]) == (Exit.PUBLISHED, 1, 1600)
    assert found["worst_offset_m"] < 0.5 < found["worst_difference_m"]
    assert "coarse.tif: under fine.tif" in warnings(report)


def test_of_equally_fine_sheets_the_newest_wins_and_both_dates_are_told(
    installation: Installation, tmp_path: Path
) -> None:
    ground = hills(60, 60)
    raster(tmp_path / "s" / "a-20190401.tif", ground)
    dug = ground.copy()
    dug[10:20, 10:20] -= 8.0
    raster(tmp_path / "s" / "b-20240601.tif", dug)
    report = deliver(installation, tmp_path / "s", "test.dem")
    told = "under b-20240601.tif of 2024-06-01 wins over 2019-04-01 (3600 cells)"
    assert told in warnings(report)
    assert "8.000 m at most" in warnings(report)
    assert (model(installation, report) == dug).all()


@pytest.mark.parametrize(
    ("options", "wins"),
    [({"dates": "a.tif:2024,b.tif:2019-05-01"}, "a"), ({"dates": "a:2019,b:2024"}, "b"),
     ({"priority": "b"}, "b"), ({"priority": "a.tif, b.tif", "dates": "b:2024"}, "a")],
)  # fmt: skip
def test_the_user_says_which_sheet_wins(
    options: dict[str, str], wins: str, installation: Installation, tmp_path: Path
) -> None:
    ground = {"a": hills(60, 60), "b": hills(60, 60)}
    ground["b"][30:32] += 2.0
    for name, heights in ground.items():
        raster(tmp_path / "s" / f"{name}.tif", heights)
    report = deliver(installation, tmp_path / "s", "test.dem", options=options)
    assert (model(installation, report) == ground[wins]).all()


def test_a_coarse_sheet_wins_where_the_user_puts_it_first(
    installation: Installation, tmp_path: Path
) -> None:
    raster(tmp_path / "s" / "fine.tif", np.full((60, 60), 1500, np.float32), cell=10.0)
    raster(tmp_path / "s" / "coarse.tif", np.full((40, 40), 1501, np.float32), cell=30.0)
    report = deliver(installation, tmp_path / "s", "test.dem", options={"priority": "coarse"})
    assert (model(installation, report) == 1501).all()


@pytest.mark.parametrize(
    ("options", "said"),
    [({"priority": "c.tif"}, "there is no sheet c.tif"),
     ({"dates": "a.tif=2024"}, "is not name:date")],
)  # fmt: skip
def test_a_sheet_that_is_not_there_is_named(
    options: dict[str, str], said: str, installation: Installation, tmp_path: Path
) -> None:
    with pytest.raises(ParameterError, match=said):
        deliver(installation, pair(tmp_path / "s", lambda h: h), "test.dem", options=options)


def model(here: Installation, report: Report) -> Grid:
    assert report.version is not None
    with rasterio.open(here.files.version(report.layer, report.version) / "models/0.tif") as image:
        return np.asarray(image.read(1))


SEAM = Seam(
    one="a.tif", other="b.tif", dates=("", ""), cells=100, mean=0.0, rms=0.0, worst=0.0,
    offset=0.0, spread=0.0, lean=0.0, rough=0.0, cell=15.0,
)  # fmt: skip


@pytest.mark.parametrize(
    ("cell", "allowed"), [(0.5, 0.5), (1.0, 0.5), (5.0, 5 / 3), (15.0, 5.0), (30.0, 10.0)]
)
def test_sheets_may_lie_a_third_of_the_coarser_cell_apart(cell: float, allowed: float) -> None:
    seam = replace(SEAM, cell=cell)
    assert seam.tolerance(0.0) == pytest.approx(allowed)
    assert replace(seam, offset=0.99 * allowed).faults(0.0) == []
    assert replace(seam, offset=-1.01 * allowed).faults(0.0) != []
