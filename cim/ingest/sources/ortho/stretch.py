"""How a sheet's bands become red, green and blue bytes: one way for all sheets of a delivery."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import numpy.typing as npt
import rasterio
from rasterio.enums import ColorInterp
from rasterio.errors import RasterioError
from rasterio.windows import Window

from cim.errors import FormatError
from cim.ingest.sources.ortho.options import OrthoOptions

HEIGHTS = frozenset({"int16", "int32", "float32", "float64"})
NOTHING = "deliver a sheet with a picture, or leave this one out"
LOW, HIGH = 2.0, 98.0  # percentiles
_PATCHES, _PATCH = 12, 64  # a sheet is judged by 12 × 12 patches of 64 pixels
Three = tuple[float, float, float]
Floats = npt.NDArray[np.float64]
_USUAL = (-9999.0, -32768.0, -32767.0, -99999.0, -float(np.finfo(np.float32).max))
_COLOURS = (ColorInterp.red, ColorInterp.green, ColorInterp.blue)


@dataclass(frozen=True, slots=True, kw_only=True)
class Stretch:
    """How a sheet's bands become red, green and blue bytes.

    Args:
        bands: Three band numbers; one thrice for a grey sheet.
        alpha: Number of the band that says where there is picture.
        dtype: Of the bands.
        low: Value that becomes 0, per colour; None where bytes stay what they are.
        high: Value that becomes 255, per colour.
        palette: Red, green, blue, alpha of each value of a paletted sheet.
        note: What was decided, for the report; empty for plain RGB bytes.
    """

    bands: tuple[int, int, int]
    alpha: int | None
    dtype: str
    low: Three | None = None
    high: Three | None = None
    palette: tuple[tuple[int, int, int, int], ...] | None = None
    note: str = ""

    @property
    def family(self) -> tuple[str, tuple[int, int, int]]:
        """Sheets of one family are stretched alike, so that neighbours match."""
        return self.dtype, self.bands


def stretch_of(image: rasterio.DatasetReader, path: Path, options: OrthoOptions) -> Stretch:
    """Decide which bands to show, from the header alone.

    Raises:
        FormatError: it has no band that could be shown, or not the bands asked for.
    """
    alpha = next(
        (
            n
            for n, c in zip(image.indexes, image.colorinterp, strict=True)
            if c is ColorInterp.alpha
        ),
        None,
    )
    colours = [n for n in image.indexes if n != alpha]
    dtypes = {image.dtypes[n - 1] for n in colours}
    if not colours or any(d.startswith("complex") for d in dtypes):
        raise FormatError(
            f"{image.count} bands of {image.dtypes[0]} are no picture", path=path, remedy=NOTHING
        )
    if len(dtypes) > 1:
        raise FormatError(
            f"its bands are of several types: {', '.join(sorted(dtypes))}", path=path,
            remedy="deliver all bands of one type",
        )  # fmt: skip
    dtype = image.dtypes[colours[0] - 1]
    if len(colours) == 1 and dtype in HEIGHTS:
        raise FormatError(
            f"one band of {dtype} holds heights, not a picture",
            path=path,
            remedy="ingest it into a terrain layer, or deliver it as bytes or uint16",
        )
    if options.bands is None and ColorInterp.cyan in image.colorinterp:
        raise FormatError(
            "its bands are inks (cyan, magenta, yellow, black), not light",
            path=path,
            remedy="convert it to red, green and blue",
        )
    if image.colorinterp[colours[0] - 1] is ColorInterp.palette:
        return _paletted(image, colours[0])
    bands, note = _bands(image, colours, path, options)
    fixed = options.low is not None and options.high is not None
    low: Three | None = (options.low,) * 3 if fixed else None  # type: ignore[assignment]
    high: Three | None = (options.high,) * 3 if fixed else None  # type: ignore[assignment]
    return Stretch(bands=bands, alpha=alpha, dtype=dtype, low=low, high=high, note=note)


def _paletted(image: rasterio.DatasetReader, band: int) -> Stretch:
    colours = image.colormap(band)
    palette = tuple(colours.get(value, (0, 0, 0, 0)) for value in range(256))
    return Stretch(
        bands=(band,) * 3, alpha=None, dtype=image.dtypes[band - 1], palette=palette,
        note="its palette was resolved; colours are those of the nearest pixel",
    )  # fmt: skip


def _bands(
    image: rasterio.DatasetReader, colours: list[int], path: Path, options: OrthoOptions
) -> tuple[tuple[int, int, int], str]:
    if options.bands is not None:
        if not set(options.bands) <= set(image.indexes):
            raise FormatError(
                f"it has {image.count} bands, not those asked for ({options.bands})",
                path=path,
                remedy="give others with -o bands=...",
            )
        return options.bands, f"bands {options.bands} are shown as red, green, blue"
    named = [
        next((n for n in colours if image.colorinterp[n - 1] is colour), None)
        for colour in _COLOURS
    ]
    if len(colours) < 3:
        return (colours[0],) * 3, f"shown grey from band {colours[0]}"
    red, green, blue = named
    if red is None or green is None or blue is None:
        red, green, blue = colours[:3]
    bands = (red, green, blue)
    if len(colours) > 3 or bands != tuple(sorted(bands)):
        return bands, f"bands {bands} of {len(colours)} are shown as red, green, blue"
    return bands, ""


def sample(image: rasterio.DatasetReader, stretch: Stretch) -> Floats:
    """Values of a sheet as (3, n), from an overview or from patches spread over it.

    What cannot be read is left out here: the building says where the damage lies.
    """
    bands = list(stretch.bands)
    if image.overviews(1) or max(image.shape) <= 1024:
        scale = max(1.0, max(image.shape) / 512)
        windows, shape = [None], (3, *(max(1, int(side / scale)) for side in image.shape))
    else:
        windows, shape = list(patches(image)), None
    found: list[Floats] = []
    for window in windows:
        try:
            values = image.read(bands, window=window, out_shape=shape, masked=True)
        except RasterioError:
            continue
        flat = values.reshape(3, -1).astype(np.float64)
        hidden = np.broadcast_to(flat.mask, flat.shape).any(axis=0)
        known = ~hidden & np.isfinite(flat.data).all(axis=0)
        found.append(flat.data[:, known])
    return np.concatenate(found, axis=1) if found else np.empty((3, 0))


def require_declared(values: Floats, image: rasterio.DatasetReader, path: Path) -> None:
    """Refuse a sheet with pixels of a value that means nodata and is not declared so.

    All sheets would be stretched over it, and show next to nothing.

    Args:
        values: A sample of the sheet, (3, n).
        image: The sheet.
        path: Its file.

    Raises:
        FormatError: naming the value, and how many pixels of the sample have it.
    """
    for value in _USUAL:
        share = float((values == value).all(axis=0).mean()) if values.size else 0.0
        if share and image.nodata != value:
            raise FormatError(
                f"{share:.1%} of its pixels are {value:g} in all bands, a nodata value that it "
                "does not declare",
                path=path,
                remedy=f"declare it, for example: gdal_edit.py -a_nodata {value:g} FILE",
            )


def patches(image: rasterio.DatasetReader) -> Iterable[Window]:
    """Small windows spread over a sheet: what they cost does not grow with it."""
    rows, columns = image.shape
    tops = sorted({int(t) for t in np.linspace(0, max(0, rows - _PATCH), _PATCHES)})
    lefts = sorted({int(t) for t in np.linspace(0, max(0, columns - _PATCH), _PATCHES)})
    for top in tops:
        for left in lefts:
            yield Window(left, top, min(_PATCH, columns - left), min(_PATCH, rows - top))


def stretched(
    stretch: Stretch, samples: Mapping[tuple[str, tuple[int, int, int]], Floats]
) -> Stretch:
    """A stretch with its limits: those asked for, or the percentiles of the whole family."""
    if stretch.palette is not None or (stretch.dtype == "uint8" and stretch.low is None):
        return stretch
    notes = [stretch.note] if stretch.note else []
    if stretch.low is not None and stretch.high is not None:
        low, high = stretch.low, stretch.high
        notes.append(f"{stretch.dtype} values were stretched to bytes, {low[0]:g} to {high[0]:g}")
        return replace(stretch, note="; ".join(notes))
    values = samples[stretch.family]
    lows, highs = np.percentile(values, (LOW, HIGH), axis=1)
    highs = np.where(highs > lows, highs, lows + 1.0)
    notes.append(
        f"{stretch.dtype} values were stretched to bytes, 2 % and 98 % of all sheets at "
        f"{lows[0]:g} and {highs[0]:g} (band {stretch.bands[0]})"
    )
    low = (float(lows[0]), float(lows[1]), float(lows[2]))
    high = (float(highs[0]), float(highs[1]), float(highs[2]))
    return replace(stretch, low=low, high=high, note="; ".join(notes))
