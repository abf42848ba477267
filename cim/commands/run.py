"""``cim run``: ask an analysis from the command line."""

from __future__ import annotations

import json
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.table import Table

from cim.commands.ending import clear_errors, here
from cim.errors import ParameterError
from cim.topic import Analysis
from cim.topics import analysis as find
from cim.topics import discover


@clear_errors
def run(
    context: typer.Context,
    analysis: Annotated[
        str | None, typer.Argument(help="analysis id, such as forest_fire.viewshed")
    ] = None,
    list_all: Annotated[bool, typer.Option("--list", help="list all analyses")] = False,
    example: Annotated[bool, typer.Option(help="ask the documented example")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="the whole answer as JSON")] = False,
) -> None:
    """Ask an analysis: cim run TOPIC.ANALYSIS --parameter value ...

    Parameters are named as in the form; points are given as lon,lat, lines
    and polygons as lon,lat;lon,lat;... --example starts from the
    documented example, and parameters given beside it replace its own.
    """
    if list_all or analysis is None:
        _list(as_json=as_json)
        return
    found = find(analysis)
    values = dict(found.example) if example else {}
    values.update(_values(found, context.args))
    answer = here().asker.ask(found, values)
    if as_json:
        typer.echo(json.dumps(answer, ensure_ascii=False))
    else:
        _print(answer)


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


def _values(analysis: Analysis, words: list[str]) -> dict[str, Any]:
    """``--name value`` and ``--name=value`` pairs; lists with commas, names with - or _."""
    values: dict[str, Any] = {}
    rest = list(words)
    while rest:
        word = rest.pop(0)
        if not word.startswith("--"):
            raise ParameterError(f"{word!r} stands alone", remedy="give --parameter value")
        name, equals, text = word[2:].partition("=")
        name = name.replace("-", "_")
        if name not in analysis.parameters.model_fields:
            names = ", ".join(f"--{n}" for n in analysis.parameters.model_fields)
            raise ParameterError(f"{analysis.id} has no --{name}", remedy=f"it has {names}")
        if not equals:
            if not rest:
                raise ParameterError(f"--{name} has no value")
            text = rest.pop(0)
        values[name] = _value(text)
    return values


def _value(text: str) -> Any:
    try:
        return json.loads(text)
    except ValueError:
        if ";" in text:
            return [_value(part.strip()) for part in text.split(";")]
        if "," in text:
            return [_value(part.strip()) for part in text.split(",")]
        return text


def _print(answer: dict[str, Any]) -> None:
    console = Console()
    console.print(f"{answer['title']}  {answer['title_en']}")
    table = Table("", "value", "unit", "verdict", "evidence")
    for figure in answer["summary"]:
        value = figure["value"]
        text = "-" if value is None else f"{value:,.6g}" if isinstance(value, float) else str(value)
        table.add_row(
            figure["title"], text, figure["unit"], figure["verdict"] or "", figure["evidence"]
        )
    console.print(table)
    if answer["coverage"]:
        console.print(f"coverage: {answer['coverage']['download']}")
