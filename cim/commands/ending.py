"""How a command ends: errors as one clear sentence on stderr and code 2."""

from __future__ import annotations

import sys
from collections.abc import Callable
from functools import wraps
from typing import ParamSpec, TypeVar

import typer
from pydantic import ValidationError

from cim.errors import CimError
from cim.installation import Installation, open_installation
from cim.settings import Settings

P = ParamSpec("P")
R = TypeVar("R")


def clear_errors(command: Callable[P, R]) -> Callable[P, R]:
    """Print what went wrong, where, and what to do; end with code 2."""

    @wraps(command)
    def guarded(*args: P.args, **values: P.kwargs) -> R:
        try:
            return command(*args, **values)
        except CimError as error:
            where = f"{error.path}: " if error.path else ""
            sys.stderr.write(f"error: {where}{error.reason}\n")
            if error.remedy:
                sys.stderr.write(f"remedy: {error.remedy}\n")
            raise typer.Exit(2) from error
        except ValidationError as error:
            if error.title != Settings.__name__:
                raise
            for fault in error.errors():
                name = "_".join(["CIM", *map(str, fault["loc"])]).upper()
                sys.stderr.write(f"error: {name}={fault['input']}: {fault['msg']}\n")
            sys.stderr.write("remedy: docs/reference/settings.md lists the variables\n")
            raise typer.Exit(2) from error
        except KeyboardInterrupt as error:
            sys.stderr.write("stopped; the next run goes on where this one stopped\n")
            raise typer.Exit(130) from error

    return guarded


def here() -> Installation:
    """The installation that the environment names."""
    return open_installation(Settings())
