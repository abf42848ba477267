"""``cim serve``: the viewer and the API."""

from __future__ import annotations

import errno
import socket
from typing import Annotated

import typer
import uvicorn

from cim.api.app import create_app
from cim.commands.ending import clear_errors, here
from cim.errors import PortError
from cim.settings import Settings


@clear_errors
def serve(
    host: Annotated[str | None, typer.Option(help="address; default CIM_HOST")] = None,
    port: Annotated[
        int | None, typer.Option(min=0, max=65535, help="port; default CIM_PORT")
    ] = None,
) -> None:
    """Serve the viewer and the API until stopped."""
    settings = Settings()
    address = (host or settings.host, settings.port if port is None else port)
    listener = _listen(address)
    here().engine.dispose()  # say what is wrong before the server starts, not in a traceback
    actual = listener.getsockname()[1]
    shown = "127.0.0.1" if address[0] in {"0.0.0.0", "::"} else address[0]  # noqa: S104
    typer.echo(f"三维城市已就绪  the city is live: http://{shown}:{actual}/")
    config = uvicorn.Config(create_app(settings), log_level="warning", access_log=False)
    uvicorn.Server(config).run(sockets=[listener])


def _listen(address: tuple[str, int]) -> socket.socket:
    """Take the port before anything else is started.

    Raises:
        PortError: it is taken, or not ours to take.
    """
    family = socket.AF_INET6 if ":" in address[0] else socket.AF_INET
    listener = socket.socket(family, socket.SOCK_STREAM)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind(address)
        listener.listen(512)
    except socket.gaierror as error:
        listener.close()
        raise PortError(
            f"there is no address {address[0]}",
            remedy="give one of this machine's: --host 127.0.0.1, or 0.0.0.0 for all",
        ) from error
    except OSError as error:
        listener.close()
        why = "is taken" if error.errno == errno.EADDRINUSE else f"cannot be used: {error.strerror}"
        raise PortError(
            f"port {address[1]} at {address[0]} {why}",
            remedy="stop what runs there, or give another: cim serve --port N (or CIM_PORT=N)",
        ) from error
    return listener
