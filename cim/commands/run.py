"""``cim run``: ask an analysis from the command line."""

from __future__ import annotations

import json
import shutil
from datetime import datetime
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.table import Table
from rich.text import Text

from cim.commands import given
from cim.commands.ending import clear_errors, here
from cim.installation import Installation
from cim.report.words import BEIJING, UNVERIFIED, unit
from cim.store.files import disk_errors, write_atomic
from cim.topic import Analysis
from cim.topics import analysis as find
from cim.topics import discover

_ROWS = 20
_WIDE = 160  # characters


@clear_errors
def run(
    context: typer.Context,
    analysis: Annotated[
        str | None, typer.Argument(help="analysis id, such as forest_fire.viewshed")
    ] = None,
    list_all: Annotated[bool, typer.Option("--list", help="list all analyses")] = False,
    example: Annotated[bool, typer.Option(help="ask the documented example")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="the whole answer as JSON")] = False,
    report: Annotated[
        Path | None, typer.Option(help="write the report of the answer here, PDF")
    ] = None,
    save: Annotated[
        Path | None, typer.Option(help="folder to put the answer and its files into")
    ] = None,
) -> None:
    """Ask an analysis: cim run TOPIC.ANALYSIS --parameter value ...

    Parameters are named as in the form; points are given as lon,lat, lines
    and polygons as lon,lat;lon,lat;..., lists and objects as JSON. @FILE is
    what a file holds: polygons where an area is asked for (GeoJSON, zipped
    shapefile, GeoPackage, KML, DXF; @plan.dxf?crs=EPSG:4545), JSON elsewhere.
    Where a file is asked for, give its path. --example starts from the
    documented example, and parameters given beside it replace its own.
    """
    if list_all or analysis is None:
        _list(as_json=as_json)
        return
    found = find(analysis)
    installation = here()
    values = dict(found.example) if example else {}
    values.update(given.values(found, context.args, installation))
    answer = installation.asker.ask(found, values)
    if report is not None:
        _report(installation, answer, found, report)
    if save is not None:
        _save(answer, installation.asker.folder(answer["id"]), save)
    if as_json:
        typer.echo(json.dumps(answer, ensure_ascii=False))
    else:
        _print(answer)


def _report(
    installation: Installation, answer: dict[str, Any], analysis: Analysis, path: Path
) -> None:
    printed = f"{datetime.now(BEIJING):%Y-%m-%d %H:%M} (UTC+8)"
    folder = installation.asker.folder(answer["id"])
    pdf = installation.reporter.pdf(answer, analysis, folder, printed)
    with disk_errors(path):
        write_atomic(path, pdf)


def _list(*, as_json: bool) -> None:
    analyses = [a for topic in discover() for a in topic.analyses]
    if as_json:
        typer.echo(
            json.dumps(
                [{"id": a.id, "title": a.title, "title_en": a.title_en} for a in analyses],
                ensure_ascii=False,
            )
        )
        return
    for found in analyses:
        typer.echo(f"{found.id:32} {found.title}  {found.title_en}")


def _save(answer: dict[str, Any], folder: Path, target: Path) -> None:
    """The answer as JSON, its attachments and its coverage."""
    names = ["result.json", *(file["file"] for file in answer["attachments"])]
    if answer["coverage"]:
        names.append(answer["coverage"]["file"])
    with disk_errors(target):
        target.mkdir(parents=True, exist_ok=True)
        for name in names:
            shutil.copyfile(folder / name, target / name)


def _print(answer: dict[str, Any]) -> None:
    console = Console()
    if not console.is_terminal:  # what is piped or kept is not squeezed into 80 columns
        console = Console(width=_WIDE)
    console.print(Text(f"{answer['title']}  {answer['title_en']}"))
    table = Table("", "value", "verdict", "evidence")
    for figure in answer["summary"]:
        amount = f"{_shown(figure['value'])} {unit(figure['unit'])}".strip()
        told = (figure["title"], amount, figure["verdict"] or "", figure["evidence"] or UNVERIFIED)
        table.add_row(*map(Text, told))
    console.print(table)
    for one in answer["tables"]:
        _print_table(console, one)
    if answer["coverage"]:
        console.print(Text(f"coverage: {answer['coverage']['download']}"))
    for file in answer["attachments"]:
        console.print(Text(f"{file['title']} {file['title_en']}: {file['url']}"))


def _print_table(console: Console, said: dict[str, Any]) -> None:
    """The first rows of a table; how many there are beside."""
    table = Table(title=Text(f"{said['title']}  {said['title_en']}".strip()))
    for column in said["columns"]:
        of = unit(column["unit"])
        table.add_column(Text(f"{column['title']} ({of})" if of else column["title"]))
    for row in said["rows"][:_ROWS]:
        table.add_row(*(Text(_shown(row.get(column["key"]))) for column in said["columns"]))
    console.print(table)
    more = len(said["rows"]) - _ROWS
    if more > 0:
        console.print(Text(f"… {more} more rows; --json or --save gives them all"))


def _shown(value: Any) -> str:
    if value is None:
        return "-"
    if isinstance(value, float):
        return f"{value:,.6g}"
    if isinstance(value, list | dict):
        return json.dumps(value, ensure_ascii=False)
    return str(value)
