"""What every route gets handed: the installation, and a connection of its database."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated

from fastapi import Depends, Request
from sqlalchemy import Connection

from cim.installation import Installation
from cim.store.database import ready


def _installation(request: Request) -> Installation:
    found: Installation = request.app.state.installation
    return found


Here = Annotated[Installation, Depends(_installation)]


def _connection(here: Here) -> Iterator[Connection]:
    with ready(here.engine) as connection:
        yield connection


Database = Annotated[Connection, Depends(_connection)]
