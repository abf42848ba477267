"""Many sheets: which lies on top, days, colours that match, damage, archives, changed sheets."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
import rasterio
from affine import Affine
from pyproj import Transformer
from rasterio.enums import ColorInterp

from cim.errors import InputError, ParameterError
from cim.ingest.report import Exit, Report
from cim.installation import Installation
from cim.layers import Kind, Layer
from tests.delivered import NORTH, WEST, deliver, photo, raster, refusals, warnings
from tests.outside import run

pytestmark = pytest.mark.db
CELL = 0.5
Pixels = npt.NDArray[Any]


def plain(colour: tuple[int, int, int], rows: int = 300, columns: int = 300) -> Pixels:
    return np.full((3, rows, columns), np.array(colour)[:, None, None], np.uint8)


def folder(here: Installation, report: Report) -> Path:
    assert report.version is not None
    return here.files.version(report.layer, report.version)


def colour_at(here: Installation, report: Report, x: float, y: float) -> tuple[int, ...] | None:
    """Colour at metres east and south of the rasters' corner; None where there is no picture."""
    step = Transformer.from_crs("EPSG:4545", "EPSG:3857", always_xy=True)
    place = step.transform(WEST + x, NORTH - y)
    with rasterio.open(folder(here, report) / "ortho.tif") as image:
        row, column = image.index(*place)
        if not image.read_masks(1)[row, column]:
            return None
        return tuple(int(v) for v in image.read()[:, row, column])


def near(found: tuple[int, ...] | None, wanted: tuple[int, ...]) -> bool:
    return found is not None and max(abs(a - b) for a, b in zip(found, wanted, strict=True)) < 8


RED, BLUE = (200, 40, 40), (40, 40, 200)


@pytest.fixture
def overlapping(tmp_path: Path) -> Path:
    """Two sheets, 100 m of each under the other; a is red and newer, b is blue."""
    raster(tmp_path / "s/a.tif", plain(RED), cell=CELL)
    raster(tmp_path / "s/b.tif", plain(BLUE), cell=CELL, west=WEST + 50)
    for name, day in (("a", "2024:05:01 10:00:00"), ("b", "2022:03:04 10:00:00")):
        with rasterio.open(tmp_path / f"s/{name}.tif", "r+") as image:
            image.update_tags(TIFFTAG_DATETIME=day)
    return tmp_path / "s"


@pytest.mark.parametrize(
    ("options", "top"),
    [({}, RED), ({"priority": "last"}, BLUE), ({"priority": "first"}, RED),
     ({"date": "2020-01-01"}, BLUE)],
)  # fmt: skip
def test_the_newest_sheet_lies_on_top_unless_another_rule_is_given(
    options: dict[str, str], top: tuple[int, int, int], overlapping: Path,
    installation: Installation,
) -> None:  # fmt: skip
    report = deliver(installation, overlapping, "test.ortho", options=options)
    assert near(colour_at(installation, report, 100, 50), top)
    assert near(colour_at(installation, report, 10, 50), RED)
    assert near(colour_at(installation, report, 190, 50), BLUE)
    with rasterio.open(folder(installation, report) / archives(installation, report)[0]) as image:
        assert near(tuple(int(v) for v in image.read()[:, 100, 200]), top)


def archives(here: Installation, report: Report) -> list[str]:
    return list(media(here, report)["archive"])


def media(here: Installation, report: Report) -> dict[str, Any]:
    from cim.catalog import registry  # noqa: PLC0415
    from cim.store.database import ready  # noqa: PLC0415

    with ready(here.engine) as connection:
        return dict(registry.published(connection, report.layer, report.version).media)


def test_days_come_from_the_sheets_and_their_range_is_told(
    overlapping: Path, installation: Installation
) -> None:
    report = deliver(installation, overlapping, "test.ortho")
    told = media(installation, report)
    assert (told["date"], told["dates"]) == ("2024-05-01", ["2022-03-04", "2024-05-01"])
    assert "taken from 2022-03-04 to 2024-05-01" in warnings(report)
    given = deliver(installation, overlapping, "test.ortho", options={"date": "2023-07-08"})
    assert media(installation, given)["date"] == "2023-07-08"
    assert "dates" not in media(installation, given)


def test_a_day_that_is_none_is_nothing_to_sort_by(
    installation: Installation, tmp_path: Path
) -> None:
    path = raster(tmp_path / "a.tif", plain(RED), cell=CELL)
    with rasterio.open(path, "r+") as image:
        image.update_tags(TIFFTAG_DATETIME="0000:00:00 00:00:00")
    assert "date" not in media(installation, deliver(installation, path, "test.ortho"))


def test_overlapping_sheets_that_differ_in_colour_are_told_by_how_much(
    overlapping: Path, installation: Installation
) -> None:
    text = warnings(deliver(installation, overlapping, "test.ortho"))
    assert "it lies over b.tif" in text
    assert "differs from it in red, green, blue by 160.0, 0.0, -160.0 of 255" in text


def test_sheets_that_only_touch_do_not_overlap_by_more_than_their_rim(
    installation: Installation, tmp_path: Path
) -> None:
    raster(tmp_path / "s/a.tif", plain(RED), cell=CELL)
    raster(tmp_path / "s/b.tif", plain(BLUE), cell=CELL, west=WEST + 150)
    text = warnings(deliver(installation, tmp_path / "s", "test.ortho"))
    pixels = int(text.split("overlap on ")[1].split(" ")[0]) if "overlap on" in text else 0
    assert pixels < 3 * 400


def test_neighbouring_sheets_of_sixteen_bits_are_stretched_alike(
    installation: Installation, tmp_path: Path
) -> None:
    dark = photo(300, 300, fields=0).astype(np.uint16) * 4
    bright = dark * 3
    bright[:, :, :20] = dark[:, :, -20:]
    raster(tmp_path / "s/a.tif", dark, cell=CELL)
    raster(tmp_path / "s/b.tif", bright, cell=CELL, west=WEST + 140)
    report = deliver(installation, tmp_path / "s", "test.ortho")
    total = next(line for line in warnings(report).splitlines() if "pairs of sheets" in line)
    amounts = [float(v) for v in total.split("by ")[-1].split(" in amount")[0].split(", ")]
    assert max(amounts) < 2
    fixed = deliver(
        installation, tmp_path / "s", "test.ortho", options={"low": "0", "high": "2550"}
    )
    assert "0 to 2550" in warnings(fixed)
    x, y = 60, 75
    found = colour_at(installation, fixed, x, y)
    assert near(found, tuple(int(v) // 10 for v in dark[:, y * 2, x * 2]))


def test_bands_can_be_chosen_and_those_that_are_not_there_are_refused(
    installation: Installation, tmp_path: Path
) -> None:
    five = np.concatenate([plain(RED), plain(BLUE)[:2]])
    path = raster(tmp_path / "a.tif", five, cell=CELL)
    report = deliver(installation, path, "test.ortho", options={"bands": "3,2,1"})
    assert near(colour_at(installation, report, 50, 50), RED[::-1])
    with pytest.raises(InputError, match="has 5 bands, not those asked for"):
        deliver(installation, path, "test.ortho", options={"bands": "1,2,6"})
    for wrong in ({"bands": "1,2"}, {"bands": "a,b,c"}, {"low": "1"}, {"low": "2", "high": "1"},
                  {"priority": "best"}, {"date": "soon"}, {"quality": "100"}):  # fmt: skip
        with pytest.raises(ParameterError):
            deliver(installation, path, "test.ortho", options=wrong)


def test_a_file_that_says_blue_green_red_is_shown_in_its_true_colours(
    installation: Installation, tmp_path: Path
) -> None:
    path = raster(tmp_path / "a.tif", plain(RED[::-1]), cell=CELL, photometric="minisblack")
    with rasterio.open(path, "r+") as image:
        image.colorinterp = (ColorInterp.blue, ColorInterp.green, ColorInterp.red)
    report = deliver(installation, path, "test.ortho")
    assert near(colour_at(installation, report, 50, 50), RED)


def test_two_bands_are_shown_grey_and_told(installation: Installation, tmp_path: Path) -> None:
    path = raster(tmp_path / "a.tif", plain(RED)[:2], cell=CELL)
    report = deliver(installation, path, "test.ortho")
    assert "shown grey from band 1" in warnings(report)
    assert near(colour_at(installation, report, 50, 50), (200, 200, 200))


def test_a_palette_is_resolved_and_its_clear_entry_is_clear(
    installation: Installation, tmp_path: Path
) -> None:
    values = np.zeros((1, 300, 300), np.uint8)
    values[0, :, 150:] = 7
    values[0, 200:] = 9
    path = raster(tmp_path / "a.tif", values, cell=CELL)
    with rasterio.open(path, "r+") as image:
        image.write_colormap(1, {0: (*RED, 255), 7: (*BLUE, 255), 9: (0, 0, 0, 0)})
    report = deliver(installation, path, "test.ortho")
    assert near(colour_at(installation, report, 30, 50), RED)
    assert near(colour_at(installation, report, 120, 50), BLUE)
    assert "palette was resolved" in warnings(report)


def test_black_in_one_band_is_a_colour_where_nodata_is_black(
    installation: Installation, tmp_path: Path
) -> None:
    pixels = plain((0, 120, 90))
    pixels[:, :, 150:] = 0
    report = deliver(
        installation, raster(tmp_path / "a.tif", pixels, cell=CELL, nodata=0), "test.ortho"
    )
    assert near(colour_at(installation, report, 30, 50), (0, 120, 90))
    assert colour_at(installation, report, 120, 50) is None


def test_sheets_of_different_crs_lie_in_one_picture_and_in_archives_of_their_own(
    installation: Installation, tmp_path: Path
) -> None:
    raster(tmp_path / "s/a.tif", plain(RED), cell=CELL)
    step = Transformer.from_crs("EPSG:4545", "EPSG:4490", always_xy=True)
    west, north = step.transform(WEST + 200, NORTH)
    degree = CELL / 111_000
    raster(
        tmp_path / "s/b.tif", plain(BLUE), crs="EPSG:4490",
        transform=Affine(degree * 1.22, 0, west, 0, -degree, north),
    )  # fmt: skip
    report = deliver(installation, tmp_path / "s", "test.ortho", options={"archive": "lossless"})
    assert near(colour_at(installation, report, 50, 50), RED)
    assert near(colour_at(installation, report, 260, 50), BLUE)
    names = archives(installation, report)
    assert len(names) == 2
    found = {}
    for name in names:
        with rasterio.open(folder(installation, report) / name) as image:
            found[image.crs.to_epsg()] = image.read()
            assert image.tags(ns="IMAGE_STRUCTURE")["LAYOUT"] == "COG"
    assert (found[4545] == plain(RED)).all()
    assert (found[4490] == plain(BLUE)).all()


def test_a_lossless_archive_holds_every_band_and_value_of_all_sheets(
    installation: Installation, tmp_path: Path
) -> None:
    random = np.random.default_rng(5)
    whole = random.integers(1, 60000, (4, 200, 400)).astype(np.uint16)
    raster(tmp_path / "s/a.tif", whole[:, :, :220].copy(), cell=CELL, nodata=0)
    raster(tmp_path / "s/b.tif", whole[:, :, 180:].copy(), cell=CELL, west=WEST + 90, nodata=0)
    report = deliver(installation, tmp_path / "s", "test.ortho")
    (name,) = archives(installation, report)
    assert name.startswith("archive/EPSG4545-0.5m/")
    with rasterio.open(folder(installation, report) / name) as image:
        assert (image.read() == whole).all()
        assert (image.nodata, image.dtypes[0]) == (0, "uint16")
    none = deliver(installation, tmp_path / "s", "test.ortho", options={"archive": "none"})
    assert archives(installation, none) == []


def parts(here: Installation, report: Report) -> Iterator[tuple[str, int]]:
    for path in sorted(folder(here, report).glob("squares/*/blocks.pack")):
        yield path.parent.name, path.stat().st_ino


def test_a_changed_sheet_rebuilds_only_the_squares_it_reaches_into(
    installation: Installation, tmp_path: Path
) -> None:
    for column in range(3):
        raster(tmp_path / f"s/{column}.tif", plain(RED), cell=CELL, west=WEST + 4000 * column)
    first = deliver(installation, tmp_path / "s", "test.ortho")
    before = dict(parts(installation, first))
    raster(tmp_path / "s/2.tif", plain(BLUE), cell=CELL, west=WEST + 8000)
    raster(
        tmp_path / "s/0-another.tif", plain(BLUE), cell=CELL, west=WEST + 8000, north=NORTH - 300
    )
    second = deliver(installation, tmp_path / "s", "test.ortho")
    after = dict(parts(installation, second))
    assert near(colour_at(installation, second, 50, 50), RED)
    assert near(colour_at(installation, second, 8050, 50), BLUE)
    kept = [name for name in after if before.get(name) == after[name]]
    assert second.reused == len(kept) >= 2
    assert len(after) > len(kept)
    whole = deliver(installation, tmp_path / "s", "test.ortho", force=True)
    mine, fresh = ((folder(installation, r) / "ortho.tif").read_bytes() for r in (second, whole))
    assert mine == fresh


def test_damage_in_a_sheet_costs_no_more_than_the_damage(
    installation: Installation, tmp_path: Path
) -> None:
    path = raster(
        tmp_path / "torn.tif", photo(1500, 1500), cell=CELL, compress="deflate", tiled=True,
        blockxsize=256, blockysize=256,
    )  # fmt: skip
    with rasterio.open(path) as image:
        block = int(image.get_tag_item("BLOCK_OFFSET_2_2", "TIFF", bidx=1))
    data = bytearray(path.read_bytes())
    data[block : block + 3000] = b"\xff" * 3000
    path.write_bytes(bytes(data))
    report = deliver(installation, path, "test.ortho")
    assert report.exit is Exit.PARTLY
    assert "a part of it cannot be read, about" in refusals(report)
    assert "the rest of it is shown" in refusals(report)
    assert "in no archive" in refusals(report)
    assert colour_at(installation, report, 320, 320) is None
    for x, y in ((50, 50), (700, 700), (100, 600)):
        wanted = photo(1500, 1500)[:, y * 2, x * 2]
        found = colour_at(installation, report, x, y)
        assert found is not None
        assert max(abs(int(a) - b) for a, b in zip(wanted, found, strict=True)) < 60


def test_a_sheet_of_one_pixel_is_a_picture_too(installation: Installation, tmp_path: Path) -> None:
    path = raster(tmp_path / "a.tif", plain(RED, 1, 1), cell=CELL)
    report = deliver(installation, path, "test.ortho")
    assert report.exit is Exit.PUBLISHED
    assert report.counts["pixels_with_picture"] >= 1


def test_a_sparse_giant_is_refused_at_once(installation: Installation, tmp_path: Path) -> None:
    path = tmp_path / "giant.tif"
    with rasterio.open(
        path, "w", driver="GTiff", dtype="uint8", count=3, width=10**6, height=10**6,
        crs="EPSG:4545", transform=Affine(0.02, 0, WEST, 0, -0.02, NORTH), tiled=True,
        blockxsize=4096, blockysize=4096, sparse_ok=True, bigtiff="yes",
    ):  # fmt: skip
        pass
    with pytest.raises(InputError, match="announces 1000000 × 1000000 pixels"):
        deliver(installation, path, "test.ortho")


@pytest.mark.parametrize("cell", [1e-9, 1e7])
def test_cells_of_no_orthophoto_are_refused(
    cell: float, installation: Installation, tmp_path: Path
) -> None:
    with pytest.raises(InputError, match=r"no orthophoto's|outside|nowhere|180°|degrees"):
        deliver(installation, raster(tmp_path / "a.tif", plain(RED), cell=cell), "test.ortho")


def test_a_sheet_of_nodata_among_others_is_refused_by_name(
    installation: Installation, tmp_path: Path
) -> None:
    raster(tmp_path / "s/a.tif", plain(RED), cell=CELL)
    raster(tmp_path / "s/void.tif", plain((0, 0, 0)), cell=CELL, west=WEST + 300, nodata=0)
    report = deliver(installation, tmp_path / "s", "test.ortho")
    assert report.exit is Exit.PARTLY
    assert "void.tif: it is nothing but nodata" in refusals(report)


def test_complex_numbers_and_mixed_types_are_no_picture(
    installation: Installation, tmp_path: Path
) -> None:
    layer = Layer(id="test.ortho", title="影像", kind=Kind.IMAGERY)
    path = raster(tmp_path / "a.tif", plain(RED).astype(np.complex64), cell=CELL)
    with pytest.raises(InputError, match="complex64 are no picture"):
        deliver(installation, path, "test.ortho", layer)


@pytest.mark.oracle
@pytest.mark.parametrize("compression", ["lzw", "jpeg", "deflate", "packbits", "zstd"])
def test_each_compression_gives_the_same_picture(
    compression: str, installation: Installation, tmp_path: Path
) -> None:
    pixels = photo(300, 300, fields=0)
    source = raster(tmp_path / "plain.tif", pixels, cell=CELL)
    packed = tmp_path / "packed.tif"
    extra = ("-co", "JPEG_QUALITY=95", "-co", "PHOTOMETRIC=YCBCR") if compression == "jpeg" else ()
    if compression == "zstd" and "zstd" not in run("gdalinfo", "--format", "GTiff").lower():
        pytest.fail("this GDAL has no zstd")
    run("gdal_translate", "-q", "-co", f"COMPRESS={compression}", *extra, source, packed)
    report = deliver(installation, packed, "test.ortho")
    for x, y in ((20, 30), (100, 110)):
        wanted = tuple(int(v) for v in pixels[:, y * 2, x * 2])
        assert near(colour_at(installation, report, x, y), wanted)


def test_the_city_may_refuse_a_part_and_the_layer_stays_as_it_was(
    installation: Installation, tmp_path: Path, city_at: Callable[..., Any]
) -> None:
    path = raster(tmp_path / "a.tif", plain(RED), cell=CELL)
    first = deliver(installation, path, "test.ortho")
    far = replace(installation.city, bounds=city_at((1, 1, 2, 2), "EPSG:4545").bounds)
    with pytest.raises(InputError):
        deliver(installation, raster(tmp_path / "a.tif", plain(BLUE), cell=CELL), "test.ortho",
                city=far)  # fmt: skip
    assert near(colour_at(installation, first, 50, 50), RED)
    assert not (installation.files.version("test.ortho", 2)).exists()
