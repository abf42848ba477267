"""Which column of a delivery is which field of the declaration; and a declaration from columns."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cim.errors import FormatError
from cim.layers import Field, FieldType, Geometry, Kind, Layer, Style

_BLANKS = re.compile(r"[\s_\-（）()]+")
_TYPES = {"i": FieldType.INTEGER, "f": FieldType.REAL, "b": FieldType.BOOLEAN}


@dataclass(frozen=True, slots=True, kw_only=True)
class Columns:
    """Where each field's values come from.

    Args:
        source: Field name → column of the file; fields that the file lacks are missing here.
        dropped: Columns that no field asks for.
    """

    source: Mapping[str, str]
    dropped: tuple[str, ...]


def match(layer: Layer, names: Sequence[str], path: Path) -> Columns:
    """Find each field's column by name, alias or title, without regard to case and blanks.

    Raises:
        FormatError: a required field has no column.
    """
    folded = {_fold(name): name for name in reversed(names)}
    source: dict[str, str] = {}
    owners = Counter(cut for field in layer.fields for cut in _cuts(field))
    for field in layer.fields:
        cuts = [cut for cut in _cuts(field) if owners[cut] == 1]  # else nobody could tell whose
        words = [*map(_fold, _words(field)), *cuts]
        column = next((folded[word] for word in words if word in folded), None)
        if column is not None:
            source[field.name] = column
    missing = [f for f in layer.fields if f.required and f.name not in source]
    if missing:
        lacks = "、".join(f"{f.name}（{f.title}）" for f in missing)
        raise FormatError(
            f"the required fields {lacks} are missing; it has {', '.join(names) or 'no fields'}",
            path=path,
            remedy="rename the columns, or add their names as aliases to the layer's declaration",
        )
    used = set(source.values())
    return Columns(source=source, dropped=tuple(n for n in names if n not in used))


def _words(field: Field) -> tuple[str, ...]:
    return tuple(w for w in (field.name, *field.aliases, field.title, field.title_en) if w)


def _cuts(field: Field) -> set[str]:
    """A field's words as a .dbf cuts them, to 10 bytes of whichever encoding it was written in."""
    cuts = {
        _fold(word.encode(encoding, "ignore")[:10].decode(encoding, "ignore"))
        for word in _words(field)
        for encoding in ("gb18030", "utf-8")
    }
    return cuts - {""}


def _fold(name: str) -> str:
    return _BLANKS.sub("", name).casefold()


def propose(layer_id: str, path: Path, info: Mapping[str, Any]) -> Layer:
    """Declare a layer from what a file says of itself."""
    fields: list[Field] = []
    taken: set[str] = {"fid", "geom"}
    for name, dtype in zip(info["fields"], info["dtypes"], strict=True):
        column = column_name(str(name), taken)
        taken.add(column)
        fields.append(
            Field(name=column, title=str(name), type=_type(str(dtype)), aliases=(str(name),))
        )
    return Layer(
        id=layer_id,
        title=path.stem,
        kind=Kind.VECTOR,
        geometry=_geometry(str(info.get("geometry_type") or "")),
        fields=tuple(fields),
        style=Style(label_field=_label(fields)),
    )


def column_name(name: str, taken: set[str]) -> str:
    """A column's name in English letters for any name, none of those taken."""
    word = re.sub(r"[^a-z0-9]+", "_", name.lower()).strip("_")[:40]
    if not word or not word[0].isalpha():
        word = f"field_{word}".strip("_")[:40]
    base, number = word, 2
    while word in taken:
        word = f"{base[:36]}_{number}"
        number += 1
    return word


def _type(dtype: str) -> FieldType:
    if dtype.startswith("datetime"):
        return FieldType.DATE
    return _TYPES.get(dtype[:1], FieldType.TEXT)


def _geometry(name: str) -> Geometry:
    plain = name.removesuffix(" Z").removeprefix("2.5D ").removeprefix("Multi")
    return Geometry(plain) if plain in {"Point", "LineString", "Polygon"} else Geometry.ANY


def _label(fields: Sequence[Field]) -> str | None:
    texts = [f for f in fields if f.type is FieldType.TEXT]
    named = [f for f in texts if "name" in f.name or "名" in f.title]
    return next((f.name for f in (*named, *texts)), None)
