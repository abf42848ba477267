"""Holds tileset.json against a JSON Schema, and its metadata against the schema they declare."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import Any

from jsonschema import Draft202012Validator
from jsonschema.exceptions import best_match

from cim.tiles.gltf_document import Broken
from cim.tiles.gltf_features import WIDTHS, check_schema

_FILE = Path(__file__).parent / "data" / "tileset.schema.json"


@cache
def _validators() -> tuple[Draft202012Validator, Draft202012Validator]:
    """For documents and for tiles; references are put in place, since each look-up costs."""
    whole = json.loads(_FILE.read_text("utf-8"))
    parts = whole.pop("$defs")

    def placed(value: Any) -> Any:
        if isinstance(value, dict):
            if "$ref" in value:
                return placed(parts[value["$ref"].rpartition("/")[2]])
            return {key: placed(one) for key, one in value.items()}
        return [placed(one) for one in value] if isinstance(value, list) else value

    return Draft202012Validator(placed(whole)), Draft202012Validator(placed(parts["tile"]))


def document_faults(document: Any) -> list[str]:
    """What breaks the schema of a tileset.json, apart from its tiles."""
    return _faults(_validators()[0], document)


def tile_faults(tile: Any) -> list[str]:
    """What breaks the schema of one tile, apart from its children."""
    return [] if _is_plain(tile) else _faults(_validators()[1], tile)


def _faults(validator: Draft202012Validator, value: Any) -> list[str]:
    found = best_match(validator.iter_errors(value))
    if found is None:
        return []
    where = "/".join(map(str, found.absolute_path)) or "it"
    return [f"{where}: {found.message[:200]}"]


_PLAIN = {"boundingVolume", "geometricError", "refine", "content", "children", "transform"}


def _is_plain(tile: Any) -> bool:
    """A tile as most are: sound at a glance, so that the schema need not be asked."""
    if not isinstance(tile, dict) or not tile.keys() <= _PLAIN:
        return False
    volume, content, children = (tile.get(k) for k in ("boundingVolume", "content", "children"))
    if not isinstance(volume, dict) or volume.keys() != {"box"} or not _numbers(volume["box"], 12):
        return False
    error = tile.get("geometricError")
    if isinstance(error, bool) or not isinstance(error, int | float) or not error >= 0:
        return False
    if content is not None and not (
        isinstance(content, dict)
        and content.keys() == {"uri"}
        and isinstance(content["uri"], str)
        and content["uri"]
    ):
        return False
    if "children" in tile and not (
        isinstance(children, list) and children and all(isinstance(c, dict) for c in children)
    ):
        return False
    sound = tile.get("refine", "ADD") in ("ADD", "REPLACE")
    return sound and ("transform" not in tile or _numbers(tile["transform"], 16))


def _numbers(values: Any, count: int) -> bool:
    return (
        isinstance(values, list)
        and len(values) == count
        and all(type(v) is float or type(v) is int for v in values)
    )


class Metadata:
    """The schema that a tileset declares, and what is held against it.

    Args:
        schema: The declaration, or None where the tileset has none.
    """

    def __init__(self, schema: Any) -> None:
        self.schema = schema if isinstance(schema, dict) else None

    def faults(self) -> list[str]:
        """What is wrong with the declaration itself."""
        if self.schema is None:
            return []
        try:
            check_schema(self.schema)
        except Broken as error:
            return [f"schema: {error}"]
        except (KeyError, TypeError, AttributeError, ValueError) as error:
            return [f"schema: incomplete: {type(error).__name__} {error}"]
        return []

    def entity(self, name: str, entity: Any) -> list[str]:
        """What is wrong with the metadata of a tileset, group, tile or content."""
        try:
            return list(self._entity(name, entity))
        except (AttributeError, TypeError, KeyError, ValueError) as error:
            return [f"{name}: it or its class is malformed: {error}"]

    def _entity(self, name: str, entity: Any) -> Iterator[str]:
        if not isinstance(entity, Mapping):
            yield f"{name}: no object"
            return
        if self.schema is None:
            yield f"{name}: metadata without a schema"
            return
        kind = self.schema.get("classes", {}).get(entity.get("class"))
        if not isinstance(kind, dict):
            yield f"{name}: the class {entity.get('class')!r} is not declared"
            return
        declared = kind.get("properties", {})
        given = entity.get("properties", {})
        for key in given.keys() - declared.keys():
            yield f"{name}: the property {key} is not declared"
        for key, one in declared.items():
            if key in given:
                if not self._fits(one, given[key]):
                    yield f"{name}: {key} is no {one.get('type')}: {str(given[key])[:60]}"
            elif one.get("required"):
                yield f"{name}: the required property {key} is missing"

    def _fits(self, kind: dict[str, Any], value: Any) -> bool:
        if "noData" in kind and value == kind["noData"]:
            return True
        if kind.get("array"):
            sized = isinstance(value, list) and len(value) == kind.get("count", len(value))
            return sized and all(self._one(kind, v) for v in value)
        return self._one(kind, value)

    def _one(self, kind: dict[str, Any], value: Any) -> bool:
        type_ = kind.get("type")
        if type_ == "STRING":
            return isinstance(value, str)
        if type_ == "BOOLEAN":
            return isinstance(value, bool)
        if type_ == "ENUM":
            enums = (self.schema or {}).get("enums", {})
            names = [v.get("name") for v in enums.get(kind.get("enumType"), {}).get("values", [])]
            return value in names
        if type_ == "SCALAR":
            return _is_number(value) or isinstance(value, str)  # 64 bits may stand as text
        width = WIDTHS.get(str(type_), 0)
        return isinstance(value, list) and len(value) == width and all(map(_is_number, value))


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)
