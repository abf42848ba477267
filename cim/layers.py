"""What a layer is. Declared once; table, API, tiles, legend and docs are read off it."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from enum import IntEnum, StrEnum
from typing import Any

from cim.errors import DeclarationError

_ID = re.compile(r"[a-z][a-z0-9_]{0,30}\.[a-z][a-z0-9_]{0,30}")
_NAME = re.compile(r"[a-z][a-z0-9_]{0,40}")
RESERVED_FIELDS = frozenset({"fid", "geom"})
RESERVED_TOPICS = frozenset({"catalog", "public", "information_schema"})  # the database's own


class Kind(StrEnum):
    """What a layer's content is, and with it how it is served."""

    MESH = "mesh"  # 3D Tiles: textured meshes, buildings
    POINTS = "points"  # 3D Tiles of points
    TERRAIN = "terrain"  # quantized mesh + the DEM it was made from
    IMAGERY = "imagery"  # COG + XYZ tiles
    VECTOR = "vector"  # PostGIS table + MVT + GeoJSON


class Geometry(StrEnum):
    """Geometry of a vector layer; lines and polygons are stored as Multi, points singly."""

    POINT = "Point"
    LINE = "LineString"
    POLYGON = "Polygon"
    ANY = "Geometry"


class DataClass(StrEnum):
    """The seven data classes of CJJ/T 315-2022, the top of every catalogue."""

    SPATIOTEMPORAL = "时空基础"
    RESOURCE = "资源调查"
    PLANNING = "规划管控"
    PROJECT = "工程建设项目"
    PUBLIC = "公共专题"
    IOT = "物联感知"
    CIM = "CIM成果"


class CimLevel(IntEnum):
    """Level of detail of a CIM model, 1 (ground surface) to 7 (part)."""

    SURFACE = 1
    FRAME = 2
    STANDARD = 3
    FINE = 4
    FUNCTION = 5
    COMPONENT = 6
    PART = 7


class Sensitivity(StrEnum):
    """Grade after GB/T 43697-2024."""

    CORE = "核心"
    IMPORTANT = "重要"
    GENERAL = "一般"


class FieldType(StrEnum):
    """Type of a column."""

    TEXT = "text"
    INTEGER = "integer"
    REAL = "real"
    BOOLEAN = "boolean"
    DATE = "date"


@dataclass(frozen=True, slots=True, kw_only=True)
class Field:
    """One attribute.

    Args:
        name: Column name, English, lower case.
        title: What users read, Chinese.
        title_en: The same in English.
        type: Type of the column.
        unit: UCUM unit, empty for none.
        required: A delivery without the column is refused; a row without the value is counted.
        aliases: Names the column has in deliveries, compared without case and blanks.
    """

    name: str
    title: str
    title_en: str = ""
    type: FieldType = FieldType.TEXT
    unit: str = ""
    required: bool = False
    aliases: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if not _NAME.fullmatch(self.name) or self.name in RESERVED_FIELDS:
            raise DeclarationError(
                f"field name {self.name!r} is not usable",
                remedy="use lower-case English letters, digits and _, but not fid or geom",
            )


@dataclass(frozen=True, slots=True, kw_only=True)
class LegendItem:
    """One class of a style: features whose ``field`` equals ``value`` (None: all the others)."""

    color: str
    title: str
    title_en: str = ""
    value: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Style:
    """How a layer is drawn: one colour, or one per value of ``field``.

    Args:
        color: #rrggbb where no legend item applies.
        opacity: 0..1 at first show.
        width: Width of lines and size of points, pixels.
        field: Field whose value chooses the legend item.
        legend: The classes.
        height_field: Field that extrudes polygons, m above ground.
        label_field: Field written beside a feature and searched by name.
        visible: Shown when the viewer opens.
        below: It lies below the ground: shown when one looks there, never faded with the ground.
    """

    color: str = "#4a90d9"
    opacity: float = 1.0
    width: float = 2.0
    field: str | None = None
    legend: tuple[LegendItem, ...] = ()
    height_field: str | None = None
    label_field: str | None = None
    visible: bool = False
    below: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Layer:
    """One layer of the city.

    Args:
        id: ``<topic>.<noun>``, for ever; the same word in code, URL, table and docs.
        title: What users read, Chinese.
        kind: What its content is.
        data_class: Its place in the catalogue.
        fields: Attributes of a vector layer's features, or of a mesh's; other attributes of a
            delivery are dropped and reported (a mesh keeps them all where none is declared).
    """

    id: str
    title: str
    kind: Kind
    title_en: str = ""
    abstract: str = ""
    data_class: DataClass = DataClass.SPATIOTEMPORAL
    geometry: Geometry | None = None
    fields: tuple[Field, ...] = ()
    owner: str = ""
    sensitivity: Sensitivity = Sensitivity.GENERAL
    cim_level: CimLevel | None = None
    style: Style = field(default_factory=Style)

    def __post_init__(self) -> None:
        require_id(self.id)
        if (self.kind is Kind.VECTOR) != (self.geometry is not None):
            raise DeclarationError(
                f"layer {self.id}: a vector layer has a geometry, any other has none",
                remedy="give or drop `geometry`",
            )
        names = [f.name for f in self.fields]
        if len(set(names)) != len(names):
            raise DeclarationError(f"layer {self.id}: a field is declared twice")
        for used in (self.style.field, self.style.height_field, self.style.label_field):
            if used is not None and used not in names:
                raise DeclarationError(f"layer {self.id}: its style uses the unknown field {used}")

    @property
    def topic(self) -> str:
        """The word before the dot."""
        return self.id.split(".")[0]

    @property
    def noun(self) -> str:
        """The word after the dot."""
        return self.id.split(".")[1]


def require_id(layer_id: str) -> None:
    """Refuse what is no layer id, before a folder or a table is named after it.

    Raises:
        DeclarationError: it is not ``<topic>.<noun>``, or its topic is reserved.
    """
    if not _ID.fullmatch(layer_id):
        raise DeclarationError(
            f"layer id {layer_id!r} is not <topic>.<noun>",
            remedy="use two lower-case English words joined by a dot, such as base.building",
        )
    topic, _, _ = layer_id.partition(".")
    if topic in RESERVED_TOPICS or topic.startswith("pg_"):
        raise DeclarationError(
            f"layer id {layer_id!r}: the word {topic} is reserved", remedy="choose another word"
        )


def to_dict(layer: Layer) -> dict[str, Any]:
    """The declaration as plain JSON values; ``from_dict`` reads it back equal."""
    values: dict[str, Any] = json.loads(json.dumps(asdict(layer)))
    return values


def from_dict(data: Mapping[str, Any]) -> Layer:
    """Read a declaration from TOML or JSON values.

    Raises:
        DeclarationError: naming the key that is unknown or the value that does not fit.

    Example:
        >>> layer = Layer(id="base.road", title="道路", kind=Kind.VECTOR, geometry=Geometry.LINE)
        >>> from_dict(to_dict(layer)) == layer
        True
    """
    try:
        values = dict(data)
        values["kind"] = Kind(values["kind"])
        for key, kind in (
            ("data_class", DataClass),
            ("geometry", Geometry),
            ("sensitivity", Sensitivity),
            ("cim_level", CimLevel),
        ):
            if values.get(key) is not None:
                values[key] = kind(values[key])
        values["fields"] = tuple(_field(f) for f in values.get("fields", ()))
        if "style" in values:
            style = dict(values["style"])
            style["legend"] = tuple(LegendItem(**item) for item in style.get("legend", ()))
            values["style"] = Style(**style)
        return Layer(**values)
    except (KeyError, TypeError, ValueError) as error:
        raise DeclarationError(
            f"the declaration of layer {data.get('id', '?')} does not fit: {error}",
            remedy="see docs/layers.md for the keys and their values",
        ) from error


def _field(data: Mapping[str, Any]) -> Field:
    values = dict(data)
    values["type"] = FieldType(values.get("type", FieldType.TEXT))
    values["aliases"] = tuple(values.get("aliases", ()))
    return Field(**values)
