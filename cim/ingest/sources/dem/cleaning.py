"""Heights in metres, unknown where a sheet says so in one of the many ways it may."""

from __future__ import annotations

import math
from collections import Counter
from typing import Any

import numpy as np
import numpy.typing as npt
import rasterio
from pyproj import CRS
from pyproj.exceptions import CRSError

from cim.errors import FormatError
from cim.ingest.source import Problem

Heights = npt.NDArray[np.float32]
Floats = npt.NDArray[np.float64]
Cells = npt.NDArray[np.bool_]

LOWEST, HIGHEST = -500.0, 9000.0  # no ground on Earth lies beyond
MOUNTAINS = 200.0  # m: where 99 of 100 cells lie above, 0 is no height
SUNK, RAISED = 200.0, 1000.0  # m by which one value must stand apart to be no ground at all
WRAPPED = 57_344  # of 65,536: what overflow makes of a step between neighbouring cells, at least
_FOOT, _SURVEY_FOOT = 0.3048, 1200 / 3937
_UNITS = {
    **dict.fromkeys(("m", "metre", "meter", "metres", "meters", "米"), 1.0),
    **dict.fromkeys(("dm", "decimetre", "decimeter", "分米"), 0.1),
    **dict.fromkeys(("cm", "centimetre", "centimeter", "centimetres", "厘米"), 0.01),
    **dict.fromkeys(("mm", "millimetre", "millimeter", "millimetres", "毫米"), 0.001),
    **dict.fromkeys(("km", "kilometre", "kilometer", "kilometres", "千米"), 1000.0),
    **dict.fromkeys(("ft", "foot", "feet", "international foot", "英尺"), _FOOT),
    **dict.fromkeys(
        ("us survey foot", "us survey feet", "us foot", "us-ft", "ftus", "ft us", "foot us",
         "us ft", "survey foot", "survey feet"), _SURVEY_FOOT
    ),
}  # fmt: skip
_NO_UNIT = {"", "-", "none", "unknown", "n/a", "unitless"}  # what says nothing at all
_USUAL = (-9999.0, -32767.0, -32768.0, -99999.0)  # what means nodata, and no overflow
_LAST = (32767.0, 65535.0)  # likewise, at the upper end of 16 bits


class Cleaning:
    """Cleans a sheet strip by strip, and remembers what it did.

    Args:
        image: The sheet, open.
        given: ``--crs``, if any: its vertical part tells the unit of heights.
    """

    def __init__(self, image: rasterio.DatasetReader, given: str | None) -> None:
        self._scale, self._offset = float(image.scales[0]), float(image.offsets[0])
        self._bits = str(image.dtypes[0])
        self._unit, self._factor = _unit(image, given)
        # 16 bits hold all heights of the Earth in metres, but not in centimetres
        self._narrow = self._bits in {"int16", "uint16"} and abs(self._scale * self._factor) < 0.5
        self._unknown = self._absurd = self._zero = self._torn = 0
        self._values: Counter[float] = Counter()
        self._metres = np.zeros(int(HIGHEST - LOWEST) + 1, np.int64)  # cells of each whole metre
        self._low, self._high = (math.inf, 0), (-math.inf, 0)  # extremes, and how many cells

    def clean(self, band: Any) -> Heights:
        """Heights of a strip (masked as read), m; NaN for what cannot be one."""
        raw = band.astype(np.float64).filled(np.nan)
        heights: Floats = (raw * self._scale + self._offset) * self._factor
        unknown = np.isnan(heights)
        self._unknown += int(unknown.sum())
        with np.errstate(invalid="ignore"):
            absurd = (heights < LOWEST) | (heights > HIGHEST)
        if self._scale * self._factor != 1.0:  # what means nodata may look like a height now
            absurd |= np.isin(raw, _USUAL)
        if absurd.any():
            self._absurd += int(absurd.sum())
            values, counts = np.unique(raw[absurd], return_counts=True)
            most = np.argsort(-counts, kind="stable")[:100]
            self._values.update(
                dict(zip(values[most].tolist(), counts[most].tolist(), strict=True))
            )
            heights[absurd] = np.nan
        if self._narrow:
            self._torn += _tears(np.where(np.isnan(heights) | np.isin(raw, _LAST), np.nan, raw))
        known = heights[~(unknown | absurd)]
        zero = known == 0.0
        self._zero += int(zero.sum())
        self._count(known[~zero])
        return heights.astype(np.float32)

    def _count(self, heights: Floats) -> None:
        """Remember how heights other than 0 are spread."""
        if not heights.size:
            return
        metres = np.floor(heights - LOWEST).astype(np.int64)
        self._metres += np.bincount(metres, minlength=len(self._metres))
        low, high = float(heights.min()), float(heights.max())
        if low <= self._low[0]:
            same = self._low[1] if low == self._low[0] else 0
            self._low = (low, same + int((heights == low).sum()))
        if high >= self._high[0]:
            same = self._high[1] if high == self._high[0] else 0
            self._high = (high, same + int((heights == high).sum()))

    @property
    def torn(self) -> bool:
        """Whether neighbouring cells differ by the whole range of 16 bits: heights overflowed."""
        return self._torn > 0

    @property
    def apart(self) -> tuple[float, ...]:
        """Values that are no ground: one far below, or very far above, all other heights."""
        found = []
        if self._stands_apart(self._low, SUNK, up=True):
            found.append(self._low[0])
        if self._stands_apart(self._high, RAISED, up=False):
            found.append(self._high[0])
        return tuple(found)

    def _stands_apart(self, extreme: tuple[float, int], gap: float, *, up: bool) -> bool:
        value, cells = extreme
        if not cells:
            return False
        at, wide = math.floor(value - LOWEST), int(gap)
        others = self._metres.copy()
        others[at] -= cells
        if self._zero and not self.drops_zero:
            others[math.floor(-LOWEST)] += self._zero
        near = others[at : at + wide] if up else others[max(0, at - wide) : at + 1]
        return bool(others.any() and not near.any())

    @property
    def floor(self) -> float:
        """Height above which 99 of 100 cells lie that are not 0, m, to a metre."""
        total = int(self._metres.sum())
        return float(np.searchsorted(np.cumsum(self._metres), 0.01 * total, "right") + LOWEST)

    @property
    def drops_zero(self) -> bool:
        """Whether 0 is an undeclared nodata value: it is no height among mountains."""
        return bool(self._zero and self._metres.any() and self.floor > MOUNTAINS)

    @property
    def known(self) -> bool:
        """Whether any cell has a height."""
        return bool(self._metres.any()) or bool(self._zero)

    @property
    def only_zero(self) -> bool:
        """Whether all its heights are exactly 0: a sea, or a sheet that nobody ever filled."""
        return bool(self._zero) and not self._metres.any()

    def notes(self, path: str) -> list[Problem]:
        """What was found and mended."""
        told = []
        if self._unknown:
            told.append((f"{self._unknown} cells are nodata or NaN", ""))
        if self._unit:
            told.append((f"heights were given in {self._unit} and converted to metres", ""))
        if self._absurd:
            told.append(self._absurdity())
        if self.drops_zero:
            among = f"{self._zero} cells are exactly 0 m among heights above {self.floor:.0f} m"
            told.append((f"{among}: taken as nodata", "declare 0 as nodata in the file"))
        told += [self._outlier(value) for value in self.apart]
        if self.only_zero:
            told.append(
                ("all its heights are exactly 0 m", "deliver it with its heights if that is no sea")
            )
        return [Problem(path=path, reason=reason, remedy=remedy) for reason, remedy in told]

    def _outlier(self, value: float) -> tuple[str, str]:
        cells = (self._low if value == self._low[0] else self._high)[1]
        far = f"{SUNK:.0f} m below" if value == self._low[0] else f"{RAISED:.0f} m above"
        return (
            f"{cells} cells are exactly {value:g} m, more than {far} all others: taken as nodata",
            "declare it as nodata in the file, or mend the cells",
        )

    def _overflowed(self) -> bool:
        """Whether values that cannot be heights lie where overflow of 16 bits puts them."""
        values = [v for v in self._values if v not in _USUAL]
        if self._bits == "uint16":
            return any(v > 32767 for v in values)
        return self._bits == "int16" and any(v < 0 for v in values)

    def _absurdity(self) -> tuple[str, str]:
        most = [value for value, _ in self._values.most_common(3)]
        values = ", ".join(f"{v:g}" for v in sorted(most))
        more = f", {len(self._values)} values in all" if len(self._values) > 3 else ""
        reason = (
            f"{self._absurd} cells hold heights that do not exist ({values}{more}): taken as nodata"
        )
        if self._overflowed():
            wrapped = "negative heights without their sign" if self._bits == "uint16" else "heights"
            return (
                f"{reason}; they look like {wrapped} that overflowed 16 bits",
                "export it as 32-bit floating point",
            )
        return reason, "declare the nodata value in the file"


def _tears(raw: Floats) -> int:
    """Pairs of neighbouring cells that differ by nearly the whole range of 16 bits."""
    with np.errstate(invalid="ignore"):
        return sum(int((np.abs(np.diff(raw, axis=axis)) >= WRAPPED).sum()) for axis in (0, 1))


def _unit(image: rasterio.DatasetReader, given: str | None) -> tuple[str, float]:
    """The unit of heights where it is not the metre, and how long it is, m.

    Raises:
        FormatError: the file names a unit that nobody knows.
    """
    name = (image.units[0] or "").strip()
    plain = name.lower().strip("[]().").replace("_", " ").replace("u.s.", "us")
    if plain not in _NO_UNIT:
        if plain not in _UNITS:
            raise FormatError(
                f"its heights are in {name[:40]!r}, which is no unit that is known here",
                path=image.name,
                remedy="name the true one, for example: gdal_edit.py -units m FILE",
            )
        factor = _UNITS[plain]
        return ("", 1.0) if factor == 1.0 else (name, factor)
    text = given or (image.crs.to_wkt() if image.crs is not None else "")
    try:
        crs = CRS.from_user_input(text)
    except CRSError:
        return "", 1.0
    if not crs.is_compound:
        return "", 1.0
    axis = crs.sub_crs_list[-1].axis_info[0]
    factor = float(axis.unit_conversion_factor or 1.0)
    return ("", 1.0) if abs(factor - 1.0) < 1e-9 else (axis.unit_name, factor)
