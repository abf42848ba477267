"""Orthophotos as they come: masks, bit depths, sheets, damage; judged by GDAL's own warp."""

from __future__ import annotations

import io
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
import rasterio
from affine import Affine
from PIL import Image
from rasterio.enums import ColorInterp, MaskFlags
from rasterio.windows import Window

from cim.city import Bounds, City
from cim.errors import InputError, OutsideCityError
from cim.geo.crs import lonlat_bounds, resolve
from cim.ingest.report import Exit, Report
from cim.ingest.source import Request
from cim.ingest.sources.ortho.source import OrthoSource
from cim.installation import Installation
from cim.layers import Kind, Layer
from cim.tiles import imagery
from cim.tiles.imagery.cog import Cog, opened
from tests.delivered import NORTH, WEST, deliver, photo, raster, refusals, warnings
from tests.outside import program, run

pytestmark = pytest.mark.db
Pixels = npt.NDArray[Any]
CELL = 0.5


def cog(here: Installation, report: Report) -> Path:
    assert report.version is not None
    return here.files.version(report.layer, report.version) / "ortho.tif"


@pytest.fixture(scope="module")
def sharp(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """A picture with sharp fields, and its COG."""
    return made(tmp_path_factory.mktemp("sharp"), photo())


@pytest.fixture(scope="module")
def smooth(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """A larger picture without them: at edges two decoders blend the halved colours otherwise."""
    return made(tmp_path_factory.mktemp("smooth"), photo(1000, 1000, fields=0))


def made(folder: Path, pixels: Pixels) -> tuple[Path, Path]:
    """A delivery and the COG that the source makes of it, without the pipeline."""
    source = OrthoSource()
    path = raster(folder / "a.tif", pixels, cell=CELL)
    here = City(
        name="", name_en="", bounds=Bounds(106.5, 35.1, 106.82, 35.34),
        compute_crs=resolve("EPSG:4545").crs,
    )  # fmt: skip
    request = Request(paths=(path,), layer_id="test.ortho", layer=None, city=here)
    plan = source.plan(request)
    built = [source.build(parcel, plan, request, folder) for parcel in plan.parcels]
    more = source.further(plan, built, request, folder)
    built += [source.build(parcel, plan, request, folder) for parcel in more]
    product = source.finish(plan, built, request, folder)
    assert source.check(product, request, folder)[0].errors == ()
    return path, folder / str(product.media["cog"])


def warped(source: Path, target: Path, like: Path, *options: object) -> Pixels:
    """The source on the COG's grid, by gdalwarp."""
    with rasterio.open(like) as image:
        box, shape = image.bounds, image.shape
    run(
        "gdalwarp", "-q", "-overwrite", "-t_srs", "EPSG:3857", "-r", "bilinear", "-et", 0,
        "-te", *box, "-ts", shape[1], shape[0], "-dstalpha", *options, source, target,
    )  # fmt: skip
    with rasterio.open(target) as image:
        return np.asarray(image.read())


@pytest.mark.oracle
def test_every_pixel_is_where_gdalwarp_puts_it(sharp: tuple[Path, Path], tmp_path: Path) -> None:
    program("gdalwarp")
    source, mine = sharp
    theirs = warped(source, tmp_path / "theirs.tif", mine)
    with rasterio.open(mine) as image:
        colours, mask = image.read(), image.dataset_mask() > 0
    seen = theirs[3] > 0
    assert (mask == seen).mean() > 0.9999
    inner = mask & seen
    difference = np.abs(colours.astype(int) - theirs[:3].astype(int))[:, inner]
    assert difference.mean() < 2.0
    assert np.percentile(difference, 99) <= 14  # JPEG at quality 85 around the fields' edges
    shifted = np.abs(np.roll(colours, 2, axis=2).astype(int) - theirs[:3].astype(int))[:, inner]
    assert shifted.mean() > difference.mean() + 0.2  # the test could tell a shift of two pixels


def test_the_cog_lies_on_the_tile_grid_with_all_its_overviews(sharp: tuple[Path, Path]) -> None:
    info = opened(sharp[1])
    assert info.maxzoom == 18
    assert len(info.levels) >= 3
    with rasterio.open(sharp[1]) as image:
        assert image.mask_flag_enums[0] == [MaskFlags.per_dataset]
        assert len(image.overviews(1)) == len(info.levels) - 1


def places(info: Cog) -> list[tuple[int, int, int]]:
    top = info.levels[info.maxzoom]
    return [
        (info.maxzoom, top.left + c, top.top + r)
        for c in range(top.columns) for r in range(top.rows)
    ]  # fmt: skip


def test_a_copied_block_is_what_gdal_decodes(smooth: tuple[Path, Path]) -> None:
    path = smooth[1]
    info = opened(path)
    copied = 0
    for z, x, y in places(info):
        raw = info.copied(info.levels[z], x, y)
        if raw is None:
            continue
        copied += 1
        mine = np.asarray(Image.open(io.BytesIO(raw)).convert("RGB")).astype(int)
        top = info.levels[z]
        with rasterio.open(path) as image:
            window = Window((x - top.left) * 256, (y - top.top) * 256, 256, 256)
            theirs = np.moveaxis(image.read(window=window), 0, -1).astype(int)
        assert np.abs(mine - theirs).max() <= 14
    assert copied >= 4


def test_rim_tiles_are_clear_where_there_is_no_photo(sharp: tuple[Path, Path]) -> None:
    path = sharp[1]
    info = opened(path)
    kinds = set()
    for place in places(info):
        auto = imagery.tile(path, place, "auto")
        png = imagery.tile(path, place, "png")
        assert (auto is None) == (png is None)
        if auto is None or png is None:
            continue
        kinds.add(auto.media_type)
        alpha = np.asarray(Image.open(io.BytesIO(png.content)))[..., 3]
        assert (auto.media_type == "image/jpeg") == bool((alpha == 255).all())
        jpg = imagery.tile(path, place, "jpg")
        assert jpg is not None
        black = np.asarray(Image.open(io.BytesIO(jpg.content)).convert("L"))[alpha == 0]
        assert black.size == 0 or np.median(black) < 8
    assert kinds == {"image/jpeg", "image/png"}
    assert imagery.tile(path, (18, 0, 0), "auto") is None


def test_tiles_agree_between_levels(sharp: tuple[Path, Path]) -> None:
    path = sharp[1]
    info = opened(path)
    z, x, y = next(
        p for p in places(info) if info.copied(info.levels[p[0]], p[1], p[2])
    )  # fmt: skip
    for deep in (1, 2):
        child = imagery.tile(path, (z + deep, x << deep, y << deep), "png")
        parent = imagery.tile(path, (z, x, y), "png")
        assert child is not None
        assert parent is not None
        small = np.asarray(Image.open(io.BytesIO(child.content)).convert("RGB"))
        whole = Image.open(io.BytesIO(parent.content)).convert("RGB")
        cut = whole.crop((0, 0, 256 >> deep, 256 >> deep)).resize((256, 256))
        assert np.abs(small.astype(int) - np.asarray(cut).astype(int)).mean() < 4


def test_sixteen_bits_and_floats_are_stretched_and_told(
    installation: Installation, tmp_path: Path
) -> None:
    for name, values in (
        ("u16", photo(400, 400).astype(np.uint16) * 40 + 200),
        ("f32", photo(400, 400).astype(np.float32) / 255),
    ):
        report = deliver(
            installation, raster(tmp_path / f"{name}.tif", values, cell=CELL), f"test.{name}"
        )
        assert f"{'uint16' if name == 'u16' else 'float32'} values were stretched to bytes" in (
            warnings(report)
        )
        with rasterio.open(cog(installation, report)) as image:
            band = image.read(1)[image.dataset_mask() > 0]
        assert np.percentile(band, 3) < 20
        assert np.percentile(band, 97) > 235


def test_a_grey_sheet_and_one_of_four_colours_are_shown_and_told(
    installation: Installation, tmp_path: Path
) -> None:
    four = np.concatenate([photo(400, 400), photo(400, 400, seed=9)[:1]])
    path = raster(tmp_path / "four.tif", four, cell=CELL)
    with rasterio.open(path, "r+") as image:
        image.colorinterp = (
            ColorInterp.red, ColorInterp.green, ColorInterp.blue, ColorInterp.undefined,
        )  # fmt: skip
    report = deliver(installation, path, "test.four")
    assert "bands (1, 2, 3) of 4 are shown" in warnings(report)
    grey = deliver(
        installation, raster(tmp_path / "grey.tif", photo(400, 400)[:1], cell=CELL), "test.grey"
    )
    assert "shown grey from band 1" in warnings(grey)


def test_two_sheets_become_one_picture_without_a_seam(
    installation: Installation, tmp_path: Path
) -> None:
    whole = photo(300, 700)
    one = raster(tmp_path / "whole.tif", whole, cell=CELL)
    raster(tmp_path / "s" / "1.tif", whole[:, :, :370].copy(), cell=CELL)
    raster(tmp_path / "s" / "2.tif", whole[:, :, 330:].copy(), cell=CELL, west=WEST + 165)
    together = deliver(installation, tmp_path / "s", "test.sheets")
    alone = deliver(installation, one, "test.whole")
    assert (together.read, together.published) == (2, 2)
    with (
        rasterio.open(cog(installation, together)) as a,
        rasterio.open(cog(installation, alone)) as b,
    ):
        assert (a.dataset_mask() == b.dataset_mask()).mean() > 0.9999
        inside = b.dataset_mask() > 0
        assert np.abs(a.read().astype(int) - b.read())[:, inside].mean() < 1.0


def test_a_damaged_sheet_is_refused_and_the_good_one_published(
    installation: Installation, tmp_path: Path
) -> None:
    raster(tmp_path / "s" / "good.tif", photo(400, 400), cell=CELL)
    bad = raster(
        tmp_path / "s" / "torn.tif", photo(400, 400), cell=CELL, west=WEST + 220,
        compress="deflate", tiled=True, blockxsize=256, blockysize=256,
    )  # fmt: skip
    with rasterio.open(bad) as image:
        block = int(image.get_tag_item("BLOCK_OFFSET_1_1", "TIFF", bidx=1))
    data = bytearray(bad.read_bytes())
    data[block : block + 2000] = b"\xff" * 2000
    bad.write_bytes(bytes(data))
    report = deliver(installation, tmp_path / "s", "test.ortho")
    assert report.exit is Exit.PARTLY
    assert "torn.tif: a part of it cannot be read" in refusals(report)


@pytest.mark.parametrize(
    ("profile", "error", "said"),
    [
        ({"crs": None}, InputError, "does not say its coordinate reference system"),
        ({"west": WEST + 300_000}, OutsideCityError, "outside 试验城"),
        ({"west": 178.9, "north": 1.0, "cell": 0.01, "crs": "EPSG:4326"}, InputError, "180°"),
    ],
)
def test_a_sheet_that_cannot_be_placed_is_refused_with_the_reason(
    profile: dict[str, Any], error: type[InputError], said: str, installation: Installation,
    tmp_path: Path,
) -> None:  # fmt: skip
    path = raster(tmp_path / "a.tif", photo(400, 400), **({"cell": CELL} | profile))
    with pytest.raises(InputError, match=said):
        deliver(installation, path, "test.ortho")
    assert issubclass(error, InputError)


def test_a_sheet_without_any_georeference_names_the_remedy(
    installation: Installation, tmp_path: Path
) -> None:
    Image.fromarray(np.moveaxis(photo(400, 400), 0, -1)).save(tmp_path / "a.tif")
    with pytest.raises(InputError, match=r"neither origin nor cell size.*\.tfw"):
        deliver(installation, tmp_path / "a.tif", "test.ortho")
    size = f"{CELL}\n0\n0\n-{CELL}\n{WEST}\n{NORTH}\n"
    (tmp_path / "a.tfw").write_text(size)
    report = deliver(installation, tmp_path / "a.tif", "test.ortho", crs="EPSG:4545")
    assert report.exit is Exit.PUBLISHED


def test_a_sheet_of_nothing_but_nodata_is_refused(
    installation: Installation, tmp_path: Path
) -> None:
    path = raster(tmp_path / "a.tif", np.zeros((3, 64, 64), np.uint8), cell=CELL, nodata=0)
    with pytest.raises(InputError, match="nothing but nodata"):
        deliver(installation, path, "test.ortho")


def test_a_turned_sheet_lies_turned(installation: Installation, tmp_path: Path) -> None:
    turn = Affine.translation(WEST, NORTH - 200) @ Affine.rotation(30) @ Affine.scale(0.5, -0.5)
    path = raster(tmp_path / "a.tif", photo(400, 400), transform=turn)
    report = deliver(installation, path, "test.ortho")
    with rasterio.open(cog(installation, report)) as image:
        mask = image.dataset_mask() > 0
        rows, columns = np.nonzero(mask)
        area = mask.sum() * image.res[0] ** 2 * np.cos(np.radians(35.22)) ** 2
        share = mask[rows.min() : rows.max() + 1, columns.min() : columns.max() + 1].mean()
    assert area == pytest.approx(200 * 200, rel=0.02)
    assert share == pytest.approx(1 / (np.cos(np.pi / 6) + np.sin(np.pi / 6)) ** 2, abs=0.03)


def test_rows_that_go_up_are_turned_over(installation: Installation, tmp_path: Path) -> None:
    pixels = photo(300, 400)
    down = raster(tmp_path / "down.tif", pixels, cell=CELL)
    upward = Affine(CELL, 0, WEST, 0, CELL, NORTH - 300 * CELL)
    up = raster(tmp_path / "up.tif", pixels[:, ::-1].copy(), transform=upward)
    wanted, found = (
        deliver(installation, path, layer) for path, layer in ((down, "test.down"), (up, "test.up"))
    )
    with (
        rasterio.open(cog(installation, wanted)) as a,
        rasterio.open(cog(installation, found)) as b,
    ):
        assert a.transform == b.transform
        assert (a.dataset_mask() == b.dataset_mask()).all()
        seen = a.dataset_mask() > 0
        difference = np.abs(a.read().astype(int) - b.read())[:, seen]
        turned = np.abs(a.read().astype(int) - b.read()[:, ::-1])[:, seen]
    assert difference.mean() < 0.5
    assert turned.mean() > 10


@pytest.mark.parametrize("step", [0.5, -0.5])
def test_a_picture_of_the_whole_earth_ends_where_the_tile_grid_ends(
    step: float, installation: Installation, city_at: Callable[..., City], tmp_path: Path
) -> None:
    world = city_at((-180, -90, 180, 90), "EPSG:32633")
    pixels = np.zeros((3, 360, 720), np.uint8)
    pixels[0], pixels[2] = 30, 220
    pixels[0, :180], pixels[2, :180] = 220, 30  # the north is red
    rows = pixels if step < 0 else pixels[:, ::-1].copy()
    turn = Affine(0.5, 0, -180, 0, step, 90 if step < 0 else -90)
    path = raster(tmp_path / "a.tif", rows, transform=turn, crs="EPSG:4326")
    report = deliver(installation, path, "test.world", city=world)
    found = imagery.tile(cog(installation, report), (1, 0, 0), "png")
    below = imagery.tile(cog(installation, report), (1, 0, 1), "png")
    assert found is not None
    assert below is not None
    for tile, colour in ((found, (220, 0, 30)), (below, (30, 0, 220))):
        pixel = np.asarray(Image.open(io.BytesIO(tile.content)))[128, 128, :3]
        assert np.abs(pixel.astype(int) - colour).max() < 12


def test_a_picture_of_the_pole_has_no_place_on_the_tile_grid(
    installation: Installation, city_at: Callable[..., City], tmp_path: Path
) -> None:
    world = city_at((-180, -90, 180, 90), "EPSG:32633")
    path = raster(tmp_path / "a.tif", photo(100, 100), cell=0.01, west=10, north=89,
                  crs="EPSG:4326")  # fmt: skip
    with pytest.raises(InputError, match="beyond 85° of latitude"):
        deliver(installation, path, "test.ortho", city=world)


VARIANTS = ("", "_alpha", "_extmask", "_mask", "_nodata")


def around(path: Path, city_at: Callable[..., City]) -> City:
    with rasterio.open(path) as image:
        crs = resolve(image.crs.to_wkt()).crs
        box = Bounds(*lonlat_bounds(crs, tuple(image.bounds)))
    lon = (box.west + box.east) / 2
    wide = (box.west - 0.1, box.south - 0.1, box.east + 0.1, box.north + 0.1)
    return city_at(wide, f"EPSG:{32600 + int((lon + 180) / 6) + 1}")


@pytest.mark.shared
@pytest.mark.parametrize("variant", VARIANTS)
def test_every_way_to_say_where_there_is_picture_gives_the_files_own_mask(
    variant: str, installation: Installation, shared_data: Path, city_at: Callable[..., City],
    tmp_path: Path,
) -> None:  # fmt: skip
    folder = next(shared_data.glob("ortho/rio-tiler/**/colorado"))
    source = folder / f"201404_13SED190110_201404_0x1500m_CL_1{variant}.tif"
    report = deliver(installation, source, "test.ortho", city=around(source, city_at))
    assert report.exit is Exit.PUBLISHED
    path = cog(installation, report)
    with rasterio.open(path) as image, rasterio.open(source) as original:
        mine = image.dataset_mask() > 0
        mask = original.dataset_mask()
        profile = {**original.profile, "count": 1, "nodata": None, "photometric": "minisblack",
                   "driver": "GTiff", "compress": "deflate"}  # fmt: skip
        profile.pop("interleave", None)
    with rasterio.open(tmp_path / "mask.tif", "w", **profile) as out:
        out.write(mask, 1)
    theirs = warped(tmp_path / "mask.tif", tmp_path / "theirs.tif", path)
    wanted = (theirs[0] > 127) & (theirs[1] > 0)
    assert (mine & wanted).sum() > 0.97 * (mine | wanted).sum()


@pytest.mark.shared
@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("cog_gcps", "ground control points but no georeference"),
        ("cog_nonearth", "another celestial body"),
        ("cog_dateline", "180° meridian"),
    ],
)
def test_real_pictures_that_cannot_be_placed_are_refused_with_the_reason(
    name: str, said: str, installation: Installation, shared_data: Path,
    city_at: Callable[..., City],
) -> None:  # fmt: skip
    source = next(shared_data.glob(f"ortho/rio-tiler/**/{name}.tif"))
    world = city_at((-180, -90, 180, 90), "EPSG:32633")
    with pytest.raises(InputError, match=said):
        deliver(installation, source, "test.ortho", city=world)


@pytest.mark.shared
@pytest.mark.parametrize("name", ["inverted_lat", "cog_nodata_nan"])
def test_one_band_of_floating_numbers_is_no_picture_and_says_where_it_belongs(
    name: str, installation: Installation, shared_data: Path, city_at: Callable[..., City]
) -> None:
    source = next(shared_data.glob(f"ortho/rio-tiler/**/{name}.tif"))
    world = city_at((-180, -90, 180, 90), "EPSG:32633")
    layer = Layer(id="test.ortho", title="影像", kind=Kind.IMAGERY)
    with pytest.raises(InputError, match="float32 holds heights, not a picture") as caught:
        deliver(installation, source, "test.ortho", layer, city=world)
    assert caught.value.path == str(source)
    assert "terrain layer" in caught.value.remedy


@pytest.mark.shared
@pytest.mark.parametrize(
    "name", ["cog_rgb", "cog_rgb_mask", "cog_rgba", "cog_uint8_rgb_nodata", "nocog",
             "pix4d_alpha_nodata"],
)  # fmt: skip
def test_real_pictures_that_can_be_placed_are_published(
    name: str, installation: Installation, shared_data: Path, city_at: Callable[..., City]
) -> None:
    source = next(shared_data.glob(f"ortho/rio-tiler/**/{name}.tif"))
    layer = Layer(id="test.ortho", title="影像", kind=Kind.IMAGERY)  # some are floats, as a DEM is
    report = deliver(installation, source, "test.ortho", layer, city=around(source, city_at))
    assert report.exit is Exit.PUBLISHED, refusals(report)
    assert report.checks[0].errors == ()
    with rasterio.open(cog(installation, report)) as image:
        assert image.dataset_mask(out_shape=(512, 512)).any()
