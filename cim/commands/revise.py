"""``cim revise``: refined models take the place of parts of a published mesh (模型精修)."""

from __future__ import annotations

import math
import os
from pathlib import Path
from typing import Annotated, Any

import geopandas as gpd
import typer

from cim.catalog import elevation, registry
from cim.commands.ending import clear_errors, here
from cim.commands.ingest import Scheduler, Workers
from cim.commands.order import tell, watcher
from cim.errors import InputError, ParameterError
from cim.geo.crs import CGCS2000
from cim.ingest.report import Exit, Report
from cim.ingest.revising import Refined, Revision, revise_mesh
from cim.installation import Installation
from cim.store.database import ready
from cim.store.files import write_json


@clear_errors
def revise(
    mesh: Annotated[str, typer.Argument(help="published mesh layer, such as base.oblique")],
    model: Annotated[
        Path | None, typer.Option(help="refined model to put in: glb; or OBJ or PLY, z up; m")
    ] = None,
    at: Annotated[
        str | None,
        typer.Option(
            help="lon,lat[,height] of its origin: degrees, orthometric m; without a "
            "height it stands on the published terrain"
        ),
    ] = None,
    turn: Annotated[float, typer.Option(help="clockwise from north, degrees")] = 0.0,
    scale: Annotated[float, typer.Option(help="metres a unit of the model")] = 1.0,
    building: Annotated[
        list[str] | None, typer.Option(help="building to take out, by the footprints' key")
    ] = None,
    footprints: Annotated[
        str, typer.Option(help="published layer that the buildings come from")
    ] = "base.building",
    key: Annotated[
        str | None, typer.Option(help="field that tells the buildings apart; default: *_id")
    ] = None,
    area: Annotated[
        Path | None, typer.Option(help="file of polygons: everything there is taken out")
    ] = None,
    block: Annotated[
        list[str] | None, typer.Option(help="folder of the survey to take out whole")
    ] = None,
    workers: Workers = None,
    scheduler: Scheduler = None,
    report: Annotated[Path | None, typer.Option(help="write the report here, JSON")] = None,
) -> None:
    """Replace buildings, blocks or an area of a mesh by a refined model, as a new version.

    Only the files that are cut are written anew. A mesh with labels gets them again. The report
    tells how much was taken out and put in (m³, m²). Ends as `cim ingest` does.
    """
    installation = here()
    revision = Revision(
        models=() if model is None else (_refined(installation, model, at, turn, scale),),
        footprints=footprints,
        buildings=tuple(building or ()),
        key=key,
        area=None if area is None else _polygons(area),
        blocks=tuple(block or ()),
    )
    with watcher() as watch:
        done = revise_mesh(
            mesh,
            revision,
            city=installation.city,
            engine=installation.engine,
            files=installation.files,
            workers=workers or os.cpu_count() or 1,
            scheduler=scheduler,
            watcher=watch,
        )
    _tell(done)
    if report is not None:
        write_json(report, done[0].to_json())
    worst = next((one.exit for one in done if one.exit is not Exit.PUBLISHED), Exit.PUBLISHED)
    if worst is not Exit.PUBLISHED:
        raise typer.Exit(int(worst))


def _tell(done: list[Report]) -> None:
    """What came of it, and the difference in figures."""
    for one in done:
        tell(one)
    figures = next(check.figures for check in done[0].checks if check.name == "revision")
    typer.echo(", ".join(f"{name} {value:.1f}" for name, value in figures.items()))


def _refined(
    installation: Installation, path: Path, at: str | None, turn: float, scale: float
) -> Refined:
    if not path.is_file():
        raise InputError("there is no such file", path=path, remedy="check the spelling")
    try:
        place = [float(part) for part in (at or "").split(",")]
    except ValueError:
        place = []
    fine = all(math.isfinite(v) for v in (*place, turn, scale)) and scale > 0
    if len(place) not in {2, 3} or not fine:
        raise ParameterError(
            f"--at {at!r} is not lon,lat[,height], or --scale {scale} is not above zero, or "
            f"--turn {turn} is no number",
            remedy="write it so: --at 106.65,35.22,1412.5",
        )
    lon, lat = place[:2]
    height = place[2] if len(place) == 3 else _ground(installation, lon, lat)
    return Refined(path=path.resolve(), lon=lon, lat=lat, height=height, turn=turn, scale=scale)


def _ground(installation: Installation, lon: float, lat: float) -> float:
    with ready(installation.engine) as connection:
        grounds = elevation.terrain(registry.entries(connection))
    found = elevation.at(installation.files, grounds, lon, lat)
    if found is None:
        raise ParameterError(
            f"no published terrain knows the height at {lon}, {lat}",
            remedy="give it: --at lon,lat,height",
        )
    return found.metres


def _polygons(path: Path) -> Any:
    """All polygons of a file in degrees.

    Raises:
        InputError: it cannot be read, says not where it lies, or holds no polygon.
    """
    try:
        frame = gpd.read_file(path)
    except Exception as error:
        raise InputError(f"cannot be read: {error}", path=path) from error
    shapes = frame.geometry[frame.geometry.geom_type.isin(["Polygon", "MultiPolygon"])]
    if shapes.crs is None or not len(shapes):
        raise InputError(
            "it holds no polygon, or does not say its CRS",
            path=path,
            remedy="give GeoJSON in degrees, or a file with a CRS",
        )
    return shapes.to_crs(CGCS2000).make_valid().union_all()
