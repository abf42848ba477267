"""Geometry of the Earth's surface: pure values in, values out; no files, database, HTTP, clock."""
