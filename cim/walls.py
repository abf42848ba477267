"""How thick pipes are: outer and inner diameter from nominal diameter and material.

The rows are data (``data/walls.toml``), each with its standard and its evidence.
"""

from __future__ import annotations

import tomllib
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Literal

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
Strings = Sequence[str]

Walls = Literal["none", "table"]
WALLS = {
    "none": ("公称直径即外径（不计壁厚）", "DN is the outer diameter, no wall"),
    "table": ("按材质壁厚表（未核实）", "walls by material (unverified table)"),
}


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Wall:
    """Pipes of some materials.

    Args:
        nominal: (k,) rising nominal diameters, mm.
        outer: (k,) outer diameters, mm.
        bore: (k,) inner diameters, mm.
        standard: Where the row is said to stand.
        evidence: ``cited`` or ``unverified``.
    """

    nominal: Floats
    outer: Floats
    bore: Floats
    standard: str
    evidence: str

    def of(self, dn: Floats) -> tuple[Floats, Floats]:
        """Outer and inner diameters, mm, in proportion between the rows and beyond them."""
        ratio = np.stack([self.outer, self.bore]) / self.nominal
        outer, bore = (np.interp(dn, self.nominal, row) * dn for row in ratio)
        return outer, bore


@cache
def walls() -> dict[str, Wall]:
    """By material, lower case."""
    said = tomllib.loads(files("cim").joinpath("data/walls.toml").read_text("utf-8"))
    found: dict[str, Wall] = {}
    for row in said["wall"]:
        given = row.get("outer") or row["wall"]
        nominal = np.array([float(dn) for dn in given])
        value = np.array([float(v) for v in given.values()])
        if "outer" in row:
            outer, bore = value, nominal
        elif row["nominal"] == "inner":
            outer, bore = nominal + 2 * value, nominal
        else:
            outer, bore = nominal, nominal - 2 * value
        wall = Wall(nominal=nominal, outer=outer, bore=bore, standard=row["standard"],
                    evidence=row["evidence"])  # fmt: skip
        found |= {material.lower(): wall for material in row["materials"]}
    return found


def diameters(dn: Floats, material: Strings, how: Walls) -> tuple[Floats, Floats]:
    """Outer and inner diameters of pipes, m; NaN where the nominal diameter is not known.

    Args:
        dn: (n,) nominal diameters, mm; NaN where unknown.
        material: (n,) as recorded.
        how: ``none`` takes the nominal diameter for both; ``table`` reads the table, and takes the
            nominal one where it has no row.
    """
    outer, inner = dn / 1000, dn / 1000  # two arrays, each to be written in
    if how == "none":
        return outer, inner
    names = np.array([name.strip().lower() for name in material], object)
    for name in set(names.tolist()):
        wall = walls().get(name)
        if wall is not None:
            mine = names == name
            big, small = wall.of(dn[mine])
            outer[mine], inner[mine] = big / 1000, small / 1000
    return outer, inner
