"""Where things are kept: PostgreSQL + PostGIS for rows, folders for tiles."""
