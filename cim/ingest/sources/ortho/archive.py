"""The archive copy: sheets of one CRS and one cell grid as one COG, in their own CRS.

For offices that go on working with the picture itself: nothing is warped, and where it is asked for
nothing is lost. Sheets whose cells do not fall together are not mixed; they make archives of their
own.
"""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as ET

import rasterio
import rasterio.shutil
from affine import Affine
from rasterio.enums import ColorInterp, MaskFlags
from rasterio.errors import RasterioError

from cim.errors import FormatError
from cim.ingest.source import WORK, Built, Parcel
from cim.ingest.sources import raster
from cim.ingest.sources.ortho.sheet import Sheet

QUALITY = 90
BLOCK = 512
_TOGETHER = 1e-3  # cells: how far two grids may lie apart and still be one
_TYPES = {
    "uint8": "Byte", "int8": "Int8", "uint16": "UInt16", "int16": "Int16", "uint32": "UInt32",
    "int32": "Int32", "float32": "Float32", "float64": "Float64",
}  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class Form:
    """What sheets must have in common to become one raster."""

    wkt: str
    cell: tuple[float, float, float, float]
    phase: tuple[float, float]
    dtype: str
    colours: int
    nodata: float | None
    masked: bool
    alone: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Group:
    """Sheets that become one archive.

    Args:
        name: Of the file, without suffix.
        form: What they have in common.
        sheets: The topmost first.
        lossless: Whether the values stay as they are.
    """

    name: str
    form: Form
    sheets: tuple[Sheet, ...]
    lossless: bool

    @property
    def file(self) -> str:
        """The archive, below the version's folder."""
        return f"archive/{self.name}/{self.name}.tif"


def groups(sheets: Sequence[Sheet], *, lossless: bool) -> list[Group]:
    """Sheets by what they have in common, in their order of priority."""
    by_form: dict[Form, list[Sheet]] = {}
    for sheet in sheets:
        with raster.opened(sheet.path) as image:
            by_form.setdefault(_form(image, sheet), []).append(sheet)
    found: list[Group] = []
    for form, members in by_form.items():
        plain = (
            form.dtype == "uint8" and form.colours in {1, 3} and members[0].stretch.palette is None
        )
        name = _name(members)
        taken = {g.name for g in found}
        unique = next(n for n in (name, *(f"{name}-{i}" for i in range(2, 9999))) if n not in taken)
        kept = lossless or not plain
        found.append(Group(name=unique, form=form, sheets=tuple(members), lossless=kept))
    return found


def _form(image: rasterio.DatasetReader, sheet: Sheet) -> Form:
    t = image.transform
    straight = t.b == 0 and t.d == 0 and t.a > 0 and t.e < 0
    mixable = straight and sheet.stretch.palette is None
    phase = (t.c / t.a % 1.0, t.f / t.e % 1.0) if straight else (0.0, 0.0)
    steps = (round(phase[0] / _TOGETHER) % 1000, round(phase[1] / _TOGETHER) % 1000)
    return Form(
        wkt=sheet.crs.crs.to_wkt(), cell=(t.a, t.b, t.d, t.e), phase=steps,
        dtype=sheet.stretch.dtype,
        colours=image.count - (sheet.stretch.alpha is not None),
        nodata=None if image.nodata is None or math.isnan(image.nodata) else image.nodata,
        masked=_is_masked(image), alone="" if mixable else sheet.id,
    )  # fmt: skip


def _is_masked(image: rasterio.DatasetReader) -> bool:
    """Whether a mask or alpha, rather than a value, says where there is picture."""
    return MaskFlags.per_dataset in image.mask_flag_enums[0]


def _name(sheets: Sequence[Sheet]) -> str:
    if len(sheets) == 1:
        return re.sub(r"[^\w.-]", "_", sheets[0].path.stem)[:100].lstrip(".") or "sheet"
    crs = sheets[0].crs.crs
    epsg = crs.to_epsg()
    place = f"EPSG{epsg}" if epsg else re.sub(r"\W+", "_", crs.name)[:40]
    return f"{place}-{sheets[0].cell:.3g}m"


def parcel(group: Group) -> Parcel:
    """The part that an archive is."""
    return Parcel(
        id=f"archive-{group.name}",
        path=group.sheets[0].path,
        inputs=(),
        bytes=sum(sheet.path.stat().st_size for sheet in group.sheets),
        payload=group,
        folder=f"archive/{group.name}",
        needs=tuple(sheet.id for sheet in group.sheets),
        decides=[[sheet.id for sheet in group.sheets], group.lossless],
    )


def build(part: Parcel, staging: Path) -> Built:
    """Write the archive.

    Raises:
        FormatError: a sheet cannot be read to its end.
    """
    group: Group = part.payload
    target = staging / group.file
    target.parent.mkdir(parents=True, exist_ok=True)
    (staging / WORK).mkdir(exist_ok=True)
    virtual = staging / WORK / f"{part.id}.vrt"
    virtual.write_text(_virtual(group), "utf-8")
    unfinished = target.with_name(f".{target.stem}.part.tif")
    try:
        with (
            rasterio.Env(GDAL_CACHEMAX=raster.CACHE), raster.written(target),
            raster.jpeg_complaints() as heard,
        ):  # fmt: skip
            rasterio.shutil.copy(virtual, unfinished, driver="COG", **_profile(group))
        _require_quiet(heard, group)
    except Exception:
        unfinished.unlink(missing_ok=True)
        _require_readable(group)
        raise
    unfinished.replace(target)
    return Built(
        parcel=part.id, facts={"archive": group.file}, counts={"bytes": target.stat().st_size}
    )


def _require_readable(group: Group) -> None:
    """Name the sheet that stopped the writing, if it was one."""
    for sheet in group.sheets:
        with raster.jpeg_complaints() as heard, raster.opened(sheet.path) as image:
            for _, window in image.block_windows(1):
                try:
                    image.read(window=window)
                except RasterioError as error:
                    raise _damaged(sheet, raster.reason_of(error)) from error
                if heard:
                    raise _damaged(sheet, heard[0])


def _require_quiet(heard: Sequence[str], group: Group) -> None:
    if heard:
        raise _damaged(group.sheets[0], heard[0])


def _damaged(sheet: Sheet, reason: str) -> FormatError:
    return FormatError(
        f"it is damaged and in no archive: {reason}",
        path=sheet.path,
        remedy="deliver it again; the picture is served without the damaged part",
    )


def _profile(group: Group) -> dict[str, Any]:
    common = {"blocksize": BLOCK, "bigtiff": "IF_SAFER", "num_threads": "ALL_CPUS",
              "sparse_ok": "YES", "overview_resampling": "AVERAGE"}  # fmt: skip
    if not group.lossless:
        return common | {"compress": "JPEG", "quality": QUALITY, "overview_quality": QUALITY}
    predictor = "FLOATING_POINT" if group.form.dtype.startswith("float") else "STANDARD"
    nearest = {"overview_resampling": "NEAREST"} if group.sheets[0].stretch.palette else {}
    return common | {"compress": "DEFLATE", "predictor": predictor, "level": 6} | nearest


@dataclass(frozen=True, slots=True)
class _Placed:
    """A sheet on the archive's cells."""

    sheet: Sheet
    x: int
    y: int
    width: int
    height: int


def _virtual(group: Group) -> str:
    """A virtual raster of the sheets, the lowest first: each later one covers it."""
    placed, transform = _laid_out(group)
    width, height = max(p.x + p.width for p in placed), max(p.y + p.height for p in placed)
    root = ET.Element("VRTDataset", rasterXSize=str(width), rasterYSize=str(height))
    ET.SubElement(root, "SRS", dataAxisToSRSAxisMapping="1,2").text = group.form.wkt
    ET.SubElement(root, "GeoTransform").text = ", ".join(map(repr, transform.to_gdal()))
    dates = [sheet.date for sheet in group.sheets if sheet.date is not None]
    if dates:
        day = ET.SubElement(ET.SubElement(root, "Metadata"), "MDI", key="TIFFTAG_DATETIME")
        day.text = f"{max(dates):%Y:%m:%d} 00:00:00"
    _bands(root, group, placed)
    return ET.tostring(root, encoding="unicode")


def _laid_out(group: Group) -> tuple[list[_Placed], Affine]:
    """Where each sheet lies among the archive's cells, and where those lie."""
    shapes = [(sheet, *_shape(sheet)) for sheet in group.sheets]
    first = shapes[0][1]
    if len(shapes) == 1:
        return [_Placed(group.sheets[0], 0, 0, *shapes[0][2:])], first
    steps = [(round((t.c - first.c) / first.a), round((t.f - first.f) / first.e))
             for _, t, _, _ in shapes]  # fmt: skip
    left, top = min(x for x, _ in steps), min(y for _, y in steps)
    placed = [
        _Placed(sheet, x - left, y - top, width, height)
        for (sheet, _, width, height), (x, y) in zip(shapes, steps, strict=True)
    ]
    return placed, first @ Affine.translation(left, top)


def _bands(root: ET.Element, group: Group, placed: Sequence[_Placed]) -> None:
    top = group.sheets[0]
    with raster.opened(top.path) as image:
        bands = [n for n in image.indexes if n != top.stretch.alpha]
        colours = [image.colorinterp[n - 1] for n in bands]
        palette = image.colormap(bands[0]) if top.stretch.palette else {}
    form = group.form
    by_mask = form.masked or (form.nodata is not None and not group.lossless)
    for number, (band, colour) in enumerate(zip(bands, colours, strict=True), 1):
        element = ET.SubElement(
            root, "VRTRasterBand", dataType=_TYPES[form.dtype], band=str(number)
        )
        if form.nodata is not None:
            ET.SubElement(element, "NoDataValue").text = repr(form.nodata)
            ET.SubElement(element, "HideNoDataValue").text = str(int(by_mask))
        _colour(element, colour, palette)
        _sources(element, placed, str(band), form, by_mask=form.masked)
    if by_mask:
        mask = ET.SubElement(ET.SubElement(root, "MaskBand"), "VRTRasterBand", dataType="Byte")
        for band in bands[:1] if form.masked else bands:  # seen where any band holds a value
            _sources(mask, placed, f"mask,{band}", form, by_mask=False)


def _shape(sheet: Sheet) -> tuple[Affine, int, int]:
    with raster.opened(sheet.path) as image:
        return image.transform, image.width, image.height


def _colour(
    element: ET.Element, colour: ColorInterp, palette: dict[int, tuple[int, int, int, int]]
) -> None:
    names = {ColorInterp.red: "Red", ColorInterp.green: "Green", ColorInterp.blue: "Blue",
             ColorInterp.gray: "Gray", ColorInterp.palette: "Palette"}  # fmt: skip
    ET.SubElement(element, "ColorInterp").text = names.get(colour, "Undefined")
    if palette:
        table = ET.SubElement(element, "ColorTable")
        for value in range(256):
            red, green, blue, alpha = palette.get(value, (0, 0, 0, 0))
            ET.SubElement(table, "Entry", c1=str(red), c2=str(green), c3=str(blue), c4=str(alpha))


def _sources(
    element: ET.Element, placed: Sequence[_Placed], band: str, form: Form, *, by_mask: bool
) -> None:
    for part in reversed(placed):
        source = ET.SubElement(element, "ComplexSource")
        name = ET.SubElement(source, "SourceFilename", relativeToVRT="0")
        name.text = str(part.sheet.path)
        ET.SubElement(source, "SourceBand").text = band
        size = {"xSize": str(part.width), "ySize": str(part.height)}
        ET.SubElement(source, "SrcRect", {"xOff": "0", "yOff": "0"} | size)
        ET.SubElement(source, "DstRect", {"xOff": str(part.x), "yOff": str(part.y)} | size)
        if by_mask:
            ET.SubElement(source, "UseMaskBand").text = "true"
        elif band.startswith("mask"):
            ET.SubElement(source, "NODATA").text = "0"
        elif form.nodata is not None:
            ET.SubElement(source, "NODATA").text = repr(form.nodata)
