"""Rows of a vector layer: loaded by COPY, asked for as GeoJSON, searched by name."""

from __future__ import annotations

import io
import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any, cast

import geopandas as gpd
import psycopg
import pyarrow as pa
import pyarrow.csv as pacsv
import pyarrow.parquet as pq
import sqlalchemy as sa
from sqlalchemy import Connection

from cim.catalog.registry import Version
from cim.city import Bounds
from cim.errors import NotFoundError
from cim.layers import FieldType, Layer

SQL_TYPES = {
    FieldType.TEXT: "text",
    FieldType.INTEGER: "bigint",
    FieldType.REAL: "double precision",
    FieldType.BOOLEAN: "boolean",
    FieldType.DATE: "date",
}
GEOMETRY_COLUMN = "geom"


class _CopySink(io.RawIOBase):
    """Hands what pyarrow writes to a running COPY."""

    def __init__(self, copy: psycopg.Copy) -> None:
        super().__init__()
        self._copy = copy

    def writable(self) -> bool:
        return True

    def write(self, block: Any) -> int:
        self._copy.write(bytes(block))
        return len(block)


def load(
    connection: Connection, layer: Layer, version: int, parts: Iterable[Path], geometry: str
) -> int:
    """Make the table of a version and fill it from GeoParquet parts; the number of rows.

    Args:
        connection: In the transaction that publishes.
        layer: Declares the columns.
        version: Number of the version; the table is ``<topic>.<noun>_v<version>``.
        parts: Files with the declared columns and ``geom`` as EWKB in hex.
        geometry: PostGIS type with SRID, such as ``MultiPolygonZ, 4545``.
    """
    table = f'"{layer.topic}"."{layer.noun}_v{version}"'
    columns = [f'"{f.name}" {SQL_TYPES[f.type]}' for f in layer.fields]
    fields = [f'"{f.name}"' for f in layer.fields]
    names = ", ".join([*fields, GEOMETRY_COLUMN])
    # Parts may come with heights where the whole has none.
    flat = not geometry.partition(",")[0].endswith("Z")
    shape = f"ST_Force2D({GEOMETRY_COLUMN})" if flat else GEOMETRY_COLUMN
    connection.execute(sa.text(f'create schema if not exists "{layer.topic}"'))
    connection.execute(sa.text(f"drop table if exists {table} cascade"))
    geometry_column = f"{GEOMETRY_COLUMN} geometry({geometry})"
    connection.execute(
        sa.text(f"create temp table incoming ({', '.join([*columns, 'geom geometry'])}) "
                "on commit drop")
    )  # fmt: skip
    fid = "fid bigint generated always as identity primary key"
    connection.execute(
        sa.text(f"create table {table} ({', '.join([fid, *columns, geometry_column])})")
    )
    for part in parts:
        _copy(connection, names, [f.name for f in layer.fields], part)
    done = connection.execute(
        sa.text(f"insert into {table} ({names}) "
                f"select {', '.join([*fields, shape])} from incoming order by {GEOMETRY_COLUMN}")
    )  # fmt: skip
    connection.execute(sa.text("drop table incoming"))
    _index(connection, layer, table, version)
    return int(done.rowcount)


def _copy(connection: Connection, names: str, order: list[str], part: Path) -> None:
    raw = cast("psycopg.Connection[Any]", connection.connection.driver_connection)
    options = pacsv.WriteOptions(include_header=False, batch_size=65536)
    with (
        raw.cursor() as cursor,
        cursor.copy(f"copy incoming ({names}) from stdin (format csv)") as copy,
    ):
        for batch in pq.ParquetFile(part).iter_batches(columns=[*order, GEOMETRY_COLUMN]):
            pacsv.write_csv(pa.Table.from_batches([batch]), _CopySink(copy), options)


def _index(connection: Connection, layer: Layer, table: str, version: int) -> None:
    name = f"{layer.topic}_{layer.noun}_v{version}"
    connection.execute(sa.text(f'create index "{name}_geom" on {table} using gist (geom)'))
    if layer.style.label_field:
        connection.execute(
            sa.text(f'create index "{name}_label" on {table} using gin '
                    f'("{layer.style.label_field}" gin_trgm_ops)')
        )  # fmt: skip
    connection.execute(sa.text(f"analyze {table}"))


def _feature_sql(version: Version) -> str:
    properties = ", ".join(f"'{f.name}', \"{f.name}\"" for f in version.layer.fields)
    return (
        "json_build_object('type', 'Feature', 'id', fid, 'geometry', "
        "ST_AsGeoJSON(ST_ForcePolygonCCW(ST_Transform(geom, 4490)), 8, 0)::json, "
        f"'properties', json_build_object({properties}))"
    )


def page(
    connection: Connection,
    version: Version,
    *,
    bbox: Bounds | None = None,
    query: str | None = None,
    limit: int = 1000,
    offset: int = 0,
) -> dict[str, Any]:
    """A page of features as a GeoJSON FeatureCollection in degrees (CGCS2000), z orthometric."""
    conditions: list[str] = ["true"]
    values: dict[str, Any] = {}
    if bbox is not None:
        # A box far beyond the zone of the storage CRS would fold over when it is moved there.
        bbox = bbox.intersection(version.extent)
        if bbox is None:
            return _collection([], 0)
        conditions.append(
            "geom && ST_Transform(ST_MakeEnvelope(:w, :s, :e, :n, 4490), ST_SRID(geom))"
            " and ST_Intersects(geom, "
            "ST_Transform(ST_Segmentize(ST_MakeEnvelope(:w, :s, :e, :n, 4490), 0.01), "
            "ST_SRID(geom)))"
        )
        values.update(dict(zip("wsen", bbox, strict=True)))
    if query:
        texts = [f.name for f in version.layer.fields if f.type is FieldType.TEXT]
        matches = " or ".join(f'"{name}" ilike :q' for name in texts) or "false"
        conditions.append(f"({matches})")
        values["q"] = f"%{_escape(query)}%"
    where = " and ".join(conditions)
    matched = connection.execute(
        sa.text(f"select count(*) from {version.table} where {where}"), values
    ).scalar_one()
    rows = connection.execute(
        sa.text(f"select {_feature_sql(version)} from {version.table} where {where} "
                "order by fid limit :limit offset :offset"),
        {**values, "limit": limit, "offset": offset},
    )  # fmt: skip
    return _collection([row[0] for row in rows], matched)


def _collection(features: list[Any], matched: int) -> dict[str, Any]:
    return {
        "type": "FeatureCollection",
        "features": features,
        "numberMatched": matched,
        "numberReturned": len(features),
    }


def one(connection: Connection, version: Version, fid: int) -> dict[str, Any]:
    """One feature as GeoJSON.

    Raises:
        NotFoundError: no such feature.
    """
    found = connection.execute(
        sa.text(f"select {_feature_sql(version)} from {version.table} where fid = :fid"),
        {"fid": fid},
    ).scalar_one_or_none()
    if found is None:
        raise NotFoundError(f"{version.layer.id} has no feature {fid}")
    return cast("dict[str, Any]", found if isinstance(found, dict) else json.loads(found))


def frame(
    connection: Connection, version: Version, *, heights: bool = False, bounds: Bounds | None = None
) -> gpd.GeoDataFrame:
    """Rows of a version with their fields, geometry in degrees (CGCS2000).

    Args:
        connection: To the catalogue's database.
        version: Whose rows.
        heights: Whether third coordinates are kept, m.
        bounds: Only rows whose boxes touch these, degrees; all without.
    """
    fields = "".join(f', "{f.name}"' for f in version.layer.fields)
    shape = "ST_Transform(geom, 4490)"
    where, values = "true", {}
    if bounds is not None:
        bounds = bounds.intersection(version.extent)
        where = "false"
        if bounds is not None:
            where = "geom && ST_Transform(ST_MakeEnvelope(:w, :s, :e, :n, 4490), ST_SRID(geom))"
            values = dict(zip("wsen", bounds, strict=True))
    statement = sa.text(
        f"select fid{fields}, {shape if heights else f'ST_Force2D({shape})'} as geom "
        f"from {version.table} where {where} order by fid"
    )
    return gpd.read_postgis(statement, connection, geom_col=GEOMETRY_COLUMN, params=values,
                            crs=4490)  # fmt: skip


def search(
    connection: Connection, versions: Iterable[Version], query: str, limit: int
) -> list[dict[str, Any]]:
    """Features whose label holds the query, whole matches and short names first."""
    parts = []
    for index, version in enumerate(versions):
        label = version.layer.style.label_field
        if label is None:
            continue
        parts.append(
            f'(select {index} as source, fid, "{label}" as name, '
            "ST_Transform(ST_PointOnSurface(geom), 4490) as place, "
            "ST_Transform(ST_Envelope(geom), 4490) as box "
            f'from {version.table} where "{label}" ilike :q '
            f'order by length("{label}") limit :limit)'
        )
    if not parts:
        return []
    listed = list(versions)
    rows = connection.execute(
        sa.text("select source, fid, name, ST_X(place) as lon, ST_Y(place) as lat, "
                "ST_XMin(box) as w, ST_YMin(box) as s, ST_XMax(box) as e, ST_YMax(box) as n "
                f"from ({' union all '.join(parts)}) as found "
                "order by length(name), name, source limit :limit"),
        {"q": f"%{_escape(query)}%", "limit": limit},
    )  # fmt: skip
    return [
        {
            "layer": listed[row.source].layer.id,
            "layer_title": listed[row.source].layer.title,
            "layer_title_en": listed[row.source].layer.title_en,
            "fid": row.fid,
            "name": row.name,
            "lon": row.lon,
            "lat": row.lat,
            "bbox": [row.w, row.s, row.e, row.n],
        }
        for row in rows
    ]


def _escape(text: str) -> str:
    return text.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")
