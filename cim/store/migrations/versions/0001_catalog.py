"""The catalogue: layers and their immutable versions."""

import sqlalchemy as sa
from alembic import op
from geoalchemy2 import Geometry
from sqlalchemy.dialects.postgresql import JSONB

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute("create schema if not exists catalog")
    op.create_table(
        "layer",
        sa.Column("id", sa.Text, primary_key=True),
        sa.Column("declaration", JSONB, nullable=False),
        sa.Column("origin", sa.Text, nullable=False),
        sa.Column("current_version", sa.Integer),
        sa.Column("changed_at", sa.DateTime(timezone=True), server_default=sa.func.now()),
        schema="catalog",
    )
    op.create_table(
        "version",
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
        schema="catalog",
    )
    op.create_index(
        "version_extent", "version", ["extent"], schema="catalog", postgresql_using="gist"
    )


def downgrade() -> None:
    op.drop_table("version", schema="catalog")
    op.drop_table("layer", schema="catalog")
    op.execute("drop schema catalog")
