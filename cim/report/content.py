"""What stands in a report, as text: read off the answer and the analysis' declaration."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from shapely.geometry import shape as read_shape

from cim.geo.area import ellipsoidal_area
from cim.report.words import (
    UNVERIFIED,
    VERDICTS,
    both,
    breakable,
    moment,
    plain,
    unit,
    value,
)
from cim.topic import Analysis

ROWS = 30  # of a table; the rest is counted
_COLUMNS = 9  # that fit on a page beside each other
_CORNERS = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """A layer that the answer was read from.

    Args:
        title: In both languages.
        layer: Id and version.
        surveyed: Day of the survey; empty where nobody has said.
        published: When it was published.
    """

    title: str
    layer: str
    surveyed: str
    published: str


def content(
    answer: Mapping[str, Any], analysis: Analysis, sources: Sequence[Source], city: str,
    printed: str,
) -> dict[str, Any]:  # fmt: skip
    """All texts of a report; every leaf is a string that is shown as it stands.

    Args:
        answer: As ``cim.answer`` gives it.
        analysis: Its declaration.
        sources: The versions it read.
        city: Name of the city.
        printed: When it is printed, as text.
    """
    provenance = answer["provenance"]
    return {
        "city": plain(city),
        "title": plain(answer["title"]),
        "title_en": plain(answer["title_en"]),
        "analysis": plain(answer["analysis"]),
        "id": plain(answer["id"]),
        "printed": plain(printed),
        "summary": plain(analysis.summary),
        "summary_en": plain(analysis.summary_en),
        "figures": [_figure(figure) for figure in answer["summary"]],
        "parameters": _parameters(analysis, provenance.get("parameters", {})),
        "tables": [_table(table) for table in answer["tables"]],
        "legend": _legend(answer),
        "sources": [
            [breakable(s.title), breakable(s.layer), s.surveyed or UNVERIFIED, s.published]
            for s in sources
        ],
        "notes": _notes(provenance),
        "references": [breakable(text) for text in provenance.get("references", ())],
        "files": [
            both(file["title"], file["title_en"]) + f" ({breakable(file['file'])})"
            for file in answer["attachments"]
        ],
    }


def _figure(figure: Mapping[str, Any]) -> dict[str, str]:
    return {
        "title": both(figure["title"], figure["title_en"]),
        "value": value(figure["value"], figure["unit"]),
        "unit": unit(figure["unit"]),
        "verdict": VERDICTS.get(figure["verdict"] or "", ""),
        "kind": figure["verdict"] or "",
        "evidence": breakable(figure["evidence"]) if figure["evidence"] else "",
    }


def _table(table: Mapping[str, Any]) -> dict[str, Any]:
    columns = table["columns"][:_COLUMNS]
    left = len(table["columns"]) - len(columns)
    rows = [[value(row.get(c["key"]), c["unit"]) for c in columns] for row in table["rows"][:ROWS]]
    more = max(len(table["rows"]) - ROWS, 0)
    notes = [
        f"另有 {more} 行 {more} more rows" if more else "",
        f"另有 {left} 列 {left} more columns" if left else "",
    ]
    heads = [
        both(c["title"], c["title_en"]) + (f" ({unit(c['unit'])})" if unit(c["unit"]) else "")
        for c in columns
    ]
    return {
        "title": both(table["title"], table["title_en"]) or "数据表 Table",
        "heads": heads,
        "rows": rows,
        "note": "，".join(note for note in notes if note),
    }


def _legend(answer: Mapping[str, Any]) -> list[dict[str, str]]:
    entries = [*((answer["coverage"] or {}).get("legend") or ()),
               *((answer["features"] or {}).get("legend") or ())]  # fmt: skip
    return [{"color": plain(e["color"]), "title": both(e["title"], e["title_en"])} for e in entries]


def _notes(provenance: Mapping[str, Any]) -> list[list[str]]:
    """What there is to know of the method and its limits, by name."""
    named = {
        "applicability": "适用范围 Applicability",
        "crs": "坐标系 CRS",
        "height_datum": "高程基准 Height datum",
        "nodata_share": "缺失数据比例 Share without data",
        "method_version": "方法版本 Method version",
        "code_version": "程序版本 Program version",
    }
    ours = {"analysis", "parameters", "references", "inputs", *named}
    known = [[title, value(provenance[key])] for key, title in named.items() if key in provenance]
    others = [[breakable(key), _short(value(found), 400)]
              for key, found in provenance.items() if key not in ours]  # fmt: skip
    return known + others


def _parameters(analysis: Analysis, given: Mapping[str, Any]) -> list[list[str]]:
    """Title, value and unit of each parameter, in the form's order."""
    fields = analysis.parameters.model_json_schema()["properties"]
    return [
        [
            both(field.get("title", name), field.get("x-title-en", "")),
            _short(_asked(given.get(name), field), 400),
            unit(field.get("x-unit")) if isinstance(given.get(name), int | float) else "",
        ]
        for name, field in fields.items()
    ]


def _asked(given: Any, field: Mapping[str, Any]) -> str:
    """The value of a parameter as a person would tell it."""
    widget = field.get("x-widget")
    kinds = [field, *field.get("anyOf", ())]
    said = value(given, field.get("x-unit"))
    if str(given) in field.get("x-choices", {}):
        said = both(*field["x-choices"][str(given)])
    elif given is not None and widget == "file":
        said = breakable(str(given).rpartition("/")[2])
    elif isinstance(given, Mapping) and given.get("type") in {"Polygon", "MultiPolygon"}:
        said = _area(given)
    elif widget in {"point", "points", "line"} and isinstance(given, list | tuple):
        said = _places([given] if widget == "point" else list(given))
    elif given is not None and any(kind.get("format") == "date-time" for kind in kinds):
        said = moment(str(given))
    return said


def _places(places: list[Any]) -> str:
    first = "; ".join(", ".join(f"{v:.6f}" for v in place[:2]) for place in places[:_CORNERS])
    count = len(places)
    return first if count <= _CORNERS else f"{first}; … （共 {count} 点 {count} places）"


def _area(given: Mapping[str, Any]) -> str:
    shape = read_shape(given)
    parts = list(getattr(shape, "geoms", [shape]))
    corners = sum(len(p.exterior.coords) - 1 for p in parts)
    size = sum(ellipsoidal_area(p) for p in parts)
    west, south, east, north = shape.bounds
    polygons = f"{len(parts)} 个面 polygons，" if len(parts) > 1 else ""
    return (
        f"{polygons}{corners} 个角点 corners，椭球面积 ellipsoidal area {size:,.1f} m²，"
        f"{west:.6f}–{east:.6f}°E {south:.6f}–{north:.6f}°N"
    )


def _short(text: str, most: int) -> str:
    return text if len(text) <= most else text[: most - 1] + "…"


def as_json(said: Mapping[str, Any]) -> str:
    """The texts as the page layout reads them: data, never markup."""
    return json.dumps(said, ensure_ascii=True)
