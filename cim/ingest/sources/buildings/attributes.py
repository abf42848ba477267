"""What the features of a mesh are told by: typed columns, and what a viewer can style them by."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from cim.layers import Field, FieldType
from cim.tiles.glb import Column, Table

MOST_VALUES = 50  # distinct values that are listed for a legend
TABLE = "building"
_NUMBERS = frozenset({FieldType.INTEGER, FieldType.REAL})


@dataclass(frozen=True, slots=True, eq=False)
class Attributes:
    """Columns of features, None where nothing is known.

    Args:
        fields: What each column is.
        columns: Of each field's name: (n,) Python values.
        name: What a row is.
    """

    fields: tuple[Field, ...]
    columns: Mapping[str, npt.NDArray[np.object_]]
    name: str = TABLE

    def table(self, members: npt.NDArray[np.int64]) -> Table:
        """The rows of some features, in their order."""
        columns = tuple(
            Column(
                name=field.name,
                type=field.type,
                values=self.columns[field.name][members].tolist(),
                title=field.title,
                unit=field.unit,
            )
            for field in self.fields
        )
        return Table(name=self.name, columns=columns, count=len(members))

    def summary(self) -> list[dict[str, Any]]:
        """Of each column its name, title, type, unit, and limits or distinct values."""
        return [_summary(field, self.columns[field.name]) for field in self.fields]


def _summary(field: Field, values: npt.NDArray[np.object_]) -> dict[str, Any]:
    entry: dict[str, Any] = {"name": field.name, "title": field.title, "type": str(field.type)}
    if field.unit:
        entry["unit"] = field.unit
    known = [v for v in values.tolist() if v is not None]
    if field.type in _NUMBERS and known:
        entry |= {"min": min(known), "max": max(known)}
    distinct = {str(v) if field.type is FieldType.DATE else v for v in known}
    if len(distinct) <= MOST_VALUES:
        entry["values"] = sorted(distinct)
    return entry


def merged(summaries: Sequence[Sequence[Mapping[str, Any]]]) -> list[dict[str, Any]]:
    """One summary of several parts; a column that a part lacks is unknown there."""
    result: dict[str, dict[str, Any]] = {}
    for entry in (e for summary in summaries for e in summary):
        name = entry["name"]
        known = result.get(name)
        result[name] = dict(entry) if known is None else _both(known, entry)
    return list(result.values())


def _both(one: Mapping[str, Any], other: Mapping[str, Any]) -> dict[str, Any]:
    entry = dict(one)
    if one["type"] != other["type"]:
        entry["type"] = str(FieldType.TEXT)
        for key in ("min", "max", "values"):
            entry.pop(key, None)
        return entry
    for key, choose in (("min", min), ("max", max)):
        limits = [e[key] for e in (one, other) if key in e]
        if limits:
            entry[key] = choose(limits)
    values = {v for e in (one, other) for v in e.get("values", ())}
    if "values" in one and "values" in other and len(values) <= MOST_VALUES:
        entry["values"] = sorted(values)
    else:
        entry.pop("values", None)
    return entry
