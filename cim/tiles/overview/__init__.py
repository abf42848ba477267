"""Light textured meshes above many tiles: a city opens from one small root."""
