"""The command line: thin, over the same rooms as HTTP."""

from __future__ import annotations

import typer

from cim import __version__
from cim.commands import (
    check,
    city,
    db,
    deliveries,
    derive,
    export,
    ingest,
    join,
    label,
    layers,
    reference,
    revise,
    run,
    serve,
    tubes,
)

app = typer.Typer(
    help="CIM 时空信息平台: from a disk of deliveries to a live 3D city.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
)
app.command("ingest")(ingest.ingest)
app.command("check")(check.check)
app.command("deliveries")(deliveries.deliveries)
app.command("export")(export.export)
app.command("label")(label.label)
app.command("revise")(revise.revise)
app.command("join")(join.join)
app.command("derive")(derive.derive)
app.command("tubes")(tubes.tubes)
app.command("run", context_settings={"allow_extra_args": True, "ignore_unknown_options": True})(
    run.run
)
app.command("serve")(serve.serve)
app.command("reference")(reference.reference)
app.add_typer(city.app, name="city")
app.add_typer(db.app, name="db")
app.add_typer(layers.app, name="layers")


@app.command()
def version() -> None:
    """Print the version of the program."""
    typer.echo(__version__)


if __name__ == "__main__":
    app()
