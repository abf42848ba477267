"""Alembic's entry: runs the migrations on the connection that ``cim.store.database`` hands over."""

from alembic import context
from geoalchemy2 import alembic_helpers

connection = context.config.attributes["connection"]
context.configure(
    connection=connection,
    include_object=alembic_helpers.include_object,
    process_revision_directives=alembic_helpers.writer,
    render_item=alembic_helpers.render_item,
)
context.run_migrations()
