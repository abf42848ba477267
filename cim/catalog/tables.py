"""The catalogue's tables, as the migrations make them (a test compares the two)."""

import sqlalchemy as sa
from geoalchemy2 import Geometry
from sqlalchemy.dialects.postgresql import JSONB

METADATA = sa.MetaData(schema="catalog")

LAYER = sa.Table(
    "layer",
    METADATA,
    sa.Column("id", sa.Text, primary_key=True),
    sa.Column("declaration", JSONB, nullable=False),
    sa.Column("origin", sa.Text, nullable=False),
    sa.Column("current_version", sa.Integer),
    sa.Column("changed_at", sa.DateTime(timezone=True), server_default=sa.func.now()),
)

VERSION = sa.Table(
    "version",
    METADATA,
    sa.Column("layer", sa.Text, sa.ForeignKey("catalog.layer.id"), primary_key=True),
    sa.Column("version", sa.Integer, primary_key=True),
    sa.Column("key", sa.Text, nullable=False),
    sa.Column("published_at", sa.DateTime(timezone=True), server_default=sa.func.now()),
    sa.Column("declaration", JSONB, nullable=False),
    sa.Column("media", JSONB, nullable=False),
    sa.Column("extent", Geometry("POLYGON", srid=4490, spatial_index=False), nullable=False),
    sa.Column("lowest", sa.Float),
    sa.Column("highest", sa.Float),
    sa.Column("features", sa.BigInteger),
    sa.Column("report", JSONB, nullable=False),
)
sa.Index("version_extent", VERSION.c.extent, postgresql_using="gist")
