"""Heights in metres, unknown where a sheet says so in one of the many ways it may."""

from __future__ import annotations

from collections import Counter
from typing import Any

import numpy as np
import numpy.typing as npt
import rasterio
from pyproj import CRS
from pyproj.exceptions import CRSError

from cim.ingest.source import Problem

Heights = npt.NDArray[np.float32]

LOWEST, HIGHEST = -500.0, 9000.0  # no ground on Earth lies beyond
MOUNTAINS = 200.0  # m: where 99 of 100 cells lie above, 0 is no height
_FEET = {
    "ft": 0.3048, "foot": 0.3048, "feet": 0.3048, "international foot": 0.3048,
    "us survey foot": 1200 / 3937, "us_survey_foot": 1200 / 3937, "us-ft": 1200 / 3937,
    "ftus": 1200 / 3937,
}  # fmt: skip
_USUAL = (-9999.0, -32767.0, -32768.0, -99999.0)  # what means nodata, and no overflow


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
        self._unknown = self._absurd = self._zero = 0
        self._values: Counter[float] = Counter()
        self._metres = np.zeros(int(HIGHEST - LOWEST) + 1, np.int64)  # cells of each whole metre

    def clean(self, band: Any) -> Heights:
        """Heights of a strip (masked as read), m; NaN for what cannot be one."""
        raw = band.astype(np.float64).filled(np.nan)
        heights: npt.NDArray[np.float64] = (raw * self._scale + self._offset) * self._factor
        unknown = np.isnan(heights)
        self._unknown += int(unknown.sum())
        with np.errstate(invalid="ignore"):
            absurd = (heights < LOWEST) | (heights > HIGHEST)
        if absurd.any():
            self._absurd += int(absurd.sum())
            values, counts = np.unique(raw[absurd], return_counts=True)
            most = np.argsort(-counts, kind="stable")[:100]
            self._values.update(
                dict(zip(values[most].tolist(), counts[most].tolist(), strict=True))
            )
            heights[absurd] = np.nan
        known = heights[~(unknown | absurd)]
        zero = known == 0.0
        self._zero += int(zero.sum())
        metres = np.floor(known[~zero] - LOWEST).astype(np.int64)
        self._metres += np.bincount(metres, minlength=len(self._metres))
        return heights.astype(np.float32)

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
        return [Problem(path=path, reason=reason, remedy=remedy) for reason, remedy in told]

    def _absurdity(self) -> tuple[str, str]:
        most = [value for value, _ in self._values.most_common(3)]
        values = ", ".join(f"{v:g}" for v in sorted(most))
        more = f", {len(self._values)} values in all" if len(self._values) > 3 else ""
        reason = (
            f"{self._absurd} cells hold heights that do not exist ({values}{more}): taken as nodata"
        )
        if self._bits in {"int16", "uint16"} and any(v not in _USUAL for v in self._values):
            wrapped = "negative heights without their sign" if self._bits == "uint16" else "heights"
            return (
                f"{reason}; they look like {wrapped} that overflowed 16 bits",
                "export it as 32-bit floating point",
            )
        return reason, "declare the nodata value in the file"


def _unit(image: rasterio.DatasetReader, given: str | None) -> tuple[str, float]:
    """The unit of heights where it is not the metre, and how long it is, m."""
    name = (image.units[0] or "").strip()
    if name.lower() in _FEET:
        return name, _FEET[name.lower()]
    if name.lower() in {"m", "metre", "meter", "metres", "meters"}:
        return "", 1.0
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
