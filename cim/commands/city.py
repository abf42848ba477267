"""``cim city``: the city profile."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Annotated

import typer

from cim import city as cities
from cim.city import Bounds
from cim.commands.ending import clear_errors
from cim.commands.order import read_origin
from cim.errors import ConflictError, ParameterError
from cim.geo.crs import resolve
from cim.geo.zones import local_zone
from cim.ingest.survey import survey
from cim.settings import Settings
from cim.store.files import write_atomic

app = typer.Typer(help="The city profile.", no_args_is_help=True)


@app.command()
@clear_errors
def show() -> None:
    """Print the profile in use."""
    path = Settings().city
    profile = cities.load(path)
    typer.echo(f"{path}\n{profile.name} at {profile.bounds}\n{profile.compute_crs.name}\n"
               f"geoid: {profile.geoid_source}")  # fmt: skip


@app.command()
@clear_errors
def init(
    deliveries: Annotated[
        list[Path] | None, typer.Option("--from", help="delivery to fit the profile to")
    ] = None,
    name: Annotated[str, typer.Option(help="name of the city")] = "我的城市",
    bounds: Annotated[str | None, typer.Option(help="west,south,east,north in degrees")] = None,
    crs: Annotated[
        str | None, typer.Option(help="CRS of the delivery, as for `cim ingest`")
    ] = None,
    origin: Annotated[
        str | None, typer.Option(help="x,y,z of the delivery's local origin, as for `cim ingest`")
    ] = None,
    compute_crs: Annotated[
        str | None, typer.Option(help="projected CRS in metres; default: the zone of the place")
    ] = None,
    geoid: Annotated[
        str | None, typer.Option(help="geoid height N: metres, a .gtx file, or egm96")
    ] = None,
    out: Annotated[Path, typer.Option(help="file to write")] = Path("city.toml"),
) -> None:
    """Write a city profile: from a delivery, or from --bounds."""
    if out.exists():
        raise ConflictError("the file exists", path=out, remedy="give another --out")
    if deliveries:
        extent = survey([p.resolve() for p in deliveries], crs, read_origin(origin))
        box = _padded(extent)
    elif bounds:
        box = _bounds(bounds)
    else:
        raise ParameterError(
            "there is nothing to fit the profile to", remedy="give --from DELIVERY or --bounds"
        )
    given = compute_crs or (None if deliveries else crs)
    chosen = resolve(given) if given else None
    code = (
        chosen.given
        if chosen
        else local_zone((box.west + box.east) / 2, (box.south + box.north) / 2)
    )
    text = _toml(name, box, code, geoid)
    write_atomic(out, text)
    try:
        cities.load(out)
    except Exception:
        out.unlink()
        raise
    typer.echo(f"{out}: {name} at {box}, {code}\nuse it with: export CIM_CITY={out.resolve()}")


def _bounds(text: str) -> Bounds:
    try:
        numbers = [float(part) for part in text.split(",")]
    except ValueError:
        numbers = []
    if len(numbers) != 4 or not all(map(math.isfinite, numbers)):
        raise ParameterError(
            f"--bounds {text!r} is not four numbers", remedy="give west,south,east,north in degrees"
        )
    return Bounds(*numbers)


def _padded(extent: Bounds) -> Bounds:
    """A margin of a tenth, at least a hundredth of a degree, rounded outwards."""
    x = max(0.1 * (extent.east - extent.west), 0.01)
    y = max(0.1 * (extent.north - extent.south), 0.01)
    return Bounds(
        max(-180.0, round(extent.west - x, 3)),
        max(-90.0, round(extent.south - y, 3)),
        min(180.0, round(extent.east + x, 3)),
        min(90.0, round(extent.north + y, 3)),
    )


def _toml(name: str, box: Bounds, crs: str, geoid: str | None) -> str:
    value = "egm96" if geoid is None else geoid
    try:
        geoid_text = str(float(value))
    except ValueError:
        geoid_text = json.dumps(value)
    return (
        "# Profile of one city; docs/city.md explains the keys.\n"
        f"name = {json.dumps(name, ensure_ascii=False)}\n"
        f"bounds = [{', '.join(str(v) for v in box)}]\n"
        f"compute_crs = {json.dumps(crs)}\n"
        f"geoid = {geoid_text}\n"
    )
