"""Words of the command line as the values of an analysis' parameters."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from cim.errors import InputError, ParameterError
from cim.installation import Installation
from cim.shapes import read_shape
from cim.store.uploads import is_upload
from cim.topic import Analysis


def values(analysis: Analysis, words: list[str], installation: Installation) -> dict[str, Any]:
    """``--name value`` and ``--name=value`` pairs; names with - or _.

    Numbers, lists with commas (points) and semicolons (lines), JSON; ``@FILE`` is what a file
    holds: a polygon file where an area is asked for (``@plan.dxf?crs=EPSG:4545``), JSON elsewhere.
    Where the analysis asks for a file, the value is a file of this machine.

    Raises:
        ParameterError: a word that names no parameter, or a parameter without a value.
        CimError: a file that cannot be used.
    """
    fields = analysis.parameters.model_json_schema()["properties"]
    found: dict[str, Any] = {}
    rest = list(words)
    while rest:
        word = rest.pop(0)
        if not word.startswith("--"):
            raise ParameterError(f"{word!r} stands alone", remedy="give --parameter value")
        name, equals, text = word[2:].partition("=")
        name = name.replace("-", "_")
        if name not in fields:
            names = ", ".join(f"--{n}" for n in fields)
            raise ParameterError(f"{analysis.id} has no --{name}", remedy=f"it has {names}")
        if not equals:
            if not rest:
                raise ParameterError(f"--{name} has no value", remedy=f"give --{name} value")
            text = rest.pop(0)
        found[name] = _value(text, fields[name], installation)
    return found


def _value(text: str, field: Mapping[str, Any], installation: Installation) -> Any:
    widget = field.get("x-widget")
    if widget == "file":
        there = is_upload(text) and not Path(text).is_file()
        return text if there else installation.uploads.add(Path(text)).id
    if text.startswith("@"):
        return _area(text[1:]) if widget == "polygon" else _content(Path(text[1:]))
    kinds = {part.get("type") for part in (field, *field.get("anyOf", ()))} - {"null", None}
    return text if kinds == {"string"} else _parsed(text)


def _area(given: str) -> dict[str, Any]:
    name, _, crs = given.partition("?crs=")
    path = Path(name)
    if not path.is_file():
        raise InputError("there is no such file", path=path, remedy="check the spelling")
    return read_shape(path, crs or None).geometry


def _content(path: Path) -> Any:
    try:
        return json.loads(path.read_text("utf-8"))
    except (OSError, ValueError) as error:
        raise InputError(
            f"it cannot be read as JSON: {error}", path=path, remedy="check the file"
        ) from error


def _parsed(text: str) -> Any:
    try:
        return json.loads(text)
    except ValueError:
        for mark in ";,":
            if mark in text:
                return [_parsed(part.strip()) for part in text.split(mark)]
        return text
