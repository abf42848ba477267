"""Layers and their versions: register, list, look up, publish, roll back."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy import Connection
from sqlalchemy.dialects.postgresql import insert

from cim.catalog.tables import LAYER, VERSION
from cim.city import Bounds
from cim.errors import DeclarationError, NotFoundError
from cim.layers import Kind, Layer, from_dict, to_dict


@dataclass(frozen=True, slots=True, kw_only=True)
class Version:
    """One immutable publication of a layer.

    Args:
        layer: The declaration it was published under.
        version: 1, 2, 3, ...
        key: Digest of inputs and parameters; equal keys are equal content.
        extent: Where it lies, degrees.
        media: How to serve it (see ``cim.ingest.source.Product``).
        heights: Lowest and highest orthometric height, m.
        features: Rows of a vector layer.
        report: The ingest report, its lineage.
    """

    layer: Layer
    version: int
    key: str
    published_at: datetime
    extent: Bounds
    media: Mapping[str, Any]
    heights: tuple[float, float] | None
    features: int | None
    report: Mapping[str, Any]

    @property
    def table(self) -> str:
        """Qualified table of a vector layer's rows, quoted."""
        return f'"{self.layer.topic}"."{self.layer.noun}_v{self.version}"'


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """A layer in the catalogue with its current version, if it has one."""

    layer: Layer
    origin: str
    current: Version | None


def register(connection: Connection, layers: Iterable[Layer], origin: str) -> None:
    """Put declarations into the catalogue; a known layer gets the new declaration.

    Args:
        connection: In a transaction of the caller's.
        layers: The declarations.
        origin: ``code`` for a topic's, ``file`` for the data team's, ``ingest`` for a proposed one.

    Raises:
        DeclarationError: a file claims a topic's layer, or a published layer changes its kind.
    """
    known = {
        row.id: row
        for row in connection.execute(sa.select(LAYER.c.id, LAYER.c.origin, LAYER.c.declaration,
                                                LAYER.c.current_version))
    }  # fmt: skip
    for layer in layers:
        declaration = to_dict(layer)
        row = known.get(layer.id)
        if row is not None:
            if row.declaration == declaration:
                continue
            _require_change_allowed(layer, row, origin)
        statement = insert(LAYER).values(id=layer.id, declaration=declaration, origin=origin)
        connection.execute(
            statement.on_conflict_do_update(
                index_elements=[LAYER.c.id],
                set_={"declaration": declaration, "origin": origin, "changed_at": sa.func.now()},
            )
        )


def _require_change_allowed(layer: Layer, row: Any, origin: str) -> None:
    if row.origin == "code" and origin != "code":
        raise DeclarationError(
            f"the layer {layer.id} is declared by a topic of the program",
            remedy="choose another id",
        )
    if row.current_version is not None and row.declaration["kind"] != layer.kind:
        raise DeclarationError(
            f"the layer {layer.id} is published as {row.declaration['kind']}, not {layer.kind}",
            remedy="choose another id",
        )


def declaration(connection: Connection, layer_id: str) -> Layer | None:
    """The declaration of a layer, None for an unknown one."""
    found = connection.execute(
        sa.select(LAYER.c.declaration).where(LAYER.c.id == layer_id)
    ).scalar_one_or_none()
    return None if found is None else from_dict(found)


def entries(connection: Connection) -> list[Entry]:
    """All layers with their current versions, by id."""
    rows = connection.execute(
        _select_versions(
            LAYER.outerjoin(
                VERSION,
                sa.and_(
                    VERSION.c.layer == LAYER.c.id, VERSION.c.version == LAYER.c.current_version
                ),
            )
        ).order_by(LAYER.c.id)
    )
    return [_entry(row) for row in rows]


def entry(connection: Connection, layer_id: str) -> Entry:
    """One layer with its current version.

    Raises:
        NotFoundError: no such layer.
    """
    for found in entries(connection):
        if found.layer.id == layer_id:
            return found
    raise NotFoundError(
        f"there is no layer {layer_id}", remedy="`cim layers list` or /api/layers names them all"
    )


def published(connection: Connection, layer_id: str, version: int | None = None) -> Version:
    """A published version: the current one, or the one with that number.

    Raises:
        NotFoundError: no such layer or version.
    """
    wanted = LAYER.c.current_version if version is None else sa.literal(version)
    row = connection.execute(
        _select_versions(
            LAYER.join(VERSION, sa.and_(VERSION.c.layer == LAYER.c.id, VERSION.c.version == wanted))
        ).where(LAYER.c.id == layer_id)
    ).one_or_none()
    if row is None:
        name = layer_id if version is None else f"{layer_id} version {version}"
        raise NotFoundError(f"{name} is not published", remedy="`cim layers list` names what is")
    return _version(row)


def versions(connection: Connection, layer_id: str) -> list[Version]:
    """All versions of a layer, the newest first.

    Raises:
        NotFoundError: no such layer.
    """
    if declaration(connection, layer_id) is None:
        raise NotFoundError(f"there is no layer {layer_id}", remedy="see `cim layers list`")
    rows = connection.execute(
        _select_versions(LAYER.join(VERSION, VERSION.c.layer == LAYER.c.id))
        .where(LAYER.c.id == layer_id)
        .order_by(VERSION.c.version.desc())
    )
    return [_version(row) for row in rows]


def _select_versions(source: sa.FromClause) -> sa.Select[Any]:
    extent = VERSION.c.extent
    return sa.select(
        LAYER.c.id,
        LAYER.c.origin,
        LAYER.c.declaration.label("layer_declaration"),
        VERSION.c.version,
        VERSION.c.key,
        VERSION.c.published_at,
        VERSION.c.declaration,
        VERSION.c.media,
        VERSION.c.lowest,
        VERSION.c.highest,
        VERSION.c.features,
        VERSION.c.report,
        sa.func.ST_XMin(extent).label("west"),
        sa.func.ST_YMin(extent).label("south"),
        sa.func.ST_XMax(extent).label("east"),
        sa.func.ST_YMax(extent).label("north"),
    ).select_from(source)


def _entry(row: sa.Row[Any]) -> Entry:
    return Entry(
        layer=from_dict(row.layer_declaration),
        origin=row.origin,
        current=None if row.version is None else _version(row),
    )


def _version(row: sa.Row[Any]) -> Version:
    return Version(
        layer=from_dict(row.declaration),
        version=row.version,
        key=row.key,
        published_at=row.published_at,
        extent=Bounds(row.west, row.south, row.east, row.north),
        media=row.media,
        heights=None if row.lowest is None else (row.lowest, row.highest),
        features=row.features,
        report=row.report,
    )


def next_version(connection: Connection, layer_id: str) -> int:
    """The number that the next publication will have."""
    newest = connection.execute(
        sa.select(sa.func.max(VERSION.c.version)).where(VERSION.c.layer == layer_id)
    ).scalar_one()
    return int(newest or 0) + 1


def add_version(
    connection: Connection,
    layer: Layer,
    version: int,
    *,
    key: str,
    extent: Bounds,
    media: Mapping[str, Any],
    heights: tuple[float, float] | None,
    features: int | None,
    report: Mapping[str, Any],
) -> None:
    """Enter a version and make it the current one; in the caller's transaction."""
    box = sa.func.ST_MakeEnvelope(*extent, 4490)
    connection.execute(
        sa.insert(VERSION).values(
            layer=layer.id,
            version=version,
            key=key,
            declaration=to_dict(layer),
            media=dict(media),
            extent=box,
            lowest=None if heights is None else heights[0],
            highest=None if heights is None else heights[1],
            features=features,
            report=dict(report),
        )
    )
    point_at(connection, layer.id, version)


def point_at(connection: Connection, layer_id: str, version: int) -> None:
    """Make an existing version the current one.

    Raises:
        NotFoundError: no such version.
    """
    found = published(connection, layer_id, version)
    connection.execute(
        sa.update(LAYER)
        .where(LAYER.c.id == layer_id)
        .values(current_version=version, changed_at=sa.func.now())
    )
    if found.layer.kind is Kind.VECTOR:
        view = f'"{found.layer.topic}"."{found.layer.noun}"'
        connection.execute(sa.text(f"drop view if exists {view}"))
        connection.execute(sa.text(f"create view {view} as select * from {found.table}"))
