"""Levels of detail of a mesh that has none: cut into cells, simplified upwards, painted anew."""
