"""Which files are models, and where on Earth they lie."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

from cim.errors import CrsError
from cim.ingest.source import Request
from cim.ingest.sources.flat.material import read_materials
from cim.ingest.sources.flat.obj import libraries
from cim.ingest.sources.osgb.metadata import Georeference, georeference

SUFFIXES = frozenset({".obj", ".ply", ".glb"})
DRONE = Path("odm_texturing") / "odm_textured_model_geo.obj"  # of an OpenDroneMap project
OFFSET = Path("odm_georeferencing") / "coords.txt"
PROJ = Path("odm_georeferencing") / "proj.txt"
REMEDY = (
    "say where the model lies: --crs EPSG:4545 --origin x,y,z "
    "(--origin 0,0,0 where its coordinates are those of the CRS)"
)
_UTM = re.compile(r"WGS84\s+UTM\s+(\d{1,2})\s*([NS])", re.IGNORECASE)


def models(path: Path) -> Iterator[Path]:
    """The models of a delivery: a file, those in a folder, or that of an OpenDroneMap project."""
    if path.is_file():
        if path.suffix.lower() in SUFFIXES:
            yield path
        return
    if not path.is_dir():
        return
    if (path / DRONE).is_file():
        yield path / DRONE
        return
    if (path / DRONE.name).is_file():
        yield path / DRONE.name
        return
    yield from sorted(
        child for child in path.iterdir() if child.is_file() and child.suffix.lower() in SUFFIXES
    )


def inputs(path: Path) -> tuple[Path, ...]:
    """Every file that a model is made from, as far as its first lines tell."""
    found = [path]
    if path.suffix.lower() == ".obj":
        for library in libraries(path):
            found.append(library)
            materials, _ = read_materials(library)
            found += [m.picture for m in materials.values() if m.picture is not None]
    drone = _drone(path)
    found += [drone / p for p in (OFFSET, PROJ) if drone is not None and (drone / p).is_file()]
    return tuple(dict.fromkeys(found))


def place(path: Path, request: Request) -> Georeference:
    """Where a model lies: by what the user says, else by what OpenDroneMap has left beside it.

    Raises:
        CrsError: nobody says it, or it is no place on Earth.
    """
    crs, origin = request.crs, request.origin
    drone = _drone(path)
    if drone is not None and (crs is None or origin is None):
        told, offset = _georeferencing(drone)
        crs, origin = crs or told, origin or offset
    if crs is None or origin is None:
        missing = "CRS" if crs is None else "origin"
        raise CrsError(f"a model does not say its {missing}", path=path, remedy=REMEDY)
    return georeference(None, path, crs, origin)


def _drone(path: Path) -> Path | None:
    """The OpenDroneMap project that a model belongs to."""
    project = path.parent.parent
    geo = path.name.lower().startswith("odm_textured_model_geo")
    return project if geo and (project / OFFSET).is_file() else None


def _georeferencing(project: Path) -> tuple[str | None, tuple[float, float, float]]:
    """CRS and origin of an OpenDroneMap project; heights are whole already.

    Raises:
        CrsError: its coords.txt is malformed.
    """
    path = project / OFFSET
    lines = [line.strip() for line in path.read_text("utf-8", "replace").splitlines()]
    lines = [line for line in lines if line]
    try:
        east, north = (float(word) for word in lines[1].split()[:2])
    except (IndexError, ValueError) as error:
        raise CrsError(
            "its second line holds no easting and northing", path=path, remedy=REMEDY
        ) from error
    proj = project / PROJ
    if proj.is_file() and (told := proj.read_text("utf-8", "replace").strip()):
        return told, (east, north, 0.0)
    return _first_line(lines[0]), (east, north, 0.0)


def _first_line(line: str) -> str | None:
    zone = _UTM.match(line)
    if zone:
        north = zone.group(2).upper() == "N"
        return f"EPSG:{(32600 if north else 32700) + int(zone.group(1))}"
    return line if line.upper().startswith(("EPSG:", "+PROJ")) else None
