"""Mapbox Vector Tiles of a vector layer, straight from PostGIS."""

from __future__ import annotations

import sqlalchemy as sa
from sqlalchemy import Connection

from cim.errors import NotFoundError
from cim.layers import Geometry, Layer

EXTENT = 4096
MAX_ZOOM = 22
BOXED = 6  # from here on a tile's sides bend in the storage CRS by less than the margin
MARGIN = 64  # of the query box, tile units


def tile(
    connection: Connection, table: str, layer: Layer, srid: int, place: tuple[int, int, int]
) -> bytes:
    """One tile; empty bytes where nothing lies in it.

    Everything is cut at the tile's edge: translucent areas of neighbouring tiles would show darker
    where they overlap. Below about two pixels lines and polygons are simplified, so that a county
    seen from far is not drawn corner by corner.

    Args:
        connection: Of the installation.
        table: Qualified, quoted table with ``fid`` and ``geom``.
        layer: Declares the attributes; its noun names the layer inside the tile.
        srid: SRID of ``geom``; the query box is moved there, not the column.
        place: z, x, y of the Web Mercator grid.

    Raises:
        NotFoundError: no such tile in the grid.
    """
    z, x, y = place
    if not (0 <= z <= MAX_ZOOM and 0 <= x < 2**z and 0 <= y < 2**z):
        raise NotFoundError(f"there is no tile {z}/{x}/{y}")
    pixel = 40075016.686 / 2**z / 512
    moved = "ST_Force2D(ST_Transform(t.geom, 3857))"
    if layer.geometry in {Geometry.LINE, Geometry.POLYGON}:
        moved = f"ST_Simplify({moved}, {pixel / 2}, true)"
    # Far out a tile's box in the storage CRS is bent, then nonsense; few rows lie outside it there.
    margin = f"ST_TileEnvelope(:z, :x, :y, margin => {MARGIN / EXTENT})"
    box = f"ST_Transform({margin}, {srid})" if z >= BOXED else "null"
    near = "where t.geom && e.box" if z >= BOXED else ""
    attributes = "".join(f', t."{f.name}"' for f in layer.fields)
    found = connection.execute(
        sa.text(
            f"with e as (select ST_TileEnvelope(:z, :x, :y) as tile, {box} as box) "
            f"select ST_AsMVT(m, '{layer.noun}', {EXTENT}, 'geom', 'fid') from ("
            f"select t.fid{attributes}, ST_AsMVTGeom({moved}, e.tile, {EXTENT}, 0, true) "
            f"as geom from {table} t, e {near}) m where m.geom is not null"
        ),
        {"z": z, "x": x, "y": y},
    ).scalar_one()
    return bytes(found or b"")
